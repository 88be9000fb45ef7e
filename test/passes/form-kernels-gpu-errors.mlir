// RUN: headgate-opt %s --headgate-form-kernels=gpu --split-input-file --verify-diagnostics

func.func @loss(%logits: tensor<?x?x2x4xf32>) -> tensor<f32> {
  %e, %w, %p = routed.select %logits top 2 softmax_all : tensor<?x?x2x4xf32>
  // expected-error @+2 {{'routed.balance_loss' op has no kernel on a GPU: a token of its result needs other tokens}}
  // expected-note @+1 {{the loss is needed in training only: return the layer's rows alone}}
  %loss = routed.balance_loss %p, %e : tensor<?x?x2x4xf32>, tensor<?x?x2x2xi32>
  return %loss : tensor<f32>
}

// -----

func.func @dispatch(%e: tensor<?x?x1x8xi32>) -> tensor<?x?x1x8xi32> {
  // expected-error @+1 {{'routed.dispatch' op has no kernel on a GPU}}
  %rows, %offsets, %rank = routed.dispatch %e of 32 : tensor<?x?x1x8xi32>
  return %rank : tensor<?x?x1x8xi32>
}

// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// select_tokens (C1)
func.func @dynamic_experts(%l: tensor<?x?x3x?xf32>, %n: index) {
  // expected-error @below {{needs static R and M, but logits is [?, ?, 3, ?]}}
  %e, %w, %p = routed.select_tokens %l top %n sigmoid : tensor<?x?x3x?xf32>
  return
}

// -----

// select_tokens (C1)
func.func @no_experts(%l: tensor<?x?x3x0xf32>, %n: index) {
  // expected-error @below {{needs R and M of at least 1, but logits is [?, ?, 3, 0]}}
  %e, %w, %p = routed.select_tokens %l top %n sigmoid : tensor<?x?x3x0xf32>
  return
}

// -----

// select_tokens (C2)
func.func @softmax_over_nothing(%l: tensor<?x?x3x5xf32>, %n: index) {
  // expected-error @below {{cannot take a softmax_topk: a token has no chosen experts before the experts choose}}
  %e, %w, %p = routed.select_tokens %l top %n softmax_topk : tensor<?x?x3x5xf32>
  return
}

// -----

// select_tokens (C3)
func.func @valid_of_other_batch(%l: tensor<2x?x3x5xf32>, %n: index, %v: tensor<4x?xi1>) {
  // expected-error @below {{valid and logits differ in B: 4 and 2}}
  %e, %w, %p = routed.select_tokens %l top %n sigmoid valid(%v : tensor<4x?xi1>)
      : tensor<2x?x3x5xf32>
  return
}

// -----

func.func @other_rank(%l: tensor<?x3x5xf32>, %n: index) {
  // expected-error @below {{'routed.select_tokens' needs logits [B, S, R, M]}}
  %e, %w, %p = routed.select_tokens %l top %n sigmoid : tensor<?x3x5xf32>
  return
}

// -----

// A capacity is a value of the program, not an attribute.
func.func @constant_capacity(%l: tensor<?x?x3x5xf32>) {
  // expected-error @below {{expected SSA operand}}
  %e, %w, %p = routed.select_tokens %l top 4 sigmoid : tensor<?x?x3x5xf32>
  return
}

// -----

func.func @no_capacity(%l: tensor<?x?x3x5xf32>) {
  // expected-error @below {{expected 2 or more operands, but found 1}}
  %e, %w, %p = "routed.select_tokens"(%l) <{activation = #routed<activation sigmoid>}>
      : (tensor<?x?x3x5xf32>) -> (tensor<?x?x3x5xi32>, tensor<?x?x3x5xf32>, tensor<?x?x3x5xf32>)
  return
}

// -----

func.func @too_many_operands(%l: tensor<?x?x3x5xf32>, %n: index, %v: tensor<?x?xi1>) {
  // expected-error @below {{operand group starting at #2 requires 0 or 1 element, but found 2}}
  %e, %w, %p = "routed.select_tokens"(%l, %n, %v, %v) <{activation = #routed<activation sigmoid>}>
      : (tensor<?x?x3x5xf32>, index, tensor<?x?xi1>, tensor<?x?xi1>)
      -> (tensor<?x?x3x5xi32>, tensor<?x?x3x5xf32>, tensor<?x?x3x5xf32>)
  return
}

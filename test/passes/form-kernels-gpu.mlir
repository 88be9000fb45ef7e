// RUN: headgate-opt %s --headgate-form-kernels=gpu --split-input-file | FileCheck %s
// RUN: headgate-opt %s --headgate-form-kernels=gpu --split-input-file --remarks-filter='form-kernels' -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The gather that only the rope reads is in its kernel; the choice, whose results
// two kernels read, and the mean are kernels of their own.
// CHECK-LABEL: func @layer(
//       CHECK:   %[[E:.+]] = memref.alloc({{.+}}) : memref<?x?x2x2xi32>
//       CHECK:   call @layer_rows_0({{.+}}, %[[E]],
//       CHECK:   call @layer_rows_1({{.*}}%[[E]]
//       CHECK:   call @layer_rows_2(
//       CHECK:   call @layer_rows_3(
//   CHECK-NOT:   call
// CHECK-LABEL: func private @layer_rows_0(
//       CHECK:   routed.select
//   CHECK-NOT:   routed
// CHECK-LABEL: func private @layer_rows_1(
//       CHECK:   routed.gather
//       CHECK:   routed.rope
//   CHECK-NOT:   routed
// CHECK-LABEL: func private @layer_rows_2(
//       CHECK:   routed.mean_heads
//   CHECK-NOT:   routed
// CHECK-LABEL: func private @layer_rows_3(
//       CHECK:   routed.combine
// REMARK: 'routed.combine' is in a kernel of its own: 'routed.select' is computed once, not for each reader
func.func @layer(%logits: tensor<?x?x2x4xf32> {routed.name = "logits", routed.dims = ["B", "S"]},
                 %q: tensor<?x?x2x4x8xf32> {routed.name = "q", routed.dims = ["B", "S"]},
                 %k: tensor<?x?x2x8xf32> {routed.name = "k", routed.dims = ["B", "S"]},
                 %o: tensor<?x?x2x2x8xf32> {routed.name = "o", routed.dims = ["B", "S"]},
                 %cos: tensor<?x4xf32>, %sin: tensor<?x4xf32>)
    -> (tensor<?x?x2x2x8xf32>, tensor<?x?x1x8xf32>, tensor<?x?x8xf32>) {
  %e, %w, %p = routed.select %logits top 2 softmax_all : tensor<?x?x2x4xf32>
  %g = routed.gather %q[%e] : tensor<?x?x2x4x8xf32>, tensor<?x?x2x2xi32>
  %r = routed.rope %g, %cos, %sin : tensor<?x?x2x2x8xf32>, tensor<?x4xf32>
  %m = routed.mean_heads %k : tensor<?x?x2x8xf32>
  %y = routed.combine sum %o weights(%w : tensor<?x?x2x2xf32>) : tensor<?x?x2x2x8xf32>
  return %r, %m, %y : tensor<?x?x2x2x8xf32>, tensor<?x?x1x8xf32>, tensor<?x?x8xf32>
}

// -----

// Elementwise ops join what reads them; a rope that is returned, and one with two
// readers, do not.
// CHECK-LABEL: func private @readers_rows_0(
//       CHECK:   arith.addf
//       CHECK:   routed.rope
//   CHECK-NOT:   routed
// CHECK-LABEL: func private @readers_rows_1(
//       CHECK:   routed.mean_heads
// CHECK-LABEL: func private @readers_rows_2(
//       CHECK:   arith.mulf
// REMARK: 'routed.mean_heads' is in a kernel of its own: 'routed.rope' has several readers
func.func @readers(%k: tensor<?x?x2x8xf32>, %cos: tensor<?x4xf32>, %sin: tensor<?x4xf32>)
    -> (tensor<?x?x1x8xf32>, tensor<?x?x2x8xf32>) {
  %a = arith.addf %k, %k : tensor<?x?x2x8xf32>
  %r = routed.rope %a, %cos, %sin : tensor<?x?x2x8xf32>, tensor<?x4xf32>
  %m = routed.mean_heads %r : tensor<?x?x2x8xf32>
  %y = arith.mulf %r, %r : tensor<?x?x2x8xf32>
  return %m, %y : tensor<?x?x1x8xf32>, tensor<?x?x2x8xf32>
}

// -----

// Without a host there is no kernel of one block: a vector is rows, too.
// CHECK-LABEL: func private @lengths_rows_0(
//  CHECK-SAME:   headgate.kernel = "rows"
func.func @lengths(%past: tensor<?xi32>) -> tensor<?xi32> {
  %y = arith.addi %past, %past : tensor<?xi32>
  return %y : tensor<?xi32>
}

// -----

// A loss that nobody reads is no loss.
// CHECK-LABEL: func @unread_loss(
//       CHECK:   call @unread_loss_rows_0(
//   CHECK-NOT:   call
func.func @unread_loss(%logits: tensor<?x?x2x4xf32>) -> tensor<?x?x2x2xi32> {
  %e, %w, %p = routed.select %logits top 2 softmax_all : tensor<?x?x2x4xf32>
  %loss = routed.balance_loss %p, %e : tensor<?x?x2x4xf32>, tensor<?x?x2x2xi32>
  return %e : tensor<?x?x2x2xi32>
}

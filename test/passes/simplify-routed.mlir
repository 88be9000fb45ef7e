// RUN: headgate-opt %s --headgate-simplify-routed --split-input-file | FileCheck %s --check-prefixes=CHECK,EXACT
// RUN: headgate-opt %s --headgate-simplify-routed=allow-reassociation --split-input-file | FileCheck %s --check-prefixes=CHECK,FREE
// RUN: headgate-opt %s --headgate-simplify-routed --canonicalize --split-input-file | FileCheck %s --check-prefix=DENSE
// RUN: not headgate-opt %s --headgate-simplify-routed=target=host:vax --split-input-file 2>&1 | FileCheck %s --check-prefix=TARGET

// TARGET: error: no target 'host:vax'; schedules know host:x86-64-v2,

// Two of five experts' rows turn.
// CHECK-LABEL: func @rope_of_chosen(
//  CHECK-SAME:   %[[Q:.+]]: tensor<?x?x3x5x8xf32>
//       CHECK:   %[[G:.+]] = routed.gather %[[Q]]
//       CHECK:   %[[R:.+]] = routed.rope %[[G]], %{{.+}}, %{{.+}} positions
//       CHECK:   return %[[R]]
func.func @rope_of_chosen(%q: tensor<?x?x3x5x8xf32>, %l: tensor<?x?x3x5xf32>, %p: tensor<?x?x3xi32>,
                          %cos: tensor<?x2xf32>, %sin: tensor<?x2xf32>) -> tensor<?x?x3x2x8xf32> {
  %e, %w, %probs = routed.select %l top 2 softmax_all : tensor<?x?x3x5xf32>
  %r = routed.rope %q, %cos, %sin positions(%p : tensor<?x?x3xi32>) : tensor<?x?x3x5x8xf32>, tensor<?x2xf32>
  %g = routed.gather %r[%e] : tensor<?x?x3x5x8xf32>, tensor<?x?x3x2xi32>
  return %g : tensor<?x?x3x2x8xf32>
}

// An attention that knows the holes sees no rows of theirs.
// CHECK-LABEL: func @rope_of_masked_holes(
//       CHECK:   %[[G:.+]] = routed.gather %{{.+}}
//       CHECK:   %[[R:.+]] = routed.rope %[[G]]
//       CHECK:   routed.attend %[[R]]
func.func @rope_of_masked_holes(%q: tensor<?x?x3x5x8xf32>, %e: tensor<?x?x3x2xi32>, %k: tensor<?x?x3x8xf32>,
                                %cos: tensor<?x2xf32>, %sin: tensor<?x2xf32>) -> tensor<?x?x3x2x8xf32> {
  %r = routed.rope %q, %cos, %sin : tensor<?x?x3x5x8xf32>, tensor<?x2xf32>
  %g = routed.gather %r[%e] : tensor<?x?x3x5x8xf32>, tensor<?x?x3x2xi32>
  %o, %lse = routed.attend %g, %k, %k experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x8xf32>, tensor<?x?x3x8xf32>, tensor<?x?x3x8xf32>
  return %o : tensor<?x?x3x2x8xf32>
}

// -----

// CHECK-DAG: #[[$FROM:.+]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d3, d5, d2, d4)>
// CHECK-DAG: #[[$TO:.+]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d4, d3, d5)>

// A dense product of 5 matrices is faster than 2 a row at a time. Matrices
// [out, in] are what projections have.
// CHECK-LABEL: func @linear_to_projection(
//  CHECK-SAME:   %[[X:.+]]: tensor<?x?x7xf32>, %[[W:.+]]: tensor<3x5x6x7xf32>, %[[B:.+]]: tensor<3x5x6xf32>, %[[E:.+]]: tensor<?x?x3x2xi32>
//       CHECK:   %[[INIT:.+]] = linalg.broadcast ins(%[[B]]
//       CHECK:   %[[P:.+]] = linalg.contract {{.+}} ins(%[[X]], %[[W]] : {{.+}}) outs(%[[INIT]]
//       CHECK:   routed.gather %[[P]][%[[E]]] : tensor<?x?x3x5x6xf32>
func.func @linear_to_projection(%x: tensor<?x?x7xf32>, %w: tensor<3x5x6x7xf32>, %b: tensor<3x5x6xf32>,
                                %e: tensor<?x?x3x2xi32>) -> tensor<?x?x3x2x6xf32> {
  %y = routed.linear %x, %w[%e] transposed bias(%b : tensor<3x5x6xf32>)
      : tensor<?x?x7xf32>, tensor<3x5x6x7xf32>, tensor<?x?x3x2xi32>
  return %y : tensor<?x?x3x2x6xf32>
}

// 16-bit rows are rounded once, matrices [in, out] turned; rows of the only
// group are those of a token.
// They are turned in squares.
// CHECK-LABEL: func @linear_of_bf16(
//       CHECK:   tensor.collapse_shape %{{.+}} {{\[\[}}0], [1], [2, 3]]
//       CHECK:   %[[SQUARES:.+]] = tensor.expand_shape {{.+}} : tensor<1x5x8x6xbf16> into tensor<1x5x1x8x3x2xbf16>
//       CHECK:   %[[TURNED:.+]] = linalg.generic {indexing_maps = [#[[$FROM]], #[[$TO]]], {{.+}} ins(%[[SQUARES]] : {{.+}} outs(%{{.+}} : tensor<1x5x3x2x1x8xbf16>)
//       CHECK:   tensor.collapse_shape %[[TURNED]] {{.+}} into tensor<1x5x6x8xbf16>
//       CHECK:   %[[B:.+]] = arith.extf %{{.+}} : tensor<1x5x6xbf16>
//       CHECK:   linalg.broadcast ins(%[[B]]
//       CHECK:   linalg.contract
//       CHECK:   %[[P:.+]] = arith.truncf %{{.+}} : tensor<?x?x1x5x6xf32> to tensor<?x?x1x5x6xbf16>
//       CHECK:   routed.gather %[[P]]
func.func @linear_of_bf16(%x: tensor<?x?x1x8xbf16>, %w: tensor<1x5x8x6xbf16>, %b: tensor<1x5x6xbf16>,
                          %e: tensor<?x?x1x2xi32>) -> tensor<?x?x1x2x6xbf16> {
  %y = routed.linear %x, %w[%e] bias(%b : tensor<1x5x6xbf16>)
      : tensor<?x?x1x8xbf16>, tensor<1x5x8x6xbf16>, tensor<?x?x1x2xi32>
  return %y : tensor<?x?x1x2x6xbf16>
}

// A sum is over rows that were not rounded, its slots in order. An extent that
// weights alone know stays known.
// CHECK-LABEL: func @linear_sum(
//       CHECK:   %[[G:.+]] = routed.gather %{{.+}} : tensor<?x?x3x5x6xf32>
//       CHECK:   linalg.generic {{.+}}["parallel", "parallel", "parallel", "reduction", "parallel"]} ins(%[[G]], %{{.+}} :
//       CHECK:   arith.truncf
//       CHECK:   tensor.cast %{{.+}} : tensor<?x?x3x6xf16> to tensor<4x?x3x6xf16>
func.func @linear_sum(%x: tensor<?x?x7xf16>, %w: tensor<3x5x6x7xf16>, %l: tensor<?x?x3x5xf32>,
                      %weights: tensor<4x?x3x2xf32>) -> tensor<4x?x3x6xf16> {
  %e, %own, %p = routed.select %l top 2 softmax_all : tensor<?x?x3x5xf32>
  %y = routed.linear %x, %w[%e] transposed weights(%weights : tensor<4x?x3x2xf32>) sum slots
      : tensor<?x?x7xf16>, tensor<3x5x6x7xf16>, tensor<?x?x3x2xi32>
  return %y : tensor<4x?x3x6xf16>
}

// -----

// Of very many experts, and of few for one token, the chosen ones are fewer
// bytes and products.
// CHECK-LABEL: func @projection_to_linear(
//  CHECK-SAME:   %[[X:.+]]: tensor<1x1x128xbf16>, %[[W:.+]]: tensor<1x64x32x128xbf16>, %[[B:.+]]: tensor<1x64x32xbf16>, %[[E:.+]]: tensor<1x1x1x1xi32>
//   CHECK-NOT:   routed.gather
//       CHECK:   %[[Y:.+]] = routed.linear %[[X]], %[[W]][%[[E]]] transposed bias(%[[B]]
//       CHECK:   return %[[Y]]
#x = affine_map<(b, e, s, g, m, d) -> (b, s, d)>
#w = affine_map<(b, e, s, g, m, d) -> (g, m, e, d)>
#y = affine_map<(b, e, s, g, m, d) -> (b, s, g, m, e)>
func.func @projection_to_linear(%x: tensor<1x1x128xbf16>, %w: tensor<1x64x32x128xbf16>, %b: tensor<1x64x32xbf16>,
                                %e: tensor<1x1x1x1xi32>) -> tensor<1x1x1x1x32xbf16> {
  %wide = arith.extf %b : tensor<1x64x32xbf16> to tensor<1x64x32xf32>
  %empty = tensor.empty() : tensor<1x1x1x64x32xf32>
  %init = linalg.broadcast ins(%wide : tensor<1x64x32xf32>) outs(%empty : tensor<1x1x1x64x32xf32>) dimensions = [0, 1]
  %p = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w : tensor<1x1x128xbf16>, tensor<1x64x32x128xbf16>)
      outs(%init : tensor<1x1x1x64x32xf32>) -> tensor<1x1x1x64x32xf32>
  %rows = arith.truncf %p : tensor<1x1x1x64x32xf32> to tensor<1x1x1x64x32xbf16>
  %g = routed.gather %rows[%e] : tensor<1x1x1x64x32xbf16>, tensor<1x1x1x1xi32>
  return %g : tensor<1x1x1x1x32xbf16>
}

// -----

// The rows of slots meet all matrices, one below the other, zeros where an
// expert was not chosen.
// CHECK-LABEL: func @sum_of_slots(
//  CHECK-SAME:   %[[O:.+]]: tensor<?x?x3x2x7xf32>, %[[W:.+]]: tensor<3x5x7x6xf32>,
//       EXACT:   routed.linear
//        FREE:   %[[Z:.+]] = routed.combine scatter %[[O]] experts(%{{.+}} of 5 : {{.+}}) weights(
//        FREE:   %[[M:.+]] = tensor.collapse_shape %[[W]] {{\[\[}}0, 1, 2], [3]]
//        FREE:   linalg.contract {{.+}} ins(%[[Z]], %[[M]]
func.func @sum_of_slots(%o: tensor<?x?x3x2x7xf32>, %w: tensor<3x5x7x6xf32>, %e: tensor<?x?x3x2xi32>,
                        %weights: tensor<?x?x3x2xf32>) -> tensor<?x?x6xf32> {
  %y = routed.linear %o, %w[%e] weights(%weights : tensor<?x?x3x2xf32>) sum all
      : tensor<?x?x3x2x7xf32>, tensor<3x5x7x6xf32>, tensor<?x?x3x2xi32>
  return %y : tensor<?x?x6xf32>
}

// -----

// Rows that are no wider than there are heads are cheap to project once more.
// CHECK-LABEL: func @mean_of_projection(
//  CHECK-SAME:   %[[X:.+]]: tensor<?x?x3xf32>, %[[W:.+]]: tensor<8x4x3xf32>, %[[B:.+]]: tensor<8x4xf32>,
//       CHECK:   linalg.contract
//       EXACT:   %[[R:.+]] = routed.rope
//       EXACT:   routed.mean_heads %[[R]]
//        FREE:   routed.rope
//        FREE:   %[[MB:.+]] = routed.mean_heads %{{.+}} : tensor<1x1x8x4xf32>
//        FREE:   %[[MB1:.+]] = tensor.collapse_shape %[[MB]] {{.+}} into tensor<1x4xf32>
//        FREE:   %[[MW:.+]] = routed.mean_heads %{{.+}} : tensor<1x1x8x12xf32>
//        FREE:   %[[ROW:.+]] = tensor.collapse_shape %[[MW]] {{.+}} into tensor<1x12xf32>
//        FREE:   %[[MW1:.+]] = tensor.expand_shape %[[ROW]] {{.+}} into tensor<1x4x3xf32>
//        FREE:   %[[INIT:.+]] = linalg.broadcast ins(%[[MB1]]
//        FREE:   %[[ONE:.+]] = linalg.contract {{.+}} ins(%[[X]], %[[MW1]] : {{.+}}) outs(%[[INIT]]
//        FREE:   routed.rope %[[ONE]]
#x = affine_map<(b, s, h, e, d) -> (b, s, d)>
#w = affine_map<(b, s, h, e, d) -> (h, e, d)>
#y = affine_map<(b, s, h, e, d) -> (b, s, h, e)>
func.func @mean_of_projection(%x: tensor<?x?x3xf32>, %w: tensor<8x4x3xf32>, %b: tensor<8x4xf32>,
                              %cos: tensor<?x2xf32>, %sin: tensor<?x2xf32>)
    -> (tensor<?x?x8x4xf32>, tensor<?x?x1x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = tensor.dim %x, %c0 : tensor<?x?x3xf32>
  %S = tensor.dim %x, %c1 : tensor<?x?x3xf32>
  %empty = tensor.empty(%B, %S) : tensor<?x?x8x4xf32>
  %init = linalg.broadcast ins(%b : tensor<8x4xf32>) outs(%empty : tensor<?x?x8x4xf32>) dimensions = [0, 1]
  %k = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w : tensor<?x?x3xf32>, tensor<8x4x3xf32>) outs(%init : tensor<?x?x8x4xf32>) -> tensor<?x?x8x4xf32>
  %kr = routed.rope %k, %cos, %sin : tensor<?x?x8x4xf32>, tensor<?x2xf32>
  %m = routed.mean_heads %kr : tensor<?x?x8x4xf32>
  return %kr, %m : tensor<?x?x8x4xf32>, tensor<?x?x1x4xf32>
}

// -----

// All experts, scattered to their places: dense attention, whatever the order.
// DENSE-LABEL: func @all_scattered(
//  DENSE-SAME:   %[[Q:.+]]: tensor<?x?x2x3x8xf32>
//   DENSE-NOT:   routed.gather
//       DENSE:   routed.attend %[[Q]]
//   DENSE-NOT:   scatter
//       DENSE:   return
// CHECK-LABEL: func @all_scattered(
//       CHECK:   routed.select {{.+}} order index
func.func @all_scattered(%q: tensor<?x?x2x3x8xf32>, %k: tensor<?x?x2x8xf32>, %l: tensor<?x?x2x3xf32>)
    -> (tensor<?x?x48xf32>, tensor<f32>) {
  %e, %w, %p = routed.select %l top 3 softmax_all : tensor<?x?x2x3xf32>
  %g = routed.gather %q[%e] : tensor<?x?x2x3x8xf32>, tensor<?x?x2x3xi32>
  %o, %lse = routed.attend %g, %k, %k causal
      : tensor<?x?x2x3x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  %twice = arith.addf %w, %w : tensor<?x?x2x3xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = tensor.dim %o, %c0 : tensor<?x?x2x3x8xf32>
  %S = tensor.dim %o, %c1 : tensor<?x?x2x3x8xf32>
  %flat = tensor.expand_shape %o [[0], [1], [2], [3], [4, 5]] output_shape [%B, %S, 2, 3, 4, 2]
      : tensor<?x?x2x3x8xf32> into tensor<?x?x2x3x4x2xf32>
  %y = routed.combine scatter %flat experts(%e of 3 : tensor<?x?x2x3xi32>) weights(%twice : tensor<?x?x2x3xf32>)
      : tensor<?x?x2x3x4x2xf32>
  %aux = routed.balance_loss %p, %e : tensor<?x?x2x3xf32>, tensor<?x?x2x3xi32>
  return %y, %aux : tensor<?x?x48xf32>, tensor<f32>
}

// -----

// Sums over slots run in another order then, and so do norms of weights.
// CHECK-LABEL: func @all_summed(
//       EXACT:   routed.select {{.+}} softmax_all : tensor
//       EXACT:   routed.select {{.+}} norm token : tensor
//        FREE:   routed.select {{.+}} softmax_all order index : tensor
//        FREE:   routed.select {{.+}} norm token order index : tensor
#all = affine_map<(b, s, r, j) -> (b, s, r, j)>
#group = affine_map<(b, s, r, j) -> (b, s, r)>
func.func @all_summed(%o: tensor<?x?x2x3x8xf32>, %l: tensor<?x?x2x3xf32>, %scale: tensor<?x?x2xf32>)
    -> (tensor<?x?x8xf32>, tensor<?x?x48xf32>) {
  %e, %w, %p = routed.select %l top 3 softmax_all : tensor<?x?x2x3xf32>
  %g = routed.gather %o[%e] : tensor<?x?x2x3x8xf32>, tensor<?x?x2x3xi32>
  %ws = linalg.generic {indexing_maps = [#all, #group, #all], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%w, %scale : tensor<?x?x2x3xf32>, tensor<?x?x2xf32>) outs(%w : tensor<?x?x2x3xf32>) {
  ^bb0(%a: f32, %b: f32, %unused: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<?x?x2x3xf32>
  %y = routed.combine sum %g weights(%ws : tensor<?x?x2x3xf32>) : tensor<?x?x2x3x8xf32>
  %e2, %w2, %p2 = routed.select %l top 3 softmax_all norm token : tensor<?x?x2x3xf32>
  %g2 = routed.gather %o[%e2] : tensor<?x?x2x3x8xf32>, tensor<?x?x2x3xi32>
  %z = routed.combine scatter %g2 experts(%e2 of 3 : tensor<?x?x2x3xi32>) weights(%w2 : tensor<?x?x2x3xf32>)
      : tensor<?x?x2x3x8xf32>
  return %y, %z : tensor<?x?x8xf32>, tensor<?x?x48xf32>
}

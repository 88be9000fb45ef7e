// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MoH-DiT: U = 5 heads that are always on and k = 3 of M = 7 more; every head has
// its own key and value; bidirectional. The gates have two stages: with
// a = 2 softmax(balance), shared head i has a_0 U softmax(shared)_i, and routed
// head m has a_1 k p_m / (sum of the chosen p). D = 18 as in
// test/goldens/18_moh_dit_two_stage. Lowering class B: expert e reads the
// key-value head U + e.

#x = affine_map<(b, s, e, d) -> (b, s, d)>
#w = affine_map<(b, s, e, d) -> (e, d)>
#y = affine_map<(b, s, e, d) -> (b, s, e)>
#a0 = affine_map<(b, s, i) -> (b, s, 0)>
#gate = affine_map<(b, s, i) -> (b, s, i)>
#a1 = affine_map<(b, s, r, j) -> (b, s, 1)>
#slot = affine_map<(b, s, r, j) -> (b, s, r, j)>

func.func @moh_dit(
    %q: tensor<?x?x12x18xf32> {routed.name = "q", routed.dims = ["B", "S"]},
    %k: tensor<?x?x12x18xf32> {routed.name = "k", routed.dims = ["B", "T"]},
    %v: tensor<?x?x12x18xf32> {routed.name = "v", routed.dims = ["B", "T"]},
    %router_logits: tensor<?x?x1x7xf32> {routed.name = "router_logits", routed.dims = ["B", "S"]},
    %shared_logits: tensor<?x?x5xf32> {routed.name = "shared_logits", routed.dims = ["B", "S"]},
    %balance_logits: tensor<?x?x2xf32> {routed.name = "balance_logits", routed.dims = ["B", "S"]},
    %w_o: tensor<216x216xf32> {routed.name = "w_o"},
    %b_o: tensor<216xf32> {routed.name = "b_o"})
    -> (tensor<?x?x216xf32> {routed.name = "y", routed.dims = ["B", "S"]},
        tensor<f32> {routed.name = "aux"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %five = arith.constant 5.0 : f32
  %two = arith.constant 2.0 : f32
  %B = tensor.dim %q, %c0 : tensor<?x?x12x18xf32>
  %S = tensor.dim %q, %c1 : tensor<?x?x12x18xf32>

  // both softmaxes over all members; no selection takes place, so they are upstream ops
  %ae = tensor.empty(%B, %S) : tensor<?x?x2xf32>
  %a = linalg.softmax dimension(2) ins(%balance_logits : tensor<?x?x2xf32>)
      outs(%ae : tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %ge = tensor.empty(%B, %S) : tensor<?x?x5xf32>
  %g = linalg.softmax dimension(2) ins(%shared_logits : tensor<?x?x5xf32>)
      outs(%ge : tensor<?x?x5xf32>) -> tensor<?x?x5xf32>
  %gs = linalg.generic {indexing_maps = [#a0, #gate, #gate],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a, %g : tensor<?x?x2xf32>, tensor<?x?x5xf32>) outs(%ge : tensor<?x?x5xf32>) {
  ^bb0(%ai: f32, %gi: f32, %unused: f32):
    %a2 = arith.mulf %ai, %two : f32
    %g5 = arith.mulf %gi, %five : f32
    %m = arith.mulf %a2, %g5 : f32
    linalg.yield %m : f32
  } -> tensor<?x?x5xf32>

  %experts, %weights, %probs = routed.select %router_logits top 3 softmax_all norm group scale 3.0
      eps 1.1920929e-7 order index : tensor<?x?x1x7xf32>
  %we = tensor.empty(%B, %S) : tensor<?x?x1x3xf32>
  %ws = linalg.generic {indexing_maps = [#a1, #slot, #slot],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%a, %weights : tensor<?x?x2xf32>, tensor<?x?x1x3xf32>) outs(%we : tensor<?x?x1x3xf32>) {
  ^bb0(%ai: f32, %wi: f32, %unused: f32):
    %a2 = arith.mulf %ai, %two : f32
    %m = arith.mulf %a2, %wi : f32
    linalg.yield %m : f32
  } -> tensor<?x?x1x3xf32>

  // heads 0..4 always, heads 5..11 by choice
  %qs = tensor.extract_slice %q[0, 0, 0, 0] [%B, %S, 5, 18] [1, 1, 1, 1]
      : tensor<?x?x12x18xf32> to tensor<?x?x5x18xf32>
  %os, %lses = routed.attend %qs, %k, %v kv_head affine_map<(h) -> (h)>
      : tensor<?x?x5x18xf32>, tensor<?x?x12x18xf32>, tensor<?x?x12x18xf32>
  %qp = tensor.extract_slice %q[0, 0, 5, 0] [%B, %S, 7, 18] [1, 1, 1, 1]
      : tensor<?x?x12x18xf32> to tensor<?x?x7x18xf32>
  %qm = tensor.expand_shape %qp [[0], [1], [2, 3], [4]] output_shape [%B, %S, 1, 7, 18]
      : tensor<?x?x7x18xf32> into tensor<?x?x1x7x18xf32>
  %qc = routed.gather %qm[%experts] : tensor<?x?x1x7x18xf32>, tensor<?x?x1x3xi32>
  %o, %lse = routed.attend %qc, %k, %v kv_head affine_map<(r, j)[e] -> (e + 5)>
      experts(%experts of 7 : tensor<?x?x1x3xi32>)
      : tensor<?x?x1x3x18xf32>, tensor<?x?x12x18xf32>, tensor<?x?x12x18xf32>

  %zs = routed.combine concat %os weights(%gs : tensor<?x?x5xf32>) : tensor<?x?x5x18xf32>
  %zr = routed.combine scatter %o experts(%experts of 7 : tensor<?x?x1x3xi32>)
      weights(%ws : tensor<?x?x1x3xf32>) : tensor<?x?x1x3x18xf32>
  %z = tensor.concat dim(2) %zs, %zr
      : (tensor<?x?x90xf32>, tensor<?x?x126xf32>) -> tensor<?x?x216xf32>
  %ye = tensor.empty(%B, %S) : tensor<?x?x216xf32>
  %y0 = linalg.broadcast ins(%b_o : tensor<216xf32>)
      outs(%ye : tensor<?x?x216xf32>) dimensions = [0, 1]
  %y = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%z, %w_o : tensor<?x?x216xf32>, tensor<216x216xf32>)
      outs(%y0 : tensor<?x?x216xf32>) -> tensor<?x?x216xf32>
  %aux = routed.balance_loss %probs, %experts : tensor<?x?x1x7xf32>, tensor<?x?x1x3xi32>
  return %y, %aux : tensor<?x?x216xf32>, tensor<f32>
}

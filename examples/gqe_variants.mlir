// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two other published forms of Grouped Query Experts, from projected rows
// on. Lowering class A.
//
//   @hard_concat      the chosen heads side by side: test/goldens/02_hard_concat
//   @weighted_concat  each times its probability: 03_weighted_concat_m4k2

#x = affine_map<(b, s, e, d) -> (b, s, d)>
#w = affine_map<(b, s, e, d) -> (e, d)>
#y = affine_map<(b, s, e, d) -> (b, s, e)>

func.func @hard_concat(
    %q: tensor<?x?x8x2x64xf32> {routed.name = "q", routed.dims = ["B", "S"]},
    %k: tensor<?x?x8x64xf32> {routed.name = "k", routed.dims = ["B", "T"]},
    %v: tensor<?x?x8x64xf32> {routed.name = "v", routed.dims = ["B", "T"]},
    %router_logits: tensor<?x?x8x2xf32> {routed.name = "router_logits", routed.dims = ["B", "S"]},
    %w_o: tensor<64x512xf32> {routed.name = "w_o"})
    -> (tensor<?x?x64xf32> {routed.name = "y", routed.dims = ["B", "S"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %q, %c0 : tensor<?x?x8x2x64xf32>
  %S = tensor.dim %q, %c1 : tensor<?x?x8x2x64xf32>
  // weights and probs are not used: no kernel computes them
  %experts, %weights, %probs = routed.select %router_logits top 1 softmax_all : tensor<?x?x8x2xf32>
  %qc = routed.gather %q[%experts] : tensor<?x?x8x2x64xf32>, tensor<?x?x8x1xi32>
  %o, %lse = routed.attend %qc, %k, %v causal kv_head affine_map<(g, j) -> (g)>
      : tensor<?x?x8x1x64xf32>, tensor<?x?x8x64xf32>, tensor<?x?x8x64xf32>
  %cat = routed.combine concat %o : tensor<?x?x8x1x64xf32>
  %e = tensor.empty(%B, %S) : tensor<?x?x64xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %y = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%cat, %w_o : tensor<?x?x512xf32>, tensor<64x512xf32>)
      outs(%z : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  return %y : tensor<?x?x64xf32>
}

func.func @weighted_concat(
    %q: tensor<?x?x2x4x32xf32> {routed.name = "q", routed.dims = ["B", "S"]},
    %k: tensor<?x?x2x32xf32> {routed.name = "k", routed.dims = ["B", "T"]},
    %v: tensor<?x?x2x32xf32> {routed.name = "v", routed.dims = ["B", "T"]},
    %router_logits: tensor<?x?x2x4xf32> {routed.name = "router_logits", routed.dims = ["B", "S"]},
    %w_o: tensor<32x128xf32> {routed.name = "w_o"})
    -> (tensor<?x?x32xf32> {routed.name = "y", routed.dims = ["B", "S"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %q, %c0 : tensor<?x?x2x4x32xf32>
  %S = tensor.dim %q, %c1 : tensor<?x?x2x4x32xf32>
  %experts, %weights, %probs = routed.select %router_logits top 2 softmax_all : tensor<?x?x2x4xf32>
  %qc = routed.gather %q[%experts] : tensor<?x?x2x4x32xf32>, tensor<?x?x2x2xi32>
  %o, %lse = routed.attend %qc, %k, %v causal kv_head affine_map<(g, j) -> (g)>
      : tensor<?x?x2x2x32xf32>, tensor<?x?x2x32xf32>, tensor<?x?x2x32xf32>
  %cat = routed.combine concat %o weights(%weights : tensor<?x?x2x2xf32>) : tensor<?x?x2x2x32xf32>
  %e = tensor.empty(%B, %S) : tensor<?x?x32xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %y = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%cat, %w_o : tensor<?x?x128xf32>, tensor<32x128xf32>)
      outs(%z : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  return %y : tensor<?x?x32xf32>
}

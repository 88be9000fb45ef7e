// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SwitchHead: attention is dense over H = 2 heads. Each head mixes k = 3 of E = 5
// value projections, chosen by the key token, and 3 of 5 output projections,
// chosen by the query token; sigmoid weights, not normalised. RoPE on the first
// half of D = 20, d = 36 as in test/goldens/23_switchhead. Lowering class D.

#x = affine_map<(b, s, h, e, d) -> (b, s, d)>
#w = affine_map<(b, s, h, e, d) -> (h, e, d)>
#y = affine_map<(b, s, h, e, d) -> (b, s, h, e)>

func.func @switchhead(
    %x: tensor<?x?x36xf32> {routed.name = "x", routed.dims = ["B", "S"]},
    %w_q: tensor<2x20x36xf32> {routed.name = "w_q"},
    %w_k: tensor<2x20x36xf32> {routed.name = "w_k"},
    %w_v: tensor<2x5x36x20xf32> {routed.name = "w_v"},
    %w_o: tensor<2x5x20x36xf32> {routed.name = "w_o"},
    %sel_v: tensor<2x5x36xf32> {routed.name = "sel_v"},
    %sel_o: tensor<2x5x36xf32> {routed.name = "sel_o"},
    %cos: tensor<?x5xf32> {routed.name = "cos", routed.dims = ["L"]},
    %sin: tensor<?x5xf32> {routed.name = "sin", routed.dims = ["L"]})
    -> (tensor<?x?x36xf32> {routed.name = "y", routed.dims = ["B", "S"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x?x36xf32>
  %S = tensor.dim %x, %c1 : tensor<?x?x36xf32>
  %he = tensor.empty(%B, %S) : tensor<?x?x2x20xf32>
  %h0 = linalg.fill ins(%zero : f32) outs(%he : tensor<?x?x2x20xf32>) -> tensor<?x?x2x20xf32>
  %re = tensor.empty(%B, %S) : tensor<?x?x2x5xf32>
  %r0 = linalg.fill ins(%zero : f32) outs(%re : tensor<?x?x2x5xf32>) -> tensor<?x?x2x5xf32>
  %ql = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w_q : tensor<?x?x36xf32>, tensor<2x20x36xf32>)
      outs(%h0 : tensor<?x?x2x20xf32>) -> tensor<?x?x2x20xf32>
  %kl = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w_k : tensor<?x?x36xf32>, tensor<2x20x36xf32>)
      outs(%h0 : tensor<?x?x2x20xf32>) -> tensor<?x?x2x20xf32>
  %lv = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %sel_v : tensor<?x?x36xf32>, tensor<2x5x36xf32>)
      outs(%r0 : tensor<?x?x2x5xf32>) -> tensor<?x?x2x5xf32>
  %lo = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %sel_o : tensor<?x?x36xf32>, tensor<2x5x36xf32>)
      outs(%r0 : tensor<?x?x2x5xf32>) -> tensor<?x?x2x5xf32>
  %ev, %sv, %pv = routed.select %lv top 3 sigmoid order index : tensor<?x?x2x5xf32>
  %eo, %so, %po = routed.select %lo top 3 sigmoid order index : tensor<?x?x2x5xf32>

  %q = routed.rope %ql, %cos, %sin : tensor<?x?x2x20xf32>, tensor<?x5xf32>
  %k = routed.rope %kl, %cos, %sin : tensor<?x?x2x20xf32>, tensor<?x5xf32>
  %v = routed.linear %x, %w_v[%ev] weights(%sv : tensor<?x?x2x3xf32>) sum slots
      : tensor<?x?x36xf32>, tensor<2x5x36x20xf32>, tensor<?x?x2x3xi32>
  %o, %lse = routed.attend %q, %k, %v causal
      : tensor<?x?x2x20xf32>, tensor<?x?x2x20xf32>, tensor<?x?x2x20xf32>
  %y = routed.linear %o, %w_o[%eo] weights(%so : tensor<?x?x2x3xf32>) sum all
      : tensor<?x?x2x20xf32>, tensor<2x5x20x36xf32>, tensor<?x?x2x3xi32>
  return %y : tensor<?x?x36xf32>
}

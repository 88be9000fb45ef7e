// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention experts of LLaMA-MoE-v2: an expert is one key-value head, u = 2 query
// heads and their block of the output projection. Routed history: an expert's
// keys exist only for the tokens that chose it. E = 4, k = 2, D = 16, d = 128,
// weights times 1.5 as in test/goldens/21_routed_kv_llamamoe2. Lowering class C.

#x = affine_map<(b, s, r, e, d) -> (b, s, d)>
#w = affine_map<(b, s, r, e, d) -> (r, e, d)>
#y = affine_map<(b, s, r, e, d) -> (b, s, r, e)>

func.func @llama_moe_v2(
    %x: tensor<?x?x128xf32> {routed.name = "x", routed.dims = ["B", "S"]},
    %w_r: tensor<1x4x128xf32> {routed.name = "w_r"},
    %w_q: tensor<1x4x32x128xf32> {routed.name = "w_q"},
    %w_k: tensor<1x4x16x128xf32> {routed.name = "w_k"},
    %w_v: tensor<1x4x16x128xf32> {routed.name = "w_v"},
    %w_o: tensor<1x4x128x32xf32> {routed.name = "w_o"},
    %cos: tensor<?x8xf32> {routed.name = "cos", routed.dims = ["L"]},
    %sin: tensor<?x8xf32> {routed.name = "sin", routed.dims = ["L"]})
    -> (tensor<?x?x128xf32> {routed.name = "y", routed.dims = ["B", "S"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x?x128xf32>
  %S = tensor.dim %x, %c1 : tensor<?x?x128xf32>
  %re = tensor.empty(%B, %S) : tensor<?x?x1x4xf32>
  %r0 = linalg.fill ins(%zero : f32) outs(%re : tensor<?x?x1x4xf32>) -> tensor<?x?x1x4xf32>
  %logits = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w_r : tensor<?x?x128xf32>, tensor<1x4x128xf32>)
      outs(%r0 : tensor<?x?x1x4xf32>) -> tensor<?x?x1x4xf32>
  %experts, %weights, %probs = routed.select %logits top 2 softmax_all norm group scale 1.5
      : tensor<?x?x1x4xf32>

  %ql = routed.linear %x, %w_q[%experts] transposed
      : tensor<?x?x128xf32>, tensor<1x4x32x128xf32>, tensor<?x?x1x2xi32>
  %kl = routed.linear %x, %w_k[%experts] transposed
      : tensor<?x?x128xf32>, tensor<1x4x16x128xf32>, tensor<?x?x1x2xi32>
  %v = routed.linear %x, %w_v[%experts] transposed
      : tensor<?x?x128xf32>, tensor<1x4x16x128xf32>, tensor<?x?x1x2xi32>
  %qh = tensor.expand_shape %ql [[0], [1], [2], [3], [4, 5]] output_shape [%B, %S, 1, 2, 2, 16]
      : tensor<?x?x1x2x32xf32> into tensor<?x?x1x2x2x16xf32>
  %q = routed.rope %qh, %cos, %sin : tensor<?x?x1x2x2x16xf32>, tensor<?x8xf32>
  %k = routed.rope %kl, %cos, %sin : tensor<?x?x1x2x16xf32>, tensor<?x8xf32>

  %o, %lse = routed.attend %q, %k, %v causal experts(%experts of 4 : tensor<?x?x1x2xi32>)
      history(%experts : tensor<?x?x1x2xi32>)
      : tensor<?x?x1x2x2x16xf32>, tensor<?x?x1x2x16xf32>, tensor<?x?x1x2x16xf32>

  %ol = tensor.collapse_shape %o [[0], [1], [2], [3], [4, 5]]
      : tensor<?x?x1x2x2x16xf32> into tensor<?x?x1x2x32xf32>
  %y = routed.linear %ol, %w_o[%experts] transposed weights(%weights : tensor<?x?x1x2xf32>) sum all
      : tensor<?x?x1x2x32xf32>, tensor<1x4x128x32xf32>, tensor<?x?x1x2xi32>
  return %y : tensor<?x?x128xf32>
}

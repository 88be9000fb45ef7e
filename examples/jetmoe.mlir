// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of JetMoE-8B: an expert is u = 16 query heads and their block of the
// output projection; keys and values are dense and shared by all experts, and
// sub-head c reads key-value head c. The choice is by logit, the weights are the
// softmax of the k = 2 chosen of 8. Mixture of Attention Heads is the same with
// u = 1 and one key-value head. D = 128, d = 2048, bf16. Lowering class A.

#x = affine_map<(b, s, h, e, d) -> (b, s, d)>
#w = affine_map<(b, s, h, e, d) -> (h, e, d)>
#y = affine_map<(b, s, h, e, d) -> (b, s, h, e)>

func.func @jetmoe(
    %x: tensor<?x?x2048xbf16> {routed.name = "x", routed.dims = ["B", "S"]},
    %w_r: tensor<1x8x2048xbf16> {routed.name = "w_r"},
    %w_q: tensor<1x8x2048x2048xbf16> {routed.name = "w_q"},
    %w_k: tensor<16x128x2048xbf16> {routed.name = "w_k"},
    %w_v: tensor<16x128x2048xbf16> {routed.name = "w_v"},
    %w_o: tensor<1x8x2048x2048xbf16> {routed.name = "w_o"},
    %b_o: tensor<2048xbf16> {routed.name = "b_o"},
    %cos: tensor<?x64xf32> {routed.name = "cos", routed.dims = ["L"]},
    %sin: tensor<?x64xf32> {routed.name = "sin", routed.dims = ["L"]})
    -> (tensor<?x?x2048xbf16> {routed.name = "y", routed.dims = ["B", "S"]},
        tensor<f32> {routed.name = "aux"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x?x2048xbf16>
  %S = tensor.dim %x, %c1 : tensor<?x?x2048xbf16>

  // the router stays in f32; keys and values are rounded once
  %re = tensor.empty(%B, %S) : tensor<?x?x1x8xf32>
  %r0 = linalg.fill ins(%zero : f32) outs(%re : tensor<?x?x1x8xf32>) -> tensor<?x?x1x8xf32>
  %logits = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w_r : tensor<?x?x2048xbf16>, tensor<1x8x2048xbf16>)
      outs(%r0 : tensor<?x?x1x8xf32>) -> tensor<?x?x1x8xf32>
  %he = tensor.empty(%B, %S) : tensor<?x?x16x128xf32>
  %h0 = linalg.fill ins(%zero : f32) outs(%he : tensor<?x?x16x128xf32>) -> tensor<?x?x16x128xf32>
  %kf = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w_k : tensor<?x?x2048xbf16>, tensor<16x128x2048xbf16>)
      outs(%h0 : tensor<?x?x16x128xf32>) -> tensor<?x?x16x128xf32>
  %vf = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w_v : tensor<?x?x2048xbf16>, tensor<16x128x2048xbf16>)
      outs(%h0 : tensor<?x?x16x128xf32>) -> tensor<?x?x16x128xf32>
  %kl = arith.truncf %kf : tensor<?x?x16x128xf32> to tensor<?x?x16x128xbf16>
  %v = arith.truncf %vf : tensor<?x?x16x128xf32> to tensor<?x?x16x128xbf16>

  %experts, %weights, %probs = routed.select %logits top 2 softmax_topk order index
      : tensor<?x?x1x8xf32>
  %ql = routed.linear %x, %w_q[%experts] transposed
      : tensor<?x?x2048xbf16>, tensor<1x8x2048x2048xbf16>, tensor<?x?x1x2xi32>
  %qh = tensor.expand_shape %ql [[0], [1], [2], [3], [4, 5]] output_shape [%B, %S, 1, 2, 16, 128]
      : tensor<?x?x1x2x2048xbf16> into tensor<?x?x1x2x16x128xbf16>
  %q = routed.rope %qh, %cos, %sin : tensor<?x?x1x2x16x128xbf16>, tensor<?x64xf32>
  %k = routed.rope %kl, %cos, %sin : tensor<?x?x16x128xbf16>, tensor<?x64xf32>
  %o, %lse = routed.attend %q, %k, %v causal kv_head affine_map<(r, j, c) -> (c)>
      : tensor<?x?x1x2x16x128xbf16>, tensor<?x?x16x128xbf16>, tensor<?x?x16x128xbf16>
  %ol = tensor.collapse_shape %o [[0], [1], [2], [3], [4, 5]]
      : tensor<?x?x1x2x16x128xbf16> into tensor<?x?x1x2x2048xbf16>
  %yl = routed.linear %ol, %w_o[%experts] transposed weights(%weights : tensor<?x?x1x2xf32>) sum all
      : tensor<?x?x1x2x2048xbf16>, tensor<1x8x2048x2048xbf16>, tensor<?x?x1x2xi32>

  %ye = tensor.empty(%B, %S) : tensor<?x?x2048xbf16>
  %bias = linalg.broadcast ins(%b_o : tensor<2048xbf16>)
      outs(%ye : tensor<?x?x2048xbf16>) dimensions = [0, 1]
  %y = arith.addf %yl, %bias : tensor<?x?x2048xbf16>
  %aux = routed.balance_loss %probs, %experts : tensor<?x?x1x8xf32>, tensor<?x?x1x2xi32>
  return %y, %aux : tensor<?x?x2048xbf16>, tensor<f32>
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MoSA, hybrid: 4 heads that choose their tokens (expert choice, one in 16)
// beside 3 dense heads, added up. A head's slot is -1 at the tokens that it did
// not take; everything behind the choice is the form of routed history. RoPE at
// original positions, on the first half. d = 128, D = 16, bf16. Lowering class C
// (the routed heads) and D (the dense heads).

#x = affine_map<(b, s, h, e, d) -> (b, s, d)>
#w = affine_map<(b, s, h, e, d) -> (h, e, d)>
#y = affine_map<(b, s, h, e, d) -> (b, s, h, e)>
#zx = affine_map<(b, s, e, d) -> (b, s, d)>
#zw = affine_map<(b, s, e, d) -> (e, d)>
#zy = affine_map<(b, s, e, d) -> (b, s, e)>

func.func @mosa(
    %x: tensor<?x?x128xbf16> {routed.name = "x", routed.dims = ["B", "S"]},
    %w_r: tensor<1x4x128xbf16> {routed.name = "w_r"},
    %w_q: tensor<1x4x128x16xbf16> {routed.name = "w_q"},
    %w_k: tensor<1x4x128x16xbf16> {routed.name = "w_k"},
    %w_v: tensor<1x4x128x16xbf16> {routed.name = "w_v"},
    %w_o: tensor<1x4x16x128xbf16> {routed.name = "w_o"},
    %dense_q: tensor<3x16x128xbf16> {routed.name = "dense_q"},
    %dense_k: tensor<3x16x128xbf16> {routed.name = "dense_k"},
    %dense_v: tensor<3x16x128xbf16> {routed.name = "dense_v"},
    %dense_o: tensor<128x48xbf16> {routed.name = "dense_o"},
    %cos: tensor<?x4xf32> {routed.name = "cos", routed.dims = ["L"]},
    %sin: tensor<?x4xf32> {routed.name = "sin", routed.dims = ["L"]})
    -> (tensor<?x?x128xbf16> {routed.name = "y", routed.dims = ["B", "S"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x?x128xbf16>
  %S = tensor.dim %x, %c1 : tensor<?x?x128xbf16>

  %re = tensor.empty(%B, %S) : tensor<?x?x1x4xf32>
  %r0 = linalg.fill ins(%zero : f32) outs(%re : tensor<?x?x1x4xf32>) -> tensor<?x?x1x4xf32>
  %logits = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w_r : tensor<?x?x128xbf16>, tensor<1x4x128xbf16>)
      outs(%r0 : tensor<?x?x1x4xf32>) -> tensor<?x?x1x4xf32>
  %part = arith.divui %S, %c16 : index
  %some = arith.maxui %part, %c2 : index
  %capacity = arith.minui %some, %S : index
  %experts, %weights, %probs = routed.select_tokens %logits top %capacity sigmoid
      : tensor<?x?x1x4xf32>
  %ql = routed.linear %x, %w_q[%experts]
      : tensor<?x?x128xbf16>, tensor<1x4x128x16xbf16>, tensor<?x?x1x4xi32>
  %kl = routed.linear %x, %w_k[%experts]
      : tensor<?x?x128xbf16>, tensor<1x4x128x16xbf16>, tensor<?x?x1x4xi32>
  %v = routed.linear %x, %w_v[%experts]
      : tensor<?x?x128xbf16>, tensor<1x4x128x16xbf16>, tensor<?x?x1x4xi32>
  %q = routed.rope %ql, %cos, %sin : tensor<?x?x1x4x16xbf16>, tensor<?x4xf32>
  %k = routed.rope %kl, %cos, %sin : tensor<?x?x1x4x16xbf16>, tensor<?x4xf32>
  %o, %lse = routed.attend %q, %k, %v causal experts(%experts of 4 : tensor<?x?x1x4xi32>)
      history(%experts : tensor<?x?x1x4xi32>)
      : tensor<?x?x1x4x16xbf16>, tensor<?x?x1x4x16xbf16>, tensor<?x?x1x4x16xbf16>
  %sparse = routed.linear %o, %w_o[%experts] weights(%weights : tensor<?x?x1x4xf32>) sum all
      : tensor<?x?x1x4x16xbf16>, tensor<1x4x16x128xbf16>, tensor<?x?x1x4xi32>

  %he = tensor.empty(%B, %S) : tensor<?x?x3x16xf32>
  %h0 = linalg.fill ins(%zero : f32) outs(%he : tensor<?x?x3x16xf32>) -> tensor<?x?x3x16xf32>
  %q1 = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %dense_q : tensor<?x?x128xbf16>, tensor<3x16x128xbf16>)
      outs(%h0 : tensor<?x?x3x16xf32>) -> tensor<?x?x3x16xf32>
  %k1 = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %dense_k : tensor<?x?x128xbf16>, tensor<3x16x128xbf16>)
      outs(%h0 : tensor<?x?x3x16xf32>) -> tensor<?x?x3x16xf32>
  %v1 = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %dense_v : tensor<?x?x128xbf16>, tensor<3x16x128xbf16>)
      outs(%h0 : tensor<?x?x3x16xf32>) -> tensor<?x?x3x16xf32>
  %q2 = arith.truncf %q1 : tensor<?x?x3x16xf32> to tensor<?x?x3x16xbf16>
  %k2 = arith.truncf %k1 : tensor<?x?x3x16xf32> to tensor<?x?x3x16xbf16>
  %v2 = arith.truncf %v1 : tensor<?x?x3x16xf32> to tensor<?x?x3x16xbf16>
  %q3 = routed.rope %q2, %cos, %sin : tensor<?x?x3x16xbf16>, tensor<?x4xf32>
  %k3 = routed.rope %k2, %cos, %sin : tensor<?x?x3x16xbf16>, tensor<?x4xf32>
  %od, %lsed = routed.attend %q3, %k3, %v2 causal
      : tensor<?x?x3x16xbf16>, tensor<?x?x3x16xbf16>, tensor<?x?x3x16xbf16>
  %zd = routed.combine concat %od : tensor<?x?x3x16xbf16>
  %ye = tensor.empty(%B, %S) : tensor<?x?x128xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%ye : tensor<?x?x128xf32>) -> tensor<?x?x128xf32>
  %yd = linalg.contract indexing_maps = [#zx, #zw, #zy]
      ins(%zd, %dense_o : tensor<?x?x48xbf16>, tensor<128x48xbf16>)
      outs(%y0 : tensor<?x?x128xf32>) -> tensor<?x?x128xf32>
  %dense = arith.truncf %yd : tensor<?x?x128xf32> to tensor<?x?x128xbf16>
  %out = arith.addf %sparse, %dense : tensor<?x?x128xbf16>
  return %out : tensor<?x?x128xbf16>
}

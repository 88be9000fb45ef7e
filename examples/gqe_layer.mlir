// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Grouped Query Experts, the whole layer: the chosen heads side by side, their
// weighted sum, and a shared head, through the output projection. G = 2 groups
// of M = 4 experts, k = 2, D = 16, d = 24, with biases and RoPE. The arguments
// are the tensors of test/goldens/09_b2_bias_rope_layer as they are stored:
// weights [out, in], the group outermost; RoPE tables that hold each half
// twice. Lowering class A: the key-value head does not depend on the choice.

#x5 = affine_map<(b, s, g, m, e, d) -> (b, s, d)>
#w5 = affine_map<(b, s, g, m, e, d) -> (g, m, e, d)>
#y5 = affine_map<(b, s, g, m, e, d) -> (b, s, g, m, e)>
#x4 = affine_map<(b, s, h, e, d) -> (b, s, d)>
#w4 = affine_map<(b, s, h, e, d) -> (h, e, d)>
#y4 = affine_map<(b, s, h, e, d) -> (b, s, h, e)>
#x3 = affine_map<(b, s, e, d) -> (b, s, d)>
#w3 = affine_map<(b, s, e, d) -> (e, d)>
#y3 = affine_map<(b, s, e, d) -> (b, s, e)>

func.func @gqe_layer(
    %x: tensor<?x?x24xf32> {routed.name = "x", routed.dims = ["B", "S"]},
    %w_r: tensor<8x24xf32> {routed.name = "w_r"},
    %w_q: tensor<128x24xf32> {routed.name = "w_q"},
    %b_q: tensor<128xf32> {routed.name = "b_q"},
    %w_k: tensor<32x24xf32> {routed.name = "w_k"},
    %b_k: tensor<32xf32> {routed.name = "b_k"},
    %w_v: tensor<32x24xf32> {routed.name = "w_v"},
    %b_v: tensor<32xf32> {routed.name = "b_v"},
    %w_qs: tensor<16x24xf32> {routed.name = "w_qs"},
    %b_qs: tensor<16xf32> {routed.name = "b_qs"},
    %w_o: tensor<24x96xf32> {routed.name = "w_o"},
    %b_o: tensor<24xf32> {routed.name = "b_o"},
    %rope_cos: tensor<?x16xf32> {routed.name = "rope_cos", routed.dims = ["L"]},
    %rope_sin: tensor<?x16xf32> {routed.name = "rope_sin", routed.dims = ["L"]})
    -> (tensor<?x?x24xf32> {routed.name = "y", routed.dims = ["B", "S"]},
        tensor<f32> {routed.name = "aux"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x?x24xf32>
  %S = tensor.dim %x, %c1 : tensor<?x?x24xf32>
  %L = tensor.dim %rope_cos, %c0 : tensor<?x16xf32>

  // weights and biases by group, expert and component; half of the RoPE tables
  %wr = tensor.expand_shape %w_r [[0, 1], [2]] output_shape [2, 4, 24]
      : tensor<8x24xf32> into tensor<2x4x24xf32>
  %wq = tensor.expand_shape %w_q [[0, 1, 2], [3]] output_shape [2, 4, 16, 24]
      : tensor<128x24xf32> into tensor<2x4x16x24xf32>
  %bq = tensor.expand_shape %b_q [[0, 1, 2]] output_shape [2, 4, 16]
      : tensor<128xf32> into tensor<2x4x16xf32>
  %wk = tensor.expand_shape %w_k [[0, 1], [2]] output_shape [2, 16, 24]
      : tensor<32x24xf32> into tensor<2x16x24xf32>
  %bk = tensor.expand_shape %b_k [[0, 1]] output_shape [2, 16]
      : tensor<32xf32> into tensor<2x16xf32>
  %wv = tensor.expand_shape %w_v [[0, 1], [2]] output_shape [2, 16, 24]
      : tensor<32x24xf32> into tensor<2x16x24xf32>
  %bv = tensor.expand_shape %b_v [[0, 1]] output_shape [2, 16]
      : tensor<32xf32> into tensor<2x16xf32>
  %wqs = tensor.expand_shape %w_qs [[0, 1], [2]] output_shape [1, 16, 24]
      : tensor<16x24xf32> into tensor<1x16x24xf32>
  %bqs = tensor.expand_shape %b_qs [[0, 1]] output_shape [1, 16]
      : tensor<16xf32> into tensor<1x16xf32>
  %cos = tensor.extract_slice %rope_cos[0, 0] [%L, 8] [1, 1] : tensor<?x16xf32> to tensor<?x8xf32>
  %sin = tensor.extract_slice %rope_sin[0, 0] [%L, 8] [1, 1] : tensor<?x16xf32> to tensor<?x8xf32>

  // router, then queries of all experts, keys, values, and the query of the shared head
  %re = tensor.empty(%B, %S) : tensor<?x?x2x4xf32>
  %r0 = linalg.fill ins(%zero : f32) outs(%re : tensor<?x?x2x4xf32>) -> tensor<?x?x2x4xf32>
  %logits = linalg.contract indexing_maps = [#x4, #w4, #y4]
      ins(%x, %wr : tensor<?x?x24xf32>, tensor<2x4x24xf32>)
      outs(%r0 : tensor<?x?x2x4xf32>) -> tensor<?x?x2x4xf32>
  %qe = tensor.empty(%B, %S) : tensor<?x?x2x4x16xf32>
  %q0 = linalg.broadcast ins(%bq : tensor<2x4x16xf32>)
      outs(%qe : tensor<?x?x2x4x16xf32>) dimensions = [0, 1]
  %q = linalg.contract indexing_maps = [#x5, #w5, #y5]
      ins(%x, %wq : tensor<?x?x24xf32>, tensor<2x4x16x24xf32>)
      outs(%q0 : tensor<?x?x2x4x16xf32>) -> tensor<?x?x2x4x16xf32>
  %ke = tensor.empty(%B, %S) : tensor<?x?x2x16xf32>
  %k0 = linalg.broadcast ins(%bk : tensor<2x16xf32>)
      outs(%ke : tensor<?x?x2x16xf32>) dimensions = [0, 1]
  %k = linalg.contract indexing_maps = [#x4, #w4, #y4]
      ins(%x, %wk : tensor<?x?x24xf32>, tensor<2x16x24xf32>)
      outs(%k0 : tensor<?x?x2x16xf32>) -> tensor<?x?x2x16xf32>
  %v0 = linalg.broadcast ins(%bv : tensor<2x16xf32>)
      outs(%ke : tensor<?x?x2x16xf32>) dimensions = [0, 1]
  %v = linalg.contract indexing_maps = [#x4, #w4, #y4]
      ins(%x, %wv : tensor<?x?x24xf32>, tensor<2x16x24xf32>)
      outs(%v0 : tensor<?x?x2x16xf32>) -> tensor<?x?x2x16xf32>
  %se = tensor.empty(%B, %S) : tensor<?x?x1x16xf32>
  %s0 = linalg.broadcast ins(%bqs : tensor<1x16xf32>)
      outs(%se : tensor<?x?x1x16xf32>) dimensions = [0, 1]
  %qs = linalg.contract indexing_maps = [#x4, #w4, #y4]
      ins(%x, %wqs : tensor<?x?x24xf32>, tensor<1x16x24xf32>)
      outs(%s0 : tensor<?x?x1x16xf32>) -> tensor<?x?x1x16xf32>

  // the routed part
  %experts, %weights, %probs = routed.select %logits top 2 softmax_all norm token : tensor<?x?x2x4xf32>
  %qr = routed.rope %q, %cos, %sin : tensor<?x?x2x4x16xf32>, tensor<?x8xf32>
  %kr = routed.rope %k, %cos, %sin : tensor<?x?x2x16xf32>, tensor<?x8xf32>
  %qc = routed.gather %qr[%experts] : tensor<?x?x2x4x16xf32>, tensor<?x?x2x2xi32>
  %o, %lse = routed.attend %qc, %kr, %v causal kv_head affine_map<(g, j) -> (g)>
      : tensor<?x?x2x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>

  // the shared head attends to the mean of all key-value heads
  %qsr = routed.rope %qs, %cos, %sin : tensor<?x?x1x16xf32>, tensor<?x8xf32>
  %km = routed.mean_heads %kr : tensor<?x?x2x16xf32>
  %vm = routed.mean_heads %v : tensor<?x?x2x16xf32>
  %os, %lses = routed.attend %qsr, %km, %vm causal
      : tensor<?x?x1x16xf32>, tensor<?x?x1x16xf32>, tensor<?x?x1x16xf32>

  // slots ++ sum ++ shared, then the output projection
  %slots = routed.combine concat %o : tensor<?x?x2x2x16xf32>
  %renorm = routed.combine sum %o weights(%weights : tensor<?x?x2x2xf32>) : tensor<?x?x2x2x16xf32>
  %shared = routed.combine concat %os : tensor<?x?x1x16xf32>
  %cat = tensor.concat dim(2) %slots, %renorm, %shared
      : (tensor<?x?x64xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>) -> tensor<?x?x96xf32>
  %ye = tensor.empty(%B, %S) : tensor<?x?x24xf32>
  %y0 = linalg.broadcast ins(%b_o : tensor<24xf32>)
      outs(%ye : tensor<?x?x24xf32>) dimensions = [0, 1]
  %y = linalg.contract indexing_maps = [#x3, #w3, #y3]
      ins(%cat, %w_o : tensor<?x?x96xf32>, tensor<24x96xf32>)
      outs(%y0 : tensor<?x?x24xf32>) -> tensor<?x?x24xf32>
  %aux = routed.balance_loss %probs, %experts : tensor<?x?x2x4xf32>, tensor<?x?x2x2xi32>
  return %y, %aux : tensor<?x?x24xf32>, tensor<f32>
}

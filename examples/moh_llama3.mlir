// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MoH-LLaMA3-8B: heads 0 to 15 are always on; of heads 16 to 31 a token takes the
// 8 whose query has the largest norm (before RoPE) over the deviation of the
// norms. The gate is 0 or 1, and the output projection is dense over all heads.
// d = 4096, D = 128, 8 key-value heads, bf16. Lowering class B: head h reads
// key-value head h / 4, which depends on the expert.

#x = affine_map<(b, s, h, e, d) -> (b, s, d)>
#w = affine_map<(b, s, h, e, d) -> (h, e, d)>
#y = affine_map<(b, s, h, e, d) -> (b, s, h, e)>
#zx = affine_map<(b, s, e, d) -> (b, s, d)>
#zw = affine_map<(b, s, e, d) -> (e, d)>
#zy = affine_map<(b, s, e, d) -> (b, s, e)>
#norm_in = affine_map<(b, s, r, m, d) -> (b, s, r, m, d)>
#norm_out = affine_map<(b, s, r, m, d) -> (b, s, r, m)>
#pool = affine_map<(b, s, r, m) -> (b, s, r, m)>
#token = affine_map<(b, s, r, m) -> (b, s)>

func.func @moh_llama3(
    %x: tensor<?x?x4096xbf16> {routed.name = "x", routed.dims = ["B", "S"]},
    %w_q: tensor<32x128x4096xbf16> {routed.name = "w_q"},
    %w_k: tensor<8x128x4096xbf16> {routed.name = "w_k"},
    %w_v: tensor<8x128x4096xbf16> {routed.name = "w_v"},
    %w_o: tensor<4096x4096xbf16> {routed.name = "w_o"},
    %cos: tensor<?x64xf32> {routed.name = "cos", routed.dims = ["L"]},
    %sin: tensor<?x64xf32> {routed.name = "sin", routed.dims = ["L"]})
    -> (tensor<?x?x4096xbf16> {routed.name = "y", routed.dims = ["B", "S"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %sixteen = arith.constant 16.0 : f32
  %fifteen = arith.constant 15.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x?x4096xbf16>
  %S = tensor.dim %x, %c1 : tensor<?x?x4096xbf16>
  %qe = tensor.empty(%B, %S) : tensor<?x?x32x128xf32>
  %q0 = linalg.fill ins(%zero : f32) outs(%qe : tensor<?x?x32x128xf32>) -> tensor<?x?x32x128xf32>
  %qf = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w_q : tensor<?x?x4096xbf16>, tensor<32x128x4096xbf16>)
      outs(%q0 : tensor<?x?x32x128xf32>) -> tensor<?x?x32x128xf32>
  %ke = tensor.empty(%B, %S) : tensor<?x?x8x128xf32>
  %k0 = linalg.fill ins(%zero : f32) outs(%ke : tensor<?x?x8x128xf32>) -> tensor<?x?x8x128xf32>
  %kf = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w_k : tensor<?x?x4096xbf16>, tensor<8x128x4096xbf16>)
      outs(%k0 : tensor<?x?x8x128xf32>) -> tensor<?x?x8x128xf32>
  %vf = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w_v : tensor<?x?x4096xbf16>, tensor<8x128x4096xbf16>)
      outs(%k0 : tensor<?x?x8x128xf32>) -> tensor<?x?x8x128xf32>
  %q = arith.truncf %qf : tensor<?x?x32x128xf32> to tensor<?x?x32x128xbf16>
  %kl = arith.truncf %kf : tensor<?x?x8x128xf32> to tensor<?x?x8x128xbf16>
  %v = arith.truncf %vf : tensor<?x?x8x128xf32> to tensor<?x?x8x128xbf16>
  %qsl = tensor.extract_slice %q[0, 0, 0, 0] [%B, %S, 16, 128] [1, 1, 1, 1]
      : tensor<?x?x32x128xbf16> to tensor<?x?x16x128xbf16>
  %qpl = tensor.extract_slice %q[0, 0, 16, 0] [%B, %S, 16, 128] [1, 1, 1, 1]
      : tensor<?x?x32x128xbf16> to tensor<?x?x16x128xbf16>
  %qp = tensor.expand_shape %qpl [[0], [1], [2, 3], [4]] output_shape [%B, %S, 1, 16, 128]
      : tensor<?x?x16x128xbf16> into tensor<?x?x1x16x128xbf16>

  // the router: norm of each query of the pool over the deviation of the norms (ddof = 1)
  %ne = tensor.empty(%B, %S) : tensor<?x?x1x16xf32>
  %n0 = linalg.fill ins(%zero : f32) outs(%ne : tensor<?x?x1x16xf32>) -> tensor<?x?x1x16xf32>
  %squares = linalg.generic {indexing_maps = [#norm_in, #norm_out],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
      ins(%qp : tensor<?x?x1x16x128xbf16>) outs(%n0 : tensor<?x?x1x16xf32>) {
  ^bb0(%qi: bf16, %acc: f32):
    %f = arith.extf %qi : bf16 to f32
    %sq = arith.mulf %f, %f : f32
    %sum = arith.addf %acc, %sq : f32
    linalg.yield %sum : f32
  } -> tensor<?x?x1x16xf32>
  %norms = math.sqrt %squares : tensor<?x?x1x16xf32>
  %te = tensor.empty(%B, %S) : tensor<?x?xf32>
  %t0 = linalg.fill ins(%zero : f32) outs(%te : tensor<?x?xf32>) -> tensor<?x?xf32>
  %totals = linalg.reduce ins(%norms : tensor<?x?x1x16xf32>)
      outs(%t0 : tensor<?x?xf32>) dimensions = [2, 3]
    (%n: f32, %acc: f32) {
      %sum = arith.addf %acc, %n : f32
      linalg.yield %sum : f32
    }
  %spread = linalg.generic {indexing_maps = [#pool, #token, #token],
      iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%norms, %totals : tensor<?x?x1x16xf32>, tensor<?x?xf32>) outs(%t0 : tensor<?x?xf32>) {
  ^bb0(%n: f32, %total: f32, %acc: f32):
    %mean = arith.divf %total, %sixteen : f32
    %d = arith.subf %n, %mean : f32
    %d2 = arith.mulf %d, %d : f32
    %sum = arith.addf %acc, %d2 : f32
    linalg.yield %sum : f32
  } -> tensor<?x?xf32>
  %logits = linalg.generic {indexing_maps = [#pool, #token, #pool],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%norms, %spread : tensor<?x?x1x16xf32>, tensor<?x?xf32>)
      outs(%ne : tensor<?x?x1x16xf32>) {
  ^bb0(%n: f32, %sp: f32, %unused: f32):
    %var = arith.divf %sp, %fifteen : f32
    %std = math.sqrt %var : f32
    %l = arith.divf %n, %std : f32
    linalg.yield %l : f32
  } -> tensor<?x?x1x16xf32>
  %experts, %weights, %probs = routed.select %logits top 8 ones order index : tensor<?x?x1x16xf32>

  %k = routed.rope %kl, %cos, %sin : tensor<?x?x8x128xbf16>, tensor<?x64xf32>
  %qs = routed.rope %qsl, %cos, %sin : tensor<?x?x16x128xbf16>, tensor<?x64xf32>
  %os, %lses = routed.attend %qs, %k, %v causal kv_head affine_map<(h) -> (h floordiv 4)>
      : tensor<?x?x16x128xbf16>, tensor<?x?x8x128xbf16>, tensor<?x?x8x128xbf16>
  %qg = routed.gather %qp[%experts] : tensor<?x?x1x16x128xbf16>, tensor<?x?x1x8xi32>
  %qc = routed.rope %qg, %cos, %sin : tensor<?x?x1x8x128xbf16>, tensor<?x64xf32>
  %o, %lse = routed.attend %qc, %k, %v causal kv_head affine_map<(r, j)[e] -> ((e + 16) floordiv 4)>
      experts(%experts of 16 : tensor<?x?x1x8xi32>)
      : tensor<?x?x1x8x128xbf16>, tensor<?x?x8x128xbf16>, tensor<?x?x8x128xbf16>

  %zs = routed.combine concat %os : tensor<?x?x16x128xbf16>
  %zr = routed.combine scatter %o experts(%experts of 16 : tensor<?x?x1x8xi32>)
      : tensor<?x?x1x8x128xbf16>
  %z = tensor.concat dim(2) %zs, %zr
      : (tensor<?x?x2048xbf16>, tensor<?x?x2048xbf16>) -> tensor<?x?x4096xbf16>
  %ye = tensor.empty(%B, %S) : tensor<?x?x4096xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%ye : tensor<?x?x4096xf32>) -> tensor<?x?x4096xf32>
  %yf = linalg.contract indexing_maps = [#zx, #zw, #zy]
      ins(%z, %w_o : tensor<?x?x4096xbf16>, tensor<4096x4096xbf16>)
      outs(%y0 : tensor<?x?x4096xf32>) -> tensor<?x?x4096xf32>
  %out = arith.truncf %yf : tensor<?x?x4096xf32> to tensor<?x?x4096xbf16>
  return %out : tensor<?x?x4096xbf16>
}

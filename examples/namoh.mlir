// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NAMOH: a token takes K = 8 of H = 32 heads. Each head has its own keys and
// values, only from tokens that chose it, and RoPE by the token's rank in the
// head's subsequence. A bias on the key of the choice balances the load without
// a loss; tokens that are not valid choose nothing. d = 2048, D = 64, bf16.
// Lowering class C.

#x = affine_map<(b, s, r, m, d) -> (b, s, d)>
#w = affine_map<(b, s, r, m, d) -> (r, m, d)>
#y = affine_map<(b, s, r, m, d) -> (b, s, r, m)>

func.func @namoh(
    %x: tensor<?x?x2048xbf16> {routed.name = "x", routed.dims = ["B", "S"]},
    %w_r: tensor<1x32x2048xbf16> {routed.name = "w_r"},
    %balance: tensor<1x32xf32> {routed.name = "balance"},
    %w_q: tensor<1x32x64x2048xbf16> {routed.name = "w_q"},
    %w_k: tensor<1x32x64x2048xbf16> {routed.name = "w_k"},
    %w_v: tensor<1x32x64x2048xbf16> {routed.name = "w_v"},
    %w_o: tensor<1x32x2048x64xbf16> {routed.name = "w_o"},
    %valid: tensor<?x?xi1> {routed.name = "valid", routed.dims = ["B", "S"]},
    %cos: tensor<?x32xf32> {routed.name = "cos", routed.dims = ["L"]},
    %sin: tensor<?x32xf32> {routed.name = "sin", routed.dims = ["L"]})
    -> (tensor<?x?x2048xbf16> {routed.name = "y", routed.dims = ["B", "S"]},
        tensor<f32> {routed.name = "aux"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x?x2048xbf16>
  %S = tensor.dim %x, %c1 : tensor<?x?x2048xbf16>
  %re = tensor.empty(%B, %S) : tensor<?x?x1x32xf32>
  %r0 = linalg.fill ins(%zero : f32) outs(%re : tensor<?x?x1x32xf32>) -> tensor<?x?x1x32xf32>
  %logits = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w_r : tensor<?x?x2048xbf16>, tensor<1x32x2048xbf16>)
      outs(%r0 : tensor<?x?x1x32xf32>) -> tensor<?x?x1x32xf32>
  %experts, %weights, %probs = routed.select %logits top 8 softmax_all order index
      bias(%balance : tensor<1x32xf32>) valid(%valid : tensor<?x?xi1>) : tensor<?x?x1x32xf32>
  %rows, %offsets, %rank = routed.dispatch %experts of 32 : tensor<?x?x1x8xi32>

  %ql = routed.linear %x, %w_q[%experts] transposed
      : tensor<?x?x2048xbf16>, tensor<1x32x64x2048xbf16>, tensor<?x?x1x8xi32>
  %kl = routed.linear %x, %w_k[%experts] transposed
      : tensor<?x?x2048xbf16>, tensor<1x32x64x2048xbf16>, tensor<?x?x1x8xi32>
  %v = routed.linear %x, %w_v[%experts] transposed
      : tensor<?x?x2048xbf16>, tensor<1x32x64x2048xbf16>, tensor<?x?x1x8xi32>
  %q = routed.rope %ql, %cos, %sin positions(%rank : tensor<?x?x1x8xi32>)
      : tensor<?x?x1x8x64xbf16>, tensor<?x32xf32>
  %k = routed.rope %kl, %cos, %sin positions(%rank : tensor<?x?x1x8xi32>)
      : tensor<?x?x1x8x64xbf16>, tensor<?x32xf32>
  %o, %lse = routed.attend %q, %k, %v causal experts(%experts of 32 : tensor<?x?x1x8xi32>)
      history(%experts : tensor<?x?x1x8xi32>)
      : tensor<?x?x1x8x64xbf16>, tensor<?x?x1x8x64xbf16>, tensor<?x?x1x8x64xbf16>
  %out = routed.linear %o, %w_o[%experts] transposed weights(%weights : tensor<?x?x1x8xf32>) sum all
      : tensor<?x?x1x8x64xbf16>, tensor<1x32x2048x64xbf16>, tensor<?x?x1x8xi32>
  %aux = routed.balance_loss %probs, %experts normalized : tensor<?x?x1x32xf32>, tensor<?x?x1x8xi32>
  return %out, %aux : tensor<?x?x2048xbf16>, tensor<f32>
}

// One decode step: the cache holds what each token's chosen heads computed, k
// rows a token, beside the experts they belong to. It grows like a dense cache;
// a head reads only the rows that carry its number. %counts[b, 0, e] = tokens
// of the sequence that chose e so far: the rank of a new one.
#one = affine_map<(b, s, r, j) -> (b, s, r, j)>
func.func @namoh_decode(
    %q: tensor<?x1x1x8x64xbf16> {routed.name = "q", routed.dims = ["B"]},
    %k: tensor<?x1x1x8x64xbf16> {routed.name = "k", routed.dims = ["B"]},
    %v: tensor<?x1x1x8x64xbf16> {routed.name = "v", routed.dims = ["B"]},
    %experts: tensor<?x1x1x8xi32> {routed.name = "experts", routed.dims = ["B"]},
    %weights: tensor<?x1x1x8xf32> {routed.name = "weights", routed.dims = ["B"]},
    %w_o: tensor<1x32x2048x64xbf16> {routed.name = "w_o"},
    %counts: tensor<?x1x32xi32> {routed.name = "counts", routed.dims = ["B"]},
    %past: tensor<?xi32> {routed.name = "past", routed.dims = ["B"]},
    %cos: tensor<?x32xf32> {routed.name = "cos", routed.dims = ["L"]},
    %sin: tensor<?x32xf32> {routed.name = "sin", routed.dims = ["L"]},
    %k_cache: tensor<?x?x1x8x64xbf16> {routed.name = "k_cache", routed.dims = ["B", "C"]},
    %v_cache: tensor<?x?x1x8x64xbf16> {routed.name = "v_cache", routed.dims = ["B", "C"]},
    %e_cache: tensor<?x?x1x8xi32> {routed.name = "e_cache", routed.dims = ["B", "C"]})
    -> (tensor<?x1x2048xbf16> {routed.name = "y", routed.dims = ["B"]},
        tensor<?x?x1x8x64xbf16> {routed.name = "new_k_cache", routed.dims = ["B", "C"]},
        tensor<?x?x1x8x64xbf16> {routed.name = "new_v_cache", routed.dims = ["B", "C"]},
        tensor<?x?x1x8xi32> {routed.name = "new_e_cache", routed.dims = ["B", "C"]}) {
  %c0 = arith.constant 0 : index
  %i1 = arith.constant 1 : i32
  %B = tensor.dim %q, %c0 : tensor<?x1x1x8x64xbf16>
  %re = tensor.empty(%B) : tensor<?x1x1x8xi32>
  %rank = linalg.generic {indexing_maps = [#one, #one],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%experts : tensor<?x1x1x8xi32>) outs(%re : tensor<?x1x1x8xi32>) {
  ^bb0(%e: i32, %unused: i32):
    %b = linalg.index 0 : index
    %ei = arith.index_cast %e : i32 to index
    %n = tensor.extract %counts[%b, %c0, %ei] : tensor<?x1x32xi32>
    linalg.yield %n : i32
  } -> tensor<?x1x1x8xi32>
  %qr = routed.rope %q, %cos, %sin positions(%rank : tensor<?x1x1x8xi32>)
      : tensor<?x1x1x8x64xbf16>, tensor<?x32xf32>
  %kr = routed.rope %k, %cos, %sin positions(%rank : tensor<?x1x1x8xi32>)
      : tensor<?x1x1x8x64xbf16>, tensor<?x32xf32>
  %K = routed.append %kr into %k_cache at %past
      : tensor<?x1x1x8x64xbf16>, tensor<?x?x1x8x64xbf16>, tensor<?xi32>
  %V = routed.append %v into %v_cache at %past
      : tensor<?x1x1x8x64xbf16>, tensor<?x?x1x8x64xbf16>, tensor<?xi32>
  %E = routed.append %experts into %e_cache at %past
      : tensor<?x1x1x8xi32>, tensor<?x?x1x8xi32>, tensor<?xi32>
  %grow = tensor.splat %i1[%B] : tensor<?xi32>
  %len = arith.addi %past, %grow : tensor<?xi32>
  %o, %lse = routed.attend %qr, %K, %V causal kv_len(%len : tensor<?xi32>)
      experts(%experts of 32 : tensor<?x1x1x8xi32>) history(%E : tensor<?x?x1x8xi32>)
      : tensor<?x1x1x8x64xbf16>, tensor<?x?x1x8x64xbf16>, tensor<?x?x1x8x64xbf16>
  %out = routed.linear %o, %w_o[%experts] transposed weights(%weights : tensor<?x1x1x8xf32>) sum all
      : tensor<?x1x1x8x64xbf16>, tensor<1x32x2048x64xbf16>, tensor<?x1x1x8xi32>
  return %out, %K, %V, %E
      : tensor<?x1x2048xbf16>, tensor<?x?x1x8x64xbf16>, tensor<?x?x1x8x64xbf16>, tensor<?x?x1x8xi32>
}

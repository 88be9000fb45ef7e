// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A decode step of Grouped Query Experts with caches of fixed capacity C, in
// which each sequence of the batch has its own length past[b]. Keys are cached
// after RoPE, and so is the mean over their heads, which the shared head reads:
// 1/G more memory, but no pass over all heads in each step. Rows of a cache
// behind the sequence may hold anything, NaN too. G = 4, M = 2, k = 1, D = 32
// as in test/goldens/13_decode_q1. Lowering class A.

#x = affine_map<(b, s, e, d) -> (b, s, d)>
#w = affine_map<(b, s, e, d) -> (e, d)>
#y = affine_map<(b, s, e, d) -> (b, s, e)>
#row = affine_map<(b, s) -> (b)>
#all = affine_map<(b, s) -> (b, s)>

func.func @gqe_decode(
    %q: tensor<?x?x4x2x32xf32> {routed.name = "q", routed.dims = ["B", "S"]},
    %k: tensor<?x?x4x32xf32> {routed.name = "k", routed.dims = ["B", "S"]},
    %v: tensor<?x?x4x32xf32> {routed.name = "v", routed.dims = ["B", "S"]},
    %q_shared: tensor<?x?x1x32xf32> {routed.name = "q_shared", routed.dims = ["B", "S"]},
    %router_logits: tensor<?x?x4x2xf32> {routed.name = "router_logits", routed.dims = ["B", "S"]},
    %w_o: tensor<32x192xf32> {routed.name = "w_o"},
    %cos: tensor<?x16xf32> {routed.name = "cos", routed.dims = ["L"]},
    %sin: tensor<?x16xf32> {routed.name = "sin", routed.dims = ["L"]},
    %past: tensor<?xi32> {routed.name = "past", routed.dims = ["B"]},
    %k_cache: tensor<?x?x4x32xf32> {routed.name = "k_cache", routed.dims = ["B", "C"]},
    %v_cache: tensor<?x?x4x32xf32> {routed.name = "v_cache", routed.dims = ["B", "C"]},
    %km_cache: tensor<?x?x1x32xf32> {routed.name = "km_cache", routed.dims = ["B", "C"]},
    %vm_cache: tensor<?x?x1x32xf32> {routed.name = "vm_cache", routed.dims = ["B", "C"]})
    -> (tensor<?x?x32xf32> {routed.name = "y", routed.dims = ["B", "S"]},
        tensor<?x?x4x32xf32> {routed.name = "new_k_cache", routed.dims = ["B", "C"]},
        tensor<?x?x4x32xf32> {routed.name = "new_v_cache", routed.dims = ["B", "C"]},
        tensor<?x?x1x32xf32> {routed.name = "new_km_cache", routed.dims = ["B", "C"]},
        tensor<?x?x1x32xf32> {routed.name = "new_vm_cache", routed.dims = ["B", "C"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %q, %c0 : tensor<?x?x4x2x32xf32>
  %S = tensor.dim %q, %c1 : tensor<?x?x4x2x32xf32>

  // position of new token s is past[b] + s; after the append the sequence holds past[b] + S keys
  %pe = tensor.empty(%B, %S) : tensor<?x?xi32>
  %positions = linalg.generic {indexing_maps = [#row, #all],
      iterator_types = ["parallel", "parallel"]}
      ins(%past : tensor<?xi32>) outs(%pe : tensor<?x?xi32>) {
  ^bb0(%p: i32, %unused: i32):
    %s = linalg.index 1 : index
    %s32 = arith.index_cast %s : index to i32
    %at = arith.addi %p, %s32 : i32
    linalg.yield %at : i32
  } -> tensor<?x?xi32>
  %S32 = arith.index_cast %S : index to i32
  %grow = tensor.splat %S32[%B] : tensor<?xi32>
  %len = arith.addi %past, %grow : tensor<?xi32>

  %qr = routed.rope %q, %cos, %sin positions(%positions : tensor<?x?xi32>)
      : tensor<?x?x4x2x32xf32>, tensor<?x16xf32>
  %kr = routed.rope %k, %cos, %sin positions(%positions : tensor<?x?xi32>)
      : tensor<?x?x4x32xf32>, tensor<?x16xf32>
  %qsr = routed.rope %q_shared, %cos, %sin positions(%positions : tensor<?x?xi32>)
      : tensor<?x?x1x32xf32>, tensor<?x16xf32>
  %km = routed.mean_heads %kr : tensor<?x?x4x32xf32>
  %vm = routed.mean_heads %v : tensor<?x?x4x32xf32>
  %K = routed.append %kr into %k_cache at %past
      : tensor<?x?x4x32xf32>, tensor<?x?x4x32xf32>, tensor<?xi32>
  %V = routed.append %v into %v_cache at %past
      : tensor<?x?x4x32xf32>, tensor<?x?x4x32xf32>, tensor<?xi32>
  %KM = routed.append %km into %km_cache at %past
      : tensor<?x?x1x32xf32>, tensor<?x?x1x32xf32>, tensor<?xi32>
  %VM = routed.append %vm into %vm_cache at %past
      : tensor<?x?x1x32xf32>, tensor<?x?x1x32xf32>, tensor<?xi32>

  %experts, %weights, %probs = routed.select %router_logits top 1 softmax_all norm token
      : tensor<?x?x4x2xf32>
  %qc = routed.gather %qr[%experts] : tensor<?x?x4x2x32xf32>, tensor<?x?x4x1xi32>
  %o, %lse = routed.attend %qc, %K, %V causal kv_head affine_map<(g, j) -> (g)>
      kv_len(%len : tensor<?xi32>)
      : tensor<?x?x4x1x32xf32>, tensor<?x?x4x32xf32>, tensor<?x?x4x32xf32>
  %os, %lses = routed.attend %qsr, %KM, %VM causal kv_len(%len : tensor<?xi32>)
      : tensor<?x?x1x32xf32>, tensor<?x?x1x32xf32>, tensor<?x?x1x32xf32>

  %slots = routed.combine concat %o : tensor<?x?x4x1x32xf32>
  %renorm = routed.combine sum %o weights(%weights : tensor<?x?x4x1xf32>) : tensor<?x?x4x1x32xf32>
  %shared = routed.combine concat %os : tensor<?x?x1x32xf32>
  %cat = tensor.concat dim(2) %slots, %renorm, %shared
      : (tensor<?x?x128xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>) -> tensor<?x?x192xf32>
  %e = tensor.empty(%B, %S) : tensor<?x?x32xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %out = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%cat, %w_o : tensor<?x?x192xf32>, tensor<32x192xf32>)
      outs(%z : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  return %out, %K, %V, %KM, %VM
      : tensor<?x?x32xf32>, tensor<?x?x4x32xf32>, tensor<?x?x4x32xf32>,
        tensor<?x?x1x32xf32>, tensor<?x?x1x32xf32>
}

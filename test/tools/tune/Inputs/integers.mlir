// Experts and lengths from outside, and documents that only a mask knows of.
func.func @step(%q: tensor<?x?x2x4x16xf32> {routed.name = "q", routed.dims = ["B", "S"]},
    %k: tensor<?x?x2x16xf32> {routed.name = "k", routed.dims = ["B", "S"]},
    %v: tensor<?x?x2x16xf32> {routed.name = "v", routed.dims = ["B", "S"]},
    %k_cache: tensor<?x?x2x16xf32> {routed.name = "k_cache", routed.dims = ["B", "C"]},
    %v_cache: tensor<?x?x2x16xf32> {routed.name = "v_cache", routed.dims = ["B", "C"]},
    %chosen: tensor<?x?x2x2xi32> {routed.name = "chosen", routed.dims = ["B", "S"]},
    %past: tensor<?xi32> {routed.name = "past", routed.dims = ["B"]})
    -> (tensor<?x?x2x2x16xf32> {routed.name = "o", routed.dims = ["B", "S"]}) {
  %c1 = arith.constant 1 : index
  %c0 = arith.constant 0 : index
  %B = tensor.dim %q, %c0 : tensor<?x?x2x4x16xf32>
  %S = tensor.dim %q, %c1 : tensor<?x?x2x4x16xf32>
  %S32 = arith.index_cast %S : index to i32
  %new = tensor.splat %S32[%B] : tensor<?xi32>
  %len = arith.addi %past, %new : tensor<?xi32>
  %K = routed.append %k into %k_cache at %past
      : tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?xi32>
  %V = routed.append %v into %v_cache at %past
      : tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?xi32>
  %qc = routed.gather %q[%chosen] : tensor<?x?x2x4x16xf32>, tensor<?x?x2x2xi32>
  %o, %lse = routed.attend %qc, %K, %V causal kv_head affine_map<(g, j) -> (g)>
      kv_len(%len : tensor<?xi32>)
      : tensor<?x?x2x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
  return %o : tensor<?x?x2x2x16xf32>
}

func.func @padded(%q: tensor<?x?x4x16xf32> {routed.name = "q", routed.dims = ["B", "S"]},
    %k: tensor<?x?x2x16xf32> {routed.name = "k", routed.dims = ["B", "T"]},
    %v: tensor<?x?x2x16xf32> {routed.name = "v", routed.dims = ["B", "T"]},
    %n: tensor<?xi32> {routed.name = "n", routed.dims = ["B"]},
    %rows: tensor<?xi32> {routed.name = "rows", routed.dims = ["B"]},
    %first: tensor<?xi32> {routed.name = "first", routed.dims = ["B"]},
    %documents: tensor<?x?xi32> {routed.name = "documents", routed.dims = ["B", "T"]})
    -> (tensor<?x?x4x16xf32> {routed.name = "o", routed.dims = ["B", "S"]}) {
  %low = arith.constant -1.0 : f32
  %o, %lse = routed.attend %q, %k, %v causal kv_start(%first : tensor<?xi32>)
      kv_len(%n : tensor<?xi32>) q_len(%rows : tensor<?xi32>)
      : tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    %document = tensor.extract %documents[%b, %t] : tensor<?x?xi32>
    %c0 = arith.constant 0 : i32
    %mine = arith.cmpi eq, %document, %c0 : i32
    %less = arith.addf %a, %low : f32
    %score = arith.select %mine, %a, %less : f32
    routed.yield %score
  }
  return %o : tensor<?x?x4x16xf32>
}

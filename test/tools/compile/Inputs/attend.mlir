// Plain attention of one kernel.
func.func @layer(%q: tensor<?x?x4x16xf32> {routed.name = "q", routed.dims = ["B", "S"]},
                 %k: tensor<?x?x2x16xf32> {routed.name = "k", routed.dims = ["B", "T"]},
                 %v: tensor<?x?x2x16xf32> {routed.name = "v", routed.dims = ["B", "T"]})
    -> (tensor<?x?x4x16xf32> {routed.name = "o", routed.dims = ["B", "S"]}) {
  %o, %lse = routed.attend %q, %k, %v causal : tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
  return %o : tensor<?x?x4x16xf32>
}

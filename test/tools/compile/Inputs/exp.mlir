func.func @exp(%x: tensor<?x4xf32> {routed.name = "x", routed.dims = ["S"]}) -> (tensor<?x4xf32> {routed.name = "y"}) {
  %y = math.exp %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

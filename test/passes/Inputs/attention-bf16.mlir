func.func private @attend(
    %q: memref<?x?x2x16xbf16> {headgate.dims = ["B", "S", 2, 16]}, %k: memref<?x?x2x16xbf16> {headgate.dims = ["B", "T", 2, 16]},
    %v: memref<?x?x2x16xbf16> {headgate.dims = ["B", "T", 2, 16]}, %o: memref<?x?x2x16xbf16> {headgate.dims = ["B", "S", 2, 16], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 3, keys = 64>} {
  %qt = bufferization.to_tensor %q restrict : memref<?x?x2x16xbf16> to tensor<?x?x2x16xbf16>
  %kt = bufferization.to_tensor %k restrict : memref<?x?x2x16xbf16> to tensor<?x?x2x16xbf16>
  %vt = bufferization.to_tensor %v restrict : memref<?x?x2x16xbf16> to tensor<?x?x2x16xbf16>
  %out, %lse = routed.attend %qt, %kt, %vt causal : tensor<?x?x2x16xbf16>, tensor<?x?x2x16xbf16>, tensor<?x?x2x16xbf16>
  bufferization.materialize_in_destination %out in restrict writable %o : (tensor<?x?x2x16xbf16>, memref<?x?x2x16xbf16>) -> ()
  return
}

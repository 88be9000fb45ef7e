// RUN: headgate-opt %s --headgate-attach-schedule=target=sm_80 --split-input-file --verify-diagnostics

// A GPU multiplies bf16 and f16.
func.func private @single(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend"} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  // expected-error @below {{'routed.attend' op has no kernel for sm_80: (G1) its rows are f32; kernels for sm_80 have rows of bf16 or f16}}
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// It copies pairs of elements.
func.func private @odd(%q: memref<?x?x2x7xbf16> {headgate.dims = ["B", "S", 2, 7]},
    %o: memref<?x?x2x7xbf16> {headgate.dims = ["B", "S", 2, 7], headgate.output})
    attributes {headgate.kernel = "attend"} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x7xbf16> to tensor<?x?x2x7xbf16>
  // expected-error @below {{'routed.attend' op has no kernel for sm_80: (G1) D = 7 is odd; a GPU copies pairs of elements}}
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x7xbf16>, tensor<?x?x2x7xbf16>, tensor<?x?x2x7xbf16>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x7xbf16>, memref<?x?x2x7xbf16>) -> ()
  return
}

// -----

// The schedule that somebody gave is checked for the GPU.
// expected-error @below {{the schedule of 'scheduled' is not legal for sm_80: (G2) rows = 12 is not 16 or 32 for each of 1 warp}}
func.func private @scheduled(%q: memref<?x?x2x8xbf16> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xbf16> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 12, keys = 32>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xbf16> to tensor<?x?x2x8xbf16>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xbf16>, tensor<?x?x2x8xbf16>, tensor<?x?x2x8xbf16>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xbf16>, memref<?x?x2x8xbf16>) -> ()
  return
}

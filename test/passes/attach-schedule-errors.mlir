// RUN: headgate-opt %s --headgate-attach-schedule=target=host:x86-64-v3 --split-input-file --verify-diagnostics

// A schedule that somebody gave is checked.
// expected-error @below {{the schedule of 'scheduled' is not legal for host:x86-64-v3: (S1) rows = 7 is not in 1..6, what a product keeps in registers}}
func.func private @scheduled(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 7, keys = 32>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// expected-error @below {{argument 0 of a kernel needs 'headgate.dims' with a name or number for each of its 4 dimensions}}
func.func private @no_name(%q: memref<?x?x2x8xf32> {headgate.dims = ["", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend"} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

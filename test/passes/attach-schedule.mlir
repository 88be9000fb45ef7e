// RUN: headgate-opt %s --headgate-attach-schedule=target=host:x86-64-v4 --split-input-file | FileCheck %s --check-prefixes=CHECK,V4
// RUN: headgate-opt %s --headgate-attach-schedule=target=host:x86-64-v3 --split-input-file | FileCheck %s --check-prefixes=CHECK,V3
// RUN: not headgate-opt %s --headgate-attach-schedule=target=host:pdp11 --split-input-file 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: error: no target 'host:pdp11'; schedules know {{.*}}host:x86-64-v4

// GQE: two experts of a group, one chosen. 64 tokens and more: packed keys; below:
// keys in place, one row for one token.
// CHECK-LABEL: func private @attend(
//  CHECK-SAME:   kernel = "attend", when = "S >= 64"}
//     V4-SAME:   tile.schedule = #tile.schedule<rows = 12, keys = 256, order = rows>
//     V3-SAME:   tile.schedule = #tile.schedule<rows = 6, keys = 256, order = rows>
// CHECK-LABEL: func private @attend_v1(
//  CHECK-SAME:   kernel = "attend", variant = 1 : i64, when = "S >= 2 && S <= 63"}
//  CHECK-SAME:   splits = {{[0-9]+}}, merge = true, stages = 0>
//       CHECK:   routed.attend
// CHECK-LABEL: func private @attend_v2(
//  CHECK-SAME:   kernel = "attend", variant = 2 : i64, when = "S <= 1"}
//  CHECK-SAME:   #tile.schedule<rows = 2, keys = 256, splits = 64, merge = true, across = true, stages = 0>
func.func private @attend(
    %q: memref<?x?x2x2x16xf32> {headgate.dims = ["B", "S", 2, 2, 16]}, %e: memref<?x?x2x1xi32> {headgate.dims = ["B", "S", 2, 1]},
    %k: memref<?x?x2x16xf32> {headgate.dims = ["B", "T", 2, 16]}, %o: memref<?x?x2x1x16xf32> {headgate.dims = ["B", "S", 2, 1, 16], headgate.output})
    attributes {headgate.kernel = "attend"} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x2x16xf32> to tensor<?x?x2x2x16xf32>
  %1 = bufferization.to_tensor %e restrict : memref<?x?x2x1xi32> to tensor<?x?x2x1xi32>
  %2 = bufferization.to_tensor %k restrict : memref<?x?x2x16xf32> to tensor<?x?x2x16xf32>
  %3 = routed.gather %0[%1] : tensor<?x?x2x2x16xf32>, tensor<?x?x2x1xi32>
  %4, %lse = routed.attend %3, %2, %2 causal : tensor<?x?x2x1x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
  bufferization.materialize_in_destination %4 in restrict writable %o : (tensor<?x?x2x1x16xf32>, memref<?x?x2x1x16xf32>) -> ()
  return
}

// -----

// One token is all there ever is: one variant, for all calls. All heads are the rows
// of a block.
// CHECK-LABEL: func private @one_token(
//  CHECK-SAME:   headgate.launch = {grid = ["1", "1", "1"], index = 0 : i64, kernel = "one_token"}
//  CHECK-SAME:   #tile.schedule<rows = 8, keys = 256, splits = 64, merge = true, across = true, stages = 0>
//   CHECK-NOT: func private @one_token_v1
func.func private @one_token(
    %q: memref<?x1x8x16xf32> {headgate.dims = ["B", 1, 8, 16]}, %k: memref<?x?x2x16xf32> {headgate.dims = ["B", "T", 2, 16]},
    %o: memref<?x1x8x16xf32> {headgate.dims = ["B", 1, 8, 16], headgate.output}) attributes {headgate.kernel = "attend"} {
  %0 = bufferization.to_tensor %q restrict : memref<?x1x8x16xf32> to tensor<?x1x8x16xf32>
  %1 = bufferization.to_tensor %k restrict : memref<?x?x2x16xf32> to tensor<?x?x2x16xf32>
  %2, %lse = routed.attend %0, %1, %1 : tensor<?x1x8x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
  bufferization.materialize_in_destination %2 in restrict writable %o : (tensor<?x1x8x16xf32>, memref<?x1x8x16xf32>) -> ()
  return
}

// -----

// A projection has as many rows as there are tokens in all batches.
// CHECK-LABEL: func private @project(
//  CHECK-SAME:   when = "B*S >= 64"}
//     V4-SAME:   #tile.schedule<rows = 12, cols = 64, depth = 96, order = rows>
// CHECK-LABEL: func private @project_v1(
//  CHECK-SAME:   when = "B*S >= 2 && B*S <= 63"}
//  CHECK-SAME:   stages = 0, order = rows>
// CHECK-LABEL: func private @project_v2(
//  CHECK-SAME:   when = "B*S <= 1"}
func.func private @project(
    %x: memref<?x?x96xf32> {headgate.dims = ["B", "S", 96]}, %w: memref<40x96xf32> {headgate.dims = [40, 96]},
    %y: memref<?x?x40xf32> {headgate.dims = ["B", "S", 40], headgate.output}) attributes {headgate.kernel = "gemm"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = memref.dim %x, %c0 : memref<?x?x96xf32>
  %S = memref.dim %x, %c1 : memref<?x?x96xf32>
  %0 = bufferization.to_tensor %x restrict : memref<?x?x96xf32> to tensor<?x?x96xf32>
  %1 = bufferization.to_tensor %w restrict : memref<40x96xf32> to tensor<40x96xf32>
  %2 = tensor.empty(%B, %S) : tensor<?x?x40xf32>
  %3 = linalg.fill ins(%zero : f32) outs(%2 : tensor<?x?x40xf32>) -> tensor<?x?x40xf32>
  %4 = linalg.contract indexing_maps = [affine_map<(b, s, o, d) -> (b, s, d)>, affine_map<(b, s, o, d) -> (o, d)>, affine_map<(b, s, o, d) -> (b, s, o)>]
      ins(%0, %1 : tensor<?x?x96xf32>, tensor<40x96xf32>) outs(%3 : tensor<?x?x40xf32>) -> tensor<?x?x40xf32>
  bufferization.materialize_in_destination %4 in restrict writable %y : (tensor<?x?x40xf32>, memref<?x?x40xf32>) -> ()
  return
}

// -----

// Left alone: a schedule that somebody gave, other kinds, what tiles cannot say.
// CHECK-LABEL: func private @scheduled(
//  CHECK-SAME:   tile.schedule = #tile.schedule<rows = 3, keys = 32>}
//   CHECK-NOT: func private @scheduled_v1
func.func private @scheduled(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 3, keys = 32>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}
// CHECK-LABEL: func private @of_rows(
//   CHECK-NOT:   tile.schedule
func.func private @of_rows(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]}) attributes {headgate.kernel = "rows"} {
  return
}
// CHECK-LABEL: func private @wide(
//   CHECK-NOT:   tile.schedule
func.func private @wide(%q: memref<?x?x2x288xf32> {headgate.dims = ["B", "S", 2, 288]},
    %o: memref<?x?x2x288xf32> {headgate.dims = ["B", "S", 2, 288], headgate.output}) attributes {headgate.kernel = "attend"} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x288xf32> to tensor<?x?x2x288xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x288xf32>, tensor<?x?x2x288xf32>, tensor<?x?x2x288xf32>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x288xf32>, memref<?x?x2x288xf32>) -> ()
  return
}

// -----

// Schedules of records come before the default ones, for any size.
// CHECK-LABEL: func private @tuned(
//     V4-SAME:   kernel = "tuned"}, tile.schedule = #tile.schedule<rows = 3, keys = 128>
//     V3-SAME:   kernel = "tuned", when = "S >= 64"}
//          V4: func private @tuned_v1(
//     V4-SAME:   kernel = "tuned", variant = 1 : i64, when = "S >= 64"}
//     V4-SAME:   tile.schedule = #tile.schedule<rows = 12, keys = 256, order = rows>
func.func private @tuned(
    %q: memref<?x?x2x16xf32> {headgate.dims = ["B", "S", 2, 16]}, %k: memref<?x?x2x16xf32> {headgate.dims = ["B", "T", 2, 16]},
    %o: memref<?x?x2x16xf32> {headgate.dims = ["B", "S", 2, 16], headgate.output})
    attributes {headgate.kernel = "attend", headgate.tuned = {"host:x86-64-v4" = [#tile.schedule<rows = 3, keys = 128>]}} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x16xf32> to tensor<?x?x2x16xf32>
  %2 = bufferization.to_tensor %k restrict : memref<?x?x2x16xf32> to tensor<?x?x2x16xf32>
  %4, %lse = routed.attend %0, %2, %2 causal : tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
  bufferization.materialize_in_destination %4 in restrict writable %o : (tensor<?x?x2x16xf32>, memref<?x?x2x16xf32>) -> ()
  return
}

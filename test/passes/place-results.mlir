// RUN: headgate-opt %s --allow-unregistered-dialect --headgate-place-results --split-input-file | FileCheck %s
// RUN: headgate-opt %s --allow-unregistered-dialect --headgate-place-results --one-shot-bufferize=allow-unknown-ops --canonicalize --split-input-file | FileCheck %s --check-prefix=BUFFER

// The result is computed where it is stored: nothing is copied. What leads to
// the destination moves before its first use.
// CHECK-LABEL: func private @chain(
//       CHECK:   %[[W:.+]] = memref.subview
//       CHECK:   %[[E:.+]] = bufferization.to_tensor %[[W]] restrict writable
//       CHECK:   %[[F:.+]] = linalg.fill {{.+}} outs(%[[E]] :
//       CHECK:   %[[S:.+]] = linalg.reduce {{.+}} outs(%[[F]] :
//       CHECK:   materialize_in_destination %[[S]] in restrict writable %[[W]]
// BUFFER-LABEL: func private @chain(
//   BUFFER-NOT:   memref.alloc
//   BUFFER-NOT:   memref.copy
//       BUFFER:   return
func.func private @chain(%x: memref<3x2xf32>, %y: memref<8xf32>) attributes {headgate.kernel = "rows"} {
  %zero = arith.constant 0.0 : f32
  %t = bufferization.to_tensor %x restrict : memref<3x2xf32> to tensor<3x2xf32>
  %e = tensor.empty() : tensor<3xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<3xf32>) -> tensor<3xf32>
  %s = linalg.reduce { arith.addf } ins(%t : tensor<3x2xf32>) outs(%f : tensor<3xf32>) dimensions = [1]
  %w = memref.subview %y[2] [3] [1] : memref<8xf32> to memref<3xf32, strided<[1], offset: 2>>
  bufferization.materialize_in_destination %s in restrict writable %w
      : (tensor<3xf32>, memref<3xf32, strided<[1], offset: 2>>) -> ()
  return
}

// -----

// Two sums that start from one tensor of zeros must not share it: the second
// would add to the first.
// CHECK-LABEL: func private @shared_zeros(
//  CHECK-SAME:   %{{.+}}: memref<3x2xf32>, %[[Y:.+]]: memref<3xf32>, %[[Z:.+]]: memref<3xf32>)
//   CHECK-DAG:   %[[E:.+]] = bufferization.to_tensor %[[Y]] restrict writable
//   CHECK-DAG:   linalg.fill {{.+}} outs(%[[E]] :
//   CHECK-DAG:   %[[F:.+]] = bufferization.to_tensor %[[Z]] restrict writable
//   CHECK-DAG:   linalg.fill {{.+}} outs(%[[F]] :
// BUFFER-LABEL: func private @shared_zeros(
//   BUFFER-NOT:   memref.alloc
//       BUFFER:   return
func.func private @shared_zeros(%x: memref<3x2xf32>, %y: memref<3xf32>, %z: memref<3xf32>)
    attributes {headgate.kernel = "rows"} {
  %zero = arith.constant 0.0 : f32
  %t = bufferization.to_tensor %x restrict : memref<3x2xf32> to tensor<3x2xf32>
  %e = tensor.empty() : tensor<3xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<3xf32>) -> tensor<3xf32>
  %s = linalg.reduce { arith.addf } ins(%t : tensor<3x2xf32>) outs(%f : tensor<3xf32>) dimensions = [1]
  %m = linalg.reduce { arith.maximumf } ins(%t : tensor<3x2xf32>) outs(%f : tensor<3xf32>) dimensions = [1]
  bufferization.materialize_in_destination %s in restrict writable %y : (tensor<3xf32>, memref<3xf32>) -> ()
  bufferization.materialize_in_destination %m in restrict writable %z : (tensor<3xf32>, memref<3xf32>) -> ()
  return
}

// -----

// %a is computed once and two ops go on from it: neither may have its memory.
// CHECK-LABEL: func private @shared_start(
//       CHECK:   tensor.empty
//   CHECK-NOT:   writable %{{.+}} : memref<3xf32> to tensor
//       CHECK:   return
func.func private @shared_start(%y: memref<3xf32>, %z: memref<3xf32>) attributes {headgate.kernel = "rows"} {
  %e = tensor.empty() : tensor<3xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      outs(%e : tensor<3xf32>) {
  ^bb0(%o: f32):
    %r = "test.random"() : () -> f32
    linalg.yield %r : f32
  } -> tensor<3xf32>
  %p = linalg.exp ins(%a : tensor<3xf32>) outs(%a : tensor<3xf32>) -> tensor<3xf32>
  %q = linalg.log ins(%a : tensor<3xf32>) outs(%a : tensor<3xf32>) -> tensor<3xf32>
  bufferization.materialize_in_destination %p in restrict writable %y : (tensor<3xf32>, memref<3xf32>) -> ()
  bufferization.materialize_in_destination %q in restrict writable %z : (tensor<3xf32>, memref<3xf32>) -> ()
  return
}

// -----

// A result that another op updates, or that is stored twice, is copied.
// CHECK-LABEL: func private @updated(
//   CHECK-NOT:   writable %{{.+}} : memref<3xf32> to tensor
//       CHECK:   return
func.func private @updated(%y: memref<3xf32>, %z: memref<3xf32>, %u: memref<3xf32>)
    attributes {headgate.kernel = "rows"} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<3xf32>) -> tensor<3xf32>
  %a = linalg.exp ins(%f : tensor<3xf32>) outs(%f : tensor<3xf32>) -> tensor<3xf32>
  bufferization.materialize_in_destination %a in restrict writable %y : (tensor<3xf32>, memref<3xf32>) -> ()
  bufferization.materialize_in_destination %a in restrict writable %z : (tensor<3xf32>, memref<3xf32>) -> ()
  return
}

// -----

// What is stored collapsed is computed in an expanded view of where it goes,
// of a window too. The collapsed tensor may have other readers.
// CHECK-LABEL: func private @collapsed(
//  CHECK-SAME:   %[[Y:.+]]: memref<?x6xf32, strided<[9, 1]>>, %[[Z:.+]]: memref<?x6xf32>)
//       CHECK:   %[[X:.+]] = memref.expand_shape %[[Y]] {{\[\[}}0], [1, 2]] output_shape [%{{.+}}, 2, 3]
//       CHECK:   %[[E:.+]] = bufferization.to_tensor %[[X]] restrict writable
//       CHECK:   %[[A:.+]] = linalg.fill {{.+}} outs(%[[E]]
//       CHECK:   %[[C:.+]] = tensor.collapse_shape %[[A]]
//       CHECK:   linalg.exp ins(%[[C]]
//       CHECK:   bufferization.materialize_in_destination %[[A]] in restrict writable %[[X]]
func.func private @collapsed(%y: memref<?x6xf32, strided<[9, 1]>>, %z: memref<?x6xf32>)
    attributes {headgate.kernel = "rows"} {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  %n = memref.dim %z, %c0 : memref<?x6xf32>
  %e = tensor.empty(%n) : tensor<?x2x3xf32>
  %a = linalg.fill ins(%one : f32) outs(%e : tensor<?x2x3xf32>) -> tensor<?x2x3xf32>
  %c = tensor.collapse_shape %a [[0], [1, 2]] : tensor<?x2x3xf32> into tensor<?x6xf32>
  %f = tensor.empty(%n) : tensor<?x6xf32>
  %b = linalg.exp ins(%c : tensor<?x6xf32>) outs(%f : tensor<?x6xf32>) -> tensor<?x6xf32>
  bufferization.materialize_in_destination %c in restrict writable %y : (tensor<?x6xf32>, memref<?x6xf32, strided<[9, 1]>>) -> ()
  bufferization.materialize_in_destination %b in restrict writable %z : (tensor<?x6xf32>, memref<?x6xf32>) -> ()
  return
}

// A collapsed tensor that an op updates is copied, and so is one of which not
// every extent is known where it goes.
// CHECK-LABEL: func private @collapsed_otherwise(
//   CHECK-NOT:   memref.expand_shape
//       CHECK:   return
func.func private @collapsed_otherwise(%y: memref<6xf32>, %z: memref<?xf32>, %n: index)
    attributes {headgate.kernel = "rows"} {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<2x3xf32>
  %a = linalg.fill ins(%one : f32) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
  %c = tensor.collapse_shape %a [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
  %d = linalg.exp ins(%c : tensor<6xf32>) outs(%c : tensor<6xf32>) -> tensor<6xf32>
  %f = tensor.empty(%n) : tensor<?x3xf32>
  %g = linalg.fill ins(%one : f32) outs(%f : tensor<?x3xf32>) -> tensor<?x3xf32>
  %h = tensor.collapse_shape %g [[0, 1]] : tensor<?x3xf32> into tensor<?xf32>
  bufferization.materialize_in_destination %c in restrict writable %y : (tensor<6xf32>, memref<6xf32>) -> ()
  bufferization.materialize_in_destination %h in restrict writable %z : (tensor<?xf32>, memref<?xf32>) -> ()
  return
}

// -----

// Only kernels are written so that their stores come last.
// CHECK-LABEL: func @no_kernel(
//       CHECK:   tensor.empty
func.func @no_kernel(%y: memref<3xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<3xf32>) -> tensor<3xf32>
  bufferization.materialize_in_destination %f in restrict writable %y : (tensor<3xf32>, memref<3xf32>) -> ()
  return
}

// RUN: headgate-opt %s --headgate-lower-append --split-input-file | FileCheck %s

// A block has 256 rows of one cache. The old ones are copied only where result
// and cache are not the same memory, the new ones where there are some.
// CHECK-LABEL: func private @append(
//  CHECK-SAME:   %[[X:.+]]: memref<?x?x3xf32> {{.+}}, %[[CACHE:.+]]: memref<?x?x3xf32> {{.+}}, %[[AT:.+]]: memref<?xi32> {{.+}}, %[[Y:.+]]: memref<?x?x3xf32>
//  CHECK-SAME:   headgate.launch = {grid = ["B*cdiv(T,256)", "1", "1"], index = 0 : i64, kernel = "append"}
//   CHECK-NOT:   routed.append
//       CHECK:   %[[ID:.+]] = gpu.block_id x
//       CHECK:   %[[B:.+]] = arith.divui %[[ID]], %[[CHUNKS:.+]] : index
//       CHECK:   %[[BEGIN:.+]] = arith.muli
//       CHECK:   %[[END:.+]] = arith.minsi
//   CHECK-DAG:   %[[FROM:.+]] = memref.extract_aligned_pointer_as_index %[[CACHE]]
//   CHECK-DAG:   %[[TO:.+]] = memref.extract_aligned_pointer_as_index %[[Y]]
//       CHECK:   %[[DIFFER:.+]] = arith.cmpi ne, %[[FROM]], %[[TO]]
//       CHECK:   scf.if %[[DIFFER]]
//       CHECK:     memref.subview %[[CACHE]][%[[B]], %[[BEGIN]], 0]
//       CHECK:     memref.subview %[[Y]][%[[B]], %[[BEGIN]], 0]
//       CHECK:     linalg.copy
//       CHECK:   %[[P:.+]] = memref.load %[[AT]][%[[B]]]
//       CHECK:   %[[POS:.+]] = arith.index_cast %[[P]]
//       CHECK:   %[[LOW:.+]] = arith.maxsi %[[BEGIN]], %[[POS]]
//       CHECK:   %[[HIGH:.+]] = arith.minsi %[[END]],
//       CHECK:   %[[ANY:.+]] = arith.cmpi slt, %[[LOW]], %[[HIGH]]
//       CHECK:   scf.if %[[ANY]]
//       CHECK:     linalg.copy
func.func private @append(%x: memref<?x?x3xf32> {headgate.dims = ["B", "S", 3]},
                          %cache: memref<?x?x3xf32> {headgate.dims = ["B", "T", 3]},
                          %at: memref<?xi32> {headgate.dims = ["B"]},
                          %y: memref<?x?x3xf32> {headgate.dims = ["B", "T", 3], headgate.output})
    attributes {headgate.kernel = "append", headgate.tokens = ["B", "T"]} {
  %0 = bufferization.to_tensor %x restrict : memref<?x?x3xf32> to tensor<?x?x3xf32>
  %1 = bufferization.to_tensor %cache restrict : memref<?x?x3xf32> to tensor<?x?x3xf32>
  %2 = bufferization.to_tensor %at restrict : memref<?xi32> to tensor<?xi32>
  %3 = routed.append %0 into %1 at %2 : tensor<?x?x3xf32>, tensor<?x?x3xf32>, tensor<?xi32>
  bufferization.materialize_in_destination %3 in restrict writable %y
      : (tensor<?x?x3xf32>, memref<?x?x3xf32>) -> ()
  return
}

// -----

// A cache that the kernel computes is left to the decomposition.
// CHECK-LABEL: func private @computed(
//   CHECK-NOT:   headgate.launch
//       CHECK:   routed.append
func.func private @computed(%x: memref<2x5x3xf32> {headgate.dims = [2, 5, 3]},
                            %at: memref<2xi32> {headgate.dims = [2]},
                            %y: memref<2x7x3xf32> {headgate.dims = [2, 7, 3], headgate.output})
    attributes {headgate.kernel = "append", headgate.tokens = [2, 7]} {
  %zero = arith.constant 0.0 : f32
  %0 = bufferization.to_tensor %x restrict : memref<2x5x3xf32> to tensor<2x5x3xf32>
  %1 = tensor.splat %zero : tensor<2x7x3xf32>
  %2 = bufferization.to_tensor %at restrict : memref<2xi32> to tensor<2xi32>
  %3 = routed.append %0 into %1 at %2 : tensor<2x5x3xf32>, tensor<2x7x3xf32>, tensor<2xi32>
  bufferization.materialize_in_destination %3 in restrict writable %y
      : (tensor<2x7x3xf32>, memref<2x7x3xf32>) -> ()
  return
}

// -----

// CHECK-LABEL: func private @other(
//   CHECK-NOT:   headgate.launch
//       CHECK:   return
func.func private @other(%x: memref<2xf32> {headgate.dims = [2]}) attributes {headgate.kernel = "function"} {
  return
}

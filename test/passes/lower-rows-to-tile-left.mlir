// RUN: headgate-opt %s --headgate-lower-rows-to-tile --split-input-file | FileCheck %s
// RUN: headgate-opt %s --headgate-lower-rows-to-tile --split-input-file --remarks-filter=lower-rows-to-tile -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Kernels that tiles cannot say stay as they are.

// REMARK: 'linalg.softmax' is not lowered to tiles: tiles have no such operation
// CHECK-LABEL: func private @softmax(
//   CHECK-NOT:   tile
//       CHECK:   linalg.softmax
//   CHECK-NOT:   tile
func.func private @softmax(%x: memref<?x?x5xf32> {headgate.dims = ["B", "S", 5]}, %y: memref<?x?x5xf32> {headgate.dims = ["B", "S", 5], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = memref.dim %x, %c0 : memref<?x?x5xf32>
  %s = memref.dim %x, %c1 : memref<?x?x5xf32>
  %0 = bufferization.to_tensor %x restrict : memref<?x?x5xf32> to tensor<?x?x5xf32>
  %e = tensor.empty(%b, %s) : tensor<?x?x5xf32>
  %1 = linalg.softmax dimension(2) ins(%0 : tensor<?x?x5xf32>) outs(%e : tensor<?x?x5xf32>) -> tensor<?x?x5xf32>
  bufferization.materialize_in_destination %1 in restrict writable %y : (tensor<?x?x5xf32>, memref<?x?x5xf32>) -> ()
  return
}

// -----

// REMARK: 'routed.rope' is not lowered to tiles: the kernel stores results of another op, too
// CHECK-LABEL: func private @two_results(
//   CHECK-NOT:   tile
func.func private @two_results(%x: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]}, %t: memref<?x4xf32> {headgate.dims = ["P", 4]},
                               %y: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output}, %z: memref<?x?x1x8xf32> {headgate.dims = ["B", "S", 1, 8], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"]} {
  %0 = bufferization.to_tensor %x restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1 = bufferization.to_tensor %t restrict : memref<?x4xf32> to tensor<?x4xf32>
  %2 = routed.mean_heads %0 : tensor<?x?x2x8xf32>
  %3 = routed.rope %0, %1, %1 : tensor<?x?x2x8xf32>, tensor<?x4xf32>
  bufferization.materialize_in_destination %2 in restrict writable %z : (tensor<?x?x1x8xf32>, memref<?x?x1x8xf32>) -> ()
  bufferization.materialize_in_destination %3 in restrict writable %y : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// REMARK: 'routed.rope' is not lowered to tiles: its rows are too wide for a rotation
// CHECK-LABEL: func private @wide_rope(
//   CHECK-NOT:   tile
func.func private @wide_rope(%x: memref<?x?x2x260xf32> {headgate.dims = ["B", "S", 2, 260]}, %t: memref<?x4xf32> {headgate.dims = ["P", 4]},
                             %y: memref<?x?x2x260xf32> {headgate.dims = ["B", "S", 2, 260], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"]} {
  %0 = bufferization.to_tensor %x restrict : memref<?x?x2x260xf32> to tensor<?x?x2x260xf32>
  %1 = bufferization.to_tensor %t restrict : memref<?x4xf32> to tensor<?x4xf32>
  %2 = routed.rope %0, %1, %1 : tensor<?x?x2x260xf32>, tensor<?x4xf32>
  bufferization.materialize_in_destination %2 in restrict writable %y : (tensor<?x?x2x260xf32>, memref<?x?x2x260xf32>) -> ()
  return
}

// -----

// REMARK: 'routed.select' is not lowered to tiles: it has too many experts or slots
// CHECK-LABEL: func private @many_experts(
//   CHECK-NOT:   tile
func.func private @many_experts(%l: memref<?x?x1x65xf32> {headgate.dims = ["B", "S", 1, 65]}, %e: memref<?x?x1x2xi32> {headgate.dims = ["B", "S", 1, 2], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"]} {
  %0 = bufferization.to_tensor %l restrict : memref<?x?x1x65xf32> to tensor<?x?x1x65xf32>
  %1, %w, %p = routed.select %0 top 2 softmax_all : tensor<?x?x1x65xf32>
  bufferization.materialize_in_destination %1 in restrict writable %e : (tensor<?x?x1x2xi32>, memref<?x?x1x2xi32>) -> ()
  return
}

// -----

// Columns that lie apart, a sum, a type that tiles lack, a division by what may be
// zero beyond the end of a buffer.
// REMARK: 'bufferization.to_tensor' is not lowered to tiles: its columns are not neighbours in memory
// CHECK-LABEL: func private @transposed(
//   CHECK-NOT:   tile
func.func private @transposed(%x: memref<4x3x8x6xf32> {headgate.dims = [4, 3, 8, 6]}, %y: memref<4x3x6x8xf32> {headgate.dims = [4, 3, 6, 8], headgate.output})
    attributes {headgate.kernel = "rows"} {
  %0 = bufferization.to_tensor %x restrict : memref<4x3x8x6xf32> to tensor<4x3x8x6xf32>
  %e = tensor.empty() : tensor<4x3x6x8xf32>
  %1 = linalg.transpose ins(%0 : tensor<4x3x8x6xf32>) outs(%e : tensor<4x3x6x8xf32>) permutation = [0, 1, 3, 2]
  bufferization.materialize_in_destination %1 in restrict writable %y : (tensor<4x3x6x8xf32>, memref<4x3x6x8xf32>) -> ()
  return
}

// -----

// REMARK: 'linalg.reduce' is not lowered to tiles: it reduces along a dimension
// CHECK-LABEL: func private @sum(
//   CHECK-NOT:   tile
func.func private @sum(%x: memref<4x3x8xf32> {headgate.dims = [4, 3, 8]}, %y: memref<4x3xf32> {headgate.dims = [4, 3], headgate.output})
    attributes {headgate.kernel = "rows"} {
  %0 = bufferization.to_tensor %x restrict : memref<4x3x8xf32> to tensor<4x3x8xf32>
  %zero = arith.constant dense<0.0> : tensor<4x3xf32>
  %1 = linalg.reduce {arith.addf} ins(%0 : tensor<4x3x8xf32>) outs(%zero : tensor<4x3xf32>) dimensions = [2]
  bufferization.materialize_in_destination %1 in restrict writable %y : (tensor<4x3xf32>, memref<4x3xf32>) -> ()
  return
}

// -----

// REMARK: 'bufferization.to_tensor' is not lowered to tiles: tiles have no elements of its types
// CHECK-LABEL: func private @wide_integers(
//   CHECK-NOT:   tile
func.func private @wide_integers(%x: memref<4x3x8xi64> {headgate.dims = [4, 3, 8]}, %y: memref<4x3x8xi64> {headgate.dims = [4, 3, 8], headgate.output})
    attributes {headgate.kernel = "rows"} {
  %0 = bufferization.to_tensor %x restrict : memref<4x3x8xi64> to tensor<4x3x8xi64>
  %1 = arith.addi %0, %0 : tensor<4x3x8xi64>
  bufferization.materialize_in_destination %1 in restrict writable %y : (tensor<4x3x8xi64>, memref<4x3x8xi64>) -> ()
  return
}

// -----

// REMARK: 'arith.divsi' is not lowered to tiles: it is undefined for some elements, which a tile may hold
// CHECK-LABEL: func private @quotient(
//   CHECK-NOT:   tile
func.func private @quotient(%x: memref<4x3x8xi32> {headgate.dims = [4, 3, 8]}, %y: memref<4x3x8xi32> {headgate.dims = [4, 3, 8], headgate.output})
    attributes {headgate.kernel = "rows"} {
  %0 = bufferization.to_tensor %x restrict : memref<4x3x8xi32> to tensor<4x3x8xi32>
  %1 = arith.divsi %0, %0 : tensor<4x3x8xi32>
  bufferization.materialize_in_destination %1 in restrict writable %y : (tensor<4x3x8xi32>, memref<4x3x8xi32>) -> ()
  return
}

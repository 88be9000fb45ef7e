// RUN: headgate-opt %s --headgate-isolate-entries | FileCheck %s
// RUN: headgate-opt %s --headgate-bufferize-pipeline | FileCheck %s --check-prefix=BUFFERS

// An update in place of an argument would write to the caller's array.
// CHECK-LABEL: func @update(
//  CHECK-SAME:   %[[X:.+]]: tensor<?x4xf32> {bufferization.writable = false}
// BUFFERS-LABEL: func private @hg.update(
//  BUFFERS-SAME:   %[[X:.+]]: memref<?x4xf32>, %[[Y:[^:]+]]: memref<?x4xf32>,
//       BUFFERS:   linalg.copy ins(%[[X]] : {{.+}}) outs(%[[Y]] :
//       BUFFERS:   memref.store %{{.+}}, %[[Y]]
func.func @update(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  %y = tensor.insert %one into %x[%c0, %c0] : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// One value that is returned twice fills two arrays.
// CHECK-LABEL: func @twice(
//       CHECK:   %[[Y:.+]] = arith.addf
//       CHECK:   %[[Z:.+]] = bufferization.alloc_tensor() copy(%[[Y]])
//       CHECK:   return %[[Y]], %[[Z]]
// BUFFERS-LABEL: func private @hg.twice(
//  BUFFERS-SAME:   %[[X:[^:]+]]: {{[^,]+}}, %[[Y:[^:]+]]: {{[^,]+}}, %[[Z:[^:]+]]: memref
//       BUFFERS:   linalg.generic {{.+}} outs(%[[Y]] :
//       BUFFERS:   linalg.copy ins(%[[Y]] : {{.+}}) outs(%[[Z]] :
func.func @twice(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %y = arith.addf %x, %x : tensor<?x4xf32>
  return %y, %y : tensor<?x4xf32>, tensor<?x4xf32>
}

// Inside the module one function may well write to another's tensor.
// CHECK-LABEL: func private @helper(
//   CHECK-NOT:   bufferization
func.func private @helper(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}

// RUN: headgate-opt %s --headgate-copies-to-linalg | FileCheck %s

// CHECK-LABEL: func @strided
//  CHECK-SAME:   %[[A:.+]]: memref<4xf32, strided<[2]>>, %[[B:.+]]: memref<4xf32>
//       CHECK:   linalg.copy ins(%[[A]] : {{.+}}) outs(%[[B]] : {{.+}})
//   CHECK-NOT:   memref.copy
func.func @strided(%a: memref<4xf32, strided<[2]>>, %b: memref<4xf32>) {
  memref.copy %a, %b : memref<4xf32, strided<[2]>> to memref<4xf32>
  return
}

// An unranked copy has no loops to become.
// CHECK-LABEL: func @unranked
//       CHECK:   memref.copy
func.func @unranked(%a: memref<*xf32>, %b: memref<*xf32>) {
  memref.copy %a, %b : memref<*xf32> to memref<*xf32>
  return
}

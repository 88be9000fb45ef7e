// RUN: headgate-opt %s --allow-unregistered-dialect --headgate-place-temporaries --canonicalize | FileCheck %s

// The second buffer lives after the first of the same size: one place. The
// third overlaps the second: a place behind it.
// CHECK-LABEL: func @reuse(
//  CHECK-SAME:   %[[X:.+]]: memref<?xf32>, %[[WS:.+]]: memref<?xi8>)
//  CHECK-SAME:   headgate.workspace_bytes = "2*cdiv(4*{0.0},64)*64+0"
//   CHECK-DAG:   %[[C0:.+]] = arith.constant 0 : index
//   CHECK-NOT:   memref.alloc
//       CHECK:   %[[A:.+]] = memref.view %[[WS]][%[[C0]]]
//       CHECK:   "test.use"(%[[A]])
//       CHECK:   %[[B:.+]] = memref.view %[[WS]][%[[C0]]]
//       CHECK:   %[[C:.+]] = memref.view %[[WS]][%{{.*[^0]}}]
//       CHECK:   "test.use"(%[[B]], %[[C]])
//   CHECK-NOT:   memref.dealloc
func.func @reuse(%x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %a = memref.alloc(%n) : memref<?xf32>
  "test.use"(%a) : (memref<?xf32>) -> ()
  memref.dealloc %a : memref<?xf32>
  %b = memref.alloc(%n) : memref<?xf32>
  %c = memref.alloc(%n) : memref<?xi32>
  "test.use"(%b, %c) : (memref<?xf32>, memref<?xi32>) -> ()
  memref.dealloc %b : memref<?xf32>
  memref.dealloc %c : memref<?xi32>
  return
}

// A size that depends on data, and a buffer that is not freed here, stay.
// CHECK-LABEL: func @data_dependent
//       CHECK:   headgate.workspace_bytes = "64"
//       CHECK:   memref.alloc(
//       CHECK:   memref.alloc()
//       CHECK:   memref.view
func.func @data_dependent(%x: memref<1xindex>) {
  %c0 = arith.constant 0 : index
  %n = memref.load %x[%c0] : memref<1xindex>
  %a = memref.alloc(%n) : memref<?xf32>
  %kept = memref.alloc() : memref<2xf32>
  %b = memref.alloc() : memref<3xi1>
  "test.use"(%a, %b, %kept) : (memref<?xf32>, memref<3xi1>, memref<2xf32>) -> ()
  memref.dealloc %a : memref<?xf32>
  memref.dealloc %b : memref<3xi1>
  return
}

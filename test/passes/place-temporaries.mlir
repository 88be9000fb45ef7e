// RUN: headgate-opt %s --allow-unregistered-dialect --headgate-place-temporaries --canonicalize | FileCheck %s

// The second buffer lives after the first of the same size: one place. The
// third overlaps the second: a place behind it.
// CHECK-LABEL: func @reuse(
//  CHECK-SAME:   %[[X:.+]]: memref<?xf32>, %[[WS:.+]]: memref<?xi8>)
//  CHECK-SAME:   headgate.workspace_bytes = "2*align({0.0}*4,64)"
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

// Static sizes are added up, each rounded to 64; a boolean takes a byte.
// CHECK-LABEL: func @static(
//  CHECK-SAME:   headgate.workspace_bytes = "align({0.0}*{0.1}*6,64)+256"
//       CHECK:   memref.view %{{.+}}[%c0]
//       CHECK:   memref.view %{{.+}}[%c64]
//       CHECK:   memref.view %{{.+}}[%c256]
func.func @static(%x: memref<?x?x3xf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = memref.dim %x, %c0 : memref<?x?x3xf16>
  %n = memref.dim %x, %c1 : memref<?x?x3xf16>
  %a = memref.alloc() : memref<63xi1>
  %b = memref.alloc() : memref<3x11xf32>
  %c = memref.alloc(%m, %n) : memref<?x?x3xf16>
  "test.use"(%a, %b, %c) : (memref<63xi1>, memref<3x11xf32>, memref<?x?x3xf16>) -> ()
  memref.dealloc %a : memref<63xi1>
  memref.dealloc %b : memref<3x11xf32>
  memref.dealloc %c : memref<?x?x3xf16>
  return
}

// A size that depends on data, elements without a size of their own, and a
// buffer that is not freed here, stay.
// CHECK-LABEL: func @stay(
//  CHECK-SAME:   headgate.workspace_bytes = "64"
//       CHECK:   memref.alloc(
//       CHECK:   memref.alloc() : memref<2xf32>
//       CHECK:   memref.alloc() : memref<2xindex>
//       CHECK:   memref.view
//       CHECK:   scf.for
//       CHECK:     memref.alloc
//       CHECK:     memref.dealloc
//       CHECK:   memref.dealloc
//       CHECK:   memref.dealloc
//   CHECK-NOT:   memref.dealloc
func.func @stay(%x: memref<1xindex>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.load %x[%c0] : memref<1xindex>
  %a = memref.alloc(%n) : memref<?xf32>
  %kept = memref.alloc() : memref<2xf32>
  %i = memref.alloc() : memref<2xindex>
  %b = memref.alloc() : memref<3xi1>
  scf.for %k = %c0 to %n step %c1 {
    %t = memref.alloc() : memref<5xf32>
    "test.use"(%t) : (memref<5xf32>) -> ()
    memref.dealloc %t : memref<5xf32>
  }
  "test.use"(%a, %b, %kept, %i) : (memref<?xf32>, memref<3xi1>, memref<2xf32>, memref<2xindex>) -> ()
  memref.dealloc %a : memref<?xf32>
  memref.dealloc %i : memref<2xindex>
  memref.dealloc %b : memref<3xi1>
  return
}

// An expression that is too long for the plan stays out of it.
// CHECK-LABEL: func @long(
//  CHECK-SAME:   headgate.workspace_bytes = "align({0.0}*4,64)"
//       CHECK:   memref.alloc(
//       CHECK:   memref.view
func.func @long(%x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %n1 = arith.addi %n, %c1 : index
  %n2 = arith.muli %n1, %n1 : index
  %n4 = arith.muli %n2, %n2 : index
  %n8 = arith.muli %n4, %n4 : index
  %n16 = arith.muli %n8, %n8 : index
  %n32 = arith.muli %n16, %n16 : index
  %n64 = arith.muli %n32, %n32 : index
  %n128 = arith.muli %n64, %n64 : index
  %a = memref.alloc(%n128) : memref<?xf32>
  %b = memref.alloc(%n) : memref<?xf32>
  "test.use"(%a, %b) : (memref<?xf32>, memref<?xf32>) -> ()
  memref.dealloc %a : memref<?xf32>
  memref.dealloc %b : memref<?xf32>
  return
}

// Every entry has a workspace, of 0 bytes if need be; other functions have none.
// CHECK-LABEL: func @nothing(
//  CHECK-SAME:   %{{.+}}: memref<4xf32>, %{{.+}}: memref<?xi8>)
//  CHECK-SAME:   headgate.workspace_bytes = "0"
func.func @nothing(%x: memref<4xf32>) {
  return
}

// CHECK-LABEL: func private @helper(
//   CHECK-NOT:   workspace
//       CHECK:   memref.alloc
func.func private @helper() {
  %a = memref.alloc() : memref<4xf32>
  "test.use"(%a) : (memref<4xf32>) -> ()
  memref.dealloc %a : memref<4xf32>
  return
}

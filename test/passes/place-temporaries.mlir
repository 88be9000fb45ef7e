// RUN: headgate-opt %s --allow-unregistered-dialect --headgate-place-temporaries --canonicalize | FileCheck %s

// A kernel without a launch gets one, with one block: its buffers are a
// workspace.

// The second buffer lives after the first of the same size: one place. The
// third overlaps the second: a place behind it.
// CHECK-LABEL: func @reuse(
//  CHECK-SAME:   %[[X:.+]]: memref<?xf32> {headgate.dims = ["N"]}, %[[WS:.+]]: memref<?xi8>)
//  CHECK-SAME:   headgate.launch = {grid = ["1", "1", "1"], index = 0 : i64, kernel = "reuse", workspaceBytes = "2*align(N*4,64)"}
//   CHECK-DAG:   %[[C0:.+]] = arith.constant 0 : index
//   CHECK-NOT:   memref.alloc
//       CHECK:   %[[A:.+]] = memref.view %[[WS]][%[[C0]]]
//       CHECK:   "test.use"(%[[A]])
//       CHECK:   %[[B:.+]] = memref.view %[[WS]][%[[C0]]]
//       CHECK:   %[[C:.+]] = memref.view %[[WS]][%{{.*[^0]}}]
//       CHECK:   "test.use"(%[[B]], %[[C]])
//   CHECK-NOT:   memref.dealloc
func.func @reuse(%x: memref<?xf32> {headgate.dims = ["N"]}) attributes {headgate.kernel = "function"} {
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
//  CHECK-SAME:   workspaceBytes = "align(M*N*6,64)+256"
//       CHECK:   memref.view %{{.+}}[%c0]
//       CHECK:   memref.view %{{.+}}[%c64]
//       CHECK:   memref.view %{{.+}}[%c256]
func.func @static(%x: memref<?x?x3xf16> {headgate.dims = ["M", "N", 3]}) attributes {headgate.kernel = "function"} {
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

// A size that depends on data, and a buffer that is not freed here, stay; one
// of a loop is placed.
// CHECK-LABEL: func @stay(
//  CHECK-SAME:   workspaceBytes = "192"
//       CHECK:   memref.alloc(
//       CHECK:   memref.alloc() : memref<2xf32>
//       CHECK:   memref.view {{.+}} to memref<2xindex>
//       CHECK:   memref.view {{.+}} to memref<3xi1>
//       CHECK:   scf.for
//       CHECK:     memref.view {{.+}} to memref<5xf32>
//   CHECK-NOT:     memref.dealloc
//       CHECK:   }
//       CHECK:   memref.dealloc
//   CHECK-NOT:   memref.dealloc
func.func @stay(%x: memref<1xindex> {headgate.dims = [1]}) attributes {headgate.kernel = "function"} {
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

// In a kernel of many blocks each thread has its own: large or growing buffers
// in scratch, small ones on the stack. A buffer outside of the loop and one
// inside never share a place, two inside may.
// CHECK-LABEL: func @blocks(
//  CHECK-SAME:   %[[BYTES:[^ ]+]]: memref<?xi8> {headgate.scratch})
//  CHECK-SAME:   scratchBytes = "2*align(T*4,64)+4160"
//   CHECK-DAG:   %[[STACK:.+]] = memref.alloca() {alignment = 64 : i64} : memref<1x1x8xf32>
//   CHECK-DAG:   %[[LARGE:.+]] = memref.view %[[BYTES]][%{{.+}}][] : memref<?xi8> to memref<1025xf32>
//       CHECK:   scf.for
//       CHECK:     "test.use"(%[[STACK]])
//       CHECK:     %[[A:.+]] = memref.view %[[BYTES]][%[[AT:.+]]][%{{.+}}] : memref<?xi8> to memref<?xf32>
//       CHECK:     "test.use"(%[[A]])
//       CHECK:     %[[B:.+]] = memref.view %[[BYTES]][%[[AT]]][%{{.+}}] : memref<?xi8> to memref<?xi32>
//       CHECK:     "test.use"(%[[B]])
func.func @blocks(%x: memref<?x?x8xf32> {headgate.dims = ["B", "T", 8]})
    attributes {headgate.kernel = "rows", headgate.launch = {kernel = "blocks", grid = ["B", "1", "1"]}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %T = memref.dim %x, %c1 : memref<?x?x8xf32>
  %outer = memref.alloc(%T) : memref<?xf32>
  %large = memref.alloc() : memref<1025xf32>
  scf.for %k = %c0 to %T step %c1 {
    %s = memref.alloc() : memref<1x1x8xf32>
    "test.use"(%s) : (memref<1x1x8xf32>) -> ()
    memref.dealloc %s : memref<1x1x8xf32>
    %a = memref.alloc(%T) : memref<?xf32>
    "test.use"(%a) : (memref<?xf32>) -> ()
    memref.dealloc %a : memref<?xf32>
    %b = memref.alloc(%T) : memref<?xi32>
    "test.use"(%b) : (memref<?xi32>) -> ()
    memref.dealloc %b : memref<?xi32>
  }
  "test.use"(%outer, %large) : (memref<?xf32>, memref<1025xf32>) -> ()
  memref.dealloc %outer : memref<?xf32>
  memref.dealloc %large : memref<1025xf32>
  return
}

// A kernel without buffers has no more arguments; other functions are left.
// CHECK-LABEL: func @nothing(
//  CHECK-SAME:   %{{[^ ]+}}: memref<4xf32> {headgate.dims = [4]})
//  CHECK-SAME:   headgate.launch = {grid = ["1", "1", "1"], index = 0 : i64, kernel = "nothing"}
func.func @nothing(%x: memref<4xf32> {headgate.dims = [4]}) attributes {headgate.kernel = "function"} {
  return
}

// CHECK-LABEL: func private @helper(
//   CHECK-NOT:   headgate.launch
//       CHECK:   memref.alloc
func.func private @helper() {
  %a = memref.alloc() : memref<4xf32>
  "test.use"(%a) : (memref<4xf32>) -> ()
  memref.dealloc %a : memref<4xf32>
  return
}

// RUN: headgate-opt %s --headgate-wrap-host-entries --split-input-file --verify-diagnostics | FileCheck %s

// Pointers in operand order, then one i64 for each dynamic extent; strides are
// those of contiguous rows.
// CHECK-LABEL: func private @hg.layer(
//       CHECK: llvm.func @hg_layer(%{{.+}}: !llvm.ptr, %[[ARGS:.+]]: !llvm.ptr) {
//       CHECK:   %[[P0:.+]] = llvm.getelementptr %[[ARGS]][0]
//       CHECK:   %[[A0:.+]] = llvm.load %[[P0]] : !llvm.ptr -> !llvm.ptr
//       CHECK:   %[[X:.+]] = llvm.load %[[A0]] : !llvm.ptr -> !llvm.ptr
//       CHECK:   llvm.getelementptr %[[ARGS]][1]
//       CHECK:   %[[P2:.+]] = llvm.getelementptr %[[ARGS]][2]
//       CHECK:   %[[A2:.+]] = llvm.load %[[P2]]
//       CHECK:   %[[S:.+]] = llvm.load %[[A2]] : !llvm.ptr -> i64
//       CHECK:   llvm.insertvalue %[[X]], %{{.+}}[0]
//       CHECK:   %[[C8:.+]] = llvm.mlir.constant(8 : i64)
//       CHECK:   llvm.insertvalue %[[C8]], %{{.+}}[3, 1]
//       CHECK:   llvm.insertvalue %[[S]], %{{.+}}[3, 0]
//       CHECK:   llvm.getelementptr %[[ARGS]][3]
//       CHECK:   call @hg.layer(%{{.+}}, %{{.+}}) : (memref<?x8xf32>, memref<?xi32>) -> ()
func.func @layer(%x: memref<?x8xf32>, %n: memref<?xi32>) {
  return
}

// The stride of a dimension is the product of the extents behind it.
// CHECK-LABEL: llvm.func @hg_strides(
//       CHECK:   %[[B:.+]] = llvm.load %{{.+}} : !llvm.ptr -> i64
//       CHECK:   %[[S:.+]] = llvm.load %{{.+}} : !llvm.ptr -> i64
//       CHECK:   %[[C5:.+]] = llvm.mlir.constant(5 : i64)
//       CHECK:   %[[ROW:.+]] = llvm.mul %{{.+}}, %[[C5]]
//       CHECK:   llvm.insertvalue %[[S]], %{{.+}}[3, 1]
//       CHECK:   llvm.insertvalue %[[ROW]], %{{.+}}[4, 1]
//       CHECK:   %[[PLANE:.+]] = llvm.mul %[[ROW]], %[[S]]
//       CHECK:   llvm.insertvalue %[[B]], %{{.+}}[3, 0]
//       CHECK:   llvm.insertvalue %[[PLANE]], %{{.+}}[4, 0]
func.func @strides(%x: memref<?x?x5xf32>) {
  return
}

// A scalar has a pointer and no extents.
// CHECK-LABEL: llvm.func @hg_scalar(
//       CHECK:   call @hg.scalar(%{{.+}}) : (memref<f32>) -> ()
func.func @scalar(%x: memref<f32>) {
  return
}

// Names and dims were those of tensors.
// CHECK-LABEL: func private @hg.named(%{{.+}}: memref<?xf32>) {
func.func @named(%x: memref<?xf32> {routed.name = "x", routed.dims = ["S"]})
    attributes {routed.requires = [["S <= 4", "few"]]} {
  return
}

// Entries whose names are those that others get.
//       CHECK: func private @hg.same_(%{{.+}}: memref<2xf32>) {
//       CHECK: llvm.func @hg_same(
//       CHECK:   call @hg.same_(
//       CHECK: func private @hg.hg_same(%{{.+}}: memref<3xf32>) {
//       CHECK: llvm.func @hg_hg_same(
//       CHECK:   call @hg.hg_same(
//       CHECK: func private @hg.hg.same(%{{.+}}: memref<4xf32>) {
//       CHECK: llvm.func @hg_hg.same(
//       CHECK:   call @hg.hg.same(
func.func @same(%x: memref<2xf32>) {
  return
}
func.func @hg_same(%x: memref<3xf32>) {
  return
}
func.func @hg.same(%x: memref<4xf32>) {
  return
}

// CHECK-LABEL: func private @helper
//   CHECK-NOT: hg_helper
func.func private @helper(%x: memref<?x8xf32>) {
  return
}

// -----

// expected-error @below {{an entry on buffers has no results, but this one returns 1}}
func.func @result(%x: memref<2xf32>) -> memref<2xf32> {
  return %x : memref<2xf32>
}

// -----

// expected-error @below {{an argument of an entry is a contiguous buffer, but this one is 'memref<2xf32, strided<[3]>>'}}
func.func @strided(%x: memref<2xf32, strided<[3]>>) {
  return
}

// -----

// expected-error @below {{an argument of an entry is a contiguous buffer, but this one is 'f32'}}
func.func @scalar(%x: f32) {
  return
}

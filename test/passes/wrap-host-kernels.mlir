// RUN: headgate-opt %s --headgate-wrap-host-kernels --split-input-file --verify-diagnostics | FileCheck %s

// Pointers in operand order, an i32 for each distinct extent, then scalars. The
// function takes them bare, and builds its buffers: strides are those of
// contiguous rows.
// CHECK-LABEL: func private @layer.body(
//  CHECK-SAME:   %[[X:[^ ]+]]: !llvm.ptr {llvm.noalias}, %[[Y:[^ ]+]]: !llvm.ptr {llvm.noalias}, %[[B:[^ ]+]]: i64, %[[S:[^ ]+]]: i64, %[[N:[^ ]+]]: i64, %{{.+}}: !llvm.ptr {llvm.noalias},
//       CHECK:   llvm.insertvalue %[[X]], %{{.+}}[0]
//       CHECK:   %[[C5:.+]] = llvm.mlir.constant(5 : i64)
//       CHECK:   %[[ROW:.+]] = llvm.mul %{{.+}}, %[[C5]]
//       CHECK:   llvm.insertvalue %[[S]], %{{.+}}[3, 1]
//       CHECK:   llvm.insertvalue %[[ROW]], %{{.+}}[4, 1]
//       CHECK:   %[[PLANE:.+]] = llvm.mul %[[ROW]], %[[S]]
//       CHECK:   llvm.insertvalue %[[B]], %{{.+}}[3, 0]
//       CHECK:   llvm.insertvalue %[[PLANE]], %{{.+}}[4, 0]
//       CHECK:   unrealized_conversion_cast %[[N]] : i64 to index
// CHECK-LABEL: llvm.func @hg_layer(
//  CHECK-SAME:   %[[BLOCK:.+]]: !llvm.ptr, %[[ARGS:.+]]: !llvm.ptr) {
//       CHECK:   %[[P0:.+]] = llvm.getelementptr %[[ARGS]][0]
//       CHECK:   %[[A0:.+]] = llvm.load %[[P0]] : !llvm.ptr -> !llvm.ptr
//       CHECK:   %[[V0:.+]] = llvm.load %[[A0]] : !llvm.ptr -> !llvm.ptr
//       CHECK:   llvm.getelementptr %[[ARGS]][8]
//       CHECK:   %[[P2:.+]] = llvm.getelementptr %[[ARGS]][16]
//       CHECK:   %[[A2:.+]] = llvm.load %[[P2]]
//       CHECK:   %[[V2:.+]] = llvm.load %[[A2]] : !llvm.ptr -> i32
//       CHECK:   %[[E2:.+]] = llvm.sext %[[V2]] : i32 to i64
//       CHECK:   llvm.getelementptr %[[ARGS]][24]
//       CHECK:   %[[P4:.+]] = llvm.getelementptr %[[ARGS]][32]
//       CHECK:   %[[A4:.+]] = llvm.load %[[P4]]
//       CHECK:   %[[V4:.+]] = llvm.load %[[A4]] : !llvm.ptr -> i64
//       CHECK:   llvm.getelementptr %[[BLOCK]][24]
//       CHECK:   call @layer.body(%[[V0]], %{{.+}}, %[[E2]], %{{.+}}, %[[V4]],
func.func private @layer(%x: memref<?x?x5xf32> {headgate.dims = ["B", "S", 5]},
                         %y: memref<?xi32> {headgate.dims = ["B"], headgate.output},
                         %n: index {headgate.name = "n"})
    attributes {headgate.kernel = "function", headgate.launch = {kernel = "layer"}} {
  %0 = arith.index_cast %n : index to i32
  memref.store %0, %y[%n] : memref<?xi32>
  return
}

// The workspace comes behind the buffers, the scratch of a thread from the
// block, as do its numbers.
// CHECK-LABEL: func private @blocks.body(
//  CHECK-SAME:   %{{[^ ]+}}: !llvm.ptr {llvm.noalias}, %{{[^ ]+}}: !llvm.ptr {llvm.noalias}, %{{[^ ]+}}: i64, %[[SCRATCH:[^ ]+]]: !llvm.ptr {llvm.noalias}, %{{[^ ]+}}: i64, %[[Y:[^ ]+]]: i64, %{{[^ ]+}}: i64, %[[WIDTH:[^ ]+]]: i64,
//       CHECK:   llvm.insertvalue %[[SCRATCH]]
//       CHECK:   unrealized_conversion_cast %[[Y]] : i64 to index
//       CHECK:   unrealized_conversion_cast %[[WIDTH]] : i64 to index
//   CHECK-NOT:   gpu.
// CHECK-LABEL: llvm.func @hg_blocks(
//  CHECK-SAME:   %[[BLOCK:.+]]: !llvm.ptr, %[[ARGS:.+]]: !llvm.ptr) {
//       CHECK:   llvm.getelementptr %[[ARGS]][0]
//       CHECK:   llvm.getelementptr %[[ARGS]][8]
//       CHECK:   llvm.load %{{.+}} : !llvm.ptr -> i32
//       CHECK:   %[[P:.+]] = llvm.getelementptr %[[BLOCK]][24]
//       CHECK:   llvm.load %[[P]] : !llvm.ptr -> !llvm.ptr
//       CHECK:   llvm.getelementptr %[[BLOCK]][0]
//       CHECK:   llvm.getelementptr %[[BLOCK]][4]
//       CHECK:   llvm.getelementptr %[[BLOCK]][8]
//       CHECK:   llvm.getelementptr %[[BLOCK]][12]
func.func private @blocks(%x: memref<?x8xf32> {headgate.dims = ["S", 8]}, %workspace: memref<?xi8>,
                          %scratch: memref<?xi8> {headgate.scratch})
    attributes {headgate.kernel = "rows", headgate.launch = {kernel = "blocks"}} {
  %c0 = arith.constant 0 : index
  %i8 = arith.constant 1 : i8
  %y = gpu.block_id y
  %w = gpu.grid_dim x
  memref.store %i8, %workspace[%y] : memref<?xi8>
  memref.store %i8, %scratch[%w] : memref<?xi8>
  return
}

// A cache may be the result's memory. A scalar has a pointer and no extents; a
// dynamic extent that is a number is no argument.
// CHECK-LABEL: func private @append.body(
//  CHECK-SAME:   %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: i64, %{{[^ ]+}}: i64, %{{[^ ]+}}: i64, %{{[^ ]+}}: i64, %{{[^ ]+}}: i64, %{{[^ ]+}}: i64) attributes
//       CHECK:   llvm.mlir.constant(7 : i64)
func.func private @append(%x: memref<f32> {headgate.dims = []}, %y: memref<?xf32> {headgate.dims = [7]})
    attributes {headgate.kernel = "append", headgate.launch = {kernel = "append"}} {
  return
}

// Kernels whose names are those that others get.
//       CHECK: func private @same.body(
//       CHECK: llvm.func @hg_same(
//       CHECK:   call @same.body(
//       CHECK: func private @hg_same.body(
//       CHECK: llvm.func @hg_hg_same(
//       CHECK:   call @hg_same.body(
func.func private @same(%x: memref<2xf32> {headgate.dims = [2]})
    attributes {headgate.kernel = "function", headgate.launch = {kernel = "same"}} {
  return
}
func.func private @hg_same(%x: memref<3xf32> {headgate.dims = [3]})
    attributes {headgate.kernel = "function", headgate.launch = {kernel = "hg_same"}} {
  return
}

// CHECK-LABEL: func private @helper(%{{.+}}: memref<?x8xf32>)
//   CHECK-NOT: hg_helper
func.func private @helper(%x: memref<?x8xf32>) {
  return
}

// -----

// expected-error @below {{an argument of a kernel is a contiguous buffer, an index or an f32, but argument 0 is 'memref<2xf32, strided<[3]>>'}}
func.func private @strided(%x: memref<2xf32, strided<[3]>>) attributes {headgate.launch = {kernel = "k"}} {
  return
}

// -----

// expected-error @below {{argument 0 of a kernel is a scalar without 'headgate.name'}}
func.func private @scalar(%x: f32) attributes {headgate.launch = {kernel = "k"}} {
  return
}

// -----

// expected-error @below {{argument 1 of a kernel needs 'headgate.dims' with a name or number for each of its 2 dimensions}}
func.func private @dims(%x: memref<2xf32> {headgate.dims = [2]}, %y: memref<?x2xf32> {headgate.dims = ["S"]})
    attributes {headgate.launch = {kernel = "k"}} {
  return
}

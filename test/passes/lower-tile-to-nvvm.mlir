// RUN: headgate-opt %s --headgate-assign-layouts --headgate-lower-tile-to-nvvm --canonicalize --cse --split-input-file | FileCheck %s

// A kernel: the parameters of its ABI, 32 threads a warp, 16-byte accesses under
// the bounds of rows. Rows of 64 bytes: 4 lanes a row, 8 rows a warp.
// CHECK-LABEL: llvm.func @copy(%arg0: !llvm.ptr<1>, %arg1: !llvm.ptr<1>, %arg2: i32)
//  CHECK-SAME:   headgate.shared_bytes = 0 : i64, nvvm.kernel, nvvm.reqntid = array<i32: 64, 1, 1>
//   CHECK-NOT:   tile.
//       CHECK:   %[[INSIDE:.+]] = arith.cmpi ult, %{{.+}}, %arg2 : i32
//       CHECK:   scf.if %[[INSIDE]] -> (vector<8xbf16>)
//       CHECK:     llvm.load %{{.+}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
//       CHECK:   scf.if %[[INSIDE]]
//       CHECK:     llvm.store %{{.+}}, %{{.+}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<1>
func.func @copy(%x: memref<?x32xbf16> {headgate.dims = ["N", 32]}, %y: memref<?x32xbf16> {headgate.dims = ["N", 32]})
    attributes {tile.schedule = #tile.schedule<rows = 16, warps = 2>, headgate.launch = {kernel = "copy", index = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %block = gpu.block_id x
  %r = arith.muli %block, %c16 : index
  %t = tile.load %x[%r, %c0] [16, 32] : memref<?x32xbf16> -> tensor<16x32xbf16>
  tile.store %t, %y[%r, %c0] [16, 32] : tensor<16x32xbf16>, memref<?x32xbf16>
  return
}

// -----

// exp2 is one instruction, and a row's maximum that of each thread's 4 columns
// and then of the 4 lanes that have the row, of which the first stores it.
// CHECK-LABEL: llvm.func @rows
//       CHECK:   %[[FIRST:.+]] = arith.cmpi eq, %{{.+}}, %c0_i32
//       CHECK:   llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"
//       CHECK:   arith.maxnumf {{.+}} : f32
//       CHECK:   nvvm.shfl.sync bfly %{{.+}}, %{{.+}}, %c1_i32, %c31_i32 : f32 -> f32
//       CHECK:   nvvm.shfl.sync bfly %{{.+}}, %{{.+}}, %c2_i32, %c31_i32 : f32 -> f32
//   CHECK-NOT:   nvvm.shfl
//       CHECK:   scf.if %[[FIRST]]
//       CHECK:     llvm.store %{{.+}} {alignment = 4 : i64} : i32
func.func @rows(%x: memref<8x16xf32>{headgate.dims = [8, 16]}, %y: memref<8xf32> {headgate.dims = [8]})
    attributes {tile.schedule = #tile.schedule<rows = 8, warps = 1>, headgate.launch = {kernel = "rows", index = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [8, 16] : memref<8x16xf32> -> tensor<8x16xf32>
  %e = math.exp2 %t : tensor<8x16xf32>
  %m = tile.reduce max %e : tensor<8x16xf32> -> tensor<8xf32>
  tile.store %m, %y[%c0] [8] : tensor<8xf32>, memref<8xf32>
  return
}

// -----

// A loop that streams: two slots of 16 rows of 64 bytes. Copies take nothing for
// rows outside. Products take their right factor by two ldmatrix for each 16
// terms, transposed where terms are rows in memory. What is shared at the end
// lies where the slots did, once all have left them.
//       CHECK: llvm.mlir.global external @headgate_shared() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<0 x i8>
// CHECK-LABEL: llvm.func @stream
//  CHECK-SAME:   headgate.shared_bytes = 2048 : i64
//       CHECK:   scf.for
//       CHECK:     nvvm.cp.async.wait.group 0
//       CHECK:     nvvm.barrier
//       CHECK:     %[[BYTES:.+]] = arith.select %{{.+}}, %c16_i32, %c0_i32 : i32
//       CHECK:     nvvm.cp.async.shared.global %{{.+}}, %{{.+}}, 16, cache = cg, %[[BYTES]]
//       CHECK:     nvvm.cp.async.commit.group
// CHECK-COUNT-2:   nvvm.ldmatrix %{{.+}} {eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<col>, num = 4 : i32
//       CHECK:     nvvm.mma.sync
//   CHECK-NOT:     nvvm.ldmatrix
//       CHECK:     scf.yield
//       CHECK:   nvvm.cp.async.wait.group 0
//       CHECK:   nvvm.barrier
//       CHECK:   llvm.store %{{.+}} {alignment = 4 : i64} : i32, !llvm.ptr<3>
//       CHECK:   nvvm.barrier
//       CHECK:   llvm.load %{{.+}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
func.func @stream(%k: memref<?x32xf16> {headgate.dims = ["T", 32]}, %y: memref<16x32xf16> {headgate.dims = [16, 32]})
    attributes {tile.schedule = #tile.schedule<rows = 16, warps = 1>, headgate.launch = {kernel = "stream", index = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %p0 = arith.constant 0 : i32
  %T = memref.dim %k, %c0 : memref<?x32xf16>
  %n = arith.ceildivui %T, %c16 : index
  %one = arith.constant dense<1.0> : tensor<16x16xf16>
  %zero = arith.constant dense<0.0> : tensor<16x32xf32>
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<16x32xf16>>
  tile.put %ring[%p0], %k[%c0, %c0] [16, 32] : !tile.ring<2 x tensor<16x32xf16>>, memref<?x32xf16>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (tensor<16x32xf32>) {
    %p = arith.index_cast %i : index to i32
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<16x32xf16>> -> !tile.slot<tensor<16x32xf16>>
    %next = arith.addi %i, %c1 : index
    %pn = arith.index_cast %next : index to i32
    %r = arith.muli %next, %c16 : index
    tile.put %ring[%pn], %k[%r, %c0] [16, 32] : !tile.ring<2 x tensor<16x32xf16>>, memref<?x32xf16>
    %x = tile.start %one, %slot acc %acc : tensor<16x16xf16>, !tile.slot<tensor<16x32xf16>>, tensor<16x32xf32>
        -> !tile.pending<tensor<16x32xf32> holding tensor<16x32xf16>>
    %s, %free = tile.await %x : !tile.pending<tensor<16x32xf32> holding tensor<16x32xf16>>
    tile.release %free : !tile.slot<tensor<16x32xf16>>
    scf.yield %s : tensor<16x32xf32>
  }
  %o = arith.truncf %sum : tensor<16x32xf32> to tensor<16x32xf16>
  %os = tile.share %o : tensor<16x32xf16> -> !tile.shared<tensor<16x32xf16>>
  tile.store %os, %y[%c0, %c0] [16, 32] : !tile.shared<tensor<16x32xf16>>, memref<16x32xf16>
  return
}

// -----

// Parts of a workspace may be farther apart than 32 bits count bytes.
// CHECK-LABEL: llvm.func @far
//       CHECK:   %[[N:.+]] = arith.extsi %arg2 : i32 to i64
//       CHECK:   %[[SHIFT:.+]] = arith.muli %[[N]], %c512_i64 : i64
//       CHECK:   llvm.getelementptr %arg1[%[[SHIFT]]] : (!llvm.ptr<1>, i64)
func.func @far(%x: memref<?x32xf32> {headgate.dims = ["N", 32]}, %w: memref<?xi8> {headgate.workspace})
    attributes {tile.schedule = #tile.schedule<rows = 1>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %bytes = arith.constant 512 : index
  %n = memref.dim %x, %c0 : memref<?x32xf32>
  %shift = arith.muli %n, %bytes : index
  %v = memref.view %w[%shift][%n] : memref<?xi8> to memref<?x32xf32>
  %t = tile.load %v[%c0, %c0] [1, 32] : memref<?x32xf32> -> tensor<1x32xf32>
  tile.store %t, %x[%c0, %c0] [1, 32] : tensor<1x32xf32>, memref<?x32xf32>
  return
}

// -----

// What is not launched.
// CHECK-LABEL: func.func @left_alone
//       CHECK:   tile.load
func.func @left_alone(%x: memref<8x16xf32>, %y: memref<8x16xf32>) attributes {tile.schedule = #tile.schedule<rows = 8, warps = 1>} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [8, 16] : memref<8x16xf32> -> tensor<8x16xf32>
  tile.store %t, %y[%c0, %c0] [8, 16] : tensor<8x16xf32>, memref<8x16xf32>
  return
}

// RUN: headgate-opt %s --headgate-lower-tile-to-vector=target=host:x86-64-v4 --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s --implicit-check-not=tile.
// RUN: headgate-opt %s --headgate-lower-tile-to-vector=target=host:x86-64-v3 --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=V3 --implicit-check-not=tile.

// One pass computes each element once for all that needs it, and what is written
// last goes where what is read last was. A row's factor is read once for a row.
// CHECK-LABEL: func @sweeps
//       CHECK:   %[[SCORES:.+]] = memref.view {{.+}} to memref<3x64xf32>
//       CHECK:   memref.store %{{.+}}, %[[F:.+]][%{{.+}}] : memref<32xf32>
//       CHECK:   scf.for %[[I:.+]] = %c0 to %c3
//       CHECK:     %[[A:.+]] = memref.load %[[F]][%[[I]]]
//       CHECK:     %[[SUM:.+]] = scf.for %[[C:.+]] = %c0 to %c64 step %c32 iter_args(%[[PARTIAL:.+]] = %{{.+}}) -> (vector<32xf32>)
//       CHECK:       %[[X:.+]] = vector.load %{{.+}}[%[[I]], %[[C]]] : memref<?x64xf32>, vector<32xf32>
//       CHECK:       %[[AB:.+]] = vector.broadcast %[[A]]
//       CHECK:       %[[P:.+]] = arith.mulf %{{.+}}, %[[AB]] : vector<32xf32>
//       CHECK:       %[[NEXT:.+]] = arith.addf %[[PARTIAL]], %[[P]] : vector<32xf32>
//       CHECK:       vector.store %[[P]], %[[SCORES]][%[[I]], %[[C]]]
//       CHECK:       scf.yield %[[NEXT]]
//       CHECK:     %[[S:.+]] = vector.reduction <add>, %[[SUM]] fastmath<reassoc> : vector<32xf32> into f32
//       CHECK:     memref.store %[[S]]
func.func @sweeps(%x: memref<?x64xf32>, %f: memref<3xf32>, %w: memref<64x16xf32>, %s: memref<3xf32>, %y: memref<3x16xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 3>} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [3, 64] : memref<?x64xf32> -> tensor<3x64xf32>
  %a = tile.load %f[%c0] [3] : memref<3xf32> -> tensor<3xf32>
  %ab = tile.broadcast %a along 1 : tensor<3xf32> -> tensor<3x64xf32>
  %p = arith.mulf %t, %ab : tensor<3x64xf32>
  %sum = tile.reduce add %p : tensor<3x64xf32> -> tensor<3xf32>
  tile.store %sum, %s[%c0] [3] : tensor<3xf32>, memref<3xf32>
  %m = tile.load %w[%c0, %c0] [64, 16] : memref<64x16xf32> -> tensor<64x16xf32>
  %d = tile.dot %p, %m : tensor<3x64xf32>, tensor<64x16xf32> -> tensor<3x16xf32>
  tile.store %d, %y[%c0, %c0] [3, 16] : tensor<3x16xf32>, memref<3x16xf32>
  return
}

// -----

// A product from panels: as many rows as registers hold, two vectors each; the
// element of the left factor is spread once for both. What multiplies the
// accumulator is done where it is read.
// CHECK-LABEL: func @panels
//       CHECK:   scf.for %[[PANEL:.+]] = %c0 to %c2 step %c1
//       CHECK:     %[[SCALED:.+]] = arith.mulf %{{.+}}, %{{.+}} : vector<16xf32>
//       CHECK:     scf.for %[[K:.+]] = %c0 to %{{.+}} step %c1 iter_args({{.*}} = %[[SCALED]]
//  CHECK-SAME:       -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
//   CHECK-DAG:       %[[B0:.+]] = vector.load %{{.+}}[%[[PANEL]], %[[K]], %c0] : memref<2x?x32xf32>, vector<16xf32>
//   CHECK-DAG:       %[[B1:.+]] = vector.load %{{.+}}[%[[PANEL]], %[[K]], %c16] : memref<2x?x32xf32>, vector<16xf32>
//       CHECK:       %[[E:.+]] = memref.load %{{.+}}[%c0, %[[K]]]
//       CHECK:       %[[L:.+]] = vector.broadcast %[[E]] : f32 to vector<16xf32>
//       CHECK:       math.fma %[[L]], %[[B0]]
//       CHECK:       math.fma %[[L]], %[[B1]]
//    V3-LABEL: func @panels
//           V3:   scf.for %{{.+}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
func.func @panels(%x: memref<2x50xf32>, %w: memref<2x?x32xf32>, %s: memref<2xf32>, %y: memref<2x64xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 2>} {
  %c0 = arith.constant 0 : index
  %f = tile.load %s[%c0] [2] : memref<2xf32> -> tensor<2xf32>
  %fb = tile.broadcast %f along 1 : tensor<2xf32> -> tensor<2x64xf32>
  %half = arith.constant dense<0.5> : tensor<2x64xf32>
  %acc = arith.mulf %fb, %half : tensor<2x64xf32>
  %a = tile.load %x[%c0, %c0] [2, 50] : memref<2x50xf32> -> tensor<2x50xf32>
  %p = tile.load %w[%c0, %c0, %c0] [2, 50, 32] : memref<2x?x32xf32> -> tensor<50x64xf32, #tile.panels<32 x 1>>
  %d = tile.dot %a, %p acc %acc : tensor<2x50xf32>, tensor<50x64xf32, #tile.panels<32 x 1>>, tensor<2x64xf32> -> tensor<2x64xf32>
  tile.store %d, %y[%c0, %c0] [2, 64] : tensor<2x64xf32>, memref<2x64xf32>
  return
}

// -----

// Columns beyond `cols` are masked with what changes no maximum, and `depth`
// does not read them: the passes between end where the products do.
// CHECK-LABEL: func @shortened
//  CHECK-SAME:   %[[N:[^:]+]]: index)
//       CHECK:   %[[COLS:.+]] = arith.minsi %[[N]], %c256
//       CHECK:   scf.for %{{.+}} = %c0 to %[[COLS]] step %c16
//       CHECK:     vector.shuffle
//       CHECK:   %[[UP:.+]] = arith.addi %[[N]], %c31
//       CHECK:   %[[CHUNKS:.+]] = arith.divui %[[UP]], %c32
//       CHECK:   %[[ALL:.+]] = arith.muli %[[CHUNKS]], %c32
//       CHECK:   %[[END:.+]] = arith.minsi %[[ALL]], %c256
//       CHECK:   scf.for %{{.+}} = %c0 to %[[END]] step %c32
//       CHECK:     arith.select %{{.+}} : vector<32xi1>, vector<32xf32>
//       CHECK:   vector.reduction <maxnumf>
//       CHECK:   scf.for %{{.+}} = %c0 to %[[END]] step %c32
//       CHECK:     llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
//       CHECK:   %[[TERMS:.+]] = arith.minsi %{{.+}}, %[[N]]
//       CHECK:   scf.for %{{.+}} = %c0 to %[[TERMS]] step %c1
//    V3-LABEL: func @shortened
//      V3-NOT:   llvm.call_intrinsic
func.func @shortened(%x: memref<2x16xf32>, %k: memref<?x16xf32>, %y: memref<2x16xf32>, %n: index)
    attributes {tile.schedule = #tile.schedule<rows = 2>} {
  %c0 = arith.constant 0 : index
  %q = tile.load %x[%c0, %c0] [2, 16] : memref<2x16xf32> -> tensor<2x16xf32>
  %kt = tile.load %k[%c0, %c0] [256, 16] : memref<?x16xf32> -> tensor<256x16xf32>
  %s = tile.dot %q, transpose %kt cols(%n) : tensor<2x16xf32>, tensor<256x16xf32> -> tensor<2x256xf32>
  %c = tile.iota : tensor<256xi32>
  %n32 = arith.index_cast %n : index to i32
  %limit = tensor.splat %n32 : tensor<256xi32>
  %see0 = arith.cmpi slt, %c, %limit : tensor<256xi32>
  %see = tile.broadcast %see0 along 0 : tensor<256xi1> -> tensor<2x256xi1>
  %ninf = arith.constant dense<0xFF800000> : tensor<2x256xf32>
  %masked = arith.select %see, %s, %ninf : tensor<2x256xi1>, tensor<2x256xf32>
  %m = tile.reduce max %masked : tensor<2x256xf32> -> tensor<2xf32>
  %mb = tile.broadcast %m along 1 : tensor<2xf32> -> tensor<2x256xf32>
  %d = arith.subf %masked, %mb : tensor<2x256xf32>
  %p = math.exp2 %d : tensor<2x256xf32>
  %vt = tile.load %k[%c0, %c0] [256, 16] : memref<?x16xf32> -> tensor<256x16xf32>
  %o = tile.dot %p, %vt depth(%n) : tensor<2x256xf32>, tensor<256x16xf32> -> tensor<2x16xf32>
  tile.store %o, %y[%c0, %c0] [2, 16] : tensor<2x16xf32>, memref<2x16xf32>
  return
}

// -----

// Keys of three heads side by side: the block of the first head reads the rows of
// all, a line of 64 bytes at a time, before its product.
// CHECK-LABEL: func @shared_rows
//  CHECK-SAME:   , %[[HEAD:[^:,]+]]: index
//       CHECK:   %[[FIRST:.+]] = arith.cmpi eq, %[[HEAD]], %c0
//       CHECK:   scf.if %[[FIRST]] {
//       CHECK:     scf.for {{.+}} step %c64
//       CHECK:       llvm.load volatile
//       CHECK:   vector.load
// CHECK-LABEL: func @rows_first
//   CHECK-NOT:   llvm.load volatile
func.func @shared_rows(%x: memref<2x16xf32>, %k: memref<?x3x16xf32>, %y: memref<2x64xf32>, %head: index)
    attributes {tile.schedule = #tile.schedule<rows = 2, keys = 64>} {
  %c0 = arith.constant 0 : index
  %q = tile.load %x[%c0, %c0] [2, 16] : memref<2x16xf32> -> tensor<2x16xf32>
  %kt = tile.load %k[%c0, %head, %c0] [64, 1, 16] : memref<?x3x16xf32> -> tensor<64x16xf32>
  %s = tile.dot %q, transpose %kt : tensor<2x16xf32>, tensor<64x16xf32> -> tensor<2x64xf32>
  tile.store %s, %y[%c0, %c0] [2, 64] : tensor<2x64xf32>, memref<2x64xf32>
  return
}
// Blocks that follow one another are of one head here.
func.func @rows_first(%x: memref<2x16xf32>, %k: memref<?x3x16xf32>, %y: memref<2x64xf32>, %head: index)
    attributes {tile.schedule = #tile.schedule<rows = 2, keys = 64, order = rows>} {
  %c0 = arith.constant 0 : index
  %q = tile.load %x[%c0, %c0] [2, 16] : memref<2x16xf32> -> tensor<2x16xf32>
  %kt = tile.load %k[%c0, %head, %c0] [64, 1, 16] : memref<?x3x16xf32> -> tensor<64x16xf32>
  %s = tile.dot %q, transpose %kt : tensor<2x16xf32>, tensor<64x16xf32> -> tensor<2x64xf32>
  tile.store %s, %y[%c0, %c0] [2, 64] : tensor<2x64xf32>, memref<2x64xf32>
  return
}

// -----

// Without a schedule it is somebody else's.
// CHECK-LABEL: func @no_schedule
func.func @no_schedule(%x: memref<2xf32>) {
  return
}

// RUN: headgate-opt %s --headgate-pack-operands=target=host:x86-64-v4+avx512bf16 --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s
// RUN: headgate-opt %s --headgate-pack-operands=target=host:x86-64-v3 --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=V3

// Keys become columns, values terms. One launch packs both, 256 rows of one head
// a block: their rows are equally many. Pairs of bf16 where the CPU multiplies
// them; else f32, and probabilities are not rounded at all.
// CHECK-LABEL: func.func private @attend_pack(
//  CHECK-SAME:   "S", 2, 24]}, %[[K:[^:]+]]: memref<?x?x2x24xbf16> {{[^%]+}} %[[V:[^:]+]]: memref<?x?x2x40xbf16> {{.+}}, %[[WS:[^:]+]]: memref<?xi8>)
//  CHECK-SAME:   headgate.launch = {grid = ["2*B", "cdiv(T,256)", "1"], index = 0 : i64, kernel = "attend", workspaceBytes = "3072*B*cdiv(T,32)+512*B*cdiv(T,2)"}
//   CHECK-DAG:   %[[KP:.+]] = memref.view %[[WS]][%c0][{{.+}}] : memref<?xi8> to memref<?x2x?x12x64xbf16>
//   CHECK-DAG:   %[[VP:.+]] = memref.view %[[WS]][%{{.+}}][{{.+}}] : memref<?xi8> to memref<?x2x2x?x64xbf16>
//       CHECK:   vector.load %[[K]]{{.+}} : memref<?x?x2x24xbf16>, vector<24xbf16>
//       CHECK:   vector.shuffle
//       CHECK:   vector.store %{{.+}}, %[[KP]]
//       CHECK:   vector.load %[[V]]{{.+}} : memref<?x?x2x40xbf16>, vector<32xbf16>
//       CHECK:   vector.interleave
//       CHECK:   vector.store %{{.+}}, %[[VP]]
//       CHECK:   vector.load %[[V]]{{.+}} : memref<?x?x2x40xbf16>, vector<8xbf16>
//       CHECK:   vector.store %{{.+}}, %[[VP]]
// CHECK-LABEL: func.func private @attend(
//  CHECK-SAME:   headgate.launch = {grid = ["2*B", "cdiv(S,3)", "1"], index = 1 : i64, kernel = "attend"}
//       CHECK:   scf.for %[[K0:.+]] = %c0 to
//       CHECK:     %[[P:.+]] = arith.divui %[[K0]], %c32
//       CHECK:     %[[KT:.+]] = tile.load %{{.+}}[%[[B:.+]], %[[H:.+]], %[[P]], %c0, %c0] [1, 1, 2, 12, 64] : memref<?x2x?x12x64xbf16> -> tensor<64x24xbf16, #tile.panels<32 x 2>>
//       CHECK:     tile.dot %{{.+}}, transpose %[[KT]]
//       CHECK:     arith.truncf
//       CHECK:     %[[U:.+]] = arith.divui %[[K0]], %c2
//       CHECK:     %[[VT:.+]] = tile.load %{{.+}}[%[[B]], %[[H]], %c0, %[[U]], %c0] [1, 1, 2, 32, 64] : memref<?x2x2x?x64xbf16> -> tensor<64x40xbf16, #tile.panels<32 x 2>>
//       CHECK:     tile.dot %{{.+}}, %[[VT]] acc
//    V3-LABEL: func.func private @attend_pack(
//     V3-SAME:   workspaceBytes = "3072*B*cdiv(T,16)+384*B*T"
//          V3:   arith.extf %{{.+}} : vector<8xbf16> to vector<8xf32>
//    V3-LABEL: func.func private @attend(
//          V3:   %[[Q:.+]] = arith.extf %{{.+}} : tensor<3x24xbf16> to tensor<3x24xf32>
//          V3:     tile.dot %[[Q]], transpose %{{.+}} : tensor<3x24xf32>, tensor<64x24xf32, #tile.panels<16 x 1>> -> tensor<3x64xf32>
//      V3-NOT:     arith.truncf
//          V3:     tile.dot %{{.+}}, %{{.+}} acc %{{.+}} : tensor<3x64xf32>, tensor<64x40xf32, #tile.panels<16 x 1>>
func.func private @attend(%q: memref<?x?x2x24xbf16> {headgate.dims = ["B", "S", 2, 24]}, %k: memref<?x?x2x24xbf16> {headgate.dims = ["B", "T", 2, 24]},
    %v: memref<?x?x2x40xbf16> {headgate.dims = ["B", "T", 2, 40]}, %o: memref<?x?x2x40xf32> {headgate.dims = ["B", "S", 2, 40], headgate.output})
    attributes {headgate.launch = {kernel = "attend", index = 0 : i64, grid = ["2*B", "cdiv(S,3)", "1"]}, tile.schedule = #tile.schedule<rows = 3, keys = 64>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c64 = arith.constant 64 : index
  %x = gpu.block_id x
  %y = gpu.block_id y
  %b = arith.divui %x, %c2 : index
  %h = arith.remui %x, %c2 : index
  %s0 = arith.muli %y, %c3 : index
  %T = memref.dim %k, %c1 : memref<?x?x2x24xbf16>
  %qt = tile.load %q[%b, %s0, %h, %c0] [1, 3, 1, 24] : memref<?x?x2x24xbf16> -> tensor<3x24xbf16>
  %z = arith.constant dense<0.0> : tensor<3x40xf32>
  %acc = scf.for %k0 = %c0 to %T step %c64 iter_args(%a = %z) -> (tensor<3x40xf32>) {
    %kt = tile.load %k[%b, %k0, %h, %c0] [1, 64, 1, 24] : memref<?x?x2x24xbf16> -> tensor<64x24xbf16>
    %s = tile.dot %qt, transpose %kt : tensor<3x24xbf16>, tensor<64x24xbf16> -> tensor<3x64xf32>
    %p = arith.truncf %s : tensor<3x64xf32> to tensor<3x64xbf16>
    %vt = tile.load %v[%b, %k0, %h, %c0] [1, 64, 1, 40] : memref<?x?x2x40xbf16> -> tensor<64x40xbf16>
    %r = tile.dot %p, %vt acc %a : tensor<3x64xbf16>, tensor<64x40xbf16>, tensor<3x40xf32> -> tensor<3x40xf32>
    scf.yield %r : tensor<3x40xf32>
  }
  tile.store %acc, %o[%b, %s0, %h, %c0] [1, 3, 1, 40] : tensor<3x40xf32>, memref<?x?x2x40xf32>
  return
}

// -----

// A sequence has rows of its own: the packing launch computes the same bounds
// from the batch, and writes zeros outside.
// CHECK-LABEL: func.func private @ragged_pack(
//  CHECK-SAME:   %[[N:[^:]+]]: memref<?xi32> {headgate.dims = ["B"]}
//  CHECK-SAME:   grid = ["2*B", "cdiv(T,256)", "1"]
//       CHECK:   %[[X:.+]] = gpu.block_id x
//       CHECK:   %[[B:.+]] = arith.divui %[[X]], %c2
//       CHECK:   %[[L:.+]] = memref.load %[[N]][%[[B]]]
//       CHECK:   %[[END:.+]] = arith.minsi
//       CHECK:   arith.cmpi slt, %{{.+}}, %[[END]]
func.func private @ragged(%k: memref<?x?x2x16xf32> {headgate.dims = ["B", "T", 2, 16]}, %n: memref<?xi32> {headgate.dims = ["B"]},
    %o: memref<?x2x4x32xf32> {headgate.dims = ["B", 2, 4, 32], headgate.output})
    attributes {headgate.launch = {kernel = "ragged", index = 0 : i64, grid = ["2*B", "1", "1"]}, tile.schedule = #tile.schedule<rows = 4, keys = 32>} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %x = gpu.block_id x
  %b = arith.divui %x, %c2 : index
  %h = arith.remui %x, %c2 : index
  %n32 = memref.load %n[%b] : memref<?xi32>
  %count = arith.index_cast %n32 : i32 to index
  %view = memref.subview %k[%b, 0, 0, 0] [1, %count, 2, 16] [1, 1, 1, 1]
      : memref<?x?x2x16xf32> to memref<1x?x2x16xf32, strided<[?, 32, 16, 1], offset: ?>>
  %one = arith.constant dense<1.0> : tensor<4x16xf32>
  %kt = tile.load %view[%c0, %c0, %h, %c0] [1, 32, 1, 16] : memref<1x?x2x16xf32, strided<[?, 32, 16, 1], offset: ?>> -> tensor<32x16xf32>
  %s = tile.dot %one, transpose %kt : tensor<4x16xf32>, tensor<32x16xf32> -> tensor<4x32xf32>
  tile.store %s, %o[%b, %h, %c0, %c0] [1, 1, 4, 32] : tensor<4x32xf32>, memref<?x2x4x32xf32>
  return
}

// -----

// A projection's weights: all blocks of columns of one matrix, its rows are terms.
// CHECK-LABEL: func.func private @project_pack(
//  CHECK-SAME:   grid = ["1", "2", "1"], index = 0 : i64, kernel = "project", workspaceBytes = "98304"
// CHECK-LABEL: func.func private @project(
//       CHECK:   tile.load %{{.+}}[%{{.+}}, %{{.+}}, %c0] [2, 128, 32] : memref<2x384x32xf32> -> tensor<128x64xf32, #tile.panels<32 x 1>>
func.func private @project(%x: memref<?x384xf32> {headgate.dims = ["S", 384]}, %w: memref<384x64xf32> {headgate.dims = [384, 64]},
    %y: memref<?x64xf32> {headgate.dims = ["S", 64], headgate.output})
    attributes {headgate.launch = {kernel = "project", index = 0 : i64, grid = ["1", "cdiv(S,12)", "1"]}, tile.schedule = #tile.schedule<rows = 12, cols = 64, depth = 128>} {
  %c0 = arith.constant 0 : index
  %c12 = arith.constant 12 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %c384 = arith.constant 384 : index
  %bx = gpu.block_id x
  %by = gpu.block_id y
  %n0 = arith.muli %bx, %c64 : index
  %s0 = arith.muli %by, %c12 : index
  %z = arith.constant dense<0.0> : tensor<12x64xf32>
  %acc = scf.for %k0 = %c0 to %c384 step %c128 iter_args(%a = %z) -> (tensor<12x64xf32>) {
    %xt = tile.load %x[%s0, %k0] [12, 128] : memref<?x384xf32> -> tensor<12x128xf32>
    %wt = tile.load %w[%k0, %n0] [128, 64] : memref<384x64xf32> -> tensor<128x64xf32>
    %r = tile.dot %xt, %wt acc %a : tensor<12x128xf32>, tensor<128x64xf32>, tensor<12x64xf32> -> tensor<12x64xf32>
    scf.yield %r : tensor<12x64xf32>
  }
  tile.store %acc, %y[%s0, %n0] [12, 64] : tensor<12x64xf32>, memref<?x64xf32>
  return
}

// -----

// Left alone, each for its reason.
// CHECK-LABEL: func.func private @left
//   CHECK-NOT: panels
//       CHECK: return
func.func private @left(%k: memref<?x96x16xf32> {headgate.dims = ["B", 96, 16]}, %n: memref<?xi32> {headgate.dims = ["B"]},
    %o: memref<3x32xf32> {headgate.dims = [3, 32], headgate.output})
    attributes {headgate.launch = {kernel = "left", index = 0 : i64, grid = ["1", "1", "1"]}, tile.schedule = #tile.schedule<rows = 3>} {
  %c0 = arith.constant 0 : index
  %c5 = arith.constant 5 : index
  %a = arith.constant dense<1.0> : tensor<3x16xf32>
  %odd = tile.load %k[%c0, %c5, %c0] [1, 32, 16] : memref<?x96x16xf32> -> tensor<32x16xf32>
  // expected-remark @below {{right factor not packed: its window does not move in whole panels}}
  %d0 = tile.dot %a, transpose %odd : tensor<3x16xf32>, tensor<32x16xf32> -> tensor<3x32xf32>
  %rows = tile.iota : tensor<32xi32>
  %picked = tile.load %k[%c0, %c0, %c0] [1, 1, 16] rows(%rows at [1] : tensor<32xi32>) : memref<?x96x16xf32> -> tensor<32x16xf32>
  // expected-remark @below {{right factor not packed: its rows are gathered}}
  %d1 = tile.dot %a, transpose %picked acc %d0 : tensor<3x16xf32>, tensor<32x16xf32>, tensor<3x32xf32> -> tensor<3x32xf32>
  %sum = arith.addf %odd, %picked : tensor<32x16xf32>
  // expected-remark @below {{right factor not packed: it is not read from memory}}
  %d2 = tile.dot %a, transpose %sum acc %d1 : tensor<3x16xf32>, tensor<32x16xf32>, tensor<3x32xf32> -> tensor<3x32xf32>
  %y = gpu.block_id y
  %n32 = memref.load %n[%y] : memref<?xi32>
  %count = arith.index_cast %n32 : i32 to index
  %view = memref.subview %k[0, 0, 0] [1, %count, 16] [1, 1, 1] : memref<?x96x16xf32> to memref<1x?x16xf32, strided<[1536, 16, 1]>>
  %own = tile.load %view[%c0, %c0, %c0] [1, 32, 16] : memref<1x?x16xf32, strided<[1536, 16, 1]>> -> tensor<32x16xf32>
  // expected-remark @below {{right factor not packed: its rows have bounds that do not follow from their matrix}}
  %d3 = tile.dot %a, transpose %own acc %d2 : tensor<3x16xf32>, tensor<32x16xf32>, tensor<3x32xf32> -> tensor<3x32xf32>
  tile.store %d3, %o[%c0, %c0] [3, 32] : tensor<3x32xf32>, memref<3x32xf32>
  return
}

// -----

// A schedule that reads right factors where they lie.
// CHECK-LABEL: func.func private @decode(
//  CHECK-SAME:   index = 0
//   CHECK-NOT: panels
func.func private @decode(%k: memref<?x32x16xf32> {headgate.dims = ["B", 32, 16]}, %o: memref<1x32xf32> {headgate.dims = [1, 32], headgate.output})
    attributes {headgate.launch = {kernel = "decode", index = 0 : i64, grid = ["1", "1", "1"]}, tile.schedule = #tile.schedule<rows = 1, stages = 0>} {
  %c0 = arith.constant 0 : index
  %a = arith.constant dense<1.0> : tensor<1x16xf32>
  %kt = tile.load %k[%c0, %c0, %c0] [1, 32, 16] : memref<?x32x16xf32> -> tensor<32x16xf32>
  %d = tile.dot %a, transpose %kt : tensor<1x16xf32>, tensor<32x16xf32> -> tensor<1x32xf32>
  tile.store %d, %o[%c0, %c0] [1, 32] : tensor<1x32xf32>, memref<1x32xf32>
  return
}

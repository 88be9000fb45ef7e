// RUN: headgate-opt %s | FileCheck %s
// RUN: headgate-opt %s | headgate-opt | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt | FileCheck %s

// CHECK-DAG: #[[$PRODUCT:.+]] = #tile.frag<reg [2:c1, 2:r8, 3:c8], lane [4:c2, 8:r1], warp [2:r16]>
// CHECK-DAG: #[[$COPY:.+]] = #tile.frag<reg [8:c1, 2:r8], lane [4:x, 8:r1], warp []>
#product = #tile.frag<reg [2:c1, 2:r8, 3:c8], lane [4:c2, 8:r1], warp [2:r16]>
#row = #tile.frag<reg [2:r8], lane [4:x, 8:r1], warp [2:r16]>
#part = #tile.frag<reg [2:r8], lane [4:c1, 8:r1], warp [2:r16]>
#copy = #tile.frag<reg [8:c1, 2:r8], lane [4:x, 8:r1], warp []>

// CHECK-LABEL: func private @types
//  CHECK-SAME:   !tile.shared<tensor<3x5xbf16>>, !tile.ring<2 x tensor<3x5xf16>>, !tile.slot<tensor<3x5xf32>>
//  CHECK-SAME:   !tile.pending<tensor<3x5xf32>>, !tile.pending<tensor<3x5xf32> holding tensor<3x7xbf16>, tensor<7x5xbf16>>
func.func private @types(!tile.shared<tensor<3x5xbf16>>, !tile.ring<2 x tensor<3x5xf16>>, !tile.slot<tensor<3x5xf32>>,
    !tile.pending<tensor<3x5xf32>>, !tile.pending<tensor<3x5xf32> holding tensor<3x7xbf16>, tensor<7x5xbf16>>)

// Extents need not be powers of two, and digits that move nowhere are copies.
// CHECK-LABEL: func @fragments
//       CHECK:   tile.reduce max %{{.+}} : tensor<32x24xf32, #[[$PRODUCT]]> -> tensor<32xf32, #
//       CHECK:   tile.reduce add %{{.+}} : tensor<32x24xf32, #[[$PRODUCT]]> -> tensor<32x4xf32, #
//       CHECK:   tile.load %{{.+}} : memref<?x8xbf16> -> tensor<16x8xbf16, #[[$COPY]]>
func.func @fragments(%s: tensor<32x24xf32, #product>, %x: memref<?x8xbf16>, %i: index) {
  %m = tile.reduce max %s : tensor<32x24xf32, #product> -> tensor<32xf32, #row>
  %l = tile.reduce add %s : tensor<32x24xf32, #product> -> tensor<32x4xf32, #part>
  %t = tile.load %x[%i, %i] [16, 8] : memref<?x8xbf16> -> tensor<16x8xbf16, #copy>
  return
}

// A turn of the loop that feeds two products: both gets, then both puts, so
// that one barrier serves both.
// CHECK-LABEL: func @stream
//       CHECK:   %[[Q:.+]] = tile.share async %{{.+}} : tensor<32x16xbf16> -> !tile.shared<tensor<32x16xbf16>>
//       CHECK:   %[[K:.+]] = tile.ring readers 1 : !tile.ring<2 x tensor<24x16xbf16>>
//       CHECK:   %[[KS:.+]] = tile.get %[[K]][%{{.+}}] newer 0 : !tile.ring<2 x tensor<24x16xbf16>> -> !tile.slot<tensor<24x16xbf16>>
//       CHECK:   tile.put %[[K]][%{{.+}}], %{{.+}}[%{{.+}}, %{{.+}}] [24, 16] : !tile.ring<2 x tensor<24x16xbf16>>, memref<?x16xbf16>
//       CHECK:   tile.put %{{.+}}[%{{.+}}], %{{.+}}[%{{.+}}, %{{.+}}] [1, 16] rows(%{{.+}} at [0] : tensor<24xi32>) : !tile.ring<2 x tensor<24x16xbf16>>, memref<?x16xbf16>
//       CHECK:   %[[SP:.+]] = tile.start %[[Q]], transpose %[[KS]] : !tile.shared<tensor<32x16xbf16>>, !tile.slot<tensor<24x16xbf16>> -> !tile.pending<tensor<32x24xf32> holding tensor<24x16xbf16>>
//       CHECK:   %[[S:.+]], %[[FREE:.+]] = tile.await %[[SP]] : !tile.pending<tensor<32x24xf32> holding tensor<24x16xbf16>>
//       CHECK:   tile.release %[[FREE]] : !tile.slot<tensor<24x16xbf16>>
//       CHECK:   tile.start %{{.+}}, %{{.+}} acc %{{.+}} : tensor<32x24xbf16>, !tile.slot<tensor<24x16xbf16>>, tensor<32x16xf32> -> !tile.pending<tensor<32x16xf32> holding tensor<24x16xbf16>>
//       CHECK:   tile.store %{{.+}}, %{{.+}}[%{{.+}}, %{{.+}}] [32, 16] : !tile.shared<tensor<32x16xbf16>>, memref<?x16xbf16>
func.func @stream(%q: memref<?x16xbf16>, %k: memref<?x16xbf16>, %v: memref<?x16xbf16>, %page: tensor<24xi32>, %n: index)
    attributes {tile.schedule = #tile.schedule<rows = 32, keys = 24, warps = 2, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1 : i32
  %o0 = arith.constant dense<0.0> : tensor<32x16xf32>
  %qt = tile.load %q[%c0, %c0] [32, 16] : memref<?x16xbf16> -> tensor<32x16xbf16>
  %qs = tile.share async %qt : tensor<32x16xbf16> -> !tile.shared<tensor<32x16xbf16>>
  %K = tile.ring readers 1 : !tile.ring<2 x tensor<24x16xbf16>>
  %V = tile.ring readers 1 : !tile.ring<2 x tensor<24x16xbf16>>
  %fin = scf.for %i = %c0 to %n step %c1 iter_args(%o = %o0) -> tensor<32x16xf32> {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %one : i32
    %ks = tile.get %K[%p] newer 0 : !tile.ring<2 x tensor<24x16xbf16>> -> !tile.slot<tensor<24x16xbf16>>
    %vs = tile.get %V[%p] newer 0 : !tile.ring<2 x tensor<24x16xbf16>> -> !tile.slot<tensor<24x16xbf16>>
    tile.put %K[%next], %k[%i, %c0] [24, 16] : !tile.ring<2 x tensor<24x16xbf16>>, memref<?x16xbf16>
    tile.put %V[%next], %v[%i, %c0] [1, 16] rows(%page at [0] : tensor<24xi32>) : !tile.ring<2 x tensor<24x16xbf16>>, memref<?x16xbf16>
    %sp = tile.start %qs, transpose %ks : !tile.shared<tensor<32x16xbf16>>, !tile.slot<tensor<24x16xbf16>>
        -> !tile.pending<tensor<32x24xf32> holding tensor<24x16xbf16>>
    %s, %kfree = tile.await %sp : !tile.pending<tensor<32x24xf32> holding tensor<24x16xbf16>>
    tile.release %kfree : !tile.slot<tensor<24x16xbf16>>
    %pb = arith.truncf %s : tensor<32x24xf32> to tensor<32x24xbf16>
    %op = tile.start %pb, %vs acc %o : tensor<32x24xbf16>, !tile.slot<tensor<24x16xbf16>>, tensor<32x16xf32>
        -> !tile.pending<tensor<32x16xf32> holding tensor<24x16xbf16>>
    %on, %vfree = tile.await %op : !tile.pending<tensor<32x16xf32> holding tensor<24x16xbf16>>
    tile.release %vfree : !tile.slot<tensor<24x16xbf16>>
    scf.yield %on : tensor<32x16xf32>
  }
  %ob = arith.truncf %fin : tensor<32x16xf32> to tensor<32x16xbf16>
  %os = tile.share %ob : tensor<32x16xbf16> -> !tile.shared<tensor<32x16xbf16>>
  tile.store %os, %q[%c0, %c0] [32, 16] : !tile.shared<tensor<32x16xbf16>>, memref<?x16xbf16>
  return
}

// A product of two slots takes both over; one of shared tiles holds nothing.
// CHECK-LABEL: func @factors
//       CHECK:   %[[P:.+]] = tile.start {{.+}} -> !tile.pending<tensor<3x7xf32> holding tensor<3x5xf16>, tensor<5x7xf16>>
//       CHECK:   %{{.+}}, %[[FREED:.+]]:2 = tile.await %[[P]]
//       CHECK:   tile.release %[[FREED]]#0, %[[FREED]]#1 : !tile.slot<tensor<3x5xf16>>, !tile.slot<tensor<5x7xf16>>
//       CHECK:   tile.start {{.+}} -> !tile.pending<tensor<3x3xf32>>
func.func @factors(%a: !tile.slot<tensor<3x5xf16>>, %b: !tile.slot<tensor<5x7xf16>>, %c: !tile.shared<tensor<3x5xf16>>) -> tensor<3x3xf32> {
  %p = tile.start %a, %b : !tile.slot<tensor<3x5xf16>>, !tile.slot<tensor<5x7xf16>> -> !tile.pending<tensor<3x7xf32> holding tensor<3x5xf16>, tensor<5x7xf16>>
  %x, %free:2 = tile.await %p : !tile.pending<tensor<3x7xf32> holding tensor<3x5xf16>, tensor<5x7xf16>>
  tile.release %free#0, %free#1 : !tile.slot<tensor<3x5xf16>>, !tile.slot<tensor<5x7xf16>>
  %q = tile.start %c, transpose %c : !tile.shared<tensor<3x5xf16>>, !tile.shared<tensor<3x5xf16>> -> !tile.pending<tensor<3x3xf32>>
  %y = tile.await %q : !tile.pending<tensor<3x3xf32>>
  return %y : tensor<3x3xf32>
}

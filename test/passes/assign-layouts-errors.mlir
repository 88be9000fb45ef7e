// RUN: headgate-opt %s --headgate-assign-layouts --split-input-file --verify-diagnostics

func.func @rows_of_no_warp(%a: !tile.shared<tensor<48x32xf16>>, %b: !tile.shared<tensor<64x32xf16>>)
    attributes {tile.schedule = #tile.schedule<rows = 48, warps = 2>} {
  // expected-error @+1 {{multiplies 48x32 by 32x64 on 2 warps, but rows must be a multiple of 16 for each warp, columns and terms of 16}}
  %p = tile.start %a, transpose %b : !tile.shared<tensor<48x32xf16>>, !tile.shared<tensor<64x32xf16>> -> !tile.pending<tensor<48x64xf32>>
  %s = tile.await %p : !tile.pending<tensor<48x64xf32>>
  return
}

// -----

func.func @eight_columns(%a: !tile.shared<tensor<32x32xf16>>, %b: !tile.shared<tensor<24x32xf16>>)
    attributes {tile.schedule = #tile.schedule<rows = 32, warps = 2>} {
  // expected-error @+1 {{multiplies 32x32 by 32x24 on 2 warps}}
  %p = tile.start %a, transpose %b : !tile.shared<tensor<32x32xf16>>, !tile.shared<tensor<24x32xf16>> -> !tile.pending<tensor<32x24xf32>>
  %s = tile.await %p : !tile.pending<tensor<32x24xf32>>
  return
}

// -----

// Row maxima lie with rows; as columns they would have to move between threads.
func.func @transposed(%a: !tile.shared<tensor<32x32xf16>>, %b: !tile.shared<tensor<32x32xf16>>, %x: memref<32x32xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 32, warps = 2>} {
  %c0 = arith.constant 0 : index
  %p = tile.start %a, transpose %b : !tile.shared<tensor<32x32xf16>>, !tile.shared<tensor<32x32xf16>> -> !tile.pending<tensor<32x32xf32>>
  %s = tile.await %p : !tile.pending<tensor<32x32xf32>>
  // expected-note @+1 {{where it is made}}
  %m = tile.reduce max %s : tensor<32x32xf32> -> tensor<32xf32>
  // expected-error @+1 {{needs operand 0 as reg [2:r1, 4:r8], lane [4:r2, 8:x], warp [2:x], but it lies as reg [2:r8], lane [4:x, 8:r1], warp [2:r16]}}
  %c = tile.broadcast %m along 0 : tensor<32xf32> -> tensor<32x32xf32>
  %d = arith.subf %s, %c : tensor<32x32xf32>
  tile.store %d, %x[%c0, %c0] [32, 32] : tensor<32x32xf32>, memref<32x32xf32>
  return
}

// -----

func.func @odd_rows(%ring: !tile.ring<2 x tensor<16x32xbf16>>, %k: memref<?x25xbf16>)
    attributes {tile.schedule = #tile.schedule<rows = 16>} {
  %c0 = arith.constant 0 : index
  %p = arith.constant 0 : i32
  // expected-error @+1 {{copies rows that are not aligned to 4 bytes}}
  tile.put %ring[%p], %k[%c0, %c0] [16, 32] : !tile.ring<2 x tensor<16x32xbf16>>, memref<?x25xbf16>
  return
}

// -----

func.func @narrow_rows(%x: memref<16x8xf16>)
    attributes {tile.schedule = #tile.schedule<rows = 16>} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [16, 8] : memref<16x8xf16> -> tensor<16x8xf16>
  // expected-error @+1 {{cannot lay out 'tensor<16x8xf16>' in shared memory: rows are a multiple of 8, and a row of 32 bytes}}
  %s = tile.share %t : tensor<16x8xf16> -> !tile.shared<tensor<16x8xf16>>
  return
}

// -----

func.func @product_of_tiles(%x: memref<16x16xf16>)
    attributes {tile.schedule = #tile.schedule<rows = 16>} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [16, 16] : memref<16x16xf16> -> tensor<16x16xf16>
  // expected-error @+1 {{has factors that are not in shared memory}}
  %s = tile.dot %t, %t : tensor<16x16xf16>, tensor<16x16xf16> -> tensor<16x16xf32>
  return
}

// -----

func.func @odd_share(%k: memref<?x25xbf16>) attributes {tile.schedule = #tile.schedule<rows = 16>} {
  %c0 = arith.constant 0 : index
  %t = tile.load %k[%c0, %c0] [16, 32] : memref<?x25xbf16> -> tensor<16x32xbf16>
  // expected-error @+1 {{copies rows that are not aligned to 4 bytes}}
  %s = tile.share %t : tensor<16x32xbf16> -> !tile.shared<tensor<16x32xbf16>>
  return
}

// -----

// expected-error @+1 {{has a tile for argument 1, but a program loads its tiles}}
func.func @tile_argument(%x: memref<16x32xf32>, %t: tensor<16x32xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 16>} {
  %c0 = arith.constant 0 : index
  tile.store %t, %x[%c0, %c0] [16, 32] : tensor<16x32xf32>, memref<16x32xf32>
  return
}

// -----

func.func @many_values(%x: memref<1x4xf32>) attributes {tile.schedule = #tile.schedule<rows = 1>} {
  %c0 = arith.constant 0 : index
  // expected-error @+1 {{has several values, but a constant tile has one}}
  %t = arith.constant sparse<[[0, 0]], [1.0]> : tensor<1x4xf32>
  tile.store %t, %x[%c0, %c0] [1, 4] : tensor<1x4xf32>, memref<1x4xf32>
  return
}

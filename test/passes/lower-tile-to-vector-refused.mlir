// RUN: headgate-opt %s --headgate-lower-tile-to-vector=target=host:x86-64-v4 --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @three_dimensions
// CHECK-LABEL: func.func @padded_heads
//       CHECK:   tile.load
// CHECK-LABEL: func.func @constant
// CHECK-LABEL: func.func @operation
// CHECK-LABEL: func.func @exchange
//       CHECK:   scf.for {{.+}} -> (tensor<3x4xf32>, tensor<3x4xf32>)
// CHECK-LABEL: func.func @stack
//       CHECK:   tile.dot
// CHECK-LABEL: func.func @shared
// CHECK-LABEL: func.func @fragment

// Refused, each for its reason, and left as it was.
func.func @three_dimensions(%x: memref<2xf32>) attributes {tile.schedule = #tile.schedule<rows = 3>} {
  %c0 = arith.constant 0 : index
  // expected-remark @below {{not lowered to vectors: a tile has one or two static dimensions}}
  %t = arith.constant dense<1.0> : tensor<2x3x4xf32>
  return
}

// -----

// Rows of 3 heads that are 8 wide in memory and 16 in the tile.
func.func @padded_heads(%x: memref<?x3x8xf32>, %y: memref<?x48xf32>) attributes {tile.schedule = #tile.schedule<rows = 4>} {
  %c0 = arith.constant 0 : index
  // expected-remark @below {{not lowered to vectors: the columns of its rows do not lie side by side}}
  %t = tile.load %x[%c0, %c0, %c0] [4, 3, 16] : memref<?x3x8xf32> -> tensor<4x48xf32>
  tile.store %t, %y[%c0, %c0] [4, 48] : tensor<4x48xf32>, memref<?x48xf32>
  return
}

// -----

func.func @constant(%y: memref<2xi32>) attributes {tile.schedule = #tile.schedule<rows = 2>} {
  %c0 = arith.constant 0 : index
  // expected-remark @below {{not lowered to vectors: a constant tile has one value everywhere}}
  %t = arith.constant dense<[1, 2]> : tensor<2xi32>
  return
}

// -----

func.func @operation(%x: tensor<3x4xf32>) attributes {tile.schedule = #tile.schedule<rows = 3>} {
  // expected-remark @below {{not lowered to vectors: this operation on tiles has no form on vectors}}
  %t = tensor.collapse_shape %x [[0, 1]] : tensor<3x4xf32> into tensor<12xf32>
  return
}

// -----

func.func @exchange(%x: memref<3x4xf32>, %n: index) attributes {tile.schedule = #tile.schedule<rows = 3>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = arith.constant dense<0.0> : tensor<3x4xf32>
  %b = arith.constant dense<1.0> : tensor<3x4xf32>
  // expected-remark @below {{not lowered to vectors: the loop exchanges carried tiles}}
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%p = %a, %q = %b) -> (tensor<3x4xf32>, tensor<3x4xf32>) {
    scf.yield %q, %p : tensor<3x4xf32>, tensor<3x4xf32>
  }
  return
}

// -----

// expected-remark @below {{not lowered to vectors: its tiles need 262144 bytes of stack, but a block may have 131072}}
func.func @stack(%x: memref<128x256xf32>, %w: memref<256x256xf32>, %y: memref<128x256xf32>) attributes {tile.schedule = #tile.schedule<rows = 128>} {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0, %c0] [128, 256] : memref<128x256xf32> -> tensor<128x256xf32>
  %b = tile.load %w[%c0, %c0] [256, 256] : memref<256x256xf32> -> tensor<256x256xf32>
  %d = tile.dot %a, %b : tensor<128x256xf32>, tensor<256x256xf32> -> tensor<128x256xf32>
  tile.store %d, %y[%c0, %c0] [128, 256] : tensor<128x256xf32>, memref<128x256xf32>
  return
}

// -----

func.func @shared(%s: !tile.shared<tensor<2x3xf32>>, %y: memref<2x3xf32>) attributes {tile.schedule = #tile.schedule<rows = 2>} {
  %c0 = arith.constant 0 : index
  // expected-remark @below {{not lowered to vectors: the threads of a GPU have this tile together}}
  tile.store %s, %y[%c0, %c0] [2, 3] : !tile.shared<tensor<2x3xf32>>, memref<2x3xf32>
  return
}

// -----

func.func @fragment(%y: memref<32xf32>) attributes {tile.schedule = #tile.schedule<rows = 32>} {
  %c0 = arith.constant 0 : index
  // expected-remark @below {{not lowered to vectors: the threads of a GPU have this tile together}}
  %t = tile.load %y[%c0] [32] : memref<32xf32> -> tensor<32xf32, #tile.frag<reg [], lane [32:r1], warp []>>
  return
}

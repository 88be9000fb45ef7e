// RUN: headgate-opt %s --headgate-pipeline-loads --split-input-file --verify-diagnostics | FileCheck %s

// Loops that are nearly projections, and products beside loops.
// Each is left as it is, and the rule that it breaks is named.
// CHECK-NOT: tile.{{ring|put|start}}

// With one slot, neither factor of the next turn can be under way.
func.func @one_stage(%x: memref<64x?xbf16>, %w: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, cols = 16, depth = 32, warps = 4, stages = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  // expected-remark @below {{not pipelined: with one stage, a turn that needs all its streams at once has no slot to copy into}}
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %k0 = arith.muli %i, %c32 : index
    %a = tile.load %x[%c0, %k0] [64, 32] : memref<64x?xbf16> -> tensor<64x32xbf16>
    %b = tile.load %w[%k0, %c0] [32, 16] : memref<?x16xbf16> -> tensor<32x16xbf16>
    %sum = tile.dot %a, %b acc %o : tensor<64x32xbf16>, tensor<32x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %sum : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// The left factor is computed each turn.
func.func @computed_left(%x: memref<64x?xbf16>, %w: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, cols = 16, depth = 32, warps = 4, stages = 3>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %k0 = arith.muli %i, %c32 : index
    %a0 = tile.load %x[%c0, %k0] [64, 32] : memref<64x?xbf16> -> tensor<64x32xbf16>
    %a = arith.addf %a0, %a0 : tensor<64x32xbf16>
    %b = tile.load %w[%k0, %c0] [32, 16] : memref<?x16xbf16> -> tensor<32x16xbf16>
    // expected-remark @below {{not pipelined: a factor is not loaded in the loop (S3)}}
    %sum = tile.dot %a, %b acc %o : tensor<64x32xbf16>, tensor<32x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %sum : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// A tile times itself.
func.func @square(%w: memref<?x16xbf16>, %n: index)
    -> tensor<16x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, cols = 16, depth = 32, warps = 4, stages = 3>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant dense<0.0> : tensor<16x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<16x16xf32> {
    %k0 = arith.muli %i, %c32 : index
    // expected-remark @below {{not pipelined: it is both factors of a product (S3)}}
    %b = tile.load %w[%k0, %c0] [16, 16] : memref<?x16xbf16> -> tensor<16x16xbf16>
    %sum = tile.dot %b, %b acc %o : tensor<16x16xbf16>, tensor<16x16xbf16>, tensor<16x16xf32> -> tensor<16x16xf32>
    scf.yield %sum : tensor<16x16xf32>
  }
  return %r : tensor<16x16xf32>
}

// -----

// Each turn's product is the result: only the last one is wanted.
func.func @no_sums(%x: memref<64x?xbf16>, %w: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, cols = 16, depth = 32, warps = 4, stages = 3>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %k0 = arith.muli %i, %c32 : index
    %a = tile.load %x[%c0, %k0] [64, 32] : memref<64x?xbf16> -> tensor<64x32xbf16>
    %b = tile.load %w[%k0, %c0] [32, 16] : memref<?x16xbf16> -> tensor<32x16xbf16>
    // expected-remark @below {{not pipelined: it does not add to a carried tile (S4)}}
    %sum = tile.dot %a, %b : tensor<64x32xbf16>, tensor<32x16xbf16> -> tensor<64x16xf32>
    scf.yield %sum : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Weights that are packed for a CPU.
func.func @packed(%x: memref<64x?xbf16>, %b: tensor<32x16xbf16, #tile.panels<16 x 2>>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, cols = 16, depth = 32, warps = 4, stages = 3>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %k0 = arith.muli %i, %c32 : index
    %a = tile.load %x[%c0, %k0] [64, 32] : memref<64x?xbf16> -> tensor<64x32xbf16>
    // expected-remark @below {{not pipelined: its right factor is packed for a CPU}}
    %sum = tile.dot %a, %b acc %o : tensor<64x32xbf16>, tensor<32x16xbf16, #tile.panels<16 x 2>>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %sum : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// The whole loop is under a condition: threads that wait in it would have to
// agree on that, which nothing says.
func.func @conditional_loop(%x: memref<64x?xbf16>, %w: memref<?x16xbf16>, %n: index, %is: i1)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, cols = 16, depth = 32, warps = 4, stages = 3>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %y = scf.if %is -> tensor<64x16xf32> {
    // expected-remark @below {{not pipelined: it is under a condition}}
    %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
      %k0 = arith.muli %i, %c32 : index
      %a = tile.load %x[%c0, %k0] [64, 32] : memref<64x?xbf16> -> tensor<64x32xbf16>
      %b = tile.load %w[%k0, %c0] [32, 16] : memref<?x16xbf16> -> tensor<32x16xbf16>
      %sum = tile.dot %a, %b acc %o : tensor<64x32xbf16>, tensor<32x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
      scf.yield %sum : tensor<64x16xf32>
    }
    scf.yield %r : tensor<64x16xf32>
  } else {
    scf.yield %zero : tensor<64x16xf32>
  }
  return %y : tensor<64x16xf32>
}

// -----

// The same of a product without a loop.
func.func @conditional_product(%a: tensor<64x32xbf16>, %b: tensor<32x16xbf16>, %zero: tensor<64x16xf32>, %is: i1)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, cols = 16, depth = 32, warps = 4, stages = 3>} {
  %y = scf.if %is -> tensor<64x16xf32> {
    // expected-remark @below {{not pipelined: it is under a condition}}
    %sum = tile.dot %a, %b : tensor<64x32xbf16>, tensor<32x16xbf16> -> tensor<64x16xf32>
    scf.yield %sum : tensor<64x16xf32>
  } else {
    scf.yield %zero : tensor<64x16xf32>
  }
  return %y : tensor<64x16xf32>
}

// -----

// Heads side by side, without a loop.
func.func @several_heads(%a: tensor<64x32xbf16>, %b: tensor<32x32xbf16>)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, cols = 16, depth = 32, warps = 4, stages = 3>} {
  // expected-remark @below {{not pipelined: it multiplies several heads at once}}
  %sum = tile.dot %a, %b heads(2) : tensor<64x32xbf16>, tensor<32x32xbf16> -> tensor<64x16xf32>
  return %sum : tensor<64x16xf32>
}

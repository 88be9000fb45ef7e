// RUN: headgate-opt %s --headgate-pipeline-loads --split-input-file --verify-diagnostics | FileCheck %s

// Loops whose turns or streams are nearly those of an attention.
// Each is left as it is, and the rule that it breaks is named.
// CHECK-NOT: tile.{{ring|put|start}}

// It begins with the second tile.
func.func @from_one(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  // expected-remark @below {{not pipelined: it does not count from 0 in steps of 1 (S1)}}
  %r = scf.for %i = %c1 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// It leaves every other tile out.
func.func @by_twos(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  // expected-remark @below {{not pipelined: it does not count from 0 in steps of 1 (S1)}}
  %r = scf.for %i = %c0 to %n step %c2 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Keys from the last to the first, values from the first to the last.
func.func @both_directions(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  // expected-remark @below {{not pipelined: the loop is walked in both directions (S2)}}
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %v0 = arith.muli %i, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%v0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Keys from the last tile, values from the one before it.
func.func @two_ends(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  // expected-remark @below {{not pipelined: the loop is walked from two ends (S2)}}
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %w = arith.subi %n, %i : index
    %v0 = arith.muli %w, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%v0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// The values lie where a turn says.
func.func @memref_inside(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %sub = memref.subview %v[%k0, 0] [48, 16] [1, 1] : memref<?x16xbf16> to memref<48x16xbf16, strided<[16, 1], offset: ?>>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    // expected-remark @below {{not pipelined: its memref is not from outside the loop (S3)}}
    %vt = tile.load %sub[%c0, %c0] [48, 16] : memref<48x16xbf16, strided<[16, 1], offset: ?>> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Pages of keys that a turn looks up.
func.func @rows_inside(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %pages: memref<?xi32>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %rows = tile.load %pages[%k0] [48] : memref<?xi32> -> tensor<48xi32>
    // expected-remark @below {{not pipelined: its rows are not from outside the loop (S3)}}
    %kt = tile.load %k[%c0, %c0] [1, 32] rows(%rows at [0] : tensor<48xi32>) : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// A page for each tile of keys.
func.func @looked_up_place(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %pages: memref<?xindex>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %page = memref.load %pages[%j] : memref<?xindex>
    // expected-remark @below {{not pipelined: its place depends on more than the turn (S3)}}
    %kt = tile.load %k[%page, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// The same keys each turn: they belong before the loop.
func.func @standing_window(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    // expected-remark @below {{not pipelined: its window does not move (S3)}}
    %kt = tile.load %k[%c0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// The values are scaled before they are multiplied.
func.func @computed_factor(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %v2 = arith.addf %vt, %vt : tensor<48x16xbf16>
    // expected-remark @below {{not pipelined: a factor is not loaded in the loop (S3)}}
    %on = tile.dot %p, %v2 acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Keys that are looked at otherwise, too, must stay in registers.
func.func @other_use(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    // expected-remark @below {{not pipelined: it is used by others than products (S3)}}
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %wide = arith.extf %kt : tensor<48x32xbf16> to tensor<48x32xf32>
    %longest = tile.reduce max %wide : tensor<48x32xf32> -> tensor<48xf32>
    %add = tile.broadcast %longest along 0 : tensor<48xf32> -> tensor<64x48xf32>
    %s2 = arith.addf %s, %add : tensor<64x48xf32>
    %p = arith.truncf %s2 : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

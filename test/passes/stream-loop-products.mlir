// RUN: headgate-opt %s --headgate-pipeline-loads --split-input-file --verify-diagnostics | FileCheck %s

// Loops whose products are nearly those of an attention.
// Each is left as it is, and the rule that it breaks is named.
// CHECK-NOT: tile.{{ring|put|start}}

// Heads side by side are the host's way.
func.func @several_heads(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 64] : memref<?x32xbf16> -> tensor<48x64xbf16>
    // expected-remark @below {{not pipelined: it multiplies several heads at once (S4)}}
    %s = tile.dot %q, transpose %kt heads(2) : tensor<64x32xbf16>, tensor<48x64xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Tiles that are skipped inside the loop.
func.func @conditional_product(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
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
    %some = arith.cmpi slt, %k0, %n : index
    %on = scf.if %some -> tensor<64x16xf32> {
      // expected-remark @below {{not pipelined: it is under a condition (S4)}}
      %sum = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
      scf.yield %sum : tensor<64x16xf32>
    } else {
      scf.yield %o : tensor<64x16xf32>
    }
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Scores that start from something.
func.func @scores_add(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %bias: tensor<64x48xf32>, %n: index)
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
    // expected-remark @below {{not pipelined: it adds to something (S4)}}
    %s = tile.dot %q, transpose %kt acc %bias : tensor<64x32xbf16>, tensor<48x32xbf16>, tensor<64x48xf32> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Keys that lie transposed in memory.
func.func @keys_as_columns(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [32, 48] : memref<?x32xbf16> -> tensor<32x48xbf16>
    // expected-remark @below {{not pipelined: its right factor is not transposed (S4)}}
    %s = tile.dot %q, %kt : tensor<64x32xbf16>, tensor<32x48xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// The queries are loaded each turn anew.
func.func @query_inside(%x: memref<?x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %q = tile.load %x[%c0, %c0] [64, 32] : memref<?x32xbf16> -> tensor<64x32xbf16>
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    // expected-remark @below {{not pipelined: its left factor is not from outside the loop (S4)}}
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Two products that have nothing to do with each other.
func.func @unrelated_products(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %w: tensor<64x48xbf16>, %n: index)
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
    // expected-remark @below {{not pipelined: its left factor is not computed from the scores (S4)}}
    %on = tile.dot %w, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// The sums start from the same tile each turn.
func.func @other_sums(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %w: tensor<64x16xf32>, %n: index)
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
    // expected-remark @below {{not pipelined: it does not add to a carried tile (S4)}}
    %on = tile.dot %p, %vt acc %w : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// The sums are scaled by column: not what a softmax does to its rows.
func.func @scaled_columns(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %f: tensor<16xf32>, %n: index)
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
    %fs = tile.broadcast %f along 0 : tensor<16xf32> -> tensor<64x16xf32>
    %os = arith.mulf %o, %fs : tensor<64x16xf32>
    // expected-remark @below {{not pipelined: it does not add to a carried tile (S4)}}
    %on = tile.dot %p, %vt acc %os : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// The sums of the turn before are read by more than the product.
func.func @sums_read(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
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
    %big = tile.reduce max %o : tensor<64x16xf32> -> tensor<64xf32>
    %bigs = tile.broadcast %big along 1 : tensor<64xf32> -> tensor<64x48xf32>
    %s2 = arith.addf %s, %bigs : tensor<64x48xf32>
    %p = arith.truncf %s2 : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    // expected-remark @below {{not pipelined: it does not add to a carried tile (S4)}}
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// The sums are changed behind the product.
func.func @changed_sums(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
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
    // expected-remark @below {{not pipelined: its sums are not carried on as they are (S4)}}
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    %half = arith.addf %on, %on : tensor<64x16xf32>
    scf.yield %half : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// One product too many.
func.func @three_products(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  // expected-remark @below {{not pipelined: it has 3 products (S4)}}
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %o1 = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    %on = tile.dot %p, %vt acc %o1 : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Somebody has fed this loop by hand.
func.func @effect(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
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
    // expected-remark @below {{not pipelined: it has effects inside the loop (S5)}}
    %ks = tile.share %kt : tensor<48x32xbf16> -> !tile.shared<tensor<48x32xbf16>>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// The scores are wanted, too.
func.func @store(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %scores: memref<64x?xf32>, %n: index)
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
    // expected-remark @below {{not pipelined: it stores inside the loop (S6)}}
    tile.store %s, %scores[%c0, %k0] [64, 48] : tensor<64x48xf32>, memref<64x?xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Values in two steps.
func.func @inner_loop(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
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
    // expected-remark @below {{not pipelined: it is a loop inside the loop (S6)}}
    %on = scf.for %h = %c0 to %c2 step %c1 iter_args(%part = %o) -> tensor<64x16xf32> {
      %sum = tile.dot %p, %vt acc %part : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
      scf.yield %sum : tensor<64x16xf32>
    }
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Nothing is copied ahead.
// expected-remark @below {{not pipelined: its schedule has 0 stages, and a ring has 1 to 64}}
func.func @no_stages(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, stages = 0>} {
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
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// This GPU multiplies 16-bit factors.
func.func @wide_factors(%q: tensor<64x32xf32>, %k: memref<?x32xf32>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x16xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xf32> -> tensor<48x32xf32>
    // expected-remark @below {{not pipelined: its factors are f32, which this GPU does not multiply}}
    %s = tile.dot %q, transpose %kt : tensor<64x32xf32>, tensor<48x32xf32> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

// -----

// Nobody has so much shared memory.
// expected-remark @below {{not pipelined: its schedule has 1048577 stages, and a ring has 1 to 64}}
func.func @many_stages(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, stages = 1048577>} {
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
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %on : tensor<64x16xf32>
  }
  return %r : tensor<64x16xf32>
}

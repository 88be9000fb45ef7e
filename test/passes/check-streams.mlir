// RUN: headgate-opt %s --headgate-check-streams --split-input-file --verify-diagnostics

// One sound program, and the same with one thing wrong in each.

// Nothing is wrong here: what all others change in one place.
func.func @sound(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// A release is missing.
func.func @no_release(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    // expected-error @below {{a slot is not used exactly once on every path}}
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
  }
  return
}

// -----

// The slot of the turn before is refilled, and not all threads may have left it.
func.func @put_before_get(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    // expected-error @below {{'tile.put' op refills a slot that some thread may still read: no get lies behind the release of position 0}}
    // expected-note @below {{in a run of 2 turns of each loop of unknown length}}
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// There is no slot for the next position while this one is read.
func.func @too_few_stages(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<1 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<1 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<1 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    // expected-error @below {{'tile.put' op waits for ever: position 0 lies in its slot, and 0 of 1 readers have released it}}
    // expected-note @below {{in a run of 1 turns of each loop of unknown length}}
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<1 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// The wait for the first keys leaves the copy behind them under way.
func.func @unwaited_share(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    %slot = tile.get %ring[%p] newer 1 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    // expected-error @below {{'tile.start' op reads a tile of a share async, and no wait has covered the copy}}
    // expected-note @below {{in a run of 1 turns of each loop of unknown length}}
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// The wait leaves the keys themselves under way.
func.func @unwaited_position(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    // expected-error @below {{'tile.get' op does not wait for position 0: only 1 copies were begun after it}}
    // expected-note @below {{in a run of 1 turns of each loop of unknown length}}
    %slot = tile.get %ring[%p] newer 2 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// Nothing was put before the first turn.
func.func @never_put(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    // expected-error @below {{'tile.get' op waits for ever: position 0 is not put before it}}
    // expected-note @below {{in a run of 1 turns of each loop of unknown length}}
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// A turn puts its own position.
func.func @put_twice(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    // expected-error @below {{'tile.put' op puts position 0, but 1 is next}}
    // expected-note @below {{in a run of 1 turns of each loop of unknown length}}
    tile.put %ring[%p], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// Two groups are said to read the ring, but only this one does.
func.func @missing_reader(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  // expected-error @below {{'tile.ring' op has position 0 released by 1 of 2 readers}}
  // expected-note @below {{in a run of 1 turns of each loop of unknown length}}
  %ring = tile.ring readers 2 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// A position is taken twice by the only reader.
func.func @got_twice(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  %a = tile.get %ring[%c0_i32] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
  // expected-error @below {{'tile.get' op takes position 0 once too often}}
  // expected-note @below {{in a run of 0 turns of each loop of unknown length}}
  %b = tile.get %ring[%c0_i32] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
  tile.release %a, %b : !tile.slot<tensor<48x32xbf16>>, !tile.slot<tensor<48x32xbf16>>
  return
}

// -----

// A position is wanted whose slot has been refilled.
func.func @too_late(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<1 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<1 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  %a = tile.get %ring[%c0_i32] newer 0 : !tile.ring<1 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
  tile.release %a : !tile.slot<tensor<48x32xbf16>>
  %again = tile.share %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  tile.put %ring[%c1_i32], %k[%c0, %c0] [48, 32] : !tile.ring<1 x tensor<48x32xbf16>>, memref<?x32xbf16>
  // expected-error @below {{'tile.get' op comes too late: position 1 lies in its slot}}
  // expected-note @below {{in a run of 0 turns of each loop of unknown length}}
  %b = tile.get %ring[%c0_i32] newer 0 : !tile.ring<1 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
  tile.release %b : !tile.slot<tensor<48x32xbf16>>
  return
}

// -----

// A slot is given to two products.
func.func @slot_of_two_products(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    // expected-error @below {{a slot is not used exactly once on every path}}
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    // expected-note @below {{used here}}
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    // expected-note @below {{used here}}
    %y = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sx, %fx = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sy, %fy = tile.await %y : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %fx : !tile.slot<tensor<48x32xbf16>>
    tile.release %fy : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// A product is begun and nobody waits for it.
func.func @product_not_awaited(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    // expected-error @below {{a product is not used exactly once on every path}}
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
  }
  return
}

// -----

// Only one path gives the slot back.
func.func @released_on_one_path(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    // expected-error @below {{a slot is not used exactly once on every path}}
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    %some = arith.cmpi slt, %i, %c1 : index
    scf.if %some {
      // expected-note @below {{used here}}
      tile.release %slot : !tile.slot<tensor<48x32xbf16>>
    }
  }
  return
}

// -----

// Both paths do, but a group would run another one than its neighbours.
func.func @conditional_release(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    %some = arith.cmpi slt, %i, %c1 : index
    // expected-error @below {{'scf.if' op holds ring ops, which run under no condition}}
    // expected-note @below {{in a run of 1 turns of each loop of unknown length}}
    scf.if %some {
      tile.release %slot : !tile.slot<tensor<48x32xbf16>>
    } else {
      tile.release %slot : !tile.slot<tensor<48x32xbf16>>
    }
  }
  return
}

// -----

// A position that somebody else chooses.
func.func @unknown_position(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index, %at: i32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    // expected-error @below {{'tile.get' op has a position that is not arithmetic on turns}}
    // expected-note @below {{in a run of 1 turns of each loop of unknown length}}
    %slot = tile.get %ring[%at] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// The loop begins where somebody else says.
func.func @unknown_first_turn(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index, %first: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  // expected-error @below {{'scf.for' op feeds products, but its first turn is not known}}
  // expected-note @below {{in a run of 0 turns of each loop of unknown length}}
  scf.for %i = %first to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// Nobody waits for the check of so many turns.
func.func @too_many_turns(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %many = arith.constant 1048577 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  // expected-error @below {{'scf.for' op makes more than 65536 turns, which are not run}}
  // expected-note @below {{in a run of 0 turns of each loop of unknown length}}
  scf.for %i = %c0 to %many step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// What else happens to the ring is not known.
func.func @foreign_ring(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index, %ring: !tile.ring<2 x tensor<48x32xbf16>>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    // expected-error @below {{'tile.get' op reads a ring that is not of this function}}
    // expected-note @below {{in a run of 1 turns of each loop of unknown length}}
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// Nor may it be filled.
func.func @foreign_ring_filled(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index, %ring: !tile.ring<2 x tensor<48x32xbf16>>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  scf.for %i = %c0 to %n step %c1 {
    %p = arith.index_cast %i : index to i32
    %next = arith.addi %p, %c1_i32 : i32
    // expected-error @below {{'tile.put' op fills a ring that is not of this function}}
    // expected-note @below {{in a run of 1 turns of each loop of unknown length}}
    tile.put %ring[%next], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
    %slot = tile.get %ring[%p] newer 0 : !tile.ring<2 x tensor<48x32xbf16>> -> !tile.slot<tensor<48x32xbf16>>
    %x = tile.start %qs, transpose %slot : !tile.shared<tensor<64x32xbf16>>, !tile.slot<tensor<48x32xbf16>> -> !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    %sum, %free = tile.await %x : !tile.pending<tensor<64x48xf32> holding tensor<48x32xbf16>>
    tile.release %free : !tile.slot<tensor<48x32xbf16>>
  }
  return
}

// -----

// A copy that is under way is stored.
func.func @stored_too_early(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index, %y: memref<64x32xbf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  %c1_i32 = arith.constant 1 : i32
  %ring = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
  tile.put %ring[%c0_i32], %k[%c0, %c0] [48, 32] : !tile.ring<2 x tensor<48x32xbf16>>, memref<?x32xbf16>
  %qs = tile.share async %q : tensor<64x32xbf16> -> !tile.shared<tensor<64x32xbf16>>
  // expected-error @below {{'tile.store' op reads a tile of a share async, and no wait has covered the copy}}
  // expected-note @below {{in a run of 0 turns of each loop of unknown length}}
  tile.store %qs, %y[%c0, %c0] [64, 32] : !tile.shared<tensor<64x32xbf16>>, memref<64x32xbf16>
  return
}

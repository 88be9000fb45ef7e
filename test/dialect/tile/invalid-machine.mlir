// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// shared (C1)
// expected-error @below {{shared memory cannot hold 'tensor<3xbf16>'}}
func.func private @shared_row(!tile.shared<tensor<3xbf16>>)

// -----

// shared (C1)
// expected-error @below {{shared memory cannot hold 'tensor<3x?xbf16>'}}
func.func private @shared_of_any_width(!tile.shared<tensor<3x?xbf16>>)

// -----

// shared (C1)
// expected-error @below {{shared memory cannot hold 'tensor<3x5xi1>'}}
func.func private @shared_bits(!tile.shared<tensor<3x5xi1>>)

// -----

// shared (C1)
// expected-error @below {{shared memory cannot hold}}
func.func private @shared_panels(!tile.shared<tensor<3x5xbf16, #tile.panels<32 x 2>>>)

// -----

// shared (C1)
// expected-error @below {{shared memory cannot hold 'tensor<0x5xbf16>'}}
func.func private @shared_nothing(!tile.shared<tensor<0x5xbf16>>)

// -----

// ring (C1)
// expected-error @below {{shared memory cannot hold 'tensor<3xbf16>'}}
func.func private @ring_of_rows(!tile.ring<2 x tensor<3xbf16>>)

// -----

// ring (C2)
// expected-error @below {{a ring of 0 stages, but 1 to 64 are possible}}
func.func private @ring_of_nothing(!tile.ring<0 x tensor<3x5xbf16>>)

// -----

// ring (C2)
// expected-error @below {{a ring of 65 stages, but 1 to 64 are possible}}
func.func private @ring_of_too_much(!tile.ring<65 x tensor<3x5xbf16>>)

// -----

// slot (C1)
// expected-error @below {{shared memory cannot hold 'tensor<3x5xi8>'}}
func.func private @slot_of_bytes(!tile.slot<tensor<3x5xi8>>)

// -----

// pending (C1)
// expected-error @below {{a product is f32, of rank 2 and static, with #tile.frag or no encoding, not 'tensor<3x5xbf16>'}}
func.func private @pending_bf16(!tile.pending<tensor<3x5xbf16>>)

// -----

// pending (C1)
// expected-error @below {{a product is f32}}
func.func private @pending_panels(!tile.pending<tensor<3x5xf32, #tile.panels<32 x 2>>>)

// -----

// pending (C2)
// expected-error @below {{shared memory cannot hold 'tensor<5xbf16>'}}
func.func private @pending_holds_a_row(!tile.pending<tensor<3x5xf32> holding tensor<5xbf16>>)

// -----

// frag (C1)
// expected-error @below {{a digit of extent 0 and stride 1, but at least 1 is needed}}
func.func private @empty_digit(tensor<32x1xf32, #tile.frag<reg [0:c1], lane [32:r1], warp []>>)

// -----

// frag (C1)
// expected-error @below {{a digit of extent 2 and stride 0, but at least 1 is needed}}
func.func private @digit_without_stride(tensor<32x1xf32, #tile.frag<reg [2:c0], lane [32:r1], warp []>>)

// -----

// expected-error @below {{expected 'x', or 'r' or 'c' and a stride}}
func.func private @digit_of_depth(tensor<32x1xf32, #tile.frag<reg [2:d1], lane [32:r1], warp []>>)

// -----

// frag (C2)
// expected-error @below {{has 16 lanes, not 32}}
func.func private @half_a_warp(tensor<16xf32, #tile.frag<reg [], lane [16:r1], warp []>>)

// -----

// frag (C2)
// expected-error @below {{has more lanes than an integer counts}}
func.func private @lanes_overflow(tensor<16xf32, #tile.frag<reg [], lane [4294967296:x, 4294967296:x], warp []>>)

// -----

// frag (C3)
// expected-error @below {{a fragment with columns holds a tile of rank 2, not of rank 1}}
func.func private @columns_of_a_row(tensor<64xf32, #tile.frag<reg [2:c1], lane [32:r1], warp []>>)

// -----

// frag (C3)
// expected-error @below {{a fragment counts 32 rows and then has a digit of stride 16}}
func.func private @two_elements_in_a_place(tensor<64xf32, #tile.frag<reg [4:r16], lane [32:r1], warp []>>)

// -----

// frag (C3)
// expected-error @below {{a fragment of 32 rows cannot hold a tile of 64}}
func.func private @elements_without_a_place(tensor<64xf32, #tile.frag<reg [2:x], lane [32:r1], warp []>>)

// -----

// frag (C3)
// expected-error @below {{a fragment of 1 columns cannot hold a tile of 4}}
func.func private @columns_without_a_place(tensor<32x4xf32, #tile.frag<reg [], lane [32:r1], warp []>>)

// -----

// share (C1)
func.func @shares_another_shape(%x: tensor<3x5xbf16>) {
  // expected-error @below {{shares 'tensor<3x5xbf16>' as 'tensor<5x3xbf16>'}}
  %s = tile.share %x : tensor<3x5xbf16> -> !tile.shared<tensor<5x3xbf16>>
  return
}

// -----

func.func @ring_that_nobody_reads() {
  // expected-error @below {{attribute 'readers' failed to satisfy constraint}}
  %k = tile.ring readers 0 : !tile.ring<2 x tensor<3x5xbf16>>
  return
}

// -----

// put (C1)
func.func @put_at_a_row(%ring: !tile.ring<2 x tensor<3x5xbf16>>, %p: i32, %k: memref<?x5xbf16>, %i: index) {
  // expected-error @below {{has 1 coordinates and 2 sizes for a memref of rank 2}}
  tile.put %ring[%p], %k[%i] [3, 5] : !tile.ring<2 x tensor<3x5xbf16>>, memref<?x5xbf16>
  return
}

// -----

// put (C2)
func.func @put_another_type(%ring: !tile.ring<2 x tensor<3x5xbf16>>, %p: i32, %k: memref<?x5xf16>, %i: index) {
  // expected-error @below {{has a tile of 'bf16' and a memref of 'f16'}}
  tile.put %ring[%p], %k[%i, %i] [3, 5] : !tile.ring<2 x tensor<3x5xbf16>>, memref<?x5xf16>
  return
}

// -----

// put (C2)
func.func @put_another_shape(%ring: !tile.ring<2 x tensor<3x5xbf16>>, %p: i32, %k: memref<?x5xbf16>, %i: index) {
  // expected-error @below {{has a window [4, 5] that is not 'tensor<3x5xbf16>'}}
  tile.put %ring[%p], %k[%i, %i] [4, 5] : !tile.ring<2 x tensor<3x5xbf16>>, memref<?x5xbf16>
  return
}

// -----

// put (C3)
func.func @put_moved_rows(%ring: !tile.ring<2 x tensor<3x5xbf16>>, %p: i32, %k: memref<?x5xbf16>, %i: index, %r: tensor<1xi32>) {
  // expected-error @below {{moves its window along dimension 0, in which it must have size 1}}
  tile.put %ring[%p], %k[%i, %i] [3, 5] rows(%r at [0] : tensor<1xi32>) : !tile.ring<2 x tensor<3x5xbf16>>, memref<?x5xbf16>
  return
}

// -----

// put (C4)
func.func @put_a_column(%ring: !tile.ring<2 x tensor<3x5xbf16>>, %p: i32, %k: memref<?x5xbf16, strided<[1, 7]>>, %i: index) {
  // expected-error @below {{needs a memref whose innermost stride is 1}}
  tile.put %ring[%p], %k[%i, %i] [3, 5] : !tile.ring<2 x tensor<3x5xbf16>>, memref<?x5xbf16, strided<[1, 7]>>
  return
}

// -----

// get (C1)
func.func @get_another_shape(%ring: !tile.ring<2 x tensor<3x5xbf16>>, %p: i32) {
  // expected-error @below {{takes 'tensor<5x3xbf16>' out of a ring of 'tensor<3x5xbf16>'}}
  %s = tile.get %ring[%p] : !tile.ring<2 x tensor<3x5xbf16>> -> !tile.slot<tensor<5x3xbf16>>
  return
}

// -----

func.func @get_before_the_last(%ring: !tile.ring<2 x tensor<3x5xbf16>>, %p: i32) {
  // expected-error @below {{attribute 'newer' failed to satisfy constraint}}
  %s = tile.get %ring[%p] newer -1 : !tile.ring<2 x tensor<3x5xbf16>> -> !tile.slot<tensor<3x5xbf16>>
  return
}

// -----

// start (C1)
func.func @shapes_do_not_chain(%a: tensor<3x5xbf16>, %b: !tile.shared<tensor<7x5xbf16>>) {
  // expected-error @below {{multiplies 3x5 by 7x5 into 3x7}}
  %p = tile.start %a, %b : tensor<3x5xbf16>, !tile.shared<tensor<7x5xbf16>> -> !tile.pending<tensor<3x7xf32>>
  return
}

// -----

// start (C1)
func.func @another_sum(%a: tensor<3x5xbf16>, %b: !tile.shared<tensor<5x7xbf16>>, %c: tensor<3x6xf32>) {
  // expected-error @below {{adds to 'tensor<3x6xf32>' and gives 'tensor<3x7xf32>'}}
  %p = tile.start %a, %b acc %c : tensor<3x5xbf16>, !tile.shared<tensor<5x7xbf16>>, tensor<3x6xf32> -> !tile.pending<tensor<3x7xf32>>
  return
}

// -----

// start (C2)
func.func @two_types(%a: tensor<3x5xbf16>, %b: !tile.shared<tensor<5x7xf16>>) {
  // expected-error @below {{multiplies 'bf16' by 'f16'}}
  %p = tile.start %a, %b : tensor<3x5xbf16>, !tile.shared<tensor<5x7xf16>> -> !tile.pending<tensor<3x7xf32>>
  return
}

// -----

// start (C2)
func.func @products_of_f32(%a: !tile.shared<tensor<3x5xf32>>, %b: !tile.shared<tensor<5x7xf32>>) {
  // expected-error @below {{multiplies 'f32' by 'f32'}}
  %p = tile.start %a, %b : !tile.shared<tensor<3x5xf32>>, !tile.shared<tensor<5x7xf32>> -> !tile.pending<tensor<3x7xf32>>
  return
}

// -----

// start (C3)
func.func @loses_a_slot(%a: tensor<3x5xbf16>, %b: !tile.slot<tensor<5x7xbf16>>) {
  // expected-error @below {{takes over 1 slots, but gives '!tile.pending<tensor<3x7xf32>>'}}
  %p = tile.start %a, %b : tensor<3x5xbf16>, !tile.slot<tensor<5x7xbf16>> -> !tile.pending<tensor<3x7xf32>>
  return
}

// -----

func.func @await_gives_the_product(%p: !tile.pending<tensor<3x7xf32> holding tensor<5x7xbf16>>) {
  // expected-error @below {{operation defines 2 results but was provided 1 to bind}}
  %x = tile.await %p : !tile.pending<tensor<3x7xf32> holding tensor<5x7xbf16>>
  return
}

// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// tile (C1)
// expected-error @below {{has 'tile.plan', but the only attribute of the tile dialect is 'tile.schedule'}}
func.func private @unknown_attribute() attributes {tile.plan = 1 : i64}

// -----

// tile (C1)
func.func @schedule_of_an_op(%x: f32) {
  // expected-error @below {{has a 'tile.schedule', which only a function can have}}
  %y = arith.negf %x {tile.schedule = #tile.schedule<rows = 2>} : f32
  return
}

// -----

// tile (C1)
// expected-error @below {{has a 'tile.schedule' that is not a #tile.schedule}}
func.func private @schedule_is_a_number() attributes {tile.schedule = 12 : i64}

// -----

// tile (C2)
func.func @allocates(%x: memref<?x3xf32>) attributes {tile.schedule = #tile.schedule<rows = 2>} {
  %c0 = arith.constant 0 : index
  // expected-note @below {{which this op makes the function}}
  %t = tile.load %x[%c0, %c0] [2, 3] : memref<?x3xf32> -> tensor<2x3xf32>
  // expected-error @below {{cannot be in the program of a row group}}
  %buffer = memref.alloc() : memref<3xf32>
  return
}

// -----

// schedule (C1)
// expected-error @below {{schedule has rows = 0, but at least 1 is needed}}
func.func private @no_rows() attributes {tile.schedule = #tile.schedule<rows = 0>}

// -----

// schedule (C1)
// expected-error @below {{schedule has keys = -1, but at least 0 is needed}}
func.func private @negative_keys() attributes {tile.schedule = #tile.schedule<rows = 1, keys = -1>}

// -----

// panels (C1)
// expected-error @below {{panels hold a tile of rank 2, not of rank 1}}
func.func private @panels_of_a_row(tensor<4xbf16, #tile.panels<32 x 2>>)

// -----

// panels (C1)
// expected-error @below {{panels have 0 columns and 2 terms, but at least 1 is needed}}
func.func private @panels_without_columns(tensor<4x5xbf16, #tile.panels<0 x 2>>)

// -----

// load (C1)
func.func @a_coordinate_short(%x: memref<?x3xf32>, %i: index) {
  // expected-error @below {{has 1 coordinates and 2 sizes for a memref of rank 2}}
  %t = tile.load %x[%i] [2, 3] : memref<?x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// load (C1)
func.func @empty_window(%x: memref<?x3xf32>, %i: index) {
  // expected-error @below {{has a window of size 0, but at least 1 is needed}}
  %t = tile.load %x[%i, %i] [0, 3] : memref<?x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// load (C2)
func.func @other_elements(%x: memref<?x3xf32>, %i: index) {
  // expected-error @below {{has a tile of 'bf16' and a memref of 'f32'}}
  %t = tile.load %x[%i, %i] [2, 3] : memref<?x3xf32> -> tensor<2x3xbf16>
  return
}

// -----

// load (C2): six elements, but no neighbours merge into 3 x 2
func.func @other_shape(%x: memref<?x3xf32>, %i: index) {
  // expected-error @below {{has a window [2, 3] that is not 'tensor<3x2xf32>'}}
  %t = tile.load %x[%i, %i] [2, 3] : memref<?x3xf32> -> tensor<3x2xf32>
  return
}

// -----

// load (C2)
func.func @huge_window(%x: memref<?x3xf32>, %i: index) {
  // expected-error @below {{has a window [4611686018427387904, 4] that is not 'tensor<2x3xf32>'}}
  %t = tile.load %x[%i, %i] [4611686018427387904, 4] : memref<?x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// load (C2): panels are padded to 32 columns
func.func @panels_not_padded(%x: memref<?x16xbf16>, %i: index) {
  // expected-error @below {{has a window [5, 16] that is not 'tensor<5x16xbf16, #tile.panels<32 x 2>>'}}
  %t = tile.load %x[%i, %i] [5, 16] : memref<?x16xbf16> -> tensor<5x16xbf16, #tile.panels<32 x 2>>
  return
}

// -----

// load (C3)
func.func @moves_a_wide_window(%x: memref<?x3xf32>, %r: tensor<2xi32>, %i: index) {
  // expected-error @below {{moves its window along dimension 1, in which it must have size 1}}
  %t = tile.load %x[%i, %i] [1, 3] rows(%r at [1] : tensor<2xi32>) : memref<?x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// load (C3)
func.func @moves_along_no_dimension(%x: memref<?x3xf32>, %r: tensor<2xi32>, %i: index) {
  // expected-error @below {{moves its window along dimension 2, in which it must have size 1}}
  %t = tile.load %x[%i, %i] [1, 3] rows(%r at [2] : tensor<2xi32>) : memref<?x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// load (C3)
func.func @moves_twice(%x: memref<?x3xf32>, %r: tensor<2xi32>, %i: index) {
  // expected-error @below {{has two row tiles for dimension 0}}
  %t = tile.load %x[%i, %i] [1, 3] rows(%r, %r at [0, 0] : tensor<2xi32>, tensor<2xi32>)
      : memref<?x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// load (C3)
func.func @a_dimension_short(%x: memref<?x?x3xf32>, %r: tensor<2xi32>, %i: index) {
  // expected-error @below {{has 2 row tiles for 1 dimensions}}
  %t = tile.load %x[%i, %i, %i] [1, 1, 3] rows(%r, %r at [0] : tensor<2xi32>, tensor<2xi32>)
      : memref<?x?x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// load (C3)
func.func @rows_of_two_lengths(%x: memref<?x?x3xf32>, %r: tensor<2xi32>, %e: tensor<4xi32>, %i: index) {
  // expected-error @below {{has row tiles of different lengths}}
  %t = tile.load %x[%i, %i, %i] [1, 1, 3] rows(%r, %e at [0, 1] : tensor<2xi32>, tensor<4xi32>)
      : memref<?x?x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// load (C4)
func.func @every_other_element(%x: memref<?x3xf32, strided<[6, 2]>>, %i: index) {
  // expected-error @below {{needs a memref whose innermost stride is 1, not}}
  %t = tile.load %x[%i, %i] [2, 3] : memref<?x3xf32, strided<[6, 2]>> -> tensor<2x3xf32>
  return
}

// -----

// load (C4)
func.func @scalar(%x: memref<f32>) {
  // expected-error @below {{needs a memref whose innermost stride is 1, not}}
  %t = "tile.load"(%x) <{operandSegmentSizes = array<i32: 1, 0, 0>, sizes = array<i64>}> : (memref<f32>) -> tensor<1xf32>
  return
}

// -----

// store (C1)
func.func @stores_a_size_short(%t: tensor<2x3xf32>, %x: memref<?x3xf32>, %i: index) {
  // expected-error @below {{has 2 coordinates and 1 sizes for a memref of rank 2}}
  tile.store %t, %x[%i, %i] [6] : tensor<2x3xf32>, memref<?x3xf32>
  return
}

// -----

// store (C2)
func.func @stores_other_shape(%t: tensor<2x3xf32>, %x: memref<?x3xf32>, %i: index) {
  // expected-error @below {{has a window [4, 3] that is not 'tensor<2x3xf32>'}}
  tile.store %t, %x[%i, %i] [4, 3] : tensor<2x3xf32>, memref<?x3xf32>
  return
}

// -----

// store (C3)
func.func @stores_a_wide_window(%t: tensor<2x3xf32>, %x: memref<?x3xf32>, %r: tensor<1xi32>, %i: index) {
  // expected-error @below {{moves its window along dimension 0, in which it must have size 1}}
  tile.store %t, %x[%i, %i] [2, 3] rows(%r at [0] : tensor<1xi32>) : tensor<2x3xf32>, memref<?x3xf32>
  return
}

// -----

// store (C4)
func.func @stores_every_other_element(%t: tensor<2x3xf32>, %x: memref<?x3xf32, strided<[6, 2]>>, %i: index) {
  // expected-error @below {{needs a memref whose innermost stride is 1, not}}
  tile.store %t, %x[%i, %i] [2, 3] : tensor<2x3xf32>, memref<?x3xf32, strided<[6, 2]>>
  return
}

// -----

// dot (C1)
func.func @shapes_do_not_chain(%a: tensor<4x5xf32>, %b: tensor<6x5xf32>) {
  // expected-error @below {{multiplies 4x5 by 6x5 into 4x5}}
  %x = tile.dot %a, %b : tensor<4x5xf32>, tensor<6x5xf32> -> tensor<4x5xf32>
  return
}

// -----

// dot (C1)
func.func @other_accumulator(%a: tensor<4x5xf32>, %b: tensor<5x6xf32>, %c: tensor<4x7xf32>) {
  // expected-error @below {{adds to 'tensor<4x7xf32>' and gives 'tensor<4x6xf32>'}}
  %x = tile.dot %a, %b acc %c : tensor<4x5xf32>, tensor<5x6xf32>, tensor<4x7xf32> -> tensor<4x6xf32>
  return
}

// -----

// dot (C2)
func.func @two_element_types(%a: tensor<4x5xf32>, %b: tensor<5x6xbf16>) {
  // expected-error @below {{multiplies 'f32' by 'bf16'}}
  %x = tile.dot %a, %b : tensor<4x5xf32>, tensor<5x6xbf16> -> tensor<4x6xf32>
  return
}

// -----

// dot (C3)
func.func @panels_on_the_left(%a: tensor<4x5xf32, #tile.panels<4 x 1>>, %b: tensor<5x6xf32>) {
  // expected-error @below {{can have an encoding on its right-hand side only}}
  %x = tile.dot %a, %b : tensor<4x5xf32, #tile.panels<4 x 1>>, tensor<5x6xf32> -> tensor<4x6xf32>
  return
}

// -----

// dot (C3)
func.func @panels_of_heads(%a: tensor<4x5xf32>, %b: tensor<6x10xf32, #tile.panels<4 x 1>>) {
  // expected-error @below {{of several heads can have no encoding}}
  %x = tile.dot %a, transpose %b heads(2) : tensor<4x5xf32>, tensor<6x10xf32, #tile.panels<4 x 1>> -> tensor<4x6xf32>
  return
}

// -----

// dot (C1)
func.func @columns_of_heads(%a: tensor<4x5xf32>, %b: tensor<5x7xf32>) {
  // expected-error @below {{cannot share 7 columns among 2 heads}}
  %x = tile.dot %a, %b heads(2) : tensor<4x5xf32>, tensor<5x7xf32> -> tensor<4x7xf32>
  return
}

// -----

// dot (C4)
func.func @rows_of_heads(%a: tensor<4x5xf32>, %b: tensor<5x6xf32>) {
  // expected-error @below {{cannot share 4 rows among 3 heads}}
  %x = tile.dot %a, %b heads(3) : tensor<4x5xf32>, tensor<5x6xf32> -> tensor<4x2xf32>
  return
}

// -----

// reduce (C1)
func.func @loses_a_row(%x: tensor<4x6xf32>) {
  // expected-error @below {{cannot turn 'tensor<4x6xf32>' into 'tensor<3xf32>'}}
  %y = tile.reduce max %x : tensor<4x6xf32> -> tensor<3xf32>
  return
}

// -----

// reduce (C1)
func.func @uneven_parts(%x: tensor<4x6xf32>) {
  // expected-error @below {{cannot turn 'tensor<4x6xf32>' into 'tensor<4x4xf32>'}}
  %y = tile.reduce add %x : tensor<4x6xf32> -> tensor<4x4xf32>
  return
}

// -----

// reduce (C2)
func.func @reduces_into_another_type(%x: tensor<4x6xf32>) {
  // expected-error @below {{needs one element type, and two fragments or no encoding}}
  %y = tile.reduce add %x : tensor<4x6xf32> -> tensor<4xi32>
  return
}

// -----

// broadcast (C1)
func.func @third_dimension(%x: tensor<4xf32>) {
  // expected-error @below {{repeats along dimension 2, which is not 0 or 1}}
  %y = tile.broadcast %x along 2 : tensor<4xf32> -> tensor<4x6xf32>
  return
}

// -----

// broadcast (C2)
func.func @repeats_the_other_way(%x: tensor<4xf32>) {
  // expected-error @below {{cannot repeat 'tensor<4xf32>' along 0 into 'tensor<4x6xf32>'}}
  %y = tile.broadcast %x along 0 : tensor<4xf32> -> tensor<4x6xf32>
  return
}

// -----

// A tile has a static shape.
func.func @dynamic_tile(%x: memref<?x3xf32>, %i: index) {
  // expected-error @below {{'tile.load' op result #0 must be tile of}}
  %t = tile.load %x[%i, %i] [2, 3] : memref<?x3xf32> -> tensor<?x3xf32>
  return
}

// -----

// reduce (C2)
func.func @reduce_leaves_the_fragment(%x: tensor<16x8xf32, #tile.frag<reg [2:c1, 2:r8], lane [4:c2, 8:r1], warp []>>) {
  // expected-error @below {{needs one element type, and two fragments or no encoding}}
  %y = tile.reduce max %x : tensor<16x8xf32, #tile.frag<reg [2:c1, 2:r8], lane [4:c2, 8:r1], warp []>> -> tensor<16xf32>
  return
}

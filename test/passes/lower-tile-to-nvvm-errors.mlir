// RUN: headgate-opt %s --headgate-lower-tile-to-nvvm --split-input-file --verify-diagnostics

func.func @no_layout(%x: memref<8x16xf32> {headgate.dims = [8, 16]})
    attributes {tile.schedule = #tile.schedule<rows = 8>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  %c0 = arith.constant 0 : index
  // expected-error @+1 {{has a tile without a layout: headgate-assign-layouts goes first}}
  %t = tile.load %x[%c0, %c0] [8, 16] : memref<8x16xf32> -> tensor<8x16xf32>
  tile.store %t, %x[%c0, %c0] [8, 16] : tensor<8x16xf32>, memref<8x16xf32>
  return
}

// -----

#row = #tile.frag<reg [1:c1], lane [32:c1], warp [1:x]>
func.func @no_form(%x: memref<1x32xf32> {headgate.dims = [1, 32]})
    attributes {tile.schedule = #tile.schedule<rows = 1>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [1, 32] : memref<1x32xf32> -> tensor<1x32xf32, #row>
  // expected-error @+1 {{has no form on a GPU}}
  %u = math.tan %t : tensor<1x32xf32, #row>
  tile.store %u, %x[%c0, %c0] [1, 32] : tensor<1x32xf32, #row>, memref<1x32xf32>
  return
}

// -----

#row = #tile.frag<reg [1:c1], lane [32:c1], warp [1:x]>
func.func @many_values(%x: memref<1x32xf32> {headgate.dims = [1, 32]})
    attributes {tile.schedule = #tile.schedule<rows = 1>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  %c0 = arith.constant 0 : index
  // expected-error @+1 {{has several values, but a constant tile has one}}
  %t = arith.constant dense<[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0, 20.0, 21.0, 22.0, 23.0, 24.0, 25.0, 26.0, 27.0, 28.0, 29.0, 30.0, 31.0]]> : tensor<1x32xf32, #row>
  tile.store %t, %x[%c0, %c0] [1, 32] : tensor<1x32xf32, #row>, memref<1x32xf32>
  return
}

// -----

func.func @address(%x: memref<?xf32> {headgate.dims = ["N"]}, %y: memref<1xi32> {headgate.dims = [1]})
    attributes {tile.schedule = #tile.schedule<rows = 1>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %a = memref.extract_aligned_pointer_as_index %x : memref<?xf32> -> index
  // expected-error @+1 {{takes an address, which on a GPU is only compared with another one}}
  %n = arith.addi %a, %a : index
  return
}

// -----

// expected-error @+1 {{argument 0 of a kernel needs 'headgate.dims'}}
func.func @no_dims(%x: memref<?xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 1>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  return
}

// -----

// expected-error @+1 {{has 3 row groups of 16 warps, and a block of a GPU has at most 32 warps}}
func.func @many_warps(%x: memref<?xf32> {headgate.dims = ["N"]})
    attributes {tile.schedule = #tile.schedule<rows = 1, groups = 3, warps = 16>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  return
}

// -----

// expected-error @+1 {{has results, but a kernel writes into buffers}}
func.func @result(%n: index {headgate.name = "n"}) -> index
    attributes {tile.schedule = #tile.schedule<rows = 1>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  return %n : index
}

// -----

func.func @unknown_dimension(%x: memref<?x?xi32> {headgate.dims = ["N", "M"]}, %n: index {headgate.name = "n"})
    attributes {tile.schedule = #tile.schedule<rows = 1>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  // expected-error @+1 {{needs a constant below the rank 2 of its buffer}}
  %d = memref.dim %x, %n : memref<?x?xi32>
  return
}

// -----

func.func @large_index(%x: memref<?xi32> {headgate.dims = ["N"]})
    attributes {tile.schedule = #tile.schedule<rows = 1>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  // expected-error @+1 {{is an index beyond 32 bits, which indices have on a GPU}}
  %c = arith.constant 4294967296 : index
  return
}

// -----

// expected-error @+1 {{has an extent beyond 32 bits, which indices have on a GPU}}
func.func @large_extent(%x: memref<4294967296xi32> {headgate.dims = [4294967296]})
    attributes {tile.schedule = #tile.schedule<rows = 1>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  return
}

// -----

func.func @large_view(%w: memref<?xi8> {headgate.workspace})
    attributes {tile.schedule = #tile.schedule<rows = 1>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  %c0 = arith.constant 0 : index
  // expected-error @+1 {{has an extent beyond 32 bits, which indices have on a GPU}}
  %v = memref.view %w[%c0][] : memref<?xi8> to memref<4294967296xi8>
  return
}

// -----

func.func @buffers_that_change(%x: memref<?xi32> {headgate.dims = ["N"]}, %y: memref<?xi32> {headgate.dims = ["N"]}, %n: index {headgate.name = "n"})
    attributes {tile.schedule = #tile.schedule<rows = 1>, headgate.launch = {kernel = "k", index = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error @+1 {{hands on a 'memref<?xi32>', of which a GPU must know the place}}
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x, %b = %y) -> (memref<?xi32>, memref<?xi32>) {
    scf.yield %b, %a : memref<?xi32>, memref<?xi32>
  }
  return
}

// RUN: headgate-opt %s --headgate-lower-linalg-to-tile --split-input-file --verify-diagnostics \
// RUN:   --remarks-filter-missed="lower-linalg-to-tile" --remark-format=emitRemark \
// RUN:   | FileCheck %s --implicit-check-not="tile.{{[ld]}}"

// Kernels that stay as they are: those without a schedule, silently; those that
// tiles cannot say, with a remark at the op in the way.

// CHECK-COUNT-7: = linalg.contract

#x = affine_map<(s, o, d) -> (s, d)>
#w = affine_map<(s, o, d) -> (o, d)>
#y = affine_map<(s, o, d) -> (s, o)>

func.func private @not_scheduled(%x: memref<4x16xf32> {headgate.dims = [4, 16]}, %w: memref<8x16xf32> {headgate.dims = [8, 16]},
    %y: memref<4x8xf32> {headgate.dims = [4, 8], headgate.output}) attributes {headgate.kernel = "gemm"} {
  %xt = bufferization.to_tensor %x restrict : memref<4x16xf32> to tensor<4x16xf32>
  %wt = bufferization.to_tensor %w restrict : memref<8x16xf32> to tensor<8x16xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %s = linalg.contract indexing_maps = [#x, #w, #y] ins(%xt, %wt : tensor<4x16xf32>, tensor<8x16xf32>) outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>
  bufferization.materialize_in_destination %s in restrict writable %y : (tensor<4x8xf32>, memref<4x8xf32>) -> ()
  return
}

// -----

#x = affine_map<(b, s, o, d) -> (b, s, d)>
#w = affine_map<(b, s, o, d) -> (b, o, d)>
#y = affine_map<(b, s, o, d) -> (b, s, o)>

func.func private @batched(%x: memref<3x4x16xf32> {headgate.dims = [3, 4, 16]}, %w: memref<3x8x16xf32> {headgate.dims = [3, 8, 16]},
    %y: memref<3x4x8xf32> {headgate.dims = [3, 4, 8], headgate.output})
    attributes {headgate.kernel = "gemm", tile.schedule = #tile.schedule<rows = 2, cols = 8, depth = 8>} {
  %xt = bufferization.to_tensor %x restrict : memref<3x4x16xf32> to tensor<3x4x16xf32>
  %wt = bufferization.to_tensor %w restrict : memref<3x8x16xf32> to tensor<3x8x16xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x4x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<3x4x8xf32>) -> tensor<3x4x8xf32>
  // expected-remark @below {{'linalg.contract' is not lowered to tiles: it has a batch dimension}}
  %s = linalg.contract indexing_maps = [#x, #w, #y] ins(%xt, %wt : tensor<3x4x16xf32>, tensor<3x8x16xf32>) outs(%init : tensor<3x4x8xf32>) -> tensor<3x4x8xf32>
  bufferization.materialize_in_destination %s in restrict writable %y : (tensor<3x4x8xf32>, memref<3x4x8xf32>) -> ()
  return
}

// -----

#x = affine_map<(s, o, d) -> (s, d)>
#w = affine_map<(s, o, d) -> (o, d)>
#y = affine_map<(s, o, d) -> (s, o)>

func.func private @two_types(%x: memref<4x16xbf16> {headgate.dims = [4, 16]}, %w: memref<8x16xf32> {headgate.dims = [8, 16]},
    %y: memref<4x8xf32> {headgate.dims = [4, 8], headgate.output})
    attributes {headgate.kernel = "gemm", tile.schedule = #tile.schedule<rows = 2, cols = 8, depth = 8>} {
  %xt = bufferization.to_tensor %x restrict : memref<4x16xbf16> to tensor<4x16xbf16>
  %wt = bufferization.to_tensor %w restrict : memref<8x16xf32> to tensor<8x16xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  // expected-remark @below {{'linalg.contract' is not lowered to tiles: its factors are not of one type}}
  %s = linalg.contract indexing_maps = [#x, #w, #y] ins(%xt, %wt : tensor<4x16xbf16>, tensor<8x16xf32>) outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>
  bufferization.materialize_in_destination %s in restrict writable %y : (tensor<4x8xf32>, memref<4x8xf32>) -> ()
  return
}

// -----

#x = affine_map<(s, o, d) -> (s, d)>
#w = affine_map<(s, o, d) -> (o, d)>
#y = affine_map<(s, o, d) -> (s, o)>

func.func private @sums_in_bf16(%x: memref<4x16xbf16> {headgate.dims = [4, 16]}, %w: memref<8x16xbf16> {headgate.dims = [8, 16]},
    %y: memref<4x8xbf16> {headgate.dims = [4, 8], headgate.output})
    attributes {headgate.kernel = "gemm", tile.schedule = #tile.schedule<rows = 2, cols = 8, depth = 8>} {
  %xt = bufferization.to_tensor %x restrict : memref<4x16xbf16> to tensor<4x16xbf16>
  %wt = bufferization.to_tensor %w restrict : memref<8x16xbf16> to tensor<8x16xbf16>
  %zero = arith.constant 0.0 : bf16
  %e = tensor.empty() : tensor<4x8xbf16>
  %init = linalg.fill ins(%zero : bf16) outs(%e : tensor<4x8xbf16>) -> tensor<4x8xbf16>
  // expected-remark @below {{'linalg.contract' is not lowered to tiles: it does not sum in f32}}
  %s = linalg.contract indexing_maps = [#x, #w, #y] ins(%xt, %wt : tensor<4x16xbf16>, tensor<8x16xbf16>) outs(%init : tensor<4x8xbf16>) -> tensor<4x8xbf16>
  bufferization.materialize_in_destination %s in restrict writable %y : (tensor<4x8xbf16>, memref<4x8xbf16>) -> ()
  return
}

// -----

#x = affine_map<(s, o, d) -> (s, d)>
#w = affine_map<(s, o, d) -> (o, d)>
#y = affine_map<(s, o, d) -> (s, o)>

func.func private @starts_at_one(%x: memref<4x16xf32> {headgate.dims = [4, 16]}, %w: memref<8x16xf32> {headgate.dims = [8, 16]},
    %y: memref<4x8xf32> {headgate.dims = [4, 8], headgate.output})
    attributes {headgate.kernel = "gemm", tile.schedule = #tile.schedule<rows = 2, cols = 8, depth = 8>} {
  %xt = bufferization.to_tensor %x restrict : memref<4x16xf32> to tensor<4x16xf32>
  %wt = bufferization.to_tensor %w restrict : memref<8x16xf32> to tensor<8x16xf32>
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %init = linalg.fill ins(%one : f32) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  // expected-remark @below {{'linalg.contract' is not lowered to tiles: its sums start at another value than 0}}
  %s = linalg.contract indexing_maps = [#x, #w, #y] ins(%xt, %wt : tensor<4x16xf32>, tensor<8x16xf32>) outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>
  bufferization.materialize_in_destination %s in restrict writable %y : (tensor<4x8xf32>, memref<4x8xf32>) -> ()
  return
}

// -----

#x = affine_map<(s, o, d) -> (d, s)>
#w = affine_map<(s, o, d) -> (o, d)>
#y = affine_map<(s, o, d) -> (s, o)>

func.func private @columns_on_the_left(%x: memref<16x4xf32> {headgate.dims = [16, 4]}, %w: memref<8x16xf32> {headgate.dims = [8, 16]},
    %y: memref<4x8xf32> {headgate.dims = [4, 8], headgate.output})
    attributes {headgate.kernel = "gemm", tile.schedule = #tile.schedule<rows = 2, cols = 8, depth = 8>} {
  %xt = bufferization.to_tensor %x restrict : memref<16x4xf32> to tensor<16x4xf32>
  %wt = bufferization.to_tensor %w restrict : memref<8x16xf32> to tensor<8x16xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  // expected-remark @below {{'linalg.contract' is not lowered to tiles: its operands are not rows, one matrix and rows}}
  %s = linalg.contract indexing_maps = [#x, #w, #y] ins(%xt, %wt : tensor<16x4xf32>, tensor<8x16xf32>) outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>
  bufferization.materialize_in_destination %s in restrict writable %y : (tensor<4x8xf32>, memref<4x8xf32>) -> ()
  return
}

// -----

#x = affine_map<(s, o, d) -> (s, d)>
#w = affine_map<(s, o, d) -> (o, d)>
#y = affine_map<(s, o, d) -> (s, o)>

func.func private @no_terms(%x: memref<4x0xf32> {headgate.dims = [4, 0]}, %w: memref<8x0xf32> {headgate.dims = [8, 0]},
    %y: memref<4x8xf32> {headgate.dims = [4, 8], headgate.output})
    attributes {headgate.kernel = "gemm", tile.schedule = #tile.schedule<rows = 2, cols = 16, depth = 16>} {
  %xt = bufferization.to_tensor %x restrict : memref<4x0xf32> to tensor<4x0xf32>
  %wt = bufferization.to_tensor %w restrict : memref<8x0xf32> to tensor<8x0xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  // expected-remark @below {{'linalg.contract' is not lowered to tiles: it has no columns or no terms}}
  %s = linalg.contract indexing_maps = [#x, #w, #y] ins(%xt, %wt : tensor<4x0xf32>, tensor<8x0xf32>) outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>
  bufferization.materialize_in_destination %s in restrict writable %y : (tensor<4x8xf32>, memref<4x8xf32>) -> ()
  return
}

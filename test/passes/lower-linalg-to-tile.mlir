// RUN: headgate-opt %s --headgate-lower-linalg-to-tile --canonicalize --cse --split-input-file | FileCheck %s --implicit-check-not=linalg.

// torch's layout [out, in] by heads, bf16 rounded from f32 sums, a bias. Rows,
// columns and terms are one dimension each; 24 terms are one and a half tiles, 40
// columns two and a half blocks.
// CHECK-LABEL: func private @torch
//  CHECK-SAME:   %[[X:[^:]+]]: memref<?x?x24xbf16> {{[^%]+}} %[[W2:[^:]+]]: memref<40x24xbf16> {{[^%]+}} %[[BIAS1:[^:]+]]: memref<40xbf16> {{[^%]+}} %[[Y:[^:]+]]: memref<?x?x5x8xbf16>
//  CHECK-SAME:   headgate.launch = {grid = ["3", "cdiv(B*S,3)", "1"], index = 0 : i64, kernel = "torch", schedule = "{\22rows\22:3,\22cols\22:16,\22depth\22:16}"}
//   CHECK-DAG:   %[[BX:.+]] = gpu.block_id x
//   CHECK-DAG:   %[[BY:.+]] = gpu.block_id y
//   CHECK-DAG:   %[[N0:.+]] = arith.muli %[[BX]], %c16
//   CHECK-DAG:   %[[R0:.+]] = arith.muli %[[BY]], %c3
//   CHECK-DAG:   %[[X2:.+]] = memref.collapse_shape %[[X]] {{\[}}[0, 1], [2]] : memref<?x?x24xbf16> into memref<?x24xbf16>
//   CHECK-DAG:   %[[B16:.+]] = tile.load %[[BIAS1]][%[[N0]]] [16] : memref<40xbf16> -> tensor<16xbf16>
//   CHECK-DAG:   %[[B32:.+]] = arith.extf %[[B16]] : tensor<16xbf16> to tensor<16xf32>
//   CHECK-DAG:   %[[INIT:.+]] = tile.broadcast %[[B32]] along 0 : tensor<16xf32> -> tensor<3x16xf32>
//       CHECK:   %[[SUMS:.+]] = scf.for %[[I:.+]] = %c0 to %c2 step %c1 iter_args(%[[ACC:.+]] = %[[INIT]])
//       CHECK:     %[[K0:.+]] = arith.muli %[[I]], %c16
//       CHECK:     %[[LEFT:.+]] = arith.subi %c24, %[[K0]]
//       CHECK:     %[[DEPTH:.+]] = arith.minsi %[[LEFT]], %c16
//       CHECK:     %[[A:.+]] = tile.load %[[X2]][%[[R0]], %[[K0]]] [3, 16] : memref<?x24xbf16> -> tensor<3x16xbf16>
//       CHECK:     %[[B:.+]] = tile.load %[[W2]][%[[N0]], %[[K0]]] [16, 16] : memref<40x24xbf16> -> tensor<16x16xbf16>
//       CHECK:     %[[D:.+]] = tile.dot %[[A]], transpose %[[B]] acc %[[ACC]] cols(%{{.+}}) depth(%[[DEPTH]])
//       CHECK:     scf.yield %[[D]]
//   CHECK-DAG:   %[[Y2:.+]] = memref.collapse_shape %{{.+}} {{.+}} into memref<?x40xbf16>
//   CHECK-DAG:   %[[R:.+]] = arith.truncf %[[SUMS]] : tensor<3x16xf32> to tensor<3x16xbf16>
//       CHECK:   tile.store %[[R]], %[[Y2]][%[[R0]], %[[N0]]] [3, 16] : tensor<3x16xbf16>, memref<?x40xbf16>
func.func private @torch(
    %x: memref<?x?x24xbf16> {headgate.dims = ["B", "S", 24]}, %w: memref<5x8x24xbf16> {headgate.dims = [5, 8, 24]},
    %bias: memref<5x8xbf16> {headgate.dims = [5, 8]}, %y: memref<?x?x5x8xbf16> {headgate.dims = ["B", "S", 5, 8], headgate.output})
    attributes {headgate.kernel = "gemm", tile.schedule = #tile.schedule<rows = 3, cols = 16, depth = 16>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = memref.dim %x, %c0 : memref<?x?x24xbf16>
  %S = memref.dim %x, %c1 : memref<?x?x24xbf16>
  %xt = bufferization.to_tensor %x restrict : memref<?x?x24xbf16> to tensor<?x?x24xbf16>
  %wt = bufferization.to_tensor %w restrict : memref<5x8x24xbf16> to tensor<5x8x24xbf16>
  %bt = bufferization.to_tensor %bias restrict : memref<5x8xbf16> to tensor<5x8xbf16>
  %e = tensor.empty(%B, %S) : tensor<?x?x5x8xf32>
  %wide = arith.extf %bt : tensor<5x8xbf16> to tensor<5x8xf32>
  %init = linalg.broadcast ins(%wide : tensor<5x8xf32>) outs(%e : tensor<?x?x5x8xf32>) dimensions = [0, 1]
  %s = linalg.contract indexing_maps = [affine_map<(b, s, h, c, d) -> (b, s, d)>, affine_map<(b, s, h, c, d) -> (h, c, d)>,
                                        affine_map<(b, s, h, c, d) -> (b, s, h, c)>]
      ins(%xt, %wt : tensor<?x?x24xbf16>, tensor<5x8x24xbf16>) outs(%init : tensor<?x?x5x8xf32>) -> tensor<?x?x5x8xf32>
  %r = arith.truncf %s : tensor<?x?x5x8xf32> to tensor<?x?x5x8xbf16>
  bufferization.materialize_in_destination %r in restrict writable %y : (tensor<?x?x5x8xbf16>, memref<?x?x5x8xbf16>) -> ()
  return
}

// -----

// [in, out]; terms are two dimensions; blocks numbered by rows first; f32 as it is.
// Whole tiles of terms and columns: nothing is left out.
// CHECK-LABEL: func private @plain
//  CHECK-SAME:   grid = ["2", "cdiv(N,3)", "1"]
//   CHECK-DAG:   %[[W:.+]] = gpu.grid_dim x
//   CHECK-DAG:   %[[H:.+]] = gpu.grid_dim y
//       CHECK:   arith.divui %{{.+}}, %[[H]]
//       CHECK:   arith.remui %{{.+}}, %[[H]]
//       CHECK:   scf.for %{{.+}} iter_args(%[[ACC:.+]] = %{{.+}})
//       CHECK:     tile.load %{{.+}} [3, 16] : memref<?x32xf32>
//       CHECK:     tile.load %{{.+}}[%[[K:.+]], %[[N:.+]]] [16, 8] : memref<32x16xf32> -> tensor<16x8xf32>
//       CHECK:     tile.dot %{{.+}}, %{{.+}} acc %[[ACC]] : tensor<3x16xf32>, tensor<16x8xf32>
//   CHECK-NOT:   truncf
//       CHECK:   tile.store
func.func private @plain(
    %x: memref<?x4x8xf32> {headgate.dims = ["N", 4, 8]}, %w: memref<4x8x16xf32> {headgate.dims = [4, 8, 16]},
    %y: memref<?x16xf32> {headgate.dims = ["N", 16], headgate.output})
    attributes {headgate.kernel = "gemm", tile.schedule = #tile.schedule<rows = 3, cols = 8, depth = 16, order = rows>} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %N = memref.dim %x, %c0 : memref<?x4x8xf32>
  %xt = bufferization.to_tensor %x restrict : memref<?x4x8xf32> to tensor<?x4x8xf32>
  %wt = bufferization.to_tensor %w restrict : memref<4x8x16xf32> to tensor<4x8x16xf32>
  %e = tensor.empty(%N) : tensor<?x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %s = linalg.contract indexing_maps = [affine_map<(n, o, h, c) -> (n, h, c)>, affine_map<(n, o, h, c) -> (h, c, o)>, affine_map<(n, o, h, c) -> (n, o)>]
      ins(%xt, %wt : tensor<?x4x8xf32>, tensor<4x8x16xf32>) outs(%init : tensor<?x16xf32>) -> tensor<?x16xf32>
  bufferization.materialize_in_destination %s in restrict writable %y : (tensor<?x16xf32>, memref<?x16xf32>) -> ()
  return
}

// -----

// Columns of a wider buffer: its rows are picked by batch and position.
// CHECK-LABEL: func private @into_a_window
//   CHECK-DAG:   %[[WINDOW:.+]] = memref.subview
//       CHECK:   scf.for
//   CHECK-DAG:   %[[AT:.+]] = arith.remui %[[ROW:.+]], %[[S:.+]] : tensor<3xi32>
//   CHECK-DAG:   %[[IN:.+]] = arith.divui %[[ROW]], %[[S]] : tensor<3xi32>
//       CHECK:   tile.store %{{.+}}, %[[WINDOW]][%c0, %c0, %{{.+}}] [1, 1, 8] rows(%[[IN]], %[[AT]] at [0, 1] : tensor<3xi32>, tensor<3xi32>)
func.func private @into_a_window(
    %x: memref<?x?x16xf32> {headgate.dims = ["B", "S", 16]}, %w: memref<8x16xf32> {headgate.dims = [8, 16]},
    %cat: memref<?x?x20xf32> {headgate.dims = ["B", "S", 20], headgate.output})
    attributes {headgate.kernel = "gemm", tile.schedule = #tile.schedule<rows = 3, cols = 8, depth = 8>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = memref.dim %x, %c0 : memref<?x?x16xf32>
  %S = memref.dim %x, %c1 : memref<?x?x16xf32>
  %y = memref.subview %cat[0, 0, 12] [%B, %S, 8] [1, 1, 1] : memref<?x?x20xf32> to memref<?x?x8xf32, strided<[?, 20, 1], offset: 12>>
  %xt = bufferization.to_tensor %x restrict : memref<?x?x16xf32> to tensor<?x?x16xf32>
  %wt = bufferization.to_tensor %w restrict : memref<8x16xf32> to tensor<8x16xf32>
  %e = tensor.empty(%B, %S) : tensor<?x?x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %s = linalg.contract indexing_maps = [affine_map<(b, s, o, d) -> (b, s, d)>, affine_map<(b, s, o, d) -> (o, d)>, affine_map<(b, s, o, d) -> (b, s, o)>]
      ins(%xt, %wt : tensor<?x?x16xf32>, tensor<8x16xf32>) outs(%init : tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  bufferization.materialize_in_destination %s in restrict writable %y : (tensor<?x?x8xf32>, memref<?x?x8xf32, strided<[?, 20, 1], offset: 12>>) -> ()
  return
}

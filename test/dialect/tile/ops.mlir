// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt | FileCheck %s

#host = #tile.schedule<rows = 12, keys = 256, splits = 1, merge = false, order = cols>
#hopper = #tile.schedule<rows = 64, keys = 128, groups = 2, warps = 4, stages = 3, overlap = true, turns = true>
#gemm = #tile.schedule<rows = 6, cols = 32, depth = 256, order = rows>
#decode = #tile.schedule<rows = 4, keys = 128, splits = 8, merge = true, stages = 0>

// A knob at its default is not written.
// CHECK: func private @host() attributes {tile.schedule = #tile.schedule<rows = 12, keys = 256>}
func.func private @host() attributes {tile.schedule = #host}
// CHECK: func private @hopper() attributes {tile.schedule = #tile.schedule<rows = 64, keys = 128, groups = 2, warps = 4, stages = 3, overlap = true, turns = true>}
func.func private @hopper() attributes {tile.schedule = #hopper}
// CHECK: func private @gemm() attributes {tile.schedule = #tile.schedule<rows = 6, cols = 32, depth = 256, order = rows>}
func.func private @gemm() attributes {tile.schedule = #gemm}
// CHECK: func private @decode() attributes {tile.schedule = #tile.schedule<rows = 4, keys = 128, splits = 8, merge = true, stages = 0>}
func.func private @decode() attributes {tile.schedule = #decode}

// CHECK-LABEL: func @windows
//       CHECK:   tile.load %{{.+}}[%{{.+}}, %{{.+}}, %{{.+}}, %{{.+}}] [1, 5, 1, 7] : memref<?x?x3x7xbf16> -> tensor<5x7xbf16>
//       CHECK:   tile.load %{{.+}}[{{.+}}] [1, 3, 1, 2, 7] : memref<?x?x3x2x7xbf16> -> tensor<6x7xbf16>
//       CHECK:   tile.load %{{.+}}[{{.+}}] [1, 5, 1, 1] : memref<?x?x3x1xi32> -> tensor<5xi32>
//       CHECK:   tile.load %{{.+}}[{{.+}}] [1, 1, 1, 1, 7] rows(%{{.+}}, %{{.+}} at [1, 3] : tensor<5xi32>, tensor<5xi32>) : memref<?x?x3x2x7xbf16> -> tensor<5x7xbf16>
//       CHECK:   tile.store %{{.+}}, %{{.+}}[{{.+}}] [1, 1, 1, 1, 7] rows(%{{.+}}, %{{.+}} at [1, 3] : tensor<5xi32>, tensor<5xi32>) : tensor<5x7xbf16>, memref<?x?x3x2x7xbf16>
//       CHECK:   tile.store %{{.+}}, %{{.+}}[{{.+}}] [1, 5, 1, 7] : tensor<5x7xbf16>, memref<?x?x3x7xbf16>
func.func @windows(%k: memref<?x?x3x7xbf16>, %q: memref<?x?x3x2x7xbf16>, %idx: memref<?x?x3x1xi32>,
                   %b: index, %s: index, %g: index) {
  %c0 = arith.constant 0 : index
  %r = tile.iota : tensor<5xi32>
  %kt = tile.load %k[%b, %s, %g, %c0] [1, 5, 1, 7] : memref<?x?x3x7xbf16> -> tensor<5x7xbf16>
  %pairs = tile.load %q[%b, %s, %g, %c0, %c0] [1, 3, 1, 2, 7] : memref<?x?x3x2x7xbf16> -> tensor<6x7xbf16>
  %e = tile.load %idx[%b, %s, %g, %c0] [1, 5, 1, 1] : memref<?x?x3x1xi32> -> tensor<5xi32>
  %qt = tile.load %q[%b, %s, %g, %c0, %c0] [1, 1, 1, 1, 7] rows(%r, %e at [1, 3] : tensor<5xi32>, tensor<5xi32>)
      : memref<?x?x3x2x7xbf16> -> tensor<5x7xbf16>
  tile.store %qt, %q[%b, %s, %g, %c0, %c0] [1, 1, 1, 1, 7] rows(%r, %e at [1, 3] : tensor<5xi32>, tensor<5xi32>)
      : tensor<5x7xbf16>, memref<?x?x3x2x7xbf16>
  tile.store %kt, %k[%b, %s, %g, %c0] [1, 5, 1, 7] : tensor<5x7xbf16>, memref<?x?x3x7xbf16>
  return
}

// A view moves the bounds; its strides do not matter beyond the innermost.
// CHECK-LABEL: func @window_of_a_view
//       CHECK:   tile.load %{{.+}}[%{{.+}}, %{{.+}}] [2, 3] : memref<?x5xf32, strided<[11, 1], offset: ?>> -> tensor<2x3xf32>
func.func @window_of_a_view(%x: memref<?x5xf32, strided<[11, 1], offset: ?>>, %i: index) -> tensor<2x3xf32> {
  %t = tile.load %x[%i, %i] [2, 3] : memref<?x5xf32, strided<[11, 1], offset: ?>> -> tensor<2x3xf32>
  return %t : tensor<2x3xf32>
}

// Panels are padded: 48 columns fill one and a half panels of 32, 5 terms three of 2.
// CHECK-LABEL: func @panels
//       CHECK:   tile.load %{{.+}}[{{.+}}] [2, 3, 64] : memref<?x3x64xbf16> -> tensor<48x5xbf16, #tile.panels<32 x 2>>
//       CHECK:   tile.load %{{.+}}[{{.+}}] [2, 3, 64] : memref<?x3x64xbf16> -> tensor<5x48xbf16, #tile.panels<32 x 2>>
func.func @panels(%p: memref<?x3x64xbf16>, %q: tensor<4x5xbf16>, %i: index) -> (tensor<4x48xf32>, tensor<4x48xf32>) {
  %c0 = arith.constant 0 : index
  %k = tile.load %p[%i, %c0, %c0] [2, 3, 64] : memref<?x3x64xbf16> -> tensor<48x5xbf16, #tile.panels<32 x 2>>
  %v = tile.load %p[%i, %c0, %c0] [2, 3, 64] : memref<?x3x64xbf16> -> tensor<5x48xbf16, #tile.panels<32 x 2>>
  %x = tile.dot %q, transpose %k : tensor<4x5xbf16>, tensor<48x5xbf16, #tile.panels<32 x 2>> -> tensor<4x48xf32>
  %y = tile.dot %q, %v : tensor<4x5xbf16>, tensor<5x48xbf16, #tile.panels<32 x 2>> -> tensor<4x48xf32>
  return %x, %y : tensor<4x48xf32>, tensor<4x48xf32>
}

// CHECK-LABEL: func @heads
//       CHECK:   tile.dot %{{.+}}, transpose %{{.+}} cols(%{{.+}}) heads(2) : tensor<4x5xf16>, tensor<6x10xf16> -> tensor<4x6xf32>
//       CHECK:   tile.dot %{{.+}}, %{{.+}} heads(2) : tensor<4x6xf32>, tensor<6x6xf32> -> tensor<4x3xf32>
func.func @heads(%a: tensor<4x5xf16>, %b: tensor<6x10xf16>, %c: tensor<6x6xf32>, %n: index) -> tensor<4x3xf32> {
  %x = tile.dot %a, transpose %b cols(%n) heads(2) : tensor<4x5xf16>, tensor<6x10xf16> -> tensor<4x6xf32>
  %y = tile.dot %x, %c heads(2) : tensor<4x6xf32>, tensor<6x6xf32> -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// CHECK-LABEL: func @dots
//       CHECK:   tile.dot %{{.+}}, transpose %{{.+}} cols(%{{.+}}) : tensor<4x5xf16>, tensor<6x5xf16> -> tensor<4x6xf32>
//       CHECK:   tile.dot %{{.+}}, %{{.+}} acc %{{.+}} depth(%{{.+}}) : tensor<4x5xf16>, tensor<5x6xf16>, tensor<4x6xf32> -> tensor<4x6xf32>
//       CHECK:   tile.dot %{{.+}}, %{{.+}} acc %{{.+}} cols(%{{.+}}) depth(%{{.+}}) : tensor<4x5xf16>
func.func @dots(%a: tensor<4x5xf16>, %b: tensor<6x5xf16>, %c: tensor<5x6xf16>, %n: index) -> tensor<4x6xf32> {
  %x = tile.dot %a, transpose %b cols(%n) : tensor<4x5xf16>, tensor<6x5xf16> -> tensor<4x6xf32>
  %y = tile.dot %a, %c acc %x depth(%n) : tensor<4x5xf16>, tensor<5x6xf16>, tensor<4x6xf32> -> tensor<4x6xf32>
  %z = tile.dot %a, %c acc %y cols(%n) depth(%n) : tensor<4x5xf16>, tensor<5x6xf16>, tensor<4x6xf32> -> tensor<4x6xf32>
  return %z : tensor<4x6xf32>
}

// CHECK-LABEL: func @rows_and_columns
//       CHECK:   tile.reduce max %{{.+}} : tensor<4x6xf32> -> tensor<4xf32>
//       CHECK:   tile.reduce min %{{.+}} : tensor<4x6xi32> -> tensor<4xi32>
//       CHECK:   tile.reduce add %{{.+}} : tensor<4x6xf32> -> tensor<4x3xf32>
//       CHECK:   tile.broadcast %{{.+}} along 1 : tensor<4xf32> -> tensor<4x6xf32>
//       CHECK:   tile.broadcast %{{.+}} along 0 : tensor<6xi1> -> tensor<4x6xi1>
func.func @rows_and_columns(%x: tensor<4x6xf32>, %i: tensor<4x6xi32>, %m: tensor<6xi1>) {
  %a = tile.reduce max %x : tensor<4x6xf32> -> tensor<4xf32>
  %b = tile.reduce min %i : tensor<4x6xi32> -> tensor<4xi32>
  %c = tile.reduce add %x : tensor<4x6xf32> -> tensor<4x3xf32>
  %d = tile.broadcast %a along 1 : tensor<4xf32> -> tensor<4x6xf32>
  %e = tile.broadcast %m along 0 : tensor<6xi1> -> tensor<4x6xi1>
  return
}

// A scheduled function that has no tile op yet may hold anything.
// CHECK-LABEL: func @not_lowered_yet
func.func @not_lowered_yet(%q: tensor<?x?x8x64xf32>) -> tensor<?x?x8x64xf32> attributes {tile.schedule = #host} {
  %o, %lse = routed.attend %q, %q, %q : tensor<?x?x8x64xf32>, tensor<?x?x8x64xf32>, tensor<?x?x8x64xf32>
  return %o : tensor<?x?x8x64xf32>
}

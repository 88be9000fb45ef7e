// RUN: headgate-opt %s --headgate-lower-rows-to-tile --canonicalize --cse --split-input-file | FileCheck %s
// RUN: headgate-opt %s --headgate-lower-rows-to-tile=warps=1 --split-input-file | FileCheck %s --check-prefix=WARP

// Two rounds: the largest key, the first expert that has it, NaN in its place. A
// kernel without a schedule gets one, with a row for each lane.
// CHECK-LABEL: func private @select(
//  CHECK-SAME:   %[[L:[^ ]+]]: memref<?x?x2x4xbf16>
//  CHECK-SAME:   %[[E:[^ ]+]]: memref<?x?x2x2xi32>
//  CHECK-SAME:   grid = ["2*B", "cdiv(S,128)", "1"]
//  CHECK-SAME:   tile.schedule = #tile.schedule<rows = 128, warps = 4>
//   CHECK-DAG:   %[[NAN:.+]] = arith.constant dense<0x7FC00000> : tensor<128x4xf32>
//   CHECK-DAG:   %[[LOW:.+]] = arith.constant dense<0xFF800000> : tensor<128x4xf32>
//   CHECK-DAG:   %[[NONE:.+]] = arith.constant dense<4> : tensor<128x4xi32>
//       CHECK:   %[[RAW:.+]] = tile.load %[[L]][%{{.+}}, %{{.+}}, %{{.+}}, %c0] [1, 128, 1, 4]
//       CHECK:   %[[X:.+]] = arith.extf %[[RAW]]
//       CHECK:   %[[ISNAN:.+]] = arith.cmpf uno, %[[X]], %[[X]]
//       CHECK:   %[[KEY:.+]] = arith.select %[[ISNAN]], %[[LOW]], %[[X]]
//       CHECK:   %[[M:.+]] = tile.broadcast %{{.+}} along 0
//       CHECK:   %[[MAX:.+]] = tile.reduce max %[[KEY]]
//       CHECK:   %[[BEST:.+]] = tile.broadcast %[[MAX]] along 1
//       CHECK:   %[[IS:.+]] = arith.cmpf oeq, %[[KEY]], %[[BEST]]
//       CHECK:   %[[AT:.+]] = arith.select %[[IS]], %[[M]], %[[NONE]]
//       CHECK:   %[[FIRST:.+]] = tile.reduce min %[[AT]]
//       CHECK:   %[[REST:.+]] = arith.select %{{.+}}, %[[NAN]], %[[KEY]]
//       CHECK:   tile.reduce max %[[REST]]
//       CHECK:   tile.store %[[FIRST]], %[[E]][%{{.+}}, %{{.+}}, %{{.+}}, %c0] [1, 128, 1, 1]
//   CHECK-NOT:   routed
//  WARP-LABEL: func private @select(
//   WARP-SAME:   tile.schedule = #tile.schedule<rows = 32>
func.func private @select(%l: memref<?x?x2x4xbf16> {headgate.dims = ["B", "S", 2, 4]}, %e: memref<?x?x2x2xi32> {headgate.dims = ["B", "S", 2, 2], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"]} {
  %0 = bufferization.to_tensor %l restrict : memref<?x?x2x4xbf16> to tensor<?x?x2x4xbf16>
  %1, %w, %p = routed.select %0 top 2 softmax_all : tensor<?x?x2x4xbf16>
  bufferization.materialize_in_destination %1 in restrict writable %e : (tensor<?x?x2x2xi32>, memref<?x?x2x2xi32>) -> ()
  return
}

// -----

// Weights that sum to one over a token: a block has all groups.
// CHECK-LABEL: func private @norm_token(
//  CHECK-SAME:   grid = ["B", "cdiv(S,8)", "1"]
// CHECK-COUNT-3: tile.load
//   CHECK-NOT:   tile.load
//       CHECK:   %[[SMALL:.+]] = arith.cmpf olt, %[[SUM:.+]], %[[EPS:.+]] :
//       CHECK:   %[[DIVISOR:.+]] = arith.select %[[SMALL]], %[[EPS]], %[[SUM]]
// CHECK-COUNT-3: arith.divf %{{.+}}, %[[DIVISOR]]
func.func private @norm_token(%l: memref<?x?x3x4xf32> {headgate.dims = ["B", "S", 3, 4]}, %w: memref<?x?x3x1xf32> {headgate.dims = ["B", "S", 3, 1], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"], tile.schedule = #tile.schedule<rows = 8>} {
  %0 = bufferization.to_tensor %l restrict : memref<?x?x3x4xf32> to tensor<?x?x3x4xf32>
  %e, %1, %p = routed.select %0 top 1 softmax_all norm token : tensor<?x?x3x4xf32>
  bufferization.materialize_in_destination %1 in restrict writable %w : (tensor<?x?x3x1xf32>, memref<?x?x3x1xf32>) -> ()
  return
}

// -----

// Halves of 12 components in tiles of 16: the rows of the first are stored up to
// column 12. Rows are picked by their experts, rows of the tables by positions,
// where a hole is 0.
// CHECK-LABEL: func private @rope_of_gathered(
//  CHECK-SAME:   %[[X:[^ ]+]]: memref<?x?x2x4x24xbf16> {{[^%]*}}%[[E:[^ ]+]]: memref<?x?x2x3xi32> {{[^%]*}}%[[COS:[^ ]+]]: memref<?x12xf32> {{[^%]*}}%[[SIN:[^ ]+]]: memref<?x12xf32> {{[^%]*}}%[[P:[^ ]+]]: memref<?x?xi32> {{[^%]*}}%[[Y:[^ ]+]]: memref<?x?x2x3x24xbf16>
//  CHECK-SAME:   grid = ["6*B", "cdiv(S,16)", "1"]
//       CHECK:   %[[EXPERTS:.+]] = tile.load %[[E]][%{{.+}}, %[[S0:.+]], %[[R:.+]], %[[J:.+]]] [1, 16, 1, 1]
//       CHECK:   %[[T:.+]] = tile.iota
//       CHECK:   %[[LOWER:.+]] = tile.load %[[X]][%{{.+}}, %[[S0]], %[[R]], %c0, %c0] [1, 1, 1, 1, 16] rows(%[[T]], %[[EXPERTS]] at [1, 3]
//       CHECK:   %[[POS:.+]] = tile.load %[[P]]
//       CHECK:   %[[ROW:.+]] = arith.maxsi %[[POS]], %cst
//       CHECK:   %[[UPPER:.+]] = tile.load %[[X]][%{{.+}}, %c12] [1, 1, 1, 1, 16] rows(
//       CHECK:   %[[C:.+]] = tile.load %[[COS]][%c0, %c0] [1, 16] rows(%[[ROW]] at [0]
//       CHECK:   %[[N:.+]] = tile.load %[[SIN]]
//       CHECK:   %[[UP:.+]] = arith.extf %[[UPPER]]
//       CHECK:   %[[UPN:.+]] = arith.mulf %[[UP]], %[[N]]
//       CHECK:   %[[NEG:.+]] = arith.negf %[[UPN]]
//       CHECK:   %[[LO:.+]] = arith.extf %[[LOWER]]
//       CHECK:   %[[Y0:.+]] = math.fma %[[LO]], %[[C]], %[[NEG]]
//       CHECK:   %[[Z0:.+]] = arith.truncf %[[Y0]]
//       CHECK:   %[[FIRST:.+]] = memref.subview %[[Y]][0, 0, 0, 0, 0] [%{{.+}}, %{{.+}}, 2, 3, 12]
//       CHECK:   tile.store %[[Z0]], %[[FIRST]]
//       CHECK:   tile.store %{{.+}}, %[[Y]][%{{.+}}, %c12]
//   CHECK-NOT:   tile.store
func.func private @rope_of_gathered(%x: memref<?x?x2x4x24xbf16> {headgate.dims = ["B", "S", 2, 4, 24]}, %e: memref<?x?x2x3xi32> {headgate.dims = ["B", "S", 2, 3]},
      %cos: memref<?x12xf32> {headgate.dims = ["P", 12]}, %sin: memref<?x12xf32> {headgate.dims = ["P", 12]}, %p: memref<?x?xi32> {headgate.dims = ["B", "S"]},
      %y: memref<?x?x2x3x24xbf16> {headgate.dims = ["B", "S", 2, 3, 24], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"], tile.schedule = #tile.schedule<rows = 16>} {
  %0 = bufferization.to_tensor %x restrict : memref<?x?x2x4x24xbf16> to tensor<?x?x2x4x24xbf16>
  %1 = bufferization.to_tensor %e restrict : memref<?x?x2x3xi32> to tensor<?x?x2x3xi32>
  %2 = bufferization.to_tensor %cos restrict : memref<?x12xf32> to tensor<?x12xf32>
  %3 = bufferization.to_tensor %sin restrict : memref<?x12xf32> to tensor<?x12xf32>
  %4 = bufferization.to_tensor %p restrict : memref<?x?xi32> to tensor<?x?xi32>
  %5 = routed.gather %0[%1] : tensor<?x?x2x4x24xbf16>, tensor<?x?x2x3xi32>
  %6 = routed.rope %5, %2, %3 positions(%4 : tensor<?x?xi32>) : tensor<?x?x2x3x24xbf16>, tensor<?x12xf32>
  bufferization.materialize_in_destination %6 in restrict writable %y : (tensor<?x?x2x3x24xbf16>, memref<?x?x2x3x24xbf16>) -> ()
  return
}

// -----

// Three heads in ascending order; a third is divided by, a quarter multiplied.
// CHECK-LABEL: func private @mean_of_three(
//  CHECK-SAME:   grid = ["B", "cdiv(T,4)", "1"]
//       CHECK:   %[[H0:.+]] = tile.load %{{.+}}[%{{.+}}, %[[T0:.+]], %c0, %c0] [1, 4, 1, 16]
//       CHECK:   %[[H1:.+]] = tile.load %{{.+}}[%{{.+}}, %[[T0]], %c1, %c0]
//       CHECK:   %[[S1:.+]] = arith.addf %[[H0]], %[[H1]]
//       CHECK:   %[[H2:.+]] = tile.load %{{.+}}[%{{.+}}, %[[T0]], %c2, %c0]
//       CHECK:   %[[S2:.+]] = arith.addf %[[S1]], %[[H2]]
//       CHECK:   %[[MEAN:.+]] = arith.divf %[[S2]], %cst
//       CHECK:   tile.store %[[MEAN]]
func.func private @mean_of_three(%k: memref<?x?x3x16xf32> {headgate.dims = ["B", "T", 3, 16]}, %y: memref<?x?x1x16xf32> {headgate.dims = ["B", "T", 1, 16], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "T"], tile.schedule = #tile.schedule<rows = 4>} {
  %0 = bufferization.to_tensor %k restrict : memref<?x?x3x16xf32> to tensor<?x?x3x16xf32>
  %1 = routed.mean_heads %0 : tensor<?x?x3x16xf32>
  bufferization.materialize_in_destination %1 in restrict writable %y : (tensor<?x?x1x16xf32>, memref<?x?x1x16xf32>) -> ()
  return
}

// -----

// CHECK-LABEL: func private @mean_of_four(
// CHECK-COUNT-3: arith.addf
//       CHECK:   arith.mulf %{{.+}}, %cst
func.func private @mean_of_four(%k: memref<?x?x4x16xf32> {headgate.dims = ["B", "T", 4, 16]}, %y: memref<?x?x1x16xf32> {headgate.dims = ["B", "T", 1, 16], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "T"], tile.schedule = #tile.schedule<rows = 4>} {
  %0 = bufferization.to_tensor %k restrict : memref<?x?x4x16xf32> to tensor<?x?x4x16xf32>
  %1 = routed.mean_heads %0 : tensor<?x?x4x16xf32>
  bufferization.materialize_in_destination %1 in restrict writable %y : (tensor<?x?x1x16xf32>, memref<?x?x1x16xf32>) -> ()
  return
}

// -----

// The sum over groups and slots, of one of three heads of an expert: the width of
// the result is heads, which the grid has, times components.
// CHECK-LABEL: func private @sum(
//  CHECK-SAME:   %[[Y:[^ ]+]]: memref<?x?x48xf16>
//  CHECK-SAME:   grid = ["3*B", "cdiv(S,8)", "1"]
//       CHECK:   %[[HEADS:.+]] = memref.expand_shape %[[Y]] {{\[\[}}0], [1], [2, 3]] output_shape [%{{.+}}, %{{.+}}, 3, 16]
// CHECK-COUNT-2: tile.broadcast %{{.+}} along 1 : tensor<8xf32> -> tensor<8x16xf32>
//       CHECK:   %[[SUM:.+]] = arith.addf
//       CHECK:   %[[ROUNDED:.+]] = arith.truncf %[[SUM]]
//       CHECK:   tile.store %[[ROUNDED]], %[[HEADS]][%{{.+}}, %{{.+}}, %{{.+}}, %c0] [1, 8, 1, 16]
func.func private @sum(%o: memref<?x?x1x2x3x16xf16> {headgate.dims = ["B", "S", 1, 2, 3, 16]}, %w: memref<?x?x1x2xf32> {headgate.dims = ["B", "S", 1, 2]},
      %y: memref<?x?x48xf16> {headgate.dims = ["B", "S", 48], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"], tile.schedule = #tile.schedule<rows = 8>} {
  %0 = bufferization.to_tensor %o restrict : memref<?x?x1x2x3x16xf16> to tensor<?x?x1x2x3x16xf16>
  %1 = bufferization.to_tensor %w restrict : memref<?x?x1x2xf32> to tensor<?x?x1x2xf32>
  %2 = routed.combine sum %0 weights(%1 : tensor<?x?x1x2xf32>) : tensor<?x?x1x2x3x16xf16>
  bufferization.materialize_in_destination %2 in restrict writable %y : (tensor<?x?x48xf16>, memref<?x?x48xf16>) -> ()
  return
}

// -----

// A residual: 16-bit sums are f32 sums, rounded; rows of 300 are two blocks of
// columns. A tile has as many rows as give each thread eight elements.
// CHECK-LABEL: func private @residual(
//  CHECK-SAME:   grid = ["2*B", "cdiv(S,4)", "1"]
//       CHECK:   %[[C0:.+]] = arith.muli %{{.+}}, %c256
//       CHECK:   tile.load %{{.+}}[%{{.+}}, %{{.+}}, %[[C0]]] [1, 4, 256]
//       CHECK:   %[[SUM:.+]] = arith.addf %{{.+}} : tensor<4x256xf32>
//       CHECK:   %[[Y:.+]] = arith.truncf %[[SUM]]
//       CHECK:   tile.store %[[Y]], %{{.+}}[%{{.+}}, %{{.+}}, %[[C0]]] [1, 4, 256]
//  WARP-LABEL: func private @residual(
//   WARP-SAME:   tile.schedule = #tile.schedule<rows = 1>
func.func private @residual(%x: memref<?x?x300xbf16> {headgate.dims = ["B", "S", 300]}, %z: memref<?x?x300xbf16> {headgate.dims = ["B", "S", 300]},
      %y: memref<?x?x300xbf16> {headgate.dims = ["B", "S", 300], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"]} {
  %0 = bufferization.to_tensor %x restrict : memref<?x?x300xbf16> to tensor<?x?x300xbf16>
  %1 = bufferization.to_tensor %z restrict : memref<?x?x300xbf16> to tensor<?x?x300xbf16>
  %2 = arith.addf %0, %1 : tensor<?x?x300xbf16>
  bufferization.materialize_in_destination %2 in restrict writable %y : (tensor<?x?x300xbf16>, memref<?x?x300xbf16>) -> ()
  return
}

// -----

// Lanes and warps share powers of two: a row of 7 * 16 elements is shared by 8
// lanes, and there are rows for the others.
// CHECK-LABEL: func private @odd_width(
//  CHECK-SAME:   tile.schedule = #tile.schedule<rows = 16, warps = 4>
//  WARP-LABEL: func private @odd_width(
//   WARP-SAME:   tile.schedule = #tile.schedule<rows = 4>
func.func private @odd_width(%x: memref<?x?x112xbf16> {headgate.dims = ["B", "S", 112]},
      %y: memref<?x?x112xbf16> {headgate.dims = ["B", "S", 112], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"]} {
  %0 = bufferization.to_tensor %x restrict : memref<?x?x112xbf16> to tensor<?x?x112xbf16>
  %1 = arith.addf %0, %0 : tensor<?x?x112xbf16>
  bufferization.materialize_in_destination %1 in restrict writable %y : (tensor<?x?x112xbf16>, memref<?x?x112xbf16>) -> ()
  return
}

// -----

// A part of a concat that no kernel computes: a copy into its window.
// CHECK-LABEL: func private @copy(
//       CHECK:   %[[W:.+]] = memref.subview %{{.+}}[0, 0, 8] [%{{.+}}, %{{.+}}, 16]
//       CHECK:   %[[T:.+]] = tile.load
//  CHECK-NEXT:   tile.store %[[T]], %[[W]]
func.func private @copy(%x: memref<?x?x16xf32> {headgate.dims = ["B", "S", 16]}, %cat: memref<?x?x24xf32> {headgate.dims = ["B", "S", 24], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"], tile.schedule = #tile.schedule<rows = 4>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = memref.dim %x, %c0 : memref<?x?x16xf32>
  %s = memref.dim %x, %c1 : memref<?x?x16xf32>
  %0 = bufferization.to_tensor %x restrict : memref<?x?x16xf32> to tensor<?x?x16xf32>
  %e = tensor.empty(%b, %s) : tensor<?x?x16xf32>
  %1 = linalg.copy ins(%0 : tensor<?x?x16xf32>) outs(%e : tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
  %w = memref.subview %cat[0, 0, 8] [%b, %s, 16] [1, 1, 1] : memref<?x?x24xf32> to memref<?x?x16xf32, strided<[?, 24, 1], offset: 8>>
  bufferization.materialize_in_destination %1 in restrict writable %w : (tensor<?x?x16xf32>, memref<?x?x16xf32, strided<[?, 24, 1], offset: 8>>) -> ()
  return
}

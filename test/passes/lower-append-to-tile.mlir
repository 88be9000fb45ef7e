// RUN: headgate-opt %s --headgate-lower-rows-to-tile --canonicalize --cse --split-input-file | FileCheck %s
// RUN: headgate-opt %s --headgate-lower-rows-to-tile --split-input-file --remarks-filter=lower-rows-to-tile -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// In place the first loop has no turns; else it leaves out the new rows, which the
// second one writes. A row that is left out has the number -1.
// CHECK-LABEL: func private @append(
//  CHECK-SAME:   %[[X:[^ ]+]]: memref<?x?x4x32xbf16> {{[^%]*}}%[[K:[^ ]+]]: memref<?x?x4x32xbf16> {{[^%]*}}%[[AT:[^ ]+]]: memref<?xi32> {{[^%]*}}%[[Y:[^ ]+]]: memref<?x?x4x32xbf16>
//  CHECK-SAME:   grid = ["B", "cdiv(P,1024)", "1"]
//  CHECK-SAME:   tile.schedule = #tile.schedule<rows = 8, warps = 4>
//   CHECK-DAG:   %[[XF:.+]] = memref.collapse_shape %[[X]] {{\[\[}}0], [1], [2, 3]]
//   CHECK-DAG:   %[[KF:.+]] = memref.collapse_shape %[[K]]
//   CHECK-DAG:   %[[YF:.+]] = memref.collapse_shape %[[Y]]
//       CHECK:   %[[POS:.+]] = arith.index_cast %{{.+}} : i32 to index
//       CHECK:   %[[SAME:.+]] = arith.cmpi eq, %{{.+}}, %{{.+}} : index
//       CHECK:   %[[END:.+]] = arith.select %[[SAME]], %[[BEGIN:.+]], %{{.+}} : index
//       CHECK:   scf.for %[[T:.+]] = %[[BEGIN]] to %[[END]] step %c8
//       CHECK:     %[[NEW:.+]] = arith.cmpi ult
//       CHECK:     %[[TO:.+]] = arith.select %[[NEW]], %{{.+}}, %{{.+}} : tensor<8xi1>
//       CHECK:     %[[OLD:.+]] = tile.load %[[KF]][%{{.+}}, %[[T]], %c0] [1, 8, 128]
//       CHECK:     tile.store %[[OLD]], %[[YF]][%{{.+}}, %c0, %c0] [1, 1, 128] rows(%[[TO]] at [1]
//       CHECK:   scf.for %[[T:.+]] = %{{.+}} to %{{.+}} step %c8
//       CHECK:     %[[FROM:.+]] = arith.subi %[[T]], %[[POS]]
//       CHECK:     tile.load %[[XF]][%{{.+}}, %[[FROM]], %c0]
//   CHECK-NOT:   routed
func.func private @append(%x: memref<?x?x4x32xbf16> {headgate.dims = ["B", "S", 4, 32]}, %k: memref<?x?x4x32xbf16> {headgate.dims = ["B", "P", 4, 32]},
      %at: memref<?xi32> {headgate.dims = ["B"]}, %y: memref<?x?x4x32xbf16> {headgate.dims = ["B", "P", 4, 32], headgate.output})
    attributes {headgate.kernel = "append", headgate.tokens = ["B", "P"]} {
  %0 = bufferization.to_tensor %x restrict : memref<?x?x4x32xbf16> to tensor<?x?x4x32xbf16>
  %1 = bufferization.to_tensor %k restrict : memref<?x?x4x32xbf16> to tensor<?x?x4x32xbf16>
  %2 = bufferization.to_tensor %at restrict : memref<?xi32> to tensor<?xi32>
  %3 = routed.append %0 into %1 at %2 : tensor<?x?x4x32xbf16>, tensor<?x?x4x32xbf16>, tensor<?xi32>
  bufferization.materialize_in_destination %3 in restrict writable %y : (tensor<?x?x4x32xbf16>, memref<?x?x4x32xbf16>) -> ()
  return
}

// -----

// REMARK: 'routed.append' is not lowered to tiles: its rows have no known width
// CHECK-LABEL: func private @dynamic_width(
//   CHECK-NOT:   tile
func.func private @dynamic_width(%x: memref<?x?x?xf32> {headgate.dims = ["B", "S", "D"]}, %k: memref<?x?x?xf32> {headgate.dims = ["B", "P", "D"]},
      %at: memref<?xi32> {headgate.dims = ["B"]}, %y: memref<?x?x?xf32> {headgate.dims = ["B", "P", "D"], headgate.output})
    attributes {headgate.kernel = "append", headgate.tokens = ["B", "P"]} {
  %0 = bufferization.to_tensor %x restrict : memref<?x?x?xf32> to tensor<?x?x?xf32>
  %1 = bufferization.to_tensor %k restrict : memref<?x?x?xf32> to tensor<?x?x?xf32>
  %2 = bufferization.to_tensor %at restrict : memref<?xi32> to tensor<?xi32>
  %3 = routed.append %0 into %1 at %2 : tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?xi32>
  bufferization.materialize_in_destination %3 in restrict writable %y : (tensor<?x?x?xf32>, memref<?x?x?xf32>) -> ()
  return
}

// -----

// A cache that is computed in the kernel.
// REMARK: 'routed.append' is not lowered to tiles: an operand is computed in the kernel
// CHECK-LABEL: func private @computed_cache(
//   CHECK-NOT:   tile
func.func private @computed_cache(%x: memref<?x?x8xf32> {headgate.dims = ["B", "S", 8]}, %k: memref<?x?x8xf32> {headgate.dims = ["B", "P", 8]},
      %at: memref<?xi32> {headgate.dims = ["B"]}, %y: memref<?x?x8xf32> {headgate.dims = ["B", "P", 8], headgate.output})
    attributes {headgate.kernel = "append", headgate.tokens = ["B", "P"]} {
  %0 = bufferization.to_tensor %x restrict : memref<?x?x8xf32> to tensor<?x?x8xf32>
  %1 = bufferization.to_tensor %k restrict : memref<?x?x8xf32> to tensor<?x?x8xf32>
  %2 = bufferization.to_tensor %at restrict : memref<?xi32> to tensor<?xi32>
  %twice = arith.addf %1, %1 : tensor<?x?x8xf32>
  %3 = routed.append %0 into %twice at %2 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>
  bufferization.materialize_in_destination %3 in restrict writable %y : (tensor<?x?x8xf32>, memref<?x?x8xf32>) -> ()
  return
}

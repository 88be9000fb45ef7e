// RUN: headgate-opt %s --canonicalize | FileCheck %s

// A count that is the whole extent says nothing.
// CHECK-LABEL: func @whole_counts
//       CHECK:   %[[S:.+]] = tile.dot %{{.+}}, transpose %{{.+}} : tensor<4x5xf32>
//       CHECK:   tile.dot %{{.+}}, %{{.+}} acc %[[S]] : tensor<4x5xf32>
func.func @whole_counts(%a: tensor<4x5xf32>, %b: tensor<6x5xf32>, %c: tensor<5x6xf32>) -> tensor<4x6xf32> {
  %c5 = arith.constant 5 : index
  %c6 = arith.constant 6 : index
  %s = tile.dot %a, transpose %b cols(%c6) : tensor<4x5xf32>, tensor<6x5xf32> -> tensor<4x6xf32>
  %x = tile.dot %a, %c acc %s cols(%c6) depth(%c5) : tensor<4x5xf32>, tensor<5x6xf32>, tensor<4x6xf32> -> tensor<4x6xf32>
  return %x : tensor<4x6xf32>
}

// CHECK-LABEL: func @part_of_a_count
//       CHECK:   tile.dot %{{.+}}, transpose %{{.+}} cols(%{{.+}}) :
func.func @part_of_a_count(%a: tensor<4x5xf32>, %b: tensor<6x5xf32>) -> tensor<4x6xf32> {
  %c5 = arith.constant 5 : index
  %s = tile.dot %a, transpose %b cols(%c5) : tensor<4x5xf32>, tensor<6x5xf32> -> tensor<4x6xf32>
  return %s : tensor<4x6xf32>
}

// CHECK-LABEL: func @one_value_everywhere
//  CHECK-SAME:   %[[X:.+]]: f32
//   CHECK-DAG:   %[[A:.+]] = arith.constant dense<2.500000e+00> : tensor<4x6xf32>
//   CHECK-DAG:   %[[B:.+]] = tensor.splat %[[X]] : tensor<4x6xf32>
//       CHECK:   return %[[A]], %[[B]]
func.func @one_value_everywhere(%x: f32) -> (tensor<4x6xf32>, tensor<4x6xf32>) {
  %c = arith.constant dense<2.5> : tensor<4xf32>
  %a = tile.broadcast %c along 1 : tensor<4xf32> -> tensor<4x6xf32>
  %s = tensor.splat %x : tensor<6xf32>
  %b = tile.broadcast %s along 0 : tensor<6xf32> -> tensor<4x6xf32>
  return %a, %b : tensor<4x6xf32>, tensor<4x6xf32>
}

// CHECK-LABEL: func @values_differ
//       CHECK:   tile.broadcast
func.func @values_differ() -> tensor<2x3xi32> {
  %c = arith.constant dense<[1, 2]> : tensor<2xi32>
  %a = tile.broadcast %c along 1 : tensor<2xi32> -> tensor<2x3xi32>
  return %a : tensor<2x3xi32>
}

// A window that nobody reads is not read; one that is written stays.
// CHECK-LABEL: func @dead_load
//   CHECK-NOT:   tile.load
//       CHECK:   tile.store
func.func @dead_load(%x: memref<?x3xf32>, %t: tensor<2x3xf32>, %i: index) {
  %dead = tile.load %x[%i, %i] [2, 3] : memref<?x3xf32> -> tensor<2x3xf32>
  tile.store %t, %x[%i, %i] [2, 3] : tensor<2x3xf32>, memref<?x3xf32>
  return
}

// RUN: headgate-opt %s --headgate-split-row-sums --split-input-file | FileCheck %s
// RUN: headgate-opt %s --headgate-split-row-sums=ways=4 --split-input-file | FileCheck %s --check-prefix=GPU

// The running sum of an online softmax: each row's parts are scaled alike, and
// added once, after the loop.
// CHECK-LABEL: func @online_softmax
//       CHECK:   %[[ZEROS:.+]] = arith.constant dense<0.000000e+00> : tensor<3x16xf32>
//       CHECK:   %[[FIN:.+]] = scf.for {{.+}} iter_args(%[[L:.+]] = %[[ZEROS]]) -> (tensor<3x16xf32>)
//       CHECK:     %[[A:.+]] = tile.load
//       CHECK:     %[[P:.+]] = tile.load
//       CHECK:     %[[PARTS:.+]] = tile.reduce add %[[P]] : tensor<3x32xf32> -> tensor<3x16xf32>
//       CHECK:     %[[SPREAD:.+]] = tile.broadcast %[[A]] along 1 : tensor<3xf32> -> tensor<3x16xf32>
//       CHECK:     %[[NEXT:.+]] = math.fma %[[L]], %[[SPREAD]], %[[PARTS]] : tensor<3x16xf32>
//       CHECK:     scf.yield %[[NEXT]] : tensor<3x16xf32>
//       CHECK:   %[[SUM:.+]] = tile.reduce add %[[FIN]] : tensor<3x16xf32> -> tensor<3xf32>
//       CHECK:   tile.store %[[SUM]]
//   GPU-LABEL: func @online_softmax
//         GPU:   tile.reduce add %{{.+}} : tensor<3x32xf32> -> tensor<3x4xf32>
func.func @online_softmax(%x: memref<?x3x32xf32>, %f: memref<?x3xf32>, %y: memref<3xf32>, %n: index)
    attributes {tile.schedule = #tile.schedule<rows = 3>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : tensor<3xf32>
  %fin = scf.for %i = %c0 to %n step %c1 iter_args(%l = %zero) -> tensor<3xf32> {
    %a = tile.load %f[%i, %c0] [1, 3] : memref<?x3xf32> -> tensor<3xf32>
    %p = tile.load %x[%i, %c0, %c0] [1, 3, 32] : memref<?x3x32xf32> -> tensor<3x32xf32>
    %s = tile.reduce add %p : tensor<3x32xf32> -> tensor<3xf32>
    %next = math.fma %l, %a, %s : tensor<3xf32>
    scf.yield %next : tensor<3xf32>
  }
  tile.store %fin, %y[%c0] [3] : tensor<3xf32>, memref<3xf32>
  return
}

// -----

// A plain sum, and one that is scaled by a product of its own.
// CHECK-LABEL: func @plain_and_product
//       CHECK:   scf.for {{.+}} -> (tensor<3x16xf32>, tensor<3x16xf32>)
//       CHECK:     %[[PLAIN:.+]] = arith.addf %{{.+}}, %{{.+}} : tensor<3x16xf32>
//       CHECK:     %[[SCALED:.+]] = arith.mulf %{{.+}}, %{{.+}} : tensor<3x16xf32>
//       CHECK:     %[[SUM:.+]] = arith.addf %[[SCALED]], %{{.+}} : tensor<3x16xf32>
//       CHECK:     scf.yield %[[PLAIN]], %[[SUM]]
func.func @plain_and_product(%x: memref<?x3x32xf32>, %f: memref<?x3xf32>, %y: memref<2x3xf32>, %n: index)
    attributes {tile.schedule = #tile.schedule<rows = 3>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : tensor<3xf32>
  %fin:2 = scf.for %i = %c0 to %n step %c1 iter_args(%l = %zero, %m = %zero) -> (tensor<3xf32>, tensor<3xf32>) {
    %a = tile.load %f[%i, %c0] [1, 3] : memref<?x3xf32> -> tensor<3xf32>
    %p = tile.load %x[%i, %c0, %c0] [1, 3, 32] : memref<?x3x32xf32> -> tensor<3x32xf32>
    %s = tile.reduce add %p : tensor<3x32xf32> -> tensor<3xf32>
    %t = tile.reduce add %p : tensor<3x32xf32> -> tensor<3xf32>
    %plain = arith.addf %s, %l : tensor<3xf32>
    %scaled = arith.mulf %a, %m : tensor<3xf32>
    %sum = arith.addf %scaled, %t : tensor<3xf32>
    scf.yield %plain, %sum : tensor<3xf32>, tensor<3xf32>
  }
  tile.store %fin#0, %y[%c0, %c0] [1, 3] : tensor<3xf32>, memref<2x3xf32>
  tile.store %fin#1, %y[%c1, %c0] [1, 3] : tensor<3xf32>, memref<2x3xf32>
  return
}

// -----

// Left alone: a sum that starts at 1, one that the loop looks at, a maximum, one
// of too few columns.
// CHECK-LABEL: func @others
//       CHECK:   scf.for {{.+}} -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
//   CHECK-NOT:   tensor<3x16xf32>
//       CHECK:   return
func.func @others(%x: memref<?x3x32xf32>, %y: memref<4x3xf32>, %n: index)
    attributes {tile.schedule = #tile.schedule<rows = 3>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %zero = arith.constant dense<0.0> : tensor<3xf32>
  %one = arith.constant dense<1.0> : tensor<3xf32>
  %fin:4 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %one, %b = %zero, %c = %zero, %d = %zero)
      -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
    %p = tile.load %x[%i, %c0, %c0] [1, 3, 32] : memref<?x3x32xf32> -> tensor<3x32xf32>
    %s0 = tile.reduce add %p : tensor<3x32xf32> -> tensor<3xf32>
    %s1 = tile.reduce add %p : tensor<3x32xf32> -> tensor<3xf32>
    %s2 = tile.reduce max %p : tensor<3x32xf32> -> tensor<3xf32>
    %q = tile.load %x[%i, %c0, %c0] [1, 3, 8] : memref<?x3x32xf32> -> tensor<3x8xf32>
    %s3 = tile.reduce add %q : tensor<3x8xf32> -> tensor<3xf32>
    %a1 = arith.addf %a, %s0 : tensor<3xf32>
    %b1 = arith.addf %b, %s1 : tensor<3xf32>
    tile.store %b, %y[%c0, %c0] [1, 3] : tensor<3xf32>, memref<4x3xf32>
    %m1 = arith.addf %c, %s2 : tensor<3xf32>
    %d1 = arith.addf %d, %s3 : tensor<3xf32>
    scf.yield %a1, %b1, %m1, %d1 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
  }
  tile.store %fin#0, %y[%c0, %c0] [1, 3] : tensor<3xf32>, memref<4x3xf32>
  tile.store %fin#1, %y[%c1, %c0] [1, 3] : tensor<3xf32>, memref<4x3xf32>
  tile.store %fin#2, %y[%c2, %c0] [1, 3] : tensor<3xf32>, memref<4x3xf32>
  tile.store %fin#3, %y[%c3, %c0] [1, 3] : tensor<3xf32>, memref<4x3xf32>
  return
}

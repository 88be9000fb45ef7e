// RUN: headgate-opt %s --headgate-assign-layouts --split-input-file | FileCheck %s

// Scores lie as mma.sync leaves them, and are the next product's left factor as
// they are; maxima are a slice, partial sums one for each lane of four; rows
// that are copied lie 8 lanes of 16 bytes to a row, and their numbers with them.
// CHECK-DAG: #[[$D:.+]] = #tile.frag<reg [2:c1, 2:r8, 6:c8], lane [4:c2, 8:r1], warp [2:r16]>
// CHECK-DAG: #[[$O:.+]] = #tile.frag<reg [2:c1, 2:r8, 8:c8], lane [4:c2, 8:r1], warp [2:r16]>
// CHECK-DAG: #[[$ROW:.+]] = #tile.frag<reg [2:r8], lane [4:x, 8:r1], warp [2:r16]>
// CHECK-DAG: #[[$PART:.+]] = #tile.frag<reg [2:r8], lane [4:c1, 8:r1], warp [2:r16]>
// CHECK-DAG: #[[$COPY:.+]] = #tile.frag<reg [8:c1, 4:r8], lane [8:c8, 4:r1], warp [2:r4]>
// CHECK-DAG: #[[$NUMBERS:.+]] = #tile.frag<reg [4:r8], lane [8:x, 4:r1], warp [2:r4]>
// CHECK-LABEL: func @attention
func.func @attention(%q: memref<?x3x64xbf16>, %e: memref<?xi32>, %ks: !tile.shared<tensor<48x64xbf16>>,
                     %vs: !tile.shared<tensor<48x64xbf16>>, %n: index, %lse: memref<?xf32>, %o: memref<?x64xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 32, warps = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: tile.iota : tensor<32xi32, #[[$NUMBERS]]>
  %r = tile.iota : tensor<32xi32>
  // CHECK: tile.load %{{.+}} -> tensor<32xi32, #[[$NUMBERS]]>
  %et = tile.load %e[%c0] [32] : memref<?xi32> -> tensor<32xi32>
  // CHECK: tile.load {{.+}} -> tensor<32x64xbf16, #[[$COPY]]>
  %qt = tile.load %q[%c0, %c0, %c0] [1, 1, 64] rows(%r, %et at [0, 1] : tensor<32xi32>, tensor<32xi32>)
      : memref<?x3x64xbf16> -> tensor<32x64xbf16>
  %qs = tile.share %qt : tensor<32x64xbf16> -> !tile.shared<tensor<32x64xbf16>>
  // CHECK-DAG: arith.constant dense<0xFF800000> : tensor<32xf32, #[[$ROW]]>
  %low = arith.constant dense<0xFF800000> : tensor<32xf32>
  // CHECK-DAG: arith.constant dense<0.000000e+00> : tensor<32x4xf32, #[[$PART]]>
  %zero4 = arith.constant dense<0.0> : tensor<32x4xf32>
  // CHECK-DAG: arith.constant dense<0.000000e+00> : tensor<32x64xf32, #[[$O]]>
  %zero = arith.constant dense<0.0> : tensor<32x64xf32>
  // CHECK: scf.for {{.+}} -> (tensor<32xf32, #[[$ROW]]>, tensor<32x4xf32, #[[$PART]]>, tensor<32x64xf32, #[[$O]]>)
  %fin:3 = scf.for %i = %c0 to %n step %c1 iter_args(%m = %low, %l = %zero4, %acc = %zero)
      -> (tensor<32xf32>, tensor<32x4xf32>, tensor<32x64xf32>) {
    // CHECK: tile.start {{.+}} -> !tile.pending<tensor<32x48xf32, #[[$D]]>>
    %sp = tile.start %qs, transpose %ks : !tile.shared<tensor<32x64xbf16>>, !tile.shared<tensor<48x64xbf16>>
        -> !tile.pending<tensor<32x48xf32>>
    %s = tile.await %sp : !tile.pending<tensor<32x48xf32>>
    // CHECK: tile.reduce max {{.+}} -> tensor<32xf32, #[[$ROW]]>
    %max = tile.reduce max %s : tensor<32x48xf32> -> tensor<32xf32>
    %mn = arith.maxnumf %m, %max : tensor<32xf32>
    // CHECK: tile.broadcast {{.+}} -> tensor<32x48xf32, #[[$D]]>
    %mb = tile.broadcast %mn along 1 : tensor<32xf32> -> tensor<32x48xf32>
    %d = arith.subf %s, %mb : tensor<32x48xf32>
    // CHECK: tile.reduce add {{.+}} -> tensor<32x4xf32, #[[$PART]]>
    %sum = tile.reduce add %d : tensor<32x48xf32> -> tensor<32x4xf32>
    %ln = arith.addf %l, %sum : tensor<32x4xf32>
    // CHECK: arith.truncf {{.+}} to tensor<32x48xbf16, #[[$D]]>
    %p = arith.truncf %d : tensor<32x48xf32> to tensor<32x48xbf16>
    %op = tile.start %p, %vs acc %acc : tensor<32x48xbf16>, !tile.shared<tensor<48x64xbf16>>, tensor<32x64xf32>
        -> !tile.pending<tensor<32x64xf32>>
    %on = tile.await %op : !tile.pending<tensor<32x64xf32>>
    scf.yield %mn, %ln, %on : tensor<32xf32>, tensor<32x4xf32>, tensor<32x64xf32>
  }
  // CHECK: tile.reduce add {{.+}} : tensor<32x4xf32, #[[$PART]]> -> tensor<32xf32, #[[$ROW]]>
  %l = tile.reduce add %fin#1 : tensor<32x4xf32> -> tensor<32xf32>
  tile.store %l, %lse[%c0] [32] : tensor<32xf32>, memref<?xf32>
  tile.store %fin#2, %o[%c0, %c0] [32, 64] : tensor<32x64xf32>, memref<?x64xf32>
  return
}

// -----

// Without products: 16 bytes of the narrowest type an access, which are 8
// columns. 4 lanes have a row; half of the warp has copies.
// CHECK-DAG: #[[$FRAG:.+]] = #tile.frag<reg [8:c1], lane [4:c8, 4:r1, 2:x], warp []>
// CHECK-LABEL: func @rows
//       CHECK:   tile.load {{.+}} -> tensor<4x32xf32, #[[$FRAG]]>
//       CHECK:   tile.store {{.+}} : tensor<4x32xbf16, #[[$FRAG]]>
func.func @rows(%x: memref<4x32xf32>, %y: memref<4x32xbf16>)
    attributes {tile.schedule = #tile.schedule<rows = 4, warps = 1>} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [4, 32] : memref<4x32xf32> -> tensor<4x32xf32>
  %u = arith.truncf %t : tensor<4x32xf32> to tensor<4x32xbf16>
  tile.store %u, %y[%c0, %c0] [4, 32] : tensor<4x32xbf16>, memref<4x32xbf16>
  return
}

// -----

// A function that says nothing of its threads.
// CHECK-LABEL: func @left_alone
//       CHECK:   tile.load {{.+}} -> tensor<4x24xf32>{{$}}
func.func @left_alone(%x: memref<4x24xf32>, %y: memref<4x24xf32>) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [4, 24] : memref<4x24xf32> -> tensor<4x24xf32>
  tile.store %t, %y[%c0, %c0] [4, 24] : tensor<4x24xf32>, memref<4x24xf32>
  return
}

// -----

// 14 accesses of 16 bytes would leave each of two lanes 7 of a row, and most
// threads copies. With 4 bytes each thread has elements of its own.
// CHECK: #[[$F:.+]] = #tile.frag<reg [2:c1, 7:c16], lane [8:c2, 4:r1], warp [4:r4]>
// CHECK-LABEL: func @odd_width
//       CHECK:   tile.load {{.+}} -> tensor<16x112xbf16, #[[$F]]>
func.func @odd_width(%x: memref<?x112xbf16>) attributes {tile.schedule = #tile.schedule<rows = 16, warps = 4>} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [16, 112] : memref<?x112xbf16> -> tensor<16x112xbf16>
  tile.store %t, %x[%c0, %c0] [16, 112] : tensor<16x112xbf16>, memref<?x112xbf16>
  return
}

// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// Rows of a token, of a group and of a slot.
// CHECK-LABEL: func @every_row
func.func @every_row(%x: tensor<?x?x16xbf16>, %xr: tensor<?x?x3x16xbf16>,
                     %xj: tensor<?x?x3x2x16xbf16>, %w: tensor<3x5x16x8xbf16>,
                     %e: tensor<?x?x3x2xi32>)
    -> (tensor<?x?x3x2x8xbf16>, tensor<?x?x3x2x8xbf16>, tensor<?x?x3x2x8xbf16>) {
  // CHECK: routed.linear %{{.+}}, %{{.+}}[%{{.+}}] : tensor<?x?x16xbf16>, tensor<3x5x16x8xbf16>, tensor<?x?x3x2xi32>
  %0 = routed.linear %x, %w[%e] : tensor<?x?x16xbf16>, tensor<3x5x16x8xbf16>, tensor<?x?x3x2xi32>
  // CHECK: routed.linear %{{.+}}, %{{.+}}[%{{.+}}] : tensor<?x?x3x16xbf16>,
  %1 = routed.linear %xr, %w[%e]
      : tensor<?x?x3x16xbf16>, tensor<3x5x16x8xbf16>, tensor<?x?x3x2xi32>
  // CHECK: routed.linear %{{.+}}, %{{.+}}[%{{.+}}] {mine} : tensor<?x?x3x2x16xbf16>,
  %2 = routed.linear %xj, %w[%e] sum none {mine}
      : tensor<?x?x3x2x16xbf16>, tensor<3x5x16x8xbf16>, tensor<?x?x3x2xi32>
  return %0, %1, %2 : tensor<?x?x3x2x8xbf16>, tensor<?x?x3x2x8xbf16>, tensor<?x?x3x2x8xbf16>
}

// CHECK-LABEL: func @every_sum
func.func @every_sum(%x: tensor<?x?x3x2x16xf32>, %w: tensor<3x5x8x16xf32>, %b: tensor<3x5x8xf32>,
                     %g: tensor<?x?x3x2xf32>, %e: tensor<?x?x3x2xi32>)
    -> (tensor<?x?x3x8xf32>, tensor<?x?x8xf32>, tensor<?x?x3x2x8xf32>) {
  // CHECK: routed.linear %{{.+}}, %{{.+}}[%{{.+}}] transposed sum slots : tensor<?x?x3x2x16xf32>, tensor<3x5x8x16xf32>, tensor<?x?x3x2xi32>
  %0 = routed.linear %x, %w[%e] sum slots transposed
      : tensor<?x?x3x2x16xf32>, tensor<3x5x8x16xf32>, tensor<?x?x3x2xi32>
  // CHECK: routed.linear %{{.+}}, %{{.+}}[%{{.+}}] transposed bias(%{{.+}} : tensor<3x5x8xf32>) weights(%{{.+}} : tensor<?x?x3x2xf32>) sum all
  %1 = routed.linear %x, %w[%e] weights(%g : tensor<?x?x3x2xf32>) sum all
      bias(%b : tensor<3x5x8xf32>) transposed
      : tensor<?x?x3x2x16xf32>, tensor<3x5x8x16xf32>, tensor<?x?x3x2xi32>
  // CHECK: routed.linear %{{.+}}, %{{.+}}[%{{.+}}] transposed bias(%{{.+}} : tensor<3x5x8xf32>) : tensor
  %2 = routed.linear %x, %w[%e] transposed bias(%b : tensor<3x5x8xf32>)
      : tensor<?x?x3x2x16xf32>, tensor<3x5x8x16xf32>, tensor<?x?x3x2xi32>
  return %0, %1, %2 : tensor<?x?x3x8xf32>, tensor<?x?x8xf32>, tensor<?x?x3x2x8xf32>
}

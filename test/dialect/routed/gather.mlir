// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// Scalars, rows, and rows of several heads of an expert.
// CHECK-LABEL: func @every_rank
func.func @every_rank(%p: tensor<?x?x3x5xf32>, %q: tensor<?x?x3x5x16xbf16>,
                      %qu: tensor<?x?x3x5x4x16xf16>, %e: tensor<?x?x3x2xi32>)
    -> (tensor<?x?x3x2xf32>, tensor<?x?x3x2x16xbf16>, tensor<?x?x3x2x4x16xf16>) {
  // CHECK: routed.gather %{{.+}}[%{{.+}}] : tensor<?x?x3x5xf32>, tensor<?x?x3x2xi32>
  %0 = routed.gather %p[%e] : tensor<?x?x3x5xf32>, tensor<?x?x3x2xi32>
  // CHECK: routed.gather %{{.+}}[%{{.+}}] : tensor<?x?x3x5x16xbf16>, tensor<?x?x3x2xi32>
  %1 = routed.gather %q[%e] : tensor<?x?x3x5x16xbf16>, tensor<?x?x3x2xi32>
  // CHECK: routed.gather %{{.+}}[%{{.+}}] {mine} : tensor<?x?x3x5x4x16xf16>, tensor<?x?x3x2xi32>
  %2 = routed.gather %qu[%e] {mine} : tensor<?x?x3x5x4x16xf16>, tensor<?x?x3x2xi32>
  return %0, %1, %2 : tensor<?x?x3x2xf32>, tensor<?x?x3x2x16xbf16>, tensor<?x?x3x2x4x16xf16>
}

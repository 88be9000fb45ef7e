// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @mean
func.func @mean(%k: tensor<?x?x3x16xbf16>) -> tensor<?x?x1x16xbf16> {
  // CHECK: routed.mean_heads %{{.+}} {mine} : tensor<?x?x3x16xbf16>
  %0 = routed.mean_heads %k {mine} : tensor<?x?x3x16xbf16>
  return %0 : tensor<?x?x1x16xbf16>
}

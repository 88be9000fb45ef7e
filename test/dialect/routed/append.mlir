// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// A cache holds rows of any rank, or the experts they belong to; its trailing
// extents may be dynamic.
// CHECK-LABEL: func @every_cache
func.func @every_cache(%k: tensor<?x?x4x16xf16>, %K: tensor<?x?x4x16xf16>,
                       %e: tensor<?x1x3x2xi32>, %E: tensor<?x?x3x2xi32>,
                       %x: tensor<?x?x?xf32>, %X: tensor<?x?x?xf32>, %at: tensor<?xi32>)
    -> (tensor<?x?x4x16xf16>, tensor<?x?x3x2xi32>, tensor<?x?x?xf32>) {
  // CHECK: routed.append %{{.+}} into %{{.+}} at %{{.+}} : tensor<?x?x4x16xf16>, tensor<?x?x4x16xf16>, tensor<?xi32>
  %0 = routed.append %k into %K at %at : tensor<?x?x4x16xf16>, tensor<?x?x4x16xf16>, tensor<?xi32>
  // CHECK: routed.append %{{.+}} into %{{.+}} at %{{.+}} {mine} : tensor<?x1x3x2xi32>, tensor<?x?x3x2xi32>, tensor<?xi32>
  %1 = routed.append %e into %E at %at {mine} : tensor<?x1x3x2xi32>, tensor<?x?x3x2xi32>, tensor<?xi32>
  // CHECK: routed.append %{{.+}} into %{{.+}} at %{{.+}} : tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?xi32>
  %2 = routed.append %x into %X at %at : tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?xi32>
  return %0, %1, %2 : tensor<?x?x4x16xf16>, tensor<?x?x3x2xi32>, tensor<?x?x?xf32>
}

// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @concat
func.func @concat(%o: tensor<?x?x4x16xf16>, %o5: tensor<?x?x3x2x16xf16>, %o6: tensor<?x?x3x2x4x16xf16>,
                  %w: tensor<?x?x3x2xf32>)
    -> (tensor<?x?x64xf16>, tensor<?x?x96xf16>, tensor<?x?x384xf16>) {
  // CHECK: routed.combine concat %{{.+}} : tensor<?x?x4x16xf16>
  %0 = routed.combine concat %o : tensor<?x?x4x16xf16>
  // CHECK: routed.combine concat %{{.+}} weights(%{{.+}} : tensor<?x?x3x2xf32>) {mine} : tensor<?x?x3x2x16xf16>
  %1 = routed.combine concat %o5 weights(%w : tensor<?x?x3x2xf32>) {mine} : tensor<?x?x3x2x16xf16>
  // CHECK: routed.combine concat %{{.+}} weights(%{{.+}} : tensor<?x?x3x2xf32>) : tensor<?x?x3x2x4x16xf16>
  %2 = routed.combine concat %o6 weights(%w : tensor<?x?x3x2xf32>) : tensor<?x?x3x2x4x16xf16>
  return %0, %1, %2 : tensor<?x?x64xf16>, tensor<?x?x96xf16>, tensor<?x?x384xf16>
}

// The heads that weights have go; the rest makes the width.
// CHECK-LABEL: func @sum
func.func @sum(%o: tensor<?x?x3x2x4x16xf32>, %w3: tensor<?x?x3xf32>, %w4: tensor<?x?x3x2xf32>,
               %w5: tensor<?x?x3x2x4xf32>)
    -> (tensor<?x?x128xf32>, tensor<?x?x64xf32>, tensor<?x?x16xf32>) {
  // CHECK: routed.combine sum %{{.+}} weights(%{{.+}} : tensor<?x?x3xf32>) : tensor<?x?x3x2x4x16xf32>
  %0 = routed.combine sum %o weights(%w3 : tensor<?x?x3xf32>) : tensor<?x?x3x2x4x16xf32>
  // CHECK: routed.combine sum %{{.+}} weights(%{{.+}} : tensor<?x?x3x2xf32>) : tensor<?x?x3x2x4x16xf32>
  %1 = routed.combine sum %o weights(%w4 : tensor<?x?x3x2xf32>) : tensor<?x?x3x2x4x16xf32>
  // CHECK: routed.combine sum %{{.+}} weights(%{{.+}} : tensor<?x?x3x2x4xf32>) : tensor<?x?x3x2x4x16xf32>
  %2 = routed.combine sum %o weights(%w5 : tensor<?x?x3x2x4xf32>) : tensor<?x?x3x2x4x16xf32>
  return %0, %1, %2 : tensor<?x?x128xf32>, tensor<?x?x64xf32>, tensor<?x?x16xf32>
}

// R * M * rest: all experts have a place.
// CHECK-LABEL: func @scatter
func.func @scatter(%o: tensor<?x?x3x2x16xbf16>, %o6: tensor<?x?x3x2x4x16xbf16>,
                   %e: tensor<?x?x3x2xi32>, %w: tensor<?x?x3x2xf32>)
    -> (tensor<?x?x240xbf16>, tensor<?x?x960xbf16>) {
  // CHECK: routed.combine scatter %{{.+}} experts(%{{.+}} of 5 : tensor<?x?x3x2xi32>) : tensor<?x?x3x2x16xbf16>
  %0 = routed.combine scatter %o experts(%e of 5 : tensor<?x?x3x2xi32>) : tensor<?x?x3x2x16xbf16>
  // CHECK: routed.combine scatter %{{.+}} experts(%{{.+}} of 5 : tensor<?x?x3x2xi32>) weights(%{{.+}} : tensor<?x?x3x2xf32>) : tensor<?x?x3x2x4x16xbf16>
  %1 = routed.combine scatter %o6 weights(%w : tensor<?x?x3x2xf32>)
      experts(%e of 5 : tensor<?x?x3x2xi32>) : tensor<?x?x3x2x4x16xbf16>
  return %0, %1 : tensor<?x?x240xbf16>, tensor<?x?x960xbf16>
}

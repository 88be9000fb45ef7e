// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @every_rank
func.func @every_rank(%x3: tensor<?x?x16xf32>, %x4: tensor<?x?x4x16xf16>,
                      %x5: tensor<?x?x3x2x16xbf16>, %x6: tensor<?x?x3x2x4x16xf32>,
                      %cos: tensor<?x8xf32>, %sin: tensor<?x8xf32>) -> tensor<?x?x3x2x4x16xf32> {
  // CHECK: routed.rope %{{.+}}, %{{.+}}, %{{.+}} : tensor<?x?x16xf32>, tensor<?x8xf32>
  %0 = routed.rope %x3, %cos, %sin : tensor<?x?x16xf32>, tensor<?x8xf32>
  // CHECK: routed.rope %{{.+}}, %{{.+}}, %{{.+}} : tensor<?x?x4x16xf16>, tensor<?x8xf32>
  %1 = routed.rope %x4, %cos, %sin : tensor<?x?x4x16xf16>, tensor<?x8xf32>
  // CHECK: routed.rope %{{.+}}, %{{.+}}, %{{.+}} {mine} : tensor<?x?x3x2x16xbf16>, tensor<?x8xf32>
  %2 = routed.rope %x5, %cos, %sin {mine} : tensor<?x?x3x2x16xbf16>, tensor<?x8xf32>
  // CHECK: routed.rope %{{.+}}, %{{.+}}, %{{.+}} : tensor<?x?x3x2x4x16xf32>, tensor<?x8xf32>
  %3 = routed.rope %x6, %cos, %sin : tensor<?x?x3x2x4x16xf32>, tensor<?x8xf32>
  return %3 : tensor<?x?x3x2x4x16xf32>
}

// Positions of a token, of a group, of a slot and of each of its heads; a table
// of half the row's width or less.
// CHECK-LABEL: func @every_position
func.func @every_position(%x: tensor<?x?x3x2x4x16xf32>, %cos: tensor<7x5xf32>, %sin: tensor<7x5xf32>,
                          %p2: tensor<?x?xi32>, %p3: tensor<?x?x3xi32>, %p4: tensor<?x?x3x2xi32>,
                          %p5: tensor<?x?x3x2x4xi32>) {
  // CHECK: positions(%{{.+}} : tensor<?x?xi32>) : tensor<?x?x3x2x4x16xf32>, tensor<7x5xf32>
  %0 = routed.rope %x, %cos, %sin positions(%p2 : tensor<?x?xi32>)
      : tensor<?x?x3x2x4x16xf32>, tensor<7x5xf32>
  // CHECK: positions(%{{.+}} : tensor<?x?x3xi32>)
  %1 = routed.rope %x, %cos, %sin positions(%p3 : tensor<?x?x3xi32>)
      : tensor<?x?x3x2x4x16xf32>, tensor<7x5xf32>
  // CHECK: positions(%{{.+}} : tensor<?x?x3x2xi32>)
  %2 = routed.rope %x, %cos, %sin positions(%p4 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x4x16xf32>, tensor<7x5xf32>
  // CHECK: positions(%{{.+}} : tensor<?x?x3x2x4xi32>)
  %3 = routed.rope %x, %cos, %sin positions(%p5 : tensor<?x?x3x2x4xi32>)
      : tensor<?x?x3x2x4x16xf32>, tensor<7x5xf32>
  return
}

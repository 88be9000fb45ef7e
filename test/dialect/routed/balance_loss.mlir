// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @every_option
func.func @every_option(%p: tensor<?x?x3x5xf32>, %e: tensor<?x?x3x2xi32>)
    -> (tensor<f32>, tensor<f32>) {
  // CHECK: routed.balance_loss %{{.+}}, %{{.+}} : tensor<?x?x3x5xf32>, tensor<?x?x3x2xi32>
  %0 = routed.balance_loss %p, %e : tensor<?x?x3x5xf32>, tensor<?x?x3x2xi32>
  // CHECK: routed.balance_loss %{{.+}}, %{{.+}} normalized {mine} : tensor<?x?x3x5xf32>, tensor<?x?x3x2xi32>
  %1 = routed.balance_loss %p, %e normalized {mine} : tensor<?x?x3x5xf32>, tensor<?x?x3x2xi32>
  return %0, %1 : tensor<f32>, tensor<f32>
}

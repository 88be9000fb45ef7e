// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @dynamic
func.func @dynamic(%e: tensor<?x?x3x2xi32>)
    -> (tensor<?xi32>, tensor<?xi32>, tensor<?x?x3x2xi32>) {
  // CHECK: routed.dispatch %{{.+}} of 5 {mine} : tensor<?x?x3x2xi32>
  %rows, %offsets, %rank = routed.dispatch %e of 5 {mine} : tensor<?x?x3x2xi32>
  return %rows, %offsets, %rank : tensor<?xi32>, tensor<?xi32>, tensor<?x?x3x2xi32>
}

// B*S*R*k rows, B*R*M + 1 offsets.
// CHECK-LABEL: func @static
func.func @static(%e: tensor<2x7x3x2xi32>)
    -> (tensor<84xi32>, tensor<31xi32>, tensor<2x7x3x2xi32>) {
  %rows, %offsets, %rank = routed.dispatch %e of 5 : tensor<2x7x3x2xi32>
  return %rows, %offsets, %rank : tensor<84xi32>, tensor<31xi32>, tensor<2x7x3x2xi32>
}

// CHECK-LABEL: func @static_batch
func.func @static_batch(%e: tensor<2x?x3x2xi32>) -> (tensor<?xi32>, tensor<31xi32>) {
  %rows, %offsets, %rank = routed.dispatch %e of 5 : tensor<2x?x3x2xi32>
  return %rows, %offsets : tensor<?xi32>, tensor<31xi32>
}

// CHECK-LABEL: func @no_tokens
func.func @no_tokens(%e: tensor<2x0x3x2xi32>) -> (tensor<0xi32>, tensor<31xi32>) {
  %rows, %offsets, %rank = routed.dispatch %e of 5 : tensor<2x0x3x2xi32>
  return %rows, %offsets : tensor<0xi32>, tensor<31xi32>
}

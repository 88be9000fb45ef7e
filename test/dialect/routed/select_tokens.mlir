// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @every_option
func.func @every_option(%l: tensor<?x?x3x5xf32>, %n: index, %v: tensor<?x?xi1>) {
  // CHECK: routed.select_tokens %{{.+}} top %{{.+}} softmax_all : tensor<?x?x3x5xf32>
  %e0, %w0, %p0 = routed.select_tokens %l top %n softmax_all : tensor<?x?x3x5xf32>
  // CHECK: routed.select_tokens %{{.+}} top %{{.+}} sigmoid include_first : tensor<?x?x3x5xf32>
  %e1, %w1, %p1 = routed.select_tokens %l top %n sigmoid include_first : tensor<?x?x3x5xf32>
  // CHECK: routed.select_tokens %{{.+}} top %{{.+}} ones include_first valid(%{{.+}} : tensor<?x?xi1>) {mine} : tensor<?x?x3x5xf32>
  %e2, %w2, %p2 = routed.select_tokens %l top %n ones include_first
      valid(%v : tensor<?x?xi1>) {mine} : tensor<?x?x3x5xf32>
  return
}

// A slot of each expert in each token.
// CHECK-LABEL: func @results
func.func @results(%l: tensor<2x?x3x5xbf16>, %n: index)
    -> (tensor<2x?x3x5xi32>, tensor<2x?x3x5xf32>, tensor<2x?x3x5xf32>) {
  %e, %w, %p = routed.select_tokens %l top %n sigmoid : tensor<2x?x3x5xbf16>
  return %e, %w, %p : tensor<2x?x3x5xi32>, tensor<2x?x3x5xf32>, tensor<2x?x3x5xf32>
}

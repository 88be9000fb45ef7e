// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @every_activation
func.func @every_activation(%l: tensor<?x?x3x5xbf16>) {
  // CHECK: routed.select %{{.+}} top 1 softmax_all : tensor<?x?x3x5xbf16>
  %e0, %w0, %p0 = routed.select %l top 1 softmax_all : tensor<?x?x3x5xbf16>
  // CHECK: routed.select %{{.+}} top 5 softmax_topk : tensor<?x?x3x5xbf16>
  %e1, %w1, %p1 = routed.select %l top 5 softmax_topk : tensor<?x?x3x5xbf16>
  // CHECK: routed.select %{{.+}} top 2 sigmoid : tensor<?x?x3x5xbf16>
  %e2, %w2, %p2 = routed.select %l top 2 sigmoid : tensor<?x?x3x5xbf16>
  // CHECK: routed.select %{{.+}} top 2 ones : tensor<?x?x3x5xbf16>
  %e3, %w3, %p3 = routed.select %l top 2 ones : tensor<?x?x3x5xbf16>
  return
}

// Options come in any order and are printed in one; a default is not printed.
// CHECK-LABEL: func @options
func.func @options(%l: tensor<?x?x3x5xf16>, %b: tensor<3x5xf32>, %v: tensor<?x?xi1>) {
  // CHECK: routed.select %{{.+}} top 2 softmax_all norm token scale 2.500000e+00 eps 9.99999997E-7 order index bias(%{{.+}} : tensor<3x5xf32>) valid(%{{.+}} : tensor<?x?xi1>) : tensor<?x?x3x5xf16>
  %e0, %w0, %p0 = routed.select %l top 2 softmax_all valid(%v : tensor<?x?xi1>)
      bias(%b : tensor<3x5xf32>) order index eps 1.0e-6 scale 2.5 norm token : tensor<?x?x3x5xf16>
  // CHECK: routed.select %{{.+}} top 2 softmax_all : tensor<?x?x3x5xf16>
  %e1, %w1, %p1 = routed.select %l top 2 softmax_all norm none scale 1.0 eps 1.0e-9 order rank
      : tensor<?x?x3x5xf16>
  // CHECK: routed.select %{{.+}} top 2 sigmoid norm group scale -1.000000e+00
  %e2, %w2, %p2 = routed.select %l top 2 sigmoid norm group scale -1.0 : tensor<?x?x3x5xf16>
  // CHECK: routed.select %{{.+}} top 2 sigmoid eps 0x7FC00000
  %e3, %w3, %p3 = routed.select %l top 2 sigmoid eps 0x7FC00000 : tensor<?x?x3x5xf16>
  // CHECK: routed.select %{{.+}} top 2 sigmoid {mine = "kept"} : tensor<?x?x3x5xf16>
  %e4, %w4, %p4 = routed.select %l top 2 sigmoid {mine = "kept"} : tensor<?x?x3x5xf16>
  return
}

// CHECK-LABEL: func @results
//  CHECK-SAME:   -> (tensor<?x7x3x2xi32>, tensor<?x7x3x2xf32>, tensor<?x7x3x5xf32>)
func.func @results(%l: tensor<?x7x3x5xbf16>)
    -> (tensor<?x7x3x2xi32>, tensor<?x7x3x2xf32>, tensor<?x7x3x5xf32>) {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x7x3x5xbf16>
  return %e, %w, %p : tensor<?x7x3x2xi32>, tensor<?x7x3x2xf32>, tensor<?x7x3x5xf32>
}

// No token at all is a legal call.
// CHECK-LABEL: func @no_tokens
func.func @no_tokens(%l: tensor<0x0x3x5xf32>) -> tensor<0x0x3x2xi32> {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<0x0x3x5xf32>
  return %e : tensor<0x0x3x2xi32>
}

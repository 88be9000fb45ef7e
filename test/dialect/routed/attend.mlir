// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @plain
func.func @plain(%q: tensor<?x?x6x16xbf16>, %k: tensor<?x?x3x16xbf16>, %v: tensor<?x?x3x8xbf16>)
    -> (tensor<?x?x6x8xbf16>, tensor<?x?x6xf32>) {
  // CHECK: routed.attend %{{.+}}, %{{.+}}, %{{.+}} : tensor<?x?x6x16xbf16>, tensor<?x?x3x16xbf16>, tensor<?x?x3x8xbf16>
  %o, %lse = routed.attend %q, %k, %v
      : tensor<?x?x6x16xbf16>, tensor<?x?x3x16xbf16>, tensor<?x?x3x8xbf16>
  return %o, %lse : tensor<?x?x6x8xbf16>, tensor<?x?x6xf32>
}

// Options come in any order and are printed in one.
// CHECK-LABEL: func @options
func.func @options(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x16xf32>, %a: tensor<?xi32>,
                   %n: tensor<?xi32>, %r: tensor<?xi32>, %m: tensor<?x?x?xi1>) {
  // CHECK: routed.attend %{{.+}}, %{{.+}}, %{{.+}} causal window 4 scale 5.000000e-01 kv_head #map kv_start(%{{.+}} : tensor<?xi32>) kv_len(%{{.+}} : tensor<?xi32>) q_len(%{{.+}} : tensor<?xi32>) mask(%{{.+}} : tensor<?x?x?xi1>) {mine} : tensor
  %o, %lse = routed.attend %q, %k, %k mask(%m : tensor<?x?x?xi1>) q_len(%r : tensor<?xi32>)
      kv_len(%n : tensor<?xi32>) kv_start(%a : tensor<?xi32>)
      kv_head affine_map<(h) -> (h mod 3)> scale 0.5 window 4 causal {mine}
      : tensor<?x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// CHECK-LABEL: func @shared_mask
func.func @shared_mask(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x16xf32>, %m: tensor<1x?x?xi1>) {
  // CHECK: mask(%{{.+}} : tensor<1x?x?xi1>) :
  %o, %lse = routed.attend %q, %k, %k mask(%m : tensor<1x?x?xi1>)
      : tensor<?x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// CHECK-LABEL: func @slots
func.func @slots(%q: tensor<?x?x3x2x4x16xf16>, %k: tensor<?x?x4x16xf16>, %e: tensor<?x?x3x2xi32>)
    -> (tensor<?x?x3x2x4x16xf16>, tensor<?x?x3x2x4xf32>) {
  // CHECK: routed.attend %{{.+}}, %{{.+}}, %{{.+}} kv_head #{{.+}} experts(%{{.+}} of 5 : tensor<?x?x3x2xi32>) : tensor<?x?x3x2x4x16xf16>,
  %o, %lse = routed.attend %q, %k, %k kv_head affine_map<(r, j, c)[e] -> ((c + e) mod 4)>
      experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x4x16xf16>, tensor<?x?x4x16xf16>, tensor<?x?x4x16xf16>
  return %o, %lse : tensor<?x?x3x2x4x16xf16>, tensor<?x?x3x2x4xf32>
}

// Queries and keys may have different numbers of slots.
// CHECK-LABEL: func @history
func.func @history(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x5x16xf32>, %v: tensor<?x?x3x5x8xf32>,
                   %e: tensor<?x?x3x2xi32>, %h: tensor<?x?x3x5xi32>) -> tensor<?x?x3x2x8xf32> {
  // CHECK: routed.attend %{{.+}}, %{{.+}}, %{{.+}} causal experts(%{{.+}} of 5 : tensor<?x?x3x2xi32>) history(%{{.+}} : tensor<?x?x3x5xi32>) : tensor
  %o, %lse = routed.attend %q, %k, %v causal history(%h : tensor<?x?x3x5xi32>)
      experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x5x16xf32>, tensor<?x?x3x5x8xf32>
  return %o : tensor<?x?x3x2x8xf32>
}

// A region may read what is around it: scalars, and tensors by element.
// CHECK-LABEL: func @score
func.func @score(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x16xf32>, %slope: tensor<6xf32>, %cap: f32) {
  // CHECK:      tensor<?x?x3x16xf32> score {
  // CHECK-NEXT: ^bb0(%[[A:.+]]: f32, %{{.+}}: index, %{{.+}}: index, %{{.+}}: index, %[[H:.+]]: index):
  // CHECK-NEXT:   %[[BIAS:.+]] = tensor.extract %{{.+}}[%[[H]]]
  // CHECK-NEXT:   %[[X:.+]] = arith.mulf %[[A]], %[[BIAS]]
  // CHECK-NEXT:   %[[Y:.+]] = arith.minimumf %[[X]], %{{.+}}
  // CHECK-NEXT:   routed.yield %[[Y]] {mine}
  // CHECK-NEXT: }
  %o, %lse = routed.attend %q, %k, %k
      : tensor<?x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    %bias = tensor.extract %slope[%h] : tensor<6xf32>
    %x = arith.mulf %a, %bias : f32
    %y = arith.minimumf %x, %cap : f32
    routed.yield %y {mine}
  }
  return
}

// No key at all, or no query, is a legal call.
// CHECK-LABEL: func @empty
func.func @empty(%q: tensor<2x0x6x16xf32>, %k: tensor<2x0x3x16xf32>) -> tensor<2x0x6x16xf32> {
  %o, %lse = routed.attend %q, %k, %k
      : tensor<2x0x6x16xf32>, tensor<2x0x3x16xf32>, tensor<2x0x3x16xf32>
  return %o : tensor<2x0x6x16xf32>
}

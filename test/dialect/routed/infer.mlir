// RUN: headgate-opt %s | FileCheck %s

// Result types are inferred: an extent is static where it is static in any
// operand that has it. The types of the returns say what is expected; one that
// differs from what is inferred does not parse.

// CHECK-LABEL: func @select_from_valid
func.func @select_from_valid(%l: tensor<2x?x3x5xf32>, %v: tensor<?x7xi1>)
    -> (tensor<2x7x3x4xi32>, tensor<2x7x3x4xf32>, tensor<2x7x3x5xf32>) {
  %e, %w, %p = routed.select %l top 4 sigmoid valid(%v : tensor<?x7xi1>) : tensor<2x?x3x5xf32>
  return %e, %w, %p : tensor<2x7x3x4xi32>, tensor<2x7x3x4xf32>, tensor<2x7x3x5xf32>
}

// CHECK-LABEL: func @select_tokens_from_valid
func.func @select_tokens_from_valid(%l: tensor<2x?x3x5xf32>, %n: index, %v: tensor<?x7xi1>)
    -> (tensor<2x7x3x5xi32>, tensor<2x7x3x5xf32>) {
  %e, %w, %p = routed.select_tokens %l top %n sigmoid valid(%v : tensor<?x7xi1>) : tensor<2x?x3x5xf32>
  return %e, %w : tensor<2x7x3x5xi32>, tensor<2x7x3x5xf32>
}

// CHECK-LABEL: func @gather_from_experts
func.func @gather_from_experts(%q: tensor<2x?x3x5x16xbf16>, %e: tensor<?x7x3x4xi32>)
    -> tensor<2x7x3x4x16xbf16> {
  %0 = routed.gather %q[%e] : tensor<2x?x3x5x16xbf16>, tensor<?x7x3x4xi32>
  return %0 : tensor<2x7x3x4x16xbf16>
}

// B of the input, S of the weights.
// CHECK-LABEL: func @linear_from_all
func.func @linear_from_all(%x: tensor<2x?x16xf16>, %m: tensor<3x5x16x8xf16>, %e: tensor<?x?x3x4xi32>,
                           %w: tensor<?x7x3x4xf32>)
    -> (tensor<2x7x8xf16>, tensor<2x7x3x8xf16>, tensor<2x?x3x4x8xf16>) {
  %0 = routed.linear %x, %m[%e] weights(%w : tensor<?x7x3x4xf32>) sum all
      : tensor<2x?x16xf16>, tensor<3x5x16x8xf16>, tensor<?x?x3x4xi32>
  %1 = routed.linear %x, %m[%e] weights(%w : tensor<?x7x3x4xf32>) sum slots
      : tensor<2x?x16xf16>, tensor<3x5x16x8xf16>, tensor<?x?x3x4xi32>
  %2 = routed.linear %x, %m[%e] : tensor<2x?x16xf16>, tensor<3x5x16x8xf16>, tensor<?x?x3x4xi32>
  return %0, %1, %2 : tensor<2x7x8xf16>, tensor<2x7x3x8xf16>, tensor<2x?x3x4x8xf16>
}

// CHECK-LABEL: func @combine_from_all
func.func @combine_from_all(%o: tensor<?x?x3x4x16xf32>, %e: tensor<2x?x3x4xi32>, %w: tensor<?x7x3xf32>)
    -> tensor<2x7x240xf32> {
  %0 = routed.combine scatter %o experts(%e of 5 : tensor<2x?x3x4xi32>) weights(%w : tensor<?x7x3xf32>)
      : tensor<?x?x3x4x16xf32>
  return %0 : tensor<2x7x240xf32>
}

// CHECK-LABEL: func @rope_from_positions
func.func @rope_from_positions(%x: tensor<2x?x3x16xf32>, %t: tensor<?x4xf32>, %p: tensor<?x7xi32>)
    -> tensor<2x7x3x16xf32> {
  %0 = routed.rope %x, %t, %t positions(%p : tensor<?x7xi32>) : tensor<2x?x3x16xf32>, tensor<?x4xf32>
  return %0 : tensor<2x7x3x16xf32>
}

// A destination keeps its type.
// CHECK-LABEL: func @append_keeps_its_cache
func.func @append_keeps_its_cache(%k: tensor<2x7x3x16xf32>, %c: tensor<?x?x3x16xf32>, %at: tensor<2xi32>)
    -> tensor<?x?x3x16xf32> {
  %0 = routed.append %k into %c at %at : tensor<2x7x3x16xf32>, tensor<?x?x3x16xf32>, tensor<2xi32>
  return %0 : tensor<?x?x3x16xf32>
}

// Each operand that has B gives it.
// CHECK-LABEL: func @attend_batch
func.func @attend_batch(%q: tensor<?x?x3x4x16xf32>, %k: tensor<?x?x3x16xf32>, %v: tensor<?x?x3x8xf32>,
                        %k2: tensor<2x?x3x16xf32>, %v2: tensor<2x?x3x8xf32>, %n2: tensor<2xi32>,
                        %m2: tensor<2x?x?xi1>, %e2: tensor<2x?x3x4xi32>) {
  %o0, %l0 = routed.attend %q, %k2, %v
      : tensor<?x?x3x4x16xf32>, tensor<2x?x3x16xf32>, tensor<?x?x3x8xf32>
  func.call @batch(%o0, %l0) : (tensor<2x?x3x4x8xf32>, tensor<2x?x3x4xf32>) -> ()
  %o1, %l1 = routed.attend %q, %k, %v2
      : tensor<?x?x3x4x16xf32>, tensor<?x?x3x16xf32>, tensor<2x?x3x8xf32>
  func.call @batch(%o1, %l1) : (tensor<2x?x3x4x8xf32>, tensor<2x?x3x4xf32>) -> ()
  %o2, %l2 = routed.attend %q, %k, %v kv_start(%n2 : tensor<2xi32>)
      : tensor<?x?x3x4x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x8xf32>
  func.call @batch(%o2, %l2) : (tensor<2x?x3x4x8xf32>, tensor<2x?x3x4xf32>) -> ()
  %o3, %l3 = routed.attend %q, %k, %v kv_len(%n2 : tensor<2xi32>)
      : tensor<?x?x3x4x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x8xf32>
  func.call @batch(%o3, %l3) : (tensor<2x?x3x4x8xf32>, tensor<2x?x3x4xf32>) -> ()
  %o4, %l4 = routed.attend %q, %k, %v q_len(%n2 : tensor<2xi32>)
      : tensor<?x?x3x4x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x8xf32>
  func.call @batch(%o4, %l4) : (tensor<2x?x3x4x8xf32>, tensor<2x?x3x4xf32>) -> ()
  %o5, %l5 = routed.attend %q, %k, %v mask(%m2 : tensor<2x?x?xi1>)
      : tensor<?x?x3x4x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x8xf32>
  func.call @batch(%o5, %l5) : (tensor<2x?x3x4x8xf32>, tensor<2x?x3x4xf32>) -> ()
  %o6, %l6 = routed.attend %q, %k, %v experts(%e2 of 5 : tensor<2x?x3x4xi32>)
      : tensor<?x?x3x4x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x8xf32>
  func.call @batch(%o6, %l6) : (tensor<2x?x3x4x8xf32>, tensor<2x?x3x4xf32>) -> ()
  return
}
func.func private @batch(tensor<2x?x3x4x8xf32>, tensor<2x?x3x4xf32>)

// S comes from experts or mask, T from nobody; a mask with a static 1 is shared,
// so it says nothing of B.
// CHECK-LABEL: func @attend_tokens
func.func @attend_tokens(%q: tensor<?x?x3x4x16xf32>, %k: tensor<?x9x3x16xf32>, %m: tensor<1x7x?xi1>,
                         %e: tensor<?x7x3x4xi32>)
    -> (tensor<?x7x3x4x16xf32>, tensor<?x7x3x4x16xf32>) {
  %0, %l0 = routed.attend %q, %k, %k mask(%m : tensor<1x7x?xi1>)
      : tensor<?x?x3x4x16xf32>, tensor<?x9x3x16xf32>, tensor<?x9x3x16xf32>
  %1, %l1 = routed.attend %q, %k, %k experts(%e of 5 : tensor<?x7x3x4xi32>)
      : tensor<?x?x3x4x16xf32>, tensor<?x9x3x16xf32>, tensor<?x9x3x16xf32>
  return %0, %1 : tensor<?x7x3x4x16xf32>, tensor<?x7x3x4x16xf32>
}

// CHECK-LABEL: func @attend_history
func.func @attend_history(%q: tensor<?x?x3x4x16xf32>, %k: tensor<?x?x3x5x16xf32>,
                          %e: tensor<?x?x3x4xi32>, %h: tensor<2x?x3x5xi32>) -> tensor<2x?x3x4x16xf32> {
  %0, %l0 = routed.attend %q, %k, %k experts(%e of 5 : tensor<?x?x3x4xi32>)
      history(%h : tensor<2x?x3x5xi32>)
      : tensor<?x?x3x4x16xf32>, tensor<?x?x3x5x16xf32>, tensor<?x?x3x5x16xf32>
  return %0 : tensor<2x?x3x4x16xf32>
}

// RUN: headgate-opt %s --canonicalize --split-input-file | FileCheck %s

// All experts in index order: the gather copies.
// CHECK-LABEL: func @gather_of_all
//  CHECK-SAME:   %[[Q:.+]]: tensor<?x?x3x5x16xf32>
//   CHECK-NOT:   routed.gather
//       CHECK:   return %[[Q]]
func.func @gather_of_all(%q: tensor<?x?x3x5x16xf32>, %l: tensor<?x?x3x5xf32>) -> tensor<?x?x3x5x16xf32> {
  %e, %w, %p = routed.select %l top 5 softmax_all order index : tensor<?x?x3x5xf32>
  %0 = routed.gather %q[%e] : tensor<?x?x3x5x16xf32>, tensor<?x?x3x5xi32>
  return %0 : tensor<?x?x3x5x16xf32>
}

// All experts are taken, but in rank order: a permutation, so it must stay.
// CHECK-LABEL: func @gather_of_all_in_rank_order
//       CHECK:   routed.gather
func.func @gather_of_all_in_rank_order(%q: tensor<?x?x3x5x16xf32>, %l: tensor<?x?x3x5xf32>)
    -> tensor<?x?x3x5x16xf32> {
  %e, %w, %p = routed.select %l top 5 softmax_all : tensor<?x?x3x5xf32>
  %0 = routed.gather %q[%e] : tensor<?x?x3x5x16xf32>, tensor<?x?x3x5xi32>
  return %0 : tensor<?x?x3x5x16xf32>
}

// Padding tokens give zeros.
// CHECK-LABEL: func @gather_with_holes
//       CHECK:   routed.gather
func.func @gather_with_holes(%q: tensor<?x?x3x5x16xf32>, %l: tensor<?x?x3x5xf32>, %v: tensor<?x?xi1>)
    -> tensor<?x?x3x5x16xf32> {
  %e, %w, %p = routed.select %l top 5 softmax_all order index valid(%v : tensor<?x?xi1>)
      : tensor<?x?x3x5xf32>
  %0 = routed.gather %q[%e] : tensor<?x?x3x5x16xf32>, tensor<?x?x3x5xi32>
  return %0 : tensor<?x?x3x5x16xf32>
}

// Experts that tokens do not have are holes.
// CHECK-LABEL: func @gather_of_tokens
//       CHECK:   routed.gather
func.func @gather_of_tokens(%q: tensor<?x?x3x5x16xf32>, %l: tensor<?x?x3x5xf32>, %n: index)
    -> tensor<?x?x3x5x16xf32> {
  %e, %w, %p = routed.select_tokens %l top %n sigmoid : tensor<?x?x3x5xf32>
  %0 = routed.gather %q[%e] : tensor<?x?x3x5x16xf32>, tensor<?x?x3x5xi32>
  return %0 : tensor<?x?x3x5x16xf32>
}

// CHECK-LABEL: func @gather_of_some
//       CHECK:   routed.gather
func.func @gather_of_some(%q: tensor<?x?x3x5x16xf32>, %l: tensor<?x?x3x5xf32>) -> tensor<?x?x3x4x16xf32> {
  %e, %w, %p = routed.select %l top 4 softmax_all order index : tensor<?x?x3x5xf32>
  %0 = routed.gather %q[%e] : tensor<?x?x3x5x16xf32>, tensor<?x?x3x4xi32>
  return %0 : tensor<?x?x3x4x16xf32>
}

// The result knows more of its shape than the source.
// CHECK-LABEL: func @gather_that_refines
//       CHECK:   routed.gather
func.func @gather_that_refines(%q: tensor<?x?x3x5x16xf32>, %l: tensor<2x?x3x5xf32>) -> tensor<2x?x3x5x16xf32> {
  %e, %w, %p = routed.select %l top 5 softmax_all order index : tensor<2x?x3x5xf32>
  %0 = routed.gather %q[%e] : tensor<?x?x3x5x16xf32>, tensor<2x?x3x5xi32>
  return %0 : tensor<2x?x3x5x16xf32>
}

// -----

// CHECK-LABEL: func @mean_of_one
//  CHECK-SAME:   %[[K:.+]]: tensor<?x?x1x16xbf16>
//       CHECK:   return %[[K]]
func.func @mean_of_one(%k: tensor<?x?x1x16xbf16>) -> tensor<?x?x1x16xbf16> {
  %0 = routed.mean_heads %k : tensor<?x?x1x16xbf16>
  return %0 : tensor<?x?x1x16xbf16>
}

// CHECK-LABEL: func @mean_of_two
//       CHECK:   routed.mean_heads
func.func @mean_of_two(%k: tensor<?x?x2x16xbf16>) -> tensor<?x?x1x16xbf16> {
  %0 = routed.mean_heads %k : tensor<?x?x2x16xbf16>
  return %0 : tensor<?x?x1x16xbf16>
}

// -----

// CHECK-LABEL: func @concat_is_view
//  CHECK-SAME:   %[[O:.+]]: tensor<?x?x3x2x4x16xf32>
//       CHECK:   %[[Y:.+]] = tensor.collapse_shape %[[O]] {{\[\[}}0], [1], [2, 3, 4, 5]] : tensor<?x?x3x2x4x16xf32> into tensor<?x?x384xf32>
//       CHECK:   return %[[Y]]
func.func @concat_is_view(%o: tensor<?x?x3x2x4x16xf32>) -> tensor<?x?x384xf32> {
  %0 = routed.combine concat %o : tensor<?x?x3x2x4x16xf32>
  return %0 : tensor<?x?x384xf32>
}

// CHECK-LABEL: func @weighted_concat
//       CHECK:   routed.combine concat
func.func @weighted_concat(%o: tensor<?x?x3x2x16xf32>, %w: tensor<?x?x3xf32>) -> tensor<?x?x96xf32> {
  %0 = routed.combine concat %o weights(%w : tensor<?x?x3xf32>) : tensor<?x?x3x2x16xf32>
  return %0 : tensor<?x?x96xf32>
}

// Each expert has the slot of its number: nothing is scattered.
// CHECK-LABEL: func @scatter_of_all
//  CHECK-SAME:   %[[O:.+]]: tensor<?x?x3x5x16xf32>,
//       CHECK:   %[[E:.+]], %[[W:.+]], %{{.+}} = routed.select
//       CHECK:   routed.combine concat %[[O]] weights(%[[W]] : tensor<?x?x3x5xf32>) : tensor<?x?x3x5x16xf32>
//       CHECK:   tensor.collapse_shape %[[O]]
func.func @scatter_of_all(%o: tensor<?x?x3x5x16xf32>, %l: tensor<?x?x3x5xf32>)
    -> (tensor<?x?x240xf32>, tensor<?x?x240xf32>) {
  %e, %w, %p = routed.select %l top 5 softmax_all order index : tensor<?x?x3x5xf32>
  %0 = routed.combine scatter %o experts(%e of 5 : tensor<?x?x3x5xi32>)
      weights(%w : tensor<?x?x3x5xf32>) : tensor<?x?x3x5x16xf32>
  %1 = routed.combine scatter %o experts(%e of 5 : tensor<?x?x3x5xi32>) : tensor<?x?x3x5x16xf32>
  return %0, %1 : tensor<?x?x240xf32>, tensor<?x?x240xf32>
}

// CHECK-LABEL: func @scatter_in_rank_order
//       CHECK:   routed.combine scatter
func.func @scatter_in_rank_order(%o: tensor<?x?x3x5x16xf32>, %l: tensor<?x?x3x5xf32>) -> tensor<?x?x240xf32> {
  %e, %w, %p = routed.select %l top 5 softmax_all : tensor<?x?x3x5xf32>
  %0 = routed.combine scatter %o experts(%e of 5 : tensor<?x?x3x5xi32>) : tensor<?x?x3x5x16xf32>
  return %0 : tensor<?x?x240xf32>
}

// Five slots, but six places.
// CHECK-LABEL: func @scatter_of_some
//       CHECK:   routed.combine scatter
func.func @scatter_of_some(%o: tensor<?x?x3x5x16xf32>, %l: tensor<?x?x3x6xf32>) -> tensor<?x?x288xf32> {
  %e, %w, %p = routed.select %l top 5 softmax_all order index : tensor<?x?x3x6xf32>
  %0 = routed.combine scatter %o experts(%e of 6 : tensor<?x?x3x5xi32>) : tensor<?x?x3x5x16xf32>
  return %0 : tensor<?x?x288xf32>
}

// CHECK-LABEL: func @scatter_with_holes
//       CHECK:   routed.combine scatter
func.func @scatter_with_holes(%o: tensor<?x?x3x5x16xf32>, %l: tensor<?x?x3x5xf32>, %v: tensor<?x?xi1>)
    -> tensor<?x?x240xf32> {
  %e, %w, %p = routed.select %l top 5 sigmoid order index valid(%v : tensor<?x?xi1>) : tensor<?x?x3x5xf32>
  %0 = routed.combine scatter %o experts(%e of 5 : tensor<?x?x3x5xi32>) : tensor<?x?x3x5x16xf32>
  return %0 : tensor<?x?x240xf32>
}

// CHECK-LABEL: func @scatter_that_refines
//       CHECK:   routed.combine scatter
func.func @scatter_that_refines(%o: tensor<?x?x3x5x16xf32>, %l: tensor<2x?x3x5xf32>) -> tensor<2x?x240xf32> {
  %e, %w, %p = routed.select %l top 5 softmax_all order index : tensor<2x?x3x5xf32>
  %0 = routed.combine scatter %o experts(%e of 5 : tensor<2x?x3x5xi32>) : tensor<?x?x3x5x16xf32>
  return %0 : tensor<2x?x240xf32>
}

// -----

// CHECK: #[[$MOD:.+]] = affine_map<(d0, d1) -> (d0 mod 2)>

// Experts that only mark holes, of a selection that has none.
// CHECK-LABEL: func @experts_without_holes
//       CHECK:   routed.attend %{{.+}}, %{{.+}}, %{{.+}} : tensor
func.func @experts_without_holes(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %l: tensor<?x?x3x5xf32>)
    -> tensor<?x?x3x2x16xf32> {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x3x5xf32>
  %o, %lse = routed.attend %q, %k, %k experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %o : tensor<?x?x3x2x16xf32>
}

// The map loses the symbol that it does not read.
// CHECK-LABEL: func @experts_unread
//       CHECK:   routed.attend %{{.+}}, %{{.+}}, %{{.+}} kv_head #[[$MOD]] : tensor
func.func @experts_unread(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %l: tensor<?x?x3x5xf32>)
    -> tensor<?x?x3x2x16xf32> {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x3x5xf32>
  %o, %lse = routed.attend %q, %k, %k kv_head affine_map<(r, j)[e] -> (r mod 2)>
      experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %o : tensor<?x?x3x2x16xf32>
}

// Padding tokens see nothing.
// CHECK-LABEL: func @experts_with_holes
//       CHECK:   routed.attend {{.+}} experts(
func.func @experts_with_holes(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %l: tensor<?x?x3x5xf32>,
                              %v: tensor<?x?xi1>) -> tensor<?x?x3x2x16xf32> {
  %e, %w, %p = routed.select %l top 2 softmax_all valid(%v : tensor<?x?xi1>) : tensor<?x?x3x5xf32>
  %o, %lse = routed.attend %q, %k, %k experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %o : tensor<?x?x3x2x16xf32>
}

// CHECK-LABEL: func @experts_of_unknown_origin
//       CHECK:   routed.attend {{.+}} experts(
func.func @experts_of_unknown_origin(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>,
                                     %e: tensor<?x?x3x2xi32>) -> tensor<?x?x3x2x16xf32> {
  %o, %lse = routed.attend %q, %k, %k experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %o : tensor<?x?x3x2x16xf32>
}

// The expert says which keys: by its number, or by its history.
// CHECK-LABEL: func @experts_that_choose_keys
//       CHECK:   routed.attend {{.+}} experts(
//       CHECK:   routed.attend {{.+}} experts(
func.func @experts_that_choose_keys(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x5x16xf32>,
                                    %kr: tensor<?x?x3x2x16xf32>, %l: tensor<?x?x3x5xf32>)
    -> (tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>) {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x3x5xf32>
  %0, %lse0 = routed.attend %q, %k, %k kv_head affine_map<(r, j)[e] -> (e)>
      experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x5x16xf32>, tensor<?x?x5x16xf32>
  %1, %lse1 = routed.attend %q, %kr, %kr experts(%e of 5 : tensor<?x?x3x2xi32>)
      history(%e : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>
  return %0, %1 : tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>
}

// CHECK-LABEL: func @experts_that_refine
//       CHECK:   routed.attend {{.+}} experts(
func.func @experts_that_refine(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %l: tensor<?x7x3x5xf32>)
    -> tensor<?x7x3x2x16xf32> {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x7x3x5xf32>
  %o, %lse = routed.attend %q, %k, %k experts(%e of 5 : tensor<?x7x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %o : tensor<?x7x3x2x16xf32>
}

// -----

// GQE's map is the default, however it is written.
// CHECK-LABEL: func @default_kv_head
//   CHECK-NOT:   kv_head
//       CHECK:   return
func.func @default_kv_head(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %k6: tensor<?x?x6x16xf32>,
                           %k1: tensor<?x?x1x16xf32>)
    -> (tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>) {
  %0, %l0 = routed.attend %q, %k, %k kv_head affine_map<(g, j) -> (g)>
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  %1, %l1 = routed.attend %q, %k, %k kv_head affine_map<(g, j) -> ((2 * g + j) floordiv 2)>
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  %2, %l2 = routed.attend %q, %k6, %k6 kv_head affine_map<(g, j) -> (g * 2 + j)>
      : tensor<?x?x3x2x16xf32>, tensor<?x?x6x16xf32>, tensor<?x?x6x16xf32>
  %3, %l3 = routed.attend %q, %k1, %k1 kv_head affine_map<(g, j) -> (0)>
      : tensor<?x?x3x2x16xf32>, tensor<?x?x1x16xf32>, tensor<?x?x1x16xf32>
  return %0, %1, %2, %3
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>
}

// Shared otherwise; by heads that have no default; more of them than queries.
// CHECK-LABEL: func @other_kv_head
// CHECK-COUNT-3: routed.attend {{.+}} kv_head
func.func @other_kv_head(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %k4: tensor<?x?x4x16xf32>,
                         %k7: tensor<?x?x7x16xf32>)
    -> (tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>) {
  %0, %l0 = routed.attend %q, %k, %k kv_head affine_map<(g, j) -> (2 - g)>
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  %1, %l1 = routed.attend %q, %k4, %k4 kv_head affine_map<(g, j) -> (g)>
      : tensor<?x?x3x2x16xf32>, tensor<?x?x4x16xf32>, tensor<?x?x4x16xf32>
  %2, %l2 = routed.attend %q, %k7, %k7 kv_head affine_map<(g, j) -> (2 * g + j)>
      : tensor<?x?x3x2x16xf32>, tensor<?x?x7x16xf32>, tensor<?x?x7x16xf32>
  return %0, %1, %2 : tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>
}

// Once the experts are gone, the map without its symbol is the default.
// CHECK-LABEL: func @experts_then_kv_head
//       CHECK:   routed.attend %{{.+}}, %{{.+}}, %{{.+}} : tensor
func.func @experts_then_kv_head(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %l: tensor<?x?x3x5xf32>)
    -> tensor<?x?x3x2x16xf32> {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x3x5xf32>
  %o, %lse = routed.attend %q, %k, %k kv_head affine_map<(r, j)[e] -> (r)>
      experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %o : tensor<?x?x3x2x16xf32>
}

// -----

// A decode step: the one query is the last.
// CHECK-LABEL: func @causal_of_one_query
//       CHECK:   routed.attend %{{.+}}, %{{.+}}, %{{.+}} kv_len(
func.func @causal_of_one_query(%q: tensor<?x1x6x16xf32>, %k: tensor<?x?x3x16xf32>, %n: tensor<?xi32>)
    -> tensor<?x1x6x16xf32> {
  %o, %lse = routed.attend %q, %k, %k causal kv_len(%n : tensor<?xi32>)
      : tensor<?x1x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %o : tensor<?x1x6x16xf32>
}

// A window reads the place of the query; q_len may say that there is none; and
// two queries see different keys.
// CHECK-LABEL: func @causal_that_matters
// CHECK-COUNT-4: routed.attend {{.+}} causal
func.func @causal_that_matters(%q: tensor<?x1x6x16xf32>, %k: tensor<?x?x3x16xf32>, %n: tensor<?xi32>,
                               %q2: tensor<?x2x6x16xf32>, %qn: tensor<?x?x6x16xf32>)
    -> (tensor<?x1x6x16xf32>, tensor<?x1x6x16xf32>, tensor<?x2x6x16xf32>, tensor<?x?x6x16xf32>) {
  %0, %l0 = routed.attend %q, %k, %k causal window 4
      : tensor<?x1x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  %1, %l1 = routed.attend %q, %k, %k causal q_len(%n : tensor<?xi32>)
      : tensor<?x1x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  %2, %l2 = routed.attend %q2, %k, %k causal
      : tensor<?x2x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  %3, %l3 = routed.attend %qn, %k, %k causal
      : tensor<?x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %0, %1, %2, %3
      : tensor<?x1x6x16xf32>, tensor<?x1x6x16xf32>, tensor<?x2x6x16xf32>, tensor<?x?x6x16xf32>
}

// -----

// CHECK-LABEL: func @true_mask
//   CHECK-NOT:   mask
//       CHECK:   return
func.func @true_mask(%q: tensor<?x5x6x16xf32>, %k: tensor<?x7x3x16xf32>) -> tensor<?x5x6x16xf32> {
  %m = arith.constant dense<true> : tensor<1x5x7xi1>
  %o, %lse = routed.attend %q, %k, %k mask(%m : tensor<1x5x7xi1>)
      : tensor<?x5x6x16xf32>, tensor<?x7x3x16xf32>, tensor<?x7x3x16xf32>
  return %o : tensor<?x5x6x16xf32>
}

// CHECK-LABEL: func @mask_that_hides
// CHECK-COUNT-3: routed.attend {{.+}} mask(
func.func @mask_that_hides(%q: tensor<?x2x6x16xf32>, %k: tensor<?x2x3x16xf32>, %m: tensor<?x?x?xi1>)
    -> (tensor<?x2x6x16xf32>, tensor<?x2x6x16xf32>, tensor<?x2x6x16xf32>) {
  %none = arith.constant dense<false> : tensor<1x2x2xi1>
  %some = arith.constant dense<[[[true, false], [true, true]]]> : tensor<1x2x2xi1>
  %0, %l0 = routed.attend %q, %k, %k mask(%none : tensor<1x2x2xi1>)
      : tensor<?x2x6x16xf32>, tensor<?x2x3x16xf32>, tensor<?x2x3x16xf32>
  %1, %l1 = routed.attend %q, %k, %k mask(%some : tensor<1x2x2xi1>)
      : tensor<?x2x6x16xf32>, tensor<?x2x3x16xf32>, tensor<?x2x3x16xf32>
  %2, %l2 = routed.attend %q, %k, %k mask(%m : tensor<?x?x?xi1>)
      : tensor<?x2x6x16xf32>, tensor<?x2x3x16xf32>, tensor<?x2x3x16xf32>
  return %0, %1, %2 : tensor<?x2x6x16xf32>, tensor<?x2x6x16xf32>, tensor<?x2x6x16xf32>
}

// The mask alone says how many queries, or sequences, there are.
// CHECK-LABEL: func @mask_that_refines
// CHECK-COUNT-2: routed.attend {{.+}} mask(
func.func @mask_that_refines(%q: tensor<?x?x6x16xf32>, %q5: tensor<?x5x6x16xf32>, %k: tensor<?x7x3x16xf32>)
    -> (tensor<?x5x6x16xf32>, tensor<2x5x6x16xf32>) {
  %one = arith.constant dense<true> : tensor<1x5x7xi1>
  %two = arith.constant dense<true> : tensor<2x5x7xi1>
  %0, %l0 = routed.attend %q, %k, %k mask(%one : tensor<1x5x7xi1>)
      : tensor<?x?x6x16xf32>, tensor<?x7x3x16xf32>, tensor<?x7x3x16xf32>
  %1, %l1 = routed.attend %q5, %k, %k mask(%two : tensor<2x5x7xi1>)
      : tensor<?x5x6x16xf32>, tensor<?x7x3x16xf32>, tensor<?x7x3x16xf32>
  return %0, %1 : tensor<?x5x6x16xf32>, tensor<2x5x6x16xf32>
}

// -----

// Upstream folds a cast into the destination of an append.
// CHECK-LABEL: func @append_into_cast
//  CHECK-SAME:   %[[NEW:.+]]: tensor<2x1x3x16xf32>, %[[CACHE:.+]]: tensor<2x64x3x16xf32>
//       CHECK:   routed.append %[[NEW]] into %[[CACHE]]
func.func @append_into_cast(%new: tensor<2x1x3x16xf32>, %cache: tensor<2x64x3x16xf32>, %at: tensor<2xi32>)
    -> tensor<?x?x3x16xf32> {
  %new_cast = tensor.cast %new : tensor<2x1x3x16xf32> to tensor<?x?x3x16xf32>
  %cast = tensor.cast %cache : tensor<2x64x3x16xf32> to tensor<?x?x3x16xf32>
  %0 = routed.append %new_cast into %cast at %at
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<2xi32>
  return %0 : tensor<?x?x3x16xf32>
}

// -----

// What only weights show is dropped where nobody reads them.
// CHECK-LABEL: func @experts_only
//       CHECK:   routed.select %{{.+}} top 2 ones order index : tensor
//       CHECK:   routed.select %{{.+}} top 2 softmax_all bias({{.+}}) : tensor
//       CHECK:   routed.select %{{.+}} top 2 softmax_topk : tensor
//       CHECK:   routed.select %{{.+}} top 2 sigmoid norm token scale 2.0
func.func @experts_only(%l: tensor<?x?x3x5xf32>, %b: tensor<3x5xf32>)
    -> (tensor<?x?x3x2xi32>, tensor<?x?x3x2xi32>, tensor<?x?x3x2xi32>, tensor<?x?x3x5xf32>, tensor<?x?x3x2xf32>) {
  %0, %w0, %p0 = routed.select %l top 2 softmax_all norm group scale 2.0 eps 0.5 order index : tensor<?x?x3x5xf32>
  %1, %w1, %p1 = routed.select %l top 2 softmax_all norm token bias(%b : tensor<3x5xf32>) : tensor<?x?x3x5xf32>
  %2, %w2, %p2 = routed.select %l top 2 softmax_topk norm token : tensor<?x?x3x5xf32>
  %3, %w3, %p3 = routed.select %l top 2 sigmoid norm token scale 2.0 : tensor<?x?x3x5xf32>
  return %0, %1, %2, %p2, %w3
      : tensor<?x?x3x2xi32>, tensor<?x?x3x2xi32>, tensor<?x?x3x2xi32>, tensor<?x?x3x5xf32>, tensor<?x?x3x2xf32>
}

// -----

// Slot j holds expert j, so the key-value head of an expert is that of a slot.
// CHECK-LABEL: func @map_of_all_experts
//   CHECK-NOT:   experts(
//       CHECK:   routed.attend {{.+}} kv_head #{{.+}} :
func.func @map_of_all_experts(%q: tensor<?x?x1x3x16xf32>, %k: tensor<?x?x5x16xf32>, %l: tensor<?x?x1x3xf32>)
    -> tensor<?x?x1x3x16xf32> {
  %e, %w, %p = routed.select %l top 3 softmax_all order index : tensor<?x?x1x3xf32>
  %o, %lse = routed.attend %q, %k, %k kv_head affine_map<(r, j)[e] -> (e + 2)>
      experts(%e of 3 : tensor<?x?x1x3xi32>)
      : tensor<?x?x1x3x16xf32>, tensor<?x?x5x16xf32>, tensor<?x?x5x16xf32>
  return %o : tensor<?x?x1x3x16xf32>
}

// CHECK-LABEL: func @map_of_ranked_experts
//       CHECK:   routed.attend {{.+}} experts(
func.func @map_of_ranked_experts(%q: tensor<?x?x1x3x16xf32>, %k: tensor<?x?x5x16xf32>, %l: tensor<?x?x1x3xf32>)
    -> tensor<?x?x1x3x16xf32> {
  %e, %w, %p = routed.select %l top 3 softmax_all : tensor<?x?x1x3xf32>
  %o, %lse = routed.attend %q, %k, %k kv_head affine_map<(r, j)[e] -> (e + 2)>
      experts(%e of 3 : tensor<?x?x1x3xi32>)
      : tensor<?x?x1x3x16xf32>, tensor<?x?x5x16xf32>, tensor<?x?x5x16xf32>
  return %o : tensor<?x?x1x3x16xf32>
}

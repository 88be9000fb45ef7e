// RUN: headgate-opt %s --headgate-decompose-routed --split-input-file | FileCheck %s --implicit-check-not=routed.
// RUN: headgate-opt %s --headgate-decompose-pipeline --split-input-file | FileCheck %s --check-prefix=PIPE --implicit-check-not=routed.

// What each op computes is checked by execution against lib/Reference; here is
// what matters in the form.

// Functions without routed ops stay as they are.
// CHECK-LABEL: func @upstream_only
//       CHECK:   %[[Y:.+]] = arith.addf
//  CHECK-NEXT:   return %[[Y]]
func.func @upstream_only(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = arith.addf %x, %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// Choices compare logits, not probabilities, and NaN is replaced before.
// CHECK-LABEL: func @select
//       CHECK:   %[[NAN:.+]] = arith.cmpf uno, %[[X:.+]], %[[X]] : f32
//       CHECK:   arith.select %[[NAN]], %{{.+}}, %[[X]] : f32
func.func @select(%l: tensor<?x?x2x4xf32>) -> tensor<?x?x2x2xi32> {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x2x4xf32>
  return %e : tensor<?x?x2x2xi32>
}

// -----

// Rows turn by halves, and sums over heads keep components innermost: all reads
// of an inner loop are of neighbours.
// CHECK-LABEL: func @rows
//       CHECK:   linalg.generic {{.+}}["parallel", "parallel", "parallel", "parallel", "parallel"]} outs(%{{.+}} : tensor<?x?x3x2x4xf32>)
//   CHECK-NOT:   arith.cmpi sle
//       CHECK:   %[[R:.+]] = tensor.collapse_shape
//       CHECK:   linalg.generic {{.+}}["parallel", "parallel", "reduction", "parallel"]} ins(%{{.+}} : tensor<3xi1>)
//       CHECK:     tensor.extract %[[R]]
//       CHECK:   linalg.generic {{.+}}["parallel", "parallel", "reduction", "parallel"]} ins(%{{.+}} : tensor<3xi1>)
// A row that turns in part asks each component where it belongs.
//       CHECK:   linalg.generic {{.+}} outs(%{{.+}} : tensor<?x?x3x8xf32>)
//       CHECK:     arith.cmpi sle
func.func @rows(%x: tensor<?x?x3x8xf32>, %cos: tensor<?x4xf32>, %few: tensor<?x3xf32>, %w: tensor<?x?x3xf32>)
    -> (tensor<?x?x1x8xf32>, tensor<?x?x8xf32>, tensor<?x?x3x8xf32>) {
  %r = routed.rope %x, %cos, %cos : tensor<?x?x3x8xf32>, tensor<?x4xf32>
  %m = routed.mean_heads %r : tensor<?x?x3x8xf32>
  %s = routed.combine sum %x weights(%w : tensor<?x?x3xf32>) : tensor<?x?x3x8xf32>
  %p = routed.rope %x, %few, %few : tensor<?x?x3x8xf32>, tensor<?x3xf32>
  return %m, %s, %p : tensor<?x?x1x8xf32>, tensor<?x?x8xf32>, tensor<?x?x3x8xf32>
}

// -----

// Scores and values are read through indexing maps, so that loops vectorise:
// the key-value head of query head h of 4 is h / 2.
// The innermost loop of either sum is parallel: over keys, and over components
// of the value.
// CHECK-DAG: #[[$Q:.+]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3)>
// CHECK-DAG: #[[$K:.+]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d2 floordiv 2, d3, d4)>
// CHECK-DAG: #[[$V:.+]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d3, d2 floordiv 2, d4)>
// CHECK-LABEL: func @grouped
//  CHECK-SAME:   %[[QUERY:.+]]: tensor<?x?x4x8xbf16>, %[[KEY:.+]]: tensor<?x?x2x8xbf16>, %[[VALUE:.+]]: tensor
//       CHECK:   %[[TURNED:.+]] = linalg.generic {{.+}} outs(%{{.+}} : tensor<?x2x8x?xf32>)
//       CHECK:     tensor.extract %[[KEY]]
//       CHECK:   linalg.generic {indexing_maps = [#[[$Q]], #[[$K]], {{.+}}"reduction", "parallel"]} ins(%[[QUERY]], %[[TURNED]] :
//       CHECK:   linalg.generic {indexing_maps = [#[[$Q]], #[[$Q]], #[[$V]], {{.+}}"reduction", "parallel"]} ins(%{{[^,]+}}, %{{[^,]+}}, %[[VALUE]] :
func.func @grouped(%q: tensor<?x?x4x8xbf16>, %k: tensor<?x?x2x8xbf16>,
                   %v: tensor<?x?x2x8xbf16>) -> tensor<?x?x4x8xbf16> {
  %o, %lse = routed.attend %q, %k, %v causal
      : tensor<?x?x4x8xbf16>, tensor<?x?x2x8xbf16>, tensor<?x?x2x8xbf16>
  return %o : tensor<?x?x4x8xbf16>
}

// -----

// A score region runs for seen pairs only: it may divide by what others make 0.
// CHECK-LABEL: func @score_region
//       CHECK:   scf.if
//       CHECK:     arith.divsi
//       CHECK:     scf.yield
//       CHECK:   } else {
//       CHECK:     scf.yield
func.func @score_region(%q: tensor<?x?x2x8xf32>) -> tensor<?x?x2x8xf32> {
  %o, %lse = routed.attend %q, %q, %q causal
      : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    %c1 = arith.constant 1 : index
    %d = arith.subi %s, %t : index
    %n = arith.addi %d, %c1 : index
    %r = arith.divsi %s, %n : index
    %i = arith.index_cast %r : index to i32
    %f = arith.sitofp %i : i32 to f32
    %x = arith.subf %a, %f : f32
    routed.yield %x
  }
  return %o : tensor<?x?x2x8xf32>
}

// -----

// New rows are read only where there are some: the cache may be appended with
// none.
// CHECK-LABEL: func @append
//  CHECK-SAME:   %[[ROWS:.+]]: tensor<?x?x4x8xf16>, %[[CACHE:.+]]: tensor<?x?x4x8xf16>
//       CHECK:   scf.if
//       CHECK:     tensor.extract %[[ROWS]]
//       CHECK:   } else {
//       CHECK:     tensor.extract %[[CACHE]]
func.func @append(%rows: tensor<?x?x4x8xf16>, %cache: tensor<?x?x4x8xf16>,
                  %at: tensor<?xi32>) -> tensor<?x?x4x8xf16> {
  %r = routed.append %rows into %cache at %at
      : tensor<?x?x4x8xf16>, tensor<?x?x4x8xf16>, tensor<?xi32>
  return %r : tensor<?x?x4x8xf16>
}

// -----

// Static extents stay static, and an op may stand in a region.
// CHECK-LABEL: func @nested
//       CHECK:   scf.for {{.+}} -> (tensor<2x3x1x4xf32>)
//       CHECK:     linalg.generic {{.+}} outs(%{{.+}} : tensor<2x3x1x4xf32>)
func.func @nested(%k: tensor<2x3x5x4xf32>, %n: index) -> tensor<2x3x1x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %e = tensor.empty() : tensor<2x3x1x4xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%m = %e) -> tensor<2x3x1x4xf32> {
    %y = routed.mean_heads %k : tensor<2x3x5x4xf32>
    scf.yield %y : tensor<2x3x1x4xf32>
  }
  return %r : tensor<2x3x1x4xf32>
}

// -----

// 16-bit rows are added in f32 and rounded once.
// CHECK-LABEL: func @rounds_once
//       CHECK:   linalg.generic
//       CHECK:     arith.extf
//       CHECK:     arith.addf %{{.+}} : f32
//   CHECK-NOT:     arith.truncf
//       CHECK:   linalg.generic
//       CHECK:     arith.divf %{{.+}} : f32
//       CHECK:     arith.truncf %{{.+}} : f32 to bf16
func.func @rounds_once(%k: tensor<?x?x2x4xbf16>) -> tensor<?x?x1x4xbf16> {
  %y = routed.mean_heads %k : tensor<?x?x2x4xbf16>
  return %y : tensor<?x?x1x4xbf16>
}

// -----

// A softmax of the user's is decomposed too; canonicalisation turns an
// unweighted concat into a view.
// PIPE-LABEL: func @upstream
//   PIPE-NOT:   linalg.softmax
//       PIPE:   tensor.collapse_shape
func.func @upstream(%x: tensor<?x?x2x4xf32>, %e: tensor<?x?x2x4xf32>) -> tensor<?x?x8xf32> {
  %s = linalg.softmax dimension(3) ins(%x : tensor<?x?x2x4xf32>)
      outs(%e : tensor<?x?x2x4xf32>) -> tensor<?x?x2x4xf32>
  %c = routed.combine concat %s : tensor<?x?x2x4xf32>
  return %c : tensor<?x?x8xf32>
}

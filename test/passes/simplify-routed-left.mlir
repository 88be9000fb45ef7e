// RUN: headgate-opt %s --headgate-simplify-routed --split-input-file --verify-diagnostics \
// RUN:   --remarks-filter-missed="simplify-routed" --remark-format=emitRemark \
// RUN:   | FileCheck %s

// What stays as it is, and the remark that says why.

// CHECK-LABEL: func @rope_with_other_uses(
//       CHECK:   routed.gather
//  CHECK-NEXT:   return
func.func @rope_with_other_uses(%q: tensor<?x?x3x5x8xf32>, %l: tensor<?x?x3x5xf32>, %cos: tensor<?x2xf32>,
                                %sin: tensor<?x2xf32>) -> (tensor<?x?x3x5x8xf32>, tensor<?x?x3x2x8xf32>) {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x3x5xf32>
  // expected-remark @below {{rotated rows of all experts have other uses}}
  %r = routed.rope %q, %cos, %sin : tensor<?x?x3x5x8xf32>, tensor<?x2xf32>
  %g = routed.gather %r[%e] : tensor<?x?x3x5x8xf32>, tensor<?x?x3x2xi32>
  return %r, %g : tensor<?x?x3x5x8xf32>, tensor<?x?x3x2x8xf32>
}

// CHECK-LABEL: func @rope_by_expert(
//       CHECK:   routed.gather
//  CHECK-NEXT:   return
func.func @rope_by_expert(%q: tensor<?x?x3x5x8xf32>, %l: tensor<?x?x3x5xf32>, %at: tensor<?x?x3x5xi32>,
                          %cos: tensor<?x2xf32>, %sin: tensor<?x2xf32>) -> tensor<?x?x3x2x8xf32> {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x3x5xf32>
  // expected-remark @below {{positions depend on the expert}}
  %r = routed.rope %q, %cos, %sin positions(%at : tensor<?x?x3x5xi32>) : tensor<?x?x3x5x8xf32>, tensor<?x2xf32>
  %g = routed.gather %r[%e] : tensor<?x?x3x5x8xf32>, tensor<?x?x3x2xi32>
  return %g : tensor<?x?x3x2x8xf32>
}

// The chosen rows of both are as many as there are.
// CHECK-LABEL: func @rope_of_as_many(
//       CHECK:   routed.gather
//       CHECK:   routed.gather
//  CHECK-NEXT:   return
func.func @rope_of_as_many(%q: tensor<?x?x3x4x8xf32>, %l: tensor<?x?x3x4xf32>, %h: tensor<?x?x3x4xf32>,
                           %cos: tensor<?x2xf32>, %sin: tensor<?x2xf32>) -> (tensor<?x?x3x2x8xf32>, tensor<?x?x3x2x8xf32>) {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x3x4xf32>
  %e2, %w2, %p2 = routed.select %h top 2 softmax_all : tensor<?x?x3x4xf32>
  // expected-remark @below {{no fewer rows are chosen than there are}}
  %r = routed.rope %q, %cos, %sin : tensor<?x?x3x4x8xf32>, tensor<?x2xf32>
  %g = routed.gather %r[%e] : tensor<?x?x3x4x8xf32>, tensor<?x?x3x2xi32>
  %g2 = routed.gather %r[%e2] : tensor<?x?x3x4x8xf32>, tensor<?x?x3x2xi32>
  return %g, %g2 : tensor<?x?x3x2x8xf32>, tensor<?x?x3x2x8xf32>
}

// A table of NaN would show.
// CHECK-LABEL: func @rope_of_holes(
//       CHECK:   routed.gather
//  CHECK-NEXT:   return
func.func @rope_of_holes(%q: tensor<?x?x3x5x8xf32>, %l: tensor<?x?x3x5xf32>, %v: tensor<?x?xi1>,
                         %cos: tensor<?x2xf32>, %sin: tensor<?x2xf32>) -> tensor<?x?x3x2x8xf32> {
  %e, %w, %p = routed.select %l top 2 softmax_all valid(%v : tensor<?x?xi1>) : tensor<?x?x3x5xf32>
  // expected-remark @below {{rows of holes would be rotated zeros}}
  %r = routed.rope %q, %cos, %sin : tensor<?x?x3x5x8xf32>, tensor<?x2xf32>
  %g = routed.gather %r[%e] : tensor<?x?x3x5x8xf32>, tensor<?x?x3x2xi32>
  return %g : tensor<?x?x3x2x8xf32>
}

// -----

// CHECK-LABEL: func @linears(
// CHECK-COUNT-6: routed.linear
//   CHECK-NOT:   routed.linear
func.func @linears(%x: tensor<?x?x7xf32>, %group: tensor<?x?x3x7xf32>, %slot: tensor<?x?x3x2x7xf32>,
                   %one: tensor<1x1x128xf32>, %many: tensor<1x64x32x128xf32>, %a: tensor<1x1x1x1xi32>,
                   %w: tensor<3x5x6x7xf32>, %b: tensor<3x5x6xf32>, %e: tensor<?x?x3x2xi32>)
    -> (tensor<?x?x3x2x6xf32>, tensor<?x?x3x2x6xf32>, tensor<?x?x6xf32>, tensor<1x1x1x1x32xf32>,
        tensor<?x?x6xf32>, tensor<?x?x6xf32>) {
  // expected-remark @below {{each group has a row of its own}}
  %0 = routed.linear %group, %w[%e] transposed : tensor<?x?x3x7xf32>, tensor<3x5x6x7xf32>, tensor<?x?x3x2xi32>
  // expected-remark @below {{each slot has a row of its own}}
  %1 = routed.linear %slot, %w[%e] transposed : tensor<?x?x3x2x7xf32>, tensor<3x5x6x7xf32>, tensor<?x?x3x2xi32>
  // expected-remark @below {{a hole must not count in the sum}}
  %2 = routed.linear %x, %w[%e] transposed sum all : tensor<?x?x7xf32>, tensor<3x5x6x7xf32>, tensor<?x?x3x2xi32>
  // expected-remark @below {{by the matrices of the chosen experts: it takes 5.9 us, not 53.2 us, for 1 tokens}}
  %3 = routed.linear %one, %many[%a] transposed : tensor<1x1x128xf32>, tensor<1x64x32x128xf32>, tensor<1x1x1x1xi32>
  // expected-remark @below {{by the matrices of the chosen experts: each has a bias}}
  %4 = routed.linear %slot, %w[%e] transposed bias(%b : tensor<3x5x6xf32>) sum all
      : tensor<?x?x3x2x7xf32>, tensor<3x5x6x7xf32>, tensor<?x?x3x2xi32>
  // expected-remark @below {{would round otherwise; allow-reassociation lets it}}
  %5 = routed.linear %slot, %w[%e] transposed sum all
      : tensor<?x?x3x2x7xf32>, tensor<3x5x6x7xf32>, tensor<?x?x3x2xi32>
  return %0, %1, %2, %3, %4, %5
      : tensor<?x?x3x2x6xf32>, tensor<?x?x3x2x6xf32>, tensor<?x?x6xf32>, tensor<1x1x1x1x32xf32>,
        tensor<?x?x6xf32>, tensor<?x?x6xf32>
}

// -----

#x = affine_map<(b, s, g, m, e, d) -> (b, s, d)>
#w = affine_map<(b, s, g, m, e, d) -> (g, m, e, d)>
#y = affine_map<(b, s, g, m, e, d) -> (b, s, g, m, e)>

// CHECK-LABEL: func @projections(
//   CHECK-NOT:   routed.linear
func.func @projections(%x: tensor<1x1x128xbf16>, %w: tensor<1x64x32x128xbf16>, %b: tensor<1x64x32xf32>,
                       %few: tensor<1x2x32x128xbf16>, %e: tensor<1x1x1x1xi32>)
    -> (tensor<1x1x1x1x32xbf16>, tensor<1x1x1x1x32xbf16>, tensor<1x1x1x1x32xbf16>, tensor<1x1x1x64x32xbf16>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x1x1x64x32xf32>
  %init = linalg.broadcast ins(%b : tensor<1x64x32xf32>) outs(%empty : tensor<1x1x1x64x32xf32>) dimensions = [0, 1]
  %p0 = linalg.contract indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<1x1x128xbf16>, tensor<1x64x32x128xbf16>)
      outs(%init : tensor<1x1x1x64x32xf32>) -> tensor<1x1x1x64x32xf32>
  %r0 = arith.truncf %p0 : tensor<1x1x1x64x32xf32> to tensor<1x1x1x64x32xbf16>
  // expected-remark @below {{the bias is not of the type of rows}}
  %0 = routed.gather %r0[%e] : tensor<1x1x1x64x32xbf16>, tensor<1x1x1x1xi32>

  %fewEmpty = tensor.empty() : tensor<1x1x1x2x32xf32>
  %fewZero = linalg.fill ins(%zero : f32) outs(%fewEmpty : tensor<1x1x1x2x32xf32>) -> tensor<1x1x1x2x32xf32>
  %p1 = linalg.contract indexing_maps = [#x, #w, #y] ins(%x, %few : tensor<1x1x128xbf16>, tensor<1x2x32x128xbf16>)
      outs(%fewZero : tensor<1x1x1x2x32xf32>) -> tensor<1x1x1x2x32xf32>
  %r1 = arith.truncf %p1 : tensor<1x1x1x2x32xf32> to tensor<1x1x1x2x32xbf16>
  // expected-remark @below {{by the matrices of all experts: it takes}}
  %1 = routed.gather %r1[%e] : tensor<1x1x1x2x32xbf16>, tensor<1x1x1x1xi32>

  %manyZero = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x1x1x64x32xf32>) -> tensor<1x1x1x64x32xf32>
  %p2 = linalg.contract indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<1x1x128xbf16>, tensor<1x64x32x128xbf16>)
      outs(%manyZero : tensor<1x1x1x64x32xf32>) -> tensor<1x1x1x64x32xf32>
  %r2 = arith.truncf %p2 : tensor<1x1x1x64x32xf32> to tensor<1x1x1x64x32xbf16>
  // expected-remark @below {{the projection has other uses}}
  %2 = routed.gather %r2[%e] : tensor<1x1x1x64x32xbf16>, tensor<1x1x1x1xi32>
  return %0, %1, %2, %r2
      : tensor<1x1x1x1x32xbf16>, tensor<1x1x1x1x32xbf16>, tensor<1x1x1x1x32xbf16>, tensor<1x1x1x64x32xbf16>
}

// -----

#x = affine_map<(b, s, h, e, d) -> (b, s, d)>
#w = affine_map<(b, s, h, e, d) -> (h, e, d)>
#y = affine_map<(b, s, h, e, d) -> (b, s, h, e)>

// CHECK-LABEL: func @means(
// CHECK-COUNT-3: routed.mean_heads
//   CHECK-NOT:   routed.mean_heads
func.func @means(%x: tensor<?x?x3xf32>, %w: tensor<8x4x3xf32>, %wide: tensor<?x?x96xf32>, %v: tensor<2x4x96xf32>,
                 %rows: tensor<?x?x8x4xf32>)
    -> (tensor<?x?x1x4xf32>, tensor<?x?x1x4xf32>, tensor<?x?x1x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x?x3xf32>
  %S = tensor.dim %x, %c1 : tensor<?x?x3xf32>
  %e8 = tensor.empty(%B, %S) : tensor<?x?x8x4xf32>
  %z8 = linalg.fill ins(%zero : f32) outs(%e8 : tensor<?x?x8x4xf32>) -> tensor<?x?x8x4xf32>
  %k = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w : tensor<?x?x3xf32>, tensor<8x4x3xf32>) outs(%z8 : tensor<?x?x8x4xf32>) -> tensor<?x?x8x4xf32>
  // expected-remark @below {{a mean of matrices would round otherwise; allow-reassociation lets it}}
  %0 = routed.mean_heads %k : tensor<?x?x8x4xf32>
  %e2 = tensor.empty(%B, %S) : tensor<?x?x2x4xf32>
  %z2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x?x2x4xf32>) -> tensor<?x?x2x4xf32>
  %k2 = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%wide, %v : tensor<?x?x96xf32>, tensor<2x4x96xf32>) outs(%z2 : tensor<?x?x2x4xf32>) -> tensor<?x?x2x4xf32>
  // expected-remark @below {{a mean of rows: one of matrices takes 8.5 us, not 1.2 us, for 1024 tokens}}
  %1 = routed.mean_heads %k2 : tensor<?x?x2x4xf32>
  // expected-remark @below {{no projection is seen behind the rows of this mean}}
  %2 = routed.mean_heads %rows : tensor<?x?x8x4xf32>
  return %0, %1, %2 : tensor<?x?x1x4xf32>, tensor<?x?x1x4xf32>, tensor<?x?x1x4xf32>
}

// -----

// A concat shows which expert came first; so does a key-value head that depends
// on the slot, a row that has an order of its own, or the slot's number.
// CHECK-LABEL: func @rank_order(
//   CHECK-NOT:   order index
#all = affine_map<(b, s, r, j) -> (b, s, r, j)>
func.func @rank_order(%q: tensor<?x?x2x3x8xf32>, %k: tensor<?x?x3x8xf32>, %l: tensor<?x?x2x3xf32>)
    -> (tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x2x3xi32>) {
  // expected-remark @below {{all experts run, in the order of their rank, which 'routed.combine' depends on}}
  %e, %w, %p = routed.select %l top 3 softmax_all : tensor<?x?x2x3xf32>
  %g = routed.gather %q[%e] : tensor<?x?x2x3x8xf32>, tensor<?x?x2x3xi32>
  %y = routed.combine concat %g : tensor<?x?x2x3x8xf32>

  // expected-remark @below {{'routed.attend' depends on}}
  %e1, %w1, %p1 = routed.select %l top 3 sigmoid : tensor<?x?x2x3xf32>
  %g1 = routed.gather %q[%e1] : tensor<?x?x2x3x8xf32>, tensor<?x?x2x3xi32>
  %o, %lse = routed.attend %g1, %k, %k kv_head affine_map<(r, j) -> (j)>
      : tensor<?x?x2x3x8xf32>, tensor<?x?x3x8xf32>, tensor<?x?x3x8xf32>
  %z1 = routed.combine scatter %o experts(%e1 of 3 : tensor<?x?x2x3xi32>) : tensor<?x?x2x3x8xf32>

  // expected-remark @below {{'routed.combine' depends on}}
  %e2, %w2, %p2 = routed.select %l top 3 ones : tensor<?x?x2x3xf32>
  %z2 = routed.combine scatter %q experts(%e2 of 3 : tensor<?x?x2x3xi32>) : tensor<?x?x2x3x8xf32>

  // expected-remark @below {{'linalg.generic' depends on}}
  %e3, %w3, %p3 = routed.select %l top 3 softmax_topk : tensor<?x?x2x3xf32>
  %g3 = routed.gather %q[%e3] : tensor<?x?x2x3x8xf32>, tensor<?x?x2x3xi32>
  %ws = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%w3 : tensor<?x?x2x3xf32>) outs(%w3 : tensor<?x?x2x3xf32>) {
  ^bb0(%a: f32, %unused: f32):
    %j = linalg.index 3 : index
    %ji = arith.index_cast %j : index to i32
    %jf = arith.sitofp %ji : i32 to f32
    %m = arith.mulf %a, %jf : f32
    linalg.yield %m : f32
  } -> tensor<?x?x2x3xf32>
  %z3 = routed.combine scatter %g3 experts(%e3 of 3 : tensor<?x?x2x3xi32>) weights(%ws : tensor<?x?x2x3xf32>)
      : tensor<?x?x2x3x8xf32>

  // expected-remark @below {{'func.return' depends on}}
  %e4, %w4, %p4 = routed.select %l top 3 softmax_all norm group : tensor<?x?x2x3xf32>
  return %y, %z1, %z2, %z3, %e4
      : tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x2x3xi32>
}

// -----

// The slot is the second head index of a score region.
// CHECK-LABEL: func @score_of_slot(
//   CHECK-NOT:   order index
func.func @score_of_slot(%q: tensor<?x?x2x3x8xf32>, %k: tensor<?x?x2x8xf32>, %l: tensor<?x?x2x3xf32>)
    -> (tensor<?x?x48xf32>, tensor<?x?x8xf32>) {
  // expected-remark @below {{'routed.attend' depends on}}
  %e, %w, %p = routed.select %l top 3 softmax_all : tensor<?x?x2x3xf32>
  %g = routed.gather %q[%e] : tensor<?x?x2x3x8xf32>, tensor<?x?x2x3xi32>
  %o, %lse = routed.attend %g, %k, %k
      : tensor<?x?x2x3x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %r: index, %j: index):
    %ji = arith.index_cast %j : index to i32
    %jf = arith.sitofp %ji : i32 to f32
    %m = arith.mulf %a, %jf : f32
    routed.yield %m
  }
  %z = routed.combine scatter %o experts(%e of 3 : tensor<?x?x2x3xi32>) : tensor<?x?x2x3x8xf32>
  // expected-remark @below {{in index order their sums would round otherwise, which allow-reassociation lets them}}
  %e1, %w1, %p1 = routed.select %l top 3 softmax_all : tensor<?x?x2x3xf32>
  %g1 = routed.gather %q[%e1] : tensor<?x?x2x3x8xf32>, tensor<?x?x2x3xi32>
  %y = routed.combine sum %g1 weights(%w1 : tensor<?x?x2x3xf32>) : tensor<?x?x2x3x8xf32>
  return %z, %y : tensor<?x?x48xf32>, tensor<?x?x8xf32>
}

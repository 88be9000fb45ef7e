// RUN: headgate-opt %s --resolve-ranked-shaped-type-result-dims --canonicalize --cse | FileCheck %s

// Dynamic extents of results are extents of operands: no routed op is left to
// ask, and nothing else is read.

// CHECK-LABEL: func @leading
//  CHECK-SAME:   %[[L:.+]]: tensor<?x?x3x5xf32>, %[[N:.+]]: index
//   CHECK-DAG:   %[[C0:.+]] = arith.constant 0 : index
//   CHECK-DAG:   %[[C1:.+]] = arith.constant 1 : index
//   CHECK-DAG:   %[[B:.+]] = tensor.dim %[[L]], %[[C0]]
//   CHECK-DAG:   %[[S:.+]] = tensor.dim %[[L]], %[[C1]]
//   CHECK-NOT:   routed.
//       CHECK:   return %[[B]], %[[S]], %[[B]], %[[S]], %[[S]]
func.func @leading(%l: tensor<?x?x3x5xf32>, %n: index) -> (index, index, index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x3x5xf32>
  %te, %tw, %tp = routed.select_tokens %l top %n sigmoid : tensor<?x?x3x5xf32>
  %g = routed.gather %l[%e] : tensor<?x?x3x5xf32>, tensor<?x?x3x2xi32>
  %0 = tensor.dim %e, %c0 : tensor<?x?x3x2xi32>
  %1 = tensor.dim %p, %c1 : tensor<?x?x3x5xf32>
  %2 = tensor.dim %te, %c0 : tensor<?x?x3x5xi32>
  %3 = tensor.dim %tw, %c1 : tensor<?x?x3x5xf32>
  %4 = tensor.dim %g, %c1 : tensor<?x?x3x2xf32>
  return %0, %1, %2, %3, %4 : index, index, index, index, index
}

// CHECK-LABEL: func @rows
//  CHECK-SAME:   %[[X:.+]]: tensor<?x?x16xf32>,
//   CHECK-DAG:   %[[C0:.+]] = arith.constant 0 : index
//   CHECK-DAG:   %[[C1:.+]] = arith.constant 1 : index
//   CHECK-DAG:   %[[B:.+]] = tensor.dim %[[X]], %[[C0]]
//   CHECK-DAG:   %[[S:.+]] = tensor.dim %[[X]], %[[C1]]
//   CHECK-NOT:   routed.
//       CHECK:   return %[[B]], %[[S]], %[[S]], %[[B]], %[[S]]
func.func @rows(%x: tensor<?x?x16xf32>, %w: tensor<3x5x16x8xf32>, %e: tensor<?x?x3x2xi32>,
                %t: tensor<?x4xf32>) -> (index, index, index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %p = routed.linear %x, %w[%e] : tensor<?x?x16xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x2xi32>
  %r = routed.rope %p, %t, %t : tensor<?x?x3x2x8xf32>, tensor<?x4xf32>
  %c = routed.combine concat %r : tensor<?x?x3x2x8xf32>
  %y = routed.linear %x, %w[%e] sum all
      : tensor<?x?x16xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x2xi32>
  %0 = tensor.dim %p, %c0 : tensor<?x?x3x2x8xf32>
  %1 = tensor.dim %r, %c1 : tensor<?x?x3x2x8xf32>
  %2 = tensor.dim %c, %c1 : tensor<?x?x48xf32>
  %3 = tensor.dim %y, %c0 : tensor<?x?x8xf32>
  %4 = tensor.dim %y, %c1 : tensor<?x?x8xf32>
  return %0, %1, %2, %3, %4 : index, index, index, index, index
}

// Rows of an output are its queries, not its keys.
// CHECK-LABEL: func @attend
//  CHECK-SAME:   %[[Q:.+]]: tensor<?x?x6x16xf32>, %{{.+}}: tensor<?x?x3x16xf32>
//   CHECK-DAG:   %[[C0:.+]] = arith.constant 0 : index
//   CHECK-DAG:   %[[C1:.+]] = arith.constant 1 : index
//   CHECK-DAG:   %[[B:.+]] = tensor.dim %[[Q]], %[[C0]]
//   CHECK-DAG:   %[[S:.+]] = tensor.dim %[[Q]], %[[C1]]
//   CHECK-NOT:   routed.
//       CHECK:   return %[[B]], %[[S]], %[[S]]
func.func @attend(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x16xf32>) -> (index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %o, %lse = routed.attend %q, %k, %k : tensor<?x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  %0 = tensor.dim %o, %c0 : tensor<?x?x6x16xf32>
  %1 = tensor.dim %o, %c1 : tensor<?x?x6x16xf32>
  %2 = tensor.dim %lse, %c1 : tensor<?x?x6xf32>
  return %0, %1, %2 : index, index, index
}

// CHECK-LABEL: func @keys
//  CHECK-SAME:   %[[K:.+]]: tensor<?x?x3x16xf32>, %[[CACHE:.+]]: tensor<?x?x?x16xf32>, %{{.+}}: tensor<?xi32>
//   CHECK-DAG:   %[[C1:.+]] = arith.constant 1 : index
//   CHECK-DAG:   %[[C2:.+]] = arith.constant 2 : index
//   CHECK-DAG:   %[[T:.+]] = tensor.dim %[[K]], %[[C1]]
//   CHECK-DAG:   %[[P:.+]] = tensor.dim %[[CACHE]], %[[C1]]
//   CHECK-DAG:   %[[H:.+]] = tensor.dim %[[CACHE]], %[[C2]]
//   CHECK-NOT:   routed.
//       CHECK:   return %[[T]], %[[P]], %[[H]]
func.func @keys(%k: tensor<?x?x3x16xf32>, %cache: tensor<?x?x?x16xf32>, %at: tensor<?xi32>)
    -> (index, index, index) {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %m = routed.mean_heads %k : tensor<?x?x3x16xf32>
  %a = routed.append %k into %cache at %at : tensor<?x?x3x16xf32>, tensor<?x?x?x16xf32>, tensor<?xi32>
  %0 = tensor.dim %m, %c1 : tensor<?x?x1x16xf32>
  %1 = tensor.dim %a, %c1 : tensor<?x?x?x16xf32>
  %2 = tensor.dim %a, %c2 : tensor<?x?x?x16xf32>
  return %0, %1, %2 : index, index, index
}

// B*S*R*k rows and B*R*M + 1 offsets, here R = 3, k = 2, M = 5.
// CHECK-LABEL: func @dispatch
//  CHECK-SAME:   %[[E:.+]]: tensor<?x?x3x2xi32>
//   CHECK-DAG:   %[[B:.+]] = tensor.dim %[[E]], %c0
//   CHECK-DAG:   %[[S:.+]] = tensor.dim %[[E]], %c1
//   CHECK-DAG:   %[[BR:.+]] = arith.muli %[[B]], %c3
//   CHECK-DAG:   %[[BRS:.+]] = arith.muli %[[BR]], %[[S]]
//   CHECK-DAG:   %[[ROWS:.+]] = arith.muli %[[BRS]], %c2
//   CHECK-DAG:   %[[SEGMENTS:.+]] = arith.muli %[[B]], %c15
//   CHECK-DAG:   %[[OFFSETS:.+]] = arith.addi %[[SEGMENTS]], %c1
//   CHECK-NOT:   routed.
//       CHECK:   return %[[ROWS]], %[[OFFSETS]], %[[S]]
func.func @dispatch(%e: tensor<?x?x3x2xi32>) -> (index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %rows, %offsets, %rank = routed.dispatch %e of 5 : tensor<?x?x3x2xi32>
  %0 = tensor.dim %rows, %c0 : tensor<?xi32>
  %1 = tensor.dim %offsets, %c0 : tensor<?xi32>
  %2 = tensor.dim %rank, %c1 : tensor<?x?x3x2xi32>
  return %0, %1, %2 : index, index, index
}

// A static extent is a number, whichever operand knew it; here of B alone.
// CHECK-LABEL: func @static
//   CHECK-DAG:   %[[B:.+]] = arith.constant 2 : index
//   CHECK-DAG:   %[[OFFSETS:.+]] = arith.constant 31 : index
//   CHECK-NOT:   routed.
//       CHECK:   return %[[B]], %{{.+}}, %[[OFFSETS]]
func.func @static(%q: tensor<?x?x3x5x16xf32>, %e: tensor<2x?x3x2xi32>) -> (index, index, index) {
  %c0 = arith.constant 0 : index
  %g = routed.gather %q[%e] : tensor<?x?x3x5x16xf32>, tensor<2x?x3x2xi32>
  %rows, %offsets, %rank = routed.dispatch %e of 5 : tensor<2x?x3x2xi32>
  %0 = tensor.dim %g, %c0 : tensor<2x?x3x2x16xf32>
  %1 = tensor.dim %rows, %c0 : tensor<?xi32>
  %2 = tensor.dim %offsets, %c0 : tensor<31xi32>
  return %0, %1, %2 : index, index, index
}

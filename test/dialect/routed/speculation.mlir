// RUN: headgate-opt %s --loop-invariant-code-motion --split-input-file | FileCheck %s

// An op that reads by expert has no effects, but an expert out of range is
// undefined: it must not move over what guards it. Here, a loop that may not run.

// CHECK-LABEL: func @guarded
//       CHECK:   routed.select %
//       CHECK:   routed.select_tokens %
//       CHECK:   routed.mean_heads %
//       CHECK:   routed.append %
//       CHECK:   scf.for
//       CHECK:     routed.gather %
//       CHECK:     routed.linear %
//       CHECK:     routed.attend %
//       CHECK:     routed.combine scatter %
//       CHECK:     routed.rope %
//       CHECK:     routed.dispatch %
//       CHECK:     routed.balance_loss %
func.func @guarded(%l: tensor<?x?x3x5xf32>, %q: tensor<?x?x3x5x16xf32>, %x: tensor<?x?x16xf32>,
                   %w: tensor<3x5x16x8xf32>, %e: tensor<?x?x3x2xi32>, %qc: tensor<?x?x3x2x16xf32>,
                   %k: tensor<?x?x3x16xf32>, %t: tensor<?x4xf32>, %at: tensor<?xi32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %0:3 = routed.select %l top 2 softmax_all : tensor<?x?x3x5xf32>
    %1:3 = routed.select_tokens %l top %n sigmoid : tensor<?x?x3x5xf32>
    %2 = routed.mean_heads %k : tensor<?x?x3x16xf32>
    %3 = routed.append %k into %k at %at : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?xi32>
    %4 = routed.gather %q[%e] : tensor<?x?x3x5x16xf32>, tensor<?x?x3x2xi32>
    %5 = routed.linear %x, %w[%e] : tensor<?x?x16xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x2xi32>
    %6:2 = routed.attend %qc, %k, %k
        : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
    %7 = routed.combine scatter %qc experts(%e of 5 : tensor<?x?x3x2xi32>) : tensor<?x?x3x2x16xf32>
    %8 = routed.rope %qc, %t, %t : tensor<?x?x3x2x16xf32>, tensor<?x4xf32>
    %9:3 = routed.dispatch %e of 5 : tensor<?x?x3x2xi32>
    %10 = routed.balance_loss %l, %e : tensor<?x?x3x5xf32>, tensor<?x?x3x2xi32>
  }
  return
}

// -----

// What nobody uses goes, whichever results it has.
// RUN: headgate-opt %s --canonicalize --split-input-file | FileCheck %s --check-prefix=DEAD
// DEAD-LABEL: func @unused
//   DEAD-NOT:   routed.
//       DEAD:   return
func.func @unused(%l: tensor<?x?x3x5xf32>, %e: tensor<?x?x3x2xi32>, %k: tensor<?x?x3x16xf32>) {
  %0:3 = routed.select %l top 2 softmax_all : tensor<?x?x3x5xf32>
  %1:2 = routed.attend %k, %k, %k : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  %2:3 = routed.dispatch %e of 5 : tensor<?x?x3x2xi32>
  %3 = routed.balance_loss %l, %e : tensor<?x?x3x5xf32>, tensor<?x?x3x2xi32>
  return
}

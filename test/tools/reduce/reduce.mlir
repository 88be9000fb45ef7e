// A module that cannot be compiled loses what is not the reason. The script says
// with exit code 1 that a smaller module still fails so.
// RUN: echo "#!/bin/sh" > %t.sh
// RUN: echo "! headgate-compile --emit=obj -o /dev/null \$1 2>&1 | grep -q \"calls 'exp'\"" >> %t.sh
// RUN: chmod +x %t.sh
// RUN: headgate-reduce %s --reduction-tree="traversal-mode=0 test=%t.sh" 2> %t.log | FileCheck %s

//      CHECK: module {
// CHECK-NEXT:   func.func @second(
// CHECK-NEXT:     %[[Y:.+]] = math.exp
// CHECK-NEXT:     return %[[Y]]
// CHECK-NEXT:   }
// CHECK-NEXT: }
func.func @first(%k: tensor<?x?x2x4xf32>) -> tensor<?x?x1x4xf32> {
  %m = routed.mean_heads %k : tensor<?x?x2x4xf32>
  return %m : tensor<?x?x1x4xf32>
}
func.func @second(%x: tensor<4xf64>, %k: tensor<?x?x2x4xf32>) -> tensor<4xf64> {
  %c = routed.combine concat %k : tensor<?x?x2x4xf32>
  %y = math.exp %x : tensor<4xf64>
  return %y : tensor<4xf64>
}
func.func @third(%k: tensor<?x?x2x4xf32>) -> tensor<?x?x8xf32> {
  %c = routed.combine concat %k : tensor<?x?x2x4xf32>
  return %c : tensor<?x?x8xf32>
}

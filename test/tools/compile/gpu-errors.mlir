// What a GPU has no kernels for is an error at the op that asks for it: nothing
// falls back on the host.
// RUN: split-file %s %t
// RUN: sh -c 'headgate-compile %t/single.mlir --target=sm_80 -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/single.mlir
// RUN: sh -c 'headgate-compile %t/single.mlir --target=host,sm_80 -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/single.mlir
// RUN: sh -c 'headgate-compile %t/odd.mlir --target=sm_80 -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/odd.mlir
// RUN: sh -c 'headgate-compile %t/softmax.mlir --target=sm_80 -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/softmax.mlir
// RUN: sh -c 'headgate-compile %t/softmax.mlir --target=host,sm_80 -o %t/x.hgb --explain; echo exit $?' 2>&1 | FileCheck %t/softmax.mlir --check-prefixes=EXPLAIN,CHECK
// RUN: sh -c 'ls %t | grep hgb; true' | count 0

//--- single.mlir
// CHECK: single.mlir:[[#@LINE+5]]:{{[0-9]+}}: error: 'routed.attend' op has no kernel for sm_80: (G1) its rows are f32; kernels for sm_80 have rows of bf16 or f16
// CHECK: error: the module cannot be compiled
// CHECK-NEXT: exit 1
func.func @single(%q: tensor<?x?x2x16xf32> {routed.name = "q", routed.dims = ["B", "S"]},
                  %k: tensor<?x?x2x16xf32> {routed.name = "k", routed.dims = ["B", "T"]}) -> tensor<?x?x2x16xf32> {
  %o, %lse = routed.attend %q, %k, %k : tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
  return %o : tensor<?x?x2x16xf32>
}

//--- odd.mlir
// CHECK: odd.mlir:[[#@LINE+4]]:{{[0-9]+}}: error: 'routed.attend' op has no kernel for sm_80: (G1) D = 15 is odd; a GPU copies pairs of elements
// CHECK: error: the module cannot be compiled
// CHECK-NEXT: exit 1
func.func @odd(%q: tensor<?x?x2x15xbf16> {routed.name = "q", routed.dims = ["B", "S"]}) -> tensor<?x?x2x15xbf16> {
  %o, %lse = routed.attend %q, %q, %q : tensor<?x?x2x15xbf16>, tensor<?x?x2x15xbf16>, tensor<?x?x2x15xbf16>
  return %o : tensor<?x?x2x15xbf16>
}

//--- softmax.mlir
// EXPLAIN: softmax.mlir:[[#@LINE+7]]:{{[0-9]+}}: remark: [Missed] not-on-tiles | {{.*}}"'linalg.softmax' is not lowered to tiles: tiles have no such operation"
// EXPLAIN-NOT: [Missed] not-on-tiles
// CHECK: softmax.mlir:[[#@LINE+5]]:{{[0-9]+}}: error: 'linalg.softmax' op has no kernel for sm_80
// CHECK: note: --explain says why its kernel 'softmax_
// CHECK: error: the module cannot be compiled
// CHECK-NEXT: exit 1
func.func @softmax(%x: tensor<?x?x32xf32> {routed.name = "x", routed.dims = ["B", "S"]}, %init: tensor<?x?x32xf32> {routed.name = "init", routed.dims = ["B", "S"]}) -> tensor<?x?x32xf32> {
  %y = linalg.softmax dimension(2) ins(%x : tensor<?x?x32xf32>) outs(%init : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  return %y : tensor<?x?x32xf32>
}

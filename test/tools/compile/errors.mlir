// What is wrong in a module is said with its place; exit code 1, no bundle.
// RUN: split-file %s %t
// RUN: sh -c 'headgate-compile %t/syntax.mlir -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/syntax.mlir
// RUN: sh -c 'headgate-compile %t/dialect.mlir -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/dialect.mlir
// RUN: sh -c 'headgate-compile %t/top.mlir -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/top.mlir
// RUN: sh -c 'headgate-compile %t/shapes.mlir -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/shapes.mlir
// RUN: sh -c 'headgate-compile %t/ranks.mlir -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/ranks.mlir
// RUN: sh -c 'headgate-compile %t/types.mlir -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/types.mlir
// RUN: sh -c 'headgate-compile %t/lowering.mlir -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/lowering.mlir
// RUN: sh -c 'headgate-compile %t/symbol.mlir -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/symbol.mlir
// RUN: sh -c 'headgate-compile %t/abort.mlir -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %t/abort.mlir
// RUN: sh -c 'headgate-compile %t/missing.mlir -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: sh -c 'headgate-compile %t -o %t/x.hgb; echo exit $?' 2>&1 | FileCheck %s --check-prefix=FOLDER
// RUN: sh -c 'ls %t | grep hgb; true' | count 0

// MISSING: error: cannot open input file '{{.+}}missing.mlir': No such file or directory
// MISSING-NEXT: exit 1
// FOLDER: error: cannot open input file '{{.+}}': Is a directory
// FOLDER-NEXT: exit 1

//--- syntax.mlir
func.func @f(%x: tensor<4xf32>) -> {
// CHECK: syntax.mlir:1:35: error:
// CHECK: exit 1

//--- dialect.mlir
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: dialect.mlir:[[@LINE+1]]:{{[0-9]+}}: error: operation being parsed with an unregistered dialect
  %y = "nowhere.exp"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
// CHECK: exit 1

//--- top.mlir
func.func @f(%l: tensor<?x?x2x4xf32>) -> tensor<?x?x2x5xi32> {
  // CHECK: top.mlir:[[@LINE+1]]:{{[0-9]+}}: error: 'routed.select' op takes 5 experts of each group, but a group has 4
  %e, %w, %p = routed.select %l top 5 softmax_all : tensor<?x?x2x4xf32>
  return %e : tensor<?x?x2x5xi32>
}
// CHECK: exit 1

//--- shapes.mlir
func.func @f(%q: tensor<?x?x2x8xf32>, %k: tensor<?x?x2x4xf32>) -> tensor<?x?x2x4xf32> {
  // CHECK: shapes.mlir:[[@LINE+1]]:{{[0-9]+}}: error: 'routed.attend' op
  %o, %lse = routed.attend %q, %k, %k : tensor<?x?x2x8xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return %o : tensor<?x?x2x4xf32>
}
// CHECK: exit 1

//--- ranks.mlir
func.func @f(%k: tensor<?x2x4xf32>) -> tensor<?x1x4xf32> {
  // CHECK: ranks.mlir:[[@LINE+1]]:{{[0-9]+}}: error: 'routed.mean_heads'
  %m = routed.mean_heads %k : tensor<?x2x4xf32>
  return %m : tensor<?x1x4xf32>
}
// CHECK: exit 1

//--- types.mlir
func.func @f(%x: tensor<?x?x2x4xf32>, %e: tensor<?x?x2x1xi64>) -> tensor<?x?x2x1xf32> {
  // CHECK: types.mlir:[[@LINE+1]]:{{[0-9]+}}: error: 'routed.gather' op operand #1 must be 4D tensor of 32-bit signless integer values
  %g = routed.gather %x[%e] : tensor<?x?x2x4xf32>, tensor<?x?x2x1xi64>
  return %g : tensor<?x?x2x1xf32>
}
// CHECK: exit 1

//--- lowering.mlir
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: lowering.mlir:[[@LINE+1]]:8: error: op was not bufferized
  %y = tosa.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
// CHECK: {{^}}error: the module cannot be compiled
// CHECK-NEXT: exit 1

//--- symbol.mlir
// CHECK: {{^}}error: the compiled code calls 'exp', which host images may not: they link only memcpy, memset, memmove, malloc, free and float functions of libm
// CHECK-NEXT: exit 1
func.func @f(%x: tensor<4xf64>) -> tensor<4xf64> {
  %y = math.exp %x : tensor<4xf64>
  return %y : tensor<4xf64>
}

//--- abort.mlir
// LLVM ends the process on what it holds to be impossible, here vectors that
// x86 lacks.
// CHECK: {{^}}error: LLVM cannot generate this code: Cannot implicitly convert a scalable size
// CHECK: {{^}}note: this is a bug in the compiler; headgate-reduce makes a small input to report
// CHECK-NEXT: exit 1
func.func @f(%x: tensor<f32>) -> tensor<f32> {
  %a = tensor.extract %x[] : tensor<f32>
  %u = llvm.mlir.poison : vector<[4]xf32>
  %i = llvm.mlir.constant(0 : i32) : i32
  %v = llvm.insertelement %a, %u[%i : i32] : vector<[4]xf32>
  %s = arith.addf %v, %v : vector<[4]xf32>
  %e = llvm.extractelement %s[%i : i32] : vector<[4]xf32>
  %y = tensor.from_elements %e : tensor<f32>
  return %y : tensor<f32>
}

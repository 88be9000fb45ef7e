// What cannot be an entry is refused, and where.
// RUN: rm -rf %t && split-file %s %t
// RUN: not headgate-compile %t/scalar.mlir -o %t/x.hgb 2>&1 | FileCheck %t/scalar.mlir
// RUN: not headgate-compile %t/complex.mlir -o %t/x.hgb 2>&1 | FileCheck %t/complex.mlir
// RUN: not headgate-compile %t/unranked.mlir -o %t/x.hgb 2>&1 | FileCheck %t/unranked.mlir
// RUN: not headgate-compile %t/rank.mlir -o %t/x.hgb 2>&1 | FileCheck %t/rank.mlir
// RUN: not headgate-compile %t/blocks.mlir -o %t/x.hgb 2>&1 | FileCheck %t/blocks.mlir
// RUN: not headgate-compile %t/recursive.mlir -o %t/x.hgb 2>&1 | FileCheck %t/recursive.mlir
// RUN: not headgate-compile %t/external.mlir -o %t/x.hgb 2>&1 | FileCheck %t/external.mlir
// RUN: not headgate-compile %t/data.mlir -o %t/x.hgb 2>&1 | FileCheck %t/data.mlir
// RUN: not headgate-compile %t/least.mlir -o %t/x.hgb 2>&1 | FileCheck %t/least.mlir
// RUN: not headgate-compile %t/long.mlir -o %t/x.hgb 2>&1 | FileCheck %t/long.mlir
// RUN: not headgate-compile %t/contradiction.mlir -o %t/x.hgb 2>&1 | FileCheck %t/contradiction.mlir
// RUN: not headgate-compile %t/names.mlir -o %t/x.hgb 2>&1 | FileCheck %t/names.mlir
// RUN: not headgate-compile %t/dim-name.mlir -o %t/x.hgb 2>&1 | FileCheck %t/dim-name.mlir
// RUN: not headgate-compile %t/reserved.mlir -o %t/x.hgb 2>&1 | FileCheck %t/reserved.mlir
// RUN: not headgate-compile %t/nothing.mlir -o %t/x.hgb 2>&1 | FileCheck %t/nothing.mlir
// RUN: not ls %t/x.hgb

//--- scalar.mlir
// CHECK: scalar.mlir:[[@LINE+1]]:1: error: cannot be an entry: argument 'arg1' is 'f32'; an entry takes and returns ranked tensors of f32, f16, bf16, f64, i1, i8, i16, i32, i64 or ui8
func.func @scalar(%x: tensor<4xf32>, %a: f32) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// CHECK: {{^}}error: the module cannot be compiled

//--- complex.mlir
// CHECK: complex.mlir:[[@LINE+1]]:1: error: cannot be an entry: result 'result0' is 'tensor<4xcomplex<f32>>'
func.func @complex() -> tensor<4xcomplex<f32>> {
  %x = arith.constant dense<(1.0, 2.0)> : tensor<4xcomplex<f32>>
  return %x : tensor<4xcomplex<f32>>
}

//--- unranked.mlir
// CHECK: unranked.mlir:[[@LINE+1]]:1: error: cannot be an entry: argument 'arg0' is 'tensor<*xf32>'
func.func @unranked(%x: tensor<*xf32>) {
  return
}

//--- rank.mlir
// CHECK: rank.mlir:[[@LINE+1]]:1: error: cannot be an entry: 'arg0' has 9 dimensions; the runtime takes at most 8
func.func @rank(%x: tensor<1x2x1x2x1x2x1x2x3xf32>) {
  return
}

//--- blocks.mlir
// CHECK: blocks.mlir:[[@LINE+1]]:1: error: cannot be an entry: its body has several blocks or does not return
func.func @blocks(%x: tensor<i1>, %y: tensor<4xf32>, %z: tensor<4xf32>) -> tensor<4xf32> {
  %c = tensor.extract %x[] : tensor<i1>
  cf.cond_br %c, ^bb1, ^bb2
^bb1:
  return %y : tensor<4xf32>
^bb2:
  %n = arith.negf %z : tensor<4xf32>
  return %n : tensor<4xf32>
}

//--- recursive.mlir
func.func @recursive(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: recursive.mlir:[[@LINE+1]]:8: error: cannot be part of an entry: 'recursive' could not be inlined; it has no body, calls itself or is marked no_inline
  %y = call @recursive(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

//--- external.mlir
func.func private @elsewhere(tensor<4xf32>) -> tensor<4xf32>
func.func @external(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: external.mlir:[[@LINE+1]]:8: error: cannot be part of an entry: 'elsewhere' could not be inlined
  %y = call @elsewhere(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

//--- data.mlir
// CHECK: data.mlir:[[@LINE+1]]:1: error: cannot be an entry: dimension 0 of result 'rows' has no size expression over the arguments' extents
func.func @data(%x: tensor<?x4xf32>, %n: tensor<i32>) -> (tensor<?x4xf32> {routed.name = "rows"}) {
  %i = tensor.extract %n[] : tensor<i32>
  %e = arith.index_cast %i : i32 to index
  // CHECK: data.mlir:[[@LINE+1]]:8: note: the result is made here
  %r = tensor.extract_slice %x[0, 0] [%e, 4] [1, 1] : tensor<?x4xf32> to tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}

//--- least.mlir
// The language of sizes has no sign, and 2^63 is no number of it.
// CHECK: least.mlir:[[@LINE+1]]:1: error: cannot be an entry: dimension 0 of result 'result0' has no size expression over the arguments' extents
func.func @least(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %least = arith.constant -9223372036854775808 : index
  %zero = arith.constant 0.0 : f32
  %S = tensor.dim %x, %c0 : tensor<?xf32>
  %e = arith.addi %S, %least : index
  %empty = tensor.empty(%e) : tensor<?xf32>
  %y = linalg.fill ins(%zero : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

//--- long.mlir
// Written out, the extent would have 2^40 factors.
// CHECK: long.mlir:[[@LINE+1]]:1: error: cannot be an entry: dimension 0 of result 'result0' has no size expression over the arguments' extents
func.func @long(%x: tensor<?x4xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %e0 = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e1 = arith.muli %e0, %e0 : index
  %e2 = arith.muli %e1, %e1 : index
  %e3 = arith.muli %e2, %e2 : index
  %e4 = arith.muli %e3, %e3 : index
  %e5 = arith.muli %e4, %e4 : index
  %e6 = arith.muli %e5, %e5 : index
  %e7 = arith.muli %e6, %e6 : index
  %e8 = arith.muli %e7, %e7 : index
  %e9 = arith.muli %e8, %e8 : index
  %e10 = arith.muli %e9, %e9 : index
  %e11 = arith.muli %e10, %e10 : index
  %e12 = arith.muli %e11, %e11 : index
  %e13 = arith.muli %e12, %e12 : index
  %e14 = arith.muli %e13, %e13 : index
  %e15 = arith.muli %e14, %e14 : index
  %e16 = arith.muli %e15, %e15 : index
  %e17 = arith.muli %e16, %e16 : index
  %e18 = arith.muli %e17, %e17 : index
  %e19 = arith.muli %e18, %e18 : index
  %e20 = arith.muli %e19, %e19 : index
  %e21 = arith.muli %e20, %e20 : index
  %e22 = arith.muli %e21, %e21 : index
  %e23 = arith.muli %e22, %e22 : index
  %e24 = arith.muli %e23, %e23 : index
  %e25 = arith.muli %e24, %e24 : index
  %e26 = arith.muli %e25, %e25 : index
  %e27 = arith.muli %e26, %e26 : index
  %e28 = arith.muli %e27, %e27 : index
  %e29 = arith.muli %e28, %e28 : index
  %e30 = arith.muli %e29, %e29 : index
  %e31 = arith.muli %e30, %e30 : index
  %e32 = arith.muli %e31, %e31 : index
  %e33 = arith.muli %e32, %e32 : index
  %e34 = arith.muli %e33, %e33 : index
  %e35 = arith.muli %e34, %e34 : index
  %e36 = arith.muli %e35, %e35 : index
  %e37 = arith.muli %e36, %e36 : index
  %e38 = arith.muli %e37, %e37 : index
  %e39 = arith.muli %e38, %e38 : index
  %e40 = arith.muli %e39, %e39 : index
  %e = tensor.empty(%e40) : tensor<?xf32>
  %r = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}

//--- contradiction.mlir
// CHECK: contradiction.mlir:[[@LINE+1]]:1: error: dimension 0 of result 'result0' is declared 'P+2*S', but the function computes 'P+S'
func.func @contradiction(%x: tensor<?x4xf32> {routed.dims = ["P"]}, %y: tensor<?x4xf32> {routed.dims = ["S"]})
    -> (tensor<?x4xf32> {routed.dims = ["P+2*S"]}) {
  // CHECK: contradiction.mlir:[[@LINE+1]]:8: note: the result is made here
  %r = tensor.concat dim(0) %x, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}

//--- names.mlir
// CHECK: names.mlir:[[@LINE+1]]:1: error: cannot be an entry: 'result0' names two of its dims, arguments and results
func.func @names(%x: tensor<4xf32> {routed.name = "result0"}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

//--- dim-name.mlir
// CHECK: dim-name.mlir:[[@LINE+1]]:1: error: cannot be an entry: 'S' names two of its dims, arguments and results
func.func @dim_name(%x: tensor<?xf32> {routed.name = "S", routed.dims = ["S"]}) {
  return
}

//--- reserved.mlir
// CHECK: reserved.mlir:[[@LINE+1]]:1: error: cannot be an entry: 'workspace' cannot be the name of a tensor
func.func @reserved(%x: tensor<4xf32> {routed.name = "workspace"}) {
  return
}

//--- nothing.mlir
// CHECK: nothing.mlir:0:0: error: the module has no public function to compile
func.func private @helper(%x: tensor<4xf32>) {
  return
}

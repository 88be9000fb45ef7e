// RUN: headgate-compile %s -o %t.hgb
// RUN: FileCheck %s < %t.hgb/plan.json

// What each op demands of dynamic extents becomes a condition of the entry,
// unless equal names say it already.

// Declared conditions come first; agreements that the names give are not
// repeated.
// CHECK:       "name": "declared",
// CHECK:       "requires": [{"that": "S <= 4*B", "else": "too many tokens"}],
// CHECK-NEXT:  "inputs"
func.func @declared(%x: tensor<?x?xf32> {routed.dims = ["B", "S"]}, %y: tensor<?x?xf32> {routed.dims = ["B", "S"]})
    -> tensor<?x?xf32> attributes {routed.requires = [["S <= 4*B", "too many tokens"]]} {
  %z = arith.addf %x, %y : tensor<?x?xf32>
  return %z : tensor<?x?xf32>
}

// The text names op and line, and one condition is written once.
// CHECK:       "name": "elementwise",
// CHECK:       "that": "d0 == d1", "else": "'arith.addf' at line [[@LINE+3]] needs d0 == d1"}],
// CHECK-NEXT:  "inputs"
func.func @elementwise(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %z = arith.addf %x, %y : tensor<?xf32>
  %w = arith.mulf %z, %y : tensor<?xf32>
  return %w : tensor<?xf32>
}

// A slice whose bounds are static needs nothing of a call.
// CHECK:       "name": "half",
// CHECK-NOT:   "requires"
// CHECK:       "inputs"
func.func @half(%x: tensor<?x6xf32>) -> tensor<?x3xf32> {
  %c0 = arith.constant 0 : index
  %L = tensor.dim %x, %c0 : tensor<?x6xf32>
  %y = tensor.extract_slice %x[0, 2] [%L, 3] [1, 1] : tensor<?x6xf32> to tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// CHECK:       "name": "upstream",
// CHECK:       "requires": [
// CHECK-NEXT:    {"that": "I == J", "else": "'linalg.matmul' at line {{[0-9]+}} needs I == J"},
// CHECK-NEXT:    {"that": "N == K", "else": "'tensor.concat' at line {{[0-9]+}} needs N == K"},
// CHECK-NEXT:    {"that": "4 <= I", "else": "'tensor.extract_slice' at line {{[0-9]+}} needs 4 <= I"},
// CHECK-NEXT:    {"that": "K == 5", "else": "'tensor.cast' at line {{[0-9]+}} needs K == 5"},
// CHECK-NEXT:    {"that": "J/3*3 == J", "else": "'tensor.expand_shape' at line {{[0-9]+}} needs J/3*3 == J"}],
func.func @upstream(%a: tensor<?x?xf32> {routed.dims = ["M", "I"]}, %b: tensor<?x?xf32> {routed.dims = ["J", "N"]},
    %c: tensor<?x?xf32> {routed.dims = ["L", "K"]})
    -> (tensor<?x?xf32>, tensor<?x4xf32>, tensor<?x5xf32>, tensor<?x3x?xf32>) {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %M = tensor.dim %a, %c0 : tensor<?x?xf32>
  %N = tensor.dim %b, %c1 : tensor<?x?xf32>
  %e = tensor.empty(%M, %N) : tensor<?x?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %p = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%f : tensor<?x?xf32>) -> tensor<?x?xf32>
  %y = tensor.concat dim(0) %p, %c : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %s = tensor.extract_slice %a[0, 0] [%M, 4] [1, 1] : tensor<?x?xf32> to tensor<?x4xf32>
  %t = tensor.cast %c : tensor<?x?xf32> to tensor<?x5xf32>
  %J = tensor.dim %b, %c0 : tensor<?x?xf32>
  %third = arith.divui %J, %c3 : index
  %r = tensor.expand_shape %b [[0, 1], [2]] output_shape [%third, 3, %N] : tensor<?x?xf32> into tensor<?x3x?xf32>
  return %y, %s, %t, %r : tensor<?x?xf32>, tensor<?x4xf32>, tensor<?x5xf32>, tensor<?x3x?xf32>
}

// An offset or size that a subtraction makes negative is before the tensor.
// CHECK:       "name": "last_rows",
// CHECK:         {"that": "0 <= T-S", "else": "'tensor.extract_slice' at line {{[0-9]+}} needs 0 <= T-S"}],
func.func @last_rows(%x: tensor<?xf32> {routed.dims = ["T"]}, %y: tensor<?xf32> {routed.dims = ["S"]}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?xf32>
  %S = tensor.dim %y, %c0 : tensor<?xf32>
  %first = arith.subi %T, %S : index
  %z = tensor.extract_slice %x[%first] [%S] [1] : tensor<?xf32> to tensor<?xf32>
  return %z : tensor<?xf32>
}

// CHECK:       "name": "all_but",
// CHECK:       "requires": [
// CHECK-NEXT:    {"that": "0 <= T-S", "else": "'tensor.extract_slice' at line {{[0-9]+}} needs 0 <= T-S"},
// CHECK-NEXT:    {"that": "T-S <= T", "else": "'tensor.extract_slice' at line {{[0-9]+}} needs T-S <= T"}],
func.func @all_but(%x: tensor<?xf32> {routed.dims = ["T"]}, %y: tensor<?xf32> {routed.dims = ["S"]}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?xf32>
  %S = tensor.dim %y, %c0 : tensor<?xf32>
  %rest = arith.subi %T, %S : index
  %z = tensor.extract_slice %x[0] [%rest] [1] : tensor<?xf32> to tensor<?xf32>
  %w = tensor.concat dim(0) %z, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %w : tensor<?xf32>
}

// With a stride the last row is further away than their number.
// CHECK:       "name": "every_third",
// CHECK:         "that": "S*3 <= T+2"
func.func @every_third(%x: tensor<?xf32> {routed.dims = ["T"]}, %y: tensor<?xf32> {routed.dims = ["S"]}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %S = tensor.dim %y, %c0 : tensor<?xf32>
  %z = tensor.extract_slice %x[0] [%S] [3] : tensor<?xf32> to tensor<?xf32>
  return %z : tensor<?xf32>
}

// CHECK:       "name": "padded",
// CHECK:         {"that": "0 <= S-1", "else": "'tensor.pad' at line {{[0-9]+}} needs 0 <= S-1"}],
func.func @padded(%x: tensor<?xf32> {routed.dims = ["S"]}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %S = tensor.dim %x, %c0 : tensor<?xf32>
  %less = arith.subi %S, %c1 : index
  %y = tensor.pad %x low[%less] high[%S] {
  ^bb0(%i: index):
    tensor.yield %zero : f32
  } : tensor<?xf32> to tensor<?xf32>
  return %y : tensor<?xf32>
}

// CHECK:       "name": "reshaped",
// CHECK:         "that": "S == T*4"
func.func @reshaped(%x: tensor<?xf32> {routed.dims = ["S"]}, %y: tensor<?xf32> {routed.dims = ["T"]}) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %T = tensor.dim %y, %c0 : tensor<?xf32>
  %shape = tensor.from_elements %T, %c4 : tensor<2xindex>
  %z = tensor.reshape %x(%shape) : (tensor<?xf32>, tensor<2xindex>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// The index of a convolution is a sum of loops.
// CHECK:       "name": "convolved",
// CHECK:         {"that": "O+W-1 <= I", "else": "'linalg.conv_1d' at line {{[0-9]+}} needs O+W-1 <= I"}],
func.func @convolved(%x: tensor<?xf32> {routed.dims = ["I"]}, %w: tensor<?xf32> {routed.dims = ["W"]},
    %init: tensor<?xf32> {routed.dims = ["O"]}) -> tensor<?xf32> {
  %y = linalg.conv_1d ins(%x, %w : tensor<?xf32>, tensor<?xf32>) outs(%init : tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// An element that is always read must be there; one that is not, need not.
// CHECK:       "name": "third",
// CHECK:       "requires": [{"that": "3 <= S", "else": "'tensor.extract' at line {{[0-9]+}} needs 3 <= S"}],
func.func @third(%x: tensor<?xf32> {routed.dims = ["S"]}, %n: tensor<i1>) -> tensor<f32> {
  %c2 = arith.constant 2 : index
  %c7 = arith.constant 7 : index
  %a = tensor.extract %x[%c2] : tensor<?xf32>
  %more = tensor.extract %n[] : tensor<i1>
  %b = scf.if %more -> f32 {
    %eighth = tensor.extract %x[%c7] : tensor<?xf32>
    scf.yield %eighth : f32
  } else {
    scf.yield %a : f32
  }
  %y = tensor.from_elements %b : tensor<f32>
  return %y : tensor<f32>
}

// CHECK:       "name": "routed_rows",
// CHECK:       "requires": [
// CHECK-DAG:     "that": "A == B"
// CHECK-DAG:     "else": "'routed.gather' at line {{[0-9]+}} needs A == B"
// CHECK-DAG:     "that": "P == Q"
// CHECK-DAG:     "that": "S <= P"
// CHECK:       "inputs"
func.func @routed_rows(%x: tensor<?x?x2x3x4xf32> {routed.dims = ["A", "S"]}, %e: tensor<?x?x2x1xi32> {routed.dims = ["B", "S"]},
    %cos: tensor<?x2xf32> {routed.dims = ["P"]}, %sin: tensor<?x2xf32> {routed.dims = ["Q"]})
    -> tensor<?x?x2x1x4xf32> {
  %r = routed.rope %x, %cos, %sin : tensor<?x?x2x3x4xf32>, tensor<?x2xf32>
  %g = routed.gather %r[%e] : tensor<?x?x2x3x4xf32>, tensor<?x?x2x1xi32>
  return %g : tensor<?x?x2x1x4xf32>
}

// A position of -1 reads row 0.
// CHECK:       "name": "positions",
// CHECK:         {"that": "1 <= P", "else": "'routed.rope' at line {{[0-9]+}} needs 1 <= P"}],
func.func @positions(%x: tensor<?x?x4xf32> {routed.dims = ["B", "S"]}, %cos: tensor<?x2xf32> {routed.dims = ["P"]},
    %sin: tensor<?x2xf32> {routed.dims = ["P"]}, %at: tensor<?x?xi32> {routed.dims = ["B", "S"]}) -> tensor<?x?x4xf32> {
  %r = routed.rope %x, %cos, %sin positions(%at : tensor<?x?xi32>) : tensor<?x?x4xf32>, tensor<?x2xf32>
  return %r : tensor<?x?x4xf32>
}

// CHECK:       "name": "attend",
// CHECK:       "requires": [
// CHECK-DAG:     "that": "d0 == d2"
// CHECK-DAG:     "that": "d2 == d4"
// CHECK-DAG:     "that": "d3 == d5"
// CHECK-DAG:     "that": "d0 == d6"
// CHECK-DAG:     "that": "d1 == d7"
// CHECK-DAG:     "that": "d3 == d8"
// CHECK:       "inputs"
func.func @attend(%q: tensor<?x?x2x4xf32>, %k: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x4xf32>, %len: tensor<?xi32>,
    %mask: tensor<1x?x?xi1>) -> tensor<?x?x2x4xf32> {
  %o, %lse = routed.attend %q, %k, %v kv_len(%len : tensor<?xi32>) mask(%mask : tensor<1x?x?xi1>)
      : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return %o : tensor<?x?x2x4xf32>
}

// Also in a loop, between tensors from outside of it.
// CHECK:       "name": "in_a_loop",
// CHECK:         {"that": "d0 == d2", "else": "'routed.gather' at line {{[0-9]+}} needs d0 == d2"},
func.func @in_a_loop(%x: tensor<?x?x2x3xf32>, %e: tensor<?x?x2x1xi32>, %n: tensor<i32>, %init: tensor<f32>) -> tensor<f32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %i = tensor.extract %n[] : tensor<i32>
  %end = arith.index_cast %i : i32 to index
  %r = scf.for %s = %c0 to %end step %c1 iter_args(%sofar = %init) -> tensor<f32> {
    %g = routed.gather %x[%e] : tensor<?x?x2x3xf32>, tensor<?x?x2x1xi32>
    %y = tensor.extract %g[%c0, %c0, %c0, %c0] : tensor<?x?x2x1xf32>
    %next = tensor.from_elements %y : tensor<f32>
    scf.yield %next : tensor<f32>
  }
  return %r : tensor<f32>
}

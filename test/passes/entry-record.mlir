// RUN: headgate-compile %s -o %t.hgb
// RUN: FileCheck %s < %t.hgb/plan.json

// What the plan says about each public function. (The compiler's part alone; a
// call that breaks a requirement is refused by the runtime.)
// CHECK: "entries": [

// Without attributes: arg0, result0, and d0, d1, ... for dynamic extents, those
// left out that another argument declares.
// CHECK:       "name": "unnamed",
// CHECK-NEXT:  "dims": {"d0": [0, 2147483647], "d2": [0, 2147483647], "d1": [0, 2147483647]},
// CHECK-NEXT:  "inputs": [
// CHECK-NEXT:    {"name": "arg0", "dtype": "f16", "shape": ["d0", 3, "d2"]},
// CHECK-NEXT:    {"name": "arg1", "dtype": "i1", "shape": ["d1"]}],
// CHECK-NEXT:  "outputs": [
// CHECK-NEXT:    {"name": "result0", "dtype": "i1", "shape": ["d1"]},
// CHECK-NEXT:    {"name": "result1", "dtype": "f16", "shape": ["d0", 3, "d2"]}],
func.func @unnamed(%x: tensor<?x3x?xf16>, %y: tensor<?xi1> {routed.dims = ["d1"]})
    -> (tensor<?xi1>, tensor<?x3x?xf16>) {
  return %y, %x : tensor<?xi1>, tensor<?x3x?xf16>
}

// All element types, and no inputs at all.
// CHECK:       "name": "types",
// CHECK-NEXT:  "inputs": [],
// CHECK-NEXT:  "outputs": [
// CHECK-NEXT:    {"name": "a", "dtype": "f64", "shape": []},
// CHECK-NEXT:    {"name": "b", "dtype": "bf16", "shape": [2]},
// CHECK-NEXT:    {"name": "c", "dtype": "i8", "shape": [2]},
// CHECK-NEXT:    {"name": "d", "dtype": "i16", "shape": [2]},
// CHECK-NEXT:    {"name": "e", "dtype": "i64", "shape": [2]}],
func.func @types() -> (tensor<f64> {routed.name = "a"}, tensor<2xbf16> {routed.name = "b"},
    tensor<2xi8> {routed.name = "c"}, tensor<2xi16> {routed.name = "d"}, tensor<2xi64> {routed.name = "e"}) {
  %a = arith.constant dense<1.0> : tensor<f64>
  %b = arith.constant dense<1.0> : tensor<2xbf16>
  %c = arith.constant dense<1> : tensor<2xi8>
  %d = arith.constant dense<1> : tensor<2xi16>
  %e = arith.constant dense<1> : tensor<2xi64>
  return %a, %b, %c, %d, %e : tensor<f64>, tensor<2xbf16>, tensor<2xi8>, tensor<2xi16>, tensor<2xi64>
}

// CHECK:       "name": "unsigned",
// CHECK-NEXT:  "inputs": [{"name": "arg0", "dtype": "u8", "shape": [2]}],
func.func @unsigned(%x: tensor<2xui8>) -> tensor<2xui8> {
  return %x : tensor<2xui8>
}

// Result extents are derived, through arith and affine alike, and a declared
// one may be written otherwise.
// CHECK:       "name": "sizes",
// CHECK-NEXT:  "dims": {"P": [0, 2147483647], "S": [0, 2147483647]},
// CHECK:       "outputs": [
// CHECK-NEXT:    {"name": "cache", "dtype": "f32", "shape": ["P+S", 2]},
// CHECK-NEXT:    {"name": "product", "dtype": "f32", "shape": ["P*S", "(P+S)*3", "P-S+4"]},
// CHECK-NEXT:    {"name": "quotient", "dtype": "f32", "shape": ["P/4", "cdiv(P,S)", "P%3"]},
// CHECK-NEXT:    {"name": "bounds", "dtype": "f32", "shape": ["min(P,S)", "max(P,7)", "P-2"]},
// CHECK-NEXT:    {"name": "affine", "dtype": "f32", "shape": ["S+P/2", "min(P,cdiv(S,3))"]}],
func.func @sizes(%past: tensor<?x2xf32> {routed.name = "past", routed.dims = ["P"]},
    %new: tensor<?x2xf32> {routed.name = "new", routed.dims = ["S"]})
    -> (tensor<?x2xf32> {routed.name = "cache", routed.dims = ["P+S"]},
        tensor<?x?x?xf32> {routed.name = "product"}, tensor<?x?x?xf32> {routed.name = "quotient"},
        tensor<?x?x?xf32> {routed.name = "bounds"}, tensor<?x?xf32> {routed.name = "affine"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c7 = arith.constant 7 : index
  %zero = arith.constant 0.0 : f32
  %P = tensor.dim %past, %c0 : tensor<?x2xf32>
  %S = tensor.dim %new, %c0 : tensor<?x2xf32>
  %cache = tensor.concat dim(0) %past, %new : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %ps = arith.muli %P, %S : index
  %sum = arith.addi %P, %S : index
  %sum3 = arith.muli %sum, %c3 : index
  %less = arith.subi %P, %S : index
  %less4 = arith.addi %less, %c4 : index
  %e0 = tensor.empty(%ps, %sum3, %less4) : tensor<?x?x?xf32>
  %product = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %quarter = arith.divui %P, %c4 : index
  %tiles = arith.ceildivui %P, %S : index
  %rest = arith.remui %P, %c3 : index
  %e1 = tensor.empty(%quarter, %tiles, %rest) : tensor<?x?x?xf32>
  %quotient = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %least = arith.minui %P, %S : index
  %most = arith.maxsi %P, %c7 : index
  %two = arith.subi %P, %c2 : index
  %e2 = tensor.empty(%least, %most, %two) : tensor<?x?x?xf32>
  %bounds = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %half = affine.apply affine_map<(p)[s] -> (p floordiv 2 + s)>(%P)[%S]
  %some = affine.min affine_map<(p, s) -> (p, s ceildiv 3)>(%P, %S)
  %e3 = tensor.empty(%half, %some) : tensor<?x?xf32>
  %affine = linalg.fill ins(%zero : f32) outs(%e3 : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %cache, %product, %quotient, %bounds, %affine
      : tensor<?x2xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>
}

// Extents go through elementwise arith, and through a loop that builds its
// result slice by slice.
// CHECK:       "name": "through",
// CHECK:       "outputs": [
// CHECK-NEXT:    {"name": "result0", "dtype": "f32", "shape": ["S", 4]},
// CHECK-NEXT:    {"name": "result1", "dtype": "f32", "shape": ["S", 4]}],
func.func @through(%x: tensor<?x4xf32> {routed.dims = ["S"]}) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %S = tensor.dim %x, %c0 : tensor<?x4xf32>
  %y = arith.addf %x, %x : tensor<?x4xf32>
  %e = tensor.empty(%S) : tensor<?x4xf32>
  %r = scf.for %s = %c0 to %S step %c1 iter_args(%sofar = %e) -> tensor<?x4xf32> {
    %row = tensor.extract_slice %y[%s, 0] [1, 4] [1, 1] : tensor<?x4xf32> to tensor<4xf32>
    %next = tensor.insert_slice %row into %sofar[%s, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<?x4xf32>
    scf.yield %next : tensor<?x4xf32>
  }
  return %y, %r : tensor<?x4xf32>, tensor<?x4xf32>
}

// Only public functions are entries.
// CHECK-NOT:   "name": "helper"
func.func private @helper(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// RUN: headgate-opt %s --verify-roundtrip | FileCheck %s
// RUN: headgate-opt %s --mlir-print-op-generic | headgate-opt --verify-roundtrip | FileCheck %s

// A dim of one argument is the same in another, before or behind it; static
// extents have no entry.
// CHECK-LABEL: func private @call
//  CHECK-SAME:   routed.dims = ["B", "P+S"], routed.name = "mask"
//  CHECK-SAME:   routed.dims = ["B", "P"], routed.name = "past_k"
//  CHECK-SAME:   routed.dims = ["B", "S"], routed.name = "k.new"
//  CHECK-SAME:   routed.dims = [], routed.name = "_w"
//  CHECK-SAME:   -> (tensor<?x?x8xf32> {routed.dims = ["B", "P+S"], routed.name = "all"}
//  CHECK-SAME:   tensor<?xf32> {routed.dims = ["cdiv(2*S,64)"]})
//  CHECK-SAME:   routed.requires = {{\[\[}}"S <= P + 1", "too many new rows"], ["B != 0", ""]]
func.func private @call(
    tensor<?x?xi1> {routed.name = "mask", routed.dims = ["B", "P+S"]},
    tensor<?x?x8xf32> {routed.name = "past_k", routed.dims = ["B", "P"]},
    tensor<?x3x?x8xf32> {routed.name = "k.new", routed.dims = ["B", "S"]},
    tensor<3x8xf32> {routed.name = "_w", routed.dims = []})
    -> (tensor<?x?x8xf32> {routed.name = "all", routed.dims = ["B", "P+S"]},
        tensor<?xf32> {routed.dims = ["cdiv(2*S,64)"]})
    attributes {routed.requires = [["S <= P + 1", "too many new rows"], ["B != 0", ""]]}

// They outlive the tensors: a lowered function has buffers, then pointers.
// CHECK-LABEL: func private @buffers
func.func private @buffers(memref<?x8xf32> {routed.name = "x", routed.dims = ["B"]})
// CHECK-LABEL: llvm.func @pointers
llvm.func @pointers(!llvm.ptr {routed.name = "x", routed.dims = ["B"]})

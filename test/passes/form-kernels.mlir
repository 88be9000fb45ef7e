// RUN: headgate-opt %s --headgate-form-kernels --split-input-file | FileCheck %s
// RUN: headgate-opt %s --headgate-form-kernels=whole --split-input-file | FileCheck %s --check-prefix=WHOLE

// One attention with the gather of its query inside; lse has no reader and is
// no result. The heads of a token, seen as a row, are the output's memory.
// CHECK-LABEL: func @attention(
//  CHECK-SAME:   %[[Q:.+]]: memref<?x?x2x3x8xf32> {headgate.dims = ["B", "S", 2, 3, 8], headgate.name = "q"},
//  CHECK-SAME:   %[[E:.+]]: memref<?x?x2x1xi32>
//  CHECK-SAME:   %[[K:.+]]: memref<?x?x2x8xf32> {headgate.dims = ["B", "T", 2, 8], headgate.name = "k"}
//  CHECK-SAME:   %[[Y:.+]]: memref<?x?x16xf32> {headgate.dims = ["B", "S", 16], headgate.name = "y", headgate.output})
//  CHECK-NEXT:   call @attention_attend_0(%[[Q]], %[[E]], %[[K]], %[[Y]])
//  CHECK-NEXT:   return
// CHECK-LABEL: func private @attention_attend_0(
//  CHECK-SAME:   %[[Q:.+]]: memref<?x?x2x3x8xf32> {headgate.dims = ["B", "S", 2, 3, 8]},
//  CHECK-SAME:   %[[Y:[^ ]+]]: memref<?x?x16xf32> {headgate.dims = ["B", "S", 16], headgate.output})
//  CHECK-SAME:   headgate.kernel = "attend", headgate.tokens = ["B", "S"]
//       CHECK:   %[[X:.+]] = bufferization.to_tensor %[[Q]] restrict
//       CHECK:   %[[G:.+]] = routed.gather %[[X]]
//       CHECK:   %[[O:.+]], %{{.+}} = routed.attend %[[G]]
//       CHECK:   %[[W:.+]] = memref.expand_shape %[[Y]] {{\[\[}}0], [1], [2, 3, 4]]
//       CHECK:   bufferization.materialize_in_destination %[[O]] in restrict writable %[[W]]
//   CHECK-NOT:   materialize
// WHOLE-LABEL: func @attention(
//       WHOLE:   call @attention_function_0(
// WHOLE-LABEL: func private @attention_function_0(
//  WHOLE-SAME:   headgate.kernel = "function"
//   WHOLE-NOT:   headgate.tokens
func.func @attention(%q: tensor<?x?x2x3x8xf32> {routed.name = "q", routed.dims = ["B", "S"]},
                     %e: tensor<?x?x2x1xi32> {routed.name = "e", routed.dims = ["B", "S"]},
                     %k: tensor<?x?x2x8xf32> {routed.name = "k", routed.dims = ["B", "T"]})
    -> (tensor<?x?x16xf32> {routed.name = "y"}) {
  %g = routed.gather %q[%e] : tensor<?x?x2x3x8xf32>, tensor<?x?x2x1xi32>
  %o, %lse = routed.attend %g, %k, %k causal
      : tensor<?x?x2x1x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  %y = tensor.collapse_shape %o [[0], [1], [2, 3, 4]] : tensor<?x?x2x1x8xf32> into tensor<?x?x16xf32>
  return %y : tensor<?x?x16xf32>
}

// -----

// A gather that somebody else reads is computed once, before.
// CHECK-LABEL: func @gather_with_two_readers(
//       CHECK:   call @gather_with_two_readers_rows_0(
//       CHECK:   call @gather_with_two_readers_attend_0(
// CHECK-LABEL: func private @gather_with_two_readers_attend_0(
//   CHECK-NOT:   routed.gather
func.func @gather_with_two_readers(%q: tensor<?x?x2x3x8xf32>, %e: tensor<?x?x2x1xi32>,
                                   %k: tensor<?x?x2x8xf32>)
    -> (tensor<?x?x2x1x8xf32>, tensor<?x?x2x1x8xf32>) {
  %g = routed.gather %q[%e] : tensor<?x?x2x3x8xf32>, tensor<?x?x2x1xi32>
  %o, %lse = routed.attend %g, %k, %k causal
      : tensor<?x?x2x1x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  return %g, %o : tensor<?x?x2x1x8xf32>, tensor<?x?x2x1x8xf32>
}

// -----

// The parts of a concat are written where they belong. What is read again is
// read from there: the sum takes slots from its own output.
// CHECK-LABEL: func @concat(
//  CHECK-SAME:   %[[W:[^ ]+]]: memref<?x?x2xf32>
//  CHECK-SAME:   %[[CAT:[^ ]+]]: memref<?x?x24xf32> {{{.*}}headgate.output})
//       CHECK:   call @concat_attend_0(%{{.+}}, %[[CAT]])
//       CHECK:   call @concat_rows_0(%[[W]], %[[CAT]])
//   CHECK-NOT:   call
// CHECK-LABEL: func private @concat_attend_0(
//       CHECK:   memref.subview %{{.+}}[0, 0, 0] [%{{.+}}, %{{.+}}, 16] [1, 1, 1]
// CHECK-LABEL: func private @concat_rows_0(
//  CHECK-SAME:   %[[W:.+]]: memref<?x?x2xf32> {{{.+}}}, %[[CAT:.+]]: memref<?x?x24xf32> {{.+}})
//       CHECK:   %[[SLOTS:.+]] = memref.subview %[[CAT]][0, 0, 0] [%{{.+}}, %{{.+}}, 16]
//       CHECK:   %[[HEADS:.+]] = memref.expand_shape %[[SLOTS]]
//       CHECK:   bufferization.to_tensor %[[HEADS]]
//       CHECK:   routed.combine sum
//       CHECK:   %[[PART:.+]] = memref.subview %[[CAT]][0, 0, 16] [%{{.+}}, %{{.+}}, 8]
//       CHECK:   materialize_in_destination %{{.+}} in restrict writable %[[PART]]
// WHOLE-LABEL: func private @concat_function_0(
//       WHOLE:   tensor.concat
func.func @concat(%q: tensor<?x?x2x8xf32>, %k: tensor<?x?x1x8xf32>, %w: tensor<?x?x2xf32>)
    -> tensor<?x?x24xf32> {
  %o, %lse = routed.attend %q, %k, %k
      : tensor<?x?x2x8xf32>, tensor<?x?x1x8xf32>, tensor<?x?x1x8xf32>
  %slots = tensor.collapse_shape %o [[0], [1], [2, 3]] : tensor<?x?x2x8xf32> into tensor<?x?x16xf32>
  %sum = routed.combine sum %o weights(%w : tensor<?x?x2xf32>) : tensor<?x?x2x8xf32>
  %cat = tensor.concat dim(2) %slots, %sum
      : (tensor<?x?x16xf32>, tensor<?x?x8xf32>) -> tensor<?x?x24xf32>
  return %cat : tensor<?x?x24xf32>
}

// -----

// A part that has no kernel of its own is copied; where a part begins may be an
// extent.
// CHECK-LABEL: func @past(
//  CHECK-SAME:   memref<?x?x2x4xf32> {headgate.dims = ["B", "P+S", 2, 4], headgate.output})
//       CHECK:   call @past_rows_0(
//       CHECK:   call @past_rows_1(
// CHECK-LABEL: func private @past_rows_0(
//  CHECK-SAME:   memref<?x?x2x4xf32> {headgate.dims = ["B", "n0", 2, 4], headgate.output},
//  CHECK-SAME:   %[[P:[^ ]+]]: index {headgate.name = "P"})
//  CHECK-SAME:   headgate.tokens = ["B", "S"]
//       CHECK:   memref.subview %{{.+}}[0, %[[P]], 0, 0]
// CHECK-LABEL: func private @past_rows_1(
//  CHECK-SAME:   headgate.tokens = ["B", "P"]
//       CHECK:   linalg.copy
//       CHECK:   memref.subview %{{.+}}[0, 0, 0, 0]
func.func @past(%past: tensor<?x?x2x4xf32> {routed.dims = ["B", "P"]},
                %x: tensor<?x?x2x4xf32> {routed.dims = ["B", "S"]},
                %cos: tensor<?x2xf32> {routed.dims = ["S"]},
                %sin: tensor<?x2xf32> {routed.dims = ["S"]}) -> tensor<?x?x2x4xf32> {
  %k = routed.rope %x, %cos, %sin : tensor<?x?x2x4xf32>, tensor<?x2xf32>
  %cat = tensor.concat dim(1) %past, %k
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>) -> tensor<?x?x2x4xf32>
  return %cat : tensor<?x?x2x4xf32>
}

// -----

// Projections take their bias and their rounding. Equal kernels are one.
// CHECK-LABEL: func @projections(
//       CHECK:   call @projections_gemm_0(%{{.+}}, %{{.+}}, %{{.+}}, %[[Y:.+]])
//       CHECK:   call @projections_gemm_0(%{{.+}}, %{{.+}}, %{{.+}}, %[[Z:.+]])
// CHECK-LABEL: func private @projections_gemm_0(
//  CHECK-SAME:   headgate.kernel = "gemm"
//       CHECK:   linalg.broadcast
//       CHECK:   linalg.contract
//       CHECK:   arith.truncf
//   CHECK-NOT: @projections_gemm_1
#x = affine_map<(b, s, e, d) -> (b, s, d)>
#w = affine_map<(b, s, e, d) -> (e, d)>
#y = affine_map<(b, s, e, d) -> (b, s, e)>
func.func @projections(%x: tensor<?x?x4xbf16>, %w: tensor<6x4xbf16>, %v: tensor<6x4xbf16>,
                       %bias: tensor<6xf32>) -> (tensor<?x?x6xbf16>, tensor<?x?x6xbf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = tensor.dim %x, %c0 : tensor<?x?x4xbf16>
  %S = tensor.dim %x, %c1 : tensor<?x?x4xbf16>
  %e = tensor.empty(%B, %S) : tensor<?x?x6xf32>
  %z = linalg.broadcast ins(%bias : tensor<6xf32>) outs(%e : tensor<?x?x6xf32>) dimensions = [0, 1]
  %0 = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w : tensor<?x?x4xbf16>, tensor<6x4xbf16>) outs(%z : tensor<?x?x6xf32>) -> tensor<?x?x6xf32>
  %1 = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %v : tensor<?x?x4xbf16>, tensor<6x4xbf16>) outs(%z : tensor<?x?x6xf32>) -> tensor<?x?x6xf32>
  %2 = arith.truncf %0 : tensor<?x?x6xf32> to tensor<?x?x6xbf16>
  %3 = arith.truncf %1 : tensor<?x?x6xf32> to tensor<?x?x6xbf16>
  return %2, %3 : tensor<?x?x6xbf16>, tensor<?x?x6xbf16>
}

// -----

// Token-local ops over the same tokens are one kernel; over others they are
// not, and what needs all tokens is a kernel of one block.
// CHECK-LABEL: func @rows(
//       CHECK:   call @rows_rows_0(
//       CHECK:   call @rows_rows_1(
//       CHECK:   call @rows_function_0(
//   CHECK-NOT:   call
// CHECK-LABEL: func private @rows_rows_0(
//  CHECK-SAME:   headgate.tokens = ["B", "S"]
//       CHECK:   routed.select
//       CHECK:   routed.mean_heads
// CHECK-LABEL: func private @rows_rows_1(
//  CHECK-SAME:   headgate.tokens = ["B", "T"]
//       CHECK:   routed.mean_heads
// CHECK-LABEL: func private @rows_function_0(
//   CHECK-NOT:   headgate.tokens
//       CHECK:   routed.dispatch
func.func @rows(%l: tensor<?x?x2x3xf32> {routed.dims = ["B", "S"]},
                %x: tensor<?x?x2x4xf32> {routed.dims = ["B", "S"]},
                %k: tensor<?x?x2x4xf32> {routed.dims = ["B", "T"]})
    -> (tensor<?x?x2x2xi32>, tensor<?x?x1x4xf32>, tensor<?x?x1x4xf32>) {
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x2x3xf32>
  %m = routed.mean_heads %x : tensor<?x?x2x4xf32>
  %n = routed.mean_heads %k : tensor<?x?x2x4xf32>
  %r, %o, %rank = routed.dispatch %e of 3 : tensor<?x?x2x2xi32>
  return %rank, %m, %n : tensor<?x?x2x2xi32>, tensor<?x?x1x4xf32>, tensor<?x?x1x4xf32>
}

// -----

// Two kernels: the second needs other tokens of what the first computes.
// CHECK-LABEL: func @not_own_tokens(
//       CHECK:   call @not_own_tokens_rows_0(
//       CHECK:   call @not_own_tokens_rows_1(
// CHECK-LABEL: func private @not_own_tokens_rows_1(
//       CHECK:   routed.attend
func.func @not_own_tokens(%q: tensor<?x?x1x2x4xf32> {routed.dims = ["B", "S"]},
                          %e: tensor<?x?x1x2xi32> {routed.dims = ["B", "S"]},
                          %cos: tensor<?x2xf32> {routed.dims = ["S"]},
                          %sin: tensor<?x2xf32> {routed.dims = ["S"]})
    -> tensor<?x?x1x2x4xf32> {
  %k = routed.rope %q, %cos, %sin : tensor<?x?x1x2x4xf32>, tensor<?x2xf32>
  %o, %lse = routed.attend %q, %k, %k causal experts(%e of 3 : tensor<?x?x1x2xi32>)
      history(%e : tensor<?x?x1x2xi32>)
      : tensor<?x?x1x2x4xf32>, tensor<?x?x1x2x4xf32>, tensor<?x?x1x2x4xf32>
  return %o : tensor<?x?x1x2x4xf32>
}

// -----

// Names that an op needs to be equal are one name.
// CHECK-LABEL: func private @unnamed_rows_0(
//  CHECK-SAME:   memref<?x?x2x3x4xf32> {headgate.dims = ["d0", "d1", 2, 3, 4]}
//  CHECK-SAME:   memref<?x?x2x1xi32> {headgate.dims = ["d0", "d1", 2, 1]}
func.func @unnamed(%q: tensor<?x?x2x3x4xf32>, %e: tensor<?x?x2x1xi32>) -> tensor<?x?x2x1x4xf32> {
  %g = routed.gather %q[%e] : tensor<?x?x2x3x4xf32>, tensor<?x?x2x1xi32>
  return %g : tensor<?x?x2x1x4xf32>
}

// -----

// A cache that is only appended to may be the result's memory.
// CHECK-LABEL: func @append(
//  CHECK-SAME:   %{{.+}}: memref<?x?x2x4xf32> {headgate.alias = 1 : i64, headgate.dims = ["B", "T", 2, 4], headgate.output})
//       CHECK:   call @append_append_0(
// CHECK-LABEL: func private @append_append_0(
//  CHECK-SAME:   headgate.kernel = "append", headgate.tokens = ["B", "T"]
func.func @append(%x: tensor<?x?x2x4xf32> {routed.dims = ["B", "S"]},
                  %cache: tensor<?x?x2x4xf32> {routed.dims = ["B", "T"]},
                  %at: tensor<?xi32> {routed.dims = ["B"]}) -> tensor<?x?x2x4xf32> {
  %y = routed.append %x into %cache at %at
      : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?xi32>
  return %y : tensor<?x?x2x4xf32>
}

// -----

// One whose old rows somebody reads may not.
// CHECK-LABEL: func @append_to_read(
//   CHECK-NOT:   headgate.alias
//       CHECK:   return
func.func @append_to_read(%x: tensor<?x?x2x4xf32>, %cache: tensor<?x?x2x4xf32>, %at: tensor<?xi32>)
    -> (tensor<?x?x2x4xf32>, tensor<?x?x1x4xf32>) {
  %y = routed.append %x into %cache at %at
      : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?xi32>
  %m = routed.mean_heads %cache : tensor<?x?x2x4xf32>
  return %y, %m : tensor<?x?x2x4xf32>, tensor<?x?x1x4xf32>
}

// -----

// An argument that is returned, and a result that is returned twice, are copied:
// each output is memory of the caller's.
// CHECK-LABEL: func @copies(
//       CHECK:   call @copies_rows_0(%arg0, %arg{{[123]}}, %arg{{[123]}}, %arg{{[123]}})
// CHECK-LABEL: func private @copies_rows_0(
//       CHECK:   %[[X:.+]] = bufferization.to_tensor
//   CHECK-DAG:   %[[Y:.+]] = arith.negf %[[X]]
//   CHECK-DAG:   linalg.copy ins(%[[X]]
//       CHECK:   linalg.copy ins(%[[Y]]
func.func @copies(%x: tensor<?x?x4xf32>)
    -> (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>) {
  %y = arith.negf %x : tensor<?x?x4xf32>
  return %x, %y, %y : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>
}

// -----

// A slice is a window of what it is cut from; scalars are computed where they
// are used.
// CHECK-LABEL: func @slice(
//       CHECK:   call @slice_attend_0(
// CHECK-LABEL: func private @slice_attend_0(
//  CHECK-SAME:   %[[Q:.+]]: memref<?x?x5x8xf32>
//       CHECK:   %[[W:.+]] = memref.subview %[[Q]][0, 0, 2, 0] [%{{.+}}, %{{.+}}, 3, 8]
//       CHECK:   bufferization.to_tensor %[[W]]
func.func @slice(%q: tensor<?x?x5x8xf32>, %k: tensor<?x?x1x8xf32>) -> tensor<?x?x3x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = tensor.dim %q, %c0 : tensor<?x?x5x8xf32>
  %S = tensor.dim %q, %c1 : tensor<?x?x5x8xf32>
  %p = tensor.extract_slice %q[0, 0, 2, 0] [%B, %S, 3, 8] [1, 1, 1, 1]
      : tensor<?x?x5x8xf32> to tensor<?x?x3x8xf32>
  %o, %lse = routed.attend %p, %k, %k
      : tensor<?x?x3x8xf32>, tensor<?x?x1x8xf32>, tensor<?x?x1x8xf32>
  return %o : tensor<?x?x3x8xf32>
}

// -----

// An index that is a function of extents is an argument of the kernel.
// CHECK-LABEL: func private @scalar_function_0(
//  CHECK-SAME:   %[[C:[^ ]+]]: index {headgate.name = "n0"})
//       CHECK:   routed.select_tokens %{{.+}} top %[[C]]
func.func @scalar(%l: tensor<?x?x1x3xf32>) -> tensor<?x?x1x3xi32> {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %S = tensor.dim %l, %c1 : tensor<?x?x1x3xf32>
  %n = arith.divui %S, %c2 : index
  %e, %w, %p = routed.select_tokens %l top %n sigmoid : tensor<?x?x1x3xf32>
  return %e : tensor<?x?x1x3xi32>
}

// -----

// A size that depends on data has no place in a plan: one kernel allocates it.
// CHECK-LABEL: func @data_dependent(
//       CHECK:   call @data_dependent_function_0(
//   CHECK-NOT:   call
//       CHECK:   return
func.func @data_dependent(%n: tensor<i32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %i = tensor.extract %n[] : tensor<i32>
  %size = arith.index_cast %i : i32 to index
  %e = tensor.empty(%size) : tensor<?xf32>
  %ones = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %s = tensor.empty() : tensor<f32>
  %z = linalg.fill ins(%zero : f32) outs(%s : tensor<f32>) -> tensor<f32>
  %sum = linalg.reduce { arith.addf } ins(%ones : tensor<?xf32>) outs(%z : tensor<f32>) dimensions = [0]
  return %sum : tensor<f32>
}

// RUN: headgate-opt %s --headgate-slice-rows --split-input-file | FileCheck %s
// RUN: headgate-opt %s --headgate-slice-rows=tokens=4 --split-input-file | FileCheck %s --check-prefix=FOUR

// One token at a time: what was dynamic is static, tables are read at the
// token's position, weights are whole.
// CHECK-LABEL: func private @rows(
//  CHECK-SAME:   %[[X:.+]]: memref<?x?x2x4xf32> {{.+}}, %[[COS:.+]]: memref<?x2xf32> {{.+}}, %[[SIN:.+]]: memref<?x2xf32> {{.+}}, %[[Y:.+]]: memref<?x?x1x4xf32>
//  CHECK-SAME:   headgate.launch = {grid = ["cdiv(B*S,16)", "1", "1"], index = 0 : i64, kernel = "rows"}
//       CHECK:   %[[N:.+]] = arith.muli
//       CHECK:   %[[ID:.+]] = gpu.block_id x
//       CHECK:   %[[BEGIN:.+]] = arith.muli %[[ID]], %[[C16:.+]] :
//       CHECK:   %[[E:.+]] = arith.addi %[[BEGIN]], %[[C16]]
//       CHECK:   %[[END:.+]] = arith.minui %[[E]], %[[N]]
//       CHECK:   scf.for %[[T:.+]] = %[[BEGIN]] to %[[END]]
//       CHECK:     %[[B:.+]] = arith.divui %[[T]], %[[S:.+]] :
//       CHECK:     %[[P:.+]] = arith.remui %[[T]], %[[S]] :
//   CHECK-DAG:     memref.subview %[[X]][%[[B]], %[[P]], 0, 0] [1, 1, 2, 4]
//   CHECK-DAG:     memref.subview %[[COS]][%[[P]], 0] [1, 2]
//   CHECK-DAG:     memref.subview %[[SIN]][%[[P]], 0] [1, 2]
//       CHECK:     routed.rope %{{.+}} : tensor<1x1x2x4xf32>, tensor<1x2xf32>
//       CHECK:     %[[M:.+]] = routed.mean_heads %{{.+}} : tensor<1x1x2x4xf32>
//       CHECK:     %[[W:.+]] = memref.subview %[[Y]][%[[B]], %[[P]], 0, 0] [1, 1, 1, 4]
//       CHECK:     materialize_in_destination %[[M]] in restrict writable %[[W]]
//  FOUR-LABEL: func private @rows(
//   FOUR-SAME:   "cdiv(B*S,4)"
func.func private @rows(%x: memref<?x?x2x4xf32> {headgate.dims = ["B", "S", 2, 4]},
                        %cos: memref<?x2xf32> {headgate.dims = ["P", 2]},
                        %sin: memref<?x2xf32> {headgate.dims = ["P", 2]},
                        %y: memref<?x?x1x4xf32> {headgate.dims = ["B", "S", 1, 4], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"]} {
  %0 = bufferization.to_tensor %x restrict : memref<?x?x2x4xf32> to tensor<?x?x2x4xf32>
  %1 = bufferization.to_tensor %cos restrict : memref<?x2xf32> to tensor<?x2xf32>
  %2 = bufferization.to_tensor %sin restrict : memref<?x2xf32> to tensor<?x2xf32>
  %3 = routed.rope %0, %1, %2 : tensor<?x?x2x4xf32>, tensor<?x2xf32>
  %4 = routed.mean_heads %3 : tensor<?x?x2x4xf32>
  bufferization.materialize_in_destination %4 in restrict writable %y
      : (tensor<?x?x1x4xf32>, memref<?x?x1x4xf32>) -> ()
  return
}

// -----

// Whole keys for each query; tokens are counted from the one at hand: q_len
// loses its position, and the score region sees true indices.
// CHECK-LABEL: func private @attend(
//  CHECK-SAME:   %{{.+}}: memref<?x?x2x4xf32> {{.+}}, %[[K:.+]]: memref<?x?x1x4xf32> {{.+}}, %[[LEN:.+]]: memref<?xi32>
//       CHECK:   scf.for
//       CHECK:     %[[B:.+]] = arith.divui
//       CHECK:     %[[P:.+]] = arith.remui
//   CHECK-DAG:     memref.subview %[[K]][%[[B]], 0, 0, 0] [1, %{{.+}}, 1, 4]
//   CHECK-DAG:     memref.subview %[[LEN]][%[[B]]] [1]
//       CHECK:     %[[L:.+]] = tensor.extract %{{.+}}[%c0{{.*}}] : tensor<1xi32>
//       CHECK:     %[[Q:.+]] = arith.index_cast %[[L]]
//       CHECK:     %[[LEFT:.+]] = arith.subi %[[Q]], %[[P]]
//       CHECK:     %[[C:.+]] = arith.index_cast %[[LEFT]]
//       CHECK:     %[[LENGTHS:.+]] = tensor.from_elements %[[C]]
//       CHECK:     routed.attend {{.+}} q_len(%[[LENGTHS]] : tensor<1xi32>)
//       CHECK:     ^bb0(%{{.+}}: f32, %[[RB:.+]]: index, %[[RS:.+]]: index, %{{.+}}: index, %{{.+}}: index):
//   CHECK-DAG:       %[[TB:.+]] = arith.addi %[[RB]], %[[B]]
//   CHECK-DAG:       %[[TS:.+]] = arith.addi %[[RS]], %[[P]]
//       CHECK:       arith.addi %[[TB]], %[[TS]]
func.func private @attend(%q: memref<?x?x2x4xf32> {headgate.dims = ["B", "S", 2, 4]},
                          %k: memref<?x?x1x4xf32> {headgate.dims = ["B", "T", 1, 4]},
                          %n: memref<?xi32> {headgate.dims = ["B"]},
                          %o: memref<?x?x2x4xf32> {headgate.dims = ["B", "S", 2, 4], headgate.output})
    attributes {headgate.kernel = "attend", headgate.tokens = ["B", "S"]} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x4xf32> to tensor<?x?x2x4xf32>
  %1 = bufferization.to_tensor %k restrict : memref<?x?x1x4xf32> to tensor<?x?x1x4xf32>
  %2 = bufferization.to_tensor %n restrict : memref<?xi32> to tensor<?xi32>
  %out, %lse = routed.attend %0, %1, %1 causal q_len(%2 : tensor<?xi32>)
      : tensor<?x?x2x4xf32>, tensor<?x?x1x4xf32>, tensor<?x?x1x4xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    %x = arith.addi %b, %s : index
    %y = arith.index_cast %x : index to i32
    %z = arith.sitofp %y : i32 to f32
    %w = arith.addf %a, %z : f32
    routed.yield %w
  }
  bufferization.materialize_in_destination %out in restrict writable %o
      : (tensor<?x?x2x4xf32>, memref<?x?x2x4xf32>) -> ()
  return
}

// -----

// A loop nest over tokens keeps its indices; what it captures stays whole; its
// start is one token's too.
// CHECK-LABEL: func private @generic(
//       CHECK:   %[[TABLE:.+]] = bufferization.to_tensor %{{.+}} restrict : memref<?xf32> to tensor<?xf32>
//       CHECK:   scf.for
//       CHECK:     %[[P:.+]] = arith.remui
//       CHECK:     %[[E:.+]] = tensor.empty() : tensor<1x1x3xf32>
//       CHECK:     linalg.generic {{.+}} outs(%[[E]] : tensor<1x1x3xf32>)
//       CHECK:       %[[I:.+]] = linalg.index 1
//       CHECK:       %[[S:.+]] = arith.addi %[[I]], %[[P]]
//       CHECK:       tensor.extract %[[TABLE]][%[[S]]]
#all = affine_map<(b, s, d) -> (b, s, d)>
func.func private @generic(%x: memref<?x?x3xf32> {headgate.dims = ["B", "S", 3]},
                           %table: memref<?xf32> {headgate.dims = ["P"]},
                           %y: memref<?x?x3xf32> {headgate.dims = ["B", "S", 3], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = memref.dim %x, %c0 : memref<?x?x3xf32>
  %S = memref.dim %x, %c1 : memref<?x?x3xf32>
  %0 = bufferization.to_tensor %x restrict : memref<?x?x3xf32> to tensor<?x?x3xf32>
  %1 = bufferization.to_tensor %table restrict : memref<?xf32> to tensor<?xf32>
  %e = tensor.empty(%B, %S) : tensor<?x?x3xf32>
  %2 = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%0 : tensor<?x?x3xf32>) outs(%e : tensor<?x?x3xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = linalg.index 1 : index
    %t = tensor.extract %1[%s] : tensor<?xf32>
    %m = arith.mulf %a, %t : f32
    linalg.yield %m : f32
  } -> tensor<?x?x3xf32>
  bufferization.materialize_in_destination %2 in restrict writable %y
      : (tensor<?x?x3xf32>, memref<?x?x3xf32>) -> ()
  return
}

// -----

// All stores come after all reads: two results may start from one tensor.
// CHECK-LABEL: func private @stores_last(
//       CHECK:   arith.negf
//       CHECK:   math.absf
//       CHECK:   materialize_in_destination
//       CHECK:   materialize_in_destination
func.func private @stores_last(%x: memref<2x3x4xf32> {headgate.dims = [2, 3, 4]},
                               %y: memref<2x3x4xf32> {headgate.dims = [2, 3, 4], headgate.output},
                               %z: memref<2x3x4xf32> {headgate.dims = [2, 3, 4], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = [2, 3]} {
  %0 = bufferization.to_tensor %x restrict : memref<2x3x4xf32> to tensor<2x3x4xf32>
  %1 = arith.negf %0 : tensor<2x3x4xf32>
  %2 = math.absf %1 : tensor<2x3x4xf32>
  bufferization.materialize_in_destination %1 in restrict writable %y
      : (tensor<2x3x4xf32>, memref<2x3x4xf32>) -> ()
  bufferization.materialize_in_destination %2 in restrict writable %z
      : (tensor<2x3x4xf32>, memref<2x3x4xf32>) -> ()
  return
}

// -----

// Of matrices a token is a row.
// CHECK-LABEL: func private @matrices(
//  CHECK-SAME:   grid = ["cdiv(N,16)", "1", "1"]
//       CHECK:   %[[R:.+]] = arith.divui
//       CHECK:   memref.subview %{{.+}}[%[[R]], 0] [1, 8] [1, 1]
//       CHECK:   math.exp %{{.+}} : tensor<1x8xf32>
func.func private @matrices(%x: memref<?x8xf32> {headgate.dims = ["N", 8]},
                            %y: memref<?x8xf32> {headgate.dims = ["N", 8], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["N", 8]} {
  %0 = bufferization.to_tensor %x restrict : memref<?x8xf32> to tensor<?x8xf32>
  %1 = math.exp %0 : tensor<?x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %y
      : (tensor<?x8xf32>, memref<?x8xf32>) -> ()
  return
}

// -----

// A kernel for one block, one that is on tiles already, and an append stay.
// CHECK-NOT: scf.for
func.func private @function(%x: memref<2xf32> {headgate.dims = [2]}) attributes {headgate.kernel = "function"} {
  return
}
func.func private @lowered(%x: memref<2x3xf32> {headgate.dims = [2, 3], headgate.output})
    attributes {headgate.kernel = "attend", headgate.tokens = [2, 3]} {
  return
}
func.func private @append(%x: memref<2x5x3xf32> {headgate.dims = [2, 5, 3]},
                          %at: memref<2xi32> {headgate.dims = [2]},
                          %y: memref<2x7x3xf32> {headgate.dims = [2, 7, 3], headgate.output})
    attributes {headgate.kernel = "append", headgate.tokens = [2, 7]} {
  %zero = arith.constant 0.0 : f32
  %0 = bufferization.to_tensor %x restrict : memref<2x5x3xf32> to tensor<2x5x3xf32>
  %1 = tensor.splat %zero : tensor<2x7x3xf32>
  %2 = bufferization.to_tensor %at restrict : memref<2xi32> to tensor<2xi32>
  %3 = routed.append %0 into %1 at %2 : tensor<2x5x3xf32>, tensor<2x7x3xf32>, tensor<2xi32>
  bufferization.materialize_in_destination %3 in restrict writable %y
      : (tensor<2x7x3xf32>, memref<2x7x3xf32>) -> ()
  return
}

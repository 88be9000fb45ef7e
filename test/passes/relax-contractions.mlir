// RUN: headgate-opt %s --headgate-relax-contractions | FileCheck %s

#x = affine_map<(s, o, i) -> (s, i)>
#w = affine_map<(s, o, i) -> (o, i)>
#y = affine_map<(s, o, i) -> (s, o)>

// The weights as torch stores them: a dot product for each element.
// CHECK-LABEL: func @contract
//       CHECK:   linalg.generic {{.+}}iterator_types = ["parallel", "parallel", "reduction"]
//       CHECK:     arith.extf %{{.+}} : bf16 to f32
//       CHECK:     arith.mulf %{{.+}} fastmath<reassoc,contract> : f32
//       CHECK:     arith.addf %{{.+}} fastmath<reassoc,contract> : f32
func.func @contract(%x: tensor<?x5xbf16>, %w: tensor<3x5xbf16>, %y: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %r = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w : tensor<?x5xbf16>, tensor<3x5xbf16>) outs(%y : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %r : tensor<?x3xf32>
}

// CHECK-LABEL: func @matmul
//       CHECK:     arith.addf %{{.+}} fastmath<reassoc,contract> : f32
func.func @matmul(%a: tensor<?x5xf32>, %b: tensor<5x3xf32>, %c: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<?x5xf32>, tensor<5x3xf32>) outs(%c : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %r : tensor<?x3xf32>
}

// Who writes the body writes the flags.
// CHECK-LABEL: func @generic
//       CHECK:     arith.mulf %{{[^ ]+}}, %{{[^ ]+}} : f32
//       CHECK:     arith.addf %{{[^ ]+}}, %{{[^ ]+}} fastmath<nnan> : f32
func.func @generic(%x: tensor<?x5xf32>, %w: tensor<3x5xf32>, %y: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %r = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x5xf32>, tensor<3x5xf32>) outs(%y : tensor<?x3xf32>) {
  ^bb0(%a: f32, %b: f32, %sofar: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %sofar, %p fastmath<nnan> : f32
    linalg.yield %s : f32
  } -> tensor<?x3xf32>
  return %r : tensor<?x3xf32>
}

// Not a contraction: a named elementwise op, a sum of one operand, and the sum
// of a routed op, which has an order.
// CHECK-LABEL: func @others
//       CHECK:   linalg.add
//       CHECK:   linalg.reduce
//       CHECK:   routed.mean_heads
func.func @others(%a: tensor<?x5xf32>, %y: tensor<?xf32>, %k: tensor<?x?x2x4xf32>) -> (tensor<?xf32>, tensor<?x?x1x4xf32>) {
  %s = linalg.add ins(%a, %a : tensor<?x5xf32>, tensor<?x5xf32>) outs(%a : tensor<?x5xf32>) -> tensor<?x5xf32>
  %r = linalg.reduce { arith.addf } ins(%s : tensor<?x5xf32>) outs(%y : tensor<?xf32>) dimensions = [1]
  %m = routed.mean_heads %k : tensor<?x?x2x4xf32>
  return %r, %m : tensor<?xf32>, tensor<?x?x1x4xf32>
}

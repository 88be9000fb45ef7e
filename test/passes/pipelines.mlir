// RUN: headgate-opt %s --headgate-inline-pipeline | FileCheck %s --check-prefix=INLINE
// RUN: headgate-opt %s --headgate-inline-pipeline --headgate-decompose-pipeline | FileCheck %s --check-prefix=LINALG --implicit-check-not=routed.
// RUN: headgate-opt %s --headgate-inline-pipeline --headgate-form-kernels --headgate-kernels-to-buffers-pipeline | FileCheck %s --check-prefix=BUFFERS
// RUN: headgate-opt %s --headgate-host-pipeline | FileCheck %s --check-prefix=LLVM --implicit-check-not=unrealized_conversion_cast

// What each pipeline hands to the next.

// Calls are inlined, whatever is then unused is gone.
//   INLINE-NOT: @mean(
// INLINE-LABEL: func @layer(
//       INLINE:   %[[M:.+]] = routed.mean_heads
//  INLINE-NEXT:   return %[[M]]
//   INLINE-NOT: @mean(

// Extents are arithmetic on the arguments' extents.
// LINALG-LABEL: func @layer(
//  LINALG-SAME:   %[[K:.+]]: tensor<?x?x3x4xbf16>
//   LINALG-DAG:   %[[B:.+]] = tensor.dim %[[K]], %c0
//   LINALG-DAG:   %[[T:.+]] = tensor.dim %[[K]], %c1
//       LINALG:   tensor.empty(%[[B]], %[[T]]) : tensor<?x?x4xf32>
//   LINALG-NOT:   tensor.dim

// The result is written where it belongs, the sum is on the stack: nothing is
// allocated and nothing copied.
// BUFFERS-LABEL: func private @layer_rows_0(
//  BUFFERS-SAME:   %[[K:.+]]: memref<?x?x3x4xbf16> {{.+}}, %[[Y:.+]]: memref<?x?x1x4xbf16>
//   BUFFERS-NOT:   memref.alloc()
//       BUFFERS:   %[[SUM:.+]] = memref.alloca()
//       BUFFERS:   scf.for
//       BUFFERS:     linalg.generic {{.+}} outs(%[[SUM]] :
//       BUFFERS:     %[[W:.+]] = memref.subview %[[Y]]
//       BUFFERS:     linalg.generic {{.+}} outs(%[[W]] :
//   BUFFERS-NOT:   copy

// A conversion to bf16 would be a call; it is integer arithmetic.
// LLVM-LABEL: llvm.func {{.*}}@layer_rows_0.body(
//   LLVM-NOT:   llvm.fptrunc
//       LLVM:   llvm.lshr
// LLVM-LABEL: llvm.func @hg_layer_rows_0(
func.func @layer(%k: tensor<?x?x3x4xbf16>) -> tensor<?x?x1x4xbf16> {
  %m = call @mean(%k) : (tensor<?x?x3x4xbf16>) -> tensor<?x?x1x4xbf16>
  return %m : tensor<?x?x1x4xbf16>
}
func.func private @mean(%k: tensor<?x?x3x4xbf16>) -> tensor<?x?x1x4xbf16> {
  %m = routed.mean_heads %k : tensor<?x?x3x4xbf16>
  return %m : tensor<?x?x1x4xbf16>
}

// A buffer whose size depends on data stays with malloc, and is freed.
// BUFFERS-LABEL: func private @data_dependent_function_0(
//       BUFFERS:   %[[A:.+]] = memref.alloc(%{{.+}}) {{.*}}: memref<?xf32>
//       BUFFERS:   memref.dealloc %[[A]]
func.func @data_dependent(%n: tensor<i32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %i = tensor.extract %n[] : tensor<i32>
  %size = arith.index_cast %i : i32 to index
  %e = tensor.empty(%size) : tensor<?xf32>
  %ones = linalg.fill ins(%one : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %s = tensor.empty() : tensor<f32>
  %z = linalg.fill ins(%zero : f32) outs(%s : tensor<f32>) -> tensor<f32>
  %sum = linalg.reduce { arith.addf } ins(%ones : tensor<?xf32>) outs(%z : tensor<f32>) dimensions = [0]
  return %sum : tensor<f32>
}

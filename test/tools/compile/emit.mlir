// Each level that --emit can show, on standard output or in a file.
// RUN: headgate-compile %s --emit=routed | FileCheck %s --check-prefix=ROUTED
// RUN: headgate-compile - --emit=routed < %s | FileCheck %s --check-prefix=ROUTED
// RUN: headgate-compile %s --emit=linalg -o - | FileCheck %s --check-prefix=LINALG
// RUN: headgate-compile %s --emit=kernels -o - | FileCheck %s --check-prefix=KERNELS
// RUN: headgate-compile %s --emit=kernels --lowering=decompose -o - | FileCheck %s --check-prefix=WHOLE
// RUN: headgate-compile %s --emit=buffers -o %t.mlir && FileCheck %s --check-prefix=BUFFERS < %t.mlir
// RUN: headgate-compile %s --emit=llvm | FileCheck %s --check-prefix=LLVM
// RUN: headgate-compile %s --emit=obj -o %t.o && llvm-nm %t.o | FileCheck %s --check-prefix=OBJECT
// RUN: headgate-compile %s --emit=kernels --explain -o %t.mlir 2>&1 | FileCheck %s --check-prefix=EXPLAIN
// RUN: headgate-compile %s -o %t.hgb --embed-source
// RUN: find %t.hgb -type f | sed s,.*hgb/,, | sort | FileCheck %s --check-prefix=BUNDLE
// RUN: diff %s %t.hgb/source/emit.mlir

// A fold is done, nothing else has changed.
// ROUTED-LABEL: func.func @concat
//       ROUTED:   tensor.collapse_shape
//       ROUTED:   routed.mean_heads

// LINALG-LABEL: func.func @concat
//   LINALG-NOT:   routed.
//       LINALG:   linalg.generic

// KERNELS-LABEL: func.func @concat(
//       KERNELS:   call @concat_rows_0(
// KERNELS-LABEL: func.func private @concat_rows_0(
//       KERNELS:   routed.mean_heads

// WHOLE-LABEL: func.func @concat(
//       WHOLE:   call @concat_function_0(
// WHOLE-LABEL: func.func private @concat_function_0(
//       WHOLE:   routed.mean_heads

// EXPLAIN: remark: {{.*}}one kernel: routed.mean_heads

// BUFFERS-NOT:   func.func @concat(
// BUFFERS-LABEL: func.func private @concat_rows_0(
//       BUFFERS:   scf.for
//       BUFFERS:     linalg.generic

//   LLVM-NOT: define{{.*}} @concat
// LLVM-LABEL: define void @hg_concat_rows_0(
//       LLVM:   <8 x float>

// OBJECT: T hg_concat_rows_0

//      BUNDLE: kernels/host-v3-{{[0-9a-f]+}}.so
//  BUNDLE-DAG: kernels/host-v4-{{[0-9a-f]+}}.so
//  BUNDLE-DAG: kernels/host-v4-bf16-{{[0-9a-f]+}}.so
//      BUNDLE: plan.json
// BUNDLE-NEXT: source/emit.mlir
//  BUNDLE-NOT: {{.}}
func.func @concat(%x: tensor<?x?x2x8xf32>) -> (tensor<?x?x16xf32>, tensor<?x?x1x8xf32>) {
  %c = routed.combine concat %x : tensor<?x?x2x8xf32>
  %m = routed.mean_heads %x : tensor<?x?x2x8xf32>
  return %c, %m : tensor<?x?x16xf32>, tensor<?x?x1x8xf32>
}

// Each level that --emit can show, on standard output or in a file.
// RUN: headgate-compile %s --emit=routed | FileCheck %s --check-prefix=ROUTED
// RUN: headgate-compile - --emit=routed < %s | FileCheck %s --check-prefix=ROUTED
// RUN: headgate-compile %s --emit=linalg -o - | FileCheck %s --check-prefix=LINALG
// RUN: headgate-compile %s --emit=buffers -o %t.mlir && FileCheck %s --check-prefix=BUFFERS < %t.mlir
// RUN: headgate-compile %s --emit=llvm | FileCheck %s --check-prefix=LLVM
// RUN: headgate-compile %s --emit=obj -o %t.o && llvm-nm %t.o | FileCheck %s --check-prefix=OBJECT
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

// BUFFERS-LABEL: func.func private @hg.concat
//       BUFFERS: llvm.func @hg_concat

//   LLVM-NOT: define{{.*}} @concat
// LLVM-LABEL: define void @hg_concat(
//       LLVM:   <8 x float>

// OBJECT: T hg_concat

//      BUNDLE: kernels/host-v3-{{[0-9a-f]+}}.so
// BUNDLE-NEXT: plan.json
// BUNDLE-NEXT: source/emit.mlir
//  BUNDLE-NOT: {{.}}
func.func @concat(%x: tensor<?x?x2x8xf32>) -> (tensor<?x?x16xf32>, tensor<?x?x1x8xf32>) {
  %c = routed.combine concat %x : tensor<?x?x2x8xf32>
  %m = routed.mean_heads %x : tensor<?x?x2x8xf32>
  return %c, %m : tensor<?x?x16xf32>, tensor<?x?x1x8xf32>
}

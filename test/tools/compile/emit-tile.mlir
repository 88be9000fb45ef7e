// Kernels on tiles, and as loops over vectors: of the first target, with the
// schedules that it has; kernels that tiles cannot say stay as they are.
// RUN: headgate-compile %s --emit=tile --target=host:x86-64-v3,host:x86-64-v4 | FileCheck %s --check-prefix=TILE --implicit-check-not=vector.
// RUN: headgate-compile %s --emit=tile '--schedule=layer_attend_0={"rows": 5, "keys": 64}' -o - | FileCheck %s --check-prefix=FORCED
// RUN: headgate-compile %s --emit=tile --lowering=decompose | FileCheck %s --check-prefix=WHOLE --implicit-check-not=tile.
// RUN: headgate-compile %s --emit=vector --target=host:x86-64-v3 -o %t.mlir && FileCheck %s --check-prefix=V3 --implicit-check-not=tile.dot < %t.mlir
// RUN: headgate-compile %s --emit=vector --target=host:x86-64-v4,host:x86-64-v3 | FileCheck %s --check-prefix=V4

//   TILE-NOT: func.func @layer(
// TILE-LABEL: func.func private @layer_attend_0(
//  TILE-SAME:   tile.schedule = #tile.schedule<
//       TILE:   tile.dot
//       TILE:   tile.store
// TILE-LABEL: func.func private @layer_rows_0(
//       TILE:   routed.mean_heads

// FORCED-LABEL: func.func private @layer_attend_0(
//  FORCED-SAME:   tile.schedule = #tile.schedule<rows = 5, keys = 64

// WHOLE-LABEL: func.func private @layer_function_0(
//       WHOLE:   routed.attend

// A register of AVX2 holds 8 numbers, one of AVX-512 16.
// V3-LABEL: func.func private @layer_attend_0(
//       V3:   math.fma {{.*}} : vector<8xf32>
// V3-LABEL: func.func private @layer_rows_0(
//       V3:   routed.mean_heads
// V4-LABEL: func.func private @layer_attend_0(
//       V4:   math.fma {{.*}} : vector<16xf32>
func.func @layer(%q: tensor<?x?x2x16xf32> {routed.dims = ["B", "S"]},
                 %k: tensor<?x?x2x16xf32> {routed.dims = ["B", "T"]},
                 %v: tensor<?x?x2x16xf32> {routed.dims = ["B", "T"]})
    -> (tensor<?x?x2x16xf32>, tensor<?x?x1x16xf32>) {
  %o, %lse = routed.attend %q, %k, %v causal
      : tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
  %m = routed.mean_heads %k : tensor<?x?x2x16xf32>
  return %o, %m : tensor<?x?x2x16xf32>, tensor<?x?x1x16xf32>
}

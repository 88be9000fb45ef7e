// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes between tile programs and the code of a GPU's thread.

#ifndef HEADGATE_PASSES_GPUPASSES_TD
#define HEADGATE_PASSES_GPUPASSES_TD

include "mlir/Pass/PassBase.td"

def PipelineLoads : Pass<"headgate-pipeline-loads", "mlir::func::FuncOp"> {
  let summary = "feed products through shared memory, copies running ahead";
  let description = [{
    In a function with a `tile.schedule` and products, each loop of the one shape
    that streams tiles (`StreamLoop.h`) reads them from rings of `stages` slots that
    are filled ahead of it; the left factor from outside the loop goes to shared
    memory while the first of them are on their way. Products outside loops get
    their factors by `tile.share`. 16-bit results go through shared memory too, so
    that they are stored in whole rows.

    Before:
    ```mlir
    scf.for %i = %c0 to %n step %c1 iter_args(..) {
      %k0 = .. %i ..
      %k = tile.load %K[%b, %k0, %g, %c0] [1, 64, 1, 64] : ..
      %s = tile.dot %q, transpose %k : ..
      ..
      %v = tile.load %V[%b, %k0, %g, %c0] [1, 64, 1, 64] : ..
      %on = tile.dot %p, %v acc %os : ..
    ```
    After, with S >= 2 stages: one barrier a turn.
    ```mlir
    tile.put K 0; tile.share async %q; tile.put V 0; tile.put K 1; .. V S-2
    scf.for .. {
      %ks = tile.get %ringK[%i] newer 2S-3   %vs = tile.get %ringV[%i] newer 2S-4
      tile.put %ringK[%i + S-1], ..          tile.put %ringV[%i + S-1], ..
      start, await, release %ks;  softmax;  start, await, release %vs
    ```
    With S = 1: `get K i, put V i, scores, release K, row maximum, get V i, put K i+1,
    the rest`. The second barrier stands where few registers are live.

    Windows of turns that there are not lie outside their memref: zeros, no traffic.
    Order of issue and place of the barriers were measured (prototypes of the
    FlashAttention-2 loop on sm_80: Dao 2023, section 3).

    Needs: programs of headgate-lower-routed-to-tile and -linalg-to-tile, 16-bit
    factors. Keeps: functions without products or without `tile.schedule`. Refuses,
    with a remark, loops of another shape, f32 factors, a schedule without stages,
    and one stage where a turn needs all its streams at once.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::memref::MemRefDialect",
    "headgate::tile::TileDialect"
  ];
}

#endif // HEADGATE_PASSES_GPUPASSES_TD

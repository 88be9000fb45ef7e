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
    with a remark, loops of another shape, f32 factors, products of several
    heads or under a condition, a schedule without stages or with more than a ring
    has, and one stage for a projection, whose turn needs both its streams at once.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::memref::MemRefDialect",
    "headgate::tile::TileDialect"
  ];
}

def CheckStreams : Pass<"headgate-check-streams", "mlir::func::FuncOp"> {
  let summary = "check that rings cannot race and cannot hang";
  let description = [{
    What the types of the machine level leave open, of a program for one group:

    - Slots and pending products are used once on every path.
    - The ring ops are run, for loops of 0 to 2S + 2 turns (S the most stages of a
      ring) or as many as are known: positions are put in order; an op that would
      wait for ever is an error and is named; a `get` has waited for its position by
      its `newer`; a `put` refills a slot only if a `get`, which is a barrier, lies
      behind its release; a tile of `share async` is read only when a wait has
      covered it; each slot is released by all its readers.

    Changes nothing. An op that fails is an error, with the number of turns.
    Needs: positions that are arithmetic on turns and constants; ring ops outside of
    branches; at most 65536 turns of loops whose length is known.
  }];
}

#endif // HEADGATE_PASSES_GPUPASSES_TD

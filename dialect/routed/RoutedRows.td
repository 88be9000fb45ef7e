// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that make rows from rows: of queries, keys and values, and of the output.

#ifndef HEADGATE_ROUTED_ROWS_TD
#define HEADGATE_ROUTED_ROWS_TD

include "dialect/routed/RoutedDialect.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"

def Routed_GatherOp : Routed_Op<"gather",
    [NoMemoryEffect, InferTypeOpAdaptor, Routed_ReifiesShapes]> {
  let summary = "take the rows of the selected experts";
  let description = [{
    With `source : [B, S, R, M, ...]` (0 to 2 trailing dimensions) and
    `experts : [B, S, R, k]`:

        result[b, s, r, j, ...] = source[b, s, r, experts[b, s, r, j], ...]

    A hole gives zeros. Undefined behaviour: an expert outside `[-1, M)`.

    It is the source itself where a `routed.select` without `valid` took all `M`
    experts in index order. In rank order it permutes, and stays.

    - (C1) `source` and `experts` agree in `B`, `S` and `R`.
    - (C2) `k <= M`: a token cannot take more experts than a group has.
    - (C3) `R`, `M`, `k` and the trailing extents are static.

    ```mlir
    func.func @chosen_queries(%q: tensor<?x?x8x2x64xbf16>, %experts: tensor<?x?x8x1xi32>)
        -> tensor<?x?x8x1x64xbf16> {
      %chosen = routed.gather %q[%experts] : tensor<?x?x8x2x64xbf16>, tensor<?x?x8x1xi32>
      return %chosen : tensor<?x?x8x1x64xbf16>
    }
    ```
  }];
  let arguments = (ins Routed_Rows<[4, 5, 6]>:$source, Routed_Experts<[4]>:$experts);
  let results = (outs Routed_Rows<[4, 5, 6]>:$result);
  let assemblyFormat = [{
    $source `[` $experts `]` attr-dict `:` type($source) `,` type($experts)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Routed_LinearOp : Routed_Op<"linear",
    [NoMemoryEffect, AttrSizedOperandSegments, Routed_RequiredOperands<3>,
     InferTypeOpAdaptor, Routed_ReifiesShapes]> {
  let summary = "project rows by the matrices of the selected experts";
  let description = [{
    With `experts : [B, S, R, k]`, `e = experts[b, s, r, j]`, `matrices : [R, M, in, out]`
    (`transposed`: `[R, M, out, in]`, the layout of torch) and the input row
    `x = input[b, s]`, `input[b, s, r]` or `input[b, s, r, j]`, by its rank:

        p[b, s, r, j, :] = x @ matrices[r, e] + bias[r, e]        zeros for a hole
        result = p                                                [B, S, R, k, out]
                 sum over j of weights * p         (`sum slots`)  [B, S, R, out]
                 sum over r, j of weights * p      (`sum all`)    [B, S, out]

    Sums run over `r`, then `j`, ascending; without weights each counts 1. A hole
    contributes 0 even if its weight is NaN. Undefined behaviour: an expert
    outside `[-1, M)`.

    - (C1) `R`, `M`, `k`, `in` and `out` are static.
    - (C2) `input` is `[B, S, in]`, `[B, S, R, in]` or `[B, S, R, k, in]` with the
      extents of `experts`.
    - (C3) `matrices` and `experts` agree in `R`.
    - (C4) `input` and `matrices` agree in `in`.
    - (C5) `bias` is `[R, M, out]`.
    - (C6) `weights` are `[B, S, R, k]`.
    - (C7) `weights` come with a sum.
    - (C8) `input`, `matrices` and `bias` have one element type.

    Each token's query, by the two matrices that it chose:
    ```mlir
    func.func @project(%x: tensor<?x?x128xbf16>, %wq: tensor<1x8x64x128xbf16>,
                       %experts: tensor<?x?x1x2xi32>) -> tensor<?x?x1x2x64xbf16> {
      %q = routed.linear %x, %wq[%experts] transposed
          : tensor<?x?x128xbf16>, tensor<1x8x64x128xbf16>, tensor<?x?x1x2xi32>
      return %q : tensor<?x?x1x2x64xbf16>
    }
    ```
    The output projection: one row per token, the weighted sum over its experts.
    ```mlir
    func.func @project_back(%o: tensor<?x?x1x2x64xbf16>, %wo: tensor<1x8x128x64xbf16>,
                            %bias: tensor<1x8x128xbf16>, %experts: tensor<?x?x1x2xi32>,
                            %weights: tensor<?x?x1x2xf32>) -> tensor<?x?x128xbf16> {
      %y = routed.linear %o, %wo[%experts] transposed bias(%bias : tensor<1x8x128xbf16>)
          weights(%weights : tensor<?x?x1x2xf32>) sum all
          : tensor<?x?x1x2x64xbf16>, tensor<1x8x128x64xbf16>, tensor<?x?x1x2xi32>
      return %y : tensor<?x?x128xbf16>
    }
    ```
  }];
  let arguments = (ins Routed_Rows<[3, 4, 5]>:$input, Routed_Rows<[4]>:$matrices,
      Routed_Experts<[4]>:$experts, Optional<Routed_Rows<[3]>>:$bias,
      Optional<Routed_Weights<[4]>>:$weights, UnitAttr:$transposed,
      DefaultValuedAttr<Routed_SumAttr, "Sum::None">:$sum);
  let results = (outs Routed_Rows<[3, 4, 5]>:$result);
  let assemblyFormat = [{
    $input `,` $matrices `[` $experts `]`
    oilist(`transposed` $transposed | `bias` `(` $bias `:` type($bias) `)`
      | `weights` `(` $weights `:` type($weights) `)` | `sum` `` $sum)
    attr-dict `:` type($input) `,` type($matrices) `,` type($experts)
  }];
  let hasVerifier = 1;
}

def Routed_CombineOp : Routed_Op<"combine",
    [NoMemoryEffect, AttrSizedOperandSegments, Routed_RequiredOperands<1>,
     InferTypeOpAdaptor, Routed_ReifiesShapes]> {
  let summary = "bring head outputs into one row per token";
  let description = [{
    With `source : [B, S, heads..., D]` and `weights` over `B`, `S` and any number of
    leading head dimensions:

        concat:  result[b, s, :] = all of weights * source, flattened
                                             width = product of heads * D
        sum:     result[b, s, :] = sum of weights * source over the head dimensions
                                   that weights have
                                             width = product of the other heads * D
        scatter: result[b, s, (r, e, ...)] = sum of weights * source over the slots j
                                   with experts[b, s, r, j] == e, 0 where there is none
                                             width = R * M * product of the other heads * D

    Without weights each head counts 1. `scatter` is for a source with slots,
    `[B, S, R, k, ...]`; its `M = num_experts` experts take fixed places, so an
    ordinary output projection follows.

    Undefined behaviour: an expert outside `[-1, M)`.

    A concat without weights is a view (`tensor.collapse_shape`); a scatter of all
    experts in index order is a concat.

    - (C1) the head extents and `D` are static, and so is the width.
    - (C2) `weights` are `[B, S, h...]` with the leading extents of `source`, and
      leave out at least `D`.
    - (C3) a scatter has `experts` and `num_experts >= 1`, and no other kind has them.
    - (C4) `experts` are the leading extents of `source`, which has slots.
    - (C5) a sum has `weights`.

    ```mlir
    func.func @concat(%o: tensor<?x?x8x1x64xbf16>) -> tensor<?x?x512xbf16> {
      %y = routed.combine concat %o : tensor<?x?x8x1x64xbf16>
      return %y : tensor<?x?x512xbf16>
    }
    func.func @sum(%o: tensor<?x?x8x1x64xbf16>, %weights: tensor<?x?x8x1xf32>)
        -> tensor<?x?x64xbf16> {
      %y = routed.combine sum %o weights(%weights : tensor<?x?x8x1xf32>)
          : tensor<?x?x8x1x64xbf16>
      return %y : tensor<?x?x64xbf16>
    }
    func.func @scatter(%o: tensor<?x?x1x8x32xbf16>, %experts: tensor<?x?x1x8xi32>,
                       %weights: tensor<?x?x1x8xf32>) -> tensor<?x?x512xbf16> {
      %y = routed.combine scatter %o experts(%experts of 16 : tensor<?x?x1x8xi32>)
          weights(%weights : tensor<?x?x1x8xf32>) : tensor<?x?x1x8x32xbf16>
      return %y : tensor<?x?x512xbf16>
    }
    ```
  }];
  let arguments = (ins Routed_CombineAttr:$kind, Routed_Rows<[4, 5, 6]>:$source,
      Optional<Routed_Weights<[3, 4, 5]>>:$weights, Optional<Routed_Experts<[4]>>:$experts,
      OptionalAttr<Routed_Integer>:$num_experts);
  let results = (outs Routed_Rows<[3]>:$result);
  let assemblyFormat = [{
    `` $kind $source
    oilist(`experts` `(` $experts `of` $num_experts `:` type($experts) `)`
      | `weights` `(` $weights `:` type($weights) `)`)
    attr-dict `:` type($source)
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Routed_RopeOp : Routed_Op<"rope",
    [NoMemoryEffect, AllTypesMatch<["cos", "sin"]>, InferTypeOpAdaptor, Routed_ReifiesShapes]> {
  let summary = "rotate the leading components of each row by its position";
  let description = [{
    With `source : [B, S, ..., D]`, tables `cos, sin : [P, n]`, and the position `p`
    of a row, which is its entry of `positions` or, without them, `s`:

        result_c     = source_c * cos[p, c] - source_{c+n} * sin[p, c]        c < n
        result_{c+n} = source_{c+n} * cos[p, c] + source_c * sin[p, c]        c < n
        result_c     = source_c                                               c >= 2n

    `positions` cover any number of leading dimensions of a row: `[B, S]` for an
    offset of each sequence, `[B, S, R, k]` for the rank inside an expert. Position
    -1 (a hole) reads row 0. The tables have half the width of what they rotate;
    where a framework stores each half twice, take the first.

    Undefined behaviour: a position outside `[-1, P)`; without positions, `S > P`.

    - (C1) all extents but `B`, `S` and `P` are static.
    - (C2) `2n <= D`.
    - (C3) `positions` are the leading extents of `source`, without `D`.

    ```mlir
    func.func @rotate(%q: tensor<?x?x4x16xf32>, %cos: tensor<?x8xf32>, %sin: tensor<?x8xf32>)
        -> tensor<?x?x4x16xf32> {
      %rotated = routed.rope %q, %cos, %sin : tensor<?x?x4x16xf32>, tensor<?x8xf32>
      return %rotated : tensor<?x?x4x16xf32>
    }
    func.func @rotate_by_rank(%q: tensor<?x?x1x8x64xbf16>, %cos: tensor<?x32xf32>,
                              %sin: tensor<?x32xf32>, %rank: tensor<?x?x1x8xi32>)
        -> tensor<?x?x1x8x64xbf16> {
      %rotated = routed.rope %q, %cos, %sin positions(%rank : tensor<?x?x1x8xi32>)
          : tensor<?x?x1x8x64xbf16>, tensor<?x32xf32>
      return %rotated : tensor<?x?x1x8x64xbf16>
    }
    ```
  }];
  let arguments = (ins Routed_Rows<[3, 4, 5, 6]>:$source, Routed_Weights<[2]>:$cos,
      Routed_Weights<[2]>:$sin, Optional<Routed_Experts<[2, 3, 4, 5]>>:$positions);
  let results = (outs Routed_Rows<[3, 4, 5, 6]>:$result);
  let assemblyFormat = [{
    $source `,` $cos `,` $sin (`positions` `(` $positions^ `:` type($positions) `)`)?
    attr-dict `:` type($source) `,` type($cos)
  }];
  let hasVerifier = 1;
}

def Routed_MeanHeadsOp : Routed_Op<"mean_heads",
    [Pure, InferTypeOpAdaptor, Routed_ReifiesShapes]> {
  let summary = "average keys or values over their heads";
  let description = [{
    With `source : [B, T, H, D]`:

        result[b, t, 0, :] = (sum over h, ascending, of source[b, t, h, :]) / H    : [B, T, 1, D]

    What GQE's shared query attends to. It is an op of its own because the mean
    commutes with the rotation and moves through the projection, where it is one
    more head; as a cache it saves a decode step from reading all heads again.

    It is the source itself where `H` is 1.

    - (C1) `H` and `D` are static.

    ```mlir
    func.func @shared_key(%k: tensor<?x?x2x16xf32>) -> tensor<?x?x1x16xf32> {
      %mean = routed.mean_heads %k : tensor<?x?x2x16xf32>
      return %mean : tensor<?x?x1x16xf32>
    }
    ```
  }];
  let arguments = (ins Routed_Rows<[4]>:$source);
  let results = (outs Routed_Rows<[4]>:$result);
  let assemblyFormat = "$source attr-dict `:` type($source)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Routed_AppendOp : Routed_Op<"append",
    [Pure, InferTypeOpAdaptor, Routed_ReifiesShapes,
     DeclareOpInterfaceMethods<DestinationStyleOpInterface>]> {
  let summary = "write new rows into a cache behind those it holds";
  let description = [{
    With `cache : [B, P, ...]`, `rows : [B, S, ...]` and `position : [B]`:

        result = cache, except  result[b, position[b] + s, ...] = rows[b, s, ...]

    Rows that fall outside the cache are dropped. Each sequence has its own
    position; with one for all, `tensor.insert_slice` does the same. `cache` is the
    destination: the result may use its buffer.

    - (C1) `rows` and `cache` have one element type.
    - (C2) they have one rank, which is at least 3.
    - (C3) they agree in `B` and the trailing extents, and `position` is `[B]`.

    ```mlir
    func.func @grow(%new: tensor<?x?x4x32xf32>, %cache: tensor<?x?x4x32xf32>,
                    %past: tensor<?xi32>) -> tensor<?x?x4x32xf32> {
      %keys = routed.append %new into %cache at %past
          : tensor<?x?x4x32xf32>, tensor<?x?x4x32xf32>, tensor<?xi32>
      return %keys : tensor<?x?x4x32xf32>
    }
    ```
  }];
  let arguments = (ins Routed_CacheRows:$rows, Routed_CacheRows:$cache,
      Routed_Lengths:$position);
  let results = (outs Routed_CacheRows:$result);
  let assemblyFormat = [{
    $rows `into` $cache `at` $position attr-dict `:` type($rows) `,` type($cache) `,` type($position)
  }];
  let hasVerifier = 1;
}

#endif // HEADGATE_ROUTED_ROWS_TD

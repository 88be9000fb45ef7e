// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The attention itself.

#ifndef HEADGATE_ROUTED_ATTEND_TD
#define HEADGATE_ROUTED_ATTEND_TD

include "dialect/routed/RoutedDialect.td"

def Routed_AttendOp : Routed_Op<"attend",
    [NoMemoryEffect, AttrSizedOperandSegments, Routed_RequiredOperands<3>,
     SingleBlock, InferTypeOpAdaptor, Routed_ReifiesShapes]> {
  let summary = "softmax attention of query rows over the keys they may see";
  let description = [{
    A query has *head dimensions* `h...` between `S` and `D`: `[B, S, H, D]` for plain
    heads, `[B, S, R, k, D]` for slots, `[B, S, R, k, u, D]` for slots of `u` heads.
    With `key : [B, T, H, D]` and `value : [B, T, H, Dv]`, or, with a history,
    `[B, T, R, k', D]` and `[B, T, R, k', Dv]`:

        a      = region(scale * <query row, key row>), or without a region the product
        p(b,s) = s + kv_len[b] - q_len[b]                  the query's place among the keys
        seen   = kv_start[b] <= t < kv_len[b]  and  s < q_len[b]
                 and (causal: t <= p)  and (window W: t > p - W)  and mask[b, s, t]
                 and experts[b, s, r, j] >= 0  and  a != -inf
        output = sum over the seen of softmax(a) * value row       : [B, S, h..., Dv]
        lse    = ln of the sum over the seen of exp(a)             : f32 [B, S, h...]

    A row that sees nothing has output 0 and lse -inf. Defaults: `kv_start` 0,
    `kv_len` T, `q_len` S, `scale` 1/sqrt(D). Causal is bottom-right: the last query
    of a sequence sees its last key.

    **Which key row.** Without a history, query head `h...` reads key-value head
    `kv_head(h...)[e]`, an affine map of the head indices and, as its symbol, of the
    chosen expert `e`. Its default is grouped heads: the row-major number of `h...`
    divided by `product(h...) / H`. With a history, keys are routed as well: the rows
    `(t, i)` with `history[b, t, r, i] == e`, so an expert's keys exist for the
    tokens that chose it and no others.

    **Score region.** Takes the scaled product and the indices b, s, t and one for
    each head dimension; yields the score. It is evaluated for pairs that are seen
    otherwise, may capture scalars and tensors (ALiBi, softcap, bias tables), and
    hides a key by yielding -inf.

    What a row does not see has no influence, even if it is NaN; NaN and inf in what
    it sees reach that row and no other.

    Undefined behaviour: `kv_start < 0`, `kv_len` outside `[0, T]`, `q_len` outside
    `[0, S]`; an expert outside `[-1, num_experts)`.

    - (C1) the head extents and widths of query, key and value are static.
    - (C2) query, key and value have one element type.
    - (C3) key and value agree up to their widths; query and key in `B` and `D`.
    - (C4) `kv_start`, `kv_len` and `q_len` are `[B]`.
    - (C5) `mask` is `[B, S, T]`, or `[1, S, T]` with a static 1: then all share it.
    - (C6) a `window` is at least 1 and comes with `causal`.
    - (C7) `experts` come with `num_experts >= 1` and a query with slots, whose
      leading extents `[B, S, R, k]` they are.
    - (C8) a `history` needs `experts`, keys with slots, and no `kv_head`; it is
      `[B, T, R, k']`, with the `R` of the query.
    - (C9) without a history keys are `[B, T, H, D]`, and `kv_head` has one dimension
      for each head dimension, at most one symbol (the expert, which needs
      `experts`) and one result; the default needs `product(h...)` divisible by `H`.
    - (C10) `kv_head` is in `[0, H)` for all head indices and experts, of which there
      are at most 2^20.
    - (C11) the score region takes (f32, index b, s, t, one index for each head
      dimension) and ends in `routed.yield`.
    - (C12) the ops of the score region have no side effects, no regions, and scalar
      results.

    Grouped Query Experts: slot `(g, j)` reads the key-value head of its group.
    ```mlir
    func.func @gqe(%q: tensor<?x?x8x1x64xbf16>, %k: tensor<?x?x8x64xbf16>,
                   %v: tensor<?x?x8x64xbf16>, %n: tensor<?xi32>) -> tensor<?x?x8x1x64xbf16> {
      %o, %lse = routed.attend %q, %k, %v causal kv_head affine_map<(g, j) -> (g)>
          kv_len(%n : tensor<?xi32>)
          : tensor<?x?x8x1x64xbf16>, tensor<?x?x8x64xbf16>, tensor<?x?x8x64xbf16>
      return %o : tensor<?x?x8x1x64xbf16>
    }
    ```
    MoH on LLaMA3: 16 experts behind 16 shared heads, four query heads to a key head.
    ```mlir
    func.func @moh(%q: tensor<?x?x1x8x128xbf16>, %k: tensor<?x?x8x128xbf16>,
                   %v: tensor<?x?x8x128xbf16>, %experts: tensor<?x?x1x8xi32>)
        -> tensor<?x?x1x8x128xbf16> {
      %o, %lse = routed.attend %q, %k, %v causal
          kv_head affine_map<(r, j)[e] -> ((e + 16) floordiv 4)>
          experts(%experts of 16 : tensor<?x?x1x8xi32>)
          : tensor<?x?x1x8x128xbf16>, tensor<?x?x8x128xbf16>, tensor<?x?x8x128xbf16>
      return %o : tensor<?x?x1x8x128xbf16>
    }
    ```
    Routed keys (LLaMA-MoE-v2, NAMOH): a decode step against the caches of keys,
    values and the experts they belong to.
    ```mlir
    func.func @routed_keys(%q: tensor<?x1x1x2x2x16xf32>, %k: tensor<?x?x1x2x16xf32>,
                           %v: tensor<?x?x1x2x16xf32>, %experts: tensor<?x1x1x2xi32>,
                           %cached: tensor<?x?x1x2xi32>, %n: tensor<?xi32>)
        -> tensor<?x1x1x2x2x16xf32> {
      %o, %lse = routed.attend %q, %k, %v causal kv_len(%n : tensor<?xi32>)
          experts(%experts of 4 : tensor<?x1x1x2xi32>) history(%cached : tensor<?x?x1x2xi32>)
          : tensor<?x1x1x2x2x16xf32>, tensor<?x?x1x2x16xf32>, tensor<?x?x1x2x16xf32>
      return %o : tensor<?x1x1x2x2x16xf32>
    }
    ```
    Plain grouped-query attention with padding on both sides, a shared mask, a
    sliding window and capped scores:
    ```mlir
    func.func @plain(%q: tensor<?x?x8x64xf32>, %k: tensor<?x?x2x64xf32>, %v: tensor<?x?x2x64xf32>,
                     %first: tensor<?xi32>, %rows: tensor<?xi32>, %mask: tensor<1x?x?xi1>,
                     %cap: f32) -> tensor<?x?x8x64xf32> {
      %o, %lse = routed.attend %q, %k, %v causal window 4096 scale 0.125
          kv_start(%first : tensor<?xi32>) q_len(%rows : tensor<?xi32>)
          mask(%mask : tensor<1x?x?xi1>)
          : tensor<?x?x8x64xf32>, tensor<?x?x2x64xf32>, tensor<?x?x2x64xf32> score {
      ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
        %small = arith.divf %a, %cap : f32
        %bent = math.tanh %small : f32
        %capped = arith.mulf %bent, %cap : f32
        routed.yield %capped
      }
      return %o : tensor<?x?x8x64xf32>
    }
    ```
  }];
  let arguments = (ins Routed_Rows<[4, 5, 6]>:$query, Routed_Rows<[4, 5]>:$key,
      Routed_Rows<[4, 5]>:$value,
      Optional<Routed_Lengths>:$kv_start, Optional<Routed_Lengths>:$kv_len,
      Optional<Routed_Lengths>:$q_len, Optional<Routed_Flags<[3]>>:$mask,
      Optional<Routed_Experts<[4]>>:$experts, Optional<Routed_Experts<[4]>>:$history,
      UnitAttr:$causal, OptionalAttr<Routed_Integer>:$window, OptionalAttr<F32Attr>:$scale,
      OptionalAttr<AffineMapAttr>:$kv_head, OptionalAttr<Routed_Integer>:$num_experts);
  let results = (outs Routed_Rows<[4, 5, 6]>:$output, Routed_Weights<[3, 4, 5]>:$lse);
  let regions = (region AnyRegion:$score);
  let assemblyFormat = [{
    $query `,` $key `,` $value
    oilist(`causal` $causal | `window` $window | `scale` $scale | `kv_head` $kv_head
      | `kv_start` `(` $kv_start `:` type($kv_start) `)`
      | `kv_len` `(` $kv_len `:` type($kv_len) `)`
      | `q_len` `(` $q_len `:` type($q_len) `)`
      | `mask` `(` $mask `:` type($mask) `)`
      | `experts` `(` $experts `of` $num_experts `:` type($experts) `)`
      | `history` `(` $history `:` type($history) `)`)
    attr-dict `:` type($query) `,` type($key) `,` type($value) (`score` $score^)?
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// The static head extents of the query: everything between S and D.
    ::llvm::ArrayRef<int64_t> getHeads();
    /// The key-value head of each query head; the grouped default made explicit.
    /// Not for an attention with a history.
    ::mlir::AffineMap getKvHeadMap();
    /// Calls `visit` with the number that `kv_head` (which must be there) gives to
    /// each query head, in row-major order and, where it reads the expert, for
    /// each expert in turn. Stops at the first failure; fails by itself where the
    /// map has no value.
    ::mlir::LogicalResult
    forEachKvHead(::llvm::function_ref<::mlir::LogicalResult(int64_t)> visit);
    ::headgate::routed::LoweringClass getLoweringClass();
    ::mlir::FloatAttr getScaleOrDefault();
  }];
}

def Routed_YieldOp : Routed_Op<"yield", [Pure, Terminator, HasParent<"AttendOp">]> {
  let summary = "the score of a query row and a key";
  let description = [{
    Ends the score region of a `routed.attend`. A score of -inf hides the key.

    ```mlir
    func.func @distance_bias(%q: tensor<?x?x2x8xf32>, %k: tensor<?x?x2x8xf32>)
        -> tensor<?x?x2x8xf32> {
      %o, %lse = routed.attend %q, %k, %k causal
          : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
      ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
        %distance = arith.subi %s, %t : index
        %integer = arith.index_cast %distance : index to i32
        %steps = arith.sitofp %integer : i32 to f32
        %slope = arith.constant 0.25 : f32
        %penalty = arith.mulf %steps, %slope : f32
        %score = arith.subf %a, %penalty : f32
        routed.yield %score
      }
      return %o : tensor<?x?x2x8xf32>
    }
    ```
  }];
  let arguments = (ins F32:$score);
  let assemblyFormat = "$score attr-dict";
}

#endif // HEADGATE_ROUTED_ATTEND_TD

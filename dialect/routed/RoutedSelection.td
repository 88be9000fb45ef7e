// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops about the choice itself: who takes whom, in what order, how evenly.

#ifndef HEADGATE_ROUTED_SELECTION_TD
#define HEADGATE_ROUTED_SELECTION_TD

include "dialect/routed/RoutedDialect.td"

def Routed_SelectOp : Routed_Op<"select",
    [Pure, AttrSizedOperandSegments, Routed_RequiredOperands<1>,
     InferTypeOpAdaptor, Routed_ReifiesShapes]> {
  let summary = "choose k experts of each group for each token";
  let description = [{
    With `logits : [B, S, R, M]`, `l = f32(logits)`:

        probs   = softmax over M of l | sigmoid(l) | 1      : f32 [B, S, R, M]
        key     = l, or probs + bias if there is a bias;  NaN counts as -inf
        experts = the first k in the order: a before b iff
                  key_a > key_b, or they are equal (-0 == +0) and a < b
                                                            : i32 [B, S, R, k]
        weights = probs[experts]                            : f32 [B, S, R, k]
                  / max(sum over the group or the token, eps)   (`norm`)
                  * scale

    `softmax_topk` has the `probs` of `softmax_all`, but its weights are a softmax
    over the `k` chosen logits. `order rank` leaves the slots of a group in the
    order of the choice; `order index` sorts them by expert. A token that `valid`
    marks 0 has experts -1, weights 0 and probs 0.

    Always defined: a row of -inf chooses experts `0 .. k-1`, and a softmax or
    sigmoid gives them weights and probs 0; a row that holds NaN or +inf chooses
    experts in range, and its weights and probs are what IEEE arithmetic gives
    (NaN stays visible).

    Where nobody reads `weights`, `norm`, `scale` and `eps` mean nothing and are
    dropped; where nobody reads `probs` either, and there is no `bias`, so is the
    activation.

    - (C1) `R` and `M` are static.
    - (C2) `1 <= k <= M`: a token cannot take more experts than a group has.
    - (C3) `bias` is `[R, M]`.
    - (C4) `valid` is `[B, S]`.
    - (C5) `softmax_topk` has no `norm group`: it sums to one already.

    Attributes: `norm` none, group or token (none); `scale` (1); `eps` (1e-9);
    `order` rank or index (rank).

    ```mlir
    func.func @top_two(%logits: tensor<?x?x2x4xf32>)
        -> (tensor<?x?x2x2xi32>, tensor<?x?x2x2xf32>) {
      %experts, %weights, %probs = routed.select %logits top 2 softmax_all norm token
          : tensor<?x?x2x4xf32>
      return %experts, %weights : tensor<?x?x2x2xi32>, tensor<?x?x2x2xf32>
    }
    ```
    The choice of NAMOH, balanced by a bias that does not reach the weights, in a
    batch with padding:
    ```mlir
    func.func @balanced(%logits: tensor<?x?x1x32xf32>, %bias: tensor<1x32xf32>,
                        %valid: tensor<?x?xi1>) -> tensor<?x?x1x8xi32> {
      %experts, %weights, %probs = routed.select %logits top 8 softmax_all order index
          bias(%bias : tensor<1x32xf32>) valid(%valid : tensor<?x?xi1>) : tensor<?x?x1x32xf32>
      return %experts : tensor<?x?x1x8xi32>
    }
    ```
  }];
  let arguments = (ins Routed_Rows<[4]>:$logits, Routed_Integer:$k,
      Routed_ActivationAttr:$activation,
      DefaultValuedAttr<Routed_NormAttr, "Norm::None">:$norm,
      DefaultValuedAttr<F32Attr, "1.0f">:$scale,
      DefaultValuedAttr<F32Attr, "1.0e-9f">:$eps,
      DefaultValuedAttr<Routed_OrderAttr, "Order::Rank">:$order,
      Optional<Routed_Weights<[2]>>:$bias, Optional<Routed_Flags<[2]>>:$valid);
  let results = (outs Routed_Experts<[4]>:$experts, Routed_Weights<[4]>:$weights,
      Routed_Weights<[4]>:$probs);
  let assemblyFormat = [{
    $logits `top` $k `` $activation
    oilist(`norm` `` $norm | `scale` $scale | `eps` $eps | `order` `` $order
      | `bias` `(` $bias `:` type($bias) `)` | `valid` `(` $valid `:` type($valid) `)`)
    attr-dict `:` type($logits)
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Routed_SelectTokensOp : Routed_Op<"select_tokens",
    [Pure, InferTypeOpAdaptor, Routed_ReifiesShapes]> {
  let summary = "choose the tokens of each expert";
  let description = [{
    Expert choice (MoSA). With `logits : [B, S, R, M]` and `probs` as in
    `routed.select`, each expert `(b, r, m)` takes the `capacity` valid tokens with
    its largest logits, ties to the earlier token:

        experts[b, s, r, m] = m if expert (b, r, m) took token s, else -1    : i32 [B, S, R, M]
        weights[b, s, r, m] = probs[b, s, r, m] if it did, else 0            : f32 [B, S, R, M]

    It is a selection with `k = M` and holes, so every op that takes experts serves
    it unchanged. NaN counts as -inf in the choice. With `include_first` an expert
    takes token 0 before all others. A token that `valid` marks 0 is never taken and
    has probs 0. A `capacity` above `S` takes every valid token; one below 0, none.

    The choice looks at the whole sequence: a causal attention over its experts is
    not causal in the logits.

    - (C1) `R` and `M` are static.
    - (C2) the activation is not `softmax_topk`: a token has no chosen experts yet.
    - (C3) `valid` is `[B, S]`.

    ```mlir
    func.func @tokens_of_each_head(%logits: tensor<?x?x1x4xf32>, %capacity: index,
                                   %valid: tensor<?x?xi1>) -> tensor<?x?x1x4xi32> {
      %experts, %weights, %probs = routed.select_tokens %logits top %capacity sigmoid
          include_first valid(%valid : tensor<?x?xi1>) : tensor<?x?x1x4xf32>
      return %experts : tensor<?x?x1x4xi32>
    }
    ```
  }];
  let arguments = (ins Routed_Rows<[4]>:$logits, Index:$capacity,
      Routed_ActivationAttr:$activation, Optional<Routed_Flags<[2]>>:$valid,
      UnitAttr:$include_first);
  let results = (outs Routed_Experts<[4]>:$experts, Routed_Weights<[4]>:$weights,
      Routed_Weights<[4]>:$probs);
  let assemblyFormat = [{
    $logits `top` $capacity `` $activation (`include_first` $include_first^)?
    (`valid` `(` $valid^ `:` type($valid) `)`)? attr-dict `:` type($logits)
  }];
  let hasVerifier = 1;
}

def Routed_DispatchOp : Routed_Op<"dispatch",
    [NoMemoryEffect, InferTypeOpAdaptor, Routed_ReifiesShapes]> {
  let summary = "sort the slots of a selection by expert";
  let description = [{
    With `experts : [B, S, R, k]`, slot number `n = ((b*S + s)*R + r)*k + j` and
    segment `(b, r, e)`, of `M = num_experts` experts:

        rows[i]          = the slot numbers, sorted by segment, then by n    : i32 [B*S*R*k]
                           (the tail behind the last live slot is -1)
        offsets[segment] = where a segment of rows begins; one more entry
                           says where the last one ends                      : i32 [B*R*M + 1]
        rank[b, s, r, j] = the slot's position in its segment, -1 for a hole : i32 [B, S, R, k]

    The token of a row is `rows[i] / (R*k)`. Sizes are fixed: no shape depends on
    data. A model uses `rank` (NAMOH's position inside a head's subsequence); `rows`
    and `offsets` serve kernels that group rows by expert.

    Undefined behaviour: an expert outside `[-1, M)`, or more than 2^31 - 1 slots.

    - (C1) `R` and `k` are static, and there is at least one expert.
    - (C2) where `B` and `S` are static, slot numbers and offsets fit in i32.

    ```mlir
    func.func @rank_in_expert(%experts: tensor<?x?x1x8xi32>) -> tensor<?x?x1x8xi32> {
      %rows, %offsets, %rank = routed.dispatch %experts of 32 : tensor<?x?x1x8xi32>
      return %rank : tensor<?x?x1x8xi32>
    }
    ```
  }];
  let arguments = (ins Routed_Experts<[4]>:$experts, Routed_Integer:$num_experts);
  let results = (outs Routed_Experts<[1]>:$rows, Routed_Experts<[1]>:$offsets,
      Routed_Experts<[4]>:$rank);
  let assemblyFormat = "$experts `of` $num_experts attr-dict `:` type($experts)";
  let hasVerifier = 1;
}

def Routed_BalanceLossOp : Routed_Op<"balance_loss",
    [NoMemoryEffect, InferTypeOpAdaptor, Routed_ReifiesShapes]> {
  let summary = "how unevenly tokens use the experts";
  let description = [{
    With `probs : [B, S, R, M]` and `experts : [B, S, R, k]` of a `routed.select`:

        n       = how many tokens are live: experts[b, s, 0, 0] >= 0
        f[r, m] = how many slots of group r chose m, / n         (`normalized`: / k as well)
        P[r, m] = sum of probs[., ., r, m], / n
        loss    = mean over r of  M * sum over m of  f[r, m] * P[r, m]       : f32 []

    `f` sums to `k` over a group (GQE, MoH, JetMoE), or to 1 with `normalized` (MoA,
    NAMOH). Without a live token the loss is NaN. It is for token choice only: the
    holes of `routed.select_tokens` are no padding, so `n` would count wrongly.

    Undefined behaviour: an expert outside `[-1, M)`.

    - (C1) `R`, `M` and `k` are static.
    - (C2) `probs` and `experts` agree in `B`, `S` and `R`.

    ```mlir
    func.func @loss(%probs: tensor<?x?x2x4xf32>, %experts: tensor<?x?x2x2xi32>) -> tensor<f32> {
      %loss = routed.balance_loss %probs, %experts : tensor<?x?x2x4xf32>, tensor<?x?x2x2xi32>
      return %loss : tensor<f32>
    }
    ```
  }];
  let arguments = (ins Routed_Weights<[4]>:$probs, Routed_Experts<[4]>:$experts,
      UnitAttr:$normalized);
  let results = (outs Routed_Weights<[0]>:$loss);
  let assemblyFormat = [{
    $probs `,` $experts (`normalized` $normalized^)? attr-dict `:` type($probs) `,` type($experts)
  }];
  let hasVerifier = 1;
}

#endif // HEADGATE_ROUTED_SELECTION_TD

#ifndef HEADGATE_ROUTED_OPS_TD
#define HEADGATE_ROUTED_OPS_TD

include "dialect/routed/RoutedDialect.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Routed_Element : AnyTypeOf<[F32, F16, BF16], "f32, f16 or bf16">;
class Routed_Rows<list<int> ranks> : TensorRankOf<[F32, F16, BF16], ranks>;
class Routed_Experts<list<int> ranks> : TensorRankOf<[I32], ranks>;
class Routed_Weights<list<int> ranks> : TensorRankOf<[F32], ranks>;
def Routed_Lengths : 1DTensorOf<[I32]>;

defvar shapes = DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>;

def Routed_SelectOp : Routed_Op<"select",
    [Pure, AttrSizedOperandSegments, InferTypeOpAdaptor, shapes]> {
  let summary = "choose k experts of each group for each token";
  let arguments = (ins Routed_Rows<[4]>:$logits, I64Attr:$k, Routed_ActivationAttr:$activation,
      DefaultValuedAttr<Routed_NormAttr, "Norm::None">:$norm,
      DefaultValuedAttr<F32Attr, "1.0f">:$scale,
      DefaultValuedAttr<F32Attr, "1.0e-9f">:$eps,
      DefaultValuedAttr<Routed_OrderAttr, "Order::Rank">:$order,
      Optional<Routed_Weights<[2]>>:$bias, Optional<2DTensorOf<[I1]>>:$valid);
  let results = (outs Routed_Experts<[4]>:$experts, Routed_Weights<[4]>:$weights,
      Routed_Weights<[4]>:$probs);
  let assemblyFormat = [{
    $logits `top` $k `` $activation
    oilist(`norm` `` $norm | `scale` $scale | `eps` $eps | `order` `` $order
      | `bias` `(` $bias `:` type($bias) `)` | `valid` `(` $valid `:` type($valid) `)`)
    attr-dict `:` type($logits)
  }];
  let hasVerifier = 1;
}

def Routed_SelectTokensOp : Routed_Op<"select_tokens", [Pure, InferTypeOpAdaptor, shapes]> {
  let summary = "choose the tokens of each expert";
  let arguments = (ins Routed_Rows<[4]>:$logits, Index:$capacity, Routed_ActivationAttr:$activation,
      Optional<2DTensorOf<[I1]>>:$valid, UnitAttr:$include_first);
  let results = (outs Routed_Experts<[4]>:$experts, Routed_Weights<[4]>:$weights,
      Routed_Weights<[4]>:$probs);
  let assemblyFormat = [{
    $logits `top` $capacity `` $activation (`include_first` $include_first^)?
    (`valid` `(` $valid^ `:` type($valid) `)`)? attr-dict `:` type($logits)
  }];
  let hasVerifier = 1;
}

def Routed_GatherOp : Routed_Op<"gather", [NoMemoryEffect, InferTypeOpAdaptor, shapes]> {
  let summary = "take the rows of the selected experts";
  let arguments = (ins Routed_Rows<[4, 5, 6]>:$source, Routed_Experts<[4]>:$experts);
  let results = (outs Routed_Rows<[4, 5, 6]>:$result);
  let assemblyFormat = [{
    $source `[` $experts `]` attr-dict `:` type($source) `,` type($experts)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Routed_LinearOp : Routed_Op<"linear",
    [NoMemoryEffect, AttrSizedOperandSegments, InferTypeOpAdaptor, shapes]> {
  let summary = "project rows by the matrices of the selected experts";
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

def Routed_AttendOp : Routed_Op<"attend",
    [NoMemoryEffect, AttrSizedOperandSegments, InferTypeOpAdaptor, shapes]> {
  let summary = "softmax attention of query rows over the keys they may see";
  let arguments = (ins Routed_Rows<[4, 5, 6]>:$query, Routed_Rows<[4, 5]>:$key,
      Routed_Rows<[4, 5]>:$value,
      Optional<Routed_Lengths>:$kv_start, Optional<Routed_Lengths>:$kv_len,
      Optional<Routed_Lengths>:$q_len, Optional<3DTensorOf<[I1]>>:$mask,
      Optional<Routed_Experts<[4]>>:$experts, Optional<Routed_Experts<[4]>>:$history,
      UnitAttr:$causal, OptionalAttr<I64Attr>:$window, OptionalAttr<F32Attr>:$scale,
      OptionalAttr<AffineMapAttr>:$kv_head, OptionalAttr<I64Attr>:$num_experts);
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
  let extraClassDeclaration = [{
    /// The static head extents of the query: everything between S and D.
    ::llvm::ArrayRef<int64_t> getHeads() {
      return getQuery().getType().getShape().drop_front(2).drop_back();
    }
    /// The key-value head of each query head; the grouped default made explicit.
    ::mlir::AffineMap getKvHeadMap();
    ::headgate::routed::LoweringClass getLoweringClass();
    ::mlir::FloatAttr getScaleOrDefault();
  }];
}

def Routed_YieldOp : Routed_Op<"yield", [Pure, Terminator, HasParent<"AttendOp">]> {
  let summary = "the score of a query row and a key";
  let arguments = (ins F32:$score);
  let assemblyFormat = "$score attr-dict";
}

def Routed_CombineOp : Routed_Op<"combine",
    [NoMemoryEffect, AttrSizedOperandSegments, InferTypeOpAdaptor, shapes]> {
  let summary = "bring head outputs into one row per token";
  let arguments = (ins Routed_CombineAttr:$kind, Routed_Rows<[4, 5, 6]>:$source,
      Optional<Routed_Weights<[3, 4, 5]>>:$weights, Optional<Routed_Experts<[4]>>:$experts,
      OptionalAttr<I64Attr>:$num_experts);
  let results = (outs Routed_Rows<[3]>:$result);
  let assemblyFormat = [{
    `` $kind $source
    oilist(`experts` `(` $experts `of` $num_experts `:` type($experts) `)`
      | `weights` `(` $weights `:` type($weights) `)`)
    attr-dict `:` type($source)
  }];
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def Routed_RopeOp : Routed_Op<"rope",
    [NoMemoryEffect, AllTypesMatch<["cos", "sin"]>, InferTypeOpAdaptor, shapes]> {
  let summary = "rotate the leading components of each row by its position";
  let arguments = (ins Routed_Rows<[3, 4, 5, 6]>:$source, Routed_Weights<[2]>:$cos,
      Routed_Weights<[2]>:$sin, Optional<Routed_Experts<[2, 3, 4, 5]>>:$positions);
  let results = (outs Routed_Rows<[3, 4, 5, 6]>:$result);
  let assemblyFormat = [{
    $source `,` $cos `,` $sin (`positions` `(` $positions^ `:` type($positions) `)`)?
    attr-dict `:` type($source) `,` type($cos)
  }];
  let hasVerifier = 1;
}

def Routed_MeanHeadsOp : Routed_Op<"mean_heads", [Pure, InferTypeOpAdaptor, shapes]> {
  let summary = "average keys or values over their heads";
  let arguments = (ins Routed_Rows<[4]>:$source);
  let results = (outs Routed_Rows<[4]>:$result);
  let assemblyFormat = "$source attr-dict `:` type($source)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Routed_AppendOp : Routed_Op<"append", [Pure, InferTypeOpAdaptor, shapes,
    DeclareOpInterfaceMethods<DestinationStyleOpInterface>]> {
  let summary = "write new rows into a cache behind those it holds";
  let arguments = (ins RankedTensorOf<[F32, F16, BF16, I32]>:$rows,
      RankedTensorOf<[F32, F16, BF16, I32]>:$cache, Routed_Lengths:$position);
  let results = (outs RankedTensorOf<[F32, F16, BF16, I32]>:$result);
  let assemblyFormat = [{
    $rows `into` $cache `at` $position attr-dict `:` type($rows) `,` type($cache) `,` type($position)
  }];
  let hasVerifier = 1;
}

def Routed_DispatchOp : Routed_Op<"dispatch", [Pure, InferTypeOpAdaptor, shapes]> {
  let summary = "sort the slots of a selection by expert";
  let arguments = (ins Routed_Experts<[4]>:$experts, I64Attr:$num_experts);
  let results = (outs Routed_Experts<[1]>:$rows, Routed_Experts<[1]>:$offsets,
      Routed_Experts<[4]>:$rank);
  let assemblyFormat = "$experts `of` $num_experts attr-dict `:` type($experts)";
  let hasVerifier = 1;
}

def Routed_BalanceLossOp : Routed_Op<"balance_loss", [NoMemoryEffect, InferTypeOpAdaptor, shapes]> {
  let summary = "how unevenly tokens use the experts";
  let arguments = (ins Routed_Weights<[4]>:$probs, Routed_Experts<[4]>:$experts,
      UnitAttr:$normalized);
  let results = (outs 0DTensorOf<[F32]>:$loss);
  let assemblyFormat = [{
    $probs `,` $experts (`normalized` $normalized^)? attr-dict `:` type($probs) `,` type($experts)
  }];
  let hasVerifier = 1;
}

#endif // HEADGATE_ROUTED_OPS_TD

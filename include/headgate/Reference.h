// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations of the `routed` dialect as plain loops in double: what they
// mean, to be read, and the oracle that every kernel is tested against. One
// function an op, one struct for its options; formulas, holes and empty rows
// are those of the dialect's specification.
//
//   Selection chosen = select(logits, {.k = 2, .norm = Norm::token});
//   Tensor<double> q = gather(queries, chosen.experts);
//   Attention heads = attend(q, keys, values, {.causal = true});
//
// Extents: B batch, S query tokens, T key tokens, R groups in which experts
// compete, M experts of a group, k chosen ones, u heads of an expert, D head
// width (Dv of values), H key-value heads. The R x k chosen experts of a token
// are its slots. `h...` stands for the head extents between S and D: [H] for
// plain heads, [R, k] or [R, k, u] for slots.
//
// Numbers are the f32, f16 or bf16 elements, widened. Nothing is rounded, with
// one exception: experts are compared in f32, so that a program in f32 makes
// the same choice.
//
// An expert of -1 is a hole: a padding token, or an expert that did not take
// the token. Undefined, here a wrong index that asserts: an expert outside
// [-1, M), and what is said to be undefined below. Extents that do not fit are
// a bug of the caller and assert too.

#ifndef HEADGATE_REFERENCE_H
#define HEADGATE_REFERENCE_H

#include "headgate/ReferenceTensor.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace headgate::reference {

//===-- choosing experts -------------------------------------------------===//

/// What logits become. softmaxTopk: the weights are a softmax over the chosen
/// logits only; the probabilities are those of softmaxAll.
enum class Activation { softmaxAll, softmaxTopk, sigmoid, ones };
/// What weights are divided by: nothing, their sum over the group, or their sum
/// over all groups of the token.
enum class Norm { none, group, token };
/// The order of slots: as they were ranked, or by ascending expert.
enum class Order { rank, index };

/// weights [B,S,R,k] and experts [B,S,R,k] belong together; probs [B,S,R,M].
struct Selection {
  Tensor<int32_t> experts;
  Tensor<double> weights;
  Tensor<double> probs;
};

struct SelectOptions {
  int64_t k = 1; ///< 1 <= k <= M
  Activation activation = Activation::softmaxAll;
  Norm norm = Norm::none; ///< not `group` with softmaxTopk, which sums to one
  double scale = 1;
  double eps = 1e-9;
  Order order = Order::rank;
  Numbers bias = {}; ///< [R, M]; steers the choice, not the weights
  Flags valid = {};  ///< [B, S]; false: a padding token
};

/// Chooses k experts of each group for each token. logits [B,S,R,M].
///
///   probs   = softmax over M | sigmoid | 1
///   key     = logits, or probs + bias where there is a bias; both in f32
///   a before b  iff  key_a > key_b, or they are equal and a < b
///   experts = the first k
///   weights = probs[experts] / max(sum over group | token, eps) * scale
///
/// - NaN keys count as -inf: experts are always in range. Probabilities and
///   weights of such a row are NaN, or with sigmoid its NaN elements. +inf
///   gives the NaN of exp(inf - inf).
/// - A row of -inf has experts 0..k-1, probs 0 and weights 0.
/// - valid = 0: experts -1, weights 0, probs 0.
///
/// Probabilities are never compared: distinct logits may have equal ones.
/// Source: Grouped Query Experts (arXiv 2606.20945); ties are open there.
Selection select(Numbers logits, const SelectOptions &options);

struct SelectTokensOptions {
  int64_t capacity = 1;                           ///< >= 0
  Activation activation = Activation::softmaxAll; ///< not softmaxTopk
  bool includeFirst = false; ///< token 0 is the first choice of every expert
  Flags valid = {};          ///< [B, S]
};

/// Chooses the tokens of each expert (expert choice). logits [B,S,R,M];
/// experts, weights and probs all [B,S,R,M]: a selection with k = M and holes.
///
///   chosen(b,r,m) = the `capacity` valid tokens with the largest logits, ties
///                   to the earlier token, all of them if there are fewer
///   experts = m where chosen, else -1;  weights = probs where chosen, else 0
///
/// Keys as in select. Invalid tokens have probs 0. Source: Zhou et al. 2022
/// (expert choice); Mixture of Sparse Attention (MoSA) for attention.
Selection selectTokens(Numbers logits, const SelectTokensOptions &options);

/// The slots of a selection, sorted by expert.
struct Dispatch {
  /// [B*S*R*k] slot numbers ((b*S + s)*R + r)*k + j, segment after segment;
  /// behind the last live slot -1.
  Tensor<int32_t> rows;
  /// [B*R*M + 1]: segment (b, r, e) is rows[offsets[i]] .. rows[offsets[i+1]-1]
  /// with i = (b*R + r)*M + e; inside it slots ascend by token.
  Tensor<int32_t> offsets;
  /// [B,S,R,k]: the position of each slot inside its segment; -1 for a hole.
  Tensor<int32_t> rank;
};

/// experts [B,S,R,k] in [-1, numExperts).
Dispatch dispatch(Integers experts, int64_t numExperts);

/// How unevenly tokens use the experts. probs [B,S,R,M], experts [B,S,R,k].
///
///   n = tokens with experts[b,s,0,0] >= 0
///   f[r,m] = slots with expert m / n (normalized: / k),  P[r,m] = sum probs /
///   n loss = mean over r of  M * sum over m of f P
///
/// No live token: NaN. Source: Fedus et al. 2021 (Switch Transformers),
/// equations 4 to 6, for each group.
double balanceLoss(Numbers probs, Integers experts, bool normalized = false);

//===-- attention --------------------------------------------------------===//

/// A query row and a key. `head` holds one index for each head extent.
struct Pair {
  int64_t b, s, t;
  std::span<const int64_t> head;
};
/// The score that replaces `score` of a pair that is seen; -inf hides the key.
using ScoreFunction = std::function<double(double score, const Pair &pair)>;
/// The key-value head of a query head. `expert` is the one in the slot, or -1
/// without `experts`.
using KvHeadFunction =
    std::function<int64_t(std::span<const int64_t> head, int64_t expert)>;

struct AttendOptions {
  bool causal = false;
  std::optional<int64_t> window = {}; ///< >= 1, with causal only
  std::optional<double> scale = {};   ///< default 1 / sqrt(D)
  /// Default: grouped, the flat head index * H / product(h...), rounded down.
  KvHeadFunction kvHead = {};
  Integers kvStart = {}; ///< [B], >= 0; default 0
  Integers kvLen = {};   ///< [B], in [0, T]; default T
  Integers qLen = {};    ///< [B], in [0, S]; default S
  Flags mask = {};       ///< [B,S,T] or [1,S,T]; false hides the key
  Integers experts = {}; ///< [B,S,R,k]; the query has slots
  Integers history = {}; ///< [B,T,R,k'], with experts and without kvHead
  ScoreFunction score = {};
};

/// output [B,S,h...,Dv], lse [B,S,h...].
struct Attention {
  Tensor<double> output;
  Tensor<double> lse;
};

/// Softmax attention of query rows over the keys they may see. query
/// [B,S,h...,D]; key [B,T,H,D] and value [B,T,H,Dv], or with a history
/// [B,T,R,k',D] and [B,T,R,k',Dv].
///
///   a(b,s,h,t)  = score(scale * <q, k>)
///   p(b,s)      = s + kv_len[b] - q_len[b]                      (bottom-right)
///   seen        = kv_start[b] <= t < kv_len[b]  and  s < q_len[b]
///                 and (causal: t <= p)  and  (window: t > p - window)
///                 and mask[b,s,t]  and  experts[b,s,r,j] >= 0  and  a != -inf
///   output      = sum over seen of softmax(a) v,   lse = ln sum exp a
///
/// - The key of head h is key[b, t, kvHead(h, e)]. With a history it is every
///   (t, i) with history[b,t,r,i] == e: the keys of an expert exist only for
///   the tokens that chose it.
/// - A row that sees nothing: output 0, lse -inf.
/// - Keys and values that are not seen have no influence, whatever they hold,
///   NaN included, and `score` is not asked about them. NaN or inf in a pair
///   that is seen reaches that row and no other.
///
/// Source: Vaswani et al. 2017, equation 1; bottom-right as FlashAttention 2.1.
Attention attend(Numbers query, Numbers key, Numbers value,
                 const AttendOptions &options);

//===-- rows -------------------------------------------------------------===//

/// Takes the rows of the selected experts. source [B,S,R,M,...] gives
/// [B,S,R,k,...]:
///
///   result[b,s,r,j,...] = source[b,s,r, experts[b,s,r,j], ...],  a hole gives
///   0
Tensor<double> gather(Numbers source, Integers experts);

/// What a linear adds up, by ascending (r, j).
enum class Sum { none, slots, all };

struct LinearOptions {
  bool transposed = false; ///< matrices are [R,M,out,in]
  Numbers bias = {};       ///< [R,M,out]
  Numbers weights = {};    ///< [B,S,R,k]; with a sum only
  Sum sum = Sum::none;
};

/// Projects rows by the matrices of the selected experts. input is the row of
/// the token [B,S,in], of the group [B,S,R,in] or of the slot [B,S,R,k,in];
/// matrices [R,M,in,out].
///
///   p[b,s,r,j,:] = input(b,s,r,j) matrices[r,e] + bias[r,e],
///                  e = experts[b,s,r,j];  a hole gives 0
///   none:  p                      [B,S,R,k,out]
///   slots: sum over j of w p      [B,S,R,out]
///   all:   sum over r, j of w p   [B,S,out]
///
/// w = 1 without weights. A hole adds nothing, even where its weight is NaN.
Tensor<double> linear(Numbers input, Numbers matrices, Integers experts,
                      const LinearOptions &options);

/// How head outputs become one row a token.
enum class Combine { concat, sum, scatter };

struct CombineOptions {
  /// [B,S, leading h...]: any prefix of the heads. Needed by a sum.
  Numbers weights = {};
  Integers experts = {};  ///< [B,S,R,k], of a scatter
  int64_t numExperts = 0; ///< M, of a scatter
};

/// source [B,S,h...,D] gives [B,S,width], with w = 1 without weights:
///
///   concat:  w o, flattened                              width = product(h) D
///   sum:     sum of w o over the heads that weights have,  product(rest) D
///   scatter: z[(r,e,c),:] = sum over j with experts = e of w o,      R M u D
Tensor<double> combine(Combine kind, Numbers source,
                       const CombineOptions &options = {});

/// Rotates the leading 2n components of each row by its position. source
/// [B,S,...,D], cos and sin [P,n], positions a prefix of source: [B,S],
/// [B,S,R,k], ...; without positions, s.
///
///   y[c]     = x[c] cos[position,c] - x[c+n] sin[position,c]       for c < n
///   y[c + n] = x[c+n] cos[position,c] + x[c] sin[position,c]
///   y[c]     = x[c]                                               for c >= 2n
///
/// Position -1, a hole, reads row 0; others outside [0,P) are undefined.
/// Source: Su et al. 2021 (RoFormer), in the pairing of GPT-NeoX.
Tensor<double> rope(Numbers source, Numbers cos, Numbers sin,
                    Integers positions = {});

/// Averages keys or values over their heads: [B,T,H,D] gives [B,T,1,D].
Tensor<double> meanHeads(Numbers source);

/// Writes new rows [B,S,...] into a cache [B,T,...] behind those it holds:
///
///   result = cache, except result[b, position[b] + s, ...] = rows[b, s, ...]
///
/// Rows that fall outside the cache are dropped. position [B].
Tensor<double> append(Numbers rows, Numbers cache, Integers position);
Tensor<int32_t> append(Integers rows, Integers cache, Integers position);

} // namespace headgate::reference

#endif // HEADGATE_REFERENCE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Layers.h"

namespace headgate::reference {

namespace {

//===-- what a layer does around the operations --------------------------===//

Tensor<double> copied(Numbers source, std::vector<int64_t> shape) {
  Tensor<double> result(std::move(shape));
  std::ranges::copy(source.elements(), result.elements.begin());
  return result;
}

/// x W^T + b as `shape`. x [B,S,in], W [out,in] with any split of `out`, b
/// [out] or not given.
Tensor<double> projected(Numbers x, Numbers w, Numbers b,
                         std::vector<int64_t> shape) {
  auto [B, S, in] = x.extents<3>();
  int64_t out = product(w.shape()) / in;
  Numbers matrix = w.as({out, in});
  Tensor<double> y({B, S, out});
  for (int64_t n = 0; n < B; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t o = 0; o < out; ++o) {
        std::span<const double> from = x.row(n, s), column = matrix.row(o);
        double sum = b ? b(o) : 0;
        for (int64_t i = 0; i < in; ++i)
          sum += from[i] * column[i];
        y(n, s, o) = sum;
      }
  return copied(y, std::move(shape));
}

/// Rows [B,S,*] side by side.
Tensor<double> sideBySide(std::vector<Numbers> parts) {
  int64_t B = parts[0].shape()[0], S = parts[0].shape()[1], width = 0;
  for (Numbers part : parts)
    width += part.extents<3>()[2];
  Tensor<double> result({B, S, width});
  for (int64_t b = 0; b < B; ++b)
    for (int64_t s = 0; s < S; ++s) {
      auto to = result.row(b, s).begin();
      for (Numbers part : parts)
        to = std::ranges::copy(part.row(b, s), to).out;
    }
  return result;
}

/// Heads [first, last) of x [B,S,H,D] as `shape`.
Tensor<double> someHeads(Numbers x, int64_t first, int64_t last,
                         std::vector<int64_t> shape) {
  auto [B, S, H, D] = x.extents<4>();
  Tensor<double> result({B, S, last - first, D});
  for (int64_t b = 0; b < B; ++b)
    for (int64_t s = 0; s < S; ++s)
      std::ranges::copy(x.row(b, s).subspan(first * D, (last - first) * D),
                        result.row(b, s).begin());
  return copied(result, std::move(shape));
}

/// The first half of the columns: stored tables hold each half twice.
Tensor<double> leftHalf(Numbers table) {
  auto [P, width] = table.extents<2>();
  Tensor<double> half({P, width / 2});
  for (int64_t p = 0; p < P; ++p)
    std::ranges::copy(table.row(p).first(width / 2), half.row(p).begin());
  return half;
}

/// RoPE at positions offset, offset + 1, ..; x itself in a case without.
Tensor<double> rotated(const Case &c, const Inputs &in, Tensor<double> x) {
  if (!c.ropeOffset)
    return x;
  Tensor<int32_t> positions({c.B, c.S});
  for (int64_t b = 0; b < c.B; ++b)
    for (int64_t s = 0; s < c.S; ++s)
      positions(b, s) = static_cast<int32_t>(*c.ropeOffset + s);
  return rope(x, leftHalf(in["rope_cos"]), leftHalf(in["rope_sin"]), positions);
}

/// softmax over the last extent of [B,S,n]: probabilities without a choice.
Tensor<double> softmax(Numbers logits) {
  auto [B, S, n] = logits.extents<3>();
  return copied(select(logits.as({B, S, 1, n}), {.k = n}).probs, {B, S, n});
}

/// The output projection, where the case has one.
void addOutput(Results &out, const Inputs &in, Numbers concat) {
  if (!in["w_o"])
    return;
  int64_t B = concat.shape()[0], S = concat.shape()[1];
  out.numbers["y"] =
      projected(concat, in["w_o"], in["b_o"], {B, S, in["w_o"].shape()[0]});
}

void addBalanceLoss(Results &out, const Case &c, const Selection &chosen) {
  out.numbers["aux"] = Tensor<double>(
      {}, balanceLoss(chosen.probs, chosen.experts, c.balanceToOne));
}

//===-- GQE --------------------------------------------------------------===//

/// What attention starts from: given at core level, projected from x at layer
/// level. Rotated, and with the past in front of the keys and values.
struct GqeParts {
  Tensor<double> q, k, v, logits, qShared;
};

/// past [B,past,R,D] followed by the new rows.
Tensor<double> appended(const Case &c, Numbers past, Numbers rows) {
  Tensor<double> cache({c.B, c.T(), c.R, c.D});
  Tensor<int32_t> begin({c.B}), behind({c.B}, static_cast<int32_t>(c.past));
  if (past)
    cache = append(past, cache, begin);
  return append(rows, cache, behind);
}

GqeParts gqeParts(const Case &c, const Inputs &in) {
  auto part = [&](const std::string &name, const std::string &suffix,
                  const std::vector<int64_t> &shape) {
    if (!c.layer)
      return copied(in[name], shape);
    return projected(in["x"], in["w_" + suffix], in["b_" + suffix], shape);
  };
  GqeParts parts;
  parts.q = rotated(c, in, part("q", "q", {c.B, c.S, c.R, c.M, c.D}));
  Tensor<double> k = rotated(c, in, part("k", "k", {c.B, c.S, c.R, c.D}));
  parts.k = appended(c, in["past_k"], k); // the past was rotated in its turn
  parts.v = appended(c, in["past_v"], part("v", "v", {c.B, c.S, c.R, c.D}));
  parts.logits = part("router_logits", "r", {c.B, c.S, c.R, c.M});
  if (c.U)
    parts.qShared = rotated(c, in, part("q_shared", "qs", {c.B, c.S, 1, c.D}));
  return parts;
}

/// What all attentions of the layer have in common.
AttendOptions gqeVisibility(const Case &c, const Inputs &in) {
  AttendOptions options = {.causal = c.causal, .scale = c.scale};
  if (c.kvStart)
    options.kvStart = in.kvStart;
  if (c.mask)
    options.mask = in.mask.as({c.B, c.S, c.T()});
  return options;
}

/// The shared query against the mean of all key-value heads: [B,S,D].
Tensor<double> sharedHead(const Case &c, const GqeParts &parts,
                          const AttendOptions &visibility) {
  Attention one =
      attend(parts.qShared, meanHeads(parts.k), meanHeads(parts.v), visibility);
  return copied(one.output, {c.B, c.S, c.D});
}

/// What the output projection reads.
Tensor<double> gqeConcat(const Case &c, const Results &out,
                         const Tensor<double> &weights) {
  Numbers slots = out.numbers.at("slots");
  if (c.variant == Variant::weightedConcat)
    return combine(Combine::concat, slots, {.weights = weights});
  Tensor<double> flat = combine(Combine::concat, slots);
  if (c.variant == Variant::hardConcat)
    return flat;
  std::vector<Numbers> columns = {flat, out.numbers.at("renorm")};
  if (c.U)
    columns.push_back(out.numbers.at("shared"));
  return sideBySide(columns);
}

Results runGqe(const Case &c, const Inputs &in) {
  GqeParts parts = gqeParts(c, in);
  Selection chosen =
      select(parts.logits, {.k = c.k, .norm = c.norm, .eps = c.eps});
  AttendOptions visibility = gqeVisibility(c, in);
  AttendOptions perGroup = visibility; // heads are [R, k], or [R, M]
  perGroup.kvHead = [](std::span<const int64_t> head, int64_t) {
    return head[0];
  };
  Attention slots =
      attend(gather(parts.q, chosen.experts), parts.k, parts.v, perGroup);

  Results out;
  out.integers["idx"] = chosen.experts;
  out.numbers["probs"] = chosen.probs;
  out.numbers["topk_p"] = gather(chosen.probs, chosen.experts);
  out.numbers["slots"] = slots.output;
  out.numbers["lse"] = slots.lse;
  if (c.variant == Variant::gqe)
    out.numbers["renorm"] =
        combine(Combine::sum, slots.output, {.weights = chosen.weights});
  if (c.U)
    out.numbers["shared"] = sharedHead(c, parts, visibility);
  out.numbers["concat"] = gqeConcat(c, out, chosen.weights);
  addOutput(out, in, out.numbers["concat"]);
  addBalanceLoss(out, c, chosen);
  if (c.k == c.M || c.expects("dense_gqa"))
    out.numbers["dense_gqa"] =
        attend(parts.q, parts.k, parts.v, perGroup).output;
  if (c.layer)
    out.numbers["router_logits"] = parts.logits;
  if (c.past) {
    out.numbers["k_cache"] = parts.k;
    out.numbers["v_cache"] = parts.v;
  }
  return out;
}

//===-- MoH (DiT) --------------------------------------------------------===//

/// U heads that are always on, then M of which k are chosen; each head has its
/// own keys and values. Two stages of gates: a = 2 softmax(balance_logits);
/// always-on head i weighs a_0 U softmax(shared_logits)_i, chosen head m
/// a_1 k p_m / sum of the chosen p.
Results runMohDit(const Case &c, const Inputs &in) {
  Selection chosen =
      select(in["router_logits"],
             {.k = c.k, .norm = c.norm, .scale = c.weightScale, .eps = c.eps});
  Tensor<double> a = softmax(in["balance_logits"]);
  Tensor<double> sharedGates = softmax(in["shared_logits"]);
  Tensor<double> slotGates = chosen.weights;
  for (int64_t b = 0; b < c.B; ++b)
    for (int64_t s = 0; s < c.S; ++s) {
      for (double &gate : sharedGates.row(b, s))
        gate *= 2 * a(b, s, 0) * static_cast<double>(c.U);
      for (double &gate : slotGates.row(b, s))
        gate *= 2 * a(b, s, 1);
    }

  AttendOptions own = {.causal = c.causal, .scale = c.scale};
  own.kvHead = [](std::span<const int64_t> head, int64_t) { return head[0]; };
  AttendOptions ofExpert = {.causal = c.causal, .scale = c.scale};
  ofExpert.experts = chosen.experts;
  ofExpert.kvHead = [&](std::span<const int64_t>, int64_t expert) {
    return c.U + expert;
  };
  int64_t H = c.U + c.M;
  Numbers q = in["q"], k = in["k"], v = in["v"];
  Attention shared =
      attend(someHeads(q, 0, c.U, {c.B, c.S, c.U, c.D}), k, v, own);
  Tensor<double> pool = someHeads(q, c.U, H, {c.B, c.S, 1, c.M, c.D});
  Attention slots = attend(gather(pool, chosen.experts), k, v, ofExpert);

  Tensor<double> scattered = sideBySide(
      {combine(Combine::concat, shared.output, {.weights = sharedGates}),
       combine(Combine::scatter, slots.output,
               {.weights = slotGates,
                .experts = chosen.experts,
                .numExperts = c.M})});
  Results out;
  out.integers["idx"] = chosen.experts;
  out.numbers["probs"] = chosen.probs;
  out.numbers["heads"] = attend(q, k, v, own).output; // as if all were on
  out.numbers["weights"] =
      sideBySide({sharedGates,
                  combine(Combine::scatter, slotGates.as({c.B, c.S, 1, c.k, 1}),
                          {.experts = chosen.experts, .numExperts = c.M})});
  out.numbers["scattered"] = copied(scattered, {c.B, c.S, H, c.D});
  addOutput(out, in, scattered);
  addBalanceLoss(out, c, chosen);
  return out;
}

//===-- LLaMA-MoE-v2 -----------------------------------------------------===//

/// The dispatch of one group in the words of the case: rows are tokens b*S + s,
/// ranks are kept by expert, [B,S,E].
void addDispatch(Results &out, const Case &c, Integers experts) {
  Dispatch sorted = dispatch(experts, c.M);
  for (int32_t &row : sorted.rows.elements)
    row = row < 0 ? row : row / static_cast<int32_t>(c.k);
  Tensor<int32_t> rank({c.B, c.S, c.M}, -1);
  for (int64_t b = 0; b < c.B; ++b)
    for (int64_t s = 0; s < c.S; ++s)
      for (int64_t j = 0; j < c.k; ++j)
        rank(b, s, experts(b, s, 0, j)) = sorted.rank(b, s, 0, j);
  out.integers["rows"] = sorted.rows;
  out.integers["offsets"] = sorted.offsets;
  out.integers["rank"] = rank;
}

/// An expert is a key-value head with its own projections and u query heads;
/// its keys exist only for the tokens that chose it.
Results runLlamaMoeV2(const Case &c, const Inputs &in) {
  auto experts = [&](const char *name, int64_t out, int64_t from) {
    return in[name].as({1, c.M, out, from});
  };
  Tensor<double> logits = projected(in["x"], in["w_r"], {}, {c.B, c.S, 1, c.M});
  Selection chosen = select(
      logits, {.k = c.k, .norm = c.norm, .scale = c.weightScale, .eps = c.eps});
  auto part = [&](const char *name, int64_t width) {
    return linear(in["x"], experts(name, width, c.d), chosen.experts,
                  {.transposed = true});
  };
  Tensor<double> q = rotated(
      c, in, copied(part("w_q", c.u * c.D), {c.B, c.S, 1, c.k, c.u, c.D}));
  Tensor<double> k = rotated(c, in, part("w_k", c.D));
  Tensor<double> v = part("w_v", c.D);
  Attention slots = attend(q, k, v,
                           {.causal = c.causal,
                            .scale = c.scale,
                            .experts = chosen.experts,
                            .history = chosen.experts});
  Results out;
  out.numbers["y"] =
      linear(slots.output.as({c.B, c.S, 1, c.k, c.u * c.D}),
             experts("w_o", c.d, c.u * c.D), chosen.experts,
             {.transposed = true, .weights = chosen.weights, .sum = Sum::all});
  out.numbers["router_logits"] = logits;
  out.integers["idx"] = chosen.experts;
  out.numbers["weights"] = chosen.weights;
  out.numbers["slots"] = copied(slots.output, {c.B, c.S, c.k, c.u, c.D});
  out.numbers["lse"] = copied(slots.lse, {c.B, c.S, c.k, c.u});
  addDispatch(out, c, chosen.experts);
  return out;
}

//===-- SwitchHead -------------------------------------------------------===//

/// Attention is dense over the heads (groups here); each head mixes k value
/// projections, chosen by the key token, and k output projections, chosen by
/// the query token.
Results runSwitchhead(const Case &c, const Inputs &in) {
  int64_t H = c.R;
  auto choose = [&](const char *router) {
    Tensor<double> logits =
        projected(in["x"], in[router], {}, {c.B, c.S, H, c.M});
    return select(logits, {.k = c.k,
                           .activation = Activation::sigmoid,
                           .norm = c.norm,
                           .eps = c.eps});
  };
  Selection ofKey = choose("sel_v"), ofQuery = choose("sel_o");
  auto heads = [&](const char *name) {
    return rotated(c, in, projected(in["x"], in[name], {}, {c.B, c.S, H, c.D}));
  };
  Tensor<double> q = heads("w_q"), k = heads("w_k");
  Tensor<double> v =
      linear(in["x"], in["w_v"].as({H, c.M, c.d, c.D}), ofKey.experts,
             {.weights = ofKey.weights, .sum = Sum::slots});
  Attention dense = attend(q, k, v, {.causal = c.causal, .scale = c.scale});
  Results out;
  out.numbers["y"] =
      linear(dense.output, in["w_o"].as({H, c.M, c.D, c.d}), ofQuery.experts,
             {.weights = ofQuery.weights, .sum = Sum::all});
  out.integers["idx_v"] = ofKey.experts;
  out.integers["idx_o"] = ofQuery.experts;
  out.numbers["weights_v"] = ofKey.weights;
  out.numbers["weights_o"] = ofQuery.weights;
  out.numbers["v"] = v;
  out.numbers["heads"] = dense.output;
  return out;
}
} // namespace

Results runLayer(const Case &c, const Inputs &inputs) {
  switch (c.system) {
  case System::gqe:
    return runGqe(c, inputs);
  case System::mohDit:
    return runMohDit(c, inputs);
  case System::llamaMoeV2:
    return runLlamaMoeV2(c, inputs);
  case System::switchhead:
    return runSwitchhead(c, inputs);
  }
  return {};
}

} // namespace headgate::reference

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Choosing experts: select, selectTokens, dispatch, balanceLoss. Sorted and
// counted the plain way, row by row.

#include "headgate/Reference.h"

#include <cmath>
#include <limits>
#include <numeric>

namespace headgate::reference {

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

/// exp(l) / sum exp(l), shifted by the largest l. A row of -inf gives zeros.
std::vector<double> softmax(std::span<const double> logits) {
  double most = -infinity;
  for (double l : logits)
    most = std::max(most, l); // passes over NaN, which exp brings back
  std::vector<double> result(logits.size());
  if (std::ranges::all_of(logits, [](double l) { return l == -infinity; }))
    return result;
  double total = 0;
  for (size_t m = 0; m < logits.size(); ++m)
    total += result[m] = std::exp(logits[m] - most);
  for (double &p : result)
    p /= total;
  return result;
}

std::vector<double> probabilities(std::span<const double> logits,
                                  Activation activation) {
  std::vector<double> result(logits.size(), 1);
  switch (activation) {
  case Activation::softmaxAll:
  case Activation::softmaxTopk:
    return softmax(logits);
  case Activation::sigmoid:
    for (size_t m = 0; m < logits.size(); ++m)
      result[m] = 1 / (1 + std::exp(-logits[m]));
    return result;
  case Activation::ones:
    return result;
  }
  return result;
}

/// What a choice compares: f32, and never NaN.
float asKey(float value) {
  return std::isnan(value) ? -std::numeric_limits<float>::infinity() : value;
}

/// The first `count` candidates, or all: a before b if its key is larger, or if
/// keys are equal (-0 equals +0) and a < b.
std::vector<int32_t> firstByKey(std::vector<int32_t> candidates,
                                std::span<const float> keys, int64_t count) {
  std::ranges::sort(candidates, [&](int32_t a, int32_t b) {
    return keys[a] > keys[b] || (keys[a] == keys[b] && a < b);
  });
  if (static_cast<int64_t>(candidates.size()) > count)
    candidates.resize(static_cast<size_t>(count));
  return candidates;
}

std::vector<int32_t> chooseExperts(std::span<const double> logits,
                                   std::span<const double> probs, int64_t r,
                                   const SelectOptions &options) {
  std::vector<float> keys(logits.size());
  for (size_t m = 0; m < keys.size(); ++m)
    keys[m] = options.bias ? asKey(static_cast<float>(probs[m]) +
                                   static_cast<float>(options.bias.row(r)[m]))
                           : asKey(static_cast<float>(logits[m]));
  std::vector<int32_t> all(keys.size());
  std::iota(all.begin(), all.end(), 0);
  std::vector<int32_t> chosen = firstByKey(all, keys, options.k);
  if (options.order == Order::index)
    std::ranges::sort(chosen);
  return chosen;
}

std::vector<double> slotWeights(std::span<const double> logits,
                                std::span<const double> probs,
                                std::span<const int32_t> chosen,
                                Activation activation) {
  bool ofChosen = activation == Activation::softmaxTopk;
  std::vector<double> weights;
  for (int32_t m : chosen)
    weights.push_back(ofChosen ? logits[m] : probs[m]);
  return ofChosen ? softmax(weights) : weights;
}

void divideBySum(std::span<double> weights, double eps) {
  double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double &w : weights)
    w /= std::max(sum, eps); // in this order a NaN sum stays NaN
}
} // namespace

Selection select(Numbers logits, const SelectOptions &options) {
  auto [B, S, R, M] = logits.extents<4>();
  assert(1 <= options.k && options.k <= M && "as many experts as there are");
  assert(!(options.activation == Activation::softmaxTopk &&
           options.norm == Norm::group) &&
         "softmaxTopk sums to one already");
  Selection result = {
      {{B, S, R, options.k}, -1}, {{B, S, R, options.k}}, {{B, S, R, M}}};
  for (int64_t b = 0; b < B; ++b)
    for (int64_t s = 0; s < S; ++s) {
      if (options.valid && !options.valid(b, s))
        continue;
      for (int64_t r = 0; r < R; ++r) {
        std::span<const double> l = logits.row(b, s, r);
        std::vector<double> probs = probabilities(l, options.activation);
        std::vector<int32_t> chosen = chooseExperts(l, probs, r, options);
        std::vector<double> weights =
            slotWeights(l, probs, chosen, options.activation);
        std::ranges::copy(chosen, result.experts.row(b, s, r).begin());
        std::ranges::copy(weights, result.weights.row(b, s, r).begin());
        std::ranges::copy(probs, result.probs.row(b, s, r).begin());
        if (options.norm == Norm::group)
          divideBySum(result.weights.row(b, s, r), options.eps);
      }
      if (options.norm == Norm::token)
        divideBySum(result.weights.row(b, s), options.eps);
      for (double &w : result.weights.row(b, s))
        w *= options.scale;
    }
  return result;
}

Selection selectTokens(Numbers logits, const SelectTokensOptions &options) {
  auto [B, S, R, M] = logits.extents<4>();
  assert(options.activation != Activation::softmaxTopk &&
         "no k experts are chosen");
  assert(options.capacity >= 0 && "a count of tokens");
  Selection result = {{{B, S, R, M}, -1}, {{B, S, R, M}}, {{B, S, R, M}}};
  for (int64_t b = 0; b < B; ++b) {
    std::vector<int32_t> tokens;
    for (int64_t s = 0; s < S; ++s)
      if (!options.valid || options.valid(b, s))
        tokens.push_back(static_cast<int32_t>(s));
    for (int64_t r = 0; r < R; ++r) {
      for (int32_t s : tokens)
        std::ranges::copy(
            probabilities(logits.row(b, s, r), options.activation),
            result.probs.row(b, s, r).begin());
      for (int64_t m = 0; m < M; ++m) {
        std::vector<float> keys(static_cast<size_t>(S));
        for (int32_t s : tokens)
          keys[s] = asKey(static_cast<float>(logits(b, s, r, m)));
        if (options.includeFirst && S > 0)
          keys[0] = std::numeric_limits<float>::infinity();
        for (int32_t s : firstByKey(tokens, keys, options.capacity)) {
          result.experts(b, s, r, m) = static_cast<int32_t>(m);
          result.weights(b, s, r, m) = result.probs(b, s, r, m);
        }
      }
    }
  }
  return result;
}

Dispatch dispatch(Integers experts, int64_t numExperts) {
  auto [B, S, R, k] = experts.extents<4>();
  Dispatch result = {
      {{B * S * R * k}, -1}, {{B * R * numExperts + 1}}, {{B, S, R, k}, -1}};
  int32_t next = 0;
  for (int64_t b = 0; b < B; ++b)
    for (int64_t r = 0; r < R; ++r)
      for (int64_t e = 0; e < numExperts; ++e) {
        int32_t begin = next;
        for (int64_t s = 0; s < S; ++s)
          for (int64_t j = 0; j < k; ++j)
            if (experts(b, s, r, j) == e) {
              result.rank(b, s, r, j) = next - begin;
              result.rows(next++) =
                  static_cast<int32_t>(((b * S + s) * R + r) * k + j);
            }
        result.offsets((b * R + r) * numExperts + e + 1) = next;
      }
  return result;
}

double balanceLoss(Numbers probs, Integers experts, bool normalized) {
  auto [B, S, R, M] = probs.extents<4>();
  int64_t k = experts.extents<4>()[3];
  double n = 0;
  Tensor<double> uses({R, M}), mass({R, M});
  for (int64_t b = 0; b < B; ++b)
    for (int64_t s = 0; s < S; ++s) {
      n += experts(b, s, 0, 0) >= 0;
      for (int64_t r = 0; r < R; ++r) {
        for (int32_t e : experts.row(b, s, r))
          if (e >= 0)
            uses(r, e) += normalized ? 1.0 / static_cast<double>(k) : 1.0;
        for (int64_t m = 0; m < M; ++m)
          mass(r, m) += probs(b, s, r, m);
      }
    }
  double sum = 0;
  for (int64_t r = 0; r < R; ++r)
    for (int64_t m = 0; m < M; ++m)
      sum += uses(r, m) / n * (mass(r, m) / n);
  return sum * static_cast<double>(M) / static_cast<double>(R);
}

} // namespace headgate::reference

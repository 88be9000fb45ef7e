// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attend: for each query row, collect the keys it sees with their scores, then
// average their values. Keys that are not seen are not collected, so nothing in
// them can matter.

#include "headgate/Reference.h"

#include <cmath>
#include <limits>

namespace headgate::reference {

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

double dot(std::span<const double> x, std::span<const double> y) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum += x[i] * y[i];
  return sum;
}

struct SeenKey {
  double score;
  std::span<const double> value;
};

/// Adds the softmax average of the values to `output`, which holds zeros, and
/// gives ln sum exp of the scores. The largest score is subtracted first.
double average(std::span<const SeenKey> seen, std::span<double> output) {
  double most = -infinity;
  for (const SeenKey &key : seen)
    most = std::max(most, key.score); // passes over NaN, which exp brings back
  if (seen.empty())
    return -infinity;
  double total = 0;
  for (const SeenKey &key : seen) {
    double p = std::exp(key.score - most);
    total += p;
    for (size_t d = 0; d < output.size(); ++d)
      output[d] += p * key.value[d];
  }
  for (double &component : output)
    component /= total;
  return most + std::log(total);
}

/// One call of attend.
class AttendLoops {
public:
  AttendLoops(Numbers query, Numbers key, Numbers value,
              const AttendOptions &options)
      : options(options), B(query.shape()[0]), S(query.shape()[1]),
        T(key.shape()[1]), D(query.shape().back()),
        headExtents(query.shape().begin() + 2, query.shape().end() - 1),
        heads(product(headExtents)), query(query.as({B, S, heads, D})),
        key(key), value(value),
        scale(options.scale.value_or(1 / std::sqrt(static_cast<double>(D)))) {
    assert((!options.window || options.causal) && "a window is causal");
    assert((!options.history || (options.experts && !options.kvHead)) &&
           "a history is that of experts and has no key-value heads");
  }

  Attention run() const {
    std::vector<int64_t> rows = {B, S};
    rows.insert(rows.end(), headExtents.begin(), headExtents.end());
    Attention result;
    result.lse = Tensor<double>(rows);
    rows.push_back(value.shape().back());
    result.output = Tensor<double>(rows);
    size_t width = static_cast<size_t>(rows.back()), row = 0;
    for (int64_t b = 0; b < B; ++b)
      for (int64_t s = 0; s < S; ++s)
        for (int64_t h = 0; h < heads; ++h, ++row)
          result.lse.elements[row] = average(
              keysSeenBy(b, s, h),
              std::span(result.output.elements).subspan(row * width, width));
    return result;
  }

private:
  /// What does not depend on the head or on the score.
  bool mayBeSeen(int64_t b, int64_t s, int64_t t) const {
    int64_t kvStart = options.kvStart ? options.kvStart(b) : 0;
    int64_t kvLen = options.kvLen ? options.kvLen(b) : T;
    int64_t qLen = options.qLen ? options.qLen(b) : S;
    int64_t position = s + kvLen - qLen; // bottom-right
    if (t < kvStart || t >= kvLen || s >= qLen)
      return false;
    if (options.causal && t > position)
      return false;
    if (options.window && t <= position - *options.window)
      return false;
    if (!options.mask)
      return true;
    bool shared = options.mask.shape()[0] == 1;
    return options.mask(shared ? 0 : b, s, t);
  }

  /// Where a head stands in the selection; without one, nowhere.
  struct Slot {
    int64_t r = 0, expert = -1;
  };
  Slot slotOf(int64_t b, int64_t s, int64_t h) const {
    if (!options.experts)
      return {};
    // The slot is the leading part of the head index: h = (r, j, c).
    int64_t R = options.experts.shape()[2], k = options.experts.shape()[3];
    int64_t slot = h / (heads / (R * k));
    return {slot / k, options.experts.row(b, s)[slot]};
  }

  std::vector<SeenKey> keysSeenBy(int64_t b, int64_t s, int64_t h) const {
    std::vector<SeenKey> seen;
    auto [r, expert] = slotOf(b, s, h);
    if (options.experts && expert < 0)
      return seen;
    std::vector<int64_t> head = indicesOf(h);
    int64_t kvHead = options.history ? -1 : kvHeadOf(h, head, expert);
    std::span<const double> q = query.row(b, s, h);
    auto look = [&](int64_t t, std::span<const double> k,
                    std::span<const double> v) {
      double score = scale * dot(q, k);
      if (options.score)
        score = options.score(score, {b, s, t, head});
      if (score != -infinity)
        seen.push_back({score, v});
    };
    for (int64_t t = 0; t < T; ++t) {
      if (!mayBeSeen(b, s, t))
        continue;
      if (!options.history) {
        look(t, key.row(b, t, kvHead), value.row(b, t, kvHead));
        continue;
      }
      for (int64_t i = 0; i < options.history.shape()[3]; ++i)
        if (options.history(b, t, r, i) == expert)
          look(t, key.row(b, t, r, i), value.row(b, t, r, i));
    }
    return seen;
  }

  std::vector<int64_t> indicesOf(int64_t h) const {
    std::vector<int64_t> index(headExtents.size());
    for (size_t d = index.size(); d-- > 0; h /= headExtents[d])
      index[d] = h % headExtents[d];
    return index;
  }

  int64_t kvHeadOf(int64_t h, std::span<const int64_t> head,
                   int64_t expert) const {
    if (options.kvHead)
      return options.kvHead(head, expert);
    assert(heads % key.shape()[2] == 0 && "equal groups of query heads");
    return h / (heads / key.shape()[2]);
  }

  const AttendOptions &options;
  int64_t B, S, T, D;
  std::vector<int64_t> headExtents;
  int64_t heads; ///< product of headExtents
  Numbers query; ///< [B, S, heads, D]
  Numbers key, value;
  double scale;
};
} // namespace

Attention attend(Numbers query, Numbers key, Numbers value,
                 const AttendOptions &options) {
  return AttendLoops(query, key, value, options).run();
}

} // namespace headgate::reference

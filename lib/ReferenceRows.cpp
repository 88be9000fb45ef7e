// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What moves, projects and adds rows: gather, linear, combine, rope, meanHeads,
// append. Results start as zeros; a hole is what is skipped.

#include "headgate/Reference.h"

namespace headgate::reference {

Tensor<double> gather(Numbers source, Integers experts) {
  auto [B, S, R, k] = experts.extents<4>();
  std::vector<int64_t> shape(source.shape().begin(), source.shape().end());
  shape[3] = k;
  Tensor<double> result(shape);
  for (int64_t b = 0; b < B; ++b)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t r = 0; r < R; ++r)
        for (int64_t j = 0; j < k; ++j)
          if (int32_t e = experts(b, s, r, j); e >= 0)
            std::ranges::copy(source.row(b, s, r, e),
                              result.row(b, s, r, j).begin());
  return result;
}

namespace {
/// The row that slot (b, s, r, j) projects: the token's, the group's or its
/// own.
std::span<const double> inputRow(Numbers input, int64_t b, int64_t s, int64_t r,
                                 int64_t j) {
  if (input.rank() == 3)
    return input.row(b, s);
  return input.rank() == 4 ? input.row(b, s, r) : input.row(b, s, r, j);
}

/// x W[r, e] + bias[r, e]
std::vector<double> project(std::span<const double> x, Numbers matrices,
                            int64_t r, int64_t e,
                            const LinearOptions &options) {
  auto [groups, M, rows, columns] = matrices.extents<4>();
  int64_t out = options.transposed ? rows : columns;
  std::vector<double> result(static_cast<size_t>(out));
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t i = 0; i < static_cast<int64_t>(x.size()); ++i)
      result[o] += x[i] * (options.transposed ? matrices(r, e, o, i)
                                              : matrices(r, e, i, o));
    if (options.bias)
      result[o] += options.bias(r, e, o);
  }
  return result;
}

/// The row of the result that slot (b, s, r, j) adds to.
std::span<double> outputRow(Tensor<double> &result, Sum sum, int64_t b,
                            int64_t s, int64_t r, int64_t j) {
  switch (sum) {
  case Sum::none:
    return result.row(b, s, r, j);
  case Sum::slots:
    return result.row(b, s, r);
  case Sum::all:
    return result.row(b, s);
  }
  return {};
}
} // namespace

Tensor<double> linear(Numbers input, Numbers matrices, Integers experts,
                      const LinearOptions &options) {
  auto [B, S, R, k] = experts.extents<4>();
  assert((!options.weights || options.sum != Sum::none) &&
         "weights belong to a sum");
  std::vector<int64_t> shape = {B, S};
  if (options.sum != Sum::all)
    shape.push_back(R);
  if (options.sum == Sum::none)
    shape.push_back(k);
  shape.push_back(matrices.shape()[options.transposed ? 2 : 3]);
  Tensor<double> result(shape);
  for (int64_t b = 0; b < B; ++b)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t r = 0; r < R; ++r)
        for (int64_t j = 0; j < k; ++j) {
          int32_t e = experts(b, s, r, j);
          if (e < 0)
            continue;
          std::vector<double> p =
              project(inputRow(input, b, s, r, j), matrices, r, e, options);
          double w = options.weights ? options.weights(b, s, r, j) : 1;
          std::span<double> y = outputRow(result, options.sum, b, s, r, j);
          for (size_t o = 0; o < p.size(); ++o)
            y[o] += w * p[o];
        }
  return result;
}

Tensor<double> combine(Combine kind, Numbers source,
                       const CombineOptions &options) {
  int64_t B = source.shape()[0], S = source.shape()[1];
  int64_t D = source.shape().back();
  int64_t heads = product(source.shape().subspan(2, source.rank() - 3));
  // Heads h that share h / rest share a weight.
  int64_t weighed =
      options.weights ? product(options.weights.shape().subspan(2)) : heads;
  int64_t rest = heads / weighed;
  auto weight = [&](int64_t b, int64_t s, int64_t h) {
    return options.weights ? options.weights.row(b, s)[h / rest] : 1;
  };
  // The head of the result that head h adds to, or -1.
  auto target = [&](int64_t b, int64_t s, int64_t h) -> int64_t {
    if (kind == Combine::concat)
      return h;
    if (kind == Combine::sum)
      return h % rest;
    auto [batch, tokens, R, k] = options.experts.extents<4>();
    int64_t u = heads / (R * k), slot = h / u;
    int64_t e = options.experts.row(b, s)[slot];
    return e < 0 ? -1 : (slot / k * options.numExperts + e) * u + h % u;
  };
  int64_t width = heads;
  if (kind == Combine::sum)
    width = rest;
  if (kind == Combine::scatter)
    width = heads / source.shape()[3] * options.numExperts;

  Numbers o = source.as({B, S, heads, D});
  Tensor<double> result({B, S, width * D});
  for (int64_t b = 0; b < B; ++b)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t h = 0; h < heads; ++h)
        if (int64_t to = target(b, s, h); to >= 0)
          for (int64_t d = 0; d < D; ++d)
            result(b, s, to * D + d) += weight(b, s, h) * o(b, s, h, d);
  return result;
}

Tensor<double> rope(Numbers source, Numbers cos, Numbers sin,
                    Integers positions) {
  int64_t B = source.shape()[0], S = source.shape()[1];
  int64_t D = source.shape().back(), n = cos.shape()[1];
  assert(2 * n <= D && "no more pairs than components");
  int64_t rows = product(source.shape().subspan(2, source.rank() - 3));
  // Rows that share row / perPosition share a position.
  int64_t perPosition =
      positions ? rows / product(positions.shape().subspan(2)) : rows;
  Numbers x = source.as({B, S, rows, D});
  Tensor<double> y({B, S, rows, D});
  for (int64_t b = 0; b < B; ++b)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t row = 0; row < rows; ++row) {
        int64_t p = positions ? positions.row(b, s)[row / perPosition] : s;
        p = p == -1 ? 0 : p; // a hole
        std::ranges::copy(x.row(b, s, row), y.row(b, s, row).begin());
        for (int64_t c = 0; c < n; ++c) {
          double low = x(b, s, row, c), high = x(b, s, row, c + n);
          y(b, s, row, c) = low * cos(p, c) - high * sin(p, c);
          y(b, s, row, c + n) = high * cos(p, c) + low * sin(p, c);
        }
      }
  y.shape.assign(source.shape().begin(), source.shape().end());
  return y;
}

Tensor<double> meanHeads(Numbers source) {
  auto [B, T, H, D] = source.extents<4>();
  Tensor<double> result({B, T, 1, D});
  for (int64_t b = 0; b < B; ++b)
    for (int64_t t = 0; t < T; ++t)
      for (int64_t d = 0; d < D; ++d) {
        double sum = 0;
        for (int64_t h = 0; h < H; ++h)
          sum += source(b, t, h, d);
        result(b, t, 0, d) = sum / static_cast<double>(H);
      }
  return result;
}

namespace {
template <typename T>
Tensor<T> appendRows(View<T> rows, View<T> cache, Integers position) {
  int64_t B = rows.shape()[0], S = rows.shape()[1];
  int64_t capacity = cache.shape()[1];
  Tensor<T> result({cache.shape().begin(), cache.shape().end()});
  std::ranges::copy(cache.elements(), result.elements.begin());
  for (int64_t b = 0; b < B; ++b)
    for (int64_t s = 0; s < S; ++s)
      if (int64_t t = position(b) + s; 0 <= t && t < capacity)
        std::ranges::copy(rows.row(b, s), result.row(b, t).begin());
  return result;
}
} // namespace

Tensor<double> append(Numbers rows, Numbers cache, Integers position) {
  return appendRows(rows, cache, position);
}
Tensor<int32_t> append(Integers rows, Integers cache, Integers position) {
  return appendRows(rows, cache, position);
}

} // namespace headgate::reference

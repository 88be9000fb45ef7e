// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Statistics.h"

#include "lib/Random.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace headgate {

namespace {

constexpr int draws = 1000;

/// Ranks from 1; equal values have the mean of theirs.
std::vector<double> ranksOf(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::ranges::sort(order, {}, [&](size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0, end; begin < order.size(); begin = end) {
    end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]])
      ++end;
    for (size_t i = begin; i < end; ++i)
      ranks[order[i]] = double(begin + end + 1) / 2;
  }
  return ranks;
}

} // namespace

double quantile(std::vector<double> samples, double p) {
  if (samples.empty())
    return 0;
  std::ranges::sort(samples);
  double at = p * double(samples.size() - 1);
  size_t low = size_t(at);
  size_t high = std::min(low + 1, samples.size() - 1);
  return samples[low] + (at - double(low)) * (samples[high] - samples[low]);
}

Interval medianRatio(std::span<const double> a, std::span<const double> b,
                     uint64_t seed) {
  std::vector<double> ratios;
  for (size_t i = 0; i < a.size(); ++i)
    ratios.push_back(a[i] / b[i]);
  if (ratios.empty())
    return {};
  Random random(seed);
  std::vector<double> medians, drawn(ratios.size());
  for (int draw = 0; draw < draws; ++draw) {
    for (double &ratio : drawn)
      ratio = ratios[random.below(ratios.size())];
    medians.push_back(median(drawn));
  }
  return {median(ratios), quantile(medians, 0.025), quantile(medians, 0.975)};
}

double spearman(std::span<const double> a, std::span<const double> b) {
  std::vector<double> x = ranksOf(a), y = ranksOf(b);
  double mean = double(x.size() + 1) / 2, xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

} // namespace headgate

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The FlashAttention-2 sample of ptx/fa2-sm80.ptx: D = 64, tiles of 64 queries
// and 64 keys, 4 warps, double-buffered cp.async. Inputs, launch and a
// reference in double.

#ifndef HEADGATE_TEST_RUNTIME_SIM_FA2_H
#define HEADGATE_TEST_RUNTIME_SIM_FA2_H

#include "lib/Float16.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace headgate::test {

struct Fa2 {
  static constexpr int d = 64, tile = 64;
  static constexpr uint32_t threads = 128, sharedBytes = (64 + 4 * 64) * 128;

  Fa2(int heads, int length, bool causal)
      : heads(heads), s(length), causal(causal) {
    std::mt19937 random(heads * 1000 + length);
    std::normal_distribution<float> normal;
    for (auto *values : {&q, &k, &v}) {
      values->resize(size_t(heads) * s * d);
      for (uint16_t &value : *values)
        value = narrowToBF16(normal(random));
    }
  }
  std::array<uint32_t, 3> grid() const {
    return {static_cast<uint32_t>((s + tile - 1) / tile),
            static_cast<uint32_t>(heads), 1};
  }
  /// exp2 takes scores scaled by log2(e).
  float scale() const { return 1.4426950408889634f / std::sqrt(float(d)); }
  /// Multiply-adds of both products, without those of masked tiles.
  double macs() const {
    double tiles = 0;
    for (int row = 0; row < s; row += tile)
      tiles += causal ? std::min(row / tile + 1, (s + tile - 1) / tile)
                      : (s + tile - 1) / tile;
    return 2.0 * heads * tiles * tile * tile * d;
  }

  /// One row of the output, and the log2 of its sum of exponentials.
  std::vector<double> row(int head, int i, double &lse) const {
    const size_t base = size_t(head) * s;
    int seen = causal ? i + 1 : s;
    std::vector<double> score(seen), out(d, 0.0);
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int j = 0; j < seen; ++j) {
      double dot = 0;
      for (int x = 0; x < d; ++x)
        dot += double(widenBF16(q[(base + i) * d + x])) *
               widenBF16(k[(base + j) * d + x]);
      score[j] = dot * scale();
      most = std::max(most, score[j]);
    }
    for (int j = 0; j < seen; ++j) {
      double p = std::exp2(score[j] - most);
      sum += p;
      for (int x = 0; x < d; ++x)
        out[x] += p * widenBF16(v[(base + j) * d + x]);
    }
    for (double &value : out)
      value /= sum;
    lse = most + std::log2(sum);
    return out;
  }

  int heads, s;
  bool causal;
  std::vector<uint16_t> q, k, v;
};

} // namespace headgate::test

#endif // HEADGATE_TEST_RUNTIME_SIM_FA2_H

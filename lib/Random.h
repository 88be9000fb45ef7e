// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random numbers that are the same on every machine, unlike those of the
// standard library's distributions. Source: Steele, Lea and Flood 2014
// (SplitMix64).

#ifndef HEADGATE_LIB_RANDOM_H
#define HEADGATE_LIB_RANDOM_H

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace headgate {

class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// In [0, count); the bias is below count / 2^64.
  uint64_t below(uint64_t count) { return next() % count; }
  /// All orders are equally likely. Source: Fisher and Yates.
  template <typename T> void shuffle(std::vector<T> &values) {
    for (size_t i = values.size(); i > 1; --i)
      std::swap(values[i - 1], values[below(i)]);
  }
  /// In (0, 1).
  double uniform() { return (double(next() >> 12) + 0.5) * 0x1p-52; }

private:
  uint64_t state;
};

} // namespace headgate

#endif // HEADGATE_LIB_RANDOM_H

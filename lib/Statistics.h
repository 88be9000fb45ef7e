// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What samples of time say.

#ifndef HEADGATE_LIB_STATISTICS_H
#define HEADGATE_LIB_STATISTICS_H

#include <cstdint>
#include <span>
#include <vector>

namespace headgate {

/// The value below which a share `p` of the samples lies, between two samples
/// by interpolation; 0 without samples.
double quantile(std::vector<double> samples, double p);
inline double median(std::vector<double> samples) {
  return quantile(std::move(samples), 0.5);
}

/// A value and bounds of it with 95 % confidence.
struct Interval {
  double value = 0, low = 0, high = 0;
};

/// The median of a[i] / b[i], samples taken side by side in round i, and its
/// interval by the bootstrap: 1000 draws of as many rounds. The seed makes it
/// the same on every machine. Source: Efron 1979. Needs: as many of both.
Interval medianRatio(std::span<const double> a, std::span<const double> b,
                     uint64_t seed);

/// How well one order predicts another, from -1 to 1: the correlation of ranks,
/// where equal values share theirs. 0 of fewer than 2 values or of equal ones.
double spearman(std::span<const double> a, std::span<const double> b);

} // namespace headgate

#endif // HEADGATE_LIB_STATISTICS_H

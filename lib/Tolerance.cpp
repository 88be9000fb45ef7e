// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Tolerance.h"

#include <cmath>

namespace headgate {

namespace {
/// The unit roundoff of f32: one rounding is off by at most this, relatively.
constexpr double unit = 0x1p-24;

/// f32 kernels round every product, sum and exp once. In units of `unit`:
///   - 16 for the roundings that do not grow with the problem (projection of a
///     few hundred terms in blocks, scale, division, exp to about 2 units);
///   - 4 sqrt(T) for the sums over T keys of P and of P V: errors of T
///     independent roundings add up like sqrt(T), with a factor 4 as the
///     distance of the worst of some thousand elements;
///   - 2 max|score| because exp turns an absolute error into a relative one:
///     a score of size m has the error m * unit, and so has the row maximum.
/// Measured on the golden cases, f32 runs stay below a quarter of it.
double attentionUnits(int64_t keys, double maxScore) {
  return 16 + 4 * std::sqrt(static_cast<double>(keys)) + 2 * maxScore;
}

/// Without attention: a sum over a few thousand terms, 4 sqrt(256).
constexpr double plainUnits = 64;

/// What f32 may be off beside atol: large elements round in steps of their own
/// size, and a result is often the last of a chain of such steps.
constexpr double f32Relative = 2e-5;

/// f64 results meet expected values that were rounded to f32 once (half a unit)
/// or twice; 5 units.
constexpr double f64Relative = 3e-7;

/// The 16-bit types round q, k, v, P and o: some roundings of 2^-9 (bf16) and
/// 2^-12 (f16), of which the worst element sees about four in a row.
Tolerance narrow(double relative, double steps, double maxReference) {
  return {maxReference / steps, relative};
}

Tolerance derive(DType dtype, double units, double maxReference) {
  switch (dtype) {
  case DType::f32:
    return {unit * units * maxReference, f32Relative};
  case DType::f64:
    return {f64Relative * maxReference, f64Relative};
  case DType::bf16:
    return narrow(1.6e-2, 128, maxReference);
  case DType::f16:
    return narrow(2e-3, 1024, maxReference);
  default:
    return {};
  }
}
} // namespace

Tolerance deriveTolerance(DType dtype, int64_t keys, double maxReference,
                          double maxScore) {
  return derive(dtype, attentionUnits(keys, maxScore), maxReference);
}

Tolerance deriveToleranceWithoutAttention(DType dtype, double maxReference) {
  return derive(dtype, plainUnits, maxReference);
}

} // namespace headgate

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of projections that kernels are tested with.

#ifndef HEADGATE_TEST_KERNELS_GEMMCASE_H
#define HEADGATE_TEST_KERNELS_GEMMCASE_H

#include "TestKernel.h"

#include <span>

namespace headgate::kernels {

enum class Bias { none, sums, rows };

struct GemmCase {
  DType dtype;
  /// Terms and columns; more than one extent of either are heads and widths.
  std::vector<int64_t> terms, cols;
  bool transposed; ///< the matrix is [cols.., terms..]
  Bias bias;       ///< f32 like the sums, or of the rows' type
  bool rounded;    ///< the result has the type of the rows
  bool window;     ///< the result is columns of a wider one
  std::optional<Schedule> schedule;
  std::string target;
  std::vector<ProblemSizes> sizes;

  GemmProblem problem() const;
  std::string describe() const;
};

/// Projections in which every value of every axis occurs, at least 24; or,
/// `full`, every pair of values.
std::vector<GemmCase> listGemmCases(std::span<const std::string> targets,
                                    bool full, uint64_t seed);

/// The case, to be run.
TestKernel testOf(const GemmCase &c);

} // namespace headgate::kernels

#endif // HEADGATE_TEST_KERNELS_GEMMCASE_H

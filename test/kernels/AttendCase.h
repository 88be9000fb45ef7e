// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one list of attention problems, schedules and targets that kernels are
// tested with. A case is what a compiler sees (types, static extents, options,
// a schedule, a target) and the sizes and data that it then runs with.

#ifndef HEADGATE_TEST_KERNELS_ATTENDCASE_H
#define HEADGATE_TEST_KERNELS_ATTENDCASE_H

#include "TestKernel.h"

#include <span>

namespace headgate::kernels {

/// Query and key heads. Routed: R groups of M experts with u heads, k chosen.
/// Dense: R heads, and M = 0.
struct HeadShape {
  const char *name;
  int64_t R, M, k, u, H;
  const char *kvHead; ///< affine map, "" for the default
  /// The key head that `kvHead` gives to head (r, j, c).
  int64_t (*keyHeadOf)(int64_t r, int64_t j, int64_t c);

  bool isRouted() const { return M > 0; }
  int64_t heads() const { return isRouted() ? R * k * u : R; }
};

enum class Pattern { full, causal, window5, window300 };
enum class Mask { none, each, shared };
enum class Bounds { none, kvLen, keys, all };
enum class Score { none, softcap, slopes, table, documents };
/// What inputs hold. wide: scores of +-80. ties: few distinct logits and
/// scores. steep: logits of +-80. special: NaN and inf in some query rows.
enum class Data { normal, wide, ties, steep, special };

struct AttendCase {
  DType dtype;
  int64_t D, Dv;
  HeadShape heads;
  Pattern pattern;
  Mask mask;
  Bounds bounds;
  Score score;
  bool holes;                       ///< some tokens choose no expert
  bool lse;                         ///< lse is an output
  bool window;                      ///< the heads are columns of a wider output
  double scale;                     ///< 0: the default
  std::optional<Schedule> schedule; ///< nothing: the defaults
  std::string target;
  std::vector<ProblemSizes> sizes;
  Data data;

  AttendProblem problem() const;
  double scaleOrDefault() const;
  int64_t windowLength() const; ///< 0: none
  /// One line that names every choice.
  std::string describe() const;
};

/// Cases in which every value of every axis occurs, at least 60; or, `full`,
/// every pair of values. For these targets.
std::vector<AttendCase> listAttendCases(std::span<const std::string> targets,
                                        bool full, uint64_t seed);

/// The case, to be run.
TestKernel testOf(const AttendCase &c);

} // namespace headgate::kernels

#endif // HEADGATE_TEST_KERNELS_ATTENDCASE_H

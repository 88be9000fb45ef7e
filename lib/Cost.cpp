// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block takes the time of its arithmetic (products of whole panels and row
// groups, exponentials) or of what it reads, whichever is longer; packing is
// added; blocks go to cores in rounds. What is read by blocks side by side
// comes from the shared cache but for the first time.

#include "lib/Cost.h"

#include <algorithm>
#include <cmath>

namespace headgate {

namespace {

int64_t cdiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t alignTo(int64_t a, int64_t b) { return cdiv(a, b) * b; }

/// A launch ends when all its blocks have: about what waking threads costs.
constexpr double launchNs = 2000;

struct Work {
  double blocks = 0;
  double arithmeticNs = 0; ///< of all blocks
  double readBytes = 0;    ///< by all blocks
  double uniqueBytes = 0;  ///< of which from memory
  double packBytes = 0;
};

double timeOf(const Work &work, const Target &target, int64_t threads) {
  double memory = work.uniqueBytes / target.memoryBytesPerNs;
  double shared = work.readBytes / target.sharedBytesPerNs;
  double blocks = std::max(std::max(work.arithmeticNs, shared), memory);
  // Packing reads from memory and writes as much.
  double packing = 2 * work.packBytes / target.memoryBytesPerNs;
  double cores = double(std::max<int64_t>(threads, 1));
  double used = std::min(cores, std::max(work.blocks, 1.0));
  double rounds =
      std::ceil(work.blocks / used) * used / std::max(work.blocks, 1.0);
  return blocks * rounds / used + packing / cores +
         launchNs * (work.packBytes > 0 ? 2 : 1);
}

double productRate(const Target &target, DType dtype,
                   const Schedule &schedule) {
  double rate =
      target.flopsPerNs *
      (dtype == DType::bf16 && target.hasDotBf16 ? target.dotBf16Factor : 1);
  double rows = double(schedule.rows);
  // Two sums a row; as many as additions are under way at a time hide how long
  // each takes. Measured as 0.48, 0.88 and 1 of the rate for 1, 2 and 4 rows.
  if (schedule.stages)
    return rate * std::min(1.0, 0.1 + 0.4 * rows);
  // In place, each element of a factor is loaded for few rows and sums need a
  // transposition: 0.4 up to 4 rows, then 0.86 for 6 to 0.97 for 16.
  return rate * (rows <= 4 ? 0.4 : 0.97 - 0.7 / rows);
}

/// Pairs of a query row and a key that a row group visits, summed over the
/// groups of one head of one batch.
double visitedKeys(const AttendProblem &problem, const Target &target,
                   const Schedule &schedule, const ProblemSizes &sizes,
                   int64_t groupTokens) {
  double sum = 0;
  int64_t offset = sizes.T - sizes.S;
  for (int64_t first = 0; first < sizes.S; first += groupTokens) {
    int64_t end = sizes.T, begin = 0;
    if (problem.causal) {
      end = std::clamp<int64_t>(first + groupTokens + offset, 0, sizes.T);
      if (problem.window)
        begin = std::max<int64_t>(first + offset - problem.window + 1, 0) /
                schedule.keys * schedule.keys;
    }
    sum += double(
        std::max<int64_t>(alignTo(end, target.panelColumns()) - begin, 0));
  }
  return sum;
}

Work workOf(const AttendProblem &problem, const Target &target,
            const Schedule &schedule, const ProblemSizes &sizes) {
  int64_t sharing = problem.heads / problem.keyHeads;
  int64_t ofToken = schedule.merge ? sharing : 1;
  int64_t columns = schedule.merge ? problem.keyHeads : problem.heads;
  int64_t columnsOfBlock = schedule.across ? problem.keyHeads : 1;
  int64_t rows = schedule.rows / columnsOfBlock;
  int64_t groups = cdiv(sizes.S * ofToken, rows);
  int64_t groupTokens = std::max<int64_t>(1, rows / ofToken);
  double keys = visitedKeys(problem, target, schedule, sizes, groupTokens) *
                double(groups) / double(cdiv(sizes.S, groupTokens)) *
                double(sizes.B * columns);
  int64_t D = alignTo(problem.D, 16), Dv = alignTo(problem.Dv, 16);
  double pairs = keys * double(rows);
  int64_t parts =
      std::clamp<int64_t>(cdiv(sizes.T, schedule.keys), 1, schedule.splits);
  Work work;
  work.blocks = double(groups * parts * columns / columnsOfBlock * sizes.B);
  work.arithmeticNs = pairs * 2 * double(D + Dv) /
                          productRate(target, problem.dtype, schedule) +
                      pairs / target.exp2PerNs;
  double rowBytes = double((D + Dv) * byteWidth(problem.dtype));
  work.readBytes = keys * rowBytes;
  work.uniqueBytes = double(sizes.B * problem.keyHeads * sizes.T) * rowBytes;
  if (schedule.stages)
    work.packBytes = work.uniqueBytes;
  return work;
}

Work workOf(const GemmProblem &problem, const Target &target,
            const Schedule &schedule, const ProblemSizes &sizes) {
  int64_t rows = sizes.B * sizes.S;
  double groups = double(cdiv(rows, schedule.rows));
  double panels = double(cdiv(problem.cols, schedule.cols));
  double element = double(byteWidth(problem.dtype));
  Work work;
  work.blocks = groups * panels;
  work.arithmeticNs = work.blocks * 2 * double(schedule.rows * schedule.cols) *
                      double(problem.inner) /
                      productRate(target, problem.dtype, schedule);
  double matrix = double(problem.inner * problem.cols) * element;
  work.readBytes =
      groups * matrix + panels * double(rows * problem.inner) * element;
  work.uniqueBytes = matrix + double(rows) * (double(problem.inner) * element +
                                              4 * double(problem.cols));
  if (schedule.stages)
    work.packBytes = matrix;
  return work;
}

} // namespace

double predictNs(const Problem &problem, const Target &target,
                 const Schedule &schedule, const ProblemSizes &sizes,
                 int64_t threads) {
  Work work = std::visit(
      [&](const auto &p) { return workOf(p, target, schedule, sizes); },
      problem);
  return timeOf(work, target, threads);
}

namespace {

/// Pairs of a token and a key that it sees.
double visiblePairs(const AttendProblem &problem, const ProblemSizes &sizes) {
  double pairs = 0;
  for (int64_t s = 0; s < sizes.S; ++s) {
    int64_t end = sizes.T, begin = 0;
    if (problem.causal)
      end = std::clamp<int64_t>(sizes.T - sizes.S + s + 1, 0, sizes.T);
    if (problem.causal && problem.window)
      begin = std::max<int64_t>(end - problem.window, 0);
    pairs += double(end - begin);
  }
  return pairs;
}

LeastWork leastWork(const AttendProblem &problem, const ProblemSizes &sizes) {
  double widths = double(problem.D + problem.Dv);
  double rows = double(sizes.B * sizes.S * problem.heads);
  double keys = double(sizes.B * sizes.T * problem.keyHeads);
  return {2 * widths * visiblePairs(problem, sizes) *
              double(sizes.B * problem.heads),
          widths * (rows + keys) * double(byteWidth(problem.dtype))};
}

LeastWork leastWork(const GemmProblem &problem, const ProblemSizes &sizes) {
  double rows = double(sizes.B * sizes.S);
  double inner = double(problem.inner), cols = double(problem.cols);
  return {2 * rows * inner * cols,
          (rows + cols) * inner * double(byteWidth(problem.dtype)) +
              rows * cols * double(byteWidth(problem.result))};
}

} // namespace

LeastWork leastWork(const Problem &problem, const ProblemSizes &sizes) {
  return std::visit([&](const auto &p) { return leastWork(p, sizes); },
                    problem);
}

} // namespace headgate

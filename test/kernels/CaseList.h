// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From choices to tests, for every kind of kernel. A Case has a problem, a
// target, sizes, maybe a schedule, and describes itself.

#ifndef HEADGATE_TEST_KERNELS_CASELIST_H
#define HEADGATE_TEST_KERNELS_CASELIST_H

#include "Cover.h"
#include "TestKernel.h"
#include "lib/Schedule.h"
#include "lib/Target.h"

namespace headgate::kernels {

template <typename T, size_t n> constexpr int count(const T (&)[n]) {
  return static_cast<int>(n);
}
template <typename T> int count(const std::vector<T> &values) {
  return static_cast<int>(values.size());
}

/// Values of an axis: not chosen, no, yes.
constexpr int flags = 3;

/// Knobs are chosen if the axis `rows` is (0: it is not), and only then.
inline bool chooseWith(Choice &choice, int rows, std::span<const int> knobs) {
  for (int knob : knobs) {
    if (choice[rows] == 0)
      choice[knob] = 0;
    else if (choice[knob] == 0)
      return false;
  }
  return true;
}

template <typename Case> bool hasLegalSchedule(const Case &c) {
  return !c.schedule ||
         checkSchedule(c.problem(), *findTarget(c.target), *c.schedule);
}

/// Cases in which every value of every axis occurs, at least `atLeast`; or,
/// `full`, every pair of values.
template <typename Case>
std::vector<Case>
listCases(const std::vector<int> &extents,
          bool (*legalize)(Choice &, std::span<const std::string>),
          Case (*caseOf)(const Choice &, std::span<const std::string>),
          std::span<const std::string> targets, bool full, uint64_t seed,
          size_t atLeast) {
  auto legal = [&](Choice &choice) { return legalize(choice, targets); };
  std::vector<Case> cases;
  for (const Choice &choice :
       cover(extents, full ? 2 : 1, seed, legal, full ? 0 : atLeast))
    cases.push_back(caseOf(choice, targets));
  return cases;
}

/// `c` as a test of the kernels of `kind` in its entry.
template <typename Case>
TestKernel
makeTest(const Case &c, const char *kind, std::vector<TestInput> inputs,
         std::string (*printEntry)(const Case &, std::string_view),
         Arrays (*makeInputs)(const Case &, const ProblemSizes &, uint64_t),
         std::vector<Expected> (*expect)(const Case &, const ProblemSizes &,
                                         const Arrays &)) {
  TestKernel test;
  test.description = c.describe();
  test.target = c.target;
  test.kernel = kind;
  test.schedule = c.schedule;
  test.sizes = c.sizes;
  test.inputs = std::move(inputs);
  test.printEntry = [=](std::string_view name) { return printEntry(c, name); };
  test.makeInputs = [=](const ProblemSizes &sizes, uint64_t seed) {
    return makeInputs(c, sizes, seed);
  };
  test.expect = [=](const ProblemSizes &sizes, const Arrays &inputs) {
    return expect(c, sizes, inputs);
  };
  return test;
}

} // namespace headgate::kernels

#endif // HEADGATE_TEST_KERNELS_CASELIST_H

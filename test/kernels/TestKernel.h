// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel under test: an entry that holds it, the sizes it is called with, and
// what it should return. Problem lists (AttendCase, GemmCase) make these;
// kernels-test runs them.

#ifndef HEADGATE_TEST_KERNELS_TESTKERNEL_H
#define HEADGATE_TEST_KERNELS_TESTKERNEL_H

#include "headgate/Problem.h"
#include "headgate/Schedule.h"
#include "lib/Array.h"
#include "lib/Tolerance.h"

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace headgate::kernels {

/// An input of an entry.
struct TestInput {
  std::string name;
  DType dtype;
  /// "B", "S", "T" or a number.
  std::vector<std::string> shape;

  /// `%name: tensor<..> {routed.name, routed.dims}`
  std::string print() const;
  /// A tensor of zeros for these sizes.
  Array zeros(const ProblemSizes &sizes) const;
};
/// "tensor<?x3xf32>": extents that are no numbers are dynamic.
std::string tensorType(const std::vector<std::string> &shape,
                       std::string_view element);

using Arrays = std::map<std::string, Array>;

/// A result and how far it may be off.
struct Expected {
  std::string name;
  Array array; ///< f64, or i32
  Tolerance tolerance;
};

struct TestKernel {
  std::string description; ///< one line that names every choice
  std::string target;
  std::string kernel;               ///< "attend": the kind that is scheduled
  std::optional<Schedule> schedule; ///< nothing: the defaults
  std::vector<ProblemSizes> sizes;
  std::vector<TestInput> inputs; ///< in the entry's order

  std::function<std::string(std::string_view name)> printEntry;
  /// Inputs by name.
  std::function<Arrays(const ProblemSizes &, uint64_t seed)> makeInputs;
  /// The results of the entry, in order.
  std::function<std::vector<Expected>(const ProblemSizes &, const Arrays &)>
      expect;
};

/// Random numbers that are the same on any machine.
class Random {
public:
  explicit Random(uint64_t seed) : bits(seed) {}

  int64_t below(int64_t n) {
    return n <= 0 ? 0 : static_cast<int64_t>(bits() % uint64_t(n));
  }
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  double normal();

private:
  std::mt19937_64 bits;
};

/// The largest finite |element|.
double largest(std::span<const double> elements);

} // namespace headgate::kernels

#endif // HEADGATE_TEST_KERNELS_TESTKERNEL_H

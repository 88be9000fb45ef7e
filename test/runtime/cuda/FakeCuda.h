// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A CUDA driver without a GPU: a shared object with every function of the
// runtime's table. Kernels and memory are those of the PTX simulator, so that
// what is copied and launched is really computed. Everything enqueued waits
// until somebody waits for it, as late as a GPU may be. It counts what is
// alive, writes down every call, can fail any of them, and notes what no
// program may do: use what is gone, free twice, forget something in a context
// that ends.

#ifndef HEADGATE_TEST_RUNTIME_CUDA_FAKECUDA_H
#define HEADGATE_TEST_RUNTIME_CUDA_FAKECUDA_H

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace headgate::test {

/// How many of each are alive.
struct FakeObjects {
  int contexts = 0, allocations = 0, modules = 0, events = 0, streams = 0,
      graphs = 0;
  bool operator==(const FakeObjects &) const = default;
};

/// The last launch that the driver was asked for.
struct FakeLaunch {
  std::string kernel;
  std::array<unsigned, 3> grid = {}, block = {};
  unsigned sharedBytes = 0;
  void *stream = nullptr;
  std::vector<std::pair<int, int>> attributes; ///< id and value
};

/// What a test says to the fake driver; from fakeCuda().
class FakeCuda {
public:
  virtual ~FakeCuda() = default;

  /// Starts anew, as the words of `settings` say:
  ///   devices=1 capability=80 version=12040 ptx=8.4 memory=BYTES
  ///   fail=CALL:CODE   the next call of that name, once
  ///   at=N:CODE        the call number N from here, once
  ///   trap=CODE        the next launch, when it runs; then every call
  /// All but the first four may follow later, in `add`.
  virtual void reset(const std::string &settings) = 0;
  virtual void add(const std::string &settings) = 0;

  /// Names of all calls since the start, in order.
  virtual std::vector<std::string> calls() const = 0;
  virtual FakeObjects alive() const = 0;
  virtual FakeLaunch lastLaunch() const = 0;
  /// What was done wrong, a sentence each.
  virtual std::vector<std::string> misuses() const = 0;
};

} // namespace headgate::test

/// The symbol by which a test finds it in the shared object.
extern "C" headgate::test::FakeCuda *fakeCuda();

#endif // HEADGATE_TEST_RUNTIME_CUDA_FAKECUDA_H

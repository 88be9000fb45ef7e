// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How fast the simulator is on one core: multiply-adds of the FA2 sample a
// second, with and without checks.
//
//   build/bin/sim-benchmark --benchmark_repetitions=5

#include "test/runtime/sim/Fa2.h"

#include "runtime/sim/SimDevice.h"

#include <benchmark/benchmark.h>

#include <fstream>
#include <sstream>

namespace {

using namespace headgate;

void runFa2(benchmark::State &state, const std::string &options) {
  test::Fa2 problem(2, static_cast<int>(state.range(0)), false);
  auto device = runtime::sim::openSimDevice("sm_80,threads=1" + options);
  if (!device)
    return state.SkipWithError(device.error().message().c_str());
  std::ifstream file(HEADGATE_SIM_PTX "/fa2-sm80.ptx");
  std::stringstream text;
  text << file.rdbuf();
  auto image = (*device)->load({"fa2", "ptx", "fa2-sm80.ptx", text.str()});
  if (!image)
    return state.SkipWithError(image.error().message().c_str());
  auto function = (*image)->function("fa2");

  auto upload = [&](const std::vector<uint16_t> &values) {
    auto bytes = static_cast<int64_t>(values.size() * sizeof(uint16_t));
    auto buffer = (*device)->allocate(bytes);
    if (!(*device)->copy(buffer->data(), values.data(), bytes,
                         CopyKind::hostToDevice, {}))
      state.SkipWithError("copy");
    return *std::move(buffer);
  };
  Buffer q = upload(problem.q), k = upload(problem.k), v = upload(problem.v);
  auto out = (*device)->allocate(static_cast<int64_t>(problem.q.size() * 4));
  auto lse = (*device)->allocate(int64_t(problem.heads) * problem.s * 4);
  void *pointers[] = {q.data(), k.data(), v.data(), out->data(), lse->data()};
  int32_t length = problem.s, causal = 0;
  float scale = problem.scale();
  void *arguments[] = {&pointers[0], &pointers[1], &pointers[2], &pointers[3],
                       &pointers[4], &length,      &scale,       &causal};
  runtime::sim::SimLaunch launch;
  launch.function = *function;
  launch.grid = problem.grid();
  launch.block = {test::Fa2::threads, 1, 1};
  launch.sharedBytes = test::Fa2::sharedBytes;
  launch.arguments = arguments;
  uint64_t instructions = 0;
  for (auto _ : state) {
    auto done = (*device)->record(launch);
    if (!done || !done->findings.empty())
      return state.SkipWithError("findings");
    instructions += done->counters.total();
  }
  auto iterations = static_cast<double>(state.iterations());
  state.counters["MAC/s"] = benchmark::Counter(problem.macs() * iterations,
                                               benchmark::Counter::kIsRate);
  state.counters["instructions/s"] = benchmark::Counter(
      static_cast<double>(instructions), benchmark::Counter::kIsRate);
}

void checkAll(benchmark::State &state) { runFa2(state, ""); }
void checkFast(benchmark::State &state) { runFa2(state, ",check=fast"); }
void checkOff(benchmark::State &state) { runFa2(state, ",check=off"); }
void checkAllV3(benchmark::State &state) { runFa2(state, ",lanes=v3"); }
void checkAllV2(benchmark::State &state) { runFa2(state, ",lanes=v2"); }

BENCHMARK(checkAll)
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();
BENCHMARK(checkFast)
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();
BENCHMARK(checkOff)
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();
BENCHMARK(checkAllV3)
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();
BENCHMARK(checkAllV2)
    ->Arg(256)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

} // namespace

BENCHMARK_MAIN();

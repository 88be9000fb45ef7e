// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles the cases of the list, runs them on the host or on a simulated GPU
// and compares every result with the reference. On the host, what a kernel is
// given lies between pages that it may not touch, once at their end and once at
// their start. The simulator checks accesses itself; it runs each case in its
// greedy order and a third of them in random orders, too.
//
//   kernels-test --compile=HEADGATE_COMPILE      a sample: every value occurs
//   ... --full                                   every pair of values
//   ... --gpu=sm_80                              on sim:sm_80
//   ... --seed=N --only=K --every=N --lowering=NAME --keep
//   ... --emit-bundles=DIR                       only compiles, into DIR
//   kernels-test --bundles=DIR                   only runs what is there
//   ... --device=URI --seconds=N                 there; no new call after N
//   ... --cuda-driver=PATH                       for --device=cuda
//
// Prints one line for each case that fails, with what to pass to run it alone.
// Exits 1 if one does, 2 on wrong usage, 4 if nothing could run. A fault on a
// GPU ends the run, for nothing in the process can use it any more.

#include "AttendCase.h"
#include "BundleList.h"
#include "GemmCase.h"
#include "GuardedDevice.h"
#include "RunTest.h"
#include "lib/HostTarget.h"
#include "lib/ScheduleText.h"
#include "lib/Target.h"
#include "runtime/Subprocess.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

using namespace headgate;
using namespace headgate::kernels;

namespace {

struct Options {
  std::string compile, lowering = "kernels";
  std::string gpu;    ///< a target; empty: those of the host
  std::string device; ///< empty: the host, or simulators of `gpu`
  DeviceOptions drivers;
  std::string emit, bundles; ///< folders; empty: compile and run
  bool full = false, keep = false;
  uint64_t seed = 1;
  int64_t only = -1;
  size_t every = 1;
  double seconds = 0; ///< 0: no limit

  bool asksFor(size_t number) const {
    return only >= 0 ? number == size_t(only) : number % every == 0;
  }
};

/// A test and its number in the list.
using NumberedTest = std::pair<size_t, const TestKernel *>;

/// Tests that are compiled together: as many as one bundle may hold without the
/// failure of one hiding too much of the others.
constexpr size_t batchSize = 6;

//===-- running a batch --------------------------------------------------===//

class Runner {
public:
  Runner(const Options &options, std::filesystem::path folder)
      : options(options), folder(std::move(folder)) {}

  int failures() const { return failed; }
  int calls() const { return ran; }
  int leftOut() const { return late; }
  bool lostDevice() const { return isLost; }
  const std::vector<BundleList::Batch> &emitted() const { return batches; }

  /// Tests of one target.
  void run(const std::vector<NumberedTest> &batch) {
    if (isLost) {
      for (const auto &one : batch)
        late += int(one.second->sizes.size());
      return;
    }
    std::string bundle = compile(batch);
    if (bundle.empty()) {
      if (batch.size() == 1)
        return;
      for (const auto &one : batch) // which of them is it?
        run({one});
      return;
    }
    runBundle(batch, bundle);
    if (!options.keep && options.emit.empty())
      std::filesystem::remove_all(bundle);
  }

  /// Tests that are in a bundle; where bundles are emitted, only looks at it.
  void runBundle(const std::vector<NumberedTest> &batch,
                 const std::string &bundle) {
    auto opened = Bundle::open(bundle);
    if (!opened)
      return fail(batch.front(), opened.error().message());
    for (const auto &one : batch)
      if (options.lowering == "kernels" &&
          !isScheduled(opened->plan(),
                       nameOf(one.first) + "_" + one.second->kernel))
        fail(one, "is not lowered through tiles");
    if (!options.emit.empty())
      emit(batch, bundle);
    else if (options.gpu.empty())
      runOnHost(batch, *opened);
    else
      runOnGpus(batch, *opened);
  }

private:
  void emit(const std::vector<NumberedTest> &batch, const std::string &bundle) {
    BundleList::Batch made{std::filesystem::path(bundle).filename(), {}};
    for (const auto &[number, test] : batch)
      made.cases.push_back(number);
    batches.push_back(std::move(made));
  }

  static std::string nameOf(size_t number) {
    return "c" + std::to_string(number);
  }

  static std::string describe(const ProblemSizes &sizes) {
    return "B=" + std::to_string(sizes.B) + " S=" + std::to_string(sizes.S) +
           " T=" + std::to_string(sizes.T);
  }

  void runOnHost(const std::vector<NumberedTest> &batch, const Bundle &bundle) {
    auto host = openDevice(options.device.empty() ? "host" : options.device,
                           options.drivers);
    if (!host)
      return fail(batch.front(), host.error().message());
    auto device = std::make_shared<GuardedDevice>(*host);
    auto session = Session::create(device, bundle);
    if (!session)
      return fail(batch.front(), session.error().message());
    for (const auto &one : batch)
      for (size_t i = 0; i < one.second->sizes.size(); ++i)
        for (Guard guard : {Guard::behind, Guard::before}) {
          device->place(guard);
          const char *where = guard == Guard::behind ? "behind" : "before";
          describeAccesses(failure(one, describe(one.second->sizes[i]) +
                                            ": touches memory " + where +
                                            " a buffer"));
          if (!runOne(one, i, *session))
            break;
        }
  }

  /// On the device that was asked for, or on simulators.
  void runOnGpus(const std::vector<NumberedTest> &batch, const Bundle &bundle) {
    // Shared memory as little aligned as a GPU may have it.
    std::string uri = options.device.empty()
                          ? "sim:" + options.gpu + ",smem-base=min"
                          : options.device;
    std::vector<std::string> orders = {""};
    if (options.device.empty())
      orders = {"", ",sched=random,async=random,seed=1",
                ",sched=random,async=random,seed=2"};
    std::set<size_t> failed;
    for (const std::string &order : orders) {
      auto device = openDevice(uri + order, options.drivers);
      auto session = device ? Session::create(*device, bundle)
                            : Result<std::shared_ptr<const Session>>(
                                  std::move(device).error());
      if (!session)
        return fail(batch.front(), session.error().message());
      for (const auto &one : batch) {
        bool isSampled = options.full || one.first % 3 == 0;
        if (failed.count(one.first) || (!order.empty() && !isSampled))
          continue;
        for (size_t i = 0; i < one.second->sizes.size(); ++i)
          if (!runOne(one, i, *session))
            failed.insert(one.first);
      }
    }
  }

  /// One call; whether it is right.
  bool runOne(const NumberedTest &one, size_t set,
              const std::shared_ptr<const Session> &session) {
    const ProblemSizes &sizes = one.second->sizes[set];
    bool isLate = options.seconds > 0 &&
                  std::chrono::steady_clock::now() - start >
                      std::chrono::duration<double>(options.seconds);
    if (isLate || isLost) {
      ++late;
      return true;
    }
    std::string wrong = check(*one.second, sizes, one.first * 16 + set, session,
                              nameOf(one.first));
    ++ran;
    if (wrong.empty())
      return true;
    Device &device = *session->device();
    fail(one, describe(sizes) + " on " + device.info().uri + ": " + wrong);
    Status state = device.synchronize({});
    isLost = !state && state.error().code() == ErrorCode::deviceLost;
    return false;
  }

  /// The bundle of a batch; "" if it does not compile.
  std::string compile(const std::vector<NumberedTest> &batch) {
    std::string stem = (folder / (nameOf(batch.front().first) + "-" +
                                  std::to_string(batch.size())))
                           .string();
    std::ofstream file(stem + ".mlir");
    std::vector<std::string> command = {
        options.compile, stem + ".mlir", "-o", stem + ".hgb",
        "--target=" + batch.front().second->target};
    if (options.lowering != "none")
      command.push_back("--lowering=" + options.lowering);
    for (const auto &[number, test] : batch) {
      file << "// " << test->description << "\n"
           << test->printEntry(nameOf(number)) << "\n";
      if (test->schedule && options.lowering == "kernels")
        command.push_back("--schedule=" + nameOf(number) + "_" + test->kernel +
                          "*=" + printSchedule(*test->schedule));
    }
    file.close();
    auto process = runtime::runProcess(command);
    if (!options.emit.empty())
      std::filesystem::remove(stem + ".mlir");
    if (process && process->exitCode == 0)
      return stem + ".hgb";
    if (batch.size() == 1)
      fail(batch.front(), process ? "does not compile: " + process->errorText
                                  : process.error().message());
    return "";
  }

  void fail(const NumberedTest &one, const std::string &why) {
    ++failed;
    std::printf("%s\n", failure(one, why).c_str());
    std::fflush(stdout);
  }

  std::string failure(const NumberedTest &one, const std::string &why) const {
    return "FAILED" + (options.gpu.empty() ? "" : " --gpu=" + options.gpu) +
           " --seed=" + std::to_string(options.seed) +
           (options.full ? " --full" : "") +
           " --only=" + std::to_string(one.first) + "  " +
           one.second->description + "\n  " + why;
  }

  const Options &options;
  std::filesystem::path folder;
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();
  std::vector<BundleList::Batch> batches;
  int failed = 0, ran = 0, late = 0;
  bool isLost = false; ///< the device, by a fault
};

/// The host levels that this CPU runs, as headgate-compile spells them.
std::vector<std::string> targetsHere() {
  std::vector<std::string> names;
  auto best = parseHostTargets("host:native");
  for (const HostTarget &target : hostTargets()) {
    if (target.isOfThisArchitecture())
      names.push_back(target.name);
    if (best && target.name == best->front().name)
      break;
  }
  return names;
}

bool parse(int argc, char **argv, Options &options) {
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    auto value = [&](std::string_view key) -> std::optional<std::string_view> {
      if (!argument.starts_with(key))
        return {};
      return argument.substr(key.size());
    };
    auto number = [&](std::string_view text, auto &to) {
      auto [end, code] =
          std::from_chars(text.data(), text.data() + text.size(), to);
      return code == std::errc() && end == text.data() + text.size();
    };
    if (argument == "--full")
      options.full = true;
    else if (argument == "--keep")
      options.keep = true;
    else if (auto text = value("--compile="))
      options.compile = *text;
    else if (auto text = value("--gpu="))
      options.gpu = *text;
    else if (auto text = value("--device="))
      options.device = *text;
    else if (auto text = value("--cuda-driver="))
      options.drivers.cudaDriver = *text;
    else if (auto text = value("--emit-bundles="))
      options.emit = *text;
    else if (auto text = value("--bundles="))
      options.bundles = *text;
    else if (auto text = value("--lowering="))
      options.lowering = *text;
    else if (auto text = value("--every=")) {
      if (!number(*text, options.every) || options.every == 0)
        return false;
    } else if (auto text = value("--seconds=")) {
      if (!number(*text, options.seconds))
        return false;
    } else if (auto text = value("--seed=")) {
      if (!number(*text, options.seed))
        return false;
    } else if (auto text = value("--only=")) {
      if (!number(*text, options.only))
        return false;
    } else
      return false;
  }
  auto gpu = findTarget(options.gpu);
  return options.compile.empty() != options.bundles.empty() &&
         (options.emit.empty() || options.bundles.empty()) &&
         (options.gpu.empty() ||
          (gpu && gpu->isGpu() && options.bundles.empty()));
}

std::vector<TestKernel> listTests(const BundleList &list) {
  std::vector<TestKernel> tests;
  for (const AttendCase &c :
       listAttendCases(list.targets, list.full, list.seed))
    tests.push_back(testOf(c));
  for (const GemmCase &c : listGemmCases(list.targets, list.full, list.seed))
    tests.push_back(testOf(c));
  return tests;
}

void compileAndRun(const Options &options, const BundleList &list,
                   const std::vector<TestKernel> &tests, Runner &runner) {
  for (const std::string &target : list.targets) {
    std::vector<NumberedTest> batch;
    for (size_t i = 0; i < tests.size(); ++i) {
      if (tests[i].target != target || !options.asksFor(i))
        continue;
      batch.push_back({i, &tests[i]});
      if (batch.size() == batchSize) {
        runner.run(batch);
        batch.clear();
      }
    }
    if (!batch.empty())
      runner.run(batch);
  }
}

/// Runs the bundles of a list, but those for CPUs that this is not.
void runBundles(const Options &options, const BundleList &list,
                const std::vector<TestKernel> &tests, Runner &runner) {
  std::vector<std::string> here = targetsHere();
  for (const BundleList::Batch &made : list.batches) {
    std::vector<NumberedTest> batch;
    for (size_t number : made.cases) {
      const TestKernel &test = tests[number];
      bool runs = findTarget(test.target)->isGpu() ||
                  std::ranges::find(here, test.target) != here.end();
      if (!runs)
        std::printf("left out: %s: not this CPU\n", made.bundle.c_str());
      else if (options.asksFor(number))
        batch.push_back({number, &test});
    }
    if (!batch.empty())
      runner.runBundle(batch, options.bundles + "/" + made.bundle);
  }
}

int report(const Runner &runner, size_t cases) {
  std::printf("%zu cases, %d calls, %d failures", cases, runner.calls(),
              runner.failures());
  if (runner.leftOut() > 0)
    std::printf(", %d calls left out%s", runner.leftOut(),
                runner.lostDevice() ? ": the device is lost"
                                    : " for lack of time");
  std::printf("\n");
  return runner.failures() ? 1 : runner.calls() == 0 ? 4 : 0;
}

int runGiven(Options &options) {
  auto list = readBundleList(options.bundles);
  if (!list) {
    std::fprintf(stderr, "error: %s\n", list.error().message().c_str());
    return 1;
  }
  for (const std::string &target : list->targets)
    if (!findTarget(target)) {
      std::fprintf(stderr, "error: no target '%s'\n", target.c_str());
      return 1;
    }
  if (findTarget(list->targets.front())->isGpu())
    options.gpu = list->targets.front();
  options.seed = list->seed;
  options.full = list->full;
  std::vector<TestKernel> tests = listTests(*list);
  for (const BundleList::Batch &batch : list->batches)
    for (size_t number : batch.cases)
      if (number >= tests.size()) {
        std::fprintf(stderr,
                     "error: %s has case %zu, and this version's list only "
                     "%zu\n",
                     batch.bundle.c_str(), number, tests.size());
        return 1;
      }
  Runner runner(options, options.bundles);
  runBundles(options, *list, tests, runner);
  return report(runner, tests.size());
}

int emitBundles(const Options &options, BundleList list) {
  std::filesystem::create_directories(options.emit);
  std::vector<TestKernel> tests = listTests(list);
  Runner runner(options, options.emit);
  compileAndRun(options, list, tests, runner);
  list.batches = runner.emitted();
  Status written = writeBundleList(options.emit, list);
  if (!written)
    std::fprintf(stderr, "error: %s\n", written.error().message().c_str());
  std::printf("%zu bundles, %d failures\n", list.batches.size(),
              runner.failures());
  return runner.failures() || !written ? 1 : 0;
}

int compileAndRunAll(const Options &options, const BundleList &list) {
  std::error_code ignored;
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() /
      ("headgate-kernels-" + options.gpu + std::to_string(options.seed) +
       (options.full ? "-full" : ""));
  std::filesystem::create_directories(folder, ignored);
  std::vector<TestKernel> tests = listTests(list);
  Runner runner(options, folder);
  compileAndRun(options, list, tests, runner);
  if (!options.keep)
    std::filesystem::remove_all(folder, ignored);
  return report(runner, tests.size());
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: kernels-test --compile=HEADGATE_COMPILE "
                 "[--gpu=TARGET] [--full] [--seed=N] [--only=K] [--every=N] "
                 "[--lowering=NAME] [--device=URI] [--cuda-driver=PATH] "
                 "[--seconds=N] [--keep] [--emit-bundles=DIR]\n"
                 "       kernels-test --bundles=DIR [--only=K] [--every=N] "
                 "[--device=URI] [--cuda-driver=PATH] [--seconds=N]\n");
    return 2;
  }
  // Open as long as the program runs: the context of a GPU is slow to make.
  std::shared_ptr<Device> held;
  if (!options.device.empty()) {
    auto device = openDevice(options.device, options.drivers);
    if (!device) {
      std::fprintf(stderr, "error: %s\n", device.error().message().c_str());
      ErrorCode code = device.error().code();
      return code == ErrorCode::unavailable ? 4
             : code == ErrorCode::badInput  ? 2
                                            : 1;
    }
    held = *std::move(device);
  }
  if (!options.bundles.empty())
    return runGiven(options);
  BundleList list;
  list.targets = options.gpu.empty() ? targetsHere() : std::vector{options.gpu};
  list.full = options.full;
  list.seed = options.seed;
  return options.emit.empty() ? compileAndRunAll(options, list)
                              : emitBundles(options, list);
}

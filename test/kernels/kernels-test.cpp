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
//   ... --seed=N --only=K --lowering=NAME --keep
//
// Prints one line for each case that fails, with what to pass to run it alone.
// Exits 1 if one does, 2 on wrong usage.

#include "AttendCase.h"
#include "GemmCase.h"
#include "GuardedDevice.h"
#include "headgate/Runtime.h"
#include "lib/Compare.h"
#include "lib/HostTarget.h"
#include "lib/ScheduleText.h"
#include "lib/Target.h"
#include "runtime/Subprocess.h"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

using namespace headgate;
using namespace headgate::kernels;

namespace {

struct Options {
  std::string compile, lowering = "kernels";
  std::string gpu; ///< a target; empty: those of the host
  bool full = false, keep = false;
  uint64_t seed = 1;
  int64_t only = -1;
};

/// A test and its number in the list.
using NumberedTest = std::pair<size_t, const TestKernel *>;

/// Tests that are compiled together: as many as one bundle may hold without the
/// failure of one hiding too much of the others.
constexpr size_t batchSize = 6;

//===-- running one case -------------------------------------------------===//

/// Uploads `array`.
Result<Buffer> upload(Device &device, const Array &array) {
  auto bytes = int64_t(array.bytes.size());
  auto buffer = device.allocate(bytes);
  if (!buffer || bytes == 0)
    return buffer;
  Status copied = device.copy(buffer->data(), array.bytes.data(), bytes,
                              CopyKind::hostToDevice, {});
  if (!copied)
    return std::move(copied).error();
  return buffer;
}

Result<Array> download(Device &device, const TensorView &view) {
  Array array =
      Array::zeros(view.dtype, {view.extents().begin(), view.extents().end()});
  if (array.bytes.empty())
    return array;
  Status copied =
      device.copy(array.bytes.data(), view.data, int64_t(array.bytes.size()),
                  CopyKind::deviceToHost, {});
  if (!copied)
    return std::move(copied).error();
  return array;
}

/// "y[1,2] is 0.5, expected ..."; "" if the result is right.
std::string compareTo(const Expected &expected, const Array &found) {
  Comparison comparison = compare(found, expected.array, expected.tolerance);
  if (comparison.passed())
    return "";
  std::string place;
  for (int64_t index : comparison.worst)
    place += (place.empty() ? "" : ",") + std::to_string(index);
  char text[256];
  std::snprintf(text, sizeof text,
                "%s[%s] is %.9g, expected %.9g +- %.3g; %lld of %lld differ",
                expected.name.c_str(), place.c_str(), comparison.found,
                comparison.expected, comparison.allowed,
                static_cast<long long>(comparison.differing),
                static_cast<long long>(comparison.elements));
  return text;
}

/// What is wrong with the results of one call; "" if nothing is.
std::string check(const TestKernel &test, const ProblemSizes &sizes,
                  uint64_t seed, const std::shared_ptr<const Session> &session,
                  const std::string &entry) {
  Arrays inputs = test.makeInputs(sizes, seed);
  Device &device = *session->device();
  std::vector<TensorView> views;
  std::vector<Buffer> buffers;
  for (const TestInput &input : test.inputs) {
    const Array &array = inputs.at(input.name);
    auto buffer = upload(device, array);
    if (!buffer)
      return buffer.error().message();
    views.push_back(
        TensorView::contiguous(buffer->data(), array.dtype, array.shape));
    views.back().device =
        device.info().target == "host" ? DeviceKind::host : DeviceKind::cuda;
    buffers.push_back(*std::move(buffer));
  }
  Result<Invocation> call = Invocation::create(session, entry);
  if (!call)
    return call.error().message();
  auto outputs = call->allocateOutputs(views);
  if (!outputs)
    return outputs.error().message();
  std::vector<TensorView> outputViews;
  for (OwnedTensor &output : *outputs) {
    outputViews.push_back(output.view);
    // NaN: whatever is not written shows.
    int64_t bytes = output.view.elements() * byteWidth(output.view.dtype);
    if (Status s = device.fill(output.view.data, 0xff, bytes, {}); !s)
      return s.error().message();
  }
  if (Status s = call->run(views, outputViews); !s)
    return s.error().message();
  std::vector<Expected> expected = test.expect(sizes, inputs);
  for (size_t i = 0; i < expected.size(); ++i) {
    auto found = download(device, outputViews[i]);
    if (!found)
      return found.error().message();
    if (std::string wrong = compareTo(expected[i], *found); !wrong.empty())
      return wrong;
  }
  return "";
}

/// Whether the kernel under test was made of tiles: those that are not have no
/// schedule, and are as right as they are slow.
bool isScheduled(const Plan &plan, const std::string &kernel) {
  bool any = false;
  for (const PlanKernel &made : plan.kernels) {
    if (!made.name.starts_with(kernel))
      continue;
    any = true;
    for (const PlanVariant &variant : made.variants)
      if (variant.schedule == "{}")
        return false;
  }
  return any;
}

//===-- running a batch --------------------------------------------------===//

class Runner {
public:
  Runner(const Options &options, std::filesystem::path folder)
      : options(options), folder(std::move(folder)) {}

  int failures() const { return failed; }
  int calls() const { return ran; }

  /// Tests of one target.
  void run(const std::vector<NumberedTest> &batch) {
    std::string bundle = compile(batch);
    if (bundle.empty()) {
      if (batch.size() == 1)
        return;
      for (const auto &one : batch) // which of them is it?
        run({one});
      return;
    }
    auto opened = Bundle::open(bundle);
    if (!opened)
      return fail(batch.front(), opened.error().message());
    for (const auto &one : batch)
      if (options.lowering == "kernels" &&
          !isScheduled(opened->plan(),
                       nameOf(one.first) + "_" + one.second->kernel))
        fail(one, "is not lowered through tiles");
    if (options.gpu.empty())
      runOnHost(batch, *opened);
    else
      runOnSimulators(batch, *opened);
    if (!options.keep)
      std::filesystem::remove_all(bundle);
  }

private:
  static std::string nameOf(size_t number) {
    return "c" + std::to_string(number);
  }

  static std::string describe(const ProblemSizes &sizes) {
    return "B=" + std::to_string(sizes.B) + " S=" + std::to_string(sizes.S) +
           " T=" + std::to_string(sizes.T);
  }

  void runOnHost(const std::vector<NumberedTest> &batch, const Bundle &bundle) {
    auto device = std::make_shared<GuardedDevice>(*openDevice("host"));
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

  void runOnSimulators(const std::vector<NumberedTest> &batch,
                       const Bundle &bundle) {
    // Shared memory as little aligned as a GPU may have it.
    std::string uri = "sim:" + options.gpu + ",smem-base=min";
    std::set<size_t> failed;
    for (const char *order : {"", ",sched=random,async=random,seed=1",
                              ",sched=random,async=random,seed=2"}) {
      auto device = openDevice(uri + order);
      auto session = device ? Session::create(*device, bundle)
                            : Result<std::shared_ptr<const Session>>(
                                  std::move(device).error());
      if (!session)
        return fail(batch.front(), session.error().message());
      for (const auto &one : batch) {
        bool isSampled = options.full || one.first % 3 == 0;
        if (failed.count(one.first) || (*order && !isSampled))
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
    std::string wrong = check(*one.second, sizes, one.first * 16 + set, session,
                              nameOf(one.first));
    ++ran;
    if (wrong.empty())
      return true;
    fail(one, describe(sizes) + " on " + session->device()->info().uri + ": " +
                  wrong);
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
  int failed = 0, ran = 0;
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
    else if (auto text = value("--lowering="))
      options.lowering = *text;
    else if (auto text = value("--seed=")) {
      if (!number(*text, options.seed))
        return false;
    } else if (auto text = value("--only=")) {
      if (!number(*text, options.only))
        return false;
    } else
      return false;
  }
  auto gpu = findTarget(options.gpu);
  return !options.compile.empty() &&
         (options.gpu.empty() || (gpu && gpu->isGpu()));
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr, "usage: kernels-test --compile=HEADGATE_COMPILE "
                         "[--gpu=TARGET] [--full] [--seed=N] [--only=K] "
                         "[--lowering=NAME] [--keep]\n");
    return 2;
  }
  std::vector<std::string> targets =
      options.gpu.empty() ? targetsHere() : std::vector{options.gpu};
  std::vector<TestKernel> tests;
  for (const AttendCase &c :
       listAttendCases(targets, options.full, options.seed))
    tests.push_back(testOf(c));
  for (const GemmCase &c : listGemmCases(targets, options.full, options.seed))
    tests.push_back(testOf(c));
  std::error_code ignored;
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() /
      ("headgate-kernels-" + options.gpu + std::to_string(options.seed) +
       (options.full ? "-full" : ""));
  std::filesystem::create_directories(folder, ignored);
  Runner runner(options, folder);
  for (const std::string &target : targets) {
    std::vector<NumberedTest> batch;
    for (size_t i = 0; i < tests.size(); ++i) {
      if (tests[i].target != target ||
          (options.only >= 0 && i != size_t(options.only)))
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
  if (!options.keep)
    std::filesystem::remove_all(folder, ignored);
  std::printf("%zu cases, %d calls, %d failures\n", tests.size(),
              runner.calls(), runner.failures());
  return runner.failures() ? 1 : 0;
}

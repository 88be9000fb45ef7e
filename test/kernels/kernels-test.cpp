// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles the cases of the list, runs them on the host and compares every
// result with the reference. What a kernel is given lies between pages that it
// may not touch, once at their end and once at their start.
//
//   kernels-test --compile=HEADGATE_COMPILE      a sample: every value occurs
//   ... --full                                   every pair of values
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

/// What is wrong with the results of one call; "" if nothing is.
std::string check(const TestKernel &test, const ProblemSizes &sizes,
                  uint64_t seed, const std::shared_ptr<const Session> &session,
                  const std::string &entry) {
  Arrays inputs = test.makeInputs(sizes, seed);
  std::vector<TensorView> views;
  std::vector<Buffer> buffers;
  for (const TestInput &input : test.inputs) {
    const Array &array = inputs.at(input.name);
    auto buffer = session->device()->allocate(int64_t(array.bytes.size()));
    if (!buffer)
      return buffer.error().message();
    if (!array.bytes.empty())
      std::memcpy(buffer->data(), array.bytes.data(), array.bytes.size());
    views.push_back(
        TensorView::contiguous(buffer->data(), array.dtype, array.shape));
    buffers.push_back(*std::move(buffer));
  }
  Result<Invocation> call = Invocation::create(session, entry);
  if (!call)
    return call.error().message();
  auto outputs = call->allocateOutputs(views);
  if (!outputs)
    return outputs.error().message();
  std::vector<TensorView> outputViews;
  for (OwnedTensor &output : *outputs) // NaN: whatever is not written shows
    outputViews.push_back(output.view);
  if (Status s = call->run(views, outputViews); !s)
    return s.error().message();
  std::vector<Expected> expected = test.expect(sizes, inputs);
  for (size_t i = 0; i < expected.size(); ++i) {
    const TensorView &view = outputViews[i];
    Array found = Array::zeros(view.dtype,
                               {view.extents().begin(), view.extents().end()});
    if (!found.bytes.empty())
      std::memcpy(found.bytes.data(), view.data, found.bytes.size());
    Comparison comparison =
        compare(found, expected[i].array, expected[i].tolerance);
    if (comparison.passed())
      continue;
    std::string place;
    for (int64_t index : comparison.worst)
      place += (place.empty() ? "" : ",") + std::to_string(index);
    char text[256];
    std::snprintf(text, sizeof text,
                  "%s[%s] is %.9g, expected %.9g +- %.3g; %lld of %lld differ",
                  expected[i].name.c_str(), place.c_str(), comparison.found,
                  comparison.expected, comparison.allowed,
                  static_cast<long long>(comparison.differing),
                  static_cast<long long>(comparison.elements));
    return text;
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
    auto device = std::make_shared<GuardedDevice>(*openDevice("host"));
    auto session = Session::create(device, *opened);
    if (!session)
      return fail(batch.front(), session.error().message());
    for (const auto &one : batch) {
      if (options.lowering == "kernels" &&
          !isScheduled(opened->plan(),
                       nameOf(one.first) + "_" + one.second->kernel))
        fail(one, "is not lowered through tiles");
      for (size_t i = 0; i < one.second->sizes.size(); ++i) {
        const ProblemSizes &sizes = one.second->sizes[i];
        std::string place = "B=" + std::to_string(sizes.B) +
                            " S=" + std::to_string(sizes.S) +
                            " T=" + std::to_string(sizes.T) + ": ";
        for (Guard guard : {Guard::behind, Guard::before}) {
          device->place(guard);
          describeAccesses(
              failure(one, place + "touches memory " +
                               (guard == Guard::behind ? "behind" : "before") +
                               " a buffer"));
          std::string wrong = check(*one.second, sizes, one.first * 16 + i,
                                    *session, nameOf(one.first));
          ++ran;
          if (!wrong.empty()) {
            fail(one, place + wrong);
            break;
          }
        }
      }
    }
    if (!options.keep)
      std::filesystem::remove_all(bundle);
  }

private:
  static std::string nameOf(size_t number) {
    return "c" + std::to_string(number);
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
    return "FAILED --seed=" + std::to_string(options.seed) +
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
  return !options.compile.empty();
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr, "usage: kernels-test --compile=HEADGATE_COMPILE "
                         "[--full] [--seed=N] [--only=K] [--lowering=NAME] "
                         "[--keep]\n");
    return 2;
  }
  std::vector<std::string> targets = targetsHere();
  std::vector<TestKernel> tests;
  for (const AttendCase &c :
       listAttendCases(targets, options.full, options.seed))
    tests.push_back(testOf(c));
  for (const GemmCase &c : listGemmCases(targets, options.full, options.seed))
    tests.push_back(testOf(c));
  std::error_code ignored;
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() /
      ("headgate-kernels-" + std::to_string(options.seed) +
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

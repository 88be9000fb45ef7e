// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compiler/CompileOptions.h"

#include "lib/ScheduleText.h"
#include "llvm/ADT/StringSwitch.h"

#include <set>

using namespace headgate;
using namespace llvm;

namespace {

/// The level and whether the result is text, or nothing for an unknown kind.
std::optional<passes::Level> levelOf(StringRef kind) {
  return StringSwitch<std::optional<passes::Level>>(kind)
      .Case("routed", passes::Level::routed)
      .Case("linalg", passes::Level::linalg)
      .Case("kernels", passes::Level::kernels)
      .Case("problems", passes::Level::problems)
      .Case("tile", passes::Level::tiles)
      .Case("vector", passes::Level::vectors)
      .Case("buffers", passes::Level::buffers)
      .Case("nvvm", passes::Level::nvvm)
      .Case("llvm", passes::Level::llvm)
      .Case("ptx", passes::Level::ptx)
      .Cases({"obj", "bundle", "triton-dir"}, passes::Level::object)
      .Default(std::nullopt);
}

headgate::Error wrong(const Twine &message) {
  return {ErrorCode::badInput, message.str()};
}

Result<passes::Level> readLevel(StringRef kind) {
  if (std::optional<passes::Level> level = levelOf(kind))
    return *level;
  return wrong("unknown --emit=" + kind +
               "; known are bundle, routed, linalg, kernels, problems, tile, "
               "vector, buffers, nvvm, llvm, ptx, obj and triton-dir");
}

Result<std::vector<CodeTarget>> readTargets(const CompileOptions &options) {
  std::vector<CodeTarget> targets;
  std::set<std::string> seen;
  SmallVector<StringRef> names;
  StringRef(options.target).split(names, ',');
  for (StringRef text : names) {
    auto named = parseCodeTargets(text.str());
    if (!named)
      return std::move(named).error();
    for (CodeTarget &target : *named)
      if (seen.insert(nameOf(target)).second)
        targets.push_back(std::move(target));
  }
  if (options.emit == "obj" && options.target.getNumOccurrences() == 0)
    targets.resize(1);
  return targets;
}

/// Levels that only one kind of target has.
Status checkLevel(const CompileOptions &options, ArrayRef<CodeTarget> targets) {
  bool isOfHost = is_contained({"vector", "buffers", "obj"}, options.emit);
  bool isOfGpu = is_contained({"nvvm", "ptx", "triton-dir"}, options.emit);
  const CodeTarget &first = targets.front();
  if ((isOfHost && isGpu(first)) || (isOfGpu && !isGpu(first)))
    return wrong("--emit=" + options.emit + " is of " +
                 (isOfHost ? "the host" : "a GPU") + ", not of " +
                 nameOf(first));
  if (options.lowering == passes::Lowering::decompose && any_of(targets, isGpu))
    return wrong("--lowering=decompose is for the host: a GPU has kernels on "
                 "tiles alone");
  return Success{};
}

Status checkOutput(const CompileOptions &options, size_t targets) {
  if (options.emit == "bundle" &&
      (options.output.empty() || options.output == "-"))
    return wrong("a bundle is a directory: say where with -o OUT.hgb");
  if (options.emit == "triton-dir" &&
      (options.output.empty() || options.output == "-"))
    return wrong("files for Triton are a directory: say where with -o DIR");
  if (options.emit == "triton-dir" && targets != 1)
    return wrong("--emit=triton-dir is of one target: name one");
  if (options.emit == "obj" && options.output.empty())
    return wrong("an object is not text: say where with -o OUT.o");
  if (options.emit == "obj" && targets != 1)
    return wrong("--emit=obj writes one object: name one target");
  return Success{};
}

Result<std::vector<passes::ForcedSchedule>>
readSchedules(const CompileOptions &options) {
  std::vector<passes::ForcedSchedule> schedules;
  for (StringRef text : options.schedules) {
    auto [kernel, json] = text.split('=');
    auto schedule = parseSchedule(json.str());
    if (!schedule)
      return wrong("--schedule=" + text + ": " + schedule.error().message());
    if (kernel.empty())
      return wrong("--schedule=" + text + ": no kernel is named");
    schedules.push_back({kernel.str(), *schedule});
  }
  return schedules;
}

/// The sizes that a report is for.
Result<std::vector<NamedDims>> readSizes(const CompileOptions &options) {
  if (options.report != Report::none && options.emit != "bundle")
    return wrong("--report is of a bundle, not of --emit=" + options.emit);
  if (options.report == Report::none && !options.sizes.empty())
    return wrong("--dims is for --report, which is not given");
  std::vector<NamedDims> sizes;
  for (const std::string &text : options.sizes) {
    auto dims = parseDims(text);
    if (!dims)
      return wrong("--dims=" + dims.error().message());
    sizes.push_back(*dims);
  }
  return sizes;
}

} // namespace

Result<CompileRequest> headgate::readRequest(const CompileOptions &options) {
  auto level = readLevel(options.emit);
  if (!level)
    return std::move(level).error();
  auto targets = readTargets(options);
  if (!targets)
    return std::move(targets).error();
  if (Status level = checkLevel(options, *targets); !level)
    return std::move(level).error();
  if (Status output = checkOutput(options, targets->size()); !output)
    return std::move(output).error();
  auto schedules = readSchedules(options);
  if (!schedules)
    return std::move(schedules).error();
  auto sizes = readSizes(options);
  if (!sizes)
    return std::move(sizes).error();
  bool isTuned = !options.tuningRecords.empty();
  if (!isTuned &&
      (options.assertHit || options.maxVariants.getNumOccurrences()))
    return wrong("--assert-hit and --max-variants are about --tuning-records, "
                 "which is not given");
  return CompileRequest{{.targets = *std::move(targets),
                         .level = *level,
                         .lowering = options.lowering,
                         .schedules = *std::move(schedules),
                         .allowReassociation = options.allowReassociation,
                         .explain = options.explain,
                         .parts = options.emit == "bundle" ? 2u : 1u},
                        *std::move(sizes)};
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
#include "tools/ptx/RunPtx.h"

#include "lib/ArrayText.h"
#include "lib/Npy.h"
#include "runtime/sim/SimDevice.h"
#include "tools/ReadArrays.h"
#include "tools/ptx/ReadPtx.h"

#include <cstdio>

namespace headgate {

using runtime::sim::LaunchRecord;
using runtime::sim::SimDevice;

namespace {

Result<std::shared_ptr<SimDevice>> openSimulator(const std::string &uri) {
  constexpr std::string_view prefix = "sim:";
  if (uri.starts_with(prefix))
    return runtime::sim::openSimDevice(
        std::string_view(uri).substr(prefix.size()));
  return Error(ErrorCode::unavailable,
               "device '" + uri +
                   "': headgate-ptx runs on sim:sm_80 and "
                   "sim:sm_90a");
}

/// The arguments of one launch: arrays on the device, and the words that the
/// kernel gets.
struct Arguments {
  std::vector<Array> arrays; ///< empty ones for scalars
  std::vector<Buffer> buffers;
  std::vector<uint64_t> words;
};

/// An argument's array with its first contents; uninitialised ones keep the
/// device's.
Status place(SimDevice &device, const PtxArgument &argument,
             Arguments &arguments) {
  using Kind = PtxArgument::Kind;
  Buffer buffer;
  Array array;
  if (argument.kind == Kind::scalar) {
    arguments.words.push_back(argument.bits);
  } else {
    Result<Array> read = readArray(argument.value);
    if (!read)
      return std::move(read).error();
    array = std::move(*read);
    auto bytes = static_cast<int64_t>(array.bytes.size());
    Result<Buffer> allocated = device.allocate(bytes);
    if (!allocated)
      return std::move(allocated).error();
    buffer = std::move(*allocated);
    if (argument.kind != Kind::output)
      if (Status copied = device.copy(buffer.data(), array.bytes.data(), bytes,
                                      CopyKind::hostToDevice, {});
          !copied)
        return copied;
    arguments.words.push_back(reinterpret_cast<uint64_t>(buffer.data()));
  }
  arguments.arrays.push_back(std::move(array));
  arguments.buffers.push_back(std::move(buffer));
  return Success();
}

/// That the kernel takes arguments of these sizes.
Status checkParameters(const Function &function, const PtxRunOptions &options) {
  std::vector<uint32_t> wanted = runtime::sim::parameterBytes(function);
  if (wanted.size() != options.arguments.size())
    return Error(ErrorCode::badInput,
                 "the kernel takes " + std::to_string(wanted.size()) +
                     " arguments; --arg gives " +
                     std::to_string(options.arguments.size()));
  for (size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i] != options.arguments[i].bytes)
      return Error(ErrorCode::badInput,
                   "argument " + std::to_string(i + 1) + " has " +
                       std::to_string(options.arguments[i].bytes) +
                       " bytes; the kernel's parameter has " +
                       std::to_string(wanted[i]));
  return Success();
}

Result<std::string> chooseEntry(const PtxRunOptions &options,
                                const Image &image) {
  if (!options.entry.empty())
    return options.entry;
  std::vector<std::string> names = runtime::sim::kernelNames(image);
  if (names.size() == 1)
    return names[0];
  std::string list;
  for (const std::string &name : names)
    list += (list.empty() ? "" : ", ") + name;
  return Error(ErrorCode::badInput,
               names.empty()
                   ? "the file has no kernel"
                   : "say which kernel to run, --entry=NAME: " + list);
}

/// Outputs go to their files, or to stdout.
Status writeOutputs(SimDevice &device, const PtxRunOptions &options,
                    Arguments &arguments) {
  for (size_t i = 0; i < options.arguments.size(); ++i) {
    const PtxArgument &argument = options.arguments[i];
    if (argument.kind != PtxArgument::Kind::output &&
        argument.kind != PtxArgument::Kind::zeros)
      continue;
    Array &array = arguments.arrays[i];
    if (Status copied =
            device.copy(array.bytes.data(), arguments.buffers[i].data(),
                        static_cast<int64_t>(array.bytes.size()),
                        CopyKind::deviceToHost, {});
        !copied)
      return copied;
    if (!argument.file.empty()) {
      if (Status written = writeNpy(argument.file, array); !written)
        return written;
    } else if (!options.json) {
      std::printf("arg %zu: %s\n", i + 1,
                  formatArray(array, Elements::someOfMany).c_str());
    }
  }
  return Success();
}

Result<LaunchRecord> runPtx(const PtxRunOptions &options) {
  Result<std::string> text = readText(options.file);
  if (!text)
    return std::move(text).error();
  Result<std::shared_ptr<SimDevice>> device = openSimulator(options.device);
  if (!device)
    return std::move(device).error();
  Result<std::unique_ptr<Image>> image =
      (*device)->load({options.file, "ptx", options.file, *text});
  if (!image)
    return std::move(image).error();
  Result<std::string> entry = chooseEntry(options, **image);
  if (!entry)
    return std::move(entry).error();
  Result<const Function *> function = (*image)->function(*entry);
  if (!function)
    return std::move(function).error();
  if (Status fits = checkParameters(**function, options); !fits)
    return std::move(fits).error().in("kernel '" + *entry + "'");

  Arguments arguments;
  for (size_t i = 0; i < options.arguments.size(); ++i)
    if (Status placed = place(**device, options.arguments[i], arguments);
        !placed)
      return std::move(placed).error().in("argument " + std::to_string(i + 1));
  std::vector<void *> pointers;
  for (uint64_t &word : arguments.words)
    pointers.push_back(&word);
  runtime::sim::SimLaunch launch;
  launch.function = *function;
  launch.grid = options.grid;
  launch.block = options.block;
  launch.sharedBytes = options.sharedBytes;
  launch.arguments = pointers.data();
  Result<LaunchRecord> record = (*device)->record(launch);
  if (!record)
    return record;
  if (Status written = writeOutputs(**device, options, arguments); !written)
    return std::move(written).error();
  return record;
}

} // namespace

ExitCode runPtxKernel(const PtxRunOptions &options) {
  Result<LaunchRecord> record = runPtx(options);
  if (!record)
    return fail(record.error());
  std::string text;
  if (options.json)
    text = formatJson(record->findings, record->counters, record->files,
                      record->replay);
  else if (options.counters)
    text = formatText(record->counters);
  if (Status written = printText(text); !written)
    return fail(written.error());
  if (record->findings.empty())
    return exitDone;
  std::fprintf(
      stderr, "error: %zu findings\n%s\n", record->findings.size(),
      formatText(record->findings, record->files, record->replay).c_str());
  return exitCheckFailed;
}

} // namespace headgate

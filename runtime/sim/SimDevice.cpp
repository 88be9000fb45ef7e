// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/SimDevice.h"

#include "lib/GpuTarget.h"
#include "runtime/HostMachine.h"
#include "runtime/sim/Launch.h"

#include <tbb/global_control.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>

namespace headgate::runtime::sim {

namespace {

/// Shared memory of one block: CUDA C++ programming guide, table of technical
/// specifications.
uint32_t sharedLimit(int capability) {
  return capability >= 90 ? 232448 : 166912;
}
constexpr uint32_t maxThreads = 1024;

/// As Device::counters names them.
Counters toCounters(const LaunchCounters &counters) {
  Counters named = {{"blocks", double(counters.blocks)},
                    {"instructions", double(counters.total())},
                    {"mmaMacs", double(counters.mmaMacs)},
                    {"sharedRequests", double(counters.sharedRequests)},
                    {"sharedWavefronts", double(counters.sharedWavefronts)},
                    {"sharedIdealWavefronts", double(counters.sharedIdeal)},
                    {"sharedTrafficBytes", double(counters.sharedBytes)},
                    {"globalRequests", double(counters.globalRequests)},
                    {"globalSectors", double(counters.globalSectors)},
                    {"globalIdealSectors", double(counters.globalIdealSectors)},
                    {"globalTrafficBytes", double(counters.globalBytes)}};
  for (int i = 0; i < opClasses; ++i)
    if (counters.instructions[i])
      named[std::string(name(static_cast<OpClass>(i))) + "Instructions"] =
          double(counters.instructions[i]);
  return named;
}

class SimImage;

class SimFunction : public Function {
public:
  SimFunction(const SimImage &image, std::unique_ptr<const Program> program)
      : image(image), program(std::move(program)) {}
  const SimImage &image;
  std::unique_ptr<const Program> program;
};

class SimTimer : public Timer {
public:
  Status start(Stream) override {
    start_ = Clock::now();
    state_ = State::started;
    return Success{};
  }
  Status stop(Stream) override {
    if (state_ == State::idle)
      return Error(ErrorCode::badInput, "the timer was not started");
    stop_ = Clock::now();
    state_ = State::stopped;
    return Success{};
  }
  Result<double> elapsedNs() override {
    if (state_ != State::stopped)
      return Error(ErrorCode::badInput, "the timer was not stopped");
    return std::chrono::duration<double, std::nano>(stop_ - start_).count();
  }

private:
  using Clock = std::chrono::steady_clock;
  enum class State : uint8_t { idle, started, stopped };
  Clock::time_point start_, stop_;
  State state_ = State::idle;
};

class Simulator : public SimDevice {
public:
  Simulator(std::string uri, SimOptions options,
            std::unique_ptr<GlobalMemory> memory)
      : options_(std::move(options)), memory_(std::move(memory)),
        threads_(options_.threads > 0 ? options_.threads : usableCpus()),
        arena_(threads_) {
    if (threads_ > tbb::info::default_concurrency())
      moreThreads_.emplace(tbb::global_control::max_allowed_parallelism,
                           threads_);
    info_.uri = std::move(uri);
    info_.name = "Headgate PTX simulator (" + options_.target + ", " +
                 sim::name(options_.level) + ")";
    info_.target = options_.target;
    info_.memoryBytes = usableMemoryBytes();
    info_.sharedBytesPerBlock = sharedLimit(options_.capability);
    info_.l2Bytes = lastLevelCacheBytes();
    info_.units = threads_;
  }

  const DeviceInfo &info() const override { return info_; }
  std::vector<std::string> imageKinds(std::string_view target) const override {
    if (!runsCode(info_.target, target))
      return {};
    return {"ptx"};
  }
  Result<Buffer> allocate(int64_t bytes) override;
  Status copy(void *to, const void *from, int64_t bytes, CopyKind kind,
              Stream stream) override;
  Status fill(void *to, uint8_t value, int64_t bytes, Stream stream) override;
  Result<std::unique_ptr<Image>> load(const ImageText &image) override;
  Status launch(const Launch &launch, Stream stream) override;
  Status synchronize(Stream stream) override { return check(stream, 0); }
  Result<std::unique_ptr<Timer>> timer() override {
    return std::unique_ptr<Timer>(std::make_unique<SimTimer>());
  }
  Counters counters() const override {
    std::lock_guard lock(countersMutex_);
    return toCounters(counters_);
  }
  Result<LaunchRecord> record(const SimLaunch &launch) override;

  const SimOptions &options() const { return options_; }
  GlobalMemory &memory() { return *memory_; }

private:
  void free(void *data, int64_t) override { memory_->free(data); }
  static Status check(Stream stream, int64_t bytes);
  Status checkDevice(const void *data, int64_t bytes, const char *what) const;
  Status checkLaunch(const SimLaunch &launch) const;
  Status writeReport(const LaunchRecord &record) const;
  std::string replayUri() const;

  DeviceInfo info_;
  SimOptions options_;
  std::unique_ptr<GlobalMemory> memory_;
  int threads_;
  std::optional<tbb::global_control> moreThreads_;
  tbb::task_arena arena_;
  mutable std::mutex countersMutex_;
  LaunchCounters counters_; ///< of all launches
};

/// A module, its variables in memory and its kernels decoded.
class SimImage : public Image {
public:
  SimImage(std::shared_ptr<Simulator> device, std::string id, Module module)
      : device_(std::move(device)), id_(std::move(id)),
        module_(std::move(module)) {}

  Status prepare();
  Result<const Function *> function(const std::string &symbol) override;
  const Module &module() const { return module_; }
  const auto &functions() const { return functions_; }

private:
  Status placeVariables();
  Status checkTarget() const;

  std::shared_ptr<Simulator> device_;
  std::string id_;
  Module module_;
  std::map<std::string, Buffer> variables_;
  std::map<std::string, std::unique_ptr<SimFunction>> functions_;
};

Status SimImage::checkTarget() const {
  const SimOptions &options = device_->options();
  if (!runsCode(options.target, module_.target))
    return Error(ErrorCode::unsupported, "is PTX for " + module_.target +
                                             "; the device is " +
                                             options.target);
  return Success{};
}

Status SimImage::placeVariables() {
  for (const Variable &variable : module_.variables) {
    if (variable.space != Space::global && variable.space != Space::constant)
      continue;
    if (variable.external)
      continue; // an error only for a kernel that names it
    Result<Buffer> buffer =
        device_->allocate(std::max<int64_t>(1, int64_t(variable.bytes)));
    if (!buffer)
      return std::move(buffer).error().in("variable '" + variable.name + "'");
    // Variables without an initialiser start as zeros (ISA 5.4).
    std::memset(buffer->data(), 0, size_t(buffer->bytes()));
    if (!variable.initial.empty())
      std::memcpy(buffer->data(), variable.initial.data(),
                  variable.initial.size());
    device_->memory().markInitialised(buffer->data(), buffer->bytes());
    if (!variables_.emplace(variable.name, std::move(*buffer)).second)
      return Error(ErrorCode::corrupt, "line " + std::to_string(variable.line) +
                                           ": a second variable named '" +
                                           variable.name + "'");
  }
  for (const Variable &variable : module_.variables)
    for (const Variable::Relocation &place : variable.relocations) {
      auto target = variables_.find(place.name);
      auto own = variables_.find(variable.name);
      if (target == variables_.end() || own == variables_.end())
        return Error(ErrorCode::corrupt,
                     "line " + std::to_string(variable.line) +
                         ": no global variable named '" + place.name + "'");
      uint64_t address = reinterpret_cast<uint64_t>(target->second.data()) +
                         static_cast<uint64_t>(place.addend);
      std::memcpy(static_cast<char *>(own->second.data()) + place.at, &address,
                  sizeof(address));
    }
  return Success{};
}

Status SimImage::prepare() {
  if (Status fits = checkTarget(); !fits)
    return fits;
  if (Status placed = placeVariables(); !placed)
    return placed;
  DecodeOptions options;
  options.level = device_->options().level;
  options.target = device_->options().capability;
  options.minimalSharedBase = device_->options().minimalSharedBase;
  options.trackRegisters = device_->options().check != SimOptions::Check::off;
  options.addressOf = [&](const std::string &name) {
    auto found = variables_.find(name);
    return found == variables_.end()
               ? uint64_t(0)
               : reinterpret_cast<uint64_t>(found->second.data());
  };
  for (const Kernel &kernel : module_.kernels) {
    Result<std::unique_ptr<const Program>> program =
        decode(module_, kernel, options);
    if (!program)
      return std::move(program).error();
    functions_[kernel.name] =
        std::make_unique<SimFunction>(*this, std::move(*program));
  }
  return Success{};
}

Result<const Function *> SimImage::function(const std::string &symbol) {
  auto found = functions_.find(symbol);
  if (found != functions_.end())
    return static_cast<const Function *>(found->second.get());
  std::string known;
  for (const auto &[name, function] : functions_)
    known += (known.empty() ? "; it has " : ", ") + name;
  return Error(ErrorCode::notFound,
               "image '" + id_ + "' has no kernel '" + symbol + "'" + known);
}

Status Simulator::check(Stream stream, int64_t bytes) {
  if (stream.handle)
    return Error(ErrorCode::badInput,
                 "the simulator takes only the null stream");
  if (bytes < 0)
    return Error(ErrorCode::badInput,
                 "a size of " + std::to_string(bytes) + " bytes");
  return Success{};
}

Status Simulator::checkDevice(const void *data, int64_t bytes,
                              const char *what) const {
  if (memory_->contains(data, bytes))
    return Success{};
  return Error(ErrorCode::badInput,
               std::string(what) + " of " + std::to_string(bytes) +
                   " bytes is not in memory of '" + info_.uri + "'");
}

Result<Buffer> Simulator::allocate(int64_t bytes) {
  if (Status valid = check({}, bytes); !valid)
    return std::move(valid).error();
  if (bytes == 0)
    return Buffer();
  Result<void *> data = memory_->allocate(bytes);
  if (!data)
    return std::move(data).error().in("'" + info_.uri + "'");
  return Buffer(shared_from_this(), *data, bytes);
}

Status Simulator::copy(void *to, const void *from, int64_t bytes, CopyKind kind,
                       Stream stream) {
  if (Status valid = check(stream, bytes); !valid)
    return valid;
  if (bytes == 0)
    return Success{};
  if (kind != CopyKind::deviceToHost)
    if (Status valid = checkDevice(to, bytes, "the destination"); !valid)
      return valid;
  if (kind != CopyKind::hostToDevice)
    if (Status valid = checkDevice(from, bytes, "the source"); !valid)
      return valid;
  std::memmove(to, from, size_t(bytes));
  if (kind == CopyKind::hostToDevice)
    memory_->markInitialised(to, bytes);
  else if (kind == CopyKind::deviceToDevice)
    memory_->copyFlags(to, from, bytes);
  return Success{};
}

Status Simulator::fill(void *to, uint8_t value, int64_t bytes, Stream stream) {
  if (Status valid = check(stream, bytes); !valid)
    return valid;
  if (bytes == 0)
    return Success{};
  if (Status valid = checkDevice(to, bytes, "the destination"); !valid)
    return valid;
  std::memset(to, value, size_t(bytes));
  memory_->markInitialised(to, bytes);
  return Success{};
}

Result<std::unique_ptr<Image>> Simulator::load(const ImageText &image) {
  std::string what = "image '" + image.id + "' (" + image.path + ")";
  if (image.kind != "ptx")
    return Error(ErrorCode::unsupported,
                 what + ": the simulator takes images of kind 'ptx', not '" +
                     image.kind + "'");
  Result<Module> module = parsePtx(image.bytes);
  if (!module)
    return std::move(module).error().in(what);
  auto loaded = std::make_unique<SimImage>(
      std::static_pointer_cast<Simulator>(shared_from_this()), image.id,
      std::move(*module));
  if (Status prepared = loaded->prepare(); !prepared)
    return std::move(prepared).error().in(what);
  return std::unique_ptr<Image>(std::move(loaded));
}

Status Simulator::checkLaunch(const SimLaunch &launch) const {
  if (!launch.function)
    return Error(ErrorCode::badInput, "a launch without a kernel");
  const Program &program =
      *static_cast<const SimFunction *>(launch.function)->program;
  auto refuse = [&](const std::string &why) {
    return Error(ErrorCode::badInput, "kernel '" + program.name + "': " + why);
  };
  auto text = [](const std::array<uint32_t, 3> &extent) {
    return std::to_string(extent[0]) + "x" + std::to_string(extent[1]) + "x" +
           std::to_string(extent[2]);
  };
  auto [x, y, z] = launch.grid;
  if (x > INT32_MAX || y > 65535 || z > 65535)
    return refuse("a grid of " + text(launch.grid) +
                  " is more than 2147483647x65535x65535");
  auto [bx, by, bz] = launch.block;
  if (bx == 0 || by == 0 || bz == 0 || bx > maxThreads || by > maxThreads ||
      bz > 64 || uint64_t(bx) * by * bz > maxThreads)
    return refuse("a block of " + text(launch.block) +
                  " threads; 1 to 1024 are possible");
  const auto &required = program.requiredBlock;
  if (required[0] && launch.block != required)
    return refuse("a block of " + text(launch.block) +
                  " threads; .reqntid says " + text(required));
  if (program.maxThreads && uint64_t(bx) * by * bz > program.maxThreads)
    return refuse("a block of " + text(launch.block) +
                  " threads; .maxntid says " +
                  std::to_string(program.maxThreads));
  uint64_t shared = uint64_t(program.dynamicShared) - program.sharedBegin +
                    launch.sharedBytes;
  if (shared > sharedLimit(options_.capability))
    return refuse("takes " + std::to_string(shared) +
                  " bytes of shared memory; a block has " +
                  std::to_string(sharedLimit(options_.capability)));
  if (!launch.arguments && !program.parameters.empty())
    return refuse("takes " + std::to_string(program.parameters.size()) +
                  " arguments, none is given");
  return Success{};
}

std::string Simulator::replayUri() const {
  std::string uri = info_.uri;
  if (uri.find("seed=") == uri.npos &&
      (options_.schedule == SimOptions::Schedule::random ||
       options_.async == SimOptions::Async::random))
    uri += ",seed=" + std::to_string(options_.seed);
  return uri;
}

Status Simulator::writeReport(const LaunchRecord &record) const {
  std::ofstream file(options_.report, std::ios::app);
  file << formatJson(record.findings, record.counters, record.files,
                     record.replay);
  file.close();
  if (!file)
    return Error(ErrorCode::failed, "cannot write '" + options_.report + "'");
  return Success{};
}

Result<LaunchRecord> Simulator::record(const SimLaunch &launch) {
  if (Status valid = checkLaunch(launch); !valid)
    return std::move(valid).error();
  LaunchRecord record;
  auto [x, y, z] = launch.grid;
  if (x == 0 || y == 0 || z == 0)
    return record;
  const auto &function = *static_cast<const SimFunction *>(launch.function);
  Reporter reporter;
  LaunchContext context;
  context.program = function.program.get();
  context.options = &options_;
  context.memory = memory_.get();
  context.reporter = &reporter;
  context.grid = launch.grid;
  context.block = launch.block;
  context.dynamicShared = launch.sharedBytes;
  context.parameters.resize(context.program->parameterBytes);
  for (size_t i = 0; i < context.program->parameters.size(); ++i) {
    const Parameter &parameter = context.program->parameters[i];
    std::memcpy(context.parameters.data() + parameter.offset,
                launch.arguments[i], parameter.bytes);
  }
  record.counters = runGrid(context, arena_, threads_);
  {
    std::lock_guard lock(countersMutex_);
    counters_.add(record.counters);
  }
  record.findings = reporter.take();
  record.files = function.image.module().files;
  record.replay = replayUri();
  if (!options_.report.empty())
    if (Status written = writeReport(record); !written)
      return std::move(written).error();
  return record;
}

Status Simulator::launch(const Launch &launch, Stream stream) {
  if (Status valid = check(stream, launch.scratchBytes); !valid)
    return valid;
  if (launch.scratchBytes || launch.cluster != 1 || launch.pdl)
    return Error(
        ErrorCode::unsupported,
        "the simulator has no scratch memory, clusters or programmatic "
        "dependence");
  SimLaunch wanted;
  wanted.function = launch.function;
  wanted.grid = launch.grid;
  wanted.block = {launch.block, 1, 1};
  wanted.sharedBytes = launch.sharedBytes;
  wanted.arguments = launch.arguments;
  Result<LaunchRecord> done = record(wanted);
  if (!done)
    return std::move(done).error();
  if (done->findings.empty())
    return Success{};
  const auto &function = *static_cast<const SimFunction *>(launch.function);
  return Error(ErrorCode::checkFailed,
               "kernel '" + function.program->name + "' on '" + info_.uri +
                   "': " + std::to_string(done->findings.size()) +
                   " findings\n" +
                   formatText(done->findings, done->files, done->replay));
}

} // namespace

std::vector<uint32_t> parameterBytes(const Function &function) {
  std::vector<uint32_t> bytes;
  for (const Parameter &parameter :
       static_cast<const SimFunction &>(function).program->parameters)
    bytes.push_back(parameter.bytes);
  return bytes;
}

std::vector<std::string> kernelNames(const Image &image) {
  std::vector<std::string> names;
  for (const auto &[name, function] :
       static_cast<const SimImage &>(image).functions())
    names.push_back(name);
  return names;
}

Result<std::shared_ptr<SimDevice>> openSimDevice(std::string_view text) {
  std::string uri = "sim:" + std::string(text);
  Result<SimOptions> options = parseSimOptions(text);
  if (!options)
    return std::move(options).error().in("device '" + uri + "'");
  int64_t bytes = usableMemoryBytes();
  auto memory = GlobalMemory::create(bytes > 0 ? bytes : int64_t(1) << 36);
  if (!memory)
    return std::move(memory).error().in("device '" + uri + "'");
  return std::shared_ptr<SimDevice>(std::make_shared<Simulator>(
      uri, std::move(*options), std::move(*memory)));
}

} // namespace headgate::runtime::sim

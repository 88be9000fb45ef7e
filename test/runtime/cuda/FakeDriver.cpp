// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of the fake driver for devices, contexts and what lives in
// them. They do what the documentation of the CUDA driver says, as far as the
// runtime relies on it.

#include "test/runtime/cuda/FakeState.h"

#include <cstdio>
#include <cstring>

namespace headgate::test {

namespace {

/// The driver's names and sentences (cuda.h 13.0), of the codes that occur.
struct ErrorText {
  CUresult code;
  const char *name, *text;
};
constexpr ErrorText errorTexts[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
     "the provided PTX was compiled with an unsupported toolchain."},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {600, "CUDA_ERROR_NOT_READY", "device not ready"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS",
     "an illegal memory access was encountered"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {801, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

const ErrorText *findText(CUresult code) {
  for (const ErrorText &text : errorTexts)
    if (text.code == code)
      return &text;
  return nullptr;
}

/// Faults of kernels: nothing works after them.
bool endsContext(CUresult code) {
  return code == 700 || code == 702 || (code >= 714 && code <= 719);
}

/// Calls that go on when the current context has ended.
bool needsNoContext(std::string_view name) {
  for (const char *prefix :
       {"cuInit", "cuDriver", "cuGetError", "cuDevice", "cuCtx"})
    if (name.starts_with(prefix))
      return true;
  return false;
}

/// The current contexts of a thread, the innermost last.
thread_local std::vector<FakeContext *> contextStack;

/// 84 of ".version 8.4", 80 of ".target sm_80"; 0 if there is none.
int numberAfter(const std::string &ptx, const char *word, double factor) {
  size_t at = ptx.find(word);
  return at == ptx.npos
             ? 0
             : int(factor * std::atof(ptx.c_str() + at + std::strlen(word)) +
                   0.5);
}

constexpr std::string_view elfMagic = "\x7f"
                                      "ELF";

} // namespace

CUresult FakeDriver::misuse(const std::string &what, CUresult code) {
  misuses_.push_back(calls_.back() + ": " + what);
  return code;
}

void FakeDriver::leaveContexts() { contextStack.clear(); }

FakeContext *FakeDriver::current() {
  if (!contextStack.empty())
    return contextStack.back();
  misuse("no context is current", invalidContext);
  return nullptr;
}

/// The code with which this call is to fail.
CUresult FakeDriver::failureOf(const char *name) {
  CUresult code = CUDA_SUCCESS;
  if (auto named = settings_.fail.extract(name))
    code = named.mapped();
  if (auto numbered = settings_.at.extract(calls_.size() - 1))
    code = numbered.mapped();
  // What is enqueued is done, even where waiting for it fails: the host's side
  // of a copy may be gone soon.
  if (code && name == std::string_view("cuStreamSynchronize"))
    drain(*contextStack.back());
  if (endsContext(code))
    for (auto &[device, context] : contexts_)
      context.ended = code;
  return code;
}

CUresult FakeDriver::call(const char *name,
                          const std::function<CUresult()> &body) {
  std::lock_guard lock(mutex_);
  calls_.push_back(name);
  if (CUresult code = failureOf(name))
    return code;
  if (needsNoContext(name))
    return body();
  if (!current())
    return invalidContext;
  if (CUresult ended = current()->ended)
    return ended;
  return body();
}

//===-- devices and contexts ---------------------------------------------===//

CUresult FakeDriver::cuInit(unsigned) {
  if (settings_.devices == 0)
    return noDevice;
  isStarted_ = true;
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuDriverGetVersion(int *version) {
  *version = settings_.version;
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuGetErrorName(CUresult code, const char **text) {
  const ErrorText *known = findText(code);
  *text = known ? known->name : nullptr;
  return known ? CUDA_SUCCESS : invalidValue;
}

CUresult FakeDriver::cuGetErrorString(CUresult code, const char **text) {
  const ErrorText *known = findText(code);
  *text = known ? known->text : nullptr;
  return known ? CUDA_SUCCESS : invalidValue;
}

CUresult FakeDriver::cuDeviceGetCount(int *count) {
  if (!isStarted_)
    return misuse("before cuInit", notInitialized);
  *count = settings_.devices;
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuDeviceGet(CUdevice *device, int ordinal) {
  if (ordinal < 0 || ordinal >= settings_.devices)
    return invalidDevice;
  *device = ordinal;
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuDeviceGetName(char *name, int length, CUdevice device) {
  std::snprintf(name, size_t(length), "fake GPU %d", device);
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuDeviceGetAttribute(int *value,
                                          CUdevice_attribute attribute,
                                          CUdevice) {
  switch (attribute) {
  case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
    *value = 108;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
    *value = 40 << 20;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    *value = settings_.capability / 10;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    *value = settings_.capability % 10;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
    // CUDA C++ programming guide, technical specifications.
    *value = settings_.capability >= 90   ? 232448
             : settings_.capability == 80 ? 166912
                                          : 101376;
    return CUDA_SUCCESS;
  }
  return invalidValue;
}

CUresult FakeDriver::cuDeviceTotalMem(size_t *bytes, CUdevice) {
  *bytes = size_t(settings_.memory);
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuDevicePrimaryCtxRetain(CUcontext *context,
                                              CUdevice device) {
  FakeContext &primary = contexts_[device];
  if (primary.retained == 0) {
    auto gpu = runtime::sim::openSimDevice(
        settings_.capability >= 90 ? "sm_90a,threads=2" : "sm_80,threads=2");
    if (!gpu)
      return CUDA_ERROR_OUT_OF_MEMORY;
    primary.gpu = *std::move(gpu);
  }
  ++primary.retained;
  *context = reinterpret_cast<CUcontext>(&primary);
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuDevicePrimaryCtxRelease(CUdevice device) {
  FakeContext &primary = contexts_[device];
  if (primary.retained == 0)
    return misuse("it was not retained", invalidContext);
  if (--primary.retained == 0)
    end(primary);
  return CUDA_SUCCESS;
}

/// All that is alive goes with its context, which only a fault excuses.
void FakeDriver::end(FakeContext &context) {
  if (drain(context) == CUDA_SUCCESS && context.ended == CUDA_SUCCESS) {
    auto gone = [&](size_t count, const char *what) {
      if (count)
        misuse(std::to_string(count) + " " + what + " still alive",
               CUDA_SUCCESS);
    };
    gone(context.memory.size(), "allocations");
    gone(context.modules.size(), "modules");
    gone(context.events.size(), "events");
    gone(context.streams.size(), "streams");
    gone(context.graphs.size() + context.execs.size(), "graphs");
  }
  context = {};
}

CUresult FakeDriver::cuCtxPushCurrent(CUcontext context) {
  auto *pushed = reinterpret_cast<FakeContext *>(context);
  if (!pushed || pushed->retained == 0)
    return misuse("a context that is gone", invalidContext);
  contextStack.push_back(pushed);
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuCtxPopCurrent(CUcontext *context) {
  if (!current())
    return invalidContext;
  *context = reinterpret_cast<CUcontext>(contextStack.back());
  contextStack.pop_back();
  return CUDA_SUCCESS;
}

//===-- objects ----------------------------------------------------------===//

template <typename T>
CUresult FakeDriver::destroy(Pool<T> FakeContext::*pool, const void *handle,
                             const char *what) {
  if ((current()->*pool).erase(handle) == 0)
    return misuse("no such " + std::string(what), invalidHandle);
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuMemAlloc(CUdeviceptr *address, size_t bytes) {
  FakeContext &context = *current();
  for (const auto &[handle, stream] : context.streams)
    if (stream->isCapturing)
      return captureUnsupported;
  int64_t used = 0;
  for (const auto &[begin, buffer] : context.memory)
    used += buffer.bytes();
  if (bytes == 0)
    return misuse("of no bytes", invalidValue);
  if (bytes > size_t(settings_.memory - used))
    return CUDA_ERROR_OUT_OF_MEMORY;
  auto buffer = context.gpu->allocate(int64_t(bytes));
  if (!buffer)
    return CUDA_ERROR_OUT_OF_MEMORY;
  *address = reinterpret_cast<CUdeviceptr>(buffer->data());
  context.memory[*address] = *std::move(buffer);
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuMemFree(CUdeviceptr address) {
  if (CUresult failed = drain(*current()))
    return failed;
  if (current()->memory.erase(address) == 0)
    return misuse("no such allocation", invalidValue);
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuEventCreate(CUevent *event, unsigned) {
  return make(&FakeContext::events, event, std::make_shared<FakeEvent>());
}

CUresult FakeDriver::cuEventDestroy(CUevent event) {
  return destroy(&FakeContext::events, event, "event");
}

CUresult FakeDriver::cuStreamCreate(CUstream *stream, unsigned) {
  return make(&FakeContext::streams, stream, std::make_shared<FakeStream>());
}

CUresult FakeDriver::cuStreamDestroy(CUstream stream) {
  return destroy(&FakeContext::streams, stream, "stream");
}

CUresult FakeDriver::cuGraphDestroy(CUgraph graph) {
  return destroy(&FakeContext::graphs, graph, "graph");
}

CUresult FakeDriver::cuGraphExecDestroy(CUgraphExec exec) {
  return destroy(&FakeContext::execs, exec, "graph");
}

//===-- modules ----------------------------------------------------------===//

/// What is no PTX is a cubin: the magic number of ELF, then PTX after all.
CUresult FakeDriver::cuModuleLoadDataEx(CUmodule *module, const void *data,
                                        unsigned count, CUjit_option *options,
                                        void **values) {
  char *log = nullptr;
  size_t logBytes = 0;
  for (unsigned i = 0; i < count; ++i)
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER)
      log = static_cast<char *>(values[i]);
    else if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
      logBytes = reinterpret_cast<size_t>(values[i]);
  std::string text = static_cast<const char *>(data);
  bool isBinary = text.starts_with(elfMagic);
  if (isBinary)
    text.erase(0, elfMagic.size());
  if (!isBinary && numberAfter(text, ".version ", 10) > settings_.ptx)
    return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
  int target = numberAfter(text, ".target sm_", 1);
  if (target > settings_.capability ||
      (isBinary && target / 10 != settings_.capability / 10))
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  auto loaded = std::make_shared<FakeModule>();
  auto image = current()->gpu->load({"module", "ptx", "memory", text});
  if (image) {
    loaded->image = *std::move(image);
    return make(&FakeContext::modules, module, std::move(loaded));
  }
  if (isBinary)
    return CUDA_ERROR_INVALID_IMAGE;
  if (log)
    std::snprintf(log, logBytes, "ptxas fatal   : %s",
                  image.error().message().c_str());
  return CUDA_ERROR_INVALID_PTX;
}

CUresult FakeDriver::cuModuleUnload(CUmodule module) {
  if (CUresult failed = drain(*current()))
    return failed;
  return destroy(&FakeContext::modules, module, "module");
}

CUresult FakeDriver::cuModuleGetFunction(CUfunction *function, CUmodule handle,
                                         const char *name) {
  FakeModule *module = find(current()->modules, handle);
  if (!module)
    return misuse("no such module", invalidHandle);
  auto code = module->image->function(name);
  if (!code)
    return CUDA_ERROR_NOT_FOUND;
  FakeFunction &found = module->functions[name];
  found.name = name;
  found.code = *code;
  *function = reinterpret_cast<CUfunction>(&found);
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuFuncSetAttribute(CUfunction function,
                                        CUfunction_attribute attribute,
                                        int value) {
  int limit = 0;
  cuDeviceGetAttribute(
      &limit, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 0);
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES ||
      value < 0 || value > limit)
    return invalidValue;
  reinterpret_cast<FakeFunction *>(function)->allowedShared = value;
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuFuncGetAttribute(int *value,
                                        CUfunction_attribute attribute,
                                        CUfunction) {
  *value = attribute == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : 0;
  return CUDA_SUCCESS;
}

} // namespace headgate::test

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of the fake driver that enqueue work or wait for it.

#include "test/runtime/cuda/FakeState.h"

#include <cstdio>
#include <utility>

namespace headgate::test {

namespace {

void *pointerTo(CUdeviceptr address) {
  return reinterpret_cast<void *>(address);
}

/// Whether the bytes lie in one allocation.
bool contains(const FakeContext &context, CUdeviceptr address, size_t bytes) {
  auto after = context.memory.upper_bound(address);
  if (after == context.memory.begin())
    return false;
  const auto &[begin, buffer] = *std::prev(after);
  size_t offset = address - begin, size = size_t(buffer.bytes());
  return offset <= size && bytes <= size - offset;
}

} // namespace

CUresult FakeDriver::enqueue(FakeContext &context, CUstream handle, Work work) {
  if (!handle) {
    context.queue.push_back(std::move(work));
    return CUDA_SUCCESS;
  }
  FakeStream *stream = find(context.streams, handle);
  if (!stream)
    return invalidHandle;
  if (stream->isCapturing)
    stream->captured.push_back(std::move(work));
  else
    context.queue.push_back(std::move(work));
  return CUDA_SUCCESS;
}

CUresult FakeDriver::drain(FakeContext &context) {
  while (!context.queue.empty() && context.ended == CUDA_SUCCESS) {
    Work work = std::move(context.queue.front());
    context.queue.pop_front();
    context.ended = work();
  }
  context.queue.clear();
  return context.ended;
}

/// The host's side is read and written only when the copy runs, as where its
/// memory is pinned.
CUresult FakeDriver::enqueueCopy(CUdeviceptr to, CUdeviceptr from, size_t bytes,
                                 CopyKind kind, CUstream stream) {
  FakeContext &context = *current();
  if ((kind != CopyKind::deviceToHost && !contains(context, to, bytes)) ||
      (kind != CopyKind::hostToDevice && !contains(context, from, bytes)))
    return invalidValue;
  return enqueue(context, stream, [gpu = context.gpu, to, from, bytes, kind] {
    Status done =
        gpu->copy(pointerTo(to), pointerTo(from), int64_t(bytes), kind, {});
    return done ? CUDA_SUCCESS : CUDA_ERROR_ILLEGAL_ADDRESS;
  });
}

CUresult FakeDriver::cuMemcpyHtoDAsync(CUdeviceptr to, const void *from,
                                       size_t bytes, CUstream stream) {
  return enqueueCopy(to, reinterpret_cast<CUdeviceptr>(from), bytes,
                     CopyKind::hostToDevice, stream);
}

CUresult FakeDriver::cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t bytes,
                                       CUstream stream) {
  return enqueueCopy(reinterpret_cast<CUdeviceptr>(to), from, bytes,
                     CopyKind::deviceToHost, stream);
}

CUresult FakeDriver::cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from,
                                       size_t bytes, CUstream stream) {
  return enqueueCopy(to, from, bytes, CopyKind::deviceToDevice, stream);
}

CUresult FakeDriver::cuMemsetD8Async(CUdeviceptr to, unsigned char value,
                                     size_t bytes, CUstream stream) {
  FakeContext &context = *current();
  if (!contains(context, to, bytes))
    return invalidValue;
  return enqueue(context, stream, [gpu = context.gpu, to, value, bytes] {
    Status done = gpu->fill(pointerTo(to), value, int64_t(bytes), {});
    return done ? CUDA_SUCCESS : CUDA_ERROR_ILLEGAL_ADDRESS;
  });
}

void FakeDriver::record(const CUlaunchConfig &config,
                        const FakeFunction &function) {
  lastLaunch_ = {function.name,
                 {config.gridDimX, config.gridDimY, config.gridDimZ},
                 {config.blockDimX, config.blockDimY, config.blockDimZ},
                 config.sharedMemBytes,
                 config.hStream,
                 {}};
  for (unsigned i = 0; i < config.numAttrs; ++i)
    lastLaunch_.attributes.emplace_back(
        config.attrs[i].id,
        config.attrs[i].value.programmaticStreamSerializationAllowed);
}

/// The arguments are read now, the kernel runs when somebody waits.
CUresult FakeDriver::cuLaunchKernelEx(const CUlaunchConfig *config,
                                      CUfunction handle, void **arguments,
                                      void **extra) {
  const auto &function = *reinterpret_cast<FakeFunction *>(handle);
  record(*config, function);
  std::vector<uint32_t> sizes = runtime::sim::parameterBytes(*function.code);
  if (extra || (!arguments && !sizes.empty()) ||
      int64_t(config->sharedMemBytes) > function.allowedShared)
    return invalidValue;
  if (CUresult trap = std::exchange(settings_.trap, CUDA_SUCCESS))
    return enqueue(*current(), config->hStream, [trap] { return trap; });
  std::vector<std::string> values;
  for (size_t i = 0; i < sizes.size(); ++i)
    values.emplace_back(static_cast<char *>(arguments[i]), sizes[i]);
  runtime::sim::SimLaunch launch;
  launch.function = function.code;
  launch.grid = {config->gridDimX, config->gridDimY, config->gridDimZ};
  launch.block = {config->blockDimX, config->blockDimY, config->blockDimZ};
  launch.sharedBytes = config->sharedMemBytes;
  auto work = [gpu = current()->gpu, launch, values]() mutable -> CUresult {
    std::vector<void *> pointers;
    for (std::string &value : values)
      pointers.push_back(value.data());
    launch.arguments = pointers.data();
    auto done = gpu->record(launch);
    if (done && done->findings.empty())
      return CUDA_SUCCESS;
    std::string why =
        done ? formatText(done->findings, done->files, done->replay)
             : done.error().message();
    std::fprintf(stderr, "fake cuda: %s\n", why.c_str());
    return CUDA_ERROR_LAUNCH_FAILED;
  };
  return enqueue(*current(), config->hStream, std::move(work));
}

CUresult FakeDriver::cuEventRecord(CUevent handle, CUstream stream) {
  auto found = current()->events.find(handle);
  if (found == current()->events.end())
    return misuse("no such event", invalidHandle);
  std::shared_ptr<FakeEvent> event = found->second;
  event->isRecorded = true;
  event->time.reset();
  auto reach = [event]() -> CUresult {
    event->time = std::chrono::steady_clock::now();
    return CUDA_SUCCESS;
  };
  if (current()->queue.empty() && !stream)
    return reach();
  return enqueue(*current(), stream, reach);
}

CUresult FakeDriver::cuEventSynchronize(CUevent handle) {
  if (!find(current()->events, handle))
    return misuse("no such event", invalidHandle);
  return drain(*current());
}

CUresult FakeDriver::cuEventElapsedTime(float *milliseconds, CUevent start,
                                        CUevent stop) {
  FakeEvent *first = find(current()->events, start),
            *last = find(current()->events, stop);
  if (!first || !last)
    return misuse("no such event", invalidHandle);
  if (!first->isRecorded || !last->isRecorded)
    return invalidHandle;
  if (!first->time || !last->time)
    return notReady;
  *milliseconds =
      std::chrono::duration<float, std::milli>(*last->time - *first->time)
          .count();
  return CUDA_SUCCESS;
}

//===-- streams and graphs -----------------------------------------------===//

CUresult FakeDriver::cuStreamSynchronize(CUstream handle) {
  FakeStream *stream = find(current()->streams, handle);
  if (handle && !stream)
    return invalidHandle;
  if (stream && stream->isCapturing)
    return misuse("a stream that is captured", captureUnsupported);
  return drain(*current());
}

CUresult FakeDriver::cuStreamIsCapturing(CUstream handle,
                                         CUstreamCaptureStatus *status) {
  FakeStream *stream = find(current()->streams, handle);
  if (handle && !stream)
    return invalidHandle;
  *status = CUstreamCaptureStatus(stream && stream->isCapturing);
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuStreamBeginCapture(CUstream handle, int) {
  FakeStream *stream = find(current()->streams, handle);
  if (!stream || stream->isCapturing)
    return invalidValue;
  stream->isCapturing = true;
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuStreamEndCapture(CUstream handle, CUgraph *graph) {
  FakeStream *stream = find(current()->streams, handle);
  if (!stream || !stream->isCapturing)
    return invalidValue;
  stream->isCapturing = false;
  auto made = std::make_shared<FakeGraph>();
  made->work.swap(stream->captured);
  return make(&FakeContext::graphs, graph, std::move(made));
}

CUresult FakeDriver::cuGraphInstantiate(CUgraphExec *exec, CUgraph handle,
                                        unsigned long long) {
  FakeGraph *graph = find(current()->graphs, handle);
  if (!graph)
    return misuse("no such graph", invalidHandle);
  return make(&FakeContext::execs, exec, std::make_shared<FakeGraph>(*graph));
}

CUresult FakeDriver::cuGraphLaunch(CUgraphExec handle, CUstream stream) {
  FakeGraph *exec = find(current()->execs, handle);
  if (!exec)
    return misuse("no such graph", invalidHandle);
  for (const Work &work : exec->work)
    if (CUresult failed = enqueue(*current(), stream, work))
      return failed;
  return CUDA_SUCCESS;
}

CUresult FakeDriver::cuTensorMapEncodeTiled(CUtensorMap *, int, uint32_t,
                                            void *, const uint64_t *,
                                            const uint64_t *, const uint32_t *,
                                            const uint32_t *, int, int, int,
                                            int) {
  return notSupported;
}

} // namespace headgate::test

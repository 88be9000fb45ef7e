// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C API: handles around the C++ objects, which count their references
// themselves. No state outside the handles.

#include "headgate/headgate.h"

#include "headgate/Runtime.h"
#include "runtime/DLPack.h"
#include "runtime/Layout.h"

#include <utility>
#include <vector>

using namespace headgate;
using namespace headgate::runtime;

struct HgError {
  Error error;
};
struct HgDevice {
  std::shared_ptr<Device> device;
};
struct HgBundle {
  Bundle bundle;
};
struct HgSession {
  std::shared_ptr<const Session> session;
};
struct HgInvocation {
  Invocation invocation;
  std::vector<TensorView> inputs, outputs; ///< of the current call
};

namespace {

HgError *fail(Error error) { return new HgError{std::move(error)}; }

HgError *missing(const char *function, const char *what) {
  return fail(Error(ErrorCode::badInput,
                    std::string(function) + ": " + what + " is NULL"));
}

int codeOf(ErrorCode code) {
  switch (code) {
  case ErrorCode::badInput:
    return HG_BAD_INPUT;
  case ErrorCode::notFound:
    return HG_NOT_FOUND;
  case ErrorCode::corrupt:
    return HG_CORRUPT;
  case ErrorCode::unsupported:
    return HG_UNSUPPORTED;
  case ErrorCode::unavailable:
    return HG_UNAVAILABLE;
  case ErrorCode::outOfMemory:
    return HG_OUT_OF_MEMORY;
  case ErrorCode::deviceLost:
    return HG_DEVICE_LOST;
  case ErrorCode::timeout:
    return HG_TIMEOUT;
  case ErrorCode::checkFailed:
    return HG_CHECK_FAILED;
  case ErrorCode::failed:
    return HG_FAILED;
  }
  return HG_FAILED;
}

/// Views of a call's tensors; `plan` has their names, for messages.
Status viewTensors(DLManagedTensor *const *tensors, size_t count,
                   const char *what, const std::vector<PlanTensor> &plan,
                   std::vector<TensorView> &views) {
  views.clear();
  for (size_t i = 0; i < count; ++i) {
    Result<TensorView> view = tensors && tensors[i]
                                  ? fromDLPack(tensors[i]->tensor)
                                  : Error(ErrorCode::badInput, "it is NULL");
    if (!view) // There may be more tensors than the plan has.
      return std::move(view).error().in(
          std::string(what) + " " +
          (i < plan.size() ? "'" + plan[i].name + "'" : std::to_string(i)));
    views.push_back(*view);
  }
  return Success{};
}

bool isContiguous(const TensorView &view) {
  std::array<int64_t, maxRank> strides;
  if (isEmpty(view))
    return true;
  if (!contiguousStrides(view, strides))
    return false;
  for (int i = 0; i < view.rank; ++i)
    if (view.shape[i] > 1 && view.strides[i] != strides[i])
      return false;
  return true;
}

/// A new tensor with the elements of `tensor`: from the host to memory of
/// `device`, or back.
Result<OwnedTensor> copyTensor(const std::shared_ptr<Device> &device,
                               const DLManagedTensor &tensor, CopyKind kind) {
  bool isUpload = kind == CopyKind::hostToDevice;
  DeviceKind there = device->info().kind();
  Result<TensorView> from = fromDLPack(tensor.tensor);
  if (!from)
    return std::move(from).error();
  if (from->device != (isUpload ? DeviceKind::host : there))
    return Error(ErrorCode::badInput, isUpload
                                          ? "the tensor is not in host memory"
                                          : "the tensor is not in memory of '" +
                                                device->info().uri + "'");
  if (!isContiguous(*from))
    return Error(ErrorCode::badInput, "the tensor is not contiguous");
  Result<std::shared_ptr<Device>> to = isUpload ? device : openDevice("host");
  if (!to)
    return std::move(to).error();
  TensorView view =
      (*to)->info().contiguous(nullptr, from->dtype, from->extents());
  int64_t bytes = view.elements() * byteWidth(view.dtype);
  Result<Buffer> buffer = (*to)->allocate(bytes);
  if (!buffer)
    return std::move(buffer).error();
  view.data = buffer->data();
  if (Status s = device->copy(view.data, from->data, bytes, kind, {}); !s)
    return std::move(s).error();
  if (Status s = device->synchronize({}); !s)
    return std::move(s).error();
  return OwnedTensor{*std::move(buffer), view};
}

HgError *copyTensor(const char *function, HgDevice *device,
                    const DLManagedTensor *tensor, DLManagedTensor **copy,
                    CopyKind kind) {
  if (!copy)
    return missing(function, "copy");
  *copy = nullptr;
  if (!device || !tensor)
    return missing(function, device ? "tensor" : "device");
  Result<OwnedTensor> made = copyTensor(device->device, *tensor, kind);
  if (!made)
    return fail(std::move(made).error().in(function));
  *copy = toDLPack(*std::move(made));
  return nullptr;
}

} // namespace

extern "C" {

int hgErrorCode(const HgError *error) {
  return error ? codeOf(error->error.code()) : HG_OK;
}

const char *hgErrorMessage(const HgError *error) {
  return error ? error->error.message().c_str() : "";
}

void hgErrorFree(HgError *error) { delete error; }

const char *hgVersion(void) { return HEADGATE_VERSION; }

HgError *hgDeviceOpen(const char *uri, HgDevice **device) {
  if (!device)
    return missing("hgDeviceOpen", "device");
  *device = nullptr;
  if (!uri)
    return missing("hgDeviceOpen", "uri");
  Result<std::shared_ptr<Device>> opened = openDevice(uri);
  if (!opened)
    return fail(std::move(opened).error());
  *device = new HgDevice{*std::move(opened)};
  return nullptr;
}

HgError *hgBundleOpen(const char *path, HgBundle **bundle) {
  if (!bundle)
    return missing("hgBundleOpen", "bundle");
  *bundle = nullptr;
  if (!path)
    return missing("hgBundleOpen", "path");
  Result<Bundle> opened = Bundle::open(path);
  if (!opened)
    return fail(std::move(opened).error());
  *bundle = new HgBundle{*std::move(opened)};
  return nullptr;
}

HgError *hgSessionCreate(HgDevice *device, HgBundle *bundle, const char *tuned,
                         HgSession **session) {
  if (!session)
    return missing("hgSessionCreate", "session");
  *session = nullptr;
  if (!device || !bundle)
    return missing("hgSessionCreate", device ? "bundle" : "device");
  SessionOptions options;
  if (tuned)
    options.tuned = tuned;
  auto created = Session::create(device->device, bundle->bundle, options);
  if (!created)
    return fail(std::move(created).error());
  *session = new HgSession{*std::move(created)};
  return nullptr;
}

HgError *hgInvocationCreate(HgSession *session, const char *entry,
                            HgInvocation **invocation) {
  if (!invocation)
    return missing("hgInvocationCreate", "invocation");
  *invocation = nullptr;
  if (!session)
    return missing("hgInvocationCreate", "session");
  Result<Invocation> created =
      Invocation::create(session->session, entry ? entry : "");
  if (!created)
    return fail(std::move(created).error());
  *invocation = new HgInvocation{*std::move(created), {}, {}};
  return nullptr;
}

size_t hgInputCount(const HgInvocation *invocation) {
  return invocation ? invocation->invocation.entry().inputs.size() : 0;
}

size_t hgOutputCount(const HgInvocation *invocation) {
  return invocation ? invocation->invocation.entry().outputs.size() : 0;
}

const char *hgInputName(const HgInvocation *invocation, size_t index) {
  if (index >= hgInputCount(invocation))
    return nullptr;
  return invocation->invocation.entry().inputs[index].name.c_str();
}

const char *hgOutputName(const HgInvocation *invocation, size_t index) {
  if (index >= hgOutputCount(invocation))
    return nullptr;
  return invocation->invocation.entry().outputs[index].name.c_str();
}

HgError *hgReserve(HgInvocation *invocation, const int64_t *dims, size_t count,
                   void *stream) {
  if (!invocation || (!dims && count > 0))
    return missing("hgReserve", invocation ? "dims" : "invocation");
  Status done = invocation->invocation.reserve({dims, count}, {stream});
  return done ? nullptr : fail(std::move(done).error());
}

HgError *hgRun(HgInvocation *invocation, DLManagedTensor *const *inputs,
               size_t inputCount, DLManagedTensor *const *outputs,
               size_t outputCount, void *stream) {
  if (!invocation)
    return missing("hgRun", "invocation");
  const PlanEntry &entry = invocation->invocation.entry();
  if (Status s = viewTensors(inputs, inputCount, "input", entry.inputs,
                             invocation->inputs);
      !s)
    return fail(std::move(s).error());
  if (Status s = viewTensors(outputs, outputCount, "output", entry.outputs,
                             invocation->outputs);
      !s)
    return fail(std::move(s).error());
  Status done = invocation->invocation.run(invocation->inputs,
                                           invocation->outputs, {stream});
  return done ? nullptr : fail(std::move(done).error());
}

HgError *hgRunAllocating(HgInvocation *invocation,
                         DLManagedTensor *const *inputs, size_t inputCount,
                         DLManagedTensor **outputs, size_t outputCount,
                         void *stream) {
  if (!outputs && outputCount > 0)
    return missing("hgRunAllocating", "outputs");
  for (size_t i = 0; i < outputCount; ++i)
    outputs[i] = nullptr;
  if (!invocation)
    return missing("hgRunAllocating", "invocation");
  const PlanEntry &entry = invocation->invocation.entry();
  if (outputCount != entry.outputs.size())
    return fail(Error(ErrorCode::badInput,
                      "there is room for " + std::to_string(outputCount) +
                          " of the outputs of entry '" + entry.name +
                          "', which has " +
                          std::to_string(entry.outputs.size())));
  if (Status s = viewTensors(inputs, inputCount, "input", entry.inputs,
                             invocation->inputs);
      !s)
    return fail(std::move(s).error());
  Result<std::vector<OwnedTensor>> allocated =
      invocation->invocation.allocateOutputs(invocation->inputs);
  if (!allocated)
    return fail(std::move(allocated).error());
  invocation->outputs.clear();
  for (const OwnedTensor &tensor : *allocated)
    invocation->outputs.push_back(tensor.view);
  Status done = invocation->invocation.run(invocation->inputs,
                                           invocation->outputs, {stream});
  if (!done)
    return fail(std::move(done).error());
  for (size_t i = 0; i < outputCount; ++i)
    outputs[i] = toDLPack(std::move((*allocated)[i]));
  return nullptr;
}

HgError *hgUpload(HgDevice *device, const DLManagedTensor *tensor,
                  DLManagedTensor **copy) {
  return copyTensor("hgUpload", device, tensor, copy, CopyKind::hostToDevice);
}

HgError *hgDownload(HgDevice *device, const DLManagedTensor *tensor,
                    DLManagedTensor **copy) {
  return copyTensor("hgDownload", device, tensor, copy, CopyKind::deviceToHost);
}

void hgDeviceFree(HgDevice *device) { delete device; }
void hgBundleFree(HgBundle *bundle) { delete bundle; }
void hgSessionFree(HgSession *session) { delete session; }
void hgInvocationFree(HgInvocation *invocation) { delete invocation; }

} // extern "C"

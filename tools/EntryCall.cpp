// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/EntryCall.h"

#include <algorithm>

namespace headgate {

namespace {
/// What an output is filled with before a run: NaN for floats, so that whoever
/// reads an unwritten element notices.
uint8_t fillByte(DType dtype, bool again) {
  if (again)
    return 0x5a;
  return isFloat(dtype) ? 0xff : 0xa5;
}

bool isFill(const Array &array, int64_t element, bool again) {
  int64_t width = byteWidth(array.dtype);
  auto begin = array.bytes.begin() + element * width;
  return std::all_of(begin, begin + width,
                     [fill = std::byte(fillByte(array.dtype, again))](
                         std::byte byte) { return byte == fill; });
}
} // namespace

Result<std::shared_ptr<const Session>>
openSession(const CallOptions &options, std::shared_ptr<Device> device) {
  Result<Bundle> bundle = Bundle::open(options.bundle);
  if (!bundle)
    return std::move(bundle).error();
  SessionOptions sessionOptions;
  sessionOptions.force = options.variants;
  sessionOptions.image = options.image;
  sessionOptions.tuned = options.tuned;
  return Session::create(std::move(device), std::move(*bundle), sessionOptions);
}

Result<EntryCall> EntryCall::create(std::shared_ptr<const Session> session,
                                    std::string_view function) {
  Result<Invocation> invocation = Invocation::create(session, function);
  if (!invocation)
    return std::move(invocation).error();
  return EntryCall(std::move(session), std::move(*invocation));
}

Status EntryCall::setInputs(const std::vector<Array> &arrays) {
  Device &device = *session->device();
  for (size_t i = 0; i < arrays.size(); ++i) {
    const Array &array = arrays[i];
    int64_t bytes = static_cast<int64_t>(array.bytes.size());
    Result<Buffer> buffer = device.allocate(bytes);
    if (!buffer)
      return std::move(buffer).error().in("input '" + entry().inputs[i].name +
                                          "'");
    Status copied = device.copy(buffer->data(), array.bytes.data(), bytes,
                                CopyKind::hostToDevice, {});
    if (!copied)
      return copied;
    TensorView view =
        device.info().contiguous(buffer->data(), array.dtype, array.shape);
    inputs.push_back({std::move(*buffer), view});
    inputViews.push_back(view);
  }
  Result<std::vector<int64_t>> bound = invocation.bind(inputViews);
  if (!bound)
    return std::move(bound).error();
  boundDims = std::move(*bound);
  return Success();
}

Status EntryCall::makeOutputs() {
  if (!results.empty())
    return Success();
  Result<std::vector<OwnedTensor>> made =
      invocation.allocateOutputs(inputViews);
  if (!made)
    return std::move(made).error();
  results = std::move(*made);
  for (const OwnedTensor &result : results)
    resultViews.push_back(result.view);
  // So that the time of the call is not that of finding memory.
  return invocation.reserve(boundDims);
}

Result<double> EntryCall::run() {
  if (Status made = makeOutputs(); !made)
    return std::move(made).error();
  Result<std::unique_ptr<Timer>> timer = session->device()->timer();
  if (!timer)
    return std::move(timer).error();
  if (Status started = (*timer)->start({}); !started)
    return std::move(started).error();
  if (Status done = invocation.run(inputViews, resultViews); !done)
    return std::move(done).error();
  if (Status stopped = (*timer)->stop({}); !stopped)
    return std::move(stopped).error();
  if (Status done = session->device()->synchronize({}); !done)
    return std::move(done).error();
  return (*timer)->elapsedNs();
}

Result<std::vector<double>> EntryCall::timeSteps() {
  if (Status made = makeOutputs(); !made)
    return std::move(made).error();
  return invocation.timeSteps(inputViews, resultViews);
}

Result<std::vector<Counters>> EntryCall::countSteps() {
  if (Status made = makeOutputs(); !made)
    return std::move(made).error();
  return invocation.countSteps(inputViews, resultViews);
}

Result<std::vector<Array>> EntryCall::outputs() const {
  std::vector<Array> arrays;
  for (const OwnedTensor &result : results) {
    auto extents = result.view.extents();
    Array array =
        Array::zeros(result.view.dtype, {extents.begin(), extents.end()});
    Status copied = session->device()->copy(
        array.bytes.data(), result.view.data,
        static_cast<int64_t>(array.bytes.size()), CopyKind::deviceToHost, {});
    if (!copied)
      return std::move(copied).error();
    arrays.push_back(std::move(array));
  }
  if (Status done = session->device()->synchronize({}); !done)
    return std::move(done).error();
  return arrays;
}

Result<std::vector<Array>> EntryCall::runFilled(bool again) {
  if (Status made = makeOutputs(); !made)
    return std::move(made).error();
  for (const OwnedTensor &result : results) {
    Status filled = session->device()->fill(result.buffer.data(),
                                            fillByte(result.view.dtype, again),
                                            result.buffer.bytes(), {});
    if (!filled)
      return std::move(filled).error();
  }
  if (Result<double> done = run(); !done)
    return std::move(done).error();
  return outputs();
}

Result<std::vector<Unwritten>> EntryCall::findUnwritten() {
  Result<std::vector<Array>> first = runFilled(/*again=*/false);
  if (!first)
    return std::move(first).error();
  Result<std::vector<Array>> second = runFilled(/*again=*/true);
  if (!second)
    return std::move(second).error();

  std::vector<Unwritten> found(first->size());
  for (size_t i = 0; i < first->size(); ++i) {
    const Array &array = (*first)[i];
    found[i].elements = array.elements();
    for (int64_t element = 0; element < found[i].elements; ++element)
      if (isFill(array, element, false) && isFill((*second)[i], element, true))
        if (found[i].count++ == 0)
          found[i].first = unravel(element, array.shape);
  }
  return found;
}

Result<std::string> EntryCall::variantOf(std::string_view kernel) const {
  Result<CallOutline> outline = session->outline(entry(), boundDims);
  if (!outline)
    return std::move(outline).error();
  for (size_t i = 0; i < entry().steps.size(); ++i)
    if (entry().steps[i].kernel == kernel)
      return outline->variants[i]->id;
  return std::string();
}

std::string EntryCall::describeMemory(const void *data) const {
  for (size_t i = 0; i < results.size(); ++i)
    if (results[i].buffer.data() == data)
      return "output '" + entry().outputs[i].name + "'";
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].buffer.data() == data)
      return "input '" + entry().inputs[i].name + "'";
  return "the temporaries";
}

} // namespace headgate

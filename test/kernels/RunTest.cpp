// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RunTest.h"

#include "lib/Compare.h"

#include <cstdio>

namespace headgate::kernels {

namespace {

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

} // namespace

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
        device.info().contiguous(buffer->data(), array.dtype, array.shape));
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

} // namespace headgate::kernels

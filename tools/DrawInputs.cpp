// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/DrawInputs.h"

#include "lib/Dims.h"
#include "lib/Routing.h"
#include "tools/ReadArrays.h"

namespace headgate {

namespace {

Result<Array> drawRouted(const Routing &routing, std::vector<int64_t> shape,
                         uint64_t seed) {
  if (routing.trace.empty())
    return drawLogits(routing.exponent, shape, seed);
  Result<Array> trace =
      readArray({.source = InputValue::Source::npy, .file = routing.trace});
  if (!trace)
    return std::move(trace).error();
  return logitsOfTrace(*trace, shape);
}

} // namespace

bool isRouted(const PlanTensor &input) {
  return isFloat(input.dtype) &&
         (input.name == "logits" || input.name.ends_with("_logits"));
}

Result<Array> drawInput(const PlanEntry &entry, size_t index,
                        std::span<const int64_t> dims,
                        const DrawOptions &options) {
  const PlanTensor &tensor = entry.inputs[index];
  Result<std::vector<int64_t>> shape = shapeOf(entry, tensor, dims);
  if (!shape)
    return std::move(shape).error();
  InputValue value;
  value.dtype = tensor.dtype;
  if (isRouted(tensor) && !options.routing.empty()) {
    Result<Routing> routing = parseRouting(options.routing);
    if (!routing)
      return std::move(routing).error();
    Result<Array> logits = drawRouted(*routing, *shape, options.seed + index);
    return logits ? convert(*logits, tensor.dtype) : std::move(logits);
  }
  if (isFloat(tensor.dtype)) {
    value.source = InputValue::Source::normal;
    value.seed = options.seed + index;
  } else if (tensor.dtype == DType::i1) {
    value.source = InputValue::Source::numbers;
    value.numbers = "1";
  } else {
    return Error(ErrorCode::badInput,
                 "it holds integers, which are not drawn: give it with "
                 "--input");
  }
  value.shape = std::move(*shape);
  return readArray(value);
}

} // namespace headgate

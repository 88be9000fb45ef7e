// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/DrawInputs.h"

#include "lib/Dims.h"
#include "lib/Routing.h"
#include "tools/ReadArrays.h"

#include <algorithm>
#include <cmath>

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

/// Whether it has the same extents in every call and is no vector: the matrix
/// of a projection.
bool isMatrix(const PlanTensor &tensor) {
  return tensor.shape.size() >= 2 &&
         std::ranges::all_of(tensor.shape, [](const PlanExtent &extent) {
           return std::holds_alternative<int64_t>(extent);
         });
}

/// Divided by the root of its largest extent, so that what a projection gives
/// is not larger than what it takes: scores that grow from layer to layer would
/// make softmax a choice, and rounding a large error.
void shrink(Array &matrix) {
  int64_t largest = std::ranges::max(matrix.shape);
  double factor = 1 / std::sqrt(double(std::max<int64_t>(largest, 1)));
  for (int64_t i = 0, count = matrix.elements(); i < count; ++i)
    matrix.set(i, matrix.at(i) * factor);
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
  Result<Array> drawn = readArray(value);
  if (drawn && isFloat(tensor.dtype) && isMatrix(tensor))
    shrink(*drawn);
  return drawn;
}

} // namespace headgate

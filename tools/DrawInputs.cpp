// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/DrawInputs.h"

#include "lib/Dims.h"
#include "lib/Routing.h"
#include "tools/ReadArrays.h"

#include <algorithm>
#include <cmath>

namespace headgate {

namespace {

/// Logits [..., groups, experts] that choose as `text` says.
Result<Array> drawRouted(const std::string &text, std::vector<int64_t> shape,
                         uint64_t seed) {
  Result<Routing> routing = parseRouting(text);
  if (!routing)
    return std::move(routing).error();
  if (routing->trace.empty())
    return drawLogits(routing->exponent, shape, seed);
  Result<Array> trace =
      readArray({.source = InputValue::Source::npy, .file = routing->trace});
  if (!trace)
    return std::move(trace).error();
  return logitsOfTrace(*trace, shape);
}

Result<Array> drawIntegers(const PlanEntry &entry, const PlanTensor &tensor,
                           std::span<const int64_t> dims,
                           std::vector<int64_t> shape,
                           const DrawOptions &options, uint64_t seed) {
  auto text = options.draws.find(tensor.name);
  if (text == options.draws.end())
    return Error(ErrorCode::badInput,
                 "it holds integers, and what they mean is not known: give "
                 "them, or say how to draw them with --draw=" +
                     tensor.name + "=experts:M or FIRST..OTHER");
  Result<InputDraw> draw = parseInputDraw(text->second);
  if (!draw)
    return std::move(draw).error();
  if (!draw->experts)
    return drawRange(*draw, entry, dims, tensor.dtype, shape, seed);
  std::vector<int64_t> ofLogits = shape;
  if (ofLogits.empty())
    ofLogits.push_back(1);
  ofLogits.back() = draw->experts;
  Result<Array> logits = drawRouted(
      options.routing.empty() ? "uniform" : options.routing, ofLogits, seed);
  return logits ? largestOf(*logits, tensor.dtype, shape) : std::move(logits);
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

bool isRouted(const PlanTensor &input, const InputDraws &draws) {
  if (isFloat(input.dtype))
    return input.name == "logits" || input.name.ends_with("_logits");
  auto draw = draws.find(input.name);
  return draw != draws.end() && draw->second.starts_with("experts:");
}

Result<Array> drawInput(const PlanEntry &entry, size_t index,
                        std::span<const int64_t> dims,
                        const DrawOptions &options) {
  const PlanTensor &tensor = entry.inputs[index];
  Result<std::vector<int64_t>> shape = shapeOf(entry, tensor, dims);
  if (!shape)
    return std::move(shape).error();
  uint64_t seed = options.seed + index;
  InputValue value;
  value.dtype = tensor.dtype;
  if (tensor.dtype == DType::i1) {
    value.source = InputValue::Source::numbers;
    value.numbers = "1";
  } else if (!isFloat(tensor.dtype)) {
    return drawIntegers(entry, tensor, dims, *shape, options, seed);
  } else if (isRouted(tensor, {}) && !options.routing.empty()) {
    Result<Array> logits = drawRouted(options.routing, *shape, seed);
    return logits ? convert(*logits, tensor.dtype) : std::move(logits);
  } else {
    value.source = InputValue::Source::normal;
    value.seed = seed;
  }
  value.shape = std::move(*shape);
  Result<Array> drawn = readArray(value);
  if (drawn && isFloat(tensor.dtype) && isMatrix(tensor))
    shrink(*drawn);
  return drawn;
}

} // namespace headgate

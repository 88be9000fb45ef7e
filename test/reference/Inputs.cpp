// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Inputs.h"

namespace headgate::reference {

namespace {
InputSpec rows(std::string name, std::vector<int64_t> shape) {
  return {std::move(name), Content::rows, std::move(shape)};
}
InputSpec logits(std::string name, std::vector<int64_t> shape) {
  return {std::move(name), Content::logits, std::move(shape)};
}
/// [out, in], or [experts, out, in].
InputSpec matrix(std::string name, std::vector<int64_t> shape) {
  int64_t in = shape.back();
  return {std::move(name), Content::matrix, std::move(shape), false, in};
}
/// [experts, in, out]
InputSpec inOutMatrix(std::string name, std::vector<int64_t> shape) {
  int64_t in = shape[shape.size() - 2];
  return {std::move(name), Content::matrix, std::move(shape), false, in};
}
InputSpec bias(std::string name, int64_t width) {
  return {std::move(name), Content::bias, {width}};
}

std::vector<InputSpec> gqeInputs(const Case &c) {
  std::vector<InputSpec> specs;
  bool biased = c.bias.value_or(false);
  auto projected = [&](const char *name, const std::vector<int64_t> &shape,
                       const std::string &suffix, int64_t width, bool hasBias) {
    if (!c.layer)
      return specs.push_back(std::string(name) == "router_logits"
                                 ? logits(name, shape)
                                 : rows(name, shape));
    specs.push_back(matrix("w_" + suffix, {width, c.d}));
    if (hasBias)
      specs.push_back(bias("b_" + suffix, width));
  };
  if (c.layer)
    specs.push_back(rows("x", {c.B, c.S, c.d}));
  projected("q", {c.B, c.S, c.R, c.M, c.D}, "q", c.R * c.M * c.D, biased);
  projected("k", {c.B, c.S, c.R, c.D}, "k", c.R * c.D, biased);
  projected("v", {c.B, c.S, c.R, c.D}, "v", c.R * c.D, biased);
  projected("router_logits", {c.B, c.S, c.R, c.M}, "r", c.R * c.M, false);
  if (c.U)
    projected("q_shared", {c.B, c.S, c.D}, "qs", c.D, biased);
  if (c.past) {
    specs.push_back(rows("past_k", {c.B, c.past, c.R, c.D}));
    specs.push_back(rows("past_v", {c.B, c.past, c.R, c.D}));
  }
  if (c.mask)
    specs.push_back({"attn_mask", Content::mask, {c.B, 1, c.S, c.T()}});
  if (c.kvStart)
    specs.push_back({"kv_start", Content::kvStart, {c.B}});
  int64_t renorm = c.variant == Variant::gqe ? 1 : 0;
  specs.push_back(matrix("w_o", {c.d, (c.R * c.k + renorm + c.U) * c.D}));
  specs.back().optional = !c.layer;
  if (biased) {
    specs.push_back(bias("b_o", c.d));
    specs.back().optional = !c.layer;
  }
  return specs;
}

std::vector<InputSpec> mohDitInputs(const Case &c) {
  int64_t H = c.U + c.M;
  std::vector<InputSpec> specs = {rows("q", {c.B, c.S, H, c.D}),
                                  rows("k", {c.B, c.S, H, c.D}),
                                  rows("v", {c.B, c.S, H, c.D}),
                                  logits("router_logits", {c.B, c.S, 1, c.M}),
                                  rows("shared_logits", {c.B, c.S, c.U}),
                                  rows("balance_logits", {c.B, c.S, 2}),
                                  matrix("w_o", {c.d, H * c.D})};
  specs.back().optional = true;
  if (c.bias.value_or(true)) {
    specs.push_back(bias("b_o", c.d));
    specs.back().optional = !c.bias;
  }
  return specs;
}

std::vector<InputSpec> llamaMoeV2Inputs(const Case &c) {
  return {rows("x", {c.B, c.S, c.d}),
          matrix("w_r", {c.M, c.d}),
          matrix("w_q", {c.M, c.u * c.D, c.d}),
          matrix("w_k", {c.M, c.D, c.d}),
          matrix("w_v", {c.M, c.D, c.d}),
          matrix("w_o", {c.M, c.d, c.u * c.D})};
}

std::vector<InputSpec> switchheadInputs(const Case &c) {
  int64_t heads = c.R, experts = c.R * c.M;
  return {rows("x", {c.B, c.S, c.d}),
          matrix("w_q", {heads * c.D, c.d}),
          matrix("w_k", {heads * c.D, c.d}),
          inOutMatrix("w_v", {experts, c.d, c.D}),
          inOutMatrix("w_o", {experts, c.D, c.d}),
          matrix("sel_v", {experts, c.d}),
          matrix("sel_o", {experts, c.d})};
}

std::string formatShape(std::span<const int64_t> shape) {
  std::string text;
  for (int64_t extent : shape)
    text += (text.empty() ? "" : ",") + std::to_string(extent);
  return "[" + text + "]";
}
} // namespace

DType InputSpec::dtype() const {
  if (content == Content::mask)
    return DType::u8;
  return content == Content::kvStart ? DType::i32 : DType::f32;
}

bool InputSpec::mayBeLonger() const {
  return content == Content::cosines || content == Content::sines;
}

std::vector<InputSpec> inputsOf(const Case &c) {
  using List = std::vector<InputSpec> (*)(const Case &);
  constexpr List lists[] = {gqeInputs, mohDitInputs, llamaMoeV2Inputs,
                            switchheadInputs};
  std::vector<InputSpec> specs = lists[static_cast<size_t>(c.system)](c);
  if (c.ropeOffset) {
    std::vector<int64_t> table = {*c.ropeOffset + c.S, c.rotated};
    specs.push_back({"rope_cos", Content::cosines, table});
    specs.push_back({"rope_sin", Content::sines, table});
  }
  return specs;
}

Numbers Inputs::operator[](const std::string &name) const {
  auto found = numbers.find(name);
  return found == numbers.end() ? Numbers() : Numbers(found->second);
}

namespace {
/// The file's rows of a table that are needed.
bool fits(const InputSpec &spec, std::span<const int64_t> shape) {
  if (shape.size() != spec.shape.size())
    return false;
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != spec.shape[i] &&
        !(i == 0 && spec.mayBeLonger() && shape[i] > spec.shape[i]))
      return false;
  return true;
}
} // namespace

Status Inputs::add(const InputSpec &spec, const Array &array) {
  bool wantsFloats = isFloat(spec.dtype());
  if (isFloat(array.dtype) != wantsFloats)
    return Error(ErrorCode::badInput,
                 "it holds " + std::string(name(array.dtype)) +
                     ", but must be " + std::string(name(spec.dtype())));
  if (!fits(spec, array.shape))
    return Error(ErrorCode::badInput,
                 "its shape is " + formatShape(array.shape) +
                     ", but the case makes it " + formatShape(spec.shape));
  if (wantsFloats) {
    Tensor<double> &tensor = numbers[spec.name] = Tensor<double>(array.shape);
    for (int64_t i = 0; i < array.elements(); ++i)
      tensor.elements[i] = array.at(i);
    return Success();
  }
  Result<Array> integers = convert(array, spec.dtype());
  if (!integers)
    return std::move(integers).error();
  if (spec.content == Content::mask) {
    mask = Tensor<uint8_t>(array.shape);
    for (int64_t i = 0; i < array.elements(); ++i)
      mask.elements[i] = static_cast<uint8_t>(integers->integerAt(i));
    return Success();
  }
  kvStart = Tensor<int32_t>(array.shape);
  for (int64_t i = 0; i < array.elements(); ++i)
    kvStart.elements[i] = static_cast<int32_t>(integers->integerAt(i));
  if (std::ranges::any_of(kvStart.elements, [](int32_t t) { return t < 0; }))
    return Error(ErrorCode::badInput, "it holds a negative position");
  return Success();
}

} // namespace headgate::reference

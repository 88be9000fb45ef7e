// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The choice of experts, written on tiles, against lib/Reference.

#include "test/passes/tile/RowsKernel.h"

#include <limits>

using namespace headgate;
using namespace headgate::test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

class Select : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Levels, Select, testing::ValuesIn(levels()),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = isalnum(c) ? c : '_';
                           return name;
                         });

struct SelectCase {
  int64_t R, M, k, rows, S;
  std::string element;
  reference::Activation activation;
  reference::Norm norm = reference::Norm::none;
  reference::Order order = reference::Order::rank;
  bool bias = false, valid = false;
  double scale = 1;
};

std::string selectKernel(const SelectCase &c) {
  const char *activations[] = {"softmax_all", "softmax_topk", "sigmoid",
                               "ones"};
  const char *norms[] = {"none", "group", "token"};
  std::string R = text(c.R), M = text(c.M), k = text(c.k);
  Argument logits{"logits", c.element, {"B", "S", R, M}};
  std::vector<Argument> inputs = {logits};
  std::string op = "%experts, %weights, %probs = routed.select %logits top " +
                   k + " " + activations[int(c.activation)] + " norm " +
                   norms[int(c.norm)] + " scale " + std::to_string(c.scale) +
                   (c.order == reference::Order::index ? " order index" : "");
  if (c.bias) {
    inputs.push_back({"bias", "f32", {R, M}});
    op += " bias(%bias : tensor<" + inputs.back().shape() + ">)";
  }
  if (c.valid) {
    inputs.push_back({"valid", "i1", {"B", "S"}});
    op += " valid(%valid : tensor<?x?xi1>)";
  }
  return kernel(inputs,
                {{"experts", "i32", {"B", "S", R, k}},
                 {"weights", "f32", {"B", "S", R, k}},
                 {"probs", "f32", {"B", "S", R, M}}},
                c.rows, op + " : tensor<" + logits.shape() + ">");
}

/// Ties, both zeros, logits of which exp underflows, rows of -inf and of NaN.
void fillLogits(Numbers &logits, int64_t M) {
  logits.random(17, 3);
  for (int64_t row = 0; row < logits.size() / M; ++row)
    for (int64_t m = 0; m < M; ++m) {
      double x = logits.at(row * M + m);
      switch (row % 11) {
      case 1: // ties
        x = std::round(x / 2);
        break;
      case 2:
        x = 0.5;
        break;
      case 3:
        x = m % 2 ? 0.0 : -0.0;
        break;
      case 4:
        x = x > 0 ? 80 : -80;
        break;
      case 5:
        x = -infinity;
        break;
      case 6:
        x = m % 2 ? -infinity : x;
        break;
      case 7:
        x = m == M / 2 ? notANumber : x;
        break;
      case 8:
        x = m == M - 1 ? infinity : x;
        break;
      case 9:
        x = notANumber;
        break;
      default:
        break;
      }
      logits.set(row * M + m, x);
    }
}

void runSelect(const SelectCase &c, const std::string &level) {
  int64_t B = 2;
  std::string what = "R " + text(c.R) + " M " + text(c.M) + " k " + text(c.k) +
                     " act " + text(int(c.activation)) + " " + level;
  Numbers logits(c.element, {B, c.S, c.R, c.M}), bias("f32", {c.R, c.M}),
      valid("i1", {B, c.S}), experts("i32", {B, c.S, c.R, c.k}),
      weights("f32", {B, c.S, c.R, c.k}), probs("f32", {B, c.S, c.R, c.M});
  fillLogits(logits, c.M);
  bias.random(5, 0.3);
  for (int64_t i = 0; i < valid.size(); ++i)
    valid.set(i, i % 3 != 1);
  experts.fill(-7);
  std::vector<Buffer> buffers = {logits.buffer()};
  if (c.bias)
    buffers.push_back(bias.buffer());
  if (c.valid)
    buffers.push_back(valid.buffer());
  for (Numbers *output : {&experts, &weights, &probs})
    buffers.push_back(output->buffer());
  TileProgram(selectKernel(c), level).run(buffers);

  reference::Tensor<double> l = doubles(logits), biases = doubles(bias);
  reference::Tensor<uint8_t> flags = integers<uint8_t>(valid);
  reference::SelectOptions options{.k = c.k,
                                   .activation = c.activation,
                                   .norm = c.norm,
                                   .scale = c.scale,
                                   .order = c.order};
  if (c.bias)
    options.bias = biases;
  if (c.valid)
    options.valid = flags;
  reference::Selection expected = reference::select(l, options);
  for (int64_t i = 0; i < experts.size(); ++i)
    ASSERT_EQ(experts.at(i), expected.experts.elements[i])
        << what << ", slot " << i;
  expectNear(weights, expected.weights, what + ", weights");
  expectNear(probs, expected.probs, what + ", probs");
}

TEST_P(Select, everyKind) {
  using enum reference::Activation;
  using reference::Norm;
  using reference::Order;
  std::vector<SelectCase> cases = {
      {2, 4, 2, 7, 23, "f32", softmaxAll, Norm::token},
      {1, 8, 8, 8, 19, "f32", softmaxAll, Norm::group, Order::index},
      {3, 5, 3, 5, 24, "bf16", softmaxTopk, Norm::none, Order::rank, false,
       false, 1.5},
      {2, 1, 1, 6, 13, "f32", softmaxAll, Norm::token},
      {2, 7, 4, 12, 31, "f16", sigmoid, Norm::group, Order::index, false, true},
      {1, 6, 2, 4, 11, "f32", ones, Norm::none, Order::index},
      {2, 8, 3, 16, 33, "f32", softmaxAll, Norm::none, Order::index, true, true,
       2.0},
      {1, 33, 8, 9, 22, "bf16", softmaxTopk, Norm::token, Order::rank, true},
      {4, 2, 1, 32, 5, "bf16", softmaxAll, Norm::token},
      {1, 8, 1, 1, 12, "f32", sigmoid, Norm::token, Order::rank, true},
  };
  for (const SelectCase &c : cases)
    runSelect(c, GetParam());
}

} // namespace

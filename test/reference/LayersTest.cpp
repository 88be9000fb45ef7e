// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What golden cases do not hold: masks, key bounds and caches of a GQE layer,
// each against a layer that says the same in another way; and other biases and
// scales.

#include "CaseFiles.h"
#include "MakeCase.h"
#include "TestTensors.h"

#include <filesystem>

using namespace headgate;
using namespace headgate::reference;
using namespace headgate::reference::test;

namespace {

struct Layer {
  Case c;
  Inputs inputs;
  Results run() const { return runLayer(c, inputs); }
};

/// A made case, read back.
Layer make(const MakeOptions &options) {
  std::string directory = testing::TempDir() + "headgate-XXXXXX";
  EXPECT_NE(mkdtemp(directory.data()), nullptr);
  Status made = makeCase(options, directory);
  EXPECT_TRUE(made) << made.error().message();
  Layer layer;
  Result<Case> c = readCase(directory);
  EXPECT_TRUE(c) << c.error().message();
  layer.c = *c;
  Result<Inputs> inputs = readInputs(*c, directory);
  EXPECT_TRUE(inputs) << inputs.error().message();
  layer.inputs = std::move(*inputs);
  std::filesystem::remove_all(directory);
  return layer;
}

MakeOptions gqeCore() {
  return {.level = "core",
          .seed = 5,
          .batch = 2,
          .tokens = 7,
          .groups = 2,
          .experts = 3,
          .topk = 2,
          .headDim = 4,
          .dim = 5};
}

/// Tokens [first, last) of x [B,S,..].
template <typename T>
Tensor<T> tokens(const Tensor<T> &x, int64_t first, int64_t last) {
  std::vector<int64_t> shape = x.shape;
  shape[1] = last - first;
  Tensor<T> result(shape);
  for (int64_t b = 0; b < shape[0]; ++b)
    for (int64_t s = first; s < last; ++s)
      std::ranges::copy(View<T>(x).row(b, s), result.row(b, s - first).begin());
  return result;
}

/// Every per-token result of `part` is that of tokens [first, last) of `whole`.
void expectTokens(const Results &part, const Results &whole, int64_t first,
                  int64_t last) {
  for (const char *name :
       {"slots", "lse", "renorm", "shared", "concat", "y", "probs", "topk_p"}) {
    SCOPED_TRACE(name);
    Tensor<double> expected = tokens(whole.numbers.at(name), first, last);
    EXPECT_EQ(part.numbers.at(name).shape, expected.shape);
    expectNear(part.numbers.at(name), expected.elements);
  }
  EXPECT_EQ(part.integers.at("idx").elements,
            tokens(whole.integers.at("idx"), first, last).elements);
}

TEST(GqeLayer, MaskMaySayCausal) {
  Layer causal = make(gqeCore()), masked = causal;
  masked.c.causal = false;
  masked.c.mask = true;
  Tensor<uint8_t> mask({2, 1, 7, 7});
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t s = 0; s < 7; ++s)
      for (int64_t t = 0; t <= s; ++t)
        mask(b, 0, s, t) = 1;
  masked.inputs.mask = mask;
  expectTokens(masked.run(), causal.run(), 0, 7);
  // And it does matter.
  masked.inputs.mask(1, 0, 3, 0) = 0;
  EXPECT_NE(masked.run().numbers["lse"].elements,
            causal.run().numbers["lse"].elements);
}

// A cache of the first tokens and a call on the rest: the rest of one call.
TEST(GqeLayer, PastIsWhatCameBefore) {
  MakeOptions options = gqeCore();
  options.rope = true;
  Layer whole = make(options), step = whole;
  const int64_t past = 4;
  step.c.past = past;
  step.c.S = 7 - past;
  step.c.ropeOffset = past;
  for (auto &[name, tensor] : step.inputs.numbers)
    if (tensor.shape.size() > 2) // all but w_o and the tables
      tensor = tokens(tensor, past, 7);
  // What an earlier call left in the cache: keys that it rotated.
  Tensor<double> cos({past, 2}), sin({past, 2});
  for (int64_t p = 0; p < past; ++p)
    for (int64_t i = 0; i < 2; ++i) {
      cos(p, i) = whole.inputs["rope_cos"](p, i);
      sin(p, i) = whole.inputs["rope_sin"](p, i);
    }
  Tensor<double> firstKeys = tokens(whole.inputs.numbers["k"], 0, past);
  step.inputs.numbers["past_k"] = rope(firstKeys, cos, sin);
  step.inputs.numbers["past_v"] = tokens(whole.inputs.numbers["v"], 0, past);

  Results result = step.run();
  expectTokens(result, whole.run(), past, 7);
  EXPECT_EQ(result.numbers["k_cache"].shape, (Shape{2, 7, 2, 4}));
  expectNear(result.numbers["v_cache"], whole.inputs.numbers["v"].elements);
}

// Left padding of one sequence: its rows see nothing, the others do not see it.
TEST(GqeLayer, KvStartCutsPaddingOff) {
  MakeOptions options = gqeCore();
  options.batch = 1;
  Layer padded = make(options), cut = padded;
  padded.c.kvStart = true;
  padded.inputs.kvStart = integers({1}, {3});
  cut.c.S = 4;
  for (auto &[name, tensor] : cut.inputs.numbers)
    if (tensor.shape.size() > 2)
      tensor = tokens(tensor, 3, 7);

  Results found = padded.run(), expected = cut.run();
  for (const char *name : {"slots", "lse", "renorm", "shared", "concat", "y"})
    expectNear(tokens(found.numbers[name], 3, 7),
               expected.numbers[name].elements);
  for (double lse : tokens(found.numbers["lse"], 0, 3).elements)
    EXPECT_EQ(lse, -inf);
  for (const char *name : {"slots", "renorm", "shared", "y"})
    for (double zero : tokens(found.numbers[name], 0, 3).elements)
      EXPECT_EQ(zero, 0);
}

// The parts of the layer add up to what a dense layer gives: with k = M, the
// weighted sum over slots does not depend on their order.
TEST(GqeLayer, AllExpertsAreDense) {
  MakeOptions options = gqeCore();
  options.topk = 3;
  Layer layer = make(options);
  Results result = layer.run();
  Tensor<double> dense = result.numbers["dense_gqa"];
  EXPECT_EQ(dense.shape, (Shape{2, 7, 2, 3, 4}));
  // Both groups' probabilities sum to one, so the token's sum is 2.
  Tensor<double> halved = result.numbers["probs"];
  for (double &p : halved.elements)
    p /= 2;
  expectNear(result.numbers["renorm"],
             combine(Combine::sum, dense, {.weights = halved}).elements);
}

TEST(GqeLayer, WithoutOutputProjectionThereIsNoY) {
  Layer layer = make(gqeCore());
  layer.inputs.numbers.erase("w_o");
  Results result = layer.run();
  EXPECT_FALSE(result.numbers.contains("y"));
  EXPECT_TRUE(result.numbers.contains("concat"));
}

TEST(GqeLayer, ScaleIsThatOfTheCase) {
  Layer layer = make(gqeCore());
  layer.c.scale = 0;
  Results result = layer.run();
  // All scores 0: the lse counts the keys.
  for (int64_t s = 0; s < 7; ++s)
    EXPECT_NEAR(result.numbers["lse"](0, s, 0, 0),
                std::log(static_cast<double>(s + 1)), 1e-14);
}

// A layer computes q, k, v and logits from x; the rest is the core.
TEST(GqeLayer, LayerIsProjectionThenCore) {
  MakeOptions options = gqeCore();
  options.level = "layer";
  options.bias = true;
  Layer layer = make(options), core = layer;
  core.c.layer = false;
  // x W^T + b, column by column.
  auto project = [&](const char *suffix, std::vector<int64_t> shape) {
    Numbers x = layer.inputs["x"], w = layer.inputs[std::string("w_") + suffix],
            b = layer.inputs[std::string("b_") + suffix];
    Tensor<double> y(std::move(shape));
    int64_t out = w.shape()[0];
    for (int64_t token = 0; token < 14; ++token)
      for (int64_t o = 0; o < out; ++o) {
        double &to = y.elements[token * out + o] = b ? b(o) : 0;
        for (int64_t i = 0; i < 5; ++i)
          to += x.elements()[token * 5 + i] * w(o, i);
      }
    return y;
  };
  auto &numbers = core.inputs.numbers;
  numbers["q"] = project("q", {2, 7, 2, 3, 4});
  numbers["k"] = project("k", {2, 7, 2, 4});
  numbers["v"] = project("v", {2, 7, 2, 4});
  numbers["q_shared"] = project("qs", {2, 7, 4});
  numbers["router_logits"] = project("r", {2, 7, 2, 3});
  expectTokens(layer.run(), core.run(), 0, 7);
}

// Without experts that compete for tokens, routed history is plain causal
// attention of each expert.
TEST(LlamaMoeV2Layer, AllExpertsHaveDenseHistory) {
  Layer layer = make({.system = "llama-moe-v2",
                      .batch = 1,
                      .tokens = 5,
                      .experts = 3,
                      .topk = 3,
                      .headDim = 4,
                      .dim = 6});
  Results result = layer.run();
  // Every row of token s sees s + 1 keys.
  layer.c.scale = 0;
  Tensor<double> lse = layer.run().numbers["lse"];
  for (int64_t s = 0; s < 5; ++s)
    for (int64_t j = 0; j < 3; ++j)
      EXPECT_NEAR(lse(0, s, j, 1), std::log(static_cast<double>(s + 1)), 1e-14);
  EXPECT_EQ(result.integers["offsets"].elements, (Ints{0, 5, 10, 15}));
}

// Gates beside a case of one shared head: its softmax is 1.
TEST(MohDitLayer, GatesAreTwoStages) {
  Layer layer = make({.system = "moh-dit",
                      .batch = 1,
                      .tokens = 2,
                      .experts = 2,
                      .topk = 2,
                      .headDim = 4,
                      .dim = 6,
                      .shared = 1});
  layer.inputs.numbers["balance_logits"] =
      numbers({1, 2, 2}, {std::log(3), std::log(1), 0, -inf});
  layer.inputs.numbers["router_logits"] =
      numbers({1, 2, 1, 2}, {std::log(1), std::log(4), 0, 0});
  // a = 2 (3/4, 1/4) and 2 (1, 0); routed gates a_1 k p_m.
  expectNear(layer.run().numbers["weights"],
             {1.5, .5 * 2 * .2, .5 * 2 * .8, 2, 0, 0});
}

} // namespace

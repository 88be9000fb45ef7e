// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AttendData.h"

#include "AttendEntry.h"
#include "headgate/Reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace headgate::kernels {

using reference::Tensor;

namespace {

//===-- inputs -----------------------------------------------------------===//

/// Scores of unit rows have the deviation scale * sqrt(D); wide ones reach 80
/// at three deviations.
double queryFactor(const AttendCase &c) {
  double deviation = std::abs(c.scaleOrDefault()) * std::sqrt(double(c.D));
  return (c.data == Data::wide ? 80.0 / 3 : 1) / deviation;
}

class Inputs {
public:
  Inputs(const AttendCase &c, const ProblemSizes &sizes, uint64_t seed)
      : c(c), sizes(sizes), random(seed) {}

  Arrays make() {
    for (const TestInput &input : inputsOf(c)) {
      Array array = input.zeros(sizes);
      fill(input.name, array);
      arrays.emplace(input.name, std::move(array));
    }
    if (c.mask != Mask::none)
      hideSomeRows();
    if (c.data == Data::special)
      spoilSomeQueries();
    spoilUnusedQueries();
    if (c.bounds != Bounds::none)
      spoilUnseen();
    return std::move(arrays);
  }

private:
  void fill(const std::string &name, Array &array) {
    for (int64_t i = 0; i < array.elements(); ++i) {
      if (isFloat(array.dtype))
        array.set(i, number(name));
      else
        array.setInteger(i, integer(name, i));
    }
  }

  double number(const std::string &name) {
    double x = random.normal();
    if (c.data == Data::ties) // multiples of a half, few of them
      x = double(random.below(3)) / 2 - 0.5;
    if (name == "q")
      return x * queryFactor(c);
    if (name == "logits" && c.data == Data::steep)
      return 80 * (2 * random.uniform() - 1);
    return name == "slopes" ? 0.1 * std::abs(x) : x;
  }

  int64_t integer(const std::string &name, int64_t i) {
    if (name == "valid")
      return random.below(4) != 0;
    if (name == "mask")
      return random.below(5) != 0;
    if (name == "docs_q" || name == "docs_k")
      return random.below(3);
    // Bounds: whole sequences, parts, one of length 0, one that starts behind
    // its last key.
    if (name == "kv_start")
      return i == 0 ? random.below(sizes.T / 2 + 1) : i == 2 ? sizes.T : 0;
    if (name == "kv_len")
      return i == 1 ? 0 : sizes.T - random.below(sizes.T / 3 + 1);
    return sizes.S - random.below(sizes.S / 2 + 1); // q_len
  }

  /// Of seven rows, one of the mask sees nothing and one nothing but the last
  /// keys: tiles of both kinds come before those with something to see.
  void hideSomeRows() {
    Array &mask = arrays.at("mask");
    int64_t T = sizes.T;
    for (int64_t row = 0; row < mask.shape[0] * sizes.S; ++row)
      for (int64_t t = 0; t < T; ++t)
        if (row % 7 == 3 || (row % 7 == 5 && t < T - 3))
          mask.setInteger(row * T + t, 0);
  }

  /// One element of one head in eight. They must stay in their own row.
  void spoilSomeQueries() {
    Array &q = arrays.at("q");
    constexpr double infinity = std::numeric_limits<double>::infinity();
    for (int64_t row = 0; row < q.elements() / c.D; ++row)
      if (random.below(8) == 0)
        q.set(row * c.D + random.below(c.D),
              random.below(2) ? infinity : infinity - infinity);
  }

  /// Tokens at and beyond q_len, and those that choose no expert: NaN.
  void spoilUnusedQueries() {
    Array &q = arrays.at("q");
    int64_t row = q.elements() / std::max<int64_t>(sizes.B * sizes.S, 1);
    for (int64_t b = 0; b < sizes.B; ++b)
      for (int64_t s = 0; s < sizes.S; ++s) {
        int64_t token = b * sizes.S + s;
        bool isUsed = !c.holes || arrays.at("valid").integerAt(token);
        if (auto rows = arrays.find("q_len"); rows != arrays.end())
          isUsed = isUsed && s < rows->second.integerAt(b);
        for (int64_t i = 0; !isUsed && i < row; ++i)
          q.set(token * row + i, std::numeric_limits<double>::quiet_NaN());
      }
  }

  void spoilUnseen() {
    for (const char *name : {"k", "v"}) {
      Array &array = arrays.at(name);
      int64_t row = array.shape[2] * array.shape[3];
      for (int64_t b = 0; b < sizes.B; ++b)
        for (int64_t t = 0; t < sizes.T; ++t) {
          bool isSeen = t < arrays.at("kv_len").integerAt(b);
          if (auto start = arrays.find("kv_start"); start != arrays.end())
            isSeen = isSeen && t >= start->second.integerAt(b);
          for (int64_t i = 0; !isSeen && i < row; ++i)
            array.set((b * sizes.T + t) * row + i,
                      std::numeric_limits<double>::quiet_NaN());
        }
    }
  }

  const AttendCase &c;
  const ProblemSizes &sizes;
  Random random;
  Arrays arrays;
};

//===-- results ----------------------------------------------------------===//

Tensor<double> numbers(const Array &array) {
  Tensor<double> tensor(array.shape);
  for (int64_t i = 0; i < array.elements(); ++i)
    tensor.elements[size_t(i)] = array.at(i);
  return tensor;
}

template <typename T> Tensor<T> integers(const Array &array) {
  Tensor<T> tensor(array.shape);
  for (int64_t i = 0; i < array.elements(); ++i)
    tensor.elements[size_t(i)] = T(array.integerAt(i));
  return tensor;
}

class Oracle {
public:
  Oracle(const AttendCase &c, const ProblemSizes &sizes, const Arrays &inputs)
      : c(c), sizes(sizes), inputs(inputs) {}

  std::vector<Expected> run() {
    query = numbers(inputs.at("q"));
    if (c.heads.isRouted())
      choose();
    reference::Attention heads = attend();
    std::vector<Expected> results;
    Tensor<double> rows =
        beside(reference::combine(reference::Combine::concat, heads.output));
    results.push_back(
        {"out", Array::of(rows.shape, rows.elements),
         deriveTolerance(c.dtype, sizes.T, largest(rows.elements), maxScore)});
    if (c.heads.isRouted())
      results.push_back(
          {"experts", Array::of(experts.shape, experts.elements), {}});
    if (c.lse)
      results.push_back({"lse", Array::of(heads.lse.shape, heads.lse.elements),
                         lseTolerance(heads.lse.elements)});
    return results;
  }

private:
  void choose() {
    Tensor<double> logits = numbers(inputs.at("logits"));
    reference::SelectOptions options{.k = c.heads.k};
    Tensor<uint8_t> valid;
    if (c.holes) {
      valid = integers<uint8_t>(inputs.at("valid"));
      options.valid = valid;
    }
    experts = reference::select(logits, options).experts;
    query = reference::gather(query, experts);
  }

  reference::Attention attend() {
    Tensor<double> key = numbers(inputs.at("k")),
                   value = numbers(inputs.at("v"));
    reference::AttendOptions options;
    options.causal = c.pattern != Pattern::full;
    if (c.windowLength())
      options.window = c.windowLength();
    // What the compiler reads: an f32 number.
    options.scale = double(float(c.scaleOrDefault()));
    options.kvHead = [&](std::span<const int64_t> head, int64_t) {
      return c.heads.keyHeadOf(head[0], head.size() > 1 ? head[1] : 0,
                               head.size() > 2 ? head[2] : 0);
    };
    Tensor<int32_t> bounds[3];
    Tensor<uint8_t> mask;
    auto read = [&](const char *name, Tensor<int32_t> &tensor,
                    reference::Integers &option) {
      if (!inputs.contains(name))
        return;
      tensor = integers<int32_t>(inputs.at(name));
      option = tensor;
    };
    read("kv_start", bounds[0], options.kvStart);
    read("kv_len", bounds[1], options.kvLen);
    read("q_len", bounds[2], options.qLen);
    if (inputs.contains("mask")) {
      mask = integers<uint8_t>(inputs.at("mask"));
      options.mask = mask;
    }
    if (c.holes)
      options.experts = experts;
    options.score = [&](double a, const reference::Pair &pair) {
      double x = scoreOf(a, pair);
      if (std::isfinite(x))
        maxScore = std::max(maxScore, std::abs(x));
      return x;
    };
    return reference::attend(query, key, value, options);
  }

  double scoreOf(double a, const reference::Pair &pair) const {
    auto [b, s, t, head] = pair;
    switch (c.score) {
    case Score::none:
      return a;
    case Score::softcap:
      return 5 * std::tanh(a / 5);
    case Score::slopes:
      return a - inputs.at("slopes").at(head[0]) * double(s - t);
    case Score::table:
      return a + inputs.at("table").at(s * sizes.T + t);
    case Score::documents:
      return inputs.at("docs_q").integerAt(b * sizes.S + s) ==
                     inputs.at("docs_k").integerAt(b * sizes.T + t)
                 ? a
                 : -std::numeric_limits<double>::infinity();
    }
    return a;
  }

  /// With the columns that stand before the heads.
  Tensor<double> beside(Tensor<double> heads) const {
    if (!c.window)
      return heads;
    const Array &first = inputs.at("beside");
    int64_t width = heads.shape[2];
    Tensor<double> wide({sizes.B, sizes.S, width + 8});
    for (int64_t row = 0; row < sizes.B * sizes.S; ++row) {
      for (int64_t i = 0; i < 8; ++i)
        wide.elements[size_t(row * (width + 8) + i)] = first.at(row * 8 + i);
      for (int64_t i = 0; i < width; ++i)
        wide.elements[size_t(row * (width + 8) + 8 + i)] =
            heads.elements[size_t(row * width + i)];
    }
    return wide;
  }

  /// lse is f32 whatever the rows are: the exact products of their elements are
  /// summed in f32. Where exponentials are f16 or bf16 it is not: sums are of
  /// those before rounding.
  Tolerance lseTolerance(std::span<const double> lse) const {
    return deriveTolerance(DType::f32, sizes.T, std::max(largest(lse), 1.0),
                           std::max(maxScore, 1.0));
  }

  const AttendCase &c;
  const ProblemSizes &sizes;
  const Arrays &inputs;
  Tensor<double> query;
  Tensor<int32_t> experts;
  double maxScore = 0;
};

} // namespace

Arrays makeInputs(const AttendCase &c, const ProblemSizes &sizes,
                  uint64_t seed) {
  return Inputs(c, sizes, seed).make();
}

std::vector<Expected> expect(const AttendCase &c, const ProblemSizes &sizes,
                             const Arrays &inputs) {
  return Oracle(c, sizes, inputs).run();
}

} // namespace headgate::kernels

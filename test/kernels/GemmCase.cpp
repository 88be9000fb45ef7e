// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "GemmCase.h"

#include "CaseList.h"
#include "lib/ScheduleText.h"

namespace headgate::kernels {

namespace {

//===-- the values of each axis ------------------------------------------===//

/// The values that depend on the kind of machine. Of each knob, 0 stands for
/// the default schedules.
struct Values {
  std::vector<DType> dtypes;
  std::vector<std::vector<int64_t>> terms, cols;
  std::vector<int64_t> rows, blocks, depths, stages;
  std::vector<int64_t> rowTiles; ///< of a warp; on the host there are none
};

const Values hostValues = {
    .dtypes = {DType::f32, DType::f16, DType::bf16},
    .terms = {{1}, {24}, {64}, {3, 16}, {515}},
    .cols = {{1}, {8}, {40}, {2, 3, 16}, {256}},
    .rows = {0, 1, 5, 6, 12},
    .blocks = {0, 32, 128},
    .depths = {0, 16, 256},
    .stages = {0, 0, 1},
    .rowTiles = {0, 1},
};

const Values gpuValues = {
    .dtypes = {DType::f16, DType::bf16},
    .terms = {{2}, {24}, {64}, {3, 16}, {514}},
    .cols = {{2}, {8}, {40}, {2, 3, 16}, {256}},
    .rows = {0, 16, 32, 64, 128},
    .blocks = {0, 16, 32, 128},
    .depths = {0, 16, 32, 64},
    .stages = {0, 2, 3, 4},
    .rowTiles = {0, 1, 2},
};

/// A list has targets of one kind.
const Values &valuesFor(std::span<const std::string> targets) {
  return findTarget(targets.front())->isGpu() ? gpuValues : hostValues;
}

/// 1 and a few rows, whole row groups, tails, batches, none.
const std::vector<ProblemSizes> sizeSets[] = {
    {{1, 1, 0}, {1, 5, 0}, {3, 1, 0}},
    {{1, 64, 0}, {2, 13, 0}},
    {{1, 131, 0}, {3, 70, 0}},
    {{0, 4, 0}, {1, 0, 0}, {2, 96, 0}},
};

enum Axis {
  dtypeAxis,
  termsAxis,
  colsAxis,
  transposedAxis,
  biasAxis,
  roundedAxis,
  windowAxis,
  rowsAxis,
  blockAxis,
  depthAxis,
  stagesAxis,
  orderAxis,
  rowTilesAxis,
  targetAxis,
  sizesAxis,
};

std::vector<int> extentsOf(std::span<const std::string> targets) {
  const Values &values = valuesFor(targets);
  return {count(values.dtypes),
          count(values.terms),
          count(values.cols),
          2,
          3,
          2,
          2,
          count(values.rows),
          count(values.blocks),
          count(values.depths),
          count(values.stages),
          flags,
          count(values.rowTiles),
          int(targets.size()),
          count(sizeSets)};
}

GemmCase caseOf(const Choice &choice, std::span<const std::string> targets) {
  const Values &values = valuesFor(targets);
  std::optional<Schedule> schedule;
  if (int64_t rows = values.rows[choice[rowsAxis]]) {
    int64_t ofWarp = 16 * values.rowTiles[choice[rowTilesAxis]];
    schedule = {.rows = rows,
                .cols = values.blocks[choice[blockAxis]],
                .depth = values.depths[choice[depthAxis]],
                .warps = &values == &gpuValues ? rows / ofWarp : 1,
                .stages = values.stages[choice[stagesAxis]],
                .order = choice[orderAxis] == 2 ? Schedule::Order::rows
                                                : Schedule::Order::cols};
  }
  return {.dtype = values.dtypes[choice[dtypeAxis]],
          .terms = values.terms[choice[termsAxis]],
          .cols = values.cols[choice[colsAxis]],
          .transposed = choice[transposedAxis] == 1,
          .bias = Bias(choice[biasAxis]),
          .rounded = choice[roundedAxis] == 1,
          .window = choice[windowAxis] == 1,
          .schedule = schedule,
          .target = targets[size_t(choice[targetAxis])],
          .sizes = sizeSets[choice[sizesAxis]]};
}

bool legalize(Choice &choice, std::span<const std::string> targets) {
  constexpr int knobs[] = {blockAxis, depthAxis, stagesAxis, orderAxis,
                           rowTilesAxis};
  if (!chooseWith(choice, rowsAxis, knobs))
    return false;
  GemmCase c = caseOf(choice, targets);
  return (c.dtype != DType::f32 || !c.rounded) && hasLegalSchedule(c);
}

//===-- the entry --------------------------------------------------------===//

using Shape = std::vector<std::string>;

int64_t product(const std::vector<int64_t> &extents) {
  int64_t result = 1;
  for (int64_t extent : extents)
    result *= extent;
  return result;
}

Shape texts(Shape leading, const std::vector<int64_t> &extents) {
  for (int64_t extent : extents)
    leading.push_back(std::to_string(extent));
  return leading;
}

DType resultType(const GemmCase &c) { return c.rounded ? c.dtype : DType::f32; }

Shape matrixShape(const GemmCase &c) {
  const auto &first = c.transposed ? c.cols : c.terms;
  const auto &second = c.transposed ? c.terms : c.cols;
  return texts(texts({}, first), second);
}

std::vector<TestInput> inputsOf(const GemmCase &c) {
  std::vector<TestInput> inputs = {{"x", c.dtype, texts({"B", "S"}, c.terms)},
                                   {"w", c.dtype, matrixShape(c)}};
  if (c.bias != Bias::none)
    inputs.push_back({"bias", c.bias == Bias::sums ? DType::f32 : c.dtype,
                      texts({}, c.cols)});
  if (c.window)
    inputs.push_back({"beside", resultType(c), {"B", "S", "8"}});
  return inputs;
}

/// "(b, s, n0, n1, k0) -> (b, s, k0)"
std::string map(const GemmCase &c, const std::string &results) {
  std::string dims = "b, s";
  for (size_t i = 0; i < c.cols.size(); ++i)
    dims += ", n" + std::to_string(i);
  for (size_t i = 0; i < c.terms.size(); ++i)
    dims += ", k" + std::to_string(i);
  return "affine_map<(" + dims + ") -> (" + results + ")>";
}
std::string names(const char *letter, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += (i ? ", " : "") + std::string(letter) + std::to_string(i);
  return text;
}

/// The sums of the contraction, in %sums.
std::string printSums(const GemmCase &c) {
  std::string sums = tensorType(texts({"B", "S"}, c.cols), "f32");
  std::string n = names("n", c.cols.size()), k = names("k", c.terms.size());
  std::string x = tensorType(texts({"B", "S"}, c.terms), name(c.dtype));
  std::string text = "  %c0 = arith.constant 0 : index\n"
                     "  %c1 = arith.constant 1 : index\n"
                     "  %zero = arith.constant 0.0 : f32\n"
                     "  %B = tensor.dim %x, %c0 : " +
                     x + "\n" + "  %S = tensor.dim %x, %c1 : " + x + "\n" +
                     "  %empty = tensor.empty(%B, %S) : " + sums + "\n";
  std::string wide = tensorType(texts({}, c.cols), "f32"), bias = "%bias";
  if (c.bias == Bias::rows && c.dtype != DType::f32) {
    bias = "%wide";
    text += "  %wide = arith.extf %bias : " +
            tensorType(texts({}, c.cols), name(c.dtype)) + " to " + wide + "\n";
  }
  text += c.bias == Bias::none
              ? "  %init = linalg.fill ins(%zero : f32) outs(%empty : " + sums +
                    ") -> " + sums + "\n"
              : "  %init = linalg.broadcast ins(" + bias + " : " + wide +
                    ") outs(%empty : " + sums + ") dimensions = [0, 1]\n";
  return text + "  %sums = linalg.contract indexing_maps = [" +
         map(c, "b, s, " + k) + ", " +
         map(c, c.transposed ? n + ", " + k : k + ", " + n) + ", " +
         map(c, "b, s, " + n) + "]\n      ins(%x, %w : " + x + ", " +
         tensorType(matrixShape(c), name(c.dtype)) + ") outs(%init : " + sums +
         ") -> " + sums + "\n";
}

std::string printEntry(const GemmCase &c, std::string_view name) {
  std::string text = "func.func @" + std::string(name) + "(";
  for (const TestInput &input : inputsOf(c))
    text += (input.name == "x" ? "" : ",\n    ") + input.print();
  std::string element(headgate::name(resultType(c))), result = "%sums";
  Shape shape = texts({"B", "S"}, c.cols);
  std::string body = printSums(c);
  if (c.rounded) {
    body += "  %rounded = arith.truncf %sums : " + tensorType(shape, "f32") +
            " to " + tensorType(shape, element) + "\n";
    result = "%rounded";
  }
  if (c.window) {
    std::string flat =
        tensorType({"B", "S", std::to_string(product(c.cols))}, element);
    if (c.cols.size() > 1) {
      std::string group = "[[0], [1], [2";
      for (size_t i = 1; i < c.cols.size(); ++i)
        group += ", " + std::to_string(2 + i);
      body += "  %flat = tensor.collapse_shape " + result + " " + group +
              "]] : " + tensorType(shape, element) + " into " + flat + "\n";
      result = "%flat";
    }
    shape = {"B", "S", std::to_string(product(c.cols) + 8)};
    body += "  %cat = tensor.concat dim(2) %beside, " + result + " : (" +
            tensorType({"B", "S", "8"}, element) + ", " + flat + ") -> " +
            tensorType(shape, element) + "\n";
    result = "%cat";
  }
  std::string type = tensorType(shape, element);
  return text + ")\n    -> (" + type + " {routed.name = \"y\"}) {\n" + body +
         "  return " + result + " : " + type + "\n}\n";
}

//===-- numbers ----------------------------------------------------------===//

Arrays makeInputs(const GemmCase &c, const ProblemSizes &sizes, uint64_t seed) {
  Random random(seed);
  Arrays arrays;
  for (const TestInput &input : inputsOf(c)) {
    Array array = input.zeros(sizes);
    for (int64_t i = 0; i < array.elements(); ++i)
      array.set(i, random.normal());
    arrays.emplace(input.name, std::move(array));
  }
  return arrays;
}

std::vector<Expected> expect(const GemmCase &c, const ProblemSizes &sizes,
                             const Arrays &inputs) {
  const Array &x = inputs.at("x"), &w = inputs.at("w");
  int64_t N = product(c.cols), K = product(c.terms);
  int64_t first = c.window ? 8 : 0, width = N + first;
  std::vector<double> y;
  for (int64_t row = 0; row < sizes.B * sizes.S; ++row)
    for (int64_t col = 0; col < width; ++col) {
      if (col < first) {
        y.push_back(inputs.at("beside").at(row * first + col));
        continue;
      }
      int64_t n = col - first;
      double sum = c.bias == Bias::none ? 0 : inputs.at("bias").at(n);
      for (int64_t k = 0; k < K; ++k)
        sum += x.at(row * K + k) * w.at(c.transposed ? n * K + k : k * N + n);
      y.push_back(sum);
    }
  std::vector<int64_t> shape = {sizes.B, sizes.S};
  if (c.window)
    shape.push_back(width);
  else
    shape.insert(shape.end(), c.cols.begin(), c.cols.end());
  Tolerance tolerance =
      deriveToleranceWithoutAttention(resultType(c), largest(y));
  return {{"y", Array::of(shape, y), tolerance}};
}

} // namespace

GemmProblem GemmCase::problem() const {
  return {.dtype = dtype,
          .result = resultType(*this),
          .inner = product(terms),
          .cols = product(cols),
          .transposed = transposed,
          .bias = bias != Bias::none};
}

std::string GemmCase::describe() const {
  auto list = [](const std::vector<int64_t> &extents) {
    std::string text;
    for (int64_t extent : extents)
      text += (text.empty() ? "" : "x") + std::to_string(extent);
    return text;
  };
  std::string text = std::string(name(dtype)) + " gemm terms=" + list(terms) +
                     " cols=" + list(cols);
  text += transposed ? " transposed" : "";
  text += bias == Bias::sums   ? " bias"
          : bias == Bias::rows ? " narrow-bias"
                               : "";
  text += rounded ? " rounded" : "";
  text += window ? " window" : "";
  return text + " " + target + " " +
         (schedule ? printSchedule(*schedule) : "default schedules");
}

std::vector<GemmCase> listGemmCases(std::span<const std::string> targets,
                                    bool full, uint64_t seed) {
  return listCases(extentsOf(targets), legalize, caseOf, targets, full, seed,
                   /*atLeast=*/24);
}

TestKernel testOf(const GemmCase &c) {
  return makeTest<GemmCase>(c, "gemm", inputsOf(c), printEntry, makeInputs,
                            expect);
}

} // namespace headgate::kernels

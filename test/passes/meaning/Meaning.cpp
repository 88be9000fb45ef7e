// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Meaning.h"

#include "lib/Compare.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

namespace headgate::test {

using reference::Tensor;

//===-- arrays -----------------------------------------------------------===//

Tensor<double> numbers(const Array &array) {
  Tensor<double> result(array.shape);
  for (int64_t i = 0; i < array.elements(); ++i)
    result.elements[i] = array.at(i);
  return result;
}
Tensor<int32_t> integers(const Array &array) {
  Tensor<int32_t> result(array.shape);
  for (int64_t i = 0; i < array.elements(); ++i)
    result.elements[i] = static_cast<int32_t>(array.integerAt(i));
  return result;
}
Tensor<uint8_t> flags(const Array &array) {
  Tensor<uint8_t> result(array.shape);
  for (int64_t i = 0; i < array.elements(); ++i)
    result.elements[i] = array.integerAt(i) != 0;
  return result;
}

Expected::Expected(const Tensor<double> &tensor)
    : array(Array::of(tensor.shape, tensor.elements)) {}
Expected::Expected(const Tensor<int32_t> &tensor)
    : array(Array::of(tensor.shape, tensor.elements)) {}
Expected::Expected(double scalar)
    : array(Array::of({}, std::span(&scalar, 1))) {}

//===-- running ----------------------------------------------------------===//

namespace {

/// One bundle at one CPU level.
struct Level {
  std::string image;
  std::shared_ptr<const Session> session;
};

bool hasAll(const std::vector<std::string> &features,
            const std::vector<std::string> &needs) {
  return std::ranges::all_of(needs, [&](const std::string &need) {
    return std::ranges::find(features, need) != features.end();
  });
}

std::vector<Level> load(const std::string &path) {
  std::vector<Level> levels;
  auto device = openDevice("host:threads=1");
  auto bundle = Bundle::open(path);
  EXPECT_TRUE(bundle) << bundle.error().message();
  if (!device || !bundle)
    return levels;
  for (const PlanImage &image : bundle->plan().images) {
    if (!hasAll((*device)->info().features, image.needs))
      continue;
    SessionOptions options;
    options.image = image.id;
    auto session = Session::create(*device, *bundle, options);
    EXPECT_TRUE(session) << session.error().message();
    if (session)
      levels.push_back({image.id, *session});
  }
  EXPECT_FALSE(levels.empty()) << path << " has no code for this CPU";
  return levels;
}

const std::vector<Level> &levelsOf(const std::string &program, DType rowType) {
  static std::map<std::string, std::vector<Level>> loaded;
  std::string path = std::string(HEADGATE_MEANING_BUNDLES) + "/" + program +
                     "-" + std::string(name(rowType)) + ".hgb";
  auto known = loaded.find(path);
  if (known == loaded.end())
    known = loaded.emplace(path, load(path)).first;
  return known->second;
}

TensorView viewOf(const Array &array) {
  auto *bytes = const_cast<std::byte *>(array.bytes.data());
  return TensorView::contiguous(bytes, array.dtype, array.shape);
}

Array copyOf(const TensorView &view) {
  auto extents = view.extents();
  Array array = Array::zeros(view.dtype, {extents.begin(), extents.end()});
  if (!array.bytes.empty())
    std::memcpy(array.bytes.data(), view.data, array.bytes.size());
  return array;
}

std::vector<Array> runOn(const Level &level, const std::string &entry,
                         const std::vector<Array> &inputs) {
  std::vector<Array> results;
  auto call = Invocation::create(level.session, entry);
  EXPECT_TRUE(call) << call.error().message();
  if (!call)
    return results;
  std::vector<TensorView> in, out;
  for (const Array &input : inputs)
    in.push_back(viewOf(input));
  auto outputs = call->allocateOutputs(in);
  EXPECT_TRUE(outputs) << outputs.error().message();
  if (!outputs)
    return results;
  for (OwnedTensor &output : *outputs) {
    if (output.buffer.bytes())
      std::memset(output.buffer.data(), 0xff, output.buffer.bytes());
    out.push_back(output.view);
  }
  Status done = call->run(in, out);
  EXPECT_TRUE(done) << done.error().message();
  for (const TensorView &view : out)
    results.push_back(copyOf(view));
  return results;
}

std::string textOf(std::span<const int64_t> index) {
  std::string text = "[";
  for (int64_t i : index)
    text += (text.size() > 1 ? "," : "") + std::to_string(i);
  return text + "]";
}

void expectEqual(const Array &found, const Array &expected,
                 const Tolerance &tolerance, const std::string &what) {
  Comparison result = compare(found, expected, tolerance);
  EXPECT_TRUE(result.passed())
      << what << ": shape " << textOf(found.shape) << ", expected "
      << textOf(expected.shape) << "; " << result.differing << " of "
      << result.elements << " elements differ, the worst at "
      << textOf(result.worst) << ": " << result.found << ", expected "
      << result.expected << " +- " << result.allowed;
}

/// The decomposition computes in f32 and rounds its results once: by at most
/// 2^-8 of them in bf16 (8 significant bits), 2^-11 in f16, or half of f16's
/// smallest number, 2^-24.
Tolerance roundedTo(DType dtype, Tolerance tolerance) {
  if (dtype == DType::bf16)
    tolerance.rtol += 0x1p-8;
  if (dtype == DType::f16) {
    tolerance.rtol += 0x1p-11;
    tolerance.atol += 0x1p-25;
  }
  return tolerance;
}

bool hasSpecial(const Array &values, int64_t b, int64_t column) {
  int64_t perBatch = values.elements() / values.shape.front();
  for (int64_t i = column; i < perBatch; i += values.shape.back())
    if (!std::isfinite(values.at(b * perBatch + i)))
      return true;
  return false;
}

/// Inside a tile that a kernel visits, a value that is no number may reach rows
/// that do not see its key (0 * NaN): such elements count as what is expected.
void pardonUnseen(Array &output, const Array &expected, const Array &values) {
  int64_t rows = output.elements() ? output.elements() / output.shape[0] : 0;
  for (int64_t i = 0; i < output.elements(); ++i)
    if (!std::isfinite(output.at(i)) && std::isfinite(expected.at(i)) &&
        hasSpecial(values, i / rows, i % values.shape.back()))
      output.set(i, expected.at(i));
}

} // namespace

std::vector<LevelResults> runLevels(const std::string &program, DType rowType,
                                    const std::string &entry,
                                    const std::vector<Array> &inputs) {
  std::vector<LevelResults> results;
  for (const Level &level : levelsOf(program, rowType))
    results.push_back({level.image, runOn(level, entry, inputs)});
  return results;
}

std::vector<Array> run(const std::string &program, DType rowType,
                       const std::string &entry,
                       const std::vector<Array> &inputs) {
  std::vector<LevelResults> levels = runLevels(program, rowType, entry, inputs);
  if (levels.empty())
    return {};
  std::vector<Array> &first = levels.front().results;
  for (const auto &[image, found] : std::span(levels).subspan(1))
    for (size_t i = 0; i < std::min(found.size(), first.size()); ++i)
      expectEqual(found[i], first[i], {},
                  "result " + std::to_string(i) + " at " + image +
                      ", where the first level is expected");
  return std::move(first);
}

//===-- settings ---------------------------------------------------------===//

Setting::Setting(DType rowType, int64_t B, int64_t S, int64_t T, bool special,
                 uint64_t seed)
    : rowType(rowType), B(B), S(S), T(T), special(special), random(seed) {}

double Setting::uniform() {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

int64_t Setting::below(int64_t n) {
  return static_cast<int64_t>(uniform() * static_cast<double>(n));
}

Array Setting::floats(DType dtype, std::vector<int64_t> shape) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  Array array = Array::zeros(dtype, std::move(shape));
  int64_t n = array.elements();
  for (int64_t i = 0; i < n; ++i)
    array.set(i, 4 * uniform() - 2);
  if (special && n)
    for (double value : {nan, infinity, -infinity})
      array.set(below(n), value);
  return array;
}

Array Setting::rows(std::vector<int64_t> shape) {
  return floats(rowType, std::move(shape));
}
Array Setting::weights(std::vector<int64_t> shape) {
  return floats(DType::f32, std::move(shape));
}
Array Setting::ints(std::vector<int64_t> shape, int64_t low, int64_t high) {
  Array array = Array::zeros(DType::i32, std::move(shape));
  for (int64_t i = 0; i < array.elements(); ++i)
    array.setInteger(i, low + below(high - low));
  return array;
}
Array Setting::mask(std::vector<int64_t> shape) {
  Array array = Array::zeros(DType::i1, std::move(shape));
  for (int64_t i = 0; i < array.elements(); ++i)
    array.setInteger(i, below(4) != 0);
  return array;
}

std::string Setting::describe() const {
  return std::string(name(rowType)) + " B=" + std::to_string(B) +
         " S=" + std::to_string(S) + " T=" + std::to_string(T) +
         (special ? " special" : "");
}

void Setting::expect(
    const char *program, const char *entry, const std::vector<Array> &inputs,
    const std::vector<Expected> &expected,
    const std::function<Tolerance(double maxReference)> &tolerance,
    const Array *tileValues) {
  SCOPED_TRACE(describe());
  for (auto &[image, found] : runLevels(program, rowType, entry, inputs)) {
    ASSERT_EQ(found.size(), expected.size()) << image;
    if (tileValues)
      pardonUnseen(found.front(), expected.front().array, *tileValues);
    for (size_t i = 0; i < found.size(); ++i) {
      const Array &reference = expected[i].array;
      expectEqual(
          found[i], reference,
          roundedTo(found[i].dtype, tolerance(largestFinite(reference))),
          "result " + std::to_string(i) + " at " + image);
    }
  }
}

void Setting::expectAttention(const char *program, const char *entry,
                              const std::vector<Array> &inputs,
                              const std::vector<Expected> &expected,
                              double maxScore, size_t values) {
  expect(
      program, entry, inputs, expected,
      [&](double maxReference) {
        return deriveTolerance(DType::f32, T, maxReference, maxScore);
      },
      HEADGATE_MEANING_TILES && special ? &inputs[values] : nullptr);
}

void Setting::expectRows(const char *program, const char *entry,
                         const std::vector<Array> &inputs,
                         const std::vector<Expected> &expected) {
  expect(program, entry, inputs, expected, [](double maxReference) {
    return deriveToleranceWithoutAttention(DType::f32, maxReference);
  });
}

std::vector<Setting> settings(DType rowType) {
  constexpr int64_t extents[][3] = {{2, 3, 5}, {1, 4, 4},   {2, 5, 3},
                                    {1, 1, 9}, {1, 13, 37}, {2, 3, 0},
                                    {2, 0, 4}, {0, 3, 4}};
  std::vector<Setting> result;
  uint64_t seed = 1;
  for (auto [B, S, T] : extents)
    for (bool special : {false, true})
      result.emplace_back(rowType, B, S, T, special, seed++);
  return result;
}

} // namespace headgate::test

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MakeCase.h"

#include "CaseFiles.h"
#include "lib/Float16.h"
#include "lib/Npy.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <iterator>
#include <random>

namespace headgate::reference {

using Json = nlohmann::ordered_json;

namespace {

//===-- case.json --------------------------------------------------------===//

/// What the description of each made case begins with.
constexpr const char *madeHere = "made by headgate-reference";

Json gqeForm(const MakeOptions &o) {
  bool gqe = o.variant == "gqe";
  return {{"system", o.system},
          {"variant", o.variant},
          {"level", o.level.empty() ? "layer" : o.level},
          // A made mask holds the causal rule, as upstream's masks do.
          {"causal", !o.mask},
          {"mask", o.mask},
          {"past", o.past},
          {"kv_start", o.kvStart},
          {"rope_offset", o.rope ? Json(o.past) : Json()},
          {"bias", o.bias},
          {"norm", gqe ? "token" : "none"},
          {"eps", 1e-9},
          {"shared", o.shared < 0 ? int64_t(gqe) : o.shared},
          {"f_sums_to", "k"},
          {"weight_layout", "out_in"}};
}

Json gqeDims(const MakeOptions &o, const Json &form) {
  int64_t concat = o.groups * o.topk + (o.variant == "gqe");
  return {{"B", o.batch},
          {"Sq", o.tokens},
          {"Skv", o.past + o.tokens},
          {"past", o.past},
          {"G", o.groups},
          {"M", o.experts},
          {"N", o.groups * o.experts},
          {"k", o.topk},
          {"D", o.headDim},
          {"dim", o.dim},
          {"out_slots", concat + form["shared"].get<int64_t>()}};
}

Json mohDitForm(const MakeOptions &o) {
  return {{"system", o.system},
          {"level", o.level.empty() ? "core" : o.level},
          {"causal", false},
          {"norm", "group"},
          {"eps", 0x1p-23}, // of f32, as upstream takes it
          {"bias", o.bias},
          {"shared", o.shared < 0 ? 2 : o.shared},
          {"weight_scale", "k, then a1 = 2*softmax(balance)[1]"},
          {"f_sums_to", "k"},
          {"rope_offset", nullptr}};
}

Json mohDitDims(const MakeOptions &o, const Json &form) {
  int64_t H = form["shared"].get<int64_t>() + o.experts;
  return {{"B", o.batch},
          {"S", o.tokens},
          {"H", H},
          {"Hkv", H},
          {"D", o.headDim},
          {"shared", form["shared"]},
          {"routed_pool", o.experts},
          {"k", o.topk},
          {"dim", o.dim}};
}

Json llamaMoeV2Form(const MakeOptions &o) {
  return {{"system", o.system},
          {"level", o.level.empty() ? "layer" : o.level},
          {"causal", true},
          {"history", "routed"},
          {"norm", "group"},
          {"weight_scale", 1.5},
          {"rope_offset", o.rope ? Json(0) : Json()},
          {"weight_layout", "out_in"}};
}

Json llamaMoeV2Dims(const MakeOptions &o, const Json &) {
  return {{"B", o.batch},
          {"S", o.tokens},
          {"E", o.experts},
          {"k", o.topk},
          {"heads_per_expert", o.headsPerExpert},
          {"Hkv", o.experts},
          {"D", o.headDim},
          {"dim", o.dim}};
}

Json switchheadForm(const MakeOptions &o) {
  Json layout = {{"w_q", "out_in"},   {"w_k", "out_in"}, {"sel_v", "out_in"},
                 {"sel_o", "out_in"}, {"w_v", "in_out"}, {"w_o", "in_out"}};
  return {{"system", o.system},
          {"level", o.level.empty() ? "layer" : o.level},
          {"causal", true},
          {"norm", "none"},
          {"rope_offset", o.rope ? Json(0) : Json()},
          {"weight_layout", layout}};
}

Json switchheadDims(const MakeOptions &o, const Json &) {
  int64_t half = o.headDim / 4 * 2;
  return {{"B", o.batch},  {"S", o.tokens},
          {"H", o.groups}, {"E", o.experts},
          {"k", o.topk},   {"D", o.headDim},
          {"dim", o.dim},  {"n_rotate", o.rotate < 0 ? half : o.rotate}};
}

/// The keys that say which case it is; an unknown system has only its name.
Json describe(const MakeOptions &o) {
  using Form = Json (*)(const MakeOptions &);
  using Dims = Json (*)(const MakeOptions &, const Json &);
  struct Writer {
    const char *system;
    Form form;
    Dims dims;
  };
  constexpr Writer writers[] = {
      {"gqe", gqeForm, gqeDims},
      {"moh-dit", mohDitForm, mohDitDims},
      {"llama-moe-v2", llamaMoeV2Form, llamaMoeV2Dims},
      {"switchhead", switchheadForm, switchheadDims},
  };
  for (const Writer &writer : writers)
    if (o.system == writer.system) {
      Json form = writer.form(o);
      return {{"description",
               std::string(madeHere) + ", seed " + std::to_string(o.seed)},
              {"input_dtype", o.bf16 ? "bfloat16" : "float32"},
              {"dims", writer.dims(o, form)},
              {"form", form}};
    }
  return {{"dims", Json::object()}, {"form", {{"system", o.system}}}};
}

//===-- inputs -----------------------------------------------------------===//

constexpr double smallestGap = 1e-4;

/// Are the first k logits and the one behind them this far apart?
bool isClearChoice(std::span<const double> logits, int64_t k) {
  std::vector<double> sorted(logits.begin(), logits.end());
  std::ranges::sort(sorted, std::greater());
  for (int64_t i = 0; i < k && i + 1 < std::ssize(sorted); ++i)
    if (sorted[i] - sorted[i + 1] < smallestGap)
      return false;
  return true;
}

/// Draws the inputs of one case.
class Drawing {
public:
  Drawing(const Case &c, const MakeOptions &options)
      : c(c), bf16(options.bf16), random(options.seed) {}

  Result<NamedArrays> drawAll() {
    for (const InputSpec &spec : inputsOf(c))
      arrays[spec.name] = draw(spec);
    if (Status clear = makeChoicesClear(); !clear)
      return std::move(clear).error();
    return std::move(arrays);
  }

private:
  /// In [0, 1); the standard's own distributions differ between libraries.
  double uniform() { return static_cast<double>(random() >> 11) * 0x1p-53; }
  /// Of deviation 1.
  double number(double scale = 1) {
    double value = scale * std::sqrt(3.0) * (2 * uniform() - 1);
    return bf16 ? widenBF16(narrowToBF16(value)) : static_cast<float>(value);
  }

  Array draw(const InputSpec &spec) {
    Array array = Array::zeros(spec.dtype(), spec.shape);
    for (int64_t i = 0; i < array.elements(); ++i) {
      if (isFloat(array.dtype))
        array.set(i, drawNumber(spec, i));
      else
        array.setInteger(i, drawInteger(spec, i));
    }
    return array;
  }

  double drawNumber(const InputSpec &spec, int64_t i) {
    switch (spec.content) {
    case Content::matrix:
      return number(1 / std::sqrt(static_cast<double>(spec.fanIn)));
    case Content::cosines:
      return std::cos(angle(i));
    case Content::sines:
      return std::sin(angle(i));
    default:
      return number();
    }
  }
  /// Of element i of a RoPE table, which holds each half twice.
  double angle(int64_t i) const {
    int64_t position = i / c.rotated, pair = i % c.rotated % (c.rotated / 2);
    double exponent =
        -2.0 * static_cast<double>(pair) / static_cast<double>(c.rotated);
    return static_cast<double>(position) * std::pow(1e4, exponent);
  }

  int64_t drawInteger(const InputSpec &spec, int64_t i) {
    int64_t half = c.T() / 2; // as much of the keys may be padding
    if (spec.content == Content::kvStart)
      return static_cast<int64_t>(uniform() * static_cast<double>(half + 1));
    // Bottom-right causal, and of that three keys of four.
    int64_t t = i % c.T(), s = i / c.T() % c.S;
    return t <= c.past + s && uniform() < 0.75;
  }

  /// One row of the input that choices come from, and the logits it gives.
  struct Router {
    std::string rows;                  ///< "router_logits", or "x"
    std::vector<std::string> matrices; ///< of x
  };
  Router router() const {
    if (!c.layer)
      return {"router_logits", {}};
    if (c.system == System::switchhead)
      return {"x", {"sel_v", "sel_o"}};
    return {"x", {"w_r"}};
  }

  /// Draws tokens again until all their choices are clear.
  Status makeChoicesClear() {
    Router from = router();
    Array &rows = arrays[from.rows];
    int64_t tokens = c.B * c.S;
    int64_t width = tokens ? rows.elements() / tokens : 0;
    for (int64_t token = 0; token < tokens; ++token)
      for (int attempt = 0; !isClear(from, token * width, width); ++attempt) {
        if (attempt == 1000)
          return Error(ErrorCode::badInput,
                       "found no logits whose choices are 1e-4 apart: take "
                       "fewer experts or groups, or f32");
        for (int64_t i = 0; i < width; ++i)
          rows.set(token * width + i, number());
      }
    return Success();
  }

  bool isClear(const Router &from, int64_t begin, int64_t width) {
    std::vector<double> row(static_cast<size_t>(width));
    for (int64_t i = 0; i < width; ++i)
      row[i] = arrays[from.rows].at(begin + i);
    if (from.matrices.empty())
      return areClear(row);
    return std::ranges::all_of(from.matrices, [&](const std::string &name) {
      const Array &matrix = arrays[name];
      std::vector<double> logits(
          static_cast<size_t>(matrix.elements() / width));
      for (size_t m = 0; m < logits.size(); ++m)
        for (int64_t i = 0; i < width; ++i)
          logits[m] += matrix.at(static_cast<int64_t>(m) * width + i) * row[i];
      return areClear(logits);
    });
  }

  /// The choices of all groups of one token.
  bool areClear(std::span<const double> logits) const {
    for (size_t r = 0; r < logits.size(); r += static_cast<size_t>(c.M))
      if (!isClearChoice(logits.subspan(r, static_cast<size_t>(c.M)), c.k))
        return false;
    return true;
  }

  const Case &c;
  bool bf16;
  std::mt19937_64 random;
  NamedArrays arrays;
};

//===-- files ------------------------------------------------------------===//

Json toleranceOf(const Array &expected, const Case &c, bool bf16) {
  if (!isFloat(expected.dtype))
    return {{"exact", true}};
  Json json;
  double largest = largestFinite(expected);
  auto add = [&](DType dtype) {
    Tolerance t = deriveTolerance(dtype, c.T(), largest);
    json[std::string(name(dtype))] = {{"atol", t.atol}, {"rtol", t.rtol}};
  };
  add(DType::f32);
  if (bf16)
    add(DType::bf16);
  add(DType::f64);
  return json;
}

/// `prefix`: "in" or "out".
Json tensorEntry(const std::string &prefix, const std::string &name,
                 const Array &array) {
  const char *dtype = array.dtype == DType::u8    ? "uint8"
                      : array.dtype == DType::i32 ? "int32"
                                                  : "float32";
  return {{"role", prefix == "in" ? "input" : "expected"},
          {"file", prefix + "." + name + ".npy"},
          {"shape", array.shape},
          {"dtype", dtype}};
}

Status checkSize(const Case &c) {
  for (const InputSpec &spec : inputsOf(c)) {
    int64_t elements = 1;
    for (int64_t extent : spec.shape)
      if (__builtin_mul_overflow(elements, extent, &elements) ||
          elements > int64_t(1) << 30)
        return Error(ErrorCode::badInput, "input '" + spec.name +
                                              "' would have more than 2^30 "
                                              "elements");
  }
  return Success();
}

/// A case that was made elsewhere, a golden one say, is not written over.
Status checkPlace(const std::string &directory) {
  std::ifstream file(directory + "/case.json", std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)),
                   std::istreambuf_iterator<char>());
  if (text.empty() || text.find(madeHere) != text.npos)
    return Success();
  return Error(ErrorCode::badInput,
               directory + " holds a case that was not made here: it is left "
                           "as it is");
}
} // namespace

Status makeCase(const MakeOptions &options, const std::string &directory) {
  Json json = describe(options);
  Result<Case> c = parseCase(json.dump());
  if (!c)
    return std::move(c).error();
  if (Status size = checkSize(*c); !size)
    return size;
  if (Status place = checkPlace(directory); !place)
    return place;
  json["scale"] = 1 / std::sqrt(static_cast<double>(c->D));

  Result<NamedArrays> drawn = Drawing(*c, options).drawAll();
  if (!drawn)
    return std::move(drawn).error();
  Inputs inputs;
  for (const InputSpec &spec : inputsOf(*c)) {
    const Array &array = drawn->at(spec.name);
    if (Status added = inputs.add(spec, array); !added)
      return added;
    json["tensors"][spec.name] = tensorEntry("in", spec.name, array);
  }
  NamedArrays results = arraysOf(runLayer(*c, inputs));
  for (const auto &[name, array] : results) {
    json["tensors"][name] = tensorEntry("out", name, array);
    json["tolerance"][name] = toleranceOf(array, *c, options.bf16);
  }
  if (Status written = writeArrays("in", *drawn, directory); !written)
    return written;
  if (Status written = writeArrays("out", results, directory); !written)
    return written;
  return writeText(directory + "/case.json", json.dump(1) + "\n");
}

} // namespace headgate::reference

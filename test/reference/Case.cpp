// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Case.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace headgate::reference {

using Json = nlohmann::json;

bool Case::expects(const std::string &name) const {
  auto listed = tensors.find(name);
  return listed != tensors.end() && !listed->second.input;
}

bool Case::expectsAny() const {
  return std::ranges::any_of(tensors,
                             [](const auto &t) { return !t.second.input; });
}

namespace {
/// Extents beyond this are typing errors, and products of a few of them would
/// not fit 64 bits.
constexpr int64_t maxExtent = 1 << 24;

/// Reads the keys of one object. The first thing that is wrong is kept in
/// `problem`; after it, values mean nothing.
class Fields {
public:
  Fields(const Json &parent, const std::string &name, std::string &problem)
      : name(name), problem(problem) {
    auto found = parent.find(name);
    if (found != parent.end() && found->is_object())
      object = &*found;
    else
      fail("'" + name + "' must be an object");
  }

  const Json *find(const std::string &key) const {
    auto found = object ? object->find(key) : empty.end();
    return !object || found == object->end() || found->is_null() ? nullptr
                                                                 : &*found;
  }

  int64_t extent(const std::string &key, int64_t least = 1) {
    const Json *value = need(key);
    if (!value)
      return 0;
    if (!value->is_number_integer() || *value < least || *value > maxExtent)
      fail(where(key) + " must be an integer from " + std::to_string(least) +
           " to " + std::to_string(maxExtent) + ", but is " + value->dump());
    return value->is_number_integer() ? value->get<int64_t>() : 0;
  }
  int64_t extentOr(const std::string &key, int64_t otherwise,
                   int64_t least = 0) {
    return find(key) ? extent(key, least) : otherwise;
  }
  bool flag(const std::string &key) {
    const Json *value = find(key);
    if (value && !value->is_boolean())
      fail(where(key) + " must be true or false, but is " + value->dump());
    return value && value->is_boolean() && value->get<bool>();
  }
  double numberOr(const std::string &key, double otherwise) {
    const Json *value = find(key);
    if (value && !value->is_number())
      fail(where(key) + " must be a number, but is " + value->dump());
    return value && value->is_number() ? value->get<double>() : otherwise;
  }
  /// One of the words; the first where the key is absent and may be.
  size_t word(const std::string &key, const std::vector<std::string> &words,
              bool needed = false) {
    const Json *value = needed ? need(key) : find(key);
    if (!value)
      return 0;
    auto found = std::find_if(words.begin(), words.end(),
                              [&](auto &word) { return *value == word; });
    if (found != words.end())
      return static_cast<size_t>(found - words.begin());
    std::string list;
    for (const std::string &word : words)
      list += (list.empty() ? "" : ", ") + word;
    fail(where(key) + " is " + value->dump() + "; known are: " + list);
    return 0;
  }
  /// What is derived from other keys may be said again, but not differently.
  void agree(const std::string &key, int64_t derived) {
    const Json *value = find(key);
    if (value && *value != derived)
      fail(where(key) + " is " + value->dump() + ", but the others make it " +
           std::to_string(derived));
  }
  void fail(const std::string &what) {
    if (problem.empty())
      problem = what;
  }

private:
  std::string where(const std::string &key) const {
    return "'" + key + "' of '" + name + "'";
  }
  const Json *need(const std::string &key) {
    const Json *value = find(key);
    if (!value && object)
      fail("'" + name + "' has no '" + key + "'");
    return value;
  }

  std::string name;
  std::string &problem;
  const Json *object = nullptr;
  inline static const Json empty = Json::object();
};

void readGqe(Case &c, Fields &form, Fields &dims) {
  c.variant = static_cast<Variant>(form.word(
      "variant", {"gqe", "hard_concat", "weighted_concat"}, /*needed=*/true));
  c.layer = form.word("level", {"core", "layer"}, /*needed=*/true) == 1;
  c.B = dims.extent("B", 0);
  c.S = dims.extent("Sq", 0);
  c.past = form.extentOr("past", 0);
  c.R = dims.extent("G");
  c.M = dims.extent("M");
  c.k = dims.extent("k");
  c.D = c.rotated = dims.extent("D");
  c.d = dims.extent("dim");
  c.U = form.extentOr("shared", c.variant == Variant::gqe ? 1 : 0);
  c.mask = form.flag("mask");
  c.kvStart = form.flag("kv_start");
  c.bias = form.flag("bias");
  if (c.U > 1)
    form.fail("'shared' of 'form' is " + std::to_string(c.U) +
              ", but a GQE layer has at most one shared head");
  if (c.U && c.variant != Variant::gqe)
    form.fail("'shared' of 'form' belongs to variant gqe");
  dims.agree("Skv", c.T());
  dims.agree("past", c.past);
  dims.agree("N", c.R * c.M);
}

void readMohDit(Case &c, Fields &form, Fields &dims) {
  form.word("level", {"core"});
  c.B = dims.extent("B", 0);
  c.S = dims.extent("S", 0);
  c.U = dims.extent("shared");
  c.M = dims.extent("routed_pool");
  c.k = dims.extent("k");
  c.D = dims.extent("D");
  c.d = dims.extent("dim");
  c.weightScale = static_cast<double>(c.k);
  dims.agree("H", c.U + c.M);
  dims.agree("Hkv", c.U + c.M);
  if (form.find("bias"))
    c.bias = form.flag("bias");
  if (form.find("rope_offset"))
    form.fail("'rope_offset' of 'form': moh-dit has no RoPE");
}

void readLlamaMoeV2(Case &c, Fields &form, Fields &dims) {
  form.word("level", {"layer"});
  form.word("history", {"routed"});
  c.layer = true;
  c.B = dims.extent("B", 0);
  c.S = dims.extent("S", 0);
  c.M = dims.extent("E");
  c.k = dims.extent("k");
  c.u = dims.extent("heads_per_expert");
  c.D = c.rotated = dims.extent("D");
  c.d = dims.extent("dim");
  c.weightScale = form.numberOr("weight_scale", 1);
  dims.agree("Hkv", c.M);
}

void readSwitchhead(Case &c, Fields &form, Fields &dims) {
  form.word("level", {"layer"});
  c.layer = true;
  c.B = dims.extent("B", 0);
  c.S = dims.extent("S", 0);
  c.R = dims.extent("H");
  c.M = dims.extent("E");
  c.k = dims.extent("k");
  c.D = dims.extent("D");
  c.d = dims.extent("dim");
  c.rotated = dims.extentOr("n_rotate", c.D, 2);
}

/// [out, in] is torch's; SwitchHead keeps its expert matrices as [in, out].
void checkWeightLayout(const Case &c, Fields &form) {
  const Json *layout = form.find("weight_layout");
  Json known = "out_in";
  if (c.system == System::switchhead)
    known = {{"w_q", "out_in"},   {"w_k", "out_in"}, {"sel_v", "out_in"},
             {"sel_o", "out_in"}, {"w_v", "in_out"}, {"w_o", "in_out"}};
  if (layout && *layout != known)
    form.fail("'weight_layout' of 'form' is " + layout->dump() + "; known is " +
              known.dump());
}

/// What the systems have in common.
void readForm(Case &c, Fields &form) {
  c.causal = form.flag("causal");
  c.norm = static_cast<Norm>(form.word("norm", {"none", "group", "token"}));
  c.eps = form.numberOr("eps", c.eps);
  c.balanceToOne = form.word("f_sums_to", {"k", "1"}) == 1;
  if (form.find("rope_offset"))
    c.ropeOffset = form.extent("rope_offset", 0);
  checkWeightLayout(c, form);
  if (c.k > c.M)
    form.fail("'k' of 'dims' is " + std::to_string(c.k) +
              ", but there are only " + std::to_string(c.M) + " experts");
  if (c.ropeOffset && (c.rotated % 2 != 0 || c.rotated > c.D))
    form.fail("RoPE turns " + std::to_string(c.rotated) + " of " +
              std::to_string(c.D) +
              " components, but needs an even number of them");
}

void readTolerance(Case::Listed &tensor, const std::string &name,
                   const Json &json, std::string &problem) {
  std::string ignored;
  Fields tolerances(json, "tolerance", ignored);
  const Json *profiles = tolerances.find(name);
  for (const char *profile : {"f32", "bf16", "f64"}) {
    if (!profiles || !profiles->is_object() || !profiles->contains(profile))
      continue;
    Fields values(*profiles, profile, problem);
    tensor.tolerance[profile] = {values.numberOr("atol", 0),
                                 values.numberOr("rtol", 0)};
  }
}

void readTensors(Case &c, const Json &json, std::string &problem) {
  if (!json.contains("tensors"))
    return;
  Fields listed(json, "tensors", problem);
  if (!problem.empty())
    return;
  for (const auto &[name, value] : json["tensors"].items()) {
    Fields tensor(json["tensors"], name, problem);
    c.tensors[name].input =
        tensor.word("role", {"input", "expected"}, true) == 0;
    readTolerance(c.tensors[name], name, json, problem);
  }
}
} // namespace

Result<Case> parseCase(const std::string &text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded())
    return Error(ErrorCode::corrupt, "it is not JSON");
  if (!json.is_object())
    return Error(ErrorCode::corrupt, "it must hold one object");
  Case c;
  std::string problem;
  Fields form(json, "form", problem), dims(json, "dims", problem);
  c.system = static_cast<System>(
      form.word("system", {"gqe", "moh-dit", "llama-moe-v2", "switchhead"},
                /*needed=*/true));
  using Reader = void (*)(Case &, Fields &, Fields &);
  constexpr Reader readers[] = {readGqe, readMohDit, readLlamaMoeV2,
                                readSwitchhead};
  if (problem.empty())
    readers[static_cast<size_t>(c.system)](c, form, dims);
  readForm(c, form);
  if (auto scale = json.find("scale"); scale != json.end()) {
    if (!scale->is_number() || !std::isfinite(scale->get<double>()))
      form.fail("'scale' must be a number, but is " + scale->dump());
    else
      c.scale = scale->get<double>();
  }
  readTensors(c, json, problem);
  if (!problem.empty())
    return Error(ErrorCode::corrupt, problem);
  return c;
}

} // namespace headgate::reference

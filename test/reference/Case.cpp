// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Case.h"

#include "lib/JsonReader.h"

#include <algorithm>
#include <cmath>

namespace headgate::reference {

bool Case::expects(const std::string &name) const {
  auto listed = tensors.find(name);
  return listed != tensors.end() && !listed->second.input;
}

bool Case::expectsAny() const {
  return std::ranges::any_of(tensors,
                             [](const auto &t) { return !t.second.input; });
}

namespace {
/// Extents beyond this are typing errors; products of three fit 64 bits.
constexpr int64_t maxExtent = 1 << 20;

/// null is the same as absent.
bool given(const JsonValue &value) { return value && !value.isNull(); }

int64_t extent(JsonValue value, int64_t least = 1) {
  return value.integer(least, maxExtent);
}
int64_t extentOr(const JsonValue &value, int64_t otherwise) {
  return given(value) ? extent(value, 0) : otherwise;
}
double numberOr(JsonValue value, double otherwise) {
  return given(value) ? value.number() : otherwise;
}
bool flag(JsonValue value) { return given(value) && value.boolean(); }

/// Which of the words; the first where the value is wrong.
size_t word(JsonValue value, const std::vector<std::string> &words) {
  std::string list;
  for (size_t i = 0; i < words.size(); ++i) {
    if (value.isString() && value.string() == words[i])
      return i;
    list += (i == 0 ? "" : " or ") + words[i];
  }
  value.failNeeding(list);
  return 0;
}
size_t wordOrFirst(const JsonValue &value,
                   const std::vector<std::string> &words) {
  return given(value) ? word(value, words) : 0;
}

/// What follows from other keys may be said again, but not differently.
void agree(JsonValue value, int64_t derived) {
  if (given(value) && value.integer(0, INT64_MAX) != derived)
    value.failNeeding(std::to_string(derived) + " as other keys make it");
}

void readGqe(Case &c, const JsonValue &form, const JsonValue &dims) {
  c.variant = static_cast<Variant>(
      word(form["variant"], {"gqe", "hard_concat", "weighted_concat"}));
  c.layer = word(form["level"], {"core", "layer"}) == 1;
  c.B = extent(dims["B"], 0);
  c.S = extent(dims["Sq"], 0);
  c.past = extentOr(form["past"], 0);
  c.R = extent(dims["G"]);
  c.M = extent(dims["M"]);
  c.k = extent(dims["k"]);
  c.D = c.rotated = extent(dims["D"]);
  c.d = extent(dims["dim"]);
  c.U = extentOr(form["shared"], c.variant == Variant::gqe ? 1 : 0);
  c.mask = flag(form["mask"]);
  c.kvStart = flag(form["kv_start"]);
  c.bias = flag(form["bias"]);
  if (c.U > (c.variant == Variant::gqe ? 1 : 0))
    form["shared"].fail("variant gqe has at most one shared head, the others "
                        "have none");
  agree(dims["Skv"], c.T());
  agree(dims["past"], c.past);
  agree(dims["N"], c.R * c.M);
}

void readMohDit(Case &c, const JsonValue &form, const JsonValue &dims) {
  wordOrFirst(form["level"], {"core"});
  c.B = extent(dims["B"], 0);
  c.S = extent(dims["S"], 0);
  c.U = extent(dims["shared"]);
  c.M = extent(dims["routed_pool"]);
  c.k = extent(dims["k"]);
  c.D = extent(dims["D"]);
  c.d = extent(dims["dim"]);
  c.weightScale = static_cast<double>(c.k);
  if (given(form["bias"]))
    c.bias = form["bias"].boolean();
  if (given(form["rope_offset"]))
    form["rope_offset"].fail("moh-dit has no RoPE");
  agree(dims["H"], c.U + c.M);
  agree(dims["Hkv"], c.U + c.M);
}

void readLlamaMoeV2(Case &c, const JsonValue &form, const JsonValue &dims) {
  wordOrFirst(form["level"], {"layer"});
  wordOrFirst(form["history"], {"routed"});
  c.layer = true;
  c.B = extent(dims["B"], 0);
  c.S = extent(dims["S"], 0);
  c.M = extent(dims["E"]);
  c.k = extent(dims["k"]);
  c.u = extent(dims["heads_per_expert"]);
  c.D = c.rotated = extent(dims["D"]);
  c.d = extent(dims["dim"]);
  c.weightScale = numberOr(form["weight_scale"], 1);
  agree(dims["Hkv"], c.M);
}

void readSwitchhead(Case &c, const JsonValue &form, const JsonValue &dims) {
  wordOrFirst(form["level"], {"layer"});
  c.layer = true;
  c.B = extent(dims["B"], 0);
  c.S = extent(dims["S"], 0);
  c.R = extent(dims["H"]);
  c.M = extent(dims["E"]);
  c.k = extent(dims["k"]);
  c.D = extent(dims["D"]);
  c.d = extent(dims["dim"]);
  c.rotated = extentOr(dims["n_rotate"], c.D);
}

/// [out, in] is torch's; SwitchHead keeps its expert matrices as [in, out].
void checkWeightLayout(System system, const JsonValue &layout) {
  if (!given(layout))
    return;
  if (system != System::switchhead) {
    word(layout, {"out_in"});
    return;
  }
  for (const char *name : {"w_q", "w_k", "sel_v", "sel_o"})
    word(layout[name], {"out_in"});
  for (const char *name : {"w_v", "w_o"})
    word(layout[name], {"in_out"});
}

void readForm(Case &c, const JsonValue &form, const JsonValue &dims) {
  c.system = static_cast<System>(
      word(form["system"], {"gqe", "moh-dit", "llama-moe-v2", "switchhead"}));
  using Reader = void (*)(Case &, const JsonValue &, const JsonValue &);
  constexpr Reader readers[] = {readGqe, readMohDit, readLlamaMoeV2,
                                readSwitchhead};
  readers[static_cast<size_t>(c.system)](c, form, dims);
  c.causal = flag(form["causal"]);
  c.norm =
      static_cast<Norm>(wordOrFirst(form["norm"], {"none", "group", "token"}));
  c.eps = numberOr(form["eps"], c.eps);
  c.balanceToOne = wordOrFirst(form["f_sums_to"], {"k", "1"}) == 1;
  checkWeightLayout(c.system, form["weight_layout"]);
  if (c.k > c.M)
    dims["k"].fail("takes " + std::to_string(c.k) +
                   " experts, but there are only " + std::to_string(c.M));
  if (!given(form["rope_offset"]))
    return;
  c.ropeOffset = extent(form["rope_offset"], 0);
  if (c.rotated % 2 != 0 || c.rotated == 0 || c.rotated > c.D)
    form["rope_offset"].fail("RoPE cannot turn " + std::to_string(c.rotated) +
                             " of " + std::to_string(c.D) +
                             " components: it turns pairs");
}

void readTensors(Case &c, JsonValue tensors, const JsonValue &tolerances) {
  if (!tensors)
    return;
  for (auto &[name, tensor] : tensors.members()) {
    Case::Listed &listed = c.tensors[name];
    listed.input = word(tensor["role"], {"input", "expected"}) == 0;
    for (const char *profile : {"f32", "bf16", "f64"})
      if (JsonValue given = tolerances[name][profile])
        listed.tolerance[profile] = {given["atol"].number(),
                                     given["rtol"].number()};
  }
}
} // namespace

Result<Case> parseCase(const std::string &text) {
  Result<JsonReader> reader = JsonReader::parse(text);
  if (!reader)
    return std::move(reader).error();
  JsonValue root = reader->root();
  Case c;
  readForm(c, root["form"], root["dims"]);
  if (given(root["scale"]))
    c.scale = root["scale"].number();
  readTensors(c, root["tensors"], root["tolerance"]);
  if (reader->error())
    return *reader->error();
  return c;
}

} // namespace headgate::reference

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AttendEntry.h"

namespace headgate::kernels {

namespace {

using Shape = std::vector<std::string>;

std::string text(int64_t number) { return std::to_string(number); }
Shape headExtents(const HeadShape &heads, bool chosen) {
  if (!heads.isRouted())
    return {text(heads.R)};
  Shape extents = {text(heads.R), text(chosen ? heads.k : heads.M)};
  if (heads.u > 1)
    extents.push_back(text(heads.u));
  return extents;
}

Shape rows(const HeadShape &heads, bool chosen, int64_t width) {
  Shape shape = {"B", "S"};
  for (const std::string &extent : headExtents(heads, chosen))
    shape.push_back(extent);
  if (width)
    shape.push_back(text(width));
  return shape;
}

class Printer {
public:
  Printer(const AttendCase &c, std::string_view entry)
      : c(c), entry(entry), element(headgate::name(c.dtype)) {}

  std::string print() {
    choose();
    attend();
    std::string out = combine();
    std::string types, values;
    auto result = [&](const std::string &value, const Shape &shape,
                      std::string_view type, const std::string &called) {
      values += (values.empty() ? "" : ", ") + value;
      types += (types.empty() ? "" : ", ") + tensorType(shape, type) +
               " {routed.name = \"" + called + "\"}";
      valueTypes += (valueTypes.empty() ? "" : ", ") + tensorType(shape, type);
    };
    result(out, {"B", "S", text(width() + (c.window ? 8 : 0))}, element, "out");
    if (c.heads.isRouted())
      result("%experts", {"B", "S", text(c.heads.R), text(c.heads.k)}, "i32",
             "experts");
    if (c.lse)
      result("%lse", rows(c.heads, true, 0), "f32", "lse");
    std::string head = "func.func @" + std::string(entry) + "(";
    bool isFirst = true;
    for (const TestInput &input : inputsOf(c)) {
      head += (isFirst ? "" : ",\n    ") + input.print();
      isFirst = false;
    }
    return head + ")\n    -> (" + types + ") {\n" + body + "  return " +
           values + " : " + valueTypes + "\n}\n";
  }

private:
  int64_t width() const { return c.heads.heads() * c.Dv; }

  void choose() {
    if (!c.heads.isRouted())
      return;
    Shape logits = {"B", "S", text(c.heads.R), text(c.heads.M)};
    body += "  %experts, %weights, %probs = routed.select %logits top " +
            text(c.heads.k) + " softmax_all";
    if (c.holes)
      body += " valid(%valid : tensor<?x?xi1>)";
    body += " : " + tensorType(logits, "f32") + "\n";
    body += "  %chosen = routed.gather %q[%experts] : " +
            tensorType(rows(c.heads, false, c.D), element) + ", " +
            expertsType() + "\n";
  }
  std::string expertsType() const {
    return tensorType({"B", "S", text(c.heads.R), text(c.heads.k)}, "i32");
  }

  void attend() {
    bool isRouted = c.heads.isRouted();
    body += std::string("  %o, %lse = routed.attend ") +
            (isRouted ? "%chosen" : "%q") + ", %k, %v";
    if (c.pattern != Pattern::full)
      body += " causal";
    if (c.windowLength())
      body += " window " + text(c.windowLength());
    if (c.scale != 0)
      body += " scale " + std::to_string(c.scale);
    if (*c.heads.kvHead)
      body += std::string(" kv_head ") + c.heads.kvHead;
    if (c.bounds == Bounds::keys || c.bounds == Bounds::all)
      body += " kv_start(%kv_start : tensor<?xi32>)";
    if (c.bounds != Bounds::none)
      body += " kv_len(%kv_len : tensor<?xi32>)";
    if (c.bounds == Bounds::all)
      body += " q_len(%q_len : tensor<?xi32>)";
    if (c.mask != Mask::none)
      body += std::string(" mask(%mask : tensor<") +
              (c.mask == Mask::shared ? "1" : "?") + "x?x?xi1>)";
    if (c.holes)
      body += " experts(%experts of " + text(c.heads.M) + " : " +
              expertsType() + ")";
    body += " : " + tensorType(rows(c.heads, true, c.D), element) + ", " +
            tensorType({"B", "T", text(c.heads.H), text(c.D)}, element) + ", " +
            tensorType({"B", "T", text(c.heads.H), text(c.Dv)}, element);
    score();
    body += "\n";
  }

  void score() {
    if (c.score == Score::none)
      return;
    body += " score {\n  ^bb0(%a: f32, %b: index, %s: index, %t: index";
    size_t heads = headExtents(c.heads, true).size();
    for (size_t i = 0; i < heads; ++i)
      body += ", %h" + std::to_string(i) + ": index";
    body += "):\n";
    switch (c.score) {
    case Score::none:
      break;
    case Score::softcap:
      body += "    %cap = arith.constant 5.0 : f32\n"
              "    %small = arith.divf %a, %cap : f32\n"
              "    %bent = math.tanh %small : f32\n"
              "    %score = arith.mulf %bent, %cap : f32\n";
      break;
    case Score::slopes:
      body += "    %slope = tensor.extract %slopes[%h0] : tensor<" +
              text(c.heads.R) +
              "xf32>\n"
              "    %far = arith.subi %s, %t : index\n"
              "    %steps = arith.index_cast %far : index to i32\n"
              "    %distance = arith.sitofp %steps : i32 to f32\n"
              "    %down = arith.mulf %slope, %distance : f32\n"
              "    %score = arith.subf %a, %down : f32\n";
      break;
    case Score::table:
      body += "    %bias = tensor.extract %table[%s, %t] : tensor<?x?xf32>\n"
              "    %score = arith.addf %a, %bias : f32\n";
      break;
    case Score::documents:
      body += "    %mine = tensor.extract %docs_q[%b, %s] : tensor<?x?xi32>\n"
              "    %its = tensor.extract %docs_k[%b, %t] : tensor<?x?xi32>\n"
              "    %same = arith.cmpi eq, %mine, %its : i32\n"
              "    %never = arith.constant 0xFF800000 : f32\n"
              "    %score = arith.select %same, %a, %never : f32\n";
      break;
    }
    body += "    routed.yield %score\n  }";
  }

  std::string combine() {
    body += "  %heads = routed.combine concat %o : " +
            tensorType(rows(c.heads, true, c.Dv), element) + "\n";
    if (!c.window)
      return "%heads";
    std::string whole = tensorType({"B", "S", text(width() + 8)}, element);
    body += "  %wide = tensor.concat dim(2) %beside, %heads : (" +
            tensorType({"B", "S", "8"}, element) + ", " +
            tensorType({"B", "S", text(width())}, element) + ") -> " + whole +
            "\n";
    return "%wide";
  }

  const AttendCase &c;
  std::string_view entry;
  std::string element, body, valueTypes;
};

} // namespace

std::vector<TestInput> inputsOf(const AttendCase &c) {
  std::vector<TestInput> inputs;
  auto add = [&](const char *name, DType type, Shape shape) {
    inputs.push_back({name, type, std::move(shape)});
  };
  if (c.heads.isRouted())
    add("logits", DType::f32, {"B", "S", text(c.heads.R), text(c.heads.M)});
  if (c.holes)
    add("valid", DType::i1, {"B", "S"});
  add("q", c.dtype, rows(c.heads, false, c.D));
  add("k", c.dtype, {"B", "T", text(c.heads.H), text(c.D)});
  add("v", c.dtype, {"B", "T", text(c.heads.H), text(c.Dv)});
  if (c.bounds == Bounds::keys || c.bounds == Bounds::all)
    add("kv_start", DType::i32, {"B"});
  if (c.bounds != Bounds::none)
    add("kv_len", DType::i32, {"B"});
  if (c.bounds == Bounds::all)
    add("q_len", DType::i32, {"B"});
  if (c.mask != Mask::none)
    add("mask", DType::i1, {c.mask == Mask::shared ? "1" : "B", "S", "T"});
  if (c.score == Score::slopes)
    add("slopes", DType::f32, {text(c.heads.R)});
  if (c.score == Score::table)
    add("table", DType::f32, {"S", "T"});
  if (c.score == Score::documents) {
    add("docs_q", DType::i32, {"B", "S"});
    add("docs_k", DType::i32, {"B", "T"});
  }
  if (c.window)
    add("beside", c.dtype, {"B", "S", "8"});
  return inputs;
}

std::string printEntry(const AttendCase &c, std::string_view name) {
  return Printer(c, name).print();
}

} // namespace headgate::kernels

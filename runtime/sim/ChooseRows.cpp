// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/ChooseRows.h"

#include "runtime/sim/Operands.h"

#include <algorithm>

namespace headgate::runtime::sim {

std::vector<std::string_view> wordsOf(std::string_view opcode) {
  std::vector<std::string_view> words;
  while (!opcode.empty()) {
    size_t dot = opcode.find('.');
    words.push_back(opcode.substr(0, dot));
    opcode = dot == opcode.npos ? "" : opcode.substr(dot + 1);
  }
  return words;
}

namespace {

/// Instructions and forms that sm_90 brought.
bool needsHopper(std::string_view opcode) {
  static constexpr std::string_view firsts[] = {
      "wgmma",          "mbarrier.try_wait",
      "cp.async.bulk",  "cp.reduce.async",
      "elect",          "setmaxnreg",
      "stmatrix",       "barrier.cluster",
      "mapa",           "getctarank",
      "fence.proxy",    "fence.mbarrier_init",
      "griddepcontrol", "st.async",
      "red.async",      "multimem",
      "tensormap",      "st.bulk"};
  for (std::string_view first : firsts)
    if (opcode.starts_with(first))
      return true;
  std::vector<std::string_view> words = wordsOf(opcode);
  auto has = [&](std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if ((words[0] == "add" || words[0] == "sub" || words[0] == "mul") &&
      (has("bf16") || has("bf16x2")))
    return true;
  if (words[0] == "cvt") {
    // Most of bf16 but for f32 into it; tf32 but for .rna.
    std::string_view from = words.back(), to = words[words.size() - 2];
    return (to == "bf16" && from != "f32") ||
           (from == "bf16" && (to != "f32" || has("ftz"))) ||
           (to == "tf32" && !has("rna"));
  }
  return has("u16x2") || has("s16x2") || has("shared::cluster") ||
         (words[0] == "atom" && has("bf16"));
}

/// Why none of `rows` is the instruction; `why` its operands do not fit, if
/// only they do not.
std::string whyNone(const Instruction &instruction,
                    const std::vector<const OpRow *> &rows,
                    const std::string &why) {
  if (!why.empty())
    return why;
  if (needsHopper(instruction.opcode))
    return "is an instruction of sm_90, which the simulator "
           "does not have";
  if (rows.empty())
    return "unknown instruction";
  for (std::string_view word : wordsOf(instruction.opcode)) {
    bool known = false;
    for (const OpRow *row : rows)
      known |=
          std::string_view(row->pattern).find(word) != std::string_view::npos;
    if (!known)
      return "unknown modifier '." + std::string(word) + "'";
  }
  return "no instruction has these modifiers in this order";
}

/// Rules that a row cannot say: how the instruction breaks one.
std::optional<std::string> brokenRule(const Instruction &instruction,
                                      const OpRow &row) {
  std::vector<std::string_view> words = wordsOf(instruction.opcode);
  if (words[0] == "setp" || words[0] == "set") {
    bool combines = std::any_of(words.begin() + 1, words.end(), [](auto word) {
      return word == "and" || word == "or" || word == "xor";
    });
    bool pair = words.back() == "f16x2" || words.back() == "bf16x2";
    if (combines != (instruction.operands.size() == 4) && !pair)
      return combines ? "a predicate to combine with is missing"
                      : ".and, .or or .xor is missing";
  }
  if (words[0] == "cp" && words.size() > 2 &&
      (words[2] == "ca" || words[2] == "cg")) {
    uint64_t bytes = instruction.operands[2].bits;
    if (bytes != 16 && !(words[2] == "ca" && (bytes == 4 || bytes == 8)))
      return "copies " + std::string(words[2] == "cg" ? "16" : "4, 8 or 16") +
             " bytes, not " + std::to_string(bytes);
  }
  if (words[0] == "lop3" && instruction.operands[4].bits > 255)
    return "the table must be from 0 to 255";
  if (instruction.opcode == "cp.async.wait_group" &&
      instruction.operands[0].bits > INT32_MAX)
    return "the number of groups is negative";
  for (size_t i = 0; i < instruction.operands.size(); ++i)
    if (row.operands[i].kind == OperandSpec::Kind::address)
      for (const Operand &element : instruction.operands[i].elements)
        if (element.kind == Operand::Kind::label)
          return "a label is no address";
  return std::nullopt;
}

} // namespace

Error refusal(const Instruction &at, const std::string &message) {
  return Error(ErrorCode::unsupported, "line " +
                                           std::to_string(at.origin.line) +
                                           ": '" + at.opcode + "': " + message);
}

Result<std::vector<Chosen>> chooseRows(const Body &body, LaneLevel level,
                                       int target) {
  std::vector<Chosen> all(body.instructions.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const Instruction &instruction = body.instructions[i];
    Chosen &chosen = all[i];
    std::string_view opcode = instruction.opcode;
    std::vector<const OpRow *> rows =
        findRows(level, opcode.substr(0, opcode.find('.')));
    std::string why;
    for (const OpRow *row : rows) {
      if (!matches(row->pattern, opcode))
        continue;
      std::optional<std::string> mismatch =
          checkOperands(*row, instruction, body);
      if (!mismatch) {
        chosen.row = row;
        break;
      }
      if (why.empty())
        why = *mismatch;
    }
    if (!chosen.row)
      return refusal(instruction, whyNone(instruction, rows, why));
    if (target < 90 && needsHopper(opcode))
      return refusal(instruction,
                     "needs sm_90; the device is sm_" + std::to_string(target));
    if (std::optional<std::string> broken =
            brokenRule(instruction, *chosen.row))
      return refusal(instruction, *broken);
    findUses(*chosen.row, instruction, chosen.flow);
    std::string_view base = opcode.substr(0, opcode.find('.'));
    chosen.flow.fallsThrough =
        instruction.guard >= 0 ||
        !(base == "bra" || base == "brx" || base == "ret" || base == "exit" ||
          base == "trap");
    for (const Operand &operand : instruction.operands)
      for (const Operand *element : elementsOf(operand))
        if (element->kind == Operand::Kind::label)
          chosen.flow.targets.push_back(body.labels[element->label]);
  }
  return all;
}

} // namespace headgate::runtime::sim

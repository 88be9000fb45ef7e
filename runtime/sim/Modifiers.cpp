// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Modifiers.h"

#include "runtime/sim/ChooseRows.h"

#include <charconv>

namespace headgate::runtime::sim {

void readModifiers(std::string_view opcode, Op &op) {
  std::vector<std::string_view> words = wordsOf(opcode);
  op.order =
      words[0] == "atom" || words[0] == "red" ? Order::relaxed : Order::weak;
  op.aligned = words[0] == "bar" && (words.size() < 2 || words[1] != "warp");
  for (size_t i = 1; i < words.size(); ++i) {
    std::string_view word = words[i].substr(0, words[i].find(':'));
    if (word == "global")
      op.space = Space::global;
    else if (word == "shared")
      op.space = Space::shared;
    else if (word == "local")
      op.space = Space::local;
    else if (word == "param")
      op.space = Space::param;
    else if (word == "const")
      op.space = Space::constant;
    else if (word == "volatile" || word == "relaxed")
      op.order = Order::relaxed;
    else if (word == "acquire")
      op.order = Order::acquire;
    else if (word == "release")
      op.order = Order::release;
    else if (word == "acq_rel")
      op.order = Order::acqRel;
    else if (word == "aligned")
      op.aligned = true;
    else if (word == "and" || word == "or" || word == "xor")
      op.combine = word == "and" ? 1 : word == "or" ? 2 : 3;
  }
}

OpClass classOf(const OpRow &row, const Op &op) {
  if (row.kind != OpClass::global)
    return row.kind;
  switch (op.space) {
  case Space::shared:
    return OpClass::shared;
  case Space::local:
    return OpClass::local;
  case Space::param:
  case Space::constant:
    return OpClass::constant;
  default:
    return OpClass::global;
  }
}

uint32_t macsOf(std::string_view opcode) {
  for (std::string_view word : wordsOf(opcode))
    if (word.starts_with("m16n8k")) {
      uint32_t k = 0;
      std::from_chars(word.data() + 6, word.data() + word.size(), k);
      return 16 * 8 * k;
    }
  return 0;
}

} // namespace headgate::runtime::sim

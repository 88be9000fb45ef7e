// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Operands.h"

#include <bit>

namespace headgate::runtime::sim {

namespace {
using Kind = OperandSpec::Kind;

std::string widthName(uint32_t bits) {
  return bits == 1 ? "a predicate" : std::to_string(bits) + " bits";
}

std::optional<std::string> checkRegister(int32_t reg, uint32_t bits,
                                         const Body &body) {
  const Register &found = body.registers[reg];
  if (found.bits == bits)
    return std::nullopt;
  return "register '" + found.name + "' is " +
         (found.bits == 1 ? "a predicate"
                          : std::to_string(found.bits) + " bits") +
         ", needed is " + widthName(bits);
}

std::optional<std::string>
checkResult(const OperandSpec &spec, const Operand &operand, const Body &body) {
  if (operand.kind == Operand::Kind::sink)
    return std::nullopt;
  if (operand.kind != Operand::Kind::reg || operand.negated)
    return "a result must be a register";
  return checkRegister(operand.reg, spec.bits, body);
}

std::optional<std::string>
checkSource(const OperandSpec &spec, const Operand &operand, const Body &body) {
  switch (operand.kind) {
  case Operand::Kind::reg:
    if (operand.negated)
      return "only a predicate can be negated";
    return checkRegister(operand.reg, spec.bits, body);
  case Operand::Kind::integer:
    if (spec.kind == Kind::realSource)
      return "a float is needed, not an integer";
    return std::nullopt;
  case Operand::Kind::real:
    if (spec.bits != 32 && spec.bits != 64)
      return "a float of " + std::to_string(spec.bits) +
             " bits is no immediate";
    return std::nullopt;
  case Operand::Kind::name:
    if (isClock(operand.name))
      return "'" + operand.name + "' can only be moved";
    if (spec.bits == 32 || spec.bits == 64 || spec.bits == 16)
      return std::nullopt;
    return "'" + operand.name + "' does not fit";
  default:
    return "a register or an immediate is needed";
  }
}

std::optional<std::string> checkAddress(const Operand &operand,
                                        const Body &body) {
  if (operand.kind != Operand::Kind::address)
    return "an address in [] is needed";
  if (operand.elements.size() != 1)
    return "an address with coordinates does not belong here";
  const Operand &base = operand.elements[0];
  if (base.kind == Operand::Kind::reg) {
    uint8_t bits = body.registers[base.reg].bits;
    if (base.negated || base.hasSecond || (bits != 32 && bits != 64))
      return "an address must be in a register of 32 or 64 bits";
    return std::nullopt;
  }
  if (base.kind == Operand::Kind::name || base.kind == Operand::Kind::integer)
    return std::nullopt;
  return "an address must be a register, a variable or a number";
}

std::optional<std::string> checkOne(const OperandSpec &spec,
                                    const Operand &operand, const Body &body) {
  if (operand.hasSecond && spec.kind != Kind::resultAnd)
    return "a second result does not belong here";
  switch (spec.kind) {
  case Kind::result:
  case Kind::source:
  case Kind::realSource: {
    if (operand.kind == Operand::Kind::vector || spec.count > 1) {
      if (operand.kind != Operand::Kind::vector ||
          operand.elements.size() != spec.count)
        return "a vector of " + std::to_string(spec.count) + " is needed";
      for (const Operand &element : operand.elements) {
        if (element.hasSecond)
          return "a second result does not belong here";
        if (auto why = spec.kind == Kind::result
                           ? checkResult(spec, element, body)
                           : checkSource(spec, element, body))
          return why;
      }
      return std::nullopt;
    }
    return spec.kind == Kind::result ? checkResult(spec, operand, body)
                                     : checkSource(spec, operand, body);
  }
  case Kind::resultAnd:
    if (operand.second >= 0)
      if (auto why = checkRegister(operand.second, 1, body))
        return why;
    return checkResult(spec, operand, body);
  case Kind::predicate:
    if (operand.kind == Operand::Kind::integer)
      return std::nullopt;
    if (operand.kind != Operand::Kind::reg)
      return "a predicate is needed";
    return checkRegister(operand.reg, 1, body);
  case Kind::address:
    return checkAddress(operand, body);
  case Kind::immediate:
    if (operand.kind != Operand::Kind::integer)
      return "an integer constant is needed";
    return std::nullopt;
  case Kind::label:
    if (operand.kind == Operand::Kind::label)
      return std::nullopt;
    return operand.kind == Operand::Kind::name
               ? "no label named '" + operand.name + "'"
               : "a label is needed";
  case Kind::labels:
    if (operand.kind == Operand::Kind::vector && !operand.elements.empty() &&
        operand.elements[0].kind == Operand::Kind::label)
      return std::nullopt;
    return "a table of labels (.branchtargets) is needed";
  case Kind::name:
    if (operand.kind == Operand::Kind::name && isClock(operand.name))
      return std::nullopt;
    return "%clock is needed";
  case Kind::policy:
    if (operand.kind != Operand::Kind::reg)
      return "a cache policy in a register is needed";
    return checkRegister(operand.reg, 64, body);
  }
  return std::nullopt;
}
} // namespace

bool isClock(std::string_view name) {
  return name.starts_with("%clock") || name.starts_with("%globaltimer") ||
         name.starts_with("%pm");
}

std::optional<SpecialRegister> findSpecial(std::string_view name) {
  using K = SpecialRegister::Kind;
  static constexpr std::pair<std::string_view, K> vectors[] = {
      {"%tid", K::tid},
      {"%ntid", K::ntid},
      {"%ctaid", K::ctaid},
      {"%nctaid", K::nctaid},
      {"%clusterid", K::ctaid},
      {"%nclusterid", K::nctaid},
      {"%cluster_ctaid", K::zero},
      {"%cluster_nctaid", K::one}};
  static constexpr std::pair<std::string_view, K> scalars[] = {
      {"%laneid", K::laneid},
      {"%warpid", K::warpid},
      {"%nwarpid", K::nwarpid},
      {"%smid", K::smid},
      {"%nsmid", K::nsmid},
      {"%gridid", K::gridid},
      {"%lanemask_eq", K::maskEq},
      {"%lanemask_le", K::maskLe},
      {"%lanemask_lt", K::maskLt},
      {"%lanemask_ge", K::maskGe},
      {"%lanemask_gt", K::maskGt},
      {"%dynamic_smem_size", K::dynamicShared},
      {"%total_smem_size", K::totalShared},
      {"%cluster_ctarank", K::zero},
      {"%cluster_nctarank", K::one},
      {"%current_graph_exec", K::zero}};
  if (size_t dot = name.find('.'); dot != name.npos) {
    std::string_view dimension = name.substr(dot + 1);
    if (dimension.size() != 1 || dimension[0] < 'x' || dimension[0] > 'z')
      return std::nullopt;
    for (const auto &[spelling, kind] : vectors)
      if (name.substr(0, dot) == spelling)
        return SpecialRegister{kind, static_cast<uint8_t>(dimension[0] - 'x'),
                               32, 0};
    return std::nullopt;
  }
  for (const auto &[spelling, kind] : scalars)
    if (name == spelling)
      return SpecialRegister{kind, 0, 32, 0};
  if (name.starts_with("%envreg"))
    return SpecialRegister{K::zero, 0, 32, 0};
  return std::nullopt;
}

std::optional<std::string> checkOperands(const OpRow &row,
                                         const Instruction &instruction,
                                         const Body &body) {
  size_t given = instruction.operands.size();
  if (given > row.operandCount)
    return "it takes at most " + std::to_string(row.operandCount) + " operands";
  for (size_t i = 0; i < row.operandCount; ++i) {
    if (i >= given) {
      if (!row.operands[i].optional)
        return "it takes " + std::to_string(i + 1) + " operands or more";
      break;
    }
    if (auto why = checkOne(row.operands[i], instruction.operands[i], body))
      return "operand " + std::to_string(i + 1) + ": " + *why;
  }
  return std::nullopt;
}

uint64_t immediateBits(const Operand &operand, uint32_t bits) {
  uint64_t value = operand.bits;
  if (operand.kind == Operand::Kind::real) {
    double real = operand.single
                      ? std::bit_cast<float>(static_cast<uint32_t>(value))
                      : std::bit_cast<double>(value);
    if (bits == 32)
      value = operand.single
                  ? value
                  : std::bit_cast<uint32_t>(static_cast<float>(real));
    else
      value = std::bit_cast<uint64_t>(real);
  }
  return bits >= 64 ? value : value & ((uint64_t(1) << bits) - 1);
}

std::vector<const Operand *> elementsOf(const Operand &operand) {
  std::vector<const Operand *> elements;
  if (operand.kind != Operand::Kind::vector)
    elements.push_back(&operand);
  else
    for (const Operand &element : operand.elements)
      elements.push_back(&element);
  return elements;
}

void findUses(const OpRow &row, const Instruction &instruction,
              FlowInstruction &flow) {
  auto add = [](std::vector<uint32_t> &list, int32_t reg) {
    if (reg >= 0)
      list.push_back(static_cast<uint32_t>(reg));
  };
  flow.guarded = instruction.guard >= 0;
  add(flow.reads, instruction.guard);
  for (size_t i = 0; i < instruction.operands.size(); ++i) {
    const Operand &operand = instruction.operands[i];
    Kind kind = row.operands[i].kind;
    bool writes = kind == Kind::result || kind == Kind::resultAnd;
    if (operand.kind == Operand::Kind::address)
      add(flow.reads, operand.elements[0].reg);
    else if (kind != Kind::policy)
      for (const Operand *element : elementsOf(operand))
        add(writes ? flow.writes : flow.reads, element->reg);
    add(flow.writes, operand.second);
  }
}

} // namespace headgate::runtime::sim

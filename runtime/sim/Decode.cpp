// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/ChooseRows.h"
#include "runtime/sim/Control.h"
#include "runtime/sim/Modifiers.h"
#include "runtime/sim/Operands.h"
#include "runtime/sim/PlaceVariables.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>

namespace headgate::runtime::sim {

namespace {

using Kind = OperandSpec::Kind;
constexpr uint32_t trueAt = 0;        ///< a predicate that always holds
constexpr uint32_t dumpPredicate = 4; ///< where unwanted predicates go
constexpr uint32_t noRegister = UINT32_MAX;
constexpr uint32_t maxRegisterBytes = 1 << 26;

class Decoder {
public:
  Decoder(const Module &module, const Kernel &kernel,
          const DecodeOptions &options)
      : module_(module), kernel_(kernel), body_(kernel.body), options_(options),
        program_(std::make_unique<Program>()) {}

  Result<std::unique_ptr<const Program>> decode();

private:
  bool failed() const { return error_.has_value(); }
  void fail(const Instruction &at, const std::string &message);
  void placeRegisters();
  void emitBlocks(const Flow &flow);
  void emit(uint32_t instruction);
  void emitJump(const Instruction &after, uint32_t target);
  void emitOperand(const OperandSpec &spec, const Operand *operand, Op &op,
                   int &addresses);
  std::pair<uint32_t, uint32_t> predicateAt(const Operand *operand);
  uint32_t sourceAt(const OperandSpec &spec, const Operand &operand);
  uint32_t namedAt(const std::string &name, int64_t offset, uint32_t bits,
                   bool generic);
  uint32_t constantAt(uint64_t value, uint32_t bits);
  uint32_t placeWide(uint32_t bits);
  uint32_t placeWord();
  void track(const Flow &flow);
  void wrapTracked(uint32_t instruction, Op &op);
  void finish();

  const Module &module_;
  const Kernel &kernel_;
  const Body &body_;
  const DecodeOptions &options_;
  std::unique_ptr<Program> program_;
  std::optional<Error> error_;
  const Instruction *current_ = nullptr;

  std::vector<Chosen> chosen_;
  std::vector<uint32_t> registerAt_;
  std::vector<uint32_t> validAt_; ///< by register, or noRegister
  std::map<std::pair<uint64_t, uint32_t>, uint32_t> constants_;
  std::map<std::pair<std::string, uint32_t>, uint32_t> specials_;
  std::map<std::string, Place> variables_;
  std::vector<uint32_t> wordsAt_; ///< by op: where its words begin
  std::vector<uint32_t> opOf_;    ///< by instruction: its op
  uint32_t predicateEnd_ = 8, dump_ = 0;
  bool genericNames_ = false; ///< the op addresses the generic space
};

void Decoder::fail(const Instruction &at, const std::string &message) {
  if (!error_)
    error_ = refusal(at, message);
}

uint32_t Decoder::placeWord() {
  uint32_t at = predicateEnd_;
  predicateEnd_ += 4;
  return at;
}

uint32_t Decoder::placeWide(uint32_t bits) {
  std::vector<uint8_t> &file = program_->registers;
  auto at = static_cast<uint32_t>(file.size());
  file.resize(at + (bits == 16 ? 64 : bits * 4));
  if (file.size() > maxRegisterBytes && !error_)
    error_ = Error(ErrorCode::unsupported,
                   "kernel '" + kernel_.name + "' uses too many registers");
  return at;
}

void Decoder::placeRegisters() {
  registerAt_.resize(body_.registers.size());
  for (size_t i = 0; i < body_.registers.size(); ++i)
    if (body_.registers[i].bits == 1)
      registerAt_[i] = placeWord();
  program_->registers.resize(alignUp(predicateEnd_, 64));
  program_->predicateBytes = static_cast<uint32_t>(program_->registers.size());
  std::memset(program_->registers.data() + trueAt, 0xff, 4);
  dump_ = placeWide(64);
  for (size_t i = 0; i < body_.registers.size() && !failed(); ++i)
    if (body_.registers[i].bits != 1)
      registerAt_[i] = placeWide(body_.registers[i].bits);
}

uint32_t Decoder::constantAt(uint64_t value, uint32_t bits) {
  auto [found, fresh] = constants_.try_emplace({value, bits}, 0);
  if (!fresh)
    return found->second;
  found->second = placeWide(bits);
  uint8_t *lanes = program_->registers.data() + found->second;
  for (uint32_t lane = 0; lane < 32; ++lane)
    std::memcpy(lanes + lane * bits / 8, &value, bits / 8);
  return found->second;
}

/// The slot of a special register or of the address of a variable.
uint32_t Decoder::namedAt(const std::string &name, int64_t offset,
                          uint32_t bits, bool generic) {
  if (std::optional<SpecialRegister> special = findSpecial(name)) {
    auto [found, fresh] = specials_.try_emplace({name, bits}, 0);
    if (fresh) {
      found->second = placeWide(bits);
      special->bits = static_cast<uint8_t>(bits);
      special->at = found->second;
      program_->specials.push_back(*special);
    }
    return found->second;
  }
  auto variable = variables_.find(name);
  if (variable == variables_.end()) {
    fail(*current_, name.front() == '%'
                        ? "special register '" + name + "' is not simulated"
                        : "no variable or label named '" + name + "'");
    return 0;
  }
  uint64_t address = variable->second.address + static_cast<uint64_t>(offset);
  if (generic)
    address += variable->second.space == Space::shared  ? sharedWindow
               : variable->second.space == Space::local ? localWindow
               : variable->second.space == Space::param ? paramWindow
                                                        : 0;
  if (bits < 64 && variable->second.space != Space::shared &&
      variable->second.space != Space::local &&
      variable->second.space != Space::param)
    fail(*current_, "the address of '" + name + "' needs 64 bits");
  return constantAt(bits < 64 ? address & ((uint64_t(1) << bits) - 1) : address,
                    bits);
}

uint32_t Decoder::sourceAt(const OperandSpec &spec, const Operand &operand) {
  if (operand.kind == Operand::Kind::reg)
    return registerAt_[operand.reg];
  if (operand.kind == Operand::Kind::name)
    return namedAt(operand.name, operand.offset, spec.bits, false);
  return constantAt(immediateBits(operand, spec.bits), spec.bits);
}

/// Place and flip of a predicate that is read: no operand and a number that is
/// not zero hold.
std::pair<uint32_t, uint32_t> Decoder::predicateAt(const Operand *operand) {
  if (!operand)
    return {trueAt, 0};
  if (operand->kind == Operand::Kind::integer)
    return {trueAt, operand->bits == 0 ? ~0u : 0};
  return {registerAt_[operand->reg], operand->negated ? ~0u : 0};
}

void Decoder::emitOperand(const OperandSpec &spec, const Operand *operand,
                          Op &op, int &addresses) {
  std::vector<uint32_t> &words = program_->words;
  auto resultAt = [&](const Operand &result) {
    if (result.kind == Operand::Kind::sink)
      return spec.bits == 1 ? dumpPredicate : dump_;
    return registerAt_[result.reg];
  };
  switch (spec.kind) {
  case Kind::result:
    for (const Operand *element : elementsOf(*operand))
      words.push_back(resultAt(*element));
    return;
  case Kind::resultAnd:
    words.push_back(resultAt(*operand));
    words.push_back(operand->second >= 0 ? registerAt_[operand->second]
                                         : dumpPredicate);
    return;
  case Kind::source:
  case Kind::realSource:
    if (!operand)
      return words.push_back(absentOperand);
    for (const Operand *element : elementsOf(*operand))
      words.push_back(sourceAt(spec, *element));
    return;
  case Kind::predicate: {
    auto [at, flip] = predicateAt(operand);
    words.push_back(at);
    words.push_back(flip);
    return;
  }
  case Kind::address: {
    const Operand &base = operand->elements[0];
    bool wide = true;
    int64_t displacement = 0;
    if (base.kind == Operand::Kind::reg) {
      wide = body_.registers[base.reg].bits == 64;
      words.push_back(registerAt_[base.reg]);
      displacement = operand->offset;
    } else if (base.kind == Operand::Kind::name) {
      if (findSpecial(base.name))
        fail(*current_, "'" + base.name + "' is no address");
      words.push_back(namedAt(base.name, base.offset, 64, genericNames_));
    } else {
      words.push_back(constantAt(base.bits, 64));
    }
    if (displacement < INT32_MIN || displacement > INT32_MAX)
      fail(*current_, "the offset of the address is too large");
    words.push_back(static_cast<uint32_t>(displacement));
    op.wideAddresses |= static_cast<uint8_t>(wide << addresses++);
    return;
  }
  case Kind::immediate:
    op.imm = static_cast<int64_t>(operand->bits);
    return;
  case Kind::label:
    op.imm = body_.labels[operand->label]; // an instruction until `finish`
    return;
  case Kind::labels:
    words.push_back(static_cast<uint32_t>(operand->elements.size()));
    for (const Operand &label : operand->elements)
      words.push_back(body_.labels[label.label]);
    return;
  case Kind::name:
  case Kind::policy:
    return;
  }
}

void Decoder::emit(uint32_t number) {
  const Instruction &instruction = body_.instructions[number];
  const OpRow &row = *chosen_[number].row;
  current_ = &instruction;
  Op op = {};
  op.run = row.run;
  op.index = static_cast<uint32_t>(program_->ops.size());
  op.guard = instruction.guard >= 0 ? registerAt_[instruction.guard] : trueAt;
  op.guardFlip = instruction.guardNegated ? ~0u : 0;
  readModifiers(instruction.opcode, op);
  wordsAt_.push_back(static_cast<uint32_t>(program_->words.size()));
  genericNames_ = op.space == Space::generic;
  int addresses = 0;
  for (size_t i = 0; i < row.operandCount; ++i)
    emitOperand(row.operands[i],
                i < instruction.operands.size() ? &instruction.operands[i]
                                                : nullptr,
                op, addresses);
  OpClass kind = classOf(row, op);
  bool touchesShared = kind == OpClass::shared || kind == OpClass::async ||
                       (kind == OpClass::global && op.space == Space::generic);
  if (touchesShared) {
    op.site = static_cast<uint16_t>(
        std::min<size_t>(program_->siteOps.size(), maxSite));
    if (op.site < maxSite)
      program_->siteOps.push_back(op.index);
  }
  wrapTracked(number, op);
  opOf_[number] = op.index;
  program_->ops.push_back(op);
  program_->info.push_back(
      {instruction.origin, instruction.opcode, kind,
       row.kind == OpClass::matrix ? macsOf(instruction.opcode) : 0});
}

/// A jump that the text does not have: a block does not follow where it fell
/// to.
void Decoder::emitJump(const Instruction &after, uint32_t target) {
  Op op = {};
  op.run = &jump;
  op.index = static_cast<uint32_t>(program_->ops.size());
  op.guard = trueAt;
  op.imm = target;
  wordsAt_.push_back(static_cast<uint32_t>(program_->words.size()));
  program_->ops.push_back(op);
  program_->tracked.push_back(0);
  program_->info.push_back({after.origin, "bra", OpClass::control, 0});
}

void Decoder::emitBlocks(const Flow &flow) {
  auto count = static_cast<uint32_t>(body_.instructions.size());
  opOf_.assign(count + 1, noRegister);
  for (size_t i = 0; i < flow.order.size() && !failed(); ++i) {
    const BasicBlock &block = flow.blocks[flow.order[i]];
    for (uint32_t k = block.begin; k < block.end && !failed(); ++k)
      emit(k);
    bool last = i + 1 == flow.order.size();
    uint32_t next = last ? count : flow.blocks[flow.order[i + 1]].begin;
    if (chosen_[block.end - 1].flow.fallsThrough && block.end != next)
      emitJump(body_.instructions[block.end - 1], block.end);
  }
}

/// Which registers are tracked: those that may be undefined, and those that mov
/// and selp fill from them.
void Decoder::track(const Flow &flow) {
  validAt_.assign(body_.registers.size(), noRegister);
  if (!options_.trackRegisters)
    return;
  std::vector<bool> tracked = flow.maybeUndefined;
  tracked.resize(body_.registers.size(), false);
  for (bool changed = true; changed;) {
    changed = false;
    for (const Chosen &chosen : chosen_) {
      std::string_view pattern = chosen.row->pattern;
      if (!pattern.starts_with("mov") && !pattern.starts_with("selp") &&
          !pattern.starts_with("prmt"))
        continue;
      bool reads =
          std::any_of(chosen.flow.reads.begin(), chosen.flow.reads.end(),
                      [&](uint32_t reg) { return tracked[reg]; });
      for (uint32_t reg : chosen.flow.writes)
        if (reads && !tracked[reg])
          changed = tracked[reg] = true;
    }
  }
  for (size_t i = 0; i < tracked.size(); ++i)
    if (tracked[i])
      validAt_[i] = placeWord();
}

/// What mov packs into one register, or prmt by a selector that is a number.
std::vector<const Operand *> packedParts(const Instruction &instruction) {
  const std::vector<Operand> &operands = instruction.operands;
  bool isMov = instruction.opcode.starts_with("mov.");
  if (isMov && operands[1].kind == Operand::Kind::vector)
    return elementsOf(operands[1]);
  if (instruction.opcode.starts_with("prmt") &&
      operands[3].kind == Operand::Kind::integer)
    return {&operands[1], &operands[2]};
  return {};
}

void Decoder::wrapTracked(uint32_t number, Op &op) {
  const Chosen &chosen = chosen_[number];
  const Instruction &instruction = body_.instructions[number];
  TrackedOp tracked;
  for (uint32_t reg : chosen.flow.reads)
    if (validAt_[reg] != noRegister) {
      tracked.reads.push_back(validAt_[reg]);
      tracked.names.push_back(body_.registers[reg].name);
    }
  auto validOf = [&](const Operand &operand) {
    bool tracks = operand.reg >= 0 && validAt_[operand.reg] != noRegister;
    return tracks ? validAt_[operand.reg] : trueAt;
  };
  for (uint32_t reg : chosen.flow.writes)
    if (validAt_[reg] != noRegister)
      tracked.writes.push_back(validAt_[reg]);
  program_->tracked.push_back(0);
  if (tracked.reads.empty() && tracked.writes.empty())
    return;
  std::string_view pattern = chosen.row->pattern;
  std::vector<const Operand *> parts = packedParts(instruction);
  if (!parts.empty()) {
    tracked.use = TrackedOp::Use::packs;
    for (const Operand *part : parts)
      tracked.whole |= validOf(*part) == trueAt;
  } else if (pattern.starts_with("mov")) {
    tracked.use = TrackedOp::Use::moves;
  } else if (pattern.starts_with("selp")) {
    tracked.use = TrackedOp::Use::selects;
    tracked.whenTrue = validOf(instruction.operands[1]);
    tracked.whenFalse = validOf(instruction.operands[2]);
    std::tie(tracked.selector, tracked.selectorFlip) =
        predicateAt(&instruction.operands[3]);
  }
  tracked.run = op.run;
  op.run = &runTracked;
  program_->trackedOps.push_back(std::move(tracked));
  program_->tracked.back() = static_cast<uint32_t>(program_->trackedOps.size());
}

/// Indices become what runs: addresses of words, ops of targets.
void Decoder::finish() {
  Program &program = *program_;
  for (size_t i = 0; i < program.ops.size(); ++i) {
    Op &op = program.ops[i];
    op.at = program.words.data() + wordsAt_[i];
    auto resolve = [&](uint64_t instruction) {
      uint32_t target = opOf_[instruction];
      return target == noRegister
                 ? static_cast<uint32_t>(program.ops.size() - 1)
                 : target;
    };
    std::string_view text = program.info[i].text;
    if (text.starts_with("bra"))
      op.imm = resolve(static_cast<uint64_t>(op.imm));
    if (text.starts_with("brx"))
      for (uint32_t k = 0, n = op.at[1]; k < n; ++k) {
        uint32_t &word = program.words[wordsAt_[i] + 2 + k];
        word = resolve(word);
      }
  }
}

Result<std::unique_ptr<const Program>> Decoder::decode() {
  Program &program = *program_;
  program.name = kernel_.name;
  program.parameters = kernel_.parameters;
  program.parameterBytes = kernel_.parameterBytes;
  program.requiredBlock = kernel_.requiredBlock;
  program.maxThreads = kernel_.maxThreads();
  if (kernel_.clusters)
    return Error(ErrorCode::unsupported,
                 "line " + std::to_string(kernel_.line) + ": kernel '" +
                     kernel_.name +
                     "' needs clusters, which are not simulated");
  Result<std::vector<Chosen>> chosen =
      chooseRows(body_, options_.level, options_.target);
  if (!chosen)
    return chosen.error();
  chosen_ = *std::move(chosen);
  std::vector<FlowInstruction> code;
  for (const Chosen &chosen : chosen_)
    code.push_back(chosen.flow);
  Flow flow = analyseFlow(code, static_cast<uint32_t>(body_.registers.size()));
  track(flow);
  Result<Places> places = placeVariables(module_, kernel_, options_);
  if (!places)
    return places.error();
  variables_ = std::move(places->variables);
  program.sharedBegin = places->sharedBegin;
  program.dynamicShared = places->dynamicShared;
  program.localBytes = places->localBytes;
  placeRegisters();
  emitBlocks(flow);
  if (failed())
    return *error_;
  // Behind the last instruction a thread exits.
  Op last = {};
  last.run = controlRows()[0].run;
  last.index = static_cast<uint32_t>(program.ops.size());
  last.guard = trueAt;
  opOf_[body_.instructions.size()] = last.index;
  wordsAt_.push_back(static_cast<uint32_t>(program.words.size()));
  program.ops.push_back(last);
  program.tracked.push_back(0);
  Origin end = body_.instructions.empty() ? Origin{kernel_.line}
                                          : body_.instructions.back().origin;
  program.info.push_back({end, "exit", OpClass::control, 0});
  finish();
  return std::unique_ptr<const Program>(std::move(program_));
}

} // namespace

Result<std::unique_ptr<const Program>> decode(const Module &module,
                                              const Kernel &kernel,
                                              const DecodeOptions &options) {
  return Decoder(module, kernel, options).decode();
}

} // namespace headgate::runtime::sim

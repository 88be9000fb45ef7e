// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bodies of kernels. Braces open scopes as in C: inline assembly repeats the
// names of its registers and labels in each of its blocks. A register is made
// when it is first used, because ".reg .b32 %r<729>" declares any number.

#include "runtime/sim/Parser.h"

#include <charconv>

namespace headgate::runtime::sim {

namespace {

struct Declared {
  uint8_t bits;
  uint32_t count;     ///< of a range; 0: the name itself
  int32_t first = -1; ///< of a name: its register once used
  std::unordered_map<uint32_t, int32_t> members; ///< of a range
};

/// A use of a label that is not known yet.
struct Pending {
  size_t instruction, operand;
  std::string name;
  uint32_t line;
};

struct Scope {
  std::unordered_map<std::string, Declared> registers;
  std::unordered_map<std::string, int32_t> labels;
  std::unordered_map<std::string, std::vector<std::string>> tables;
  std::vector<Pending> pending;
};

class BodyParser {
public:
  BodyParser(TokenReader &tokens, Kernel &kernel)
      : tokens_(tokens), kernel_(kernel), body_(kernel.body) {}
  void parse();

private:
  void parseStatement();
  void parseDirective();
  void parseRegisters();
  void parseLoc();
  void parseLabelOrInstruction();
  void defineLabel(std::string name, uint32_t line);
  void parseBranchTargets(const std::string &name);
  void parseInstruction(std::string opcode, Instruction instruction);
  Operand parseOperand(int depth = 0);
  Operand parseWordOperand();
  Operand parseVector(int depth);
  Operand parseAddress(int depth);
  Operand parseNumberOperand();
  int64_t parseOffset();
  int32_t findRegister(std::string_view name);
  int32_t makeRegister(std::string_view name, uint8_t bits);
  void openScope();
  void closeScope();
  void skipStatement();

  TokenReader &tokens_;
  Kernel &kernel_;
  Body &body_;
  std::vector<Scope> scopes_;
  Origin origin_;
};

constexpr size_t maxScopes = 64;
constexpr size_t maxInstructions = 1 << 22;

void BodyParser::parse() {
  openScope();
  while (!tokens_.failed() && !scopes_.empty()) {
    if (tokens_.atEnd())
      return tokens_.failHere("'}'");
    parseStatement();
  }
}

void BodyParser::openScope() {
  if (scopes_.size() >= maxScopes)
    return tokens_.fail(tokens_.peek().line, "scopes are nested too deeply");
  scopes_.emplace_back();
}

/// Uses of labels that this scope does not define belong to the one outside.
void BodyParser::closeScope() {
  Scope scope = std::move(scopes_.back());
  scopes_.pop_back();
  for (Pending &use : scope.pending) {
    auto found = scope.labels.find(use.name);
    Operand &operand =
        body_.instructions[use.instruction].operands[use.operand];
    if (found != scope.labels.end()) {
      operand.kind = Operand::Kind::label;
      operand.label = found->second;
      operand.name.clear();
      continue;
    }
    if (auto table = scope.tables.find(use.name); table != scope.tables.end()) {
      // brx.idx: the table becomes a vector of labels, each resolved here.
      operand.kind = Operand::Kind::vector;
      for (const std::string &name : table->second) {
        auto label = scope.labels.find(name);
        if (label == scope.labels.end())
          return tokens_.fail(use.line, "no label named '" + name + "'");
        Operand element;
        element.kind = Operand::Kind::label;
        element.label = label->second;
        operand.elements.push_back(element);
      }
      continue;
    }
    if (!scopes_.empty())
      scopes_.back().pending.push_back(std::move(use));
    // What nobody defines stays a name: a variable, for the decoder.
  }
}

void BodyParser::parseStatement() {
  const Token &token = tokens_.peek();
  if (tokens_.takeIf(';'))
    return;
  if (tokens_.takeIf('{'))
    return openScope();
  if (tokens_.takeIf('}'))
    return closeScope();
  if (token.is('@'))
    return parseInstruction("", {});
  if (token.kind != Token::Kind::word)
    return tokens_.failHere("a statement");
  if (token.text.front() == '.')
    return parseDirective();
  parseLabelOrInstruction();
}

void BodyParser::parseDirective() {
  const Token &token = tokens_.peek();
  if (token.isWord(".reg"))
    return parseRegisters();
  if (token.isWord(".loc"))
    return parseLoc();
  if (token.isWord(".pragma"))
    return skipStatement();
  if (token.isWord(".param")) // arguments of calls, which are refused
    return skipStatement();
  if (token.isWord(".callprototype"))
    return skipStatement();
  if (std::optional<Space> space = variableSpace(token)) {
    tokens_.take();
    Variable variable = parseVariable(tokens_, *space, false);
    for (const Variable &other : kernel_.variables)
      if (other.name == variable.name)
        return tokens_.fail(variable.line,
                            "a second variable named '" + variable.name + "'");
    kernel_.variables.push_back(std::move(variable));
    return;
  }
  tokens_.failHere("a statement");
}

void BodyParser::skipStatement() {
  while (!tokens_.atEnd() && !tokens_.takeIf(';'))
    tokens_.take();
}

/// ".reg .b32 %r<729>, %other;"
void BodyParser::parseRegisters() {
  tokens_.take();
  std::optional<uint32_t> bytes;
  const Token type = tokens_.peek();
  if (type.kind == Token::Kind::word)
    bytes = typeBytes(type.text);
  if (!bytes)
    return tokens_.failHere("a scalar type of registers such as .b32");
  if (*bytes > 8)
    return tokens_.fail(type.line, "registers of type '" +
                                       std::string(type.text) +
                                       "' are not supported");
  tokens_.take();
  // An 8-bit register holds what a 16-bit one does; no arithmetic takes it.
  auto bits = static_cast<uint8_t>(*bytes ? std::max(*bytes * 8, 16u) : 1);
  do {
    uint32_t line = tokens_.peek().line;
    std::string name = tokens_.takeName("the name of a register");
    uint32_t count = 0;
    if (tokens_.takeIf('<')) {
      count = static_cast<uint32_t>(
          tokens_.takeInteger(1 << 24, "a number of registers"));
      tokens_.expect('>');
    }
    if (!scopes_.back()
             .registers.emplace(name, Declared{bits, count, -1, {}})
             .second)
      return tokens_.fail(line, "a second register named '" + name + "'");
  } while (tokens_.takeIf(','));
  tokens_.expect(';');
}

/// ".loc 1 12 3, function_name $L__info_string0, inlined_at 1 5 3"
void BodyParser::parseLoc() {
  tokens_.take();
  origin_.file = static_cast<uint32_t>(
      tokens_.takeInteger(UINT32_MAX, "the number of a file"));
  origin_.sourceLine =
      static_cast<uint32_t>(tokens_.takeInteger(UINT32_MAX, "a line"));
  origin_.sourceColumn =
      static_cast<uint32_t>(tokens_.takeInteger(UINT32_MAX, "a column"));
  while (tokens_.takeIf(',')) {
    if (tokens_.takeIf("inlined_at")) {
      for (int i = 0; i < 3; ++i)
        tokens_.takeInteger(UINT32_MAX, "a position");
    } else if (tokens_.takeIf("function_name")) {
      tokens_.takeName("a name");
      if (tokens_.takeIf('+'))
        tokens_.takeInteger(UINT32_MAX, "an offset");
    } else {
      return tokens_.failHere("inlined_at or function_name");
    }
  }
}

void BodyParser::parseLabelOrInstruction() {
  Token word = tokens_.take();
  if (!tokens_.takeIf(':')) {
    Instruction instruction;
    instruction.origin = origin_;
    instruction.origin.line = word.line;
    return parseInstruction(std::string(word.text), std::move(instruction));
  }
  if (tokens_.takeIf(".branchtargets"))
    return parseBranchTargets(std::string(word.text));
  if (tokens_.peek().isWord(".callprototype") ||
      tokens_.peek().isWord(".calltargets"))
    return skipStatement();
  defineLabel(std::string(word.text), word.line);
}

void BodyParser::defineLabel(std::string name, uint32_t line) {
  auto label = static_cast<int32_t>(body_.labels.size());
  if (!scopes_.back().labels.emplace(name, label).second)
    return tokens_.fail(line, "a second label named '" + name + "'");
  body_.labels.push_back(static_cast<uint32_t>(body_.instructions.size()));
}

void BodyParser::parseBranchTargets(const std::string &name) {
  std::vector<std::string> &table = scopes_.back().tables[name];
  do
    table.push_back(tokens_.takeName("a label"));
  while (tokens_.takeIf(','));
  tokens_.expect(';');
}

void BodyParser::parseInstruction(std::string opcode, Instruction instruction) {
  if (opcode.empty()) { // "@!%p1 opcode"
    instruction.origin = origin_;
    instruction.origin.line = tokens_.peek().line;
    tokens_.expect('@');
    instruction.guardNegated = tokens_.takeIf('!');
    Token guard = tokens_.peek();
    instruction.guard = findRegister(tokens_.takeName("a predicate"));
    if (instruction.guard < 0 || body_.registers[instruction.guard].bits != 1)
      return tokens_.fail(guard.line, "'" + std::string(guard.text) +
                                          "' is no predicate register");
    opcode = tokens_.takeName("an instruction");
  }
  if (body_.instructions.size() >= maxInstructions)
    return tokens_.fail(instruction.origin.line, "too many instructions");
  instruction.opcode = std::move(opcode);
  body_.instructions.push_back(std::move(instruction));
  Instruction &placed = body_.instructions.back();
  while (!tokens_.failed() && !tokens_.takeIf(';')) {
    placed.operands.push_back(parseOperand());
    if (placed.operands.back().kind == Operand::Kind::name)
      scopes_.back().pending.push_back(
          {body_.instructions.size() - 1, placed.operands.size() - 1,
           placed.operands.back().name, placed.origin.line});
    if (!tokens_.peek().is(';'))
      tokens_.expect(',');
  }
}

Operand BodyParser::parseOperand(int depth) {
  if (depth > 4) {
    tokens_.fail(tokens_.peek().line, "operands are nested too deeply");
    return {};
  }
  const Token &token = tokens_.peek();
  if (token.is('{'))
    return parseVector(depth);
  if (token.is('['))
    return parseAddress(depth);
  if (token.is('(')) {
    // A constant in parentheses; or the lists of a call, for the decoder to
    // refuse.
    tokens_.take();
    Operand list;
    list.kind = Operand::Kind::vector;
    while (!tokens_.failed() && !tokens_.takeIf(')')) {
      list.elements.push_back(parseOperand(depth + 1));
      if (!tokens_.peek().is(')'))
        tokens_.expect(',');
    }
    return list.elements.size() == 1 ? Operand(list.elements[0]) : list;
  }
  if (token.is('!')) {
    tokens_.take();
    Operand operand = parseWordOperand();
    operand.negated = true;
    if (operand.kind != Operand::Kind::reg)
      tokens_.failHere("a predicate register behind '!'");
    return operand;
  }
  if (token.kind == Token::Kind::number || token.is('-'))
    return parseNumberOperand();
  return parseWordOperand();
}

Operand BodyParser::parseWordOperand() {
  Operand operand;
  Token token = tokens_.peek();
  std::string name = tokens_.takeName("an operand");
  if (tokens_.failed())
    return operand;
  if (name == "_") {
    operand.kind = Operand::Kind::sink;
  } else if (int32_t reg = findRegister(name); reg >= 0) {
    operand.kind = Operand::Kind::reg;
    operand.reg = reg;
  } else if (name.front() == '%' && !isSpecial(name)) {
    tokens_.fail(token.line, "register '" + name + "' is not declared");
  } else {
    operand.kind = Operand::Kind::name;
    operand.name = std::move(name);
    operand.offset = parseOffset();
    return operand;
  }
  if (tokens_.takeIf('|')) {
    Token second = tokens_.peek();
    operand.hasSecond = true;
    if (!tokens_.takeIf("_")) {
      operand.second = findRegister(tokens_.takeName("a register"));
      if (operand.second < 0)
        tokens_.fail(second.line, "register '" + std::string(second.text) +
                                      "' is not declared");
    }
  }
  return operand;
}

Operand BodyParser::parseNumberOperand() {
  Operand operand;
  bool negative = tokens_.takeIf('-');
  std::optional<Number> number;
  if (tokens_.peek().kind == Token::Kind::number)
    number = parseNumber(tokens_.peek().text);
  if (!number) {
    tokens_.failHere("a number");
    return operand;
  }
  tokens_.take();
  operand.bits = number->bits;
  if (number->real) {
    operand.kind = Operand::Kind::real;
    operand.single = number->single;
    if (negative)
      operand.bits ^= uint64_t(1) << (number->single ? 31 : 63);
  } else if (negative) {
    operand.bits = -operand.bits;
  }
  return operand;
}

Operand BodyParser::parseVector(int depth) {
  Operand operand;
  operand.kind = Operand::Kind::vector;
  tokens_.expect('{');
  while (!tokens_.failed() && !tokens_.takeIf('}')) {
    operand.elements.push_back(parseOperand(depth + 1));
    if (!tokens_.peek().is('}'))
      tokens_.expect(',');
  }
  return operand;
}

/// "[%rd1 + 16]", "[symbol]", "[%rd1, {%r1, %r2}]"
Operand BodyParser::parseAddress(int depth) {
  Operand operand;
  operand.kind = Operand::Kind::address;
  tokens_.expect('[');
  operand.elements.push_back(parseOperand(depth + 1));
  if (operand.elements[0].kind == Operand::Kind::reg)
    operand.offset = parseOffset();
  while (tokens_.takeIf(','))
    operand.elements.push_back(parseOperand(depth + 1));
  tokens_.expect(']');
  return operand;
}

/// "+16", "-4", "+-16" as LLVM writes it, or nothing.
int64_t BodyParser::parseOffset() {
  int64_t total = 0;
  while (tokens_.peek().is('+') || tokens_.peek().is('-')) {
    bool negative = tokens_.takeIf('-');
    if (!negative)
      tokens_.expect('+');
    negative ^= tokens_.takeIf('-');
    uint64_t bits = tokens_.takeInteger(INT32_MAX, "an offset below 2^31");
    total +=
        negative ? -static_cast<int64_t>(bits) : static_cast<int64_t>(bits);
  }
  return total;
}

int32_t BodyParser::makeRegister(std::string_view name, uint8_t bits) {
  body_.registers.push_back({std::string(name), bits});
  return static_cast<int32_t>(body_.registers.size() - 1);
}

/// The register of that name in the innermost scope that declares it, or -1.
int32_t BodyParser::findRegister(std::string_view name) {
  for (size_t i = scopes_.size(); i-- > 0;) {
    auto &registers = scopes_[i].registers;
    if (auto found = registers.find(std::string(name));
        found != registers.end() && found->second.count == 0) {
      if (found->second.first < 0)
        found->second.first = makeRegister(name, found->second.bits);
      return found->second.first;
    }
    // "%r12" of "%r<13>"; the stem may end in digits, too.
    for (size_t cut = name.size(); cut-- > 1;) {
      if (name[cut] < '0' || name[cut] > '9')
        break;
      std::string_view digits = name.substr(cut);
      uint32_t number = 0;
      auto [end, failure] =
          std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (failure != std::errc() || (digits[0] == '0' && digits.size() > 1))
        continue;
      auto found = registers.find(std::string(name.substr(0, cut)));
      if (found == registers.end() || number >= found->second.count)
        continue;
      auto [member, fresh] = found->second.members.try_emplace(number, -1);
      if (fresh)
        member->second = makeRegister(name, found->second.bits);
      return member->second;
    }
  }
  return -1;
}

} // namespace

void parseBody(TokenReader &tokens, Kernel &kernel) {
  BodyParser(tokens, kernel).parse();
}

} // namespace headgate::runtime::sim

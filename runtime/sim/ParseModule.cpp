// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Parser.h"

#include <bit>
#include <cstring>

namespace headgate::runtime::sim {

namespace {
/// Larger variables are refused: no GPU has that much, and sizes stay far from
/// overflow.
constexpr uint64_t maxVariableBytes = uint64_t(1) << 34;
constexpr uint64_t maxInitialBytes = uint64_t(1) << 26;
constexpr uint32_t maxParameterBytes = 32764; ///< PTX ISA 8.1, sm_70 and up

constexpr std::pair<std::string_view, uint32_t> types[] = {
    {".b8", 1},    {".u8", 1},   {".s8", 1},    {".b16", 2},    {".u16", 2},
    {".s16", 2},   {".f16", 2},  {".bf16", 2},  {".b32", 4},    {".u32", 4},
    {".s32", 4},   {".f32", 4},  {".f16x2", 4}, {".b64", 8},    {".u64", 8},
    {".s64", 8},   {".f64", 8},  {".pred", 0},  {".bf16x2", 4}, {".tf32", 4},
    {".b128", 16}, {".e4m3", 1}, {".e5m2", 1},
};
} // namespace

std::optional<uint32_t> typeBytes(std::string_view type) {
  for (const auto &[name, bytes] : types)
    if (name == type)
      return bytes;
  return std::nullopt;
}

std::optional<Space> variableSpace(const Token &token) {
  if (token.kind != Token::Kind::word)
    return std::nullopt;
  if (token.text == ".global")
    return Space::global;
  if (token.text == ".const")
    return Space::constant;
  if (token.text == ".shared" || token.text == ".shared::cta")
    return Space::shared;
  if (token.text == ".local")
    return Space::local;
  return std::nullopt;
}

namespace {
/// Bits of a number as an element of `bytes` bytes, negated if asked.
uint64_t elementBits(Number number, bool negative, uint32_t bytes) {
  if (!number.real)
    return negative ? -number.bits : number.bits;
  double value = number.single
                     ? std::bit_cast<float>(static_cast<uint32_t>(number.bits))
                     : std::bit_cast<double>(number.bits);
  if (negative)
    value = -value;
  if (bytes == 4)
    return std::bit_cast<uint32_t>(static_cast<float>(value));
  return std::bit_cast<uint64_t>(value);
}

/// "{1, -2, {3}, sym+4, generic(sym)}" or one element.
void parseInitial(TokenReader &tokens, Variable &variable, uint32_t bytes,
                  int depth = 0) {
  if (tokens.takeIf('{')) {
    if (depth > 8)
      return tokens.fail(variable.line, "initialiser nested too deeply");
    while (!tokens.failed() && !tokens.takeIf('}')) {
      parseInitial(tokens, variable, bytes, depth + 1);
      if (!tokens.peek().is('}'))
        tokens.expect(',');
    }
    return;
  }
  if (variable.initial.size() + bytes > maxInitialBytes)
    return tokens.fail(variable.line,
                       "initialiser of '" + variable.name + "' is too long");
  uint64_t bits = 0;
  if (tokens.peek().kind == Token::Kind::word) {
    bool wrapped = tokens.takeIf("generic");
    if (wrapped)
      tokens.expect('(');
    std::string name = tokens.takeName("a variable");
    if (wrapped)
      tokens.expect(')');
    int64_t addend = 0;
    if (tokens.takeIf('+'))
      addend = static_cast<int64_t>(
          tokens.takeInteger(maxVariableBytes, "an offset"));
    if (bytes != 8)
      return tokens.fail(variable.line, "an address needs 64 bits");
    variable.relocations.push_back({variable.initial.size(), name, addend});
  } else {
    bool negative = tokens.takeIf('-');
    std::optional<Number> number = parseNumber(tokens.peek().text);
    if (tokens.peek().kind != Token::Kind::number || !number)
      return tokens.failHere("a number");
    tokens.take();
    bits = elementBits(*number, negative, bytes);
  }
  size_t at = variable.initial.size();
  variable.initial.resize(at + bytes);
  std::memcpy(variable.initial.data() + at, &bits, bytes);
}

uint32_t parseAlign(TokenReader &tokens) {
  uint32_t line = tokens.peek().line;
  auto align =
      static_cast<uint32_t>(tokens.takeInteger(1 << 16, "an alignment"));
  if (!std::has_single_bit(align))
    tokens.fail(line, "an alignment must be a power of two");
  return align;
}

/// ".v2 .b32": bytes of an element of a variable or parameter, and its
/// natural alignment.
uint32_t parseElementType(TokenReader &tokens, uint32_t &align) {
  uint32_t count = 1;
  if (tokens.takeIf(".v2"))
    count = 2;
  else if (tokens.takeIf(".v4"))
    count = 4;
  std::optional<uint32_t> bytes;
  if (tokens.peek().kind == Token::Kind::word)
    bytes = typeBytes(tokens.peek().text);
  if (!bytes || *bytes == 0) {
    tokens.failHere("a type such as .b32");
    return 1;
  }
  tokens.take();
  align = std::max(align, *bytes * count);
  return *bytes * count;
}
} // namespace

Variable parseVariable(TokenReader &tokens, Space space, bool external) {
  Variable variable;
  variable.space = space;
  variable.external = external;
  variable.line = tokens.peek().line;
  uint32_t align = 0;
  while (true) {
    if (tokens.takeIf(".align"))
      align = parseAlign(tokens);
    else if (!tokens.takeIf(".attribute"))
      break;
    else { // .attribute(.managed)
      tokens.expect('(');
      while (!tokens.atEnd() && !tokens.takeIf(')'))
        tokens.take();
    }
  }
  uint32_t element = parseElementType(tokens, variable.align);
  if (align)
    variable.align = align;
  variable.name = tokens.takeName("the name of a variable");
  variable.bytes = element;
  while (tokens.takeIf('[')) {
    if (tokens.takeIf(']')) {
      variable.dynamic = true;
      continue;
    }
    uint64_t count = tokens.takeInteger(maxVariableBytes, "a number");
    tokens.expect(']');
    if (count && variable.bytes > maxVariableBytes / count)
      tokens.fail(variable.line, "variable '" + variable.name + "' is too big");
    else
      variable.bytes *= count;
  }
  if (tokens.takeIf('='))
    parseInitial(tokens, variable, element);
  if (variable.dynamic) {
    variable.bytes = variable.initial.size();
    variable.dynamic = variable.initial.empty();
  }
  if (variable.initial.size() > variable.bytes)
    tokens.fail(variable.line, "initialiser of '" + variable.name +
                                   "' is longer than the variable");
  tokens.expect(';');
  return variable;
}

uint32_t Kernel::maxThreads() const {
  uint64_t threads = uint64_t(maxBlock[0]) * maxBlock[1];
  threads = std::min<uint64_t>(threads, UINT32_MAX) * maxBlock[2];
  return static_cast<uint32_t>(std::min<uint64_t>(threads, UINT32_MAX));
}

namespace {

class ModuleParser {
public:
  explicit ModuleParser(std::string_view text) : tokens_(text) {}
  Result<Module> parse();

private:
  void parseStatement();
  void parseVersion();
  void parseTarget();
  void parseFile();
  void parseLinked();
  void parseEntry(Kernel kernel);
  void parseParameters(Kernel &kernel);
  void parseParameter(Kernel &kernel);
  void parseHead(Kernel &kernel);
  void parseFunction(DeviceFunction function);
  void skipBraces();
  void skipStatement();

  TokenReader tokens_;
  Module module_;
};

Result<Module> ModuleParser::parse() {
  while (!tokens_.atEnd())
    parseStatement();
  if (tokens_.failed())
    return tokens_.error();
  if (module_.target.empty())
    return Error(ErrorCode::corrupt, "no .target directive: this is no PTX");
  return std::move(module_);
}

void ModuleParser::parseStatement() {
  const Token &token = tokens_.peek();
  if (token.isWord(".version"))
    return parseVersion();
  if (token.isWord(".target"))
    return parseTarget();
  if (token.isWord(".file"))
    return parseFile();
  if (token.isWord(".address_size")) {
    tokens_.take();
    uint32_t line = tokens_.peek().line;
    if (tokens_.takeInteger(64, "32 or 64") != 64)
      tokens_.fail(line, "only .address_size 64 can run here");
    return;
  }
  if (token.isWord(".section")) { // .section .debug_info { .b32 4 ... }
    tokens_.take();
    tokens_.take();
    return skipBraces();
  }
  if (token.isWord(".pragma") || token.isWord(".alias"))
    return skipStatement();
  parseLinked();
}

void ModuleParser::parseVersion() {
  module_.versionLine = tokens_.take().line;
  if (tokens_.peek().kind != Token::Kind::number)
    return tokens_.failHere("a version such as 8.0");
  module_.version = std::string(tokens_.take().text);
}

void ModuleParser::parseTarget() {
  tokens_.take();
  module_.target = tokens_.takeName("a target such as sm_80");
  while (tokens_.takeIf(','))
    tokens_.takeName("a target option");
}

void ModuleParser::parseFile() {
  tokens_.take();
  auto index = static_cast<uint32_t>(
      tokens_.takeInteger(UINT32_MAX, "the number of a file"));
  if (tokens_.peek().kind != Token::Kind::string)
    return tokens_.failHere("the name of a file");
  module_.files[index] = std::string(tokens_.take().text);
  while (tokens_.takeIf(',')) // time and size
    tokens_.takeInteger(UINT64_MAX, "a number");
}

void ModuleParser::parseLinked() {
  bool visible = false, external = false;
  while (true) {
    if (tokens_.takeIf(".extern"))
      external = true;
    else if (tokens_.takeIf(".visible"))
      visible = true;
    else if (!tokens_.takeIf(".weak") && !tokens_.takeIf(".common"))
      break;
  }
  uint32_t line = tokens_.peek().line;
  if (tokens_.takeIf(".entry")) {
    Kernel kernel;
    kernel.visible = visible;
    kernel.line = line;
    return parseEntry(std::move(kernel));
  }
  if (tokens_.takeIf(".func")) {
    DeviceFunction function;
    function.visible = visible;
    function.external = external;
    function.line = line;
    return parseFunction(std::move(function));
  }
  if (std::optional<Space> space = variableSpace(tokens_.peek())) {
    tokens_.take();
    module_.variables.push_back(parseVariable(tokens_, *space, external));
    return;
  }
  tokens_.failHere("a directive such as .entry");
}

void ModuleParser::parseEntry(Kernel kernel) {
  uint32_t line = tokens_.peek().line;
  kernel.name = tokens_.takeName("the name of a kernel");
  for (const Kernel &other : module_.kernels)
    if (other.name == kernel.name)
      return tokens_.fail(line, "a second kernel named '" + kernel.name + "'");
  if (tokens_.takeIf('('))
    parseParameters(kernel);
  parseHead(kernel);
  if (tokens_.takeIf(';'))
    return; // a declaration
  tokens_.expect('{');
  parseBody(tokens_, kernel);
  module_.kernels.push_back(std::move(kernel));
}

void ModuleParser::parseParameters(Kernel &kernel) {
  while (!tokens_.failed() && !tokens_.takeIf(')')) {
    parseParameter(kernel);
    if (!tokens_.peek().is(')'))
      tokens_.expect(',');
  }
}

void ModuleParser::parseParameter(Kernel &kernel) {
  Parameter parameter;
  uint32_t line = tokens_.peek().line, align = 0;
  if (!tokens_.takeIf(".param"))
    return tokens_.failHere(".param");
  if (tokens_.takeIf(".align"))
    align = parseAlign(tokens_);
  parameter.type = std::string(tokens_.peek().text);
  uint32_t element = parseElementType(tokens_, parameter.align);
  // .ptr .global .align 16: what the pointer points to.
  if (tokens_.takeIf(".ptr")) {
    if (variableSpace(tokens_.peek()))
      tokens_.take();
    if (tokens_.takeIf(".align"))
      parseAlign(tokens_);
  }
  if (align)
    parameter.align = align;
  parameter.line = line;
  parameter.name = tokens_.takeName("the name of a parameter");
  parameter.array = tokens_.peek().is('[');
  uint64_t bytes = element;
  while (tokens_.takeIf('[')) {
    bytes *= tokens_.takeInteger(maxParameterBytes, "a number");
    bytes = std::min<uint64_t>(bytes, 2 * maxParameterBytes);
    tokens_.expect(']');
  }
  uint64_t offset = (kernel.parameterBytes + uint64_t(parameter.align) - 1) /
                    parameter.align * parameter.align;
  if (offset + bytes > maxParameterBytes)
    return tokens_.fail(line, "the parameters of '" + kernel.name +
                                  "' take more than " +
                                  std::to_string(maxParameterBytes) + " bytes");
  parameter.bytes = static_cast<uint32_t>(bytes);
  parameter.offset = static_cast<uint32_t>(offset);
  kernel.parameterBytes = parameter.offset + parameter.bytes;
  kernel.parameters.push_back(std::move(parameter));
}

void ModuleParser::parseHead(Kernel &kernel) {
  auto dimensions = [&] {
    std::array<uint32_t, 3> extent = {1, 1, 1};
    for (int i = 0; i < 3; ++i) {
      extent[i] = static_cast<uint32_t>(
          tokens_.takeInteger(UINT32_MAX, "a number of threads"));
      if (!tokens_.takeIf(','))
        break;
    }
    return extent;
  };
  while (tokens_.peek().kind == Token::Kind::word) {
    if (tokens_.takeIf(".reqntid")) {
      kernel.requiredBlock = dimensions();
    } else if (tokens_.takeIf(".maxntid")) {
      kernel.maxBlock = dimensions();
    } else if (tokens_.takeIf(".reqnctapercluster")) {
      auto [x, y, z] = dimensions();
      kernel.clusters |= x > 1 || y > 1 || z > 1;
    } else if (tokens_.takeIf(".explicitcluster")) {
      kernel.clusters = true;
    } else if (tokens_.takeIf(".minnctapersm") ||
               tokens_.takeIf(".maxnctapersm") || tokens_.takeIf(".maxnreg") ||
               tokens_.takeIf(".maxclusterrank")) {
      dimensions();
    } else if (tokens_.peek().isWord(".pragma")) {
      skipStatement();
    } else {
      return tokens_.failHere("a directive of a kernel or '{'");
    }
  }
}

/// Nothing here can call it, so nothing but its head is kept.
void ModuleParser::parseFunction(DeviceFunction function) {
  function.returns = tokens_.takeIf('(');
  while (function.returns && !tokens_.atEnd() && !tokens_.takeIf(')'))
    tokens_.take();
  function.name = tokens_.takeName("the name of a function");
  while (!tokens_.atEnd() && !tokens_.peek().is('{') && !tokens_.peek().is(';'))
    tokens_.take();
  function.body = tokens_.peek().is('{');
  if (function.body)
    skipBraces();
  else
    tokens_.expect(';');
  module_.functions.push_back(std::move(function));
}

void ModuleParser::skipBraces() {
  tokens_.expect('{');
  for (int depth = 1; depth > 0;) {
    if (tokens_.atEnd())
      return tokens_.failHere("'}'");
    depth += tokens_.peek().is('{') - tokens_.peek().is('}');
    tokens_.take();
  }
}

void ModuleParser::skipStatement() {
  while (!tokens_.atEnd() && !tokens_.takeIf(';'))
    tokens_.take();
}

} // namespace

Result<Module> parsePtx(std::string_view text) {
  // cuobjdump and drivers hand over text with its C terminator.
  while (!text.empty() && text.back() == '\0')
    text.remove_suffix(1);
  return ModuleParser(text).parse();
}

} // namespace headgate::runtime::sim

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parser of PTX, inside. Tokens and numbers are read in TokenReader.cpp,
// the module level (directives, variables, kernel heads) in ParseModule.cpp,
// bodies (scopes, instructions, operands) in ParseBody.cpp. The first error is
// kept and ends everything: after it the parser reads only "end of file", so no
// caller needs to look.

#ifndef HEADGATE_RUNTIME_SIM_PARSER_H
#define HEADGATE_RUNTIME_SIM_PARSER_H

#include "runtime/sim/Lexer.h"
#include "runtime/sim/Ptx.h"

#include <optional>
#include <unordered_map>

namespace headgate::runtime::sim {

/// ".b32", ".f16x2", ".pred": bytes of a type, or nothing. Width in bits is
/// eight times that, but 1 for .pred, whose bytes are 0.
std::optional<uint32_t> typeBytes(std::string_view type);

class TokenReader {
public:
  explicit TokenReader(std::string_view text) : lexer_(text) { advance(); }

  const Token &peek() const { return token_; }
  bool atEnd() const { return token_.kind == Token::Kind::end; }
  Token take();
  bool takeIf(char c);
  bool takeIf(std::string_view word);
  /// Takes `c`; an error if it is not there.
  void expect(char c);
  std::string takeName(const char *what);
  /// A non-negative integer that fits `limit`.
  uint64_t takeInteger(uint64_t limit, const char *what);

  void fail(uint32_t line, std::string message);
  void failHere(const std::string &wanted);
  bool failed() const { return error_.has_value(); }
  Error error() const { return *error_; }

private:
  void advance();

  Lexer lexer_;
  Token token_;
  std::optional<Error> error_;
};

/// The bits of a number token: an integer, or a float with `single` telling
/// whether `bits` hold an f32 (0f...) or an f64.
struct Number {
  uint64_t bits = 0;
  bool real = false, single = false;
};
std::optional<Number> parseNumber(std::string_view text);

/// Words that stand for a value of the machine; not declared anywhere.
bool isSpecial(std::string_view name);

/// Reads ".shared .align 16 .b8 name[64] = {...};" after its linkage; the first
/// token is the state space.
Variable parseVariable(TokenReader &tokens, Space space, bool external);

/// The space that a variable's directive opens, e.g. ".shared".
std::optional<Space> variableSpace(const Token &token);

/// Reads the statements of one kernel, from behind its "{" to its "}".
void parseBody(TokenReader &tokens, Kernel &kernel);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_PARSER_H

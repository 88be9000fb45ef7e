// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PTX text as tokens. A word keeps its dots and double colons, so an opcode
// with all its modifiers, "%tid.x" and ".shared::cta" are one token each.

#ifndef HEADGATE_RUNTIME_SIM_LEXER_H
#define HEADGATE_RUNTIME_SIM_LEXER_H

#include <cstdint>
#include <string_view>

namespace headgate::runtime::sim {

struct Token {
  enum class Kind : uint8_t { end, word, number, string, punctuation, bad };
  Kind kind = Kind::end;
  std::string_view text; ///< of a string: without the quotes
  uint32_t line = 1;

  bool is(char c) const {
    return kind == Kind::punctuation && text.front() == c;
  }
  bool isWord(std::string_view word) const {
    return kind == Kind::word && text == word;
  }
};

/// Reads tokens one by one; comments and blanks are skipped.
class Lexer {
public:
  explicit Lexer(std::string_view text) : text_(text) {}
  Token next();

private:
  void skipBlanks();
  Token take(Token::Kind kind, size_t length);
  char at(size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  std::string_view text_;
  size_t position_ = 0;
  uint32_t line_ = 1;
};

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_LEXER_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Lexer.h"

#include <algorithm>

namespace headgate::runtime::sim {

namespace {
bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool startsWord(char c) {
  return isLetter(c) || c == '_' || c == '$' || c == '%' || c == '.';
}
bool continuesWord(char c) {
  return isLetter(c) || isDigit(c) || c == '_' || c == '$' || c == '.';
}
} // namespace

void Lexer::skipBlanks() {
  while (position_ < text_.size()) {
    char c = text_[position_];
    if (c == '/' && at(position_ + 1) == '/') {
      size_t end = text_.find('\n', position_);
      position_ = end == text_.npos ? text_.size() : end;
    } else if (c == '/' && at(position_ + 1) == '*') {
      size_t end = text_.find("*/", position_ + 2);
      size_t stop = end == text_.npos ? text_.size() : end + 2;
      line_ += static_cast<uint32_t>(
          std::count(text_.begin() + position_, text_.begin() + stop, '\n'));
      position_ = stop;
    } else if (c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == '\f') {
      line_ += c == '\n';
      ++position_;
    } else {
      return;
    }
  }
}

Token Lexer::take(Token::Kind kind, size_t length) {
  Token token{kind, text_.substr(position_, length), line_};
  position_ += length;
  return token;
}

Token Lexer::next() {
  skipBlanks();
  if (position_ >= text_.size())
    return {Token::Kind::end, "end of file", line_};
  char c = text_[position_];
  size_t end = position_ + 1;
  if (isDigit(c)) {
    // 12, 0x1Fu, 0f3F800000, 1.5, 1e-3: letters are judged by the parser.
    while (isLetter(at(end)) || isDigit(at(end)) || at(end) == '.' ||
           ((at(end) == '-' || at(end) == '+') && at(end - 1) == 'e' &&
            at(position_ + 1) != 'x' && at(position_ + 1) != 'f' &&
            at(position_ + 1) != 'd' && isDigit(at(end + 1))))
      ++end;
    return take(Token::Kind::number, end - position_);
  }
  if (startsWord(c)) {
    // ".reg.b32" is two directives; an opcode keeps its modifiers.
    while (true) {
      if (at(end) == '.' ? c != '.' : continuesWord(at(end)))
        ++end;
      else if (at(end) == ':' && at(end + 1) == ':' &&
               continuesWord(at(end + 2)))
        end += 2;
      else
        break;
    }
    return take(Token::Kind::word, end - position_);
  }
  if (c == '"') {
    while (end < text_.size() && text_[end] != '"' && text_[end] != '\n')
      end += text_[end] == '\\' && end + 1 < text_.size() ? 2 : 1;
    if (at(end) != '"')
      return take(Token::Kind::bad, 1);
    Token token = take(Token::Kind::string, end + 1 - position_);
    token.text = token.text.substr(1, token.text.size() - 2);
    line_ += static_cast<uint32_t>(
        std::count(token.text.begin(), token.text.end(), '\n'));
    return token;
  }
  constexpr std::string_view punctuation = "{}[](),;:+-=<>|@!*/&~?^#";
  return take(punctuation.find(c) != punctuation.npos ? Token::Kind::punctuation
                                                      : Token::Kind::bad,
              1);
}

} // namespace headgate::runtime::sim

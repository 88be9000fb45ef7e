// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Parser.h"

#include <bit>
#include <charconv>

namespace headgate::runtime::sim {

std::optional<Number> parseNumber(std::string_view text) {
  Number number;
  auto parse = [&](std::string_view digits, int base) {
    auto [end, failure] = std::from_chars(
        digits.data(), digits.data() + digits.size(), number.bits, base);
    return !digits.empty() && failure == std::errc() &&
           end == digits.data() + digits.size();
  };
  auto hasPrefix = [&](char letter) {
    return text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == letter;
  };
  if ((hasPrefix('f') && text.size() == 10) ||
      (hasPrefix('d') && text.size() == 18)) {
    number.real = true;
    number.single = (text[1] | 0x20) == 'f';
    return parse(text.substr(2), 16) ? std::optional(number) : std::nullopt;
  }
  bool hex = hasPrefix('x');
  if (!hex && text.find_first_of(".eE") != text.npos) {
    double value = 0;
    auto [end, failure] =
        std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size())
      return std::nullopt;
    number.real = true;
    number.bits = std::bit_cast<uint64_t>(value);
    return number;
  }
  if (text.back() == 'U' || text.back() == 'u')
    text.remove_suffix(1);
  bool valid = hex                                 ? parse(text.substr(2), 16)
               : hasPrefix('b')                    ? parse(text.substr(2), 2)
               : text.size() > 1 && text[0] == '0' ? parse(text.substr(1), 8)
                                                   : parse(text, 10);
  return valid ? std::optional(number) : std::nullopt;
}

bool isSpecial(std::string_view name) {
  static constexpr std::string_view specials[] = {"%tid",
                                                  "%ntid",
                                                  "%laneid",
                                                  "%warpid",
                                                  "%nwarpid",
                                                  "%ctaid",
                                                  "%nctaid",
                                                  "%smid",
                                                  "%nsmid",
                                                  "%gridid",
                                                  "%clusterid",
                                                  "%nclusterid",
                                                  "%cluster_ctaid",
                                                  "%cluster_nctaid",
                                                  "%cluster_ctarank",
                                                  "%cluster_nctarank",
                                                  "%is_explicit_cluster",
                                                  "%lanemask_eq",
                                                  "%lanemask_le",
                                                  "%lanemask_lt",
                                                  "%lanemask_ge",
                                                  "%lanemask_gt",
                                                  "%clock",
                                                  "%clock_hi",
                                                  "%clock64",
                                                  "%globaltimer",
                                                  "%globaltimer_lo",
                                                  "%globaltimer_hi",
                                                  "%total_smem_size",
                                                  "%aggr_smem_size",
                                                  "%dynamic_smem_size",
                                                  "%current_graph_exec"};
  std::string_view stem = name.substr(0, name.find('.'));
  for (std::string_view special : specials)
    if (stem == special)
      return true;
  return stem.starts_with("%envreg") || stem.starts_with("%reserved_smem") ||
         stem.starts_with("%pm");
}

void TokenReader::advance() {
  if (error_) {
    token_ = {Token::Kind::end, "end of file", token_.line};
    return;
  }
  token_ = lexer_.next();
  if (token_.kind == Token::Kind::bad)
    fail(token_.line, token_.text == "\"" ? std::string("unterminated string")
                                          : "unexpected character");
}

Token TokenReader::take() {
  Token taken = token_;
  advance();
  return taken;
}

bool TokenReader::takeIf(char c) {
  bool found = token_.is(c);
  if (found)
    advance();
  return found;
}

bool TokenReader::takeIf(std::string_view word) {
  bool found = token_.isWord(word);
  if (found)
    advance();
  return found;
}

void TokenReader::expect(char c) {
  if (!takeIf(c))
    failHere(std::string("'") + c + "'");
}

std::string TokenReader::takeName(const char *what) {
  if (token_.kind != Token::Kind::word || token_.text.front() == '.') {
    failHere(what);
    return "";
  }
  return std::string(take().text);
}

uint64_t TokenReader::takeInteger(uint64_t limit, const char *what) {
  std::optional<Number> number;
  if (token_.kind == Token::Kind::number)
    number = parseNumber(token_.text);
  if (!number || number->real || number->bits > limit) {
    failHere(what);
    return 0;
  }
  advance();
  return number->bits;
}

void TokenReader::fail(uint32_t line, std::string message) {
  if (!error_)
    error_ = Error(ErrorCode::corrupt,
                   "line " + std::to_string(line) + ": " + message);
  token_ = {Token::Kind::end, "end of file", line};
}

void TokenReader::failHere(const std::string &wanted) {
  std::string found =
      atEnd() ? "the end of the file" : "'" + std::string(token_.text) + "'";
  fail(token_.line, "expected " + wanted + ", found " + found);
}

} // namespace headgate::runtime::sim

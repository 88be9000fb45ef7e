// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Expr.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace headgate {

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }

bool isNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool isNamePart(char c) { return isNameStart(c) || isDigit(c) || c == '.'; }

constexpr std::string_view functions[] = {"min", "max", "cdiv", "align"};

} // namespace

bool isExprName(std::string_view text) {
  return !text.empty() && isNameStart(text[0]) &&
         std::ranges::all_of(text, isNamePart) &&
         std::ranges::find(functions, text) == std::end(functions);
}

/// Recursive descent, one function a rule of the grammar. Each returns whether
/// it succeeded; the first failure sets `why` and stops at `at`.
class ExprParser {
public:
  ExprParser(std::string_view text, std::span<const std::string> names)
      : text(text), names(names) {}

  Result<Expr> run() {
    if (text.size() > Expr::maxChars)
      why = "an expression has at most " + std::to_string(Expr::maxChars) +
            " characters, not " + std::to_string(text.size());
    else if (conjunction(0)) {
      skipSpaces();
      if (at == text.size())
        return std::move(result);
      why = "expected an operator";
    }
    constexpr size_t shown = 80;
    std::string quoted(text.substr(0, shown));
    if (text.size() > shown)
      quoted += "..";
    return Error(ErrorCode::badInput, "expression '" + quoted + "', column " +
                                          std::to_string(at + 1) + ": " + why);
  }

private:
  using Op = Expr::Op;
  using Spelling = std::pair<std::string_view, Op>;

  bool fail(std::string message) {
    why = std::move(message);
    return false;
  }

  void skipSpaces() {
    while (at < text.size() && text[at] == ' ')
      ++at;
  }

  bool eat(std::string_view token) {
    skipSpaces();
    if (!text.substr(at).starts_with(token))
      return false;
    at += token.size();
    return true;
  }

  bool need(std::string_view token) {
    return eat(token) || fail("expected '" + std::string(token) + "'");
  }

  bool push(Op op, int64_t value) {
    if (++pending > Expr::maxDepth)
      return fail("more than " + std::to_string(Expr::maxDepth) +
                  " operands wait for their operator");
    result.steps_.push_back({op, value});
    return true;
  }

  bool apply(Op op) {
    --pending;
    result.steps_.push_back({op, 0});
    return true;
  }

  bool conjunction(int depth) {
    if (!comparison(depth))
      return false;
    while (eat("&&"))
      if (!comparison(depth) || !apply(Op::both))
        return false;
    return true;
  }

  bool comparison(int depth) {
    if (!sum(depth))
      return false;
    // The longer spellings first: "<" is also the start of "<=".
    static constexpr Spelling spellings[] = {{"<=", Op::le}, {">=", Op::ge},
                                             {"==", Op::eq}, {"!=", Op::ne},
                                             {"<", Op::lt},  {">", Op::gt}};
    for (auto [token, op] : spellings)
      if (eat(token))
        return sum(depth) && apply(op);
    return true;
  }

  bool sum(int depth) {
    if (!term(depth))
      return false;
    for (;;) {
      Op op = eat("+") ? Op::add : eat("-") ? Op::sub : Op::literal;
      if (op == Op::literal)
        return true;
      if (!term(depth) || !apply(op))
        return false;
    }
  }

  bool term(int depth) {
    if (!factor(depth))
      return false;
    for (;;) {
      Op op = eat("*")   ? Op::mul
              : eat("/") ? Op::div
              : eat("%") ? Op::rem
                         : Op::literal;
      if (op == Op::literal)
        return true;
      if (!factor(depth) || !apply(op))
        return false;
    }
  }

  bool factor(int depth) {
    if (depth > Expr::maxDepth)
      return fail("more than " + std::to_string(Expr::maxDepth) +
                  " levels of parentheses");
    skipSpaces();
    if (eat("("))
      return conjunction(depth + 1) && need(")");
    if (at < text.size() && isDigit(text[at]))
      return integer();
    if (at < text.size() && isNameStart(text[at]))
      return word(depth);
    return fail("expected a number, a name or '('");
  }

  bool integer() {
    int64_t value = 0;
    for (; at < text.size() && isDigit(text[at]); ++at)
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text[at] - '0', &value))
        return fail("the number does not fit 64 bits");
    return push(Op::literal, value);
  }

  bool word(int depth) {
    size_t begin = at;
    while (at < text.size() && isNamePart(text[at]))
      ++at;
    std::string_view name = text.substr(begin, at - begin);
    static constexpr Spelling calls[] = {{functions[0], Op::min},
                                         {functions[1], Op::max},
                                         {functions[2], Op::cdiv},
                                         {functions[3], Op::align}};
    for (auto [function, op] : calls)
      if (name == function)
        return need("(") && conjunction(depth + 1) && need(",") &&
               conjunction(depth + 1) && need(")") && apply(op);
    auto found = std::ranges::find(names, name);
    if (found != names.end())
      return push(Op::name, found - names.begin());
    at = begin;
    return fail("unknown name '" + std::string(name) + "'");
  }

  std::string_view text;
  std::span<const std::string> names;
  size_t at = 0;
  int pending = 0;
  std::string why;
  Expr result;
};

Result<Expr> Expr::parse(std::string_view text,
                         std::span<const std::string> names) {
  return ExprParser(text, names).run();
}

/// False where the result does not fit.
bool Expr::apply(Op op, int64_t a, int64_t b, int64_t &result) {
  // Division rounds to 0; these two are for flooring with b > 0.
  auto quotient = [&] { return a / b - (a % b < 0); };
  auto remainder = [&] { return a % b + (a % b < 0 ? b : 0); };
  switch (op) {
  case Op::add:
    return !__builtin_add_overflow(a, b, &result);
  case Op::sub:
    return !__builtin_sub_overflow(a, b, &result);
  case Op::mul:
    return !__builtin_mul_overflow(a, b, &result);
  case Op::div:
    result = quotient();
    return true;
  case Op::rem:
    result = remainder();
    return true;
  case Op::cdiv:
    result = quotient() + (remainder() != 0);
    return true;
  case Op::align:
    return !__builtin_mul_overflow(quotient() + (remainder() != 0), b, &result);
  case Op::min:
    result = std::min(a, b);
    return true;
  case Op::max:
    result = std::max(a, b);
    return true;
  case Op::lt:
    result = a < b;
    return true;
  case Op::le:
    result = a <= b;
    return true;
  case Op::gt:
    result = a > b;
    return true;
  case Op::ge:
    result = a >= b;
    return true;
  case Op::eq:
    result = a == b;
    return true;
  case Op::ne:
    result = a != b;
    return true;
  case Op::both:
    result = a && b;
    return true;
  case Op::literal:
  case Op::name:
    break;
  }
  assert(false && "a literal or a name is no operator");
  return false;
}

Result<int64_t> Expr::evaluate(std::span<const int64_t> values) const {
  if (steps_.empty())
    return int64_t(0);
  // The parser bounded the pending operands.
  int64_t stack[maxDepth];
  int top = 0;
  for (auto [op, value] : steps_) {
    if (op == Op::literal) {
      stack[top++] = value;
      continue;
    }
    if (op == Op::name) {
      assert(size_t(value) < values.size() && "fewer values than names");
      stack[top++] = values[static_cast<size_t>(value)];
      continue;
    }
    int64_t b = stack[--top], a = stack[--top];
    bool divides =
        op == Op::div || op == Op::rem || op == Op::cdiv || op == Op::align;
    if (divides && b <= 0)
      return Error(ErrorCode::badInput, "division of " + std::to_string(a) +
                                            " by " + std::to_string(b));
    if (!apply(op, a, b, stack[top++]))
      return Error(ErrorCode::badInput, "the value does not fit 64 bits");
  }
  return stack[0];
}

std::string Expr::asCalls(std::string_view prefix,
                          std::span<const std::string> names) const {
  constexpr const char *calls[] = {"add",   "sub", "mul", "div", "rem", "cdiv",
                                   "align", "min", "max", "lt",  "le",  "gt",
                                   "ge",    "eq",  "ne",  "both"};
  if (steps_.empty())
    return "0";
  std::vector<std::string> stack;
  for (auto [op, value] : steps_) {
    if (op == Op::literal || op == Op::name) {
      stack.push_back(op == Op::literal ? std::to_string(value)
                                        : names[static_cast<size_t>(value)]);
      continue;
    }
    std::string b = std::move(stack.back());
    stack.pop_back();
    int call = static_cast<int>(op) - static_cast<int>(Op::add);
    stack.back() =
        std::string(prefix) + calls[call] + "(" + stack.back() + ", " + b + ")";
  }
  return stack[0];
}

} // namespace headgate

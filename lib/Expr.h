// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Size expressions: the arithmetic in which a plan writes extents, grids, bytes
// and conditions.
//
//   expr   := sum [("<=" | ">=" | "==" | "!=" | "<" | ">") sum] {"&&" ...}
//   sum    := term {("+" | "-") term}
//   term   := factor {("*" | "/" | "%") factor}
//   factor := INTEGER | NAME | "(" expr ")"
//           | ("min" | "max" | "cdiv" | "align") "(" expr "," expr ")"
//   NAME   := [A-Za-z_][A-Za-z0-9_.]*, but none of the four functions
//
// Numbers are int64. An operation whose result does not fit is an error, never
// a wrapped value. "/" and "%" floor, so the remainder of b is in [0, b); cdiv
// rounds up; align(x, n) is cdiv(x, n) * n; a divisor of 0 or less is an error.
// A comparison gives 0 or 1; both sides of "&&" are evaluated. There is no
// unary minus, no loop and no call, so that evaluation ends and needs no
// memory.

#ifndef HEADGATE_LIB_EXPR_H
#define HEADGATE_LIB_EXPR_H

#include "headgate/Result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// An expression over a list of named integers, parsed once. A default one is
/// the constant 0. Evaluation allocates nothing but the message of an error.
class Expr {
public:
  /// Parses `text`, whose names are all among `names`.
  static Result<Expr> parse(std::string_view text,
                            std::span<const std::string> names);
  /// The value where names[i] is values[i], for the names it was parsed with.
  Result<int64_t> evaluate(std::span<const int64_t> values) const;

  /// The expression without operators: each operation is a call of a function
  /// whose name begins with `prefix`, each name is its one of `names`. For
  /// other languages, which define the functions: "p_cdiv(p_mul(S, 9), 64)".
  /// The functions: add sub mul div rem cdiv align min max lt le gt ge eq ne
  /// both.
  std::string asCalls(std::string_view prefix,
                      std::span<const std::string> names) const;

  static constexpr size_t maxChars = 1024;
  /// Operands that may wait for their operator, and nested parentheses.
  static constexpr int maxDepth = 32;

private:
  friend class ExprParser;
  enum class Op : uint8_t {
    literal, ///< push `value`
    name,    ///< push values[value]
    add,
    sub,
    mul,
    div,
    rem,
    cdiv,
    align,
    min,
    max,
    lt,
    le,
    gt,
    ge,
    eq,
    ne,
    both, ///< &&
  };
  struct Step {
    Op op;
    int64_t value;
  };
  static bool apply(Op op, int64_t a, int64_t b, int64_t &result);

  std::vector<Step> steps_; ///< in postfix order
};

/// Whether `text` is a NAME of the grammar above.
bool isExprName(std::string_view text);

} // namespace headgate

#endif // HEADGATE_LIB_EXPR_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Size expressions: the meaning of each operator, what does not fit, and what
// is no expression.

#include "lib/Expr.h"

#include <gtest/gtest.h>

#include <limits>

namespace headgate {
namespace {

constexpr int64_t least = std::numeric_limits<int64_t>::min();
constexpr int64_t most = std::numeric_limits<int64_t>::max();

const std::vector<std::string> names = {"a", "b", "q.s", "_x1"};

/// The value, or the error's message, as text.
std::string valueOf(const std::string &text, int64_t a = 0, int64_t b = 0) {
  auto expr = Expr::parse(text, names);
  if (!expr)
    return expr.error().message();
  auto value = expr->evaluate(std::vector<int64_t>{a, b, 1152, -4});
  return value ? std::to_string(*value) : value.error().message();
}

/// Column and reason of a text that is no expression.
std::string refusal(const std::string &text) {
  auto expr = Expr::parse(text, names);
  if (expr)
    return "parsed";
  EXPECT_EQ(expr.error().code(), ErrorCode::badInput);
  const std::string &message = expr.error().message();
  size_t column = message.find("', column ");
  return column == message.npos ? message : message.substr(column + 3);
}

TEST(Expr, NumbersAndNames) {
  EXPECT_EQ(valueOf("0"), "0");
  EXPECT_EQ(valueOf("007"), "7");
  EXPECT_EQ(valueOf("9223372036854775807"), std::to_string(most));
  EXPECT_EQ(valueOf("a", -3), "-3");
  EXPECT_EQ(valueOf("q.s"), "1152");
  EXPECT_EQ(valueOf("_x1"), "-4");
}

TEST(Expr, SumsAndProducts) {
  EXPECT_EQ(valueOf("a+b", 2, 3), "5");
  EXPECT_EQ(valueOf("a-b", 2, 3), "-1");
  EXPECT_EQ(valueOf("a*b", -2, 3), "-6");
}

// The remainder lies in [0, b), also of negative numbers.
TEST(Expr, DivisionFloors) {
  for (auto [a, b, quotient, remainder] : {std::array<int64_t, 4>{7, 2, 3, 1},
                                           {-7, 2, -4, 1},
                                           {-8, 2, -4, 0},
                                           {6, 7, 0, 6},
                                           {-1, 7, -1, 6},
                                           {least, 3, -3074457345618258603, 1},
                                           {least, 1, least, 0},
                                           {most, most, 1, 0},
                                           {least, most, -2, most - 1}}) {
    EXPECT_EQ(valueOf("a/b", a, b), std::to_string(quotient)) << a << "/" << b;
    EXPECT_EQ(valueOf("a%b", a, b), std::to_string(remainder)) << a << "%" << b;
    __int128 sum = __int128(quotient) * b + remainder;
    EXPECT_EQ(sum, a);
  }
}

TEST(Expr, CdivAndAlignRoundUp) {
  EXPECT_EQ(valueOf("cdiv(a,b)", 128, 64), "2");
  EXPECT_EQ(valueOf("cdiv(a,b)", 129, 64), "3");
  EXPECT_EQ(valueOf("cdiv(a,b)", 0, 64), "0");
  EXPECT_EQ(valueOf("cdiv(a,b)", -129, 64), "-2");
  EXPECT_EQ(valueOf("cdiv(a,b)", most, 2), "4611686018427387904");
  EXPECT_EQ(valueOf("align(a,b)", 256, 256), "256");
  EXPECT_EQ(valueOf("align(a,b)", 257, 256), "512");
  EXPECT_EQ(valueOf("align(a,b)", -257, 256), "-256");
}

TEST(Expr, MinAndMax) {
  EXPECT_EQ(valueOf("min(a,b)", -2, 3), "-2");
  EXPECT_EQ(valueOf("min(a,b)", 3, -2), "-2");
  EXPECT_EQ(valueOf("max(a,b)", -2, 3), "3");
  EXPECT_EQ(valueOf("max(a,b)", 3, -2), "3");
}

TEST(Expr, ComparisonsGiveZeroOrOne) {
  struct Row {
    const char *op;
    const char *below, *equal, *above;
  };
  for (Row row : {Row{"<", "1", "0", "0"},
                  {"<=", "1", "1", "0"},
                  {">", "0", "0", "1"},
                  {">=", "0", "1", "1"},
                  {"==", "0", "1", "0"},
                  {"!=", "1", "0", "1"}}) {
    std::string text = std::string("a") + row.op + "b";
    EXPECT_EQ(valueOf(text, least, most), row.below) << text;
    EXPECT_EQ(valueOf(text, 5, 5), row.equal) << text;
    EXPECT_EQ(valueOf(text, most, least), row.above) << text;
  }
}

TEST(Expr, AndTakesAnyNumber) {
  EXPECT_EQ(valueOf("a && b", 0, 0), "0");
  EXPECT_EQ(valueOf("a && b", -1, 0), "0");
  EXPECT_EQ(valueOf("a && b", 0, 7), "0");
  EXPECT_EQ(valueOf("a && b", -1, 7), "1");
  // Both sides are evaluated: the left one does not guard the right one.
  EXPECT_EQ(valueOf("a > 0 && 8 / a > 1", 0), "division of 8 by 0");
}

TEST(Expr, Precedence) {
  EXPECT_EQ(valueOf("2+3*4"), "14");
  EXPECT_EQ(valueOf("(2+3)*4"), "20");
  EXPECT_EQ(valueOf("20-6-5"), "9");
  EXPECT_EQ(valueOf("100/10/5"), "2");
  EXPECT_EQ(valueOf("100/10*5%7"), "1");
  EXPECT_EQ(valueOf("1+2 < 2*2 && 6-1 == 5"), "1");
  EXPECT_EQ(valueOf("1 && 2 == 2"), "1");
  EXPECT_EQ(valueOf("3 == 2 + 1"), "1");
  EXPECT_EQ(valueOf("(1 < 2) + (3 > 2)"), "2");
  EXPECT_EQ(valueOf("cdiv(1 && 1, 2)"), "1");
}

TEST(Expr, SpacesStandAnywhereBetweenWords) {
  EXPECT_EQ(valueOf("  cdiv ( a , 4 )  +  b  ", 9, 1), "4");
  EXPECT_EQ(refusal("a\t+b"), "column 2: expected an operator");
  EXPECT_EQ(refusal("1 2"), "column 3: expected an operator");
}

TEST(Expr, WhatDoesNotFitIsAnError) {
  const std::string unfit = "the value does not fit 64 bits";
  EXPECT_EQ(valueOf("a+b", most, 1), unfit);
  EXPECT_EQ(valueOf("a+b", least, -1), unfit);
  EXPECT_EQ(valueOf("a-b", least, 1), unfit);
  EXPECT_EQ(valueOf("0-a", least), unfit);
  EXPECT_EQ(valueOf("a*b", most, 2), unfit);
  EXPECT_EQ(valueOf("a*b", least, -1), unfit);
  EXPECT_EQ(valueOf("align(a,b)", most, 256), unfit);
  EXPECT_EQ(valueOf("align(a,b)", most - 254, 256), unfit);
  EXPECT_EQ(valueOf("align(a,b)", most - 255, 256), std::to_string(most - 255));
  EXPECT_EQ(valueOf("align(a,b)", least, most), std::to_string(-most));
}

TEST(Expr, DivisorsAreAboveZero) {
  for (const char *text : {"a/b", "a%b", "cdiv(a,b)", "align(a,b)"}) {
    EXPECT_EQ(valueOf(text, 7, 0), "division of 7 by 0") << text;
    EXPECT_EQ(valueOf(text, least, -1),
              "division of -9223372036854775808 by -1")
        << text;
  }
}

// Found by fuzzing a first version, which floored as a - (q * b): the product
// overflows for the least number.
TEST(Expr, DividesTheLeastNumber) {
  EXPECT_EQ(valueOf("a/b", least, most), "-2");
  EXPECT_EQ(valueOf("cdiv(a,b)", least, most), "-1");
  EXPECT_EQ(valueOf("a%b", least, 10), "2");
}

TEST(Expr, RefusesWhatIsNoExpression) {
  EXPECT_EQ(refusal(""), "column 1: expected a number, a name or '('");
  EXPECT_EQ(refusal("  "), "column 3: expected a number, a name or '('");
  EXPECT_EQ(refusal("a+"), "column 3: expected a number, a name or '('");
  EXPECT_EQ(refusal("-1"), "column 1: expected a number, a name or '('");
  EXPECT_EQ(refusal("a*-1"), "column 3: expected a number, a name or '('");
  EXPECT_EQ(refusal("(a"), "column 3: expected ')'");
  EXPECT_EQ(refusal("a)"), "column 2: expected an operator");
  EXPECT_EQ(refusal("a b"), "column 3: expected an operator");
  EXPECT_EQ(refusal("2a"), "column 2: expected an operator");
  EXPECT_EQ(refusal("a < b < a"), "column 7: expected an operator");
  EXPECT_EQ(refusal("a & b"), "column 3: expected an operator");
  EXPECT_EQ(refusal("a = b"), "column 3: expected an operator");
  EXPECT_EQ(refusal("!a"), "column 1: expected a number, a name or '('");
  EXPECT_EQ(refusal("cdiv a"), "column 6: expected '('");
  EXPECT_EQ(refusal("cdiv(a)"), "column 7: expected ','");
  EXPECT_EQ(refusal("cdiv(a,b,b)"), "column 9: expected ')'");
  EXPECT_EQ(refusal("min"), "column 4: expected '('");
  EXPECT_EQ(refusal("c"), "column 1: unknown name 'c'");
  EXPECT_EQ(refusal("a+q.t"), "column 3: unknown name 'q.t'");
  EXPECT_EQ(refusal("minimum"), "column 1: unknown name 'minimum'");
  EXPECT_EQ(refusal("9223372036854775808"),
            "column 19: the number does not fit 64 bits");
  EXPECT_EQ(refusal(std::string("a\0", 2)), "column 2: expected an operator");
}

TEST(Expr, ErrorsQuoteTheText) {
  EXPECT_EQ(valueOf("a + c"), "expression 'a + c', column 5: unknown name 'c'");
  EXPECT_EQ(valueOf("c" + std::string(100, '+')),
            "expression 'c" + std::string(79, '+') +
                "..', column 1: unknown name 'c'");
}

TEST(Expr, LimitsLengthAndDepth) {
  std::string longest(Expr::maxChars, ' ');
  longest.front() = 'a';
  EXPECT_EQ(valueOf(longest, 5), "5");
  EXPECT_EQ(refusal(longest + " "),
            "column 1: an expression has at most 1024 characters, not 1025");
  auto nested = [](int depth) {
    return std::string(depth, '(') + "a" + std::string(depth, ')');
  };
  EXPECT_EQ(valueOf(nested(32), 5), "5");
  EXPECT_EQ(refusal(nested(33)),
            "column 34: more than 32 levels of parentheses");
  EXPECT_EQ(refusal(std::string(1000, '(')),
            "column 34: more than 32 levels of parentheses");
  // a+(a+(.. keeps an operand waiting at each level; a+a+.. does not.
  std::string chain = "a", tower = "a";
  for (int i = 1; i < 32; ++i)
    tower = "a+(" + tower + ")";
  for (int i = 1; i < 500; ++i)
    chain += "+a";
  EXPECT_EQ(valueOf(tower, 1), "32");
  EXPECT_EQ(valueOf(chain, 1), "500");
  // Binary operators of three ranks hold three operands at a level.
  std::string ranks = "a";
  for (int i = 0; i < 11; ++i)
    ranks = "a<a+a*(" + ranks + ")";
  EXPECT_NE(refusal(ranks).find("more than 32 operands wait"),
            std::string::npos);
}

TEST(Expr, DefaultIsZero) {
  auto value = Expr().evaluate({});
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, 0);
}

TEST(Expr, Names) {
  for (const char *name : {"a", "B", "_", "q.s", "a1", "mine", "Min"})
    EXPECT_TRUE(isExprName(name)) << name;
  for (const char *text : {"", "1a", ".a", "a b", "a-b", "a+b", "ä", "min",
                           "max", "cdiv", "align"})
    EXPECT_FALSE(isExprName(text)) << text;
}

TEST(Expr, AsCalls) {
  auto calls = [](const char *text) {
    return Expr::parse(text, names)
        ->asCalls("f_", std::vector<std::string>{"A", "B", "q_s", "x"});
  };
  EXPECT_EQ(calls("7"), "7");
  EXPECT_EQ(calls("a - b - 1"), "f_sub(f_sub(A, B), 1)");
  EXPECT_EQ(calls("a + b * q.s / 2 % 5"),
            "f_add(A, f_rem(f_div(f_mul(B, q_s), 2), 5))");
  EXPECT_EQ(calls("cdiv(a, 4) + align(b, 2) - min(a, max(b, 3))"),
            "f_sub(f_add(f_cdiv(A, 4), f_align(B, 2)), f_min(A, f_max(B, 3)))");
  EXPECT_EQ(calls("a < 1 && a <= 2 && a > 3"),
            "f_both(f_both(f_lt(A, 1), f_le(A, 2)), f_gt(A, 3))");
  EXPECT_EQ(calls("(a >= 1) + (a == 2) * (a != 3)"),
            "f_add(f_ge(A, 1), f_mul(f_eq(A, 2), f_ne(A, 3)))");
  EXPECT_EQ(Expr().asCalls("f_", names), "0");
}

} // namespace
} // namespace headgate

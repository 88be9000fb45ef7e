// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any text as a size expression, evaluated on extreme values.

#include "lib/Expr.h"
#include "test/fuzz/Require.h"

#include <string>

using namespace headgate;

/// The value as text, or the reason why there is none.
static std::string valueOf(const Result<Expr> &expr,
                           const std::vector<int64_t> &values) {
  Result<int64_t> value = expr->evaluate(values);
  return value ? std::to_string(*value) : value.error().message();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::vector<std::string> names = {"B", "S", "T", "q.s"};
  std::string text(reinterpret_cast<const char *>(data), size);
  Result<Expr> expr = Expr::parse(text, names);
  if (!expr)
    return 0;
  // Parentheses change nothing, unless they are one too many.
  Result<Expr> inner = Expr::parse("(" + text + ")", names);
  for (int64_t S :
       {int64_t(0), int64_t(1), int64_t(-1), INT64_MAX, INT64_MIN}) {
    std::vector<int64_t> values = {3, S, 7, S / 3};
    std::string value = valueOf(expr, values);
    if (inner)
      test::require(valueOf(inner, values) == value, "(e) is e");
  }
  return 0;
}

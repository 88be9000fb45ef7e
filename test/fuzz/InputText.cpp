// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any text as the value of --input= and --output=, and its numbers as elements.

#include "lib/ArrayText.h"
#include "lib/InputValue.h"
#include "test/fuzz/Require.h"

using namespace headgate;

/// Whether an array of this shape is small enough to make one of at each input.
static bool isSmall(const std::vector<int64_t> &shape) {
  int64_t elements = 1;
  for (int64_t extent : shape) {
    test::require(extent >= 0, "an extent is not negative");
    if (extent > 1000 || (elements *= extent) > 1000)
      return false;
  }
  return true;
}

/// What is printed in full reads as the same array.
static void checkPrinted(const Array &array) {
  std::string text = formatArray(array, Elements::all);
  formatArray(array, Elements::someOfMany);
  Result<Array> again =
      parseElements(std::string_view(text).substr(text.find('=') + 1),
                    array.dtype, array.shape);
  test::require(static_cast<bool>(again), "printed elements can be read");
  test::require(formatArray(*again, Elements::all) == text,
                "and print the same");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  (void)!parseOutputTarget(text);
  Result<InputValue> value = parseInputValue(text);
  if (!value || !value->shape || !isSmall(*value->shape))
    return 0;
  Result<Array> array = Error(ErrorCode::badInput, "not elements");
  if (value->source == InputValue::Source::numbers)
    array = parseElements(value->numbers, *value->dtype, *value->shape);
  if (value->source == InputValue::Source::normal)
    array = drawNormal(value->seed, *value->dtype, *value->shape);
  if (array)
    checkPrinted(*array);
  return 0;
}

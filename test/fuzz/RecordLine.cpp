// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any text as a line of tuning records. What was read is written as a line that
// reads as the same.

#include "lib/RecordText.h"
#include "test/fuzz/Require.h"

using namespace headgate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<TuningRecord> record =
      parseRecord({reinterpret_cast<const char *>(data), size});
  if (!record)
    return 0;
  std::string text = printRecord(*record);
  test::require(text.find('\n') == text.npos, "a record is one line");
  Result<TuningRecord> again = parseRecord(text);
  test::require(bool(again), "what is printed is read");
  test::require(printRecord(*again) == text, "and is the same");
  return 0;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any text as tuned.json.

#include "lib/TunedText.h"
#include "test/fuzz/Require.h"

using namespace headgate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<Tuning> tuning =
      parseTuned({reinterpret_cast<const char *>(data), size});
  if (!tuning)
    return 0;
  for (const TunedDevice &device : tuning->devices)
    for (const TunedEntry &entry : device.entries)
      for (const auto &[dim, exponent] : entry.bucket)
        test::require(exponent >= 0 && exponent < 64,
                      "a bucket is an exponent");
  std::string text = printTuned(*tuning);
  Result<Tuning> again = parseTuned(text);
  test::require(bool(again), "what is printed is read");
  test::require(printTuned(*again) == text, "and is the same");
  return 0;
}

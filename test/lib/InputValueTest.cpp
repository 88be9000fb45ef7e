// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/InputValue.h"

#include <gtest/gtest.h>

using namespace headgate;
using Source = InputValue::Source;
using Shape = std::vector<int64_t>;

namespace {
InputValue parsed(std::string_view text) {
  Result<InputValue> value = parseInputValue(text);
  EXPECT_TRUE(value) << text << ": " << value.error().message();
  return value ? *value : InputValue();
}

OutputTarget parsedOutput(std::string_view text) {
  Result<OutputTarget> target = parseOutputTarget(text);
  EXPECT_TRUE(target) << text << ": " << target.error().message();
  return target ? *target : OutputTarget();
}

/// The message with which `text` is refused; it must quote the text.
std::string refused(std::string_view text) {
  Result<InputValue> value = parseInputValue(text);
  EXPECT_FALSE(value) << text;
  if (value)
    return "";
  EXPECT_NE(value.error().message().find(text), std::string::npos);
  return value.error().message();
}

bool has(const std::string &message, std::string_view part) {
  return message.find(part) != std::string::npos;
}

TEST(InputValue, FileByPosition) {
  InputValue value = parsed("@dir/q.npy");
  EXPECT_EQ(value.name, "");
  EXPECT_EQ(value.source, Source::npy);
  EXPECT_EQ(value.file, "dir/q.npy");
  EXPECT_FALSE(value.dtype);
  EXPECT_FALSE(value.shape);
}

TEST(InputValue, FileByName) {
  InputValue value = parsed("q.shared=@q.npy");
  EXPECT_EQ(value.name, "q.shared");
  EXPECT_EQ(value.file, "q.npy");
}

// Everything behind an '@' is the file, with its '=' signs.
TEST(InputValue, FileNamesMayHoldEqualsSigns) {
  EXPECT_EQ(parsed("@lr=1/q.npy").file, "lr=1/q.npy");
  EXPECT_EQ(parsed("q=@lr=1/q.npy").file, "lr=1/q.npy");
  EXPECT_EQ(parsed("q=@lr=1/q.npy").name, "q");
}

TEST(InputValue, ConvertedFile) {
  InputValue value = parsed("q=bf16=@q.npy");
  EXPECT_EQ(value.name, "q");
  EXPECT_EQ(value.dtype, DType::bf16);
  EXPECT_EQ(value.source, Source::npy);
}

// A tensor cannot be called f32 here: `f32=` is always the type.
TEST(InputValue, TypeIsNeverAName) {
  InputValue value = parsed("f32=@q.npy");
  EXPECT_EQ(value.name, "");
  EXPECT_EQ(value.dtype, DType::f32);
}

TEST(InputValue, HeadlessFile) {
  InputValue value = parsed("2x3xi64=@q.bin");
  EXPECT_EQ(value.source, Source::raw);
  EXPECT_EQ(value.shape, (Shape{2, 3}));
  EXPECT_EQ(value.dtype, DType::i64);
}

// A .npy file has a header whatever stands in front of it.
TEST(InputValue, ShapedNpyFile) {
  InputValue value = parsed("q=2x3xf32=@q.npy");
  EXPECT_EQ(value.source, Source::npy);
  EXPECT_EQ(value.shape, (Shape{2, 3}));
}

TEST(InputValue, Numbers) {
  InputValue value = parsed("w=3xf32=1 -2.5 nan");
  EXPECT_EQ(value.name, "w");
  EXPECT_EQ(value.source, Source::numbers);
  EXPECT_EQ(value.numbers, "1 -2.5 nan");
  EXPECT_EQ(value.shape, Shape{3});
}

TEST(InputValue, ScalarAndEmptyShapes) {
  EXPECT_EQ(parsed("f32=5").shape, Shape{});
  EXPECT_EQ(parsed("0x3xi32=").shape, (Shape{0, 3}));
}

TEST(InputValue, NormalNumbers) {
  InputValue value = parsed("2x3xbf16=~18446744073709551615");
  EXPECT_EQ(value.source, Source::normal);
  EXPECT_EQ(value.seed, 18446744073709551615u);
}

TEST(InputValue, RefusesWhatIsNoSeed) {
  for (const char *text : {"3xf32=~", "3xf32=~x", "3xf32=~-1", "3xf32=~1.5",
                           "3xf32=~18446744073709551616"})
    EXPECT_TRUE(has(refused(text), "seed")) << text;
  EXPECT_TRUE(has(refused("3xi32=~7"), "i32 cannot hold"));
}

TEST(InputValue, RefusesBadTypes) {
  EXPECT_TRUE(has(refused("2x3=@q.bin"), "lacks an element type"));
  EXPECT_TRUE(has(refused("2x3xf33=@q.bin"), "'f33' is neither"));
  EXPECT_TRUE(has(refused("2xx3xf32=0"), "'' is neither"));
  EXPECT_TRUE(has(refused("2xf32x3=0"), "'f32' is neither"));
  EXPECT_TRUE(has(refused("q=float=@q.npy"), "'float' is not a type"));
  EXPECT_TRUE(has(refused("99999999999999999999xf32=0"), "too large"));
  EXPECT_TRUE(has(refused("1x1x1x1x1x1x1x1x1xf32=0"), "at most 8"));
}

TEST(InputValue, RefusesWhatHasNoData) {
  EXPECT_TRUE(has(refused(""), "numbers need their type"));
  EXPECT_TRUE(has(refused("q.npy"), "an '@'"));
  EXPECT_TRUE(has(refused("q=q.npy"), "an '@'"));
  EXPECT_TRUE(has(refused("q=1 2"), "numbers need their type"));
  EXPECT_TRUE(has(refused("=@q.npy"), "before the '='"));
  EXPECT_TRUE(has(refused("q=@"), "no file"));
}

TEST(OutputTarget, FilesAndPrinting) {
  EXPECT_EQ(parsedOutput("@y.npy").file, "y.npy");
  EXPECT_EQ(parsedOutput("-").file, "");
  OutputTarget target = parsedOutput("y=f32=@a=b.npy");
  EXPECT_EQ(target.name, "y");
  EXPECT_EQ(target.dtype, DType::f32);
  EXPECT_EQ(target.file, "a=b.npy");
  EXPECT_EQ(parsedOutput("y=f32=-").dtype, DType::f32);
}

TEST(OutputTarget, RefusesWhatIsNoPlace) {
  for (const char *text :
       {"", "y", "y=", "y=y.npy", "@", "y=@", "2xf32=@y.npy", "y=1 2 3"})
    EXPECT_FALSE(parseOutputTarget(text)) << text;
}
} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "headgate/Tensor.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace headgate {
namespace {

TEST(Tensor, TypesHaveANameAndAWidth) {
  struct Row {
    DType dtype;
    const char *name;
    int64_t bytes;
    bool isFloat;
  };
  for (Row row : {Row{DType::f32, "f32", 4, true},
                  {DType::f16, "f16", 2, true},
                  {DType::bf16, "bf16", 2, true},
                  {DType::f64, "f64", 8, true},
                  {DType::i8, "i8", 1, false},
                  {DType::i16, "i16", 2, false},
                  {DType::i32, "i32", 4, false},
                  {DType::i64, "i64", 8, false},
                  {DType::u8, "u8", 1, false},
                  {DType::i1, "i1", 1, false}}) {
    EXPECT_EQ(name(row.dtype), row.name);
    EXPECT_EQ(byteWidth(row.dtype), row.bytes);
    EXPECT_EQ(isFloat(row.dtype), row.isFloat);
    EXPECT_EQ(parseDType(row.name), row.dtype);
  }
  for (const char *text : {"", "f", "f3", "f321", "F32", "float32", " f32"})
    EXPECT_FALSE(parseDType(text)) << text;
}

TEST(Tensor, ContiguousIsRowMajor) {
  float data[30];
  TensorView view =
      TensorView::contiguous(data, DType::f32, std::vector<int64_t>{2, 3, 5});
  EXPECT_EQ(view.data, data);
  EXPECT_EQ(view.rank, 3);
  EXPECT_EQ(view.strides[0], 15);
  EXPECT_EQ(view.strides[1], 5);
  EXPECT_EQ(view.strides[2], 1);
  EXPECT_EQ(view.elements(), 30);
  EXPECT_EQ(TensorView::contiguous(data, DType::f32, {}).elements(), 1);
}

// A caller may write such a shape; that it has no elements is all that counts.
TEST(Tensor, EmptyHoweverLargeTheRest) {
  constexpr int64_t huge = int64_t(1) << 62;
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{0, huge, 4}, {huge, 4, 0}, {huge, 0, huge}})
    EXPECT_EQ(TensorView::contiguous(nullptr, DType::i8, shape).elements(), 0);
}

} // namespace
} // namespace headgate

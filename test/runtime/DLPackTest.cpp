// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// DLPack tensors to views and back.

#include "runtime/DLPack.h"
#include "test/runtime/Handmade.h"

namespace headgate::test {
namespace {

using runtime::fromDLPack;
using runtime::toDLPack;

struct Given {
  int64_t shape[9] = {2, 3}, strides[9] = {3, 1};
  float data[12] = {};
  DLTensor tensor = {data, {1, 0}, 2, {2, 32, 1}, shape, strides, 0};
};

std::string refusal(const DLTensor &tensor) {
  auto view = fromDLPack(tensor);
  if (view)
    return "it was taken";
  EXPECT_EQ(view.error().code(), ErrorCode::badInput);
  return view.error().message();
}

TEST(DLPack, ReadsShapeAndStrides) {
  Given given;
  given.strides[0] = 6;
  auto view = fromDLPack(given.tensor);
  ASSERT_TRUE(view) << view.error().message();
  EXPECT_EQ(view->data, given.data);
  EXPECT_EQ(view->dtype, DType::f32);
  EXPECT_EQ(view->rank, 2);
  EXPECT_EQ(view->shape[1], 3);
  EXPECT_EQ(view->strides[0], 6);
  EXPECT_EQ(view->device, DeviceKind::host);
}

TEST(DLPack, NullStridesAreContiguous) {
  Given given;
  given.tensor.strides = nullptr;
  auto view = fromDLPack(given.tensor);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->strides[0], 3);
  EXPECT_EQ(view->strides[1], 1);
}

TEST(DLPack, AddsTheByteOffset) {
  Given given;
  given.tensor.byteOffset = 8;
  EXPECT_EQ(fromDLPack(given.tensor)->data, given.data + 2);
  given.tensor.data = nullptr; // an empty tensor has no address to add to
  EXPECT_EQ(fromDLPack(given.tensor)->data, nullptr);
}

// Found by fuzzing.
TEST(DLPack, RefusesAnOffsetThatLeadsOutOfMemory) {
  Given given;
  given.tensor.byteOffset = UINT64_MAX;
  EXPECT_EQ(refusal(given.tensor), "its byte offset of 18446744073709551615 "
                                   "leads out of memory");
}

TEST(DLPack, ScalarsNeedNoShape) {
  Given given;
  given.tensor.ndim = 0;
  given.tensor.shape = given.tensor.strides = nullptr;
  auto view = fromDLPack(given.tensor);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->elements(), 1);
}

TEST(DLPack, KnowsEveryElementType) {
  struct {
    DLDataType given;
    DType expected;
  } cases[] = {
      {{2, 32, 1}, DType::f32},  {{2, 16, 1}, DType::f16},
      {{4, 16, 1}, DType::bf16}, {{2, 64, 1}, DType::f64},
      {{0, 8, 1}, DType::i8},    {{0, 16, 1}, DType::i16},
      {{0, 32, 1}, DType::i32},  {{0, 64, 1}, DType::i64},
      {{1, 8, 1}, DType::u8},    {{6, 8, 1}, DType::i1},
  };
  for (auto &c : cases) {
    Given given;
    given.tensor.dtype = c.given;
    auto view = fromDLPack(given.tensor);
    ASSERT_TRUE(view) << name(c.expected);
    EXPECT_EQ(view->dtype, c.expected);
  }
}

TEST(DLPack, KnowsDevices) {
  Given given;
  given.tensor.device = {2, 1};
  EXPECT_EQ(fromDLPack(given.tensor)->device, DeviceKind::cuda);
  EXPECT_EQ(fromDLPack(given.tensor)->deviceIndex, 1);
  given.tensor.device = {3, 0}; // pinned host memory
  EXPECT_EQ(fromDLPack(given.tensor)->device, DeviceKind::host);
}

TEST(DLPack, RefusesWhatCannotBeSaid) {
  Given given;
  DLTensor tensor = given.tensor;
  tensor.dtype = {5, 64, 1};
  EXPECT_EQ(refusal(tensor), "element type complex64 is not supported");
  tensor.dtype = {2, 32, 4};
  EXPECT_EQ(refusal(tensor), "element type float32x4 is not supported");
  tensor.dtype = {1, 32, 1};
  EXPECT_EQ(refusal(tensor), "element type uint32 is not supported");
  tensor.dtype = {3, 64, 1};
  EXPECT_EQ(refusal(tensor), "element type of DLPack code 3 is not supported");
  tensor = given.tensor;
  tensor.device.type = 10;
  EXPECT_EQ(refusal(tensor), "device of DLPack type 10 is not supported; known "
                             "are CPU (1) and CUDA (2)");
  tensor = given.tensor;
  tensor.ndim = 9;
  EXPECT_EQ(refusal(tensor), "rank 9 is not within 0 and 8");
  tensor.ndim = -1;
  EXPECT_EQ(refusal(tensor), "rank -1 is not within 0 and 8");
  tensor = given.tensor;
  tensor.shape = nullptr;
  EXPECT_EQ(refusal(tensor), "its shape is a null pointer");
  tensor = given.tensor;
  given.shape[1] = -2;
  EXPECT_EQ(refusal(tensor), "dimension 1 is -2");
  given.shape[0] = given.shape[1] = INT64_MAX;
  EXPECT_EQ(refusal(tensor), "more than 2^63 elements");
}

TEST(DLPack, HandsATensorOver) {
  auto device = openDevice("host");
  auto buffer = (*device)->allocate(24);
  void *data = buffer->data();
  OwnedTensor owned;
  owned.view =
      TensorView::contiguous(data, DType::bf16, std::vector<int64_t>{3, 4});
  owned.buffer = *std::move(buffer);
  DLManagedTensor *managed = toDLPack(std::move(owned));
  device->reset(); // The tensor keeps what it needs.
  EXPECT_EQ(managed->tensor.data, data);
  EXPECT_EQ(managed->tensor.device.type, 1);
  EXPECT_EQ(managed->tensor.dtype.code, 4);
  EXPECT_EQ(managed->tensor.dtype.bits, 16);
  EXPECT_EQ(managed->tensor.ndim, 2);
  EXPECT_EQ(managed->tensor.shape[1], 4);
  EXPECT_EQ(managed->tensor.strides[0], 4);
  auto back = fromDLPack(managed->tensor);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->dtype, DType::bf16);
  managed->deleter(managed); // leaks or double frees show under ASan
}

} // namespace
} // namespace headgate::test

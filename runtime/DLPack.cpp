// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/DLPack.h"

#include <memory>
#include <string>
#include <utility>

namespace headgate::runtime {

namespace {

// Numbers of the protocol.
enum DeviceType { cpu = 1, cuda = 2, cudaHost = 3, cudaManaged = 13 };
enum TypeCode {
  signedInt = 0,
  unsignedInt = 1,
  ieee = 2,
  bfloat = 4,
  boolean = 6
};

struct TypeRow {
  DType type;
  uint8_t code, bits;
};
constexpr TypeRow types[] = {
    {DType::f32, ieee, 32},      {DType::f16, ieee, 16},
    {DType::bf16, bfloat, 16},   {DType::f64, ieee, 64},
    {DType::i8, signedInt, 8},   {DType::i16, signedInt, 16},
    {DType::i32, signedInt, 32}, {DType::i64, signedInt, 64},
    {DType::u8, unsignedInt, 8}, {DType::i1, boolean, 8},
};

std::string describe(const DLDataType &type) {
  const char *code = "";
  switch (type.code) {
  case signedInt:
    code = "int";
    break;
  case unsignedInt:
    code = "uint";
    break;
  case ieee:
    code = "float";
    break;
  case bfloat:
    code = "bfloat";
    break;
  case boolean:
    code = "bool";
    break;
  case 5:
    code = "complex";
    break;
  default:
    return "of DLPack code " + std::to_string(type.code);
  }
  std::string text = code + std::to_string(type.bits);
  if (type.lanes != 1)
    text += "x" + std::to_string(type.lanes);
  return text;
}

/// The tensor handed out, with the arrays its DLTensor points to.
struct Export {
  DLManagedTensor managed;
  OwnedTensor tensor;
};

} // namespace

Result<TensorView> fromDLPack(const DLTensor &tensor) {
  auto refuse = [](std::string why) {
    return Error(ErrorCode::badInput, std::move(why));
  };
  TensorView view;
  bool known = false;
  for (const TypeRow &row : types)
    if (row.code == tensor.dtype.code && row.bits == tensor.dtype.bits &&
        tensor.dtype.lanes == 1) {
      view.dtype = row.type;
      known = true;
    }
  if (!known)
    return refuse("element type " + describe(tensor.dtype) +
                  " is not supported");
  switch (tensor.device.type) {
  case cpu:
  case cudaHost:
    view.device = DeviceKind::host;
    break;
  case cuda:
  case cudaManaged:
    view.device = DeviceKind::cuda;
    break;
  default:
    return refuse("device of DLPack type " +
                  std::to_string(tensor.device.type) +
                  " is not supported; known are CPU (1) and CUDA (2)");
  }
  view.deviceIndex = tensor.device.id;
  if (tensor.ndim < 0 || tensor.ndim > maxRank)
    return refuse("rank " + std::to_string(tensor.ndim) +
                  " is not within 0 and " + std::to_string(maxRank));
  if (tensor.ndim > 0 && !tensor.shape)
    return refuse("its shape is a null pointer");
  view.rank = tensor.ndim;
  int64_t contiguous = 1;
  for (int i = view.rank - 1; i >= 0; --i) {
    view.shape[i] = tensor.shape[i];
    view.strides[i] = tensor.strides ? tensor.strides[i] : contiguous;
    if (view.shape[i] < 0)
      return refuse("dimension " + std::to_string(i) + " is " +
                    std::to_string(view.shape[i]));
    if (view.shape[i] > 0 &&
        __builtin_mul_overflow(contiguous, view.shape[i], &contiguous))
      return refuse("more than 2^63 elements");
  }
  if (!tensor.data)
    return view;
  // As a number: whether it points to anything is not known yet.
  uintptr_t address = reinterpret_cast<uintptr_t>(tensor.data);
  if (__builtin_add_overflow(address, tensor.byteOffset, &address))
    return refuse("its byte offset of " + std::to_string(tensor.byteOffset) +
                  " leads out of memory");
  view.data = reinterpret_cast<void *>(address);
  return view;
}

DLManagedTensor *toDLPack(OwnedTensor tensor) {
  auto handed = std::make_unique<Export>();
  handed->tensor = std::move(tensor);
  TensorView &view = handed->tensor.view;
  DLTensor &out = handed->managed.tensor;
  out.data = view.data;
  out.device = {view.device == DeviceKind::host ? cpu : cuda, view.deviceIndex};
  out.ndim = view.rank;
  for (const TypeRow &row : types)
    if (row.type == view.dtype)
      out.dtype = {row.code, row.bits, 1};
  out.shape = view.shape.data();
  out.strides = view.strides.data();
  out.byteOffset = 0;
  handed->managed.context = handed.get();
  handed->managed.deleter = [](DLManagedTensor *managed) {
    delete static_cast<Export *>(managed->context);
  };
  return &handed.release()->managed;
}

} // namespace headgate::runtime

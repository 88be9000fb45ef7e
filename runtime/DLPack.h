// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors of other frameworks, by the DLPack protocol: its structures (the
// layout is the standard; no header of it is needed) and the way to ours and
// back. Nothing is copied.

#ifndef HEADGATE_RUNTIME_DLPACK_H
#define HEADGATE_RUNTIME_DLPACK_H

#include "headgate/Result.h"
#include "headgate/Runtime.h"
#include "headgate/Tensor.h"

#include <cstdint>

extern "C" {

struct DLDevice {
  int32_t type;
  int32_t id;
};

struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};

struct DLTensor {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides; // null: contiguous
  uint64_t byteOffset;
};

struct DLManagedTensor {
  DLTensor tensor;
  void *context;
  void (*deleter)(DLManagedTensor *);
};

} // extern "C"

namespace headgate::runtime {

/// The tensor as a view. What cannot be expressed (complex numbers, vectors of
/// lanes, other devices) is refused; the caller knows the tensor's name.
Result<TensorView> fromDLPack(const DLTensor &tensor);

/// Hands `tensor` over; the receiver calls the deleter, on any thread.
DLManagedTensor *toDLPack(OwnedTensor tensor);

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_DLPACK_H

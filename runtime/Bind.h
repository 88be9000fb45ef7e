// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the tensors of a call to the values of its entry's dims and strides.
//
//   inputs  k: [2, 128, 8, 64] f32      entry  k: f32 [B, T, 8, 64]
//   gives   B = 2, T = 128, or one sentence that says what does not fit
//
// A dim is bound by the first input whose extent is exactly its name; every
// other extent is checked. Without strides in the plan a tensor must be
// contiguous; a stride that is a name of its own binds at first sight and is
// checked from there on. A stride says nothing where the extent is at most 1 or
// the tensor is empty (NumPy gives such strides any value), so it is neither
// checked nor bound there; a stride name that nothing bound takes the value it
// has in a contiguous tensor.

#ifndef HEADGATE_RUNTIME_BIND_H
#define HEADGATE_RUNTIME_BIND_H

#include "runtime/Program.h"

#include <span>

namespace headgate::runtime {

/// Binds the calls of one entry, one after the other. Allocates only when it
/// is made and to write an error.
class Binder {
public:
  /// `index`: which of the devices of this kind.
  Binder(const EntryProgram &entry, DeviceKind device, int index = 0);

  /// Binds the dims and strides of `inputs` and checks all of them.
  Status bindInputs(std::span<const TensorView> inputs);
  /// The same with the outputs: also where the tensors lie in memory.
  Status bindCall(std::span<const TensorView> inputs,
                  std::span<const TensorView> outputs);
  /// Takes the dims as given and all strides as contiguous.
  Status bindDims(std::span<const int64_t> dims);

  /// The values of EntryProgram::names, once a bind succeeded.
  const std::vector<int64_t> &values() const { return values_; }
  /// What output `index` must look like after bindInputs, its data null.
  /// `elements` receives how many elements its memory must hold.
  Result<TensorView> outputView(size_t index, int64_t &elements);

private:
  struct Memory {
    uintptr_t begin = 0, end = 0; ///< bytes that the tensor may touch
  };

  /// Whether `name` is a stride symbol: a dim is bound by extents alone.
  bool isSymbol(int name) const {
    return name >= static_cast<int>(entry_->dims);
  }
  Status checkCount(const char *what, size_t expected, size_t given) const;
  Status checkForm(const TensorProgram &tensor, const TensorView &view) const;
  void bindNames(std::span<const TensorView> views, size_t first);
  void bindLeftovers(size_t index, const TensorView &view);
  Status bindShapes(std::span<const TensorView> inputs);
  Status checkDims();
  Status checkShape(const TensorProgram &tensor, const TensorView &view) const;
  Status checkStrides(const TensorProgram &tensor,
                      const TensorView &view) const;
  bool checkStrideValues(const TensorProgram &tensor,
                         const TensorView &view) const;
  Status checkRequirements() const;
  Status checkMemory(size_t index, const TensorView &view);
  Status checkOverlap(size_t output, std::span<const TensorView> inputs,
                      const TensorView &view) const;
  Result<TensorView> shapeOf(const TensorProgram &tensor) const;
  Result<int64_t> evaluate(const ExtentProgram &extent) const;

  std::string describe(const TensorProgram &tensor) const;
  Error mismatch(const TensorProgram &tensor, const TensorView &view,
                 const std::string &why) const;

  const EntryProgram *entry_;
  DeviceKind device_;
  int index_;
  std::vector<int64_t> values_;
  std::vector<int> source_; ///< tensor that bound each name, -1: none yet
  std::vector<Memory> memory_;
};

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_BIND_H

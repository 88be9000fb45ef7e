// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any bytes as a DLTensor: to a view, and as the input of an entry. What it
// points to is never touched.

#include "lib/PlanText.h"
#include "runtime/Bind.h"
#include "runtime/DLPack.h"
#include "runtime/Layout.h"
#include "test/fuzz/Require.h"

#include <cstring>

using namespace headgate;
using namespace headgate::runtime;

/// Entries that take the tensor in every way: contiguous, with strides to bind,
/// with strides that follow from others.
static const Plan &entries() {
  static const Plan plan = *parsePlan(R"({"format": "headgate.plan",
    "version": 1, "images": [], "kernels": [], "entries": [
      {"name": "dense", "dims": {"S": [0, 1000000], "N": [0, 1000000]},
       "inputs": [{"name": "x", "dtype": "f32", "shape": ["S", "N"]}],
       "outputs": [{"name": "y", "dtype": "f32", "shape": ["S", "N"],
                    "alias": "x"}], "steps": []},
      {"name": "strided", "dims": {"B": [0, 1000000], "S": [0, 1000000]},
       "inputs": [{"name": "q", "dtype": "bf16", "shape": ["B", "S", 8],
                   "strides": ["S*q.s", "q.s", "q.d"]}],
       "outputs": [{"name": "y", "dtype": "bf16", "shape": ["B", "S", 8],
                    "strides": ["B+q.s", "q.s", 1]}], "steps": []},
      {"name": "scalar", "inputs": [{"name": "a", "dtype": "i64",
       "shape": []}], "outputs": [], "steps": []}]})");
  return plan;
}

static void bindToEntries(const TensorView &view) {
  static const Program program = buildProgram(entries());
  for (const EntryProgram &entry : program.entries) {
    Binder binder(entry, DeviceKind::host);
    std::vector<TensorView> tensors = {view};
    (void)!binder.bindCall(tensors, tensors);
    if (!binder.bindInputs(tensors))
      continue;
    for (size_t i = 0; i < entry.plan->outputs.size(); ++i) {
      int64_t elements = 0;
      Result<TensorView> output = binder.outputView(i, elements);
      int64_t first = 0, last = 0;
      if (output && !isEmpty(*output)) {
        test::require(elementRange(*output, first, last),
                      "an output that was made has a range");
        test::require(first == 0 && last < elements,
                      "an output lies in its memory");
      }
    }
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct {
    DLDataType dtype;
    DLDevice device;
    int32_t ndim;
    uint32_t flags; // 1: no strides, 2: no shape, 4: no data
    uint64_t address, byteOffset;
  } head;
  std::array<int64_t, 16> numbers = {};
  if (size < sizeof head || size > sizeof head + sizeof numbers)
    return 0;
  std::memcpy(&head, data, sizeof head);
  std::memcpy(numbers.data(), data + sizeof head, size - sizeof head);

  DLTensor tensor;
  tensor.data =
      head.flags & 4 ? nullptr : reinterpret_cast<void *>(head.address);
  tensor.device = head.device;
  tensor.ndim = head.ndim;
  tensor.dtype = head.dtype;
  tensor.shape = head.flags & 2 ? nullptr : numbers.data();
  tensor.strides = head.flags & 1 ? nullptr : numbers.data() + 8;
  tensor.byteOffset = head.byteOffset;
  Result<TensorView> view = fromDLPack(tensor);
  if (!view)
    return 0;
  test::require(view->rank >= 0 && view->rank <= maxRank, "the rank fits");
  for (int64_t extent : view->extents())
    test::require(extent >= 0, "an extent is not negative");
  bindToEntries(*view);
  return 0;
}

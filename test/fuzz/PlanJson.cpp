// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any text as plan.json. What is read prints and reads again as the same; its
// entries are built and bound, with dims and views that follow from the text.

#include "lib/PlanText.h"
#include "runtime/Bind.h"
#include "test/fuzz/Require.h"

using namespace headgate;
using namespace headgate::runtime;

/// Small numbers and now and then a large one, drawn from the input.
class Draw {
public:
  explicit Draw(const std::string &text)
      : state(std::hash<std::string>()(text)) {}
  int64_t operator()() {
    state = state * 6364136223846793005 + 1442695040888963407;
    uint64_t bits = state >> 20;
    switch (bits % 8) {
    case 0:
      return INT64_MAX - int64_t(bits % 3);
    case 1:
      return -int64_t(bits % 1000);
    case 2:
      return int64_t(1) << bits / 8 % 63;
    default:
      return int64_t(bits / 8 % 5);
    }
  }

private:
  uint64_t state;
};

static TensorView draw(Draw &draw, const PlanTensor &tensor) {
  TensorView view;
  view.data = reinterpret_cast<void *>(uintptr_t(draw()) * 4);
  view.dtype = tensor.dtype;
  view.rank = static_cast<int>(tensor.shape.size());
  for (int i = 0; i < view.rank; ++i) {
    view.shape[i] = draw();
    view.strides[i] = draw();
  }
  return view;
}

static void bindEntry(const EntryProgram &entry, const std::string &text) {
  Draw number(text);
  Binder binder(entry, DeviceKind::host);
  for (int round = 0; round < 4; ++round) {
    std::vector<int64_t> dims;
    for (size_t i = 0; i < entry.dims; ++i)
      dims.push_back(number());
    if (binder.bindDims(dims))
      test::require(
          std::equal(dims.begin(), dims.end(), binder.values().begin()),
          "dims stay as they were given");
    std::vector<TensorView> inputs, outputs;
    for (const PlanTensor &input : entry.plan->inputs)
      inputs.push_back(draw(number, input));
    for (const PlanTensor &output : entry.plan->outputs)
      outputs.push_back(draw(number, output));
    (void)!binder.bindCall(inputs, outputs);
    if (binder.bindInputs(inputs))
      for (size_t i = 0; i < outputs.size(); ++i) {
        int64_t elements = 0;
        (void)!binder.outputView(i, elements);
        test::require(elements >= 0, "an output has no negative size");
      }
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  Result<Plan> plan = parsePlan(text);
  if (!plan)
    return 0;
  std::string printed = printPlan(*plan);
  Result<Plan> again = parsePlan(printed);
  test::require(static_cast<bool>(again), "what is printed can be read");
  test::require(printPlan(*again) == printed, "and prints the same");
  Program program = buildProgram(*plan);
  for (const EntryProgram &entry : program.entries)
    bindEntry(entry, text);
  return 0;
}

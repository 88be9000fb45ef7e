// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// modules.mlir.in: control flow, views, in-place updates and results that share
// a value, through the whole lowering. And that all of it frees what it
// allocates.

#include "Meaning.h"

#include "lib/Compare.h"

#include <cmath>
#include <malloc.h>

namespace headgate::test {
namespace {

Array f32(std::vector<int64_t> shape, std::vector<double> values) {
  return *convert(Array::of(std::move(shape), values), DType::f32);
}
Array i32(int32_t value) { return Array::of({}, std::span(&value, 1)); }
Array i1(bool value) {
  Array array = Array::zeros(DType::i1, {});
  array.setInteger(0, value);
  return array;
}

std::vector<Array> runModule(const std::string &entry,
                             const std::vector<Array> &inputs) {
  return run("modules", DType::f32, entry, inputs);
}

/// Results of f32, to one unit of the last place.
void expectModule(const std::string &entry, const std::vector<Array> &inputs,
                  const std::vector<Array> &expected) {
  SCOPED_TRACE(entry);
  std::vector<Array> copies = inputs;
  std::vector<Array> found = runModule(entry, inputs);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    Comparison result = compare(found[i], expected[i], {0, 0x1p-23});
    EXPECT_TRUE(result.passed()) << "result " << i << ": " << result.found
                                 << ", expected " << result.expected;
  }
  for (size_t i = 0; i < inputs.size(); ++i)
    EXPECT_EQ(inputs[i].bytes, copies[i].bytes) << "input " << i << " changed";
}

TEST(ModulesMeaning, CallsAreInlined) {
  expectModule("calls", {f32({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})},
               {f32({2, 4}, {4, 8, 12, 16, 20, 24, 28, 32})});
}

TEST(ModulesMeaning, AnUpdateLeavesItsInput) {
  expectModule("update", {f32({1, 4}, {1, 2, 3, 4}), f32({}, {9})},
               {f32({1, 4}, {9, 2, 3, 4})});
}

TEST(ModulesMeaning, ResultsShareNothing) {
  Array x = f32({1, 4}, {1, 2, 3, 4}), y = f32({1, 4}, {5, 6, 7, 8});
  expectModule("swap", {x, y}, {y, x});
  Array doubled = f32({1, 4}, {2, 4, 6, 8});
  expectModule("views", {x},
               {doubled, doubled, f32({4}, {2, 4, 6, 8}), f32({1, 2}, {4, 6}),
                f32({1, 4}, {0, 4, 6, 8})});
}

TEST(ModulesMeaning, ControlFlow) {
  Array x = f32({4}, {0, 1, 2, -3});
  expectModule("power", {x, i32(3)}, {f32({4}, {0, 1, 8, -27})});
  expectModule("power", {x, i32(0)}, {f32({4}, {1, 1, 1, 1})});
  expectModule("branch", {x, i1(false)}, {x});
  expectModule("branch", {x, i1(true)},
               {f32({4}, {1, std::exp(1.0), std::exp(2.0), std::exp(-3.0)})});
  expectModule("triangle", {i32(10)}, {f32({}, {55})});
  expectModule("triangle", {i32(0)}, {f32({}, {0})});
}

TEST(ModulesMeaning, OtherOpsOfUpstream) {
  Array x = f32({2, 4}, {1, 1, 1, 1, 0, 0, 0, 0});
  std::vector<int32_t> positions = {0, 1, 2, 3, 1, 2, 3, 4};
  expectModule("positions", {x}, {Array::of({2, 4}, positions)});
  expectModule("pad", {x}, {f32({2, 6}, {0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0})});
  expectModule("softmax", {x},
               {f32({2, 4}, {.25, .25, .25, .25, .25, .25, .25, .25})});
}

TEST(ModulesMeaning, AnyName) {
  Array zeros = f32({4}, {0, 0, 0, 0});
  expectModule("malloc", {zeros}, {f32({4}, {1, 1, 1, 1})});
  expectModule("expf", {zeros}, {f32({4}, {2, 2, 2, 2})});
  expectModule("not a C name", {zeros}, {zeros});
}

/// Bytes that are allocated now; 0 under a sanitizer, which looks for leaks
/// itself.
size_t allocatedBytes() {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Buffers of a run come from the workspace or are freed before it ends.
TEST(ModulesMeaning, EveryBufferIsFreed) {
  auto runAll = [] {
    (void)runModule("power", {f32({4}, {1, 2, 3, 4}), i32(50)});
    (void)runModule("branch", {f32({4}, {1, 2, 3, 4}), i1(true)});
    (void)runModule("branch", {f32({4}, {1, 2, 3, 4}), i1(false)});
    (void)runModule("triangle", {i32(50)});
    (void)runModule("positions", {f32({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})});
  };
  runAll(); // loads the bundle
  size_t before = allocatedBytes();
  for (int i = 0; i < 100; ++i)
    runAll();
  // The runs allocate some 25000 buffers, of 32 bytes at least. The allocator
  // counts what it keeps in its thread's cache as allocated.
  EXPECT_LE(allocatedBytes(), before + 65536);
}

} // namespace
} // namespace headgate::test

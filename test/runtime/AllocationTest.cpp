// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A call like the last one touches no heap. Every operator new of this test
// program is counted, those of its other threads too.

#include "test/runtime/Handmade.h"

#include <atomic>
#include <cstdlib>
#include <new>

static std::atomic<int64_t> allocations = 0;

static void *counted(std::size_t bytes, std::size_t align) {
  ++allocations;
  std::size_t rounded = (std::max<std::size_t>(bytes, 1) + align - 1) / align;
  return std::aligned_alloc(align, rounded * align);
}

void *operator new(std::size_t bytes) { return counted(bytes, 16); }
void *operator new[](std::size_t bytes) { return counted(bytes, 16); }
void *operator new(std::size_t bytes, std::align_val_t align) {
  return counted(bytes, static_cast<std::size_t>(align));
}
void *operator new[](std::size_t bytes, std::align_val_t align) {
  return counted(bytes, static_cast<std::size_t>(align));
}
void operator delete(void *data) noexcept { std::free(data); }
void operator delete[](void *data) noexcept { std::free(data); }
void operator delete(void *data, std::size_t) noexcept { std::free(data); }
void operator delete[](void *data, std::size_t) noexcept { std::free(data); }
void operator delete(void *data, std::align_val_t) noexcept { std::free(data); }
void operator delete[](void *data, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete(void *data, std::size_t, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete[](void *data, std::size_t, std::align_val_t) noexcept {
  std::free(data);
}

namespace headgate::test {
namespace {

TEST(Allocation, CounterCounts) {
  int64_t before = allocations;
  ::operator delete(::operator new(3)); // a new-expression may be elided
  EXPECT_EQ(allocations, before + 1);
}

TEST(Allocation, RepeatedCallsUseNoHeap) {
  Invocation call = invocation("main");
  for (int64_t N : {7, 200}) { // scratch; workspace and two launches
    Array<float> x = numbers(9, N), y({9, N}), z({9, N});
    std::vector<TensorView> in = {x.view()}, first = {y.view()},
                            second = {z.view()};
    ASSERT_TRUE(call.run(in, first));
    ASSERT_TRUE(call.run(in, second));
    int64_t before = allocations;
    bool done = true;
    for (int round = 0; round < 10; ++round)
      done &= bool(call.run(in, round % 2 ? first : second));
    EXPECT_EQ(allocations, before) << "N = " << N;
    ASSERT_TRUE(done);
    EXPECT_EQ(y.data, expectedMain(x.view()));
  }
}

TEST(Allocation, ZeroTemporariesUseNoHeap) {
  Invocation call = invocation("count");
  Array<int32_t> index({6}), base({3}), y({3});
  std::vector<TensorView> in = {index.view(), base.view()}, out = {y.view()};
  ASSERT_TRUE(call.run(in, out));
  int64_t before = allocations;
  bool done = bool(call.run(in, out));
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(done);
}

} // namespace
} // namespace headgate::test

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls of the handmade entries: right results, legal odd cases, and every
// sentence a wrong call is answered with.

#include "test/runtime/Handmade.h"

#include <thread>

namespace headgate::test {
namespace {

/// The message of a call that must fail as the caller's mistake.
std::string refusal(Invocation &call, std::vector<TensorView> inputs,
                    std::vector<TensorView> outputs) {
  Status done = call.run(inputs, outputs);
  if (done)
    return "it ran";
  EXPECT_EQ(done.error().code(), ErrorCode::badInput);
  return done.error().message();
}

std::string runError(const Status &done) {
  return done ? "" : done.error().message();
}

TEST(Invocation, RunsBothVariantsExactly) {
  Invocation call = invocation("main");
  for (int64_t N : {1, 7, 64, 65, 200}) {
    Array<float> x = numbers(9, N), y({9, N}, -1);
    std::vector<TensorView> in = {x.view()}, out = {y.view()};
    ASSERT_EQ(runError(call.run(in, out)), "");
    EXPECT_EQ(y.data, expectedMain(x.view())) << "N = " << N;
  }
}

// The same results, and a time for each step.
TEST(Invocation, TimesItsSteps) {
  Invocation call = invocation("main");
  Array<float> x = numbers(9, 65), y({9, 65}, -1);
  std::vector<TensorView> in = {x.view()}, out = {y.view()};
  auto times = call.timeSteps(in, out);
  ASSERT_TRUE(times) << times.error().message();
  EXPECT_EQ(y.data, expectedMain(x.view()));
  EXPECT_EQ(times->size(), call.entry().steps.size());
  for (double ns : *times)
    EXPECT_GT(ns, 0);
  EXPECT_FALSE(call.timeSteps({}, out));
}

TEST(Invocation, TakesARowStride) {
  Invocation call = invocation("main");
  Array<float> wide = numbers(5, 40), y({5, 7});
  TensorView x = wide.view();
  x.shape[1] = 7;
  std::vector<TensorView> in = {x}, out = {y.view()};
  ASSERT_EQ(runError(call.run(in, out)), "");
  EXPECT_EQ(y.data, expectedMain(x));
  // The same extents with another stride are another call.
  Array<float> narrow = numbers(5, 7);
  in = {narrow.view()};
  ASSERT_EQ(runError(call.run(in, out)), "");
  EXPECT_EQ(y.data, expectedMain(narrow.view()));
}

TEST(Invocation, OneRowMayHaveAnyRowStride) {
  Invocation call = invocation("main");
  Array<float> x = numbers(1, 7), y({1, 7});
  TensorView odd = x.view();
  odd.strides[0] = 12345;
  std::vector<TensorView> in = {odd}, out = {y.view()};
  ASSERT_EQ(runError(call.run(in, out)), "");
  EXPECT_EQ(y.data, expectedMain(x.view()));
}

/// A slice of the first N columns of [B, S, width], as a fused projection
/// gives.
TensorView slice(Array<float> &fused, int64_t N) {
  TensorView view = fused.view();
  view.shape[2] = N;
  return view;
}

std::vector<float> elementsOf(const TensorView &view) {
  std::vector<float> values;
  for (int64_t b = 0; b < view.shape[0]; ++b)
    for (int64_t s = 0; s < view.shape[1]; ++s)
      for (int64_t n = 0; n < view.shape[2]; ++n)
        values.push_back(static_cast<const float *>(
            view.data)[b * view.strides[0] + s * view.strides[1] + n]);
  return values;
}

Array<float> fusedNumbers(int64_t B, int64_t S, int64_t width) {
  Array<float> array({B, S, width});
  for (size_t i = 0; i < array.data.size(); ++i)
    array.data[i] = static_cast<float>(i);
  return array;
}

// One symbol for the rows, an expression of it for the batch. With one row a
// batch only the expression shows the symbol's value.
TEST(Invocation, TakesASliceOfAFusedProjection) {
  Invocation call = invocation("take");
  for (auto [B, S] : {std::pair{3, 5}, {3, 1}, {1, 5}, {1, 1}}) {
    Array<float> fused = fusedNumbers(B, S, 10), y({B, S, 4}, -1);
    TensorView q = slice(fused, 4);
    std::vector<TensorView> in = {q}, out = {y.view()};
    ASSERT_EQ(runError(call.run(in, out)), "") << "B=" << B << " S=" << S;
    EXPECT_EQ(y.data, elementsOf(q)) << "B=" << B << " S=" << S;
  }
}

// A contiguous tensor stays one whatever its extent of 1 says of its stride.
TEST(Invocation, StridesOfOneRowMayBeOdd) {
  Invocation call = invocation("take");
  Array<float> fused = fusedNumbers(3, 1, 4), y({3, 1, 4}, -1);
  TensorView q = fused.view();
  q.strides[1] = 999;
  std::vector<TensorView> in = {q}, out = {y.view()};
  ASSERT_EQ(runError(call.run(in, out)), "");
  EXPECT_EQ(y.data, fused.data);
}

TEST(Invocation, EmptyTensorsAreLegal) {
  Invocation call = invocation("main");
  TensorView x =
      TensorView::contiguous(nullptr, DType::f32, std::vector<int64_t>{0, 7});
  TensorView y = x;
  x.strides[0] = x.strides[1] = 0; // as NumPy gives them
  std::vector<TensorView> in = {x}, out = {y};
  EXPECT_EQ(runError(call.run(in, out)), "");
}

// The arena is dirty from one call to the next; "zero" clears what must be.
TEST(Invocation, ClearsZeroTemporariesAtEachCall) {
  Invocation call = invocation("count");
  Array<int32_t> index({6}), base({3}, 10), y({3});
  index.data = {0, 2, 2, 1, 2, 9};
  std::vector<TensorView> in = {index.view(), base.view()}, out = {y.view()};
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(runError(call.run(in, out)), "");
    EXPECT_EQ(y.data, (std::vector<int32_t>{11, 11, 13}));
  }
}

TEST(Invocation, AppendsInPlaceOrElsewhere) {
  Invocation call = invocation("append");
  Array<float> row({4}, 9), elsewhere({3, 4}, -1);
  alignas(16) float cache[12];
  for (int i = 0; i < 12; ++i)
    cache[i] = float(i);
  std::vector<float> expected = {0, 1, 2, 3, 4, 5, 6, 7, 9, 9, 9, 9};
  TensorView view =
      TensorView::contiguous(cache, DType::f32, std::vector<int64_t>{3, 4});
  std::vector<TensorView> in = {view, row.view()}, out = {elsewhere.view()};
  ASSERT_EQ(runError(call.run(in, out)), "");
  EXPECT_EQ(elsewhere.data, expected);
  EXPECT_EQ(cache[8], 8);
  out = {view};
  ASSERT_EQ(runError(call.run(in, out)), "");
  EXPECT_EQ(std::vector<float>(cache, cache + 12), expected);
}

TEST(Invocation, BindsDimsInTheEntrysOrder) {
  Invocation call = invocation("count");
  Array<int32_t> index({6}), base({3});
  auto dims = call.bind(std::vector<TensorView>{index.view(), base.view()});
  ASSERT_TRUE(dims);
  EXPECT_EQ(*dims, (std::vector<int64_t>{6, 3}));
}

TEST(Invocation, AllocatesOutputs) {
  Invocation call = invocation("main");
  Array<float> x = numbers(5, 7);
  std::vector<TensorView> in = {x.view()};
  auto outputs = call.allocateOutputs(in);
  ASSERT_TRUE(outputs) << outputs.error().message();
  ASSERT_EQ(outputs->size(), 1u);
  TensorView y = (*outputs)[0].view;
  EXPECT_EQ(y.elements(), 35);
  EXPECT_EQ(y.strides[0], 7);
  EXPECT_EQ((*outputs)[0].buffer.bytes(), 35 * 4);
  std::vector<TensorView> out = {y};
  ASSERT_EQ(runError(call.run(in, out)), "");
  auto *data = static_cast<const float *>(y.data);
  EXPECT_EQ(std::vector<float>(data, data + 35), expectedMain(x.view()));
}

TEST(Invocation, ReservesForLargerCalls) {
  Invocation call = invocation("main");
  ASSERT_EQ(runError(call.reserve(std::vector<int64_t>{100, 200})), "");
  Array<float> x = numbers(9, 7), y({9, 7});
  std::vector<TensorView> in = {x.view()}, out = {y.view()};
  ASSERT_EQ(runError(call.run(in, out)), "");
  EXPECT_EQ(y.data, expectedMain(x.view()));
  EXPECT_NE(runError(call.reserve(std::vector<int64_t>{100})), "");
}

TEST(Invocation, EntryMustBeNamedAmongSeveral) {
  auto call = Invocation::create(handmadeSession());
  ASSERT_FALSE(call);
  EXPECT_NE(call.error().message().find("has 4 entries"), std::string::npos);
}

TEST(Invocation, TwoThreadsTwoInvocations) {
  auto session = handmadeSession("host:threads=3");
  std::atomic<int> wrong = 0;
  auto work = [&](int64_t S) {
    auto call = Invocation::create(session, "main");
    for (int64_t round = 0; round < 60; ++round) {
      Array<float> x = numbers(S, 50 + round % 30), y({S, 50 + round % 30});
      std::vector<TensorView> in = {x.view()}, out = {y.view()};
      wrong += !call->run(in, out) || y.data != expectedMain(x.view());
    }
  };
  std::thread other(work, 31);
  work(17);
  other.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Invocation, OutlivesWhatItWasMadeFrom) {
  Invocation call = [] {
    auto session = handmadeSession();
    return *Invocation::create(session, "main");
  }();
  Array<float> x = numbers(2, 3), y({2, 3});
  std::vector<TensorView> in = {x.view()}, out = {y.view()};
  EXPECT_EQ(runError(call.run(in, out)), "");
}

// A refused call leaves the invocation as it was.
TEST(Invocation, RunsAfterARefusal) {
  Invocation call = invocation("main");
  Array<float> x = numbers(9, 7), y({9, 7});
  EXPECT_NE(refusal(call, {}, {y.view()}), "it ran");
  std::vector<TensorView> in = {x.view()}, out = {y.view()};
  EXPECT_EQ(runError(call.run(in, out)), "");
  EXPECT_EQ(y.data, expectedMain(x.view()));
}

TEST(Refusal, Counts) {
  Invocation main = invocation("main"), append = invocation("append");
  Array<float> x = numbers(5, 7), y({5, 7});
  EXPECT_EQ(refusal(main, {}, {y.view()}),
            "entry 'main' has 1 input (x), but 0 were given");
  EXPECT_EQ(refusal(append, {x.view()}, {y.view()}),
            "entry 'append' has 2 inputs (cache, row), but 1 was given");
  EXPECT_EQ(refusal(main, {x.view()}, {y.view(), y.view()}),
            "entry 'main' has 1 output (y), but 2 were given");
}

TEST(Refusal, Rank) {
  Invocation call = invocation("main");
  Array<float> x({35}), y({5, 7});
  EXPECT_EQ(refusal(call, {x.view()}, {y.view()}),
            "input 'x' is [35], but entry 'main' takes [S,N]: its rank is 1, "
            "not 2");
  TensorView odd = y.view();
  odd.rank = 9;
  EXPECT_EQ(refusal(call, {odd}, {y.view()}),
            "input 'x' has rank 9; at most 8 is supported");
  odd.rank = -1;
  EXPECT_EQ(refusal(call, {odd}, {y.view()}),
            "input 'x' has rank -1; at most 8 is supported");
}

TEST(Refusal, ElementType) {
  Invocation call = invocation("main");
  Array<int32_t> x({5, 7});
  Array<float> y({5, 7});
  EXPECT_EQ(refusal(call, {x.view()}, {y.view()}),
            "input 'x' is i32, but entry 'main' takes f32");
  EXPECT_EQ(refusal(call, {y.view()}, {x.view()}),
            "output 'y' is i32, but entry 'main' gives f32");
}

TEST(Refusal, Device) {
  Invocation call = invocation("main");
  Array<float> x({5, 7}), y({5, 7});
  TensorView away = x.view();
  away.device = DeviceKind::cuda;
  EXPECT_EQ(refusal(call, {away}, {y.view()}),
            "input 'x' is in CUDA memory, but this session runs on the host");
}

TEST(Refusal, Extents) {
  Invocation append = invocation("append"), main = invocation("main");
  Array<float> cache({3, 4}), row({5}), grown({3, 4}), tall({4, 4});
  EXPECT_EQ(refusal(append, {cache.view(), row.view()}, {grown.view()}),
            "N is 4 from 'cache' but 5 from 'row'");
  Array<float> fits({4});
  EXPECT_EQ(refusal(append, {cache.view(), fits.view()}, {tall.view()}),
            "C is 3 from 'cache' but 4 from 'grown'");
  TensorView negative = cache.view();
  negative.shape[0] = -3;
  EXPECT_EQ(refusal(main, {negative}, {grown.view()}),
            "input 'x' is [-3,4], but entry 'main' takes [S,N]: dimension 0 is "
            "negative");
  TensorView huge = cache.view();
  huge.shape[0] = INT64_MAX;
  EXPECT_EQ(refusal(main, {huge}, {grown.view()}),
            "input 'x' is [9223372036854775807,4], but entry 'main' takes "
            "[S,N]: that is more than 2^47 bytes");
}

TEST(Refusal, FixedExtents) {
  BundleCopy copy;
  copy.editPlan("\"shape\": [\"K\"]", "\"shape\": [8, \"K\"]");
  copy.editPlan("\"shape\": [\"K\"]", "\"shape\": [\"2*K+1\"]");
  auto session = copy.session();
  ASSERT_TRUE(session) << session.error().message();
  auto call = Invocation::create(*session, "count");
  ASSERT_TRUE(call) << call.error().message();
  Array<int32_t> index({6}), good({8, 3}), bad({4, 3}), y({7}), short_({6});
  EXPECT_EQ(refusal(*call, {index.view(), bad.view()}, {y.view()}),
            "input 'base' is [4,3], but entry 'count' takes [8,K]: dimension 0 "
            "is 4, not 8");
  EXPECT_EQ(refusal(*call, {index.view(), good.view()}, {short_.view()}),
            "output 'y' is [6], but entry 'count' gives [2*K+1]: dimension 0 "
            "is 6, but 2*K+1 is 7");
}

TEST(Refusal, RangesAndRequirements) {
  Invocation call = invocation("main");
  Array<float> x({2, 5000}), y({2, 5000});
  EXPECT_EQ(refusal(call, {x.view()}, {y.view()}),
            "N is 5000 from 'x', but entry 'main' takes N from 1 to 4096");
  Array<float> big({1001, 1000}), out({1001, 1000});
  EXPECT_EQ(refusal(call, {big.view()}, {out.view()}),
            "entry 'main': this toy takes at most a million elements "
            "(S*N <= 1000000 does not hold with S=1001, N=1000)");
}

TEST(Refusal, Strides) {
  Invocation main = invocation("main"), append = invocation("append");
  Array<float> x({5, 7}), y({5, 14}), row({7}), grown({5, 7});
  TensorView slice = y.view();
  slice.shape[1] = 7;
  EXPECT_EQ(refusal(main, {x.view()}, {slice}),
            "output 'y' is not contiguous: strides [14,1], needed [7,1]; copy "
            "it into a contiguous tensor first or compile with symbolic "
            "strides");
  slice.strides[1] = 2;
  EXPECT_EQ(refusal(main, {slice}, {x.view()}),
            "input 'x' has stride 2 in dimension 1, but entry 'main' takes "
            "strides [x.s,1]: 1 there");
}

TEST(Refusal, StridesThatFollowFromOthers) {
  Invocation take = invocation("take");
  Array<float> fused = fusedNumbers(3, 5, 10), y({3, 5, 4});
  TensorView q = slice(fused, 4);
  q.shape[0] = 2;
  q.strides[0] = 60;
  TensorView out = y.view();
  out.shape[0] = 2;
  EXPECT_EQ(refusal(take, {q}, {out}),
            "input 'q' has stride 60 in dimension 0, but entry 'take' takes "
            "strides [S*q.s,q.s,1]: 50 there");
}

// The first row is aligned, but an odd stride would not keep the second so.
TEST(Refusal, StridesOffTheAlignment) {
  Invocation take = invocation("take");
  Array<float> fused = fusedNumbers(2, 5, 7), y({2, 5, 4});
  EXPECT_EQ(refusal(take, {slice(fused, 4)}, {y.view()}),
            "input 'q' has stride 35 in dimension 0, which is no multiple of 8 "
            "bytes");
}

TEST(Refusal, Memory) {
  Invocation main = invocation("main"), append = invocation("append");
  Array<float> x({5, 7}), y({5, 7}), row({7});
  TensorView null = x.view();
  null.data = nullptr;
  EXPECT_EQ(refusal(main, {null}, {y.view()}),
            "input 'x' [5,7] has no data (null pointer)");
  TensorView odd = x.view();
  odd.data = static_cast<char *>(odd.data) + 2;
  odd.shape[0] = 4;
  TensorView four = y.view();
  four.shape[0] = 4;
  std::string message = refusal(main, {odd}, {four});
  EXPECT_EQ(message.find("input 'x' is at address 0x"), 0u) << message;
  EXPECT_NE(message.find("which is no multiple of 4 bytes"), std::string::npos);
  // A kernel may ask for more than its elements need: append asks for 16.
  alignas(16) float cache[16];
  TensorView shifted =
      TensorView::contiguous(cache + 1, DType::f32, std::vector<int64_t>{2, 7});
  Array<float> grown({2, 7});
  message = refusal(append, {shifted, row.view()}, {grown.view()});
  EXPECT_NE(message.find("no multiple of 16 bytes"), std::string::npos)
      << message;
}

TEST(Refusal, Overlap) {
  Invocation main = invocation("main"), append = invocation("append");
  Array<float> x({6, 7});
  TensorView first = x.view(), second = x.view();
  first.shape[0] = second.shape[0] = 4;
  second.data = x.data.data() + 14;
  EXPECT_EQ(refusal(main, {first}, {first}),
            "output 'y' shares memory with input 'x': give it a buffer of its "
            "own");
  EXPECT_EQ(refusal(main, {first}, {second}),
            "output 'y' shares memory with input 'x': give it a buffer of its "
            "own");
  second.data = x.data.data() + 28; // Neighbours share nothing.
  first.shape[0] = second.shape[0] = 2;
  EXPECT_EQ(refusal(main, {first}, {second}), "it ran");

  alignas(16) float cache[24] = {};
  Array<float> row({4});
  TensorView from =
      TensorView::contiguous(cache, DType::f32, std::vector<int64_t>{3, 4});
  TensorView to = from;
  to.data = cache + 4;
  EXPECT_EQ(refusal(append, {from, row.view()}, {to}),
            "output 'grown' shares memory with input 'cache': it may, but only "
            "from the same address on and with the same strides");
  TensorView inside =
      TensorView::contiguous(cache + 8, DType::f32, std::vector<int64_t>{4});
  EXPECT_EQ(refusal(append, {from, inside}, {from}),
            "output 'grown' shares memory with input 'row': give it a buffer "
            "of its own");
}

TEST(Refusal, SizesOfTheDevice) {
  BundleCopy copy;
  copy.editPlan("\"bytes\": \"S*N*4\"", "\"bytes\": \"S*N*4*1073741824\"");
  auto session = copy.session();
  ASSERT_TRUE(session) << session.error().message();
  auto call = Invocation::create(*session, "main");
  Array<float> x({64, 64}), y({64, 64});
  std::vector<TensorView> in = {x.view()}, out = {y.view()};
  Status done = call->run(in, out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::outOfMemory);
  EXPECT_NE(
      done.error().message().find("needs 16.0 TiB of temporaries (t 16.0 TiB)"),
      std::string::npos)
      << done.error().message();
  // Beyond 2^47 bytes it is the plan that is wrong.
  Array<float> more({1000, 65}), z({1000, 65});
  in = {more.view()}, out = {z.view()};
  Status larger = call->run(in, out);
  ASSERT_FALSE(larger);
  EXPECT_NE(larger.error().message().find("temporary 't'"), std::string::npos);
}

TEST(Refusal, GridAndArgumentsThatDoNotFit) {
  BundleCopy copy;
  copy.editPlan("\"cdiv(S,4)\", \"1\"", "\"cdiv(S,4)\", \"S*N*100000\"");
  auto session = copy.session();
  ASSERT_TRUE(session) << session.error().message();
  auto call = Invocation::create(*session, "main");
  Array<float> x({1000, 70}), y({1000, 70});
  std::vector<TensorView> in = {x.view()}, out = {y.view()};
  std::string message = runError(call->run(in, out));
  EXPECT_NE(message.find("step 'double', variant 'double.0': launch "
                         "'hg_double': grid[1] \"S*N*100000\" with S=1000, "
                         "N=70, x.s=70 is 7000000000, not within 0 and "
                         "2147483647"),
            std::string::npos)
      << message;

  BundleCopy wide;
  wide.editPlan("\"N\": \"N\"", "\"N\": \"N*1000000000\"");
  session = wide.session();
  ASSERT_TRUE(session) << session.error().message();
  call = Invocation::create(*session, "main");
  message = runError(call->run(in, out));
  EXPECT_NE(message.find("N \"N*1000000000\" with S=1000, N=70, x.s=70 is "
                         "70000000000, not within -2147483648 and 2147483647"),
            std::string::npos)
      << message;
}

} // namespace
} // namespace headgate::test

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of other compilers: they load, run clean under every schedule, and
// agree with plain loops.

#include "lib/Float16.h"
#include "test/runtime/sim/SimTest.h"

#include <cmath>
#include <numeric>
#include <random>

namespace headgate::test {
namespace {

std::vector<float> normal(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw;
  std::vector<float> values(count);
  for (float &value : values)
    value = draw(random);
  return values;
}

class Kernels : public testing::TestWithParam<const char *> {};

TEST_P(Kernels, Reduce) {
  Sim sim(readPtx("textbook-nvcc.ptx"), GetParam());
  std::vector<float> x = normal(1000, 1);
  Buffer in = sim.upload(x), out = sim.upload(std::vector<float>(1, 0.0f));
  LaunchRecord record =
      sim.run("reduce", {3, 1, 1}, {128, 1, 1}, 0, in, out, int32_t(x.size()));
  EXPECT_TRUE(record.findings.empty()) << describe(record);
  double sum = std::accumulate(x.begin(), x.end(), 0.0);
  // 1000 terms of size 1, 2^-24 each.
  EXPECT_NEAR(sim.download<float>(out)[0], sum, 1000 * 0x1p-24 * 4);
}

TEST_P(Kernels, Transpose) {
  constexpr int n = 70, m = 50;
  Sim sim(readPtx("textbook-nvcc.ptx"), GetParam());
  std::vector<float> x = normal(n * m, 2);
  Buffer in = sim.upload(x), out = sim.allocate<float>(n * m);
  LaunchRecord record =
      sim.run("transpose", {2, 3, 1}, {32, 8, 1}, 0, in, out, n, m);
  EXPECT_TRUE(record.findings.empty()) << describe(record);
  std::vector<float> y = sim.download<float>(out);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < m; ++j)
      ASSERT_EQ(y[j * n + i], x[i * m + j]);
  // 33 columns: neither rows nor columns of the tile collide in a bank.
  EXPECT_EQ(record.counters.sharedWavefronts, record.counters.sharedIdeal);
}

TEST_P(Kernels, Matmul) {
  constexpr int M = 37, N = 45, K = 29;
  Sim sim(readPtx("textbook-nvcc.ptx"), GetParam());
  std::vector<float> a = normal(M * K, 3), b = normal(K * N, 4);
  Buffer inA = sim.upload(a), inB = sim.upload(b),
         out = sim.allocate<float>(M * N);
  LaunchRecord record =
      sim.run("sgemm", {3, 3, 1}, {16, 16, 1}, 0, inA, inB, out, M, N, K);
  EXPECT_TRUE(record.findings.empty()) << describe(record);
  std::vector<float> c = sim.download<float>(out);
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) {
      double sum = 0;
      for (int k = 0; k < K; ++k)
        sum += double(a[i * K + k]) * b[k * N + j];
      ASSERT_NEAR(c[i * N + j], sum, 1e-4);
    }
}

TEST_P(Kernels, Histogram) {
  Sim sim(readPtx("textbook-nvcc.ptx"), GetParam());
  std::vector<int32_t> x(5000), bins(64, 0);
  for (size_t i = 0; i < x.size(); ++i)
    ++bins[x[i] = static_cast<int32_t>(i * i % 61)];
  Buffer in = sim.upload(x), out = sim.upload(std::vector<int32_t>(64, 0));
  LaunchRecord record =
      sim.run("hist", {3, 1, 1}, {128, 1, 1}, 0, in, out, int32_t(x.size()));
  EXPECT_TRUE(record.findings.empty()) << describe(record);
  EXPECT_EQ(sim.download<int32_t>(out), bins);
}

// Three stages of cp.async, as Triton pipelines.
TEST_P(Kernels, TritonMatmul) {
  constexpr int M = 100, N = 72, K = 80;
  Sim sim(readPtx("matmul-triton.ptx"), GetParam());
  auto narrow = [](const std::vector<float> &values) {
    std::vector<uint16_t> result;
    for (float value : values)
      result.push_back(narrowToF16(value));
    return result;
  };
  std::vector<uint16_t> a = narrow(normal(M * K, 5)),
                        b = narrow(normal(K * N, 6));
  Buffer inA = sim.upload(a), inB = sim.upload(b),
         out = sim.allocate<uint16_t>(M * N);
  LaunchRecord record =
      sim.run("matmul", {2, 2, 1}, {128, 1, 1}, 3 * 8192, inA, inB, out, M, N,
              K, K, N, N, uint64_t(0), uint64_t(0));
  EXPECT_TRUE(record.findings.empty()) << describe(record);
  EXPECT_GT(record.counters.mmaMacs, 0u);
  std::vector<uint16_t> c = sim.download<uint16_t>(out);
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) {
      double sum = 0;
      for (int k = 0; k < K; ++k)
        sum += double(widenF16(a[i * K + k])) * widenF16(b[k * N + j]);
      // One rounding to f16 (2^-11), f32 sums of 80 terms before.
      ASSERT_NEAR(widenF16(c[i * N + j]), sum, std::abs(sum) * 0x1p-11 + 1e-4);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Schedules, Kernels,
    testing::Values("sm_80", "sm_90a,sched=rr,smem-base=min",
                    "sm_80,sched=random,async=random,seed=11",
                    "sm_80,async=early,lanes=v2"));

} // namespace
} // namespace headgate::test

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/runtime/sim/Kernels.h"

#include "lib/Float16.h"
#include "test/runtime/sim/Fa2.h"

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
std::vector<uint16_t> normalF16(size_t count, uint32_t seed) {
  std::vector<uint16_t> values;
  for (float value : normal(count, seed))
    values.push_back(narrowToF16(value));
  return values;
}
std::vector<uint32_t> words(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint32_t> values(count);
  for (uint32_t &value : values)
    value = random();
  return values;
}

template <typename T> std::vector<T> as(const std::vector<uint8_t> &bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// ---- attention

const Fa2 &fa2Problem() {
  static const Fa2 problem(1, 200, false);
  return problem;
}
Trial runFa2Trial(const std::string &ptx, const std::string &options) {
  Fa2Outcome outcome = runFa2(ptx, fa2Problem(), options);
  Trial trial;
  trial.record = std::move(outcome.record);
  trial.out.resize(outcome.out.size() * sizeof(float));
  std::memcpy(trial.out.data(), outcome.out.data(), trial.out.size());
  return trial;
}

const Fa2 &tritonProblem() {
  static const Fa2 problem(2, 90, true);
  return problem;
}
Trial runTritonAttention(const std::string &ptx, const std::string &options) {
  const Fa2 &problem = tritonProblem();
  Sim sim(ptx, options);
  Buffer q = sim.upload(problem.q), k = sim.upload(problem.k),
         v = sim.upload(problem.v);
  Buffer out = sim.allocate<float>(problem.q.size());
  Trial trial;
  trial.record =
      sim.run("attention", problem.grid(), {128, 1, 1}, 16384, q, k, v, out,
              problem.s, problem.scale(), uint64_t(0), uint64_t(0));
  trial.out = sim.download<uint8_t>(out);
  return trial;
}

// ---- Triton's matmul

constexpr int tritonM = 100, tritonN = 72, tritonK = 80;
const std::vector<uint16_t> &tritonA() {
  static const auto values = normalF16(tritonM * tritonK, 5);
  return values;
}
const std::vector<uint16_t> &tritonB() {
  static const auto values = normalF16(tritonK * tritonN, 6);
  return values;
}
Trial runTritonMatmul(const std::string &ptx, const std::string &options) {
  Sim sim(ptx, options);
  Buffer a = sim.upload(tritonA()), b = sim.upload(tritonB()),
         out = sim.allocate<uint16_t>(tritonM * tritonN);
  Trial trial;
  trial.record = sim.run("matmul", {2, 2, 1}, {128, 1, 1}, 3 * 8192, a, b, out,
                         tritonM, tritonN, tritonK, tritonK, tritonN, tritonN,
                         uint64_t(0), uint64_t(0));
  trial.out = sim.download<uint8_t>(out);
  return trial;
}
void expectTritonMatmul(const Trial &trial) {
  EXPECT_GT(trial.record.counters.mmaMacs, 0u);
  std::vector<uint16_t> c = as<uint16_t>(trial.out);
  for (int i = 0; i < tritonM; ++i)
    for (int j = 0; j < tritonN; ++j) {
      double sum = 0;
      for (int k = 0; k < tritonK; ++k)
        sum += double(widenF16(tritonA()[i * tritonK + k])) *
               widenF16(tritonB()[k * tritonN + j]);
      // One rounding to f16 (2^-11), f32 sums of 80 terms before.
      ASSERT_NEAR(widenF16(c[i * tritonN + j]), sum,
                  std::abs(sum) * 0x1p-11 + 1e-4);
    }
}

// ---- nvcc's textbook

const std::vector<float> &reduceIn() {
  static const auto values = normal(1000, 1);
  return values;
}
Trial runReduce(const std::string &ptx, const std::string &options) {
  // The blocks add to one float: in one order on one thread.
  Sim sim(ptx, options + ",threads=1");
  Buffer in = sim.upload(reduceIn()),
         out = sim.upload(std::vector<float>(1, 0.0f));
  Trial trial;
  trial.record = sim.run("reduce", {3, 1, 1}, {128, 1, 1}, 0, in, out,
                         int32_t(reduceIn().size()));
  trial.out = sim.download<uint8_t>(out);
  return trial;
}
void expectReduce(const Trial &trial) {
  double sum = std::accumulate(reduceIn().begin(), reduceIn().end(), 0.0);
  // 1000 terms of size 1, 2^-24 each.
  EXPECT_NEAR(as<float>(trial.out)[0], sum, 1000 * 0x1p-24 * 4);
}

constexpr int transposeN = 70, transposeM = 50;
const std::vector<float> &transposeIn() {
  static const auto values = normal(transposeN * transposeM, 2);
  return values;
}
Trial runTranspose(const std::string &ptx, const std::string &options) {
  Sim sim(ptx, options);
  Buffer in = sim.upload(transposeIn()),
         out = sim.allocate<float>(transposeIn().size());
  Trial trial;
  trial.record = sim.run("transpose", {2, 3, 1}, {32, 8, 1}, 0, in, out,
                         transposeN, transposeM);
  trial.out = sim.download<uint8_t>(out);
  return trial;
}
void expectTranspose(const Trial &trial) {
  std::vector<float> y = as<float>(trial.out);
  for (int i = 0; i < transposeN; ++i)
    for (int j = 0; j < transposeM; ++j)
      ASSERT_EQ(y[j * transposeN + i], transposeIn()[i * transposeM + j]);
  // 33 columns: neither rows nor columns of the tile collide in a bank.
  EXPECT_EQ(trial.record.counters.sharedWavefronts,
            trial.record.counters.sharedIdeal);
}

constexpr int sgemmM = 37, sgemmN = 45, sgemmK = 29;
const std::vector<float> &sgemmA() {
  static const auto values = normal(sgemmM * sgemmK, 3);
  return values;
}
const std::vector<float> &sgemmB() {
  static const auto values = normal(sgemmK * sgemmN, 4);
  return values;
}
Trial runSgemm(const std::string &ptx, const std::string &options) {
  Sim sim(ptx, options);
  Buffer a = sim.upload(sgemmA()), b = sim.upload(sgemmB()),
         out = sim.allocate<float>(sgemmM * sgemmN);
  Trial trial;
  trial.record = sim.run("sgemm", {3, 3, 1}, {16, 16, 1}, 0, a, b, out, sgemmM,
                         sgemmN, sgemmK);
  trial.out = sim.download<uint8_t>(out);
  return trial;
}
void expectSgemm(const Trial &trial) {
  std::vector<float> c = as<float>(trial.out);
  for (int i = 0; i < sgemmM; ++i)
    for (int j = 0; j < sgemmN; ++j) {
      double sum = 0;
      for (int k = 0; k < sgemmK; ++k)
        sum += double(sgemmA()[i * sgemmK + k]) * sgemmB()[k * sgemmN + j];
      ASSERT_NEAR(c[i * sgemmN + j], sum, 1e-4);
    }
}

std::vector<int32_t> histogramIn() {
  std::vector<int32_t> x(5000);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<int32_t>(i * i % 61);
  return x;
}
Trial runHistogram(const std::string &ptx, const std::string &options) {
  Sim sim(ptx, options);
  std::vector<int32_t> x = histogramIn();
  Buffer in = sim.upload(x), out = sim.upload(std::vector<int32_t>(64, 0));
  Trial trial;
  trial.record =
      sim.run("hist", {3, 1, 1}, {128, 1, 1}, 0, in, out, int32_t(x.size()));
  trial.out = sim.download<uint8_t>(out);
  return trial;
}
void expectHistogram(const Trial &trial) {
  std::vector<int32_t> bins(64, 0);
  for (int32_t x : histogramIn())
    ++bins[x];
  EXPECT_EQ(as<int32_t>(trial.out), bins);
}

// ---- clang's softmax

constexpr int softmaxRows = 3, softmaxColumns = 300;
const std::vector<uint16_t> &softmaxIn() {
  static const auto values = normalF16(softmaxRows * softmaxColumns, 7);
  return values;
}
Trial runSoftmax(const std::string &ptx, const std::string &options) {
  Sim sim(ptx, options);
  Buffer in = sim.upload(softmaxIn()),
         out = sim.allocate<uint16_t>(softmaxIn().size());
  Trial trial;
  trial.record = sim.run("softmax", {softmaxRows, 1, 1}, {128, 1, 1}, 0, in,
                         out, softmaxColumns / 2);
  trial.out = sim.download<uint8_t>(out);
  return trial;
}
void expectSoftmax(const Trial &trial) {
  std::vector<uint16_t> y = as<uint16_t>(trial.out);
  for (int row = 0; row < softmaxRows; ++row) {
    std::vector<double> p;
    for (int i = 0; i < softmaxColumns; ++i)
      p.push_back(
          std::exp(double(widenF16(softmaxIn()[row * softmaxColumns + i]))));
    double total = std::accumulate(p.begin(), p.end(), 0.0);
    for (int i = 0; i < softmaxColumns; ++i)
      // One rounding to f16, of numbers down to 2^-14; f32 before.
      ASSERT_NEAR(widenF16(y[row * softmaxColumns + i]), p[i] / total,
                  p[i] / total * (0x1p-11 + 0x1p-20) + 0x1p-25)
          << row << " " << i;
  }
}

// ---- by hand

constexpr uint32_t pipelineTiles = 11, tileWords = 256;
const std::vector<uint32_t> &pipelineIn() {
  static const auto values = words(pipelineTiles * tileWords, 8);
  return values;
}
Trial runPipeline(const std::string &ptx, const std::string &options) {
  Sim sim(ptx, options);
  Buffer in = sim.upload(pipelineIn()), out = sim.allocate<uint32_t>(tileWords);
  Trial trial;
  trial.record =
      sim.run("pipeline", {1, 1, 1}, {128, 1, 1}, 0, in, out, pipelineTiles);
  trial.out = sim.download<uint8_t>(out);
  return trial;
}
void expectPipeline(const Trial &trial) {
  std::vector<uint32_t> out = as<uint32_t>(trial.out);
  for (uint32_t i = 0; i < tileWords; ++i) {
    uint32_t sum = 0;
    for (uint32_t tile = 0; tile < pipelineTiles; ++tile)
      sum += pipelineIn()[tile * tileWords + i];
    ASSERT_EQ(out[i], sum) << i;
  }
}

constexpr uint32_t handshakeThreads = 160;
const std::vector<uint32_t> &handshakeIn() {
  static const auto values = words(handshakeThreads, 9);
  return values;
}
Trial runHandshake(const std::string &ptx, const std::string &options) {
  Sim sim(ptx, options);
  Buffer in = sim.upload(handshakeIn()), out = sim.allocate<uint32_t>(32);
  Trial trial;
  trial.record =
      sim.run("handshake", {1, 1, 1}, {handshakeThreads, 1, 1}, 0, in, out);
  trial.out = sim.download<uint8_t>(out);
  return trial;
}
void expectHandshake(const Trial &trial) {
  std::vector<uint32_t> sum(32, 0);
  for (uint32_t warp = 0; warp < handshakeThreads / 32; ++warp) {
    std::reverse(sum.begin(), sum.end());
    for (uint32_t i = 0; i < 32; ++i)
      sum[i] += handshakeIn()[32 * warp + i];
  }
  EXPECT_EQ(as<uint32_t>(trial.out), sum);
}

} // namespace

Fa2Outcome runFa2(const std::string &ptx, const Fa2 &problem,
                  const std::string &options) {
  Sim sim(ptx, options);
  Buffer q = sim.upload(problem.q), k = sim.upload(problem.k),
         v = sim.upload(problem.v);
  Buffer out = sim.allocate<float>(problem.q.size());
  Buffer lse = sim.allocate<float>(size_t(problem.heads) * problem.s);
  Fa2Outcome outcome;
  outcome.record = sim.run("fa2", problem.grid(), {Fa2::threads, 1, 1},
                           Fa2::sharedBytes, q, k, v, out, lse, problem.s,
                           problem.scale(), int32_t(problem.causal));
  outcome.out = sim.download<float>(out);
  outcome.lse = sim.download<float>(lse);
  return outcome;
}

/// P is rounded to bf16 before the second product: 2^-9 of each term, so of
/// the weighted mean of |v|, which is below max|v| (4.5 here); f32 sums and
/// exp2 add far less.
void expectAttention(const Fa2 &problem, const std::vector<float> &out) {
  for (int head = 0; head < problem.heads; ++head)
    for (int i = 0; i < problem.s; ++i) {
      double lse = 0;
      std::vector<double> row = problem.row(head, i, lse);
      size_t at = (size_t(head) * problem.s + i) * Fa2::d;
      for (int x = 0; x < Fa2::d; ++x)
        ASSERT_NEAR(out[at + x], row[x], 4.5 / 512)
            << head << " " << i << " " << x;
    }
}

const std::vector<WholeKernel> &wholeKernels() {
  static const std::vector<WholeKernel> all = {
      {"fa2", "fa2-sm80.ptx", runFa2Trial,
       [](const Trial &trial) {
         expectAttention(fa2Problem(), as<float>(trial.out));
       }},
      {"tritonAttention", "attention-triton.ptx", runTritonAttention,
       [](const Trial &trial) {
         expectAttention(tritonProblem(), as<float>(trial.out));
       }},
      {"tritonMatmul", "matmul-triton.ptx", runTritonMatmul,
       expectTritonMatmul},
      {"reduce", "textbook-nvcc.ptx", runReduce, expectReduce},
      {"transpose", "textbook-nvcc.ptx", runTranspose, expectTranspose},
      {"sgemm", "textbook-nvcc.ptx", runSgemm, expectSgemm},
      {"histogram", "textbook-nvcc.ptx", runHistogram, expectHistogram},
      {"softmax", "softmax-clang.ptx", runSoftmax, expectSoftmax},
      {"pipeline", "pipeline.ptx", runPipeline, expectPipeline},
      {"handshake", "handshake.ptx", runHandshake, expectHandshake},
  };
  return all;
}

const WholeKernel &kernelNamed(const std::string &name) {
  for (const WholeKernel &kernel : wholeKernels())
    if (name == kernel.name)
      return kernel;
  ADD_FAILURE() << name;
  return wholeKernels().front();
}

} // namespace headgate::test

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What tests of the simulator share: a device, PTX from text or from ptx/, and
// launches whose findings are looked at.

#ifndef HEADGATE_TEST_RUNTIME_SIM_SIMTEST_H
#define HEADGATE_TEST_RUNTIME_SIM_SIMTEST_H

#include "runtime/sim/SimDevice.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace headgate::test {

using runtime::sim::Finding;
using runtime::sim::FindingKind;
using runtime::sim::LaunchRecord;
using runtime::sim::SimDevice;
using runtime::sim::SimLaunch;

/// The text of test/runtime/sim/ptx/`name`.
inline std::string readPtx(const std::string &name) {
  std::ifstream file(std::string(HEADGATE_SIM_PTX) + "/" + name);
  EXPECT_TRUE(file) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A device with one module on it.
class Sim {
public:
  explicit Sim(const std::string &text, const std::string &options = "sm_80") {
    auto opened = runtime::sim::openSimDevice(options);
    EXPECT_TRUE(opened) << opened.error().message();
    device = *std::move(opened);
    auto loaded = device->load({"test", "ptx", "test.ptx", text});
    EXPECT_TRUE(loaded) << loaded.error().message();
    if (loaded)
      image = *std::move(loaded);
  }

  template <typename T> Buffer upload(const std::vector<T> &values) {
    Buffer buffer = allocate<T>(values.size());
    EXPECT_TRUE(device->copy(buffer.data(), values.data(), buffer.bytes(),
                             CopyKind::hostToDevice, {}));
    return buffer;
  }
  template <typename T> Buffer allocate(size_t count) {
    auto buffer = device->allocate(static_cast<int64_t>(count * sizeof(T)));
    EXPECT_TRUE(buffer) << buffer.error().message();
    return *std::move(buffer);
  }
  template <typename T> std::vector<T> download(const Buffer &buffer) {
    std::vector<T> values(static_cast<size_t>(buffer.bytes()) / sizeof(T));
    EXPECT_TRUE(device->copy(values.data(), buffer.data(), buffer.bytes(),
                             CopyKind::deviceToHost, {}));
    return values;
  }

  /// Runs `kernel`; each argument is a value as the kernel takes it, a Buffer
  /// stands for its address.
  template <typename... A>
  LaunchRecord run(const std::string &kernel, std::array<uint32_t, 3> grid,
                   std::array<uint32_t, 3> block, uint32_t shared,
                   const A &...values) {
    if (!image)
      return {};
    auto function = image->function(kernel);
    EXPECT_TRUE(function) << function.error().message();
    std::vector<uint64_t> storage = {bits(values)...};
    std::vector<void *> pointers;
    for (uint64_t &value : storage)
      pointers.push_back(&value);
    SimLaunch launch;
    launch.function = *function;
    launch.grid = grid;
    launch.block = block;
    launch.sharedBytes = shared;
    launch.arguments = pointers.data();
    auto done = device->record(launch);
    EXPECT_TRUE(done) << done.error().message();
    return done ? *std::move(done) : LaunchRecord();
  }

  std::shared_ptr<SimDevice> device;
  std::unique_ptr<Image> image;

private:
  static uint64_t bits(const Buffer &buffer) {
    return reinterpret_cast<uint64_t>(buffer.data());
  }
  template <typename T> static uint64_t bits(const T &value) {
    uint64_t all = 0;
    std::memcpy(&all, &value, sizeof(T));
    return all;
  }
};

/// The findings as text, for messages.
inline std::string describe(const LaunchRecord &record) {
  return record.findings.empty()
             ? "no findings"
             : runtime::sim::formatText(record.findings, {}, "sim");
}

/// Whether one of the findings is of this kind.
inline bool finds(const LaunchRecord &record, FindingKind kind) {
  for (const Finding &finding : record.findings)
    if (finding.kind == kind)
      return true;
  return false;
}

/// How much of a long test is run: a number from the environment.
inline uint64_t numberFrom(const char *variable, uint64_t otherwise) {
  const char *text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// A module for sm_80 around kernels.
inline std::string module80(const std::string &body) {
  return ".version 7.0\n.target sm_80\n.address_size 64\n" + body;
}

} // namespace headgate::test

#endif // HEADGATE_TEST_RUNTIME_SIM_SIMTEST_H

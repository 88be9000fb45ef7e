// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every device must do, one list for all of them. A device under test
// gives its uri; the kernels are those of handmade/kernels.c on the host, and
// of handmade/kernels.ptx on what takes PTX. "cuda" is the GPU of this machine:
// without one its part is skipped, while the fake driver, whose kernels run on
// the simulator, always has its part.

#include "test/runtime/Handmade.h"

#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>

namespace headgate::test {
namespace {

struct DeviceUnderTest {
  DeviceUnderTest(const char *uri) : uri(uri) {}
  DeviceUnderTest(const char *uri, const char *cudaDriver)
      : uri(uri), options{cudaDriver} {}
  const char *uri;
  DeviceOptions options;
};

/// The kit for GPU machines picks the tests of a device by this.
void PrintTo(const DeviceUnderTest &device, std::ostream *out) {
  bool isFake = device.options.cudaDriver == HEADGATE_FAKE_CUDA;
  *out << (isFake ? "the fake \"" : "\"") << device.uri << "\"";
}

class DeviceConformance : public testing::TestWithParam<DeviceUnderTest> {
protected:
  void SetUp() override {
    auto opened = openDevice(GetParam().uri, GetParam().options);
    if (!opened && opened.error().code() == ErrorCode::unavailable)
      GTEST_SKIP() << opened.error().message();
    ASSERT_TRUE(opened) << opened.error().message();
    device = *std::move(opened);
  }

  bool takesPtx() const { return device->info().target != "host"; }
  std::string kind() const { return takesPtx() ? "ptx" : "so"; }

  std::unique_ptr<Image> kernels() {
    std::string path = takesPtx() ? HEADGATE_HANDMADE_PTX : handmadeKernels();
    auto image = device->load(
        {"handmade", kind(), path, takesPtx() ? readFile(path) : ""});
    EXPECT_TRUE(image) << image.error().message();
    return image ? *std::move(image) : nullptr;
  }

  /// A buffer with the contents of `values`.
  template <typename T> Buffer upload(const std::vector<T> &values) {
    int64_t bytes = static_cast<int64_t>(values.size() * sizeof(T));
    auto buffer = device->allocate(bytes);
    EXPECT_TRUE(buffer) << buffer.error().message();
    Status copied = device->copy(buffer->data(), values.data(), bytes,
                                 CopyKind::hostToDevice, {});
    EXPECT_TRUE(copied);
    return *std::move(buffer);
  }

  template <typename T> std::vector<T> download(const Buffer &buffer) {
    std::vector<T> values(static_cast<size_t>(buffer.bytes()) / sizeof(T));
    Status copied = device->copy(values.data(), buffer.data(), buffer.bytes(),
                                 CopyKind::deviceToHost, {});
    EXPECT_TRUE(copied);
    return values;
  }

  /// Launches `symbol`; each argument is given by the address of its value.
  Status launch(Image &image, const std::string &symbol,
                std::array<uint32_t, 3> grid, std::vector<void *> arguments,
                int64_t scratchBytes = 0) {
    auto function = image.function(symbol);
    if (!function)
      return std::move(function).error();
    Launch launch;
    launch.function = *function;
    launch.grid = grid;
    launch.scratchBytes = scratchBytes;
    launch.arguments = arguments.data();
    if (Status done = device->launch(launch, {}); !done)
      return done;
    return device->synchronize({});
  }

  std::shared_ptr<Device> device;
};

TEST_P(DeviceConformance, DescribesItself) {
  const DeviceInfo &info = device->info();
  EXPECT_EQ(info.uri, GetParam().uri);
  EXPECT_FALSE(info.name.empty());
  EXPECT_FALSE(info.target.empty());
  EXPECT_GT(info.memoryBytes, 0);
  EXPECT_GE(info.units, 1);
}

TEST_P(DeviceConformance, AllocatesNothingAsNull) {
  auto buffer = device->allocate(0);
  ASSERT_TRUE(buffer);
  EXPECT_EQ(buffer->data(), nullptr);
  EXPECT_EQ(buffer->bytes(), 0);
}

TEST_P(DeviceConformance, AllocatesAligned) {
  for (int64_t bytes : {1, 3, 255, 257, 100000}) {
    auto buffer = device->allocate(bytes);
    ASSERT_TRUE(buffer);
    EXPECT_EQ(buffer->bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 256, 0u);
  }
}

TEST_P(DeviceConformance, RefusesSizesThatCannotBe) {
  for (int64_t bytes : {int64_t(1) << 46, INT64_MAX}) {
    auto buffer = device->allocate(bytes);
    ASSERT_FALSE(buffer);
    EXPECT_EQ(buffer.error().code(), ErrorCode::outOfMemory);
  }
  auto negative = device->allocate(-1);
  ASSERT_FALSE(negative);
  EXPECT_EQ(negative.error().code(), ErrorCode::badInput);
}

TEST_P(DeviceConformance, BufferKeepsItsDevice) {
  auto buffer = device->allocate(5);
  ASSERT_TRUE(buffer);
  device.reset();
  Buffer moved = *std::move(buffer);
  EXPECT_NE(moved.data(), nullptr);
  EXPECT_EQ(buffer->data(), nullptr);
}

TEST_P(DeviceConformance, CopiesBothWaysAndWithin) {
  std::vector<int32_t> values(1003);
  std::iota(values.begin(), values.end(), -500);
  Buffer first = upload(values), second = upload(std::vector<int32_t>(1003));
  ASSERT_TRUE(device->copy(second.data(), first.data(), first.bytes(),
                           CopyKind::deviceToDevice, {}));
  EXPECT_EQ(download<int32_t>(second), values);
  EXPECT_TRUE(device->copy(nullptr, nullptr, 0, CopyKind::deviceToHost, {}));
  EXPECT_FALSE(device->copy(second.data(), first.data(), -4,
                            CopyKind::deviceToDevice, {}));
}

TEST_P(DeviceConformance, FillsExactlyTheBytesAsked) {
  Buffer buffer = upload(std::vector<uint8_t>(9, 7));
  ASSERT_TRUE(
      device->fill(static_cast<char *>(buffer.data()) + 2, 0xAB, 5, Stream()));
  EXPECT_EQ(download<uint8_t>(buffer),
            (std::vector<uint8_t>{7, 7, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 7, 7}));
  EXPECT_TRUE(device->fill(nullptr, 0, 0, Stream()));
  EXPECT_FALSE(device->fill(buffer.data(), 0, -1, Stream()));
}

TEST_P(DeviceConformance, RefusesGarbageImages) {
  TemporaryDirectory directory;
  auto path = directory.path() / "garbage.so";
  writeFile(path, "this is no code");
  auto image = device->load({"junk", kind(), path.string(), "this is no code"});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code(), ErrorCode::corrupt);
  EXPECT_NE(image.error().message().find("junk"), std::string::npos);
  EXPECT_NE(image.error().message().find(path.string()), std::string::npos);
  auto absent = device->load({"absent", kind(), path.string() + ".not", ""});
  EXPECT_FALSE(absent);
}

TEST_P(DeviceConformance, RefusesUnknownKindsOfImage) {
  auto image = device->load({"odd", "wasm", "odd.wasm", ""});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code(), ErrorCode::unsupported);
  EXPECT_NE(image.error().message().find("'wasm'"), std::string::npos);
}

TEST_P(DeviceConformance, NamesAMissingKernel) {
  auto image = kernels();
  auto function = image->function("hg_absent");
  ASSERT_FALSE(function);
  EXPECT_EQ(function.error().code(), ErrorCode::notFound);
  EXPECT_NE(function.error().message().find("'hg_absent'"), std::string::npos);
}

TEST_P(DeviceConformance, FindsTheSameKernelTwice) {
  auto image = kernels();
  auto first = image->function("hg_probe"),
       second = image->function("hg_probe");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
}

TEST_P(DeviceConformance, ImageOutlivesTheHandleOfItsDevice) {
  auto image = kernels();
  device.reset();
  EXPECT_TRUE(image->function("hg_probe"));
}

// Order and width: a wrong width reads the neighbour's bytes.
TEST_P(DeviceConformance, PassesEachKindOfArgument) {
  auto image = kernels();
  Buffer out = upload(std::vector<int64_t>(4, -1));
  int32_t narrow = -2;
  float real = 1.5f;
  void *pointer = out.data();
  int64_t wide = int64_t(3) << 40 | 5;
  ASSERT_TRUE(
      launch(*image, "hg_probe", {1, 1, 1}, {&narrow, &real, &pointer, &wide}));
  auto values = download<int64_t>(out);
  EXPECT_EQ(values[0], -2);
  EXPECT_EQ(values[1], 0x3FC00000);
  EXPECT_EQ(values[2], wide);
  EXPECT_EQ(values[3], 0) << "no scratch was asked for";
}

TEST_P(DeviceConformance, RunsEveryBlockOnce) {
  auto image = kernels();
  Buffer out = upload(std::vector<int64_t>(4 * 2 * 3 * 5, -1));
  int32_t narrow = 7;
  float real = 0;
  void *pointer = out.data();
  int64_t wide = 9;
  ASSERT_TRUE(
      launch(*image, "hg_probe", {2, 3, 5}, {&narrow, &real, &pointer, &wide}));
  auto values = download<int64_t>(out);
  for (size_t block = 0; block < 30; ++block) {
    EXPECT_EQ(values[4 * block], 7) << "block " << block;
    EXPECT_EQ(values[4 * block + 2], 9) << "block " << block;
  }
}

TEST_P(DeviceConformance, SkipsAnEmptyGrid) {
  auto image = kernels();
  Buffer out = upload(std::vector<int64_t>(4, -1));
  int32_t narrow = 7;
  float real = 0;
  void *pointer = out.data();
  int64_t wide = 9;
  using Grid = std::array<uint32_t, 3>;
  for (Grid grid : {Grid{0, 1, 1}, Grid{1, 0, 1}, Grid{1, 1, 0}})
    ASSERT_TRUE(
        launch(*image, "hg_probe", grid, {&narrow, &real, &pointer, &wide}));
  EXPECT_EQ(download<int64_t>(out), std::vector<int64_t>(4, -1));
}

TEST_P(DeviceConformance, RefusesBadLaunches) {
  auto image = kernels();
  EXPECT_FALSE(device->launch({}, {})) << "no kernel";
  EXPECT_FALSE(launch(*image, "hg_probe", {1, 1, 1}, {}, -1));
  EXPECT_FALSE(launch(*image, "hg_probe", {~0u, ~0u, ~0u}, {}));
}

TEST_P(DeviceConformance, TimerIsMonotone) {
  auto timer = device->timer();
  ASSERT_TRUE(timer);
  EXPECT_FALSE((*timer)->elapsedNs()) << "never started";
  EXPECT_FALSE((*timer)->stop({})) << "never started";
  ASSERT_TRUE((*timer)->start({}));
  EXPECT_FALSE((*timer)->elapsedNs()) << "not stopped";
  ASSERT_TRUE((*timer)->stop({}));
  auto brief = (*timer)->elapsedNs();
  ASSERT_TRUE(brief);
  EXPECT_GE(*brief, 0);
  ASSERT_TRUE((*timer)->start({}));
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  ASSERT_TRUE((*timer)->stop({}));
  auto longer = (*timer)->elapsedNs();
  ASSERT_TRUE(longer);
  EXPECT_GE(*longer, 3e6);
}

TEST_P(DeviceConformance, TwoThreadsLaunchAtOnce) {
  auto image = kernels();
  std::atomic<int> wrong = 0;
  auto work = [&](int32_t id) {
    for (int round = 0; round < 50; ++round) {
      auto out = device->allocate(64 * 4 * 8);
      if (!out) {
        ++wrong;
        return;
      }
      float real = 0;
      void *pointer = out->data();
      int64_t wide = id * 1000 + round;
      std::vector<void *> arguments = {&id, &real, &pointer, &wide};
      Launch launch;
      launch.function = *image->function("hg_probe");
      launch.grid = {8, 4, 2};
      launch.arguments = arguments.data();
      std::vector<int64_t> values(64 * 4);
      if (!device->launch(launch, {}) || !device->synchronize({}) ||
          !device->copy(values.data(), out->data(), out->bytes(),
                        CopyKind::deviceToHost, {}))
        ++wrong;
      for (size_t block = 0; block < 64; ++block)
        wrong += values[4 * block] != id || values[4 * block + 2] != wide;
    }
  };
  std::thread other(work, 2);
  work(1);
  other.join();
  EXPECT_EQ(wrong, 0);
}

// Scratch belongs to one running block alone, also beside another launch.
TEST_P(DeviceConformance, ScratchIsPrivateAndAligned) {
  if (takesPtx())
    GTEST_SKIP() << "a GPU has local memory instead";
  auto image = kernels();
  std::atomic<int> wrong = 0;
  auto work = [&](int32_t words) {
    std::vector<int64_t> values(300, -1);
    void *pointer = values.data();
    for (int round = 0; round < 20; ++round) {
      if (!launch(*image, "hg_scratch", {300, 1, 1}, {&pointer, &words},
                  int64_t(words) * 4))
        ++wrong;
      for (int64_t disturbed : values)
        wrong += disturbed != 0;
    }
  };
  std::thread other(work, 4001);
  work(1003);
  other.join();
  EXPECT_EQ(wrong, 0);

  Buffer out = upload(std::vector<int64_t>(4 * 64));
  int32_t narrow = 0;
  float real = 0;
  void *pointer = out.data();
  int64_t wide = 0;
  ASSERT_TRUE(launch(*image, "hg_probe", {64, 1, 1},
                     {&narrow, &real, &pointer, &wide}, 3));
  auto values = download<int64_t>(out);
  for (size_t block = 0; block < 64; ++block) {
    EXPECT_NE(values[4 * block + 3], 0);
    EXPECT_EQ(values[4 * block + 3] % 64, 0);
  }
  Status huge = launch(*image, "hg_probe", {64, 1, 1},
                       {&narrow, &real, &pointer, &wide}, INT64_MAX);
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code(), ErrorCode::outOfMemory);
}

INSTANTIATE_TEST_SUITE_P(Host, DeviceConformance,
                         testing::Values("host", "host:threads=1",
                                         "host:threads=7"));
INSTANTIATE_TEST_SUITE_P(Simulator, DeviceConformance,
                         testing::Values("sim:sm_80", "sim:sm_90a",
                                         "sim:sm_80,threads=3,sched=random"));
INSTANTIATE_TEST_SUITE_P(FakeCuda, DeviceConformance,
                         testing::Values(DeviceUnderTest("cuda",
                                                         HEADGATE_FAKE_CUDA)));
INSTANTIATE_TEST_SUITE_P(Cuda, DeviceConformance,
                         testing::Values("cuda", "cuda:0,image=ptx"));

} // namespace
} // namespace headgate::test

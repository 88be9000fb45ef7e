// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a machine may lack before there is a CUDA device, and what a device says
// of itself.

#include "test/runtime/cuda/CudaTest.h"

namespace headgate::test {
namespace {

class CudaDriver : public CudaTest {
protected:
  /// The message of a device that is not on this machine.
  static std::string unavailable(const std::string &uri,
                                 const DeviceOptions &options = fakeOptions) {
    auto device = openDevice(uri, options);
    EXPECT_FALSE(device);
    if (device)
      return "";
    EXPECT_EQ(device.error().code(), ErrorCode::unavailable);
    return device.error().message();
  }
};

TEST_F(CudaDriver, AbsentIsOneSentence) {
  const DeviceOptions absent = {"libcuda-that-is-not-there.so"};
  std::string message = unavailable("cuda", absent);
  EXPECT_EQ(message.find("device 'cuda': no CUDA driver: "), 0u) << message;
  EXPECT_NE(message.find(absent.cudaDriver), message.npos) << message;
  DeviceList list = listDevices(absent);
  EXPECT_EQ(list.uris,
            (std::vector<std::string>{"host", "sim:sm_80", "sim:sm_90a"}));
  EXPECT_EQ(list.whyNoGpu.find("no CUDA driver: "), 0u) << list.whyNoGpu;
}

TEST_F(CudaDriver, AnotherLibraryIsNone) {
  std::string message = unavailable("cuda:1", {handmadeKernels()});
  EXPECT_NE(message.find("the library is no CUDA driver"), message.npos)
      << message;
}

TEST_F(CudaDriver, OldOneIsToldWhatItLacks) {
  std::string message = unavailable("cuda", {HEADGATE_OLD_CUDA});
  EXPECT_NE(message.find("too old: it is for CUDA 12.4 and lacks "
                         "cuLaunchKernelEx, cuTensorMapEncodeTiled, and 12.0"),
            message.npos)
      << message;
}

TEST_F(CudaDriver, OldVersionIsTold) {
  fake.reset("version=11080");
  std::string message = unavailable("cuda");
  EXPECT_NE(message.find("it is for CUDA 11.8, and 12.0 or newer is needed"),
            message.npos)
      << message;
}

TEST_F(CudaDriver, NoGpu) {
  fake.reset("devices=0");
  EXPECT_EQ(unavailable("cuda"),
            "device 'cuda': the CUDA driver did not start: cuInit: no "
            "CUDA-capable device is detected (CUDA_ERROR_NO_DEVICE, 100)");
  EXPECT_EQ(listDevices(fakeOptions).uris.size(), 3u);
}

TEST_F(CudaDriver, NoSuchGpu) {
  EXPECT_EQ(unavailable("cuda:1"),
            "device 'cuda:1': the CUDA driver has no such GPU, only cuda:0");
  fake.reset("devices=3");
  std::string message = unavailable("cuda:3");
  EXPECT_NE(message.find("only cuda:0 to cuda:2"), message.npos) << message;
}

TEST_F(CudaDriver, ListsGpus) {
  fake.reset("devices=2");
  DeviceList list = listDevices(fakeOptions);
  EXPECT_EQ(list.whyNoGpu, "");
  ASSERT_EQ(list.uris.size(), 5u);
  EXPECT_EQ(list.uris[3], "cuda:0");
  EXPECT_EQ(list.uris[4], "cuda:1");
  for (const std::string &uri : list.uris)
    EXPECT_TRUE(openDevice(uri, fakeOptions)) << uri;
}

TEST_F(CudaDriver, RefusesOtherUris) {
  for (const char *uri : {"cuda:", "cuda:x", "cuda:0,", "cuda:-1", "cuda:0x1",
                          "cuda:0,image=cubin", "cuda:0,1", "cuda:image=ptx,0",
                          "cuda:99999999999"}) {
    auto device = open(uri);
    ASSERT_FALSE(device) << uri;
    EXPECT_EQ(device.error().code(), ErrorCode::badInput) << uri;
    EXPECT_NE(device.error().message().find(uri), std::string::npos) << uri;
  }
}

TEST_F(CudaDriver, DescribesTheGpu) {
  struct {
    const char *settings, *target;
    int64_t sharedBytes;
  } cases[] = {{"capability=80", "sm_80", 166912},
               {"capability=86", "sm_86", 101376},
               {"capability=90", "sm_90a", 232448}};
  for (const auto &c : cases) {
    fake.reset(c.settings + std::string(" devices=2 memory=123456789"));
    auto device = open("cuda:1");
    ASSERT_TRUE(device) << device.error().message();
    const DeviceInfo &info = (*device)->info();
    EXPECT_EQ(info.uri, "cuda:1");
    EXPECT_EQ(info.index, 1);
    EXPECT_EQ(info.name, "fake GPU 1");
    EXPECT_EQ(info.target, c.target);
    EXPECT_EQ(info.memoryBytes, 123456789);
    EXPECT_EQ(info.sharedBytesPerBlock, c.sharedBytes);
    EXPECT_EQ(info.l2Bytes, 40 << 20);
    EXPECT_EQ(info.units, 108);
  }
}

// Which code runs where, and in which form.
TEST_F(CudaDriver, TakesCubinsOfItsCapabilityOnly) {
  using Kinds = std::vector<std::string>;
  const Kinds none, ptx = {"ptx"}, both = {"cubin", "ptx"};
  struct {
    int capability;
    const char *target;
    Kinds kinds;
  } cases[] = {{80, "sm_80", both},  {80, "sm_86", none},
               {86, "sm_80", both},  {86, "sm_86", both},
               {90, "sm_80", ptx},   {90, "sm_90", both},
               {90, "sm_90a", both}, {100, "sm_90a", none},
               {100, "sm_90", ptx},  {75, "sm_80", none},
               {80, "host", none},   {90, "host:x86-64-v3", none}};
  for (const auto &c : cases) {
    fake.reset("capability=" + std::to_string(c.capability));
    auto device = open(), onlyPtx = open("cuda:0,image=ptx");
    ASSERT_TRUE(device && onlyPtx);
    EXPECT_EQ((*device)->imageKinds(c.target), c.kinds)
        << c.target << " on " << c.capability;
    EXPECT_EQ((*onlyPtx)->imageKinds(c.target), c.kinds.empty() ? none : ptx);
  }
}

} // namespace
} // namespace headgate::test

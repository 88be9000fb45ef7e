// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every call that the CUDA device makes of the driver, failing once: the error
// names the call and what the driver says of it, and nothing stays behind.

#include "test/runtime/cuda/CudaTest.h"

#include <set>

namespace headgate::test {
namespace {

class CudaFailures : public CudaTest {
protected:
  /// All that a device can do, in one go; the first thing that went wrong.
  Status useDevice() const {
    auto device = open();
    if (!device)
      return std::move(device).error();
    if (Status called = callOnce(*device); !called)
      return called;
    // What was freed meanwhile is heard of now.
    return (*device)->synchronize({});
  }

  Status callOnce(const std::shared_ptr<Device> &device) const {
    auto session = bundle.session(device);
    if (!session)
      return std::move(session).error();
    auto probe = Invocation::create(*session);
    auto timer = device->timer();
    if (!timer)
      return std::move(timer).error();
    if (Status started = (*timer)->start({}); !started)
      return started;
    auto rows = callProbe(*device, *probe, 3);
    if (!rows)
      return std::move(rows).error();
    EXPECT_EQ(*rows, ProbeBundle::expected(3));
    if (Status stopped = (*timer)->stop({}); !stopped)
      return stopped;
    auto elapsed = (*timer)->elapsedNs();
    if (!elapsed)
      return std::move(elapsed).error();
    return copyAround(*device);
  }

  static Status copyAround(Device &device) {
    const std::string text = "to and fro";
    auto bytes = int64_t(text.size());
    auto first = device.allocate(bytes), second = device.allocate(bytes);
    if (!first || !second)
      return std::move(first ? second : first).error();
    std::string back(text.size(), ' ');
    Status done = device.copy(first->data(), text.data(), bytes,
                              CopyKind::hostToDevice, {});
    if (done)
      done = device.copy(second->data(), first->data(), bytes,
                         CopyKind::deviceToDevice, {});
    if (done)
      done = device.copy(back.data(), second->data(), bytes,
                         CopyKind::deviceToHost, {});
    EXPECT_TRUE(!done || back == text) << back;
    return done;
  }

  /// The calls of a run without failures.
  std::vector<std::string> trace() {
    fake.reset("");
    Status done = useDevice();
    EXPECT_TRUE(done) << done.error().message();
    EXPECT_EQ(fake.misuses(), std::vector<std::string>());
    return fake.calls();
  }

  const ProbeBundle bundle;
};

bool givesBack(const std::string &call) {
  return call == "cuMemFree" || call == "cuModuleUnload" ||
         call == "cuEventDestroy" || call == "cuDevicePrimaryCtxRelease";
}

// A list that is too short would prove nothing.
TEST_F(CudaFailures, TheRunMakesEveryCallOfTheDevice) {
  auto calls = trace();
  std::set<std::string> made(calls.begin(), calls.end());
  // Asked for only in errors; and what is for graphs, tensor maps and streams.
  const std::set<std::string> others = {
      "cuGetErrorName",     "cuGetErrorString",      "cuStreamCreate",
      "cuStreamDestroy",    "cuStreamBeginCapture",  "cuStreamEndCapture",
      "cuGraphInstantiate", "cuGraphLaunch",         "cuGraphDestroy",
      "cuGraphExecDestroy", "cuTensorMapEncodeTiled"};
#define HEADGATE_NAME(name, symbol, parameters, arguments)                     \
  EXPECT_NE(made.count(#name), others.count(#name)) << #name;
  HEADGATE_CUDA_API(HEADGATE_NAME)
#undef HEADGATE_NAME
}

TEST_F(CudaFailures, EachCallOnce) {
  auto calls = trace();
  ASSERT_GT(calls.size(), 100u);
  const std::pair<int, const char *> codes[] = {{1, "CUDA_ERROR_INVALID_VALUE"},
                                                {2, "CUDA_ERROR_OUT_OF_MEMORY"},
                                                {999, "CUDA_ERROR_UNKNOWN"}};
  for (size_t i = 0; i < calls.size(); ++i)
    for (const auto &[code, name] : codes) {
      SCOPED_TRACE(calls[i] + ", call " + std::to_string(i) + ": " + name);
      fake.reset("at=" + std::to_string(i) + ":" + std::to_string(code));
      Status done = useDevice();
      if (calls[i] == "cuDevicePrimaryCtxRelease") {
        EXPECT_TRUE(done) << "nobody is there to hear of it";
        continue;
      }
      ASSERT_FALSE(done);
      const std::string &message = done.error().message();
      EXPECT_NE(message.find(calls[i] + ": "), message.npos) << message;
      EXPECT_NE(message.find(std::string("(") + name), message.npos) << message;
      // What could not be given back is there until the context goes.
      bool stays = givesBack(calls[i]) ||
                   (i + 1 < calls.size() && calls[i] == "cuCtxPushCurrent" &&
                    givesBack(calls[i + 1]));
      EXPECT_EQ(fake.misuses().size(), stays ? 1u : 0u);
      EXPECT_TRUE(fake.alive() == FakeObjects());
    }
  fake.reset("");
}

// A fault ends the context: there is one cause, and all goes with the context.
TEST_F(CudaFailures, EachCallFindsAFault) {
  auto calls = trace();
  for (size_t i = 0; i < calls.size(); ++i) {
    SCOPED_TRACE(calls[i] + ", call " + std::to_string(i));
    fake.reset("at=" + std::to_string(i) + ":700");
    Status done = useDevice();
    if (calls[i] == "cuDevicePrimaryCtxRelease")
      continue;
    ASSERT_FALSE(done);
    const std::string &message = done.error().message();
    EXPECT_NE(message.find(calls[i] +
                           ": an illegal memory access was encountered "
                           "(CUDA_ERROR_ILLEGAL_ADDRESS, 700)"),
              message.npos)
        << message;
    EXPECT_EQ(fake.misuses(), std::vector<std::string>());
    EXPECT_TRUE(fake.alive() == FakeObjects());
  }
  fake.reset("");
}

// A code that the driver does not know, or whose name cannot be had.
TEST_F(CudaFailures, UnknownCodesAreNumbers) {
  auto device = open();
  ASSERT_TRUE(device);
  for (const char *settings :
       {"fail=cuMemAlloc:12345",
        "fail=cuMemAlloc:2 fail=cuGetErrorName:1 fail=cuGetErrorString:1"}) {
    fake.add(settings);
    auto buffer = (*device)->allocate(100);
    ASSERT_FALSE(buffer);
    const std::string &message = buffer.error().message();
    EXPECT_NE(message.find("cuMemAlloc: unknown error ("), message.npos)
        << message;
  }
}

TEST_F(CudaFailures, OutOfMemoryHasItsCode) {
  fake.reset("memory=1000000");
  auto device = open();
  ASSERT_TRUE(device);
  auto buffer = (*device)->allocate(1000001);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code(), ErrorCode::outOfMemory);
  EXPECT_EQ(buffer.error().message(),
            "cannot allocate 1000001 bytes on 'cuda', which has 1000000: "
            "cuMemAlloc: out of memory (CUDA_ERROR_OUT_OF_MEMORY, 2)");
  EXPECT_TRUE((*device)->allocate(1000000));

  auto session = bundle.session(*device);
  ASSERT_TRUE(session) << session.error().message();
  auto probe = Invocation::create(*session);
  Status reserved = probe->reserve(std::vector<int64_t>{5000});
  ASSERT_FALSE(reserved);
  EXPECT_EQ(reserved.error().code(), ErrorCode::outOfMemory);
  const std::string &message = reserved.error().message();
  EXPECT_NE(message.find("of temporaries (workspace of probe.sm_80"),
            message.npos)
      << message;
}

// What a kernel did wrong is told by who waits for it, and then by everything.
TEST_F(CudaFailures, FaultsAreSticky) {
  auto device = open();
  ASSERT_TRUE(device);
  {
    auto image = (*device)->load(kernelsPtx());
    auto buffer = (*device)->allocate(64);
    ASSERT_TRUE(image && buffer);
    Launch launch;
    launch.function = *(*image)->function("hg_probe");
    ProbeArguments arguments(buffer->data());
    launch.arguments = arguments.all;
    fake.add("trap=700");
    ASSERT_TRUE((*device)->launch(launch, {})) << "it only enqueues";

    Status first = (*device)->synchronize({});
    ASSERT_FALSE(first);
    const std::string cause = first.error().message();
    EXPECT_EQ(cause.find("device 'cuda' is lost: cuStreamSynchronize: an "
                         "illegal memory access was encountered "
                         "(CUDA_ERROR_ILLEGAL_ADDRESS, 700); the last kernel "
                         "launched was 'hg_probe'. "),
              0u)
        << cause;
    size_t calls = fake.calls().size();
    char byte = 0;
    auto expectLost = [&](const Error &error) {
      EXPECT_EQ(error.code(), ErrorCode::deviceLost);
      EXPECT_NE(error.message().find(cause), std::string::npos)
          << error.message();
    };
    expectLost((*device)->launch(launch, {}).error());
    expectLost((*device)->allocate(1).error());
    expectLost((*device)->fill(buffer->data(), 0, 1, {}).error());
    expectLost((*device)
                   ->copy(&byte, buffer->data(), 1, CopyKind::deviceToHost, {})
                   .error());
    expectLost((*device)->load(kernelsPtx()).error());
    expectLost((*image)->function("hg_other").error());
    expectLost((*device)->timer().error());
    expectLost((*device)->synchronize({}).error());
    EXPECT_EQ(fake.calls().size(), calls) << "the driver was asked again";
  }
  device = Error(ErrorCode::failed, "closed");
  EXPECT_TRUE(fake.alive() == FakeObjects());
}

TEST_F(CudaFailures, PtxThatIsTooNew) {
  fake.reset("ptx=6.5 version=12020");
  auto device = open();
  ASSERT_TRUE(device);
  auto image = (*device)->load(kernelsPtx());
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code(), ErrorCode::unsupported);
  const std::string &message = image.error().message();
  EXPECT_NE(message.find("image 'handmade'"), message.npos) << message;
  EXPECT_NE(message.find("the driver is for CUDA 12.2 and cannot read PTX 7.0"),
            message.npos)
      << message;
  EXPECT_NE(message.find("CUDA_ERROR_UNSUPPORTED_PTX_VERSION, 222"),
            message.npos)
      << message;
}

TEST_F(CudaFailures, TheCompilersLogIsTold) {
  auto device = open();
  ASSERT_TRUE(device);
  ImageText image = kernelsPtx();
  image.bytes.replace(image.bytes.find("mov.u32"), 7, "mvo.u32");
  auto loaded = (*device)->load(image);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), ErrorCode::corrupt);
  const std::string &message = loaded.error().message();
  EXPECT_NE(message.find("cuModuleLoadDataEx: a PTX JIT compilation failed "
                         "(CUDA_ERROR_INVALID_PTX, 218)\nptxas fatal"),
            message.npos)
      << message;
  EXPECT_NE(message.find("mvo"), message.npos) << message;
}

TEST_F(CudaFailures, CubinsThatDoNotLoadHaveAWayOut) {
  auto device = open();
  ASSERT_TRUE(device);
  ImageText image = kernelsPtx();
  image.kind = "cubin";
  image.bytes = ProbeBundle::cubin("garbage");
  auto loaded = (*device)->load(image);
  ASSERT_FALSE(loaded);
  const std::string &message = loaded.error().message();
  EXPECT_NE(message.find("image=ptx"), message.npos) << message;
}

} // namespace
} // namespace headgate::test

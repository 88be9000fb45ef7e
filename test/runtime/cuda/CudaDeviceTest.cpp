// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the CUDA device asks of the driver, beyond what every device must do
// (DeviceConformance): whose context and stream, which form of an image, which
// attributes of a launch, and nothing that a stream being captured forbids.

#include "test/runtime/cuda/CudaTest.h"

#include <atomic>
#include <thread>

namespace headgate::test {
namespace {

using runtime::cuda::CUcontext;
using runtime::cuda::CUgraph;
using runtime::cuda::CUgraphExec;
using runtime::cuda::CUstream;
using runtime::cuda::Driver;

class CudaDevice : public CudaTest {
protected:
  void SetUp() override {
    CudaTest::SetUp();
    auto opened = Driver::open(HEADGATE_FAKE_CUDA);
    ASSERT_TRUE(opened) << opened.error().message();
    driver = *std::move(opened);
  }

  /// Makes the primary context of GPU `index` current, as a caller may have.
  CUcontext enter(int index) {
    CUcontext context = nullptr;
    EXPECT_TRUE(driver->cuDevicePrimaryCtxRetain(&context, index));
    EXPECT_TRUE(driver->cuCtxPushCurrent(context));
    return context;
  }
  /// Leaves what must be current still.
  void leave(int index, CUcontext context) {
    CUcontext popped = nullptr;
    EXPECT_TRUE(driver->cuCtxPopCurrent(&popped));
    EXPECT_EQ(popped, context);
    EXPECT_TRUE(driver->cuDevicePrimaryCtxRelease(index));
  }

  std::shared_ptr<const Session> open(const ProbeBundle &bundle,
                                      const std::string &uri = "cuda") {
    auto device = CudaTest::open(uri);
    EXPECT_TRUE(device) << device.error().message();
    auto session = bundle.session(*device);
    EXPECT_TRUE(session) << session.error().message();
    return *session;
  }

  /// Launches hg_probe; `settle` may change how.
  Status launchProbe(const std::function<void(Launch &)> &settle,
                     const std::string &uri = "cuda") {
    auto device = CudaTest::open(uri);
    EXPECT_TRUE(device) << device.error().message();
    auto image = (*device)->load(kernelsPtx());
    EXPECT_TRUE(image) << image.error().message();
    auto out = (*device)->allocate(32);
    ProbeArguments arguments(out->data());
    Launch launch;
    launch.function = *(*image)->function("hg_probe");
    launch.arguments = arguments.all;
    settle(launch);
    if (Status done = (*device)->launch(launch, {}); !done)
      return done;
    return (*device)->synchronize({});
  }

  std::shared_ptr<const Driver> driver;
};

TEST_F(CudaDevice, LeavesTheCallersContextAlone) {
  fake.reset("devices=2");
  driver = *Driver::open(HEADGATE_FAKE_CUDA);
  const ProbeBundle bundle;
  CUcontext mine = enter(1);
  {
    auto session = open(bundle);
    auto probe = Invocation::create(session);
    auto timer = session->device()->timer();
    EXPECT_TRUE((*timer)->start({}));
    auto rows = callProbe(*session->device(), *probe, 4);
    ASSERT_TRUE(rows) << rows.error().message();
    EXPECT_EQ(*rows, ProbeBundle::expected(4));
    EXPECT_FALSE(session->device()->allocate(int64_t(1) << 45));
  }
  // The innermost is the caller's, and so is the one below: none.
  leave(1, mine);
  EXPECT_TRUE(fake.misuses().empty());
  CUcontext none = nullptr;
  EXPECT_FALSE(driver->cuCtxPopCurrent(&none));
  fake.reset("");
}

TEST_F(CudaDevice, EnqueuesOnTheCallersStream) {
  const ProbeBundle bundle;
  CUcontext mine = enter(0);
  CUstream stream = nullptr;
  ASSERT_TRUE(driver->cuStreamCreate(&stream, 0));
  {
    auto session = open(bundle);
    auto probe = Invocation::create(session);
    auto rows = callProbe(*session->device(), *probe, 2, {stream});
    ASSERT_TRUE(rows) << rows.error().message();
    EXPECT_EQ(*rows, ProbeBundle::expected(2));
    EXPECT_EQ(fake.lastLaunch().stream, stream);
    ASSERT_TRUE(callProbe(*session->device(), *probe, 2));
    EXPECT_EQ(fake.lastLaunch().stream, nullptr) << "the legacy stream";
  }
  ASSERT_TRUE(driver->cuStreamDestroy(stream));
  leave(0, mine);
}

// PyTorch captures calls into its own graphs: they must only enqueue.
TEST_F(CudaDevice, CallsCanBeCaptured) {
  const ProbeBundle bundle;
  CUcontext mine = enter(0);
  CUstream stream = nullptr;
  ASSERT_TRUE(driver->cuStreamCreate(&stream, 0));
  {
    auto session = open(bundle);
    Device &device = *session->device();
    auto probe = Invocation::create(session);
    auto x = device.allocate(12), y = device.allocate(96);
    int64_t shape[] = {3, 4};
    auto in = TensorView::contiguous(x->data(), DType::i32, {shape, 1}),
         out = TensorView::contiguous(y->data(), DType::i64, shape);
    in.device = out.device = DeviceKind::cuda;

    ASSERT_TRUE(driver->cuStreamBeginCapture(stream, 0));
    Status early = probe->run({&in, 1}, {&out, 1}, {stream});
    ASSERT_FALSE(early) << "temporaries cannot be made room for";
    EXPECT_EQ(early.error().code(), ErrorCode::unsupported);
    const std::string &message = early.error().message();
    EXPECT_NE(message.find("reserve()"), message.npos) << message;
    EXPECT_NE(message.find("of temporaries"), message.npos) << message;
    CUgraph graph = nullptr;
    ASSERT_TRUE(driver->cuStreamEndCapture(stream, &graph));
    ASSERT_TRUE(driver->cuGraphDestroy(graph));

    ASSERT_TRUE(probe->reserve(std::vector<int64_t>{3}, {stream}));
    ASSERT_TRUE(driver->cuStreamBeginCapture(stream, 0));
    Status captured = probe->run({&in, 1}, {&out, 1}, {stream});
    ASSERT_TRUE(captured) << captured.error().message();
    ASSERT_TRUE(driver->cuStreamEndCapture(stream, &graph));
    CUgraphExec exec = nullptr;
    ASSERT_TRUE(driver->cuGraphInstantiate(&exec, graph, 0));
    for (int round = 0; round < 2; ++round) {
      ASSERT_TRUE(device.fill(y->data(), 0xff, 96, {stream}));
      ASSERT_TRUE(driver->cuGraphLaunch(exec, stream));
      std::vector<int64_t> rows(12);
      ASSERT_TRUE(device.copy(rows.data(), y->data(), 96,
                              CopyKind::deviceToHost, {stream}));
      EXPECT_EQ(rows, ProbeBundle::expected(3));
    }
    ASSERT_TRUE(driver->cuGraphExecDestroy(exec));
    ASSERT_TRUE(driver->cuGraphDestroy(graph));
  }
  ASSERT_TRUE(driver->cuStreamDestroy(stream));
  leave(0, mine);
}

// The driver need not have read the array when its copy returns.
TEST_F(CudaDevice, ArraysAreFreeAfterACopy) {
  auto device = CudaTest::open();
  auto buffer = (*device)->allocate(4);
  int32_t value = 1, found = 0;
  ASSERT_TRUE(
      (*device)->copy(buffer->data(), &value, 4, CopyKind::hostToDevice, {}));
  value = 2;
  ASSERT_TRUE(
      (*device)->copy(&found, buffer->data(), 4, CopyKind::deviceToHost, {}));
  EXPECT_EQ(found, 1);
}

TEST_F(CudaDevice, AsksForMuchSharedMemoryOnce) {
  auto device = CudaTest::open();
  auto image = (*device)->load(kernelsPtx());
  auto out = (*device)->allocate(32);
  ProbeArguments arguments(out->data());
  Launch launch;
  launch.function = *(*image)->function("hg_probe");
  launch.arguments = arguments.all;
  struct {
    uint32_t bytes;
    size_t asked;
  } cases[] = {{0, 0},     {48 << 10, 0}, {(48 << 10) + 1, 1}, {60000, 2},
               {50000, 2}, {60000, 2},    {166912, 3}};
  for (const auto &c : cases) {
    launch.sharedBytes = c.bytes;
    ASSERT_TRUE((*device)->launch(launch, {})) << c.bytes;
    EXPECT_EQ(fake.lastLaunch().sharedBytes, c.bytes);
    EXPECT_EQ(countCalls("cuFuncSetAttribute"), c.asked) << c.bytes;
  }
  launch.sharedBytes = 166913;
  Status tooMuch = (*device)->launch(launch, {});
  ASSERT_FALSE(tooMuch);
  EXPECT_EQ(tooMuch.error().message(),
            "kernel 'hg_probe': takes 166913 bytes of shared memory; a block "
            "has 166912");
  EXPECT_EQ(countCalls("cuLaunchKernelEx"), std::size(cases));
}

TEST_F(CudaDevice, PassesGridAndBlock) {
  ASSERT_TRUE(launchProbe([](Launch &launch) { launch.grid = {1, 1, 1}; }));
  FakeLaunch last = fake.lastLaunch();
  EXPECT_EQ(last.kernel, "hg_probe");
  EXPECT_EQ(last.grid, (std::array<unsigned, 3>{1, 1, 1}));
  EXPECT_EQ(last.block, (std::array<unsigned, 3>{1, 1, 1}));
  EXPECT_TRUE(last.attributes.empty());
}

// From 9.0 on a launch may start before the one before it ends.
TEST_F(CudaDevice, OverlapsWhereTheGpuCan) {
  auto overlap = [](Launch &launch) { launch.pdl = true; };
  ASSERT_TRUE(launchProbe(overlap));
  EXPECT_TRUE(fake.lastLaunch().attributes.empty());
  fake.reset("capability=90");
  ASSERT_TRUE(launchProbe(overlap));
  using Attributes = std::vector<std::pair<int, int>>;
  EXPECT_EQ(fake.lastLaunch().attributes, (Attributes{{6, 1}}));
}

TEST_F(CudaDevice, RefusesWhatNoLaunchMayHave) {
  struct {
    std::function<void(Launch &)> settle;
    ErrorCode code;
    const char *why;
  } cases[] = {
      {[](Launch &l) { l.function = nullptr; }, ErrorCode::badInput,
       "without a kernel"},
      {[](Launch &l) { l.block = 0; }, ErrorCode::badInput, "0 threads; 1 to"},
      {[](Launch &l) { l.block = 1025; }, ErrorCode::badInput,
       "1025 threads; 1 to 1024"},
      {[](Launch &l) { l.grid[1] = 65536; }, ErrorCode::badInput, "1x65536x1"},
      {[](Launch &l) { l.grid[0] = 1u << 31; }, ErrorCode::badInput,
       "2147483648x1x1"},
      {[](Launch &l) { l.scratchBytes = 1; }, ErrorCode::badInput, "scratch"},
      {[](Launch &l) { l.cluster = 2; }, ErrorCode::unsupported, "clusters"},
  };
  for (const auto &c : cases) {
    Status refused = launchProbe(c.settle);
    ASSERT_FALSE(refused) << c.why;
    EXPECT_EQ(refused.error().code(), c.code) << c.why;
    const std::string &message = refused.error().message();
    EXPECT_NE(message.find(c.why), message.npos) << message;
  }
  EXPECT_EQ(countCalls("cuLaunchKernelEx"), 0u);
}

// Which of several images and forms runs, on which GPU.
TEST_F(CudaDevice, LoadsTheBestForm) {
  const std::string ptx = ProbeBundle::ptx(), cubin = ProbeBundle::cubin(ptx);
  const ProbeBundle both({{"sm_80", {{"ptx", ptx}, {"cubin", cubin}}}});
  // The cubin is damaged on purpose: whoever loads it fails.
  const ProbeBundle damaged(
      {{"sm_80", {{"ptx", ptx}, {"cubin", ProbeBundle::cubin("none")}}}});
  struct {
    int capability;
    const char *uri;
    bool takesCubin;
  } cases[] = {{80, "cuda", true},
               {80, "cuda:0,image=ptx", false},
               {86, "cuda", true},
               {90, "cuda", false}};
  for (const auto &c : cases) {
    SCOPED_TRACE(c.uri + std::to_string(c.capability));
    fake.reset("capability=" + std::to_string(c.capability));
    auto session = open(both, c.uri);
    auto probe = Invocation::create(session);
    auto rows = callProbe(*session->device(), *probe, 2);
    ASSERT_TRUE(rows) << rows.error().message();
    EXPECT_EQ(*rows, ProbeBundle::expected(2));
    auto tried = damaged.session(session->device());
    EXPECT_EQ(bool(tried), !c.takesCubin);
  }
}

TEST_F(CudaDevice, PrefersCodeForItsOwnCapability) {
  std::string ptx = ProbeBundle::ptx(), newer = ptx;
  newer.replace(newer.find("sm_80"), 5, "sm_90a");
  const ProbeBundle bundle(
      {{"sm_80", {{"ptx", ptx}}}, {"sm_90a", {{"ptx", newer}}}});
  for (auto [capability, target] :
       {std::pair(80, "sm_80"), std::pair(90, "sm_90a")}) {
    fake.reset("capability=" + std::to_string(capability));
    auto session = open(bundle);
    auto outline =
        session->outline(**session->entry(""), std::vector<int64_t>{1});
    ASSERT_TRUE(outline) << outline.error().message();
    EXPECT_EQ(outline->variants[0]->image, target);
  }
}

TEST_F(CudaDevice, SaysWhichTargetWouldDo) {
  auto bundle = Bundle::open(handmadeBundle());
  for (auto [capability, hint] :
       {std::pair(75, ""), std::pair(80, ": recompile with --target=sm_80"),
        std::pair(90, ": recompile with --target=sm_80")}) {
    std::string text = std::to_string(capability);
    fake.reset("capability=" + text);
    auto session = Session::create(*CudaTest::open(), *bundle);
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().message(),
              handmadeBundle() +
                  " has code for host; 'cuda' is fake GPU 0 "
                  "(sm_" +
                  text + (capability >= 90 ? "a" : "") + ")" + hint);
  }
}

// sm_80 code may take more shared memory than a GPU of 8.6 has.
TEST_F(CudaDevice, SharedMemoryDecidesWhichVariantsRun) {
  ProbeBundle bundle;
  std::string plan = readFile(bundle.path() / "plan.json");
  plan.replace(plan.find("60000"), 5, "120000");
  writeFile(bundle.path() / "plan.json", plan);
  auto outline = [&]() -> Result<CallOutline> {
    auto session = open(bundle);
    return session->outline(**session->entry(""), std::vector<int64_t>{1});
  };
  EXPECT_TRUE(outline());
  fake.reset("capability=86");
  auto refused = outline();
  ASSERT_FALSE(refused);
  const std::string &message = refused.error().message();
  EXPECT_NE(message.find("it takes 120000 bytes of shared memory; a block of "
                         "fake GPU 0 has 101376"),
            message.npos)
      << message;
}

TEST_F(CudaDevice, RefusesTensorsOfAnotherGpu) {
  fake.reset("devices=2");
  const ProbeBundle bundle;
  auto session = open(bundle, "cuda:1");
  auto probe = Invocation::create(session);
  int64_t shape[] = {3, 4};
  auto in = TensorView::contiguous(nullptr, DType::i32, {shape, 1});
  in.device = DeviceKind::cuda;
  auto bound = probe->bind({&in, 1});
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().message(),
            "input 'x' is in memory of cuda:0, but this session runs on "
            "cuda:1");
  in.deviceIndex = 1;
  EXPECT_TRUE(probe->bind({&in, 1}));
  auto made = probe->allocateOutputs({&in, 1});
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)[0].view.deviceIndex, 1);
  auto rows = callProbe(*session->device(), *probe, 5);
  ASSERT_TRUE(rows) << rows.error().message();
  EXPECT_EQ(*rows, ProbeBundle::expected(5));
}

TEST_F(CudaDevice, CallsOnSeveralThreads) {
  const ProbeBundle bundle;
  {
    auto session = open(bundle);
    std::atomic<int> wrong = 0;
    auto work = [&](int64_t first) {
      CUcontext context = nullptr;
      CUstream stream = nullptr;
      wrong += !driver->cuDevicePrimaryCtxRetain(&context, 0) ||
               !driver->cuCtxPushCurrent(context) ||
               !driver->cuStreamCreate(&stream, 0);
      {
        auto probe = Invocation::create(session);
        for (int64_t n = first; n < first + 15; ++n) {
          auto rows = callProbe(*session->device(), *probe, n, {stream});
          wrong += !rows || *rows != ProbeBundle::expected(n);
        }
      }
      CUcontext popped = nullptr;
      wrong += !driver->cuStreamDestroy(stream) ||
               !driver->cuCtxPopCurrent(&popped) || popped != context ||
               !driver->cuDevicePrimaryCtxRelease(0);
    };
    std::thread first(work, 1), second(work, 20), third(work, 7);
    first.join();
    second.join();
    third.join();
    EXPECT_EQ(wrong, 0);
  }
}

TEST_F(CudaDevice, StepsAreTimed) {
  const ProbeBundle bundle;
  auto session = open(bundle);
  auto probe = Invocation::create(session);
  auto x = session->device()->allocate(4);
  int64_t shape[] = {1, 4};
  auto in = TensorView::contiguous(x->data(), DType::i32, {shape, 1});
  in.device = DeviceKind::cuda;
  auto made = probe->allocateOutputs({&in, 1});
  auto times = probe->timeSteps({&in, 1}, {&(*made)[0].view, 1});
  ASSERT_TRUE(times) << times.error().message();
  ASSERT_EQ(times->size(), 1u);
  EXPECT_GE((*times)[0], 0);
}

TEST_F(CudaDevice, NothingIsLaunchedForNoRows) {
  const ProbeBundle bundle;
  auto session = open(bundle);
  auto probe = Invocation::create(session);
  auto rows = callProbe(*session->device(), *probe, 0);
  ASSERT_TRUE(rows) << rows.error().message();
  EXPECT_TRUE(rows->empty());
  EXPECT_EQ(countCalls("cuLaunchKernelEx"), 0u);
}

} // namespace
} // namespace headgate::test

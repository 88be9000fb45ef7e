// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What tests of the CUDA device share: the fake driver, started anew for each,
// and a bundle for it. Whoever ends a test with something alive, or did what no
// program may do, has failed it.

#ifndef HEADGATE_TEST_RUNTIME_CUDA_CUDATEST_H
#define HEADGATE_TEST_RUNTIME_CUDA_CUDATEST_H

#include "lib/Sha256.h"
#include "runtime/cuda/Driver.h"
#include "test/runtime/Handmade.h"
#include "test/runtime/cuda/FakeCuda.h"

#include <dlfcn.h>

namespace headgate::test {

/// The fake driver's face. It stays in the process.
inline FakeCuda &fakeDriver() {
  static FakeCuda *fake = [] {
    void *library = dlopen(HEADGATE_FAKE_CUDA, RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library, nullptr) << dlerror();
    return reinterpret_cast<decltype(&fakeCuda)>(dlsym(library, "fakeCuda"))();
  }();
  return *fake;
}

/// What hg_probe of handmade/kernels.ptx takes: zeros, and where it writes.
struct ProbeArguments {
  explicit ProbeArguments(void *out) : pointer(out) {}
  ProbeArguments(const ProbeArguments &) = delete;

  int32_t narrow = 0;
  float real = 0;
  void *pointer;
  int64_t wide = 0;
  void *all[4] = {&narrow, &real, &pointer, &wide};
};

inline const DeviceOptions fakeOptions = {HEADGATE_FAKE_CUDA};

class CudaTest : public testing::Test {
protected:
  void SetUp() override { fake.reset(""); }
  void TearDown() override {
    EXPECT_EQ(fake.misuses(), std::vector<std::string>());
    EXPECT_TRUE(fake.alive() == FakeObjects()) << "something was not freed";
  }

  static Result<std::shared_ptr<Device>> open(const std::string &uri = "cuda") {
    return openDevice(uri, fakeOptions);
  }
  static ImageText kernelsPtx() {
    return {"handmade", "ptx", HEADGATE_HANDMADE_PTX,
            readFile(HEADGATE_HANDMADE_PTX)};
  }
  size_t countCalls(const std::string &name) const {
    auto calls = fake.calls();
    return size_t(std::count(calls.begin(), calls.end(), name));
  }

  FakeCuda &fake = fakeDriver();
};

/// The bundle of one entry, "probe": of N words it makes [N,4] of i64 with
/// hg_probe of handmade/kernels.ptx; row r is (N, the bits of 1.5f, 2 N, 0).
/// Needs workspace, and shared memory that a block has by permission only.
class ProbeBundle {
public:
  struct Form {
    std::string kind, text;
  };
  struct Image {
    std::string target;
    std::vector<Form> forms;
  };

  static std::string ptx() { return readFile(HEADGATE_HANDMADE_PTX); }
  /// What the fake driver takes for a cubin.
  static std::string cubin(const std::string &ptx) {
    return "\x7f"
           "ELF" +
           ptx;
  }

  explicit ProbeBundle(const std::vector<Image> &images = {
                           {"sm_80", {{"ptx", ptx()}}}}) {
    std::filesystem::create_directories(path());
    std::string imageTexts, variants, defaults;
    for (const Image &image : images) {
      std::string comma = imageTexts.empty() ? "" : ", ";
      imageTexts += comma + "{\"id\": \"" + image.target +
                    "\", \"target\": \"" + image.target + "\", \"forms\": [" +
                    write(image) + "]}";
      variants +=
          comma + "{\"id\": \"probe." + image.target + "\", \"image\": \"" +
          image.target +
          "\", \"schedule\": {}, \"workspaceBytes\": \"n*1000\", "
          "\"launches\": [{\"symbol\": \"hg_probe\", \"grid\": "
          "[\"n\", \"1\", \"1\"], \"block\": 1, \"sharedBytes\": 60000, "
          "\"arguments\": [\"n\", {\"f32\": 1.5}, \"out\", "
          "{\"i64\": \"2*n\"}]}]}";
      defaults +=
          comma + "\"" + image.target + "\": [\"probe." + image.target + "\"]";
    }
    writeFile(path() / "plan.json",
              "{\"format\": \"headgate.plan\", \"version\": 1, "
              "\"producer\": {\"headgate\": \"by hand\"}, \"images\": [" +
                  imageTexts +
                  "], \"kernels\": [{\"name\": \"probe\", \"ir\": \"sha256:" +
                  std::string(64, '0') +
                  "\", \"problem\": {}, \"parameters\": [\"out:ptr\", "
                  "\"n:i32\"], \"bucket\": [], \"variants\": [" +
                  variants + "], \"defaults\": {" + defaults +
                  "}}], \"entries\": [{\"name\": \"probe\", \"dims\": {\"N\": "
                  "[0, 100000]}, \"inputs\": [{\"name\": \"x\", \"dtype\": "
                  "\"i32\", \"shape\": [\"N\"]}], \"outputs\": [{\"name\": "
                  "\"y\", \"dtype\": \"i64\", \"shape\": [\"N\", 4]}], "
                  "\"temporaries\": [], \"steps\": [{\"kernel\": \"probe\", "
                  "\"with\": {\"out\": \"y\", \"n\": \"N\"}}]}]}");
  }

  std::filesystem::path path() const { return directory_.path() / "probe.hgb"; }

  Result<std::shared_ptr<const Session>>
  session(std::shared_ptr<Device> device) const {
    auto bundle = Bundle::open(path().string());
    if (!bundle)
      return std::move(bundle).error();
    return Session::create(std::move(device), *bundle);
  }

  static std::vector<int64_t> expected(int64_t n) {
    std::vector<int64_t> rows;
    for (int64_t row = 0; row < n; ++row)
      rows.insert(rows.end(), {n, 0x3FC00000, 2 * n, 0});
    return rows;
  }

private:
  std::string write(const Image &image) {
    std::string texts;
    for (const auto &[kind, text] : image.forms) {
      std::string file = image.target + "." + kind;
      writeFile(path() / file, text);
      texts += (texts.empty() ? "" : ", ") + std::string("{\"kind\": \"") +
               kind + "\", \"file\": \"" + file +
               "\", \"bytes\": " + std::to_string(text.size()) +
               ", \"sha256\": \"" + sha256Hex(text) + "\"" +
               (kind == "ptx" ? ", \"isa\": \"7.0\"" : "") + "}";
    }
    return texts;
  }

  TemporaryDirectory directory_;
};

/// Calls "probe" with N words; what it gives, or what went wrong.
inline Result<std::vector<int64_t>> callProbe(Device &device, Invocation &probe,
                                              int64_t n, Stream stream = {}) {
  auto x = device.allocate(n * 4), y = device.allocate(n * 32);
  if (!x || !y)
    return std::move(x ? y : x).error();
  int64_t shape[] = {n, 4};
  auto in = TensorView::contiguous(x->data(), DType::i32, {shape, 1}),
       out = TensorView::contiguous(y->data(), DType::i64, shape);
  in.device = out.device = DeviceKind::cuda;
  in.deviceIndex = out.deviceIndex = device.info().index;
  std::vector<int64_t> rows(size_t(n) * 4);
  Status done = device.fill(x->data(), 0, n * 4, stream);
  if (done)
    done = probe.run({&in, 1}, {&out, 1}, stream);
  if (done)
    done = device.copy(rows.data(), y->data(), n * 32, CopyKind::deviceToHost,
                       stream);
  if (!done)
    return std::move(done).error();
  return rows;
}

} // namespace headgate::test

#endif // HEADGATE_TEST_RUNTIME_CUDA_CUDATEST_H

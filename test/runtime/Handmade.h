// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the runtime's tests share: the handmade bundle (handmade/), private
// copies of it to damage, and arrays to call its entries with.

#ifndef HEADGATE_TEST_RUNTIME_HANDMADE_H
#define HEADGATE_TEST_RUNTIME_HANDMADE_H

#include "headgate/Runtime.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace headgate::test {

inline std::string handmadeBundle() { return HEADGATE_HANDMADE_BUNDLE; }
inline std::string handmadeKernels() { return HEADGATE_HANDMADE_KERNELS; }

/// A directory that is gone when the test ends.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "headgate-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
  const std::filesystem::path &path() const { return path_; }

private:
  std::filesystem::path path_;
};

inline std::string readFile(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

inline void writeFile(const std::filesystem::path &path,
                      const std::string &bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  ASSERT_TRUE(file.flush());
}

/// A private copy of the handmade bundle, "handmade.hgb" in its own directory.
class BundleCopy {
public:
  BundleCopy() {
    std::filesystem::copy(handmadeBundle(), path(),
                          std::filesystem::copy_options::recursive);
  }
  std::filesystem::path path() const {
    return directory_.path() / "handmade.hgb";
  }
  std::filesystem::path plan() const { return path() / "plan.json"; }
  /// The only image file.
  std::filesystem::path image() const {
    return std::filesystem::directory_iterator(path() / "kernels")->path();
  }
  /// Replaces `from`, which must occur, by `to` in the plan, once.
  void editPlan(const std::string &from, const std::string &to) {
    std::string text = readFile(plan());
    size_t at = text.find(from);
    ASSERT_NE(at, text.npos) << "the plan has no " << from;
    writeFile(plan(), text.replace(at, from.size(), to));
  }
  /// Opens and loads it on the host.
  Result<std::shared_ptr<const Session>>
  session(const SessionOptions &options = {}) const {
    auto device = openDevice("host:threads=2");
    auto bundle = Bundle::open(path().string());
    if (!bundle)
      return std::move(bundle).error();
    return Session::create(*device, *bundle, options);
  }

private:
  TemporaryDirectory directory_;
};

inline std::shared_ptr<const Session>
handmadeSession(const std::string &uri = "host:threads=2",
                const SessionOptions &options = {}) {
  auto device = openDevice(uri);
  EXPECT_TRUE(device) << device.error().message();
  auto bundle = Bundle::open(handmadeBundle());
  EXPECT_TRUE(bundle) << bundle.error().message();
  auto session = Session::create(*device, *bundle, options);
  EXPECT_TRUE(session) << session.error().message();
  return *session;
}

inline Invocation invocation(const std::string &entry,
                             const std::string &uri = "host:threads=2") {
  auto call = Invocation::create(handmadeSession(uri), entry);
  EXPECT_TRUE(call) << call.error().message();
  return *std::move(call);
}

template <typename T> constexpr DType dtypeOf = DType::f32;
template <> inline constexpr DType dtypeOf<int32_t> = DType::i32;

/// An array that owns its elements, with a view of them.
template <typename T> struct Array {
  explicit Array(std::vector<int64_t> shape, T value = T()) : shape(shape) {
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    data.assign(static_cast<size_t>(count), value);
  }
  TensorView view() {
    return TensorView::contiguous(data.data(), dtypeOf<T>, shape);
  }
  std::vector<int64_t> shape;
  std::vector<T> data;
};

/// An S x N array of small different numbers, exact in f32 also when summed.
inline Array<float> numbers(int64_t S, int64_t N) {
  Array<float> array({S, N});
  for (size_t i = 0; i < array.data.size(); ++i)
    array.data[i] = static_cast<float>(i % 17) - 5;
  return array;
}

/// What entry "main" gives: y = 2 x + row sum of x.
inline std::vector<float> expectedMain(const TensorView &x) {
  std::vector<float> y;
  const float *data = static_cast<const float *>(x.data);
  for (int64_t s = 0; s < x.shape[0]; ++s) {
    float sum = 0;
    for (int64_t n = 0; n < x.shape[1]; ++n)
      sum += 2 * data[s * x.strides[0] + n];
    for (int64_t n = 0; n < x.shape[1]; ++n)
      y.push_back(2 * data[s * x.strides[0] + n] + 0.5f * sum);
  }
  return y;
}

} // namespace headgate::test

#endif // HEADGATE_TEST_RUNTIME_HANDMADE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What only the host device promises, and the uris of devices.

#include "lib/CheckPlan.h"
#include "lib/HostTarget.h"
#include "runtime/HostMachine.h"
#include "test/runtime/Handmade.h"

#include <algorithm>
#include <cmath>

namespace headgate::test {
namespace {

TEST(DeviceUri, TakesThreads) {
  auto device = openDevice("host:threads=3");
  ASSERT_TRUE(device);
  EXPECT_EQ((*device)->info().units, 3);
  EXPECT_EQ((*device)->info().target, "host");
}

TEST(DeviceUri, RefusesWhatIsNotOne) {
  for (const char *uri :
       {"", "hots", "host:", "host:threads", "host:threads=", "host:threads=0",
        "host:threads=-1", "host:threads=2x", "host:threads=99999999999",
        "host:cores=2", "host:threads=2,x=1", "host:level=", "host:level=v3",
        "host:level=x86-64-v9"}) {
    auto device = openDevice(uri);
    ASSERT_FALSE(device) << uri;
    EXPECT_EQ(device.error().code(), ErrorCode::badInput) << uri;
    EXPECT_NE(device.error().message().find("'" + std::string(uri) + "'"),
              std::string::npos);
  }
}

// A device of a level is as a CPU that has no more.
TEST(DeviceUri, TakesALevelOfCpus) {
  std::vector<std::string> all = runtime::cpuFeatures();
  auto here = [&](const std::string &word) {
    return std::ranges::find(all, word) != all.end();
  };
  for (const HostTarget &target : hostTargets()) {
    std::string uri = "host:threads=1,level=" + target.name.substr(5);
    auto device = openDevice(uri);
    if (!std::ranges::all_of(target.needs, here)) {
      ASSERT_FALSE(device) << uri;
      EXPECT_EQ(device.error().code(), ErrorCode::unavailable);
      continue;
    }
    ASSERT_TRUE(device) << uri;
    const std::vector<std::string> &has = (*device)->info().features;
    auto hasAll = [&](const HostTarget &other) {
      return std::ranges::all_of(other.needs, [&](const std::string &word) {
        return std::ranges::find(has, word) != has.end();
      });
    };
    for (const HostTarget &other : hostTargets())
      EXPECT_EQ(hasAll(other), &other <= &target)
          << uri << " and " << other.name;
  }
}

TEST(DeviceUri, ListedDevicesOpen) {
  DeviceList list = listDevices();
  EXPECT_FALSE(list.uris.empty());
  for (const std::string &uri : list.uris)
    EXPECT_TRUE(openDevice(uri)) << uri;
}

TEST(HostMachine, ReadsQuotas) {
  using runtime::parseQuota;
  int64_t period = 0;
  EXPECT_EQ(parseQuota("250000 100000\n", &period), 250000);
  EXPECT_EQ(period, 100000);
  EXPECT_EQ(parseQuota("max 100000\n", &period), -1);
  EXPECT_EQ(period, -1);
  EXPECT_EQ(parseQuota(""), -1);
  EXPECT_EQ(parseQuota("17"), 17);
}

// What a plan may ask for is what a machine can answer.
TEST(HostMachine, KnowsTheWordsOfPlans) {
  auto words = cpuFeatureWords();
  auto at = words.begin();
  for (const std::string &feature : runtime::cpuFeatures()) {
    at = std::find(at, words.end(), feature);
    EXPECT_NE(at, words.end()) << feature << " is missing or out of order";
  }
}

TEST(HostDevice, TakesOnlyTheNullStream) {
  auto device = openDevice("host");
  int not_null = 0;
  Status done = (*device)->synchronize({&not_null});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::badInput);
}

// With one thread the order of starts is the order of the grid.
TEST(HostDevice, StartsBlocksInGridOrder) {
  auto device = openDevice("host:threads=1");
  auto image = (*device)->load({"handmade", "so", handmadeKernels(), ""});
  ASSERT_TRUE(image) << image.error().message();
  int64_t next = 0, started[2 * 3 * 5];
  void *nextPointer = &next, *startedPointer = started;
  void *arguments[] = {&nextPointer, &startedPointer};
  Launch launch;
  launch.function = *(*image)->function("hg_order");
  launch.grid = {2, 3, 5};
  launch.arguments = arguments;
  ASSERT_TRUE((*device)->launch(launch, {}));
  for (int64_t block = 0; block < 30; ++block)
    EXPECT_EQ(started[block], block);
}

TEST(HostDevice, ImagesMayCallLibm) {
  auto device = openDevice("host");
  auto image = (*device)->load({"handmade", "so", handmadeKernels(), ""});
  ASSERT_TRUE(image) << image.error().message();
  float x[] = {0, 1, -2}, y[3];
  void *from = x, *to = y, *arguments[] = {&from, &to};
  Launch launch;
  launch.function = *(*image)->function("hg_exp");
  launch.grid = {3, 1, 1};
  launch.arguments = arguments;
  ASSERT_TRUE((*device)->launch(launch, {}));
  for (int i = 0; i < 3; ++i)
    EXPECT_FLOAT_EQ(y[i], std::exp(x[i]));
}

TEST(HostDevice, NamesAFunctionThatAnImageLacks) {
  auto device = openDevice("host");
  auto image =
      (*device)->load({"lacking", "so", HEADGATE_UNDEFINED_KERNELS, ""});
  ASSERT_FALSE(image);
  const std::string &message = image.error().message();
  EXPECT_NE(message.find("image 'lacking'"), std::string::npos) << message;
  EXPECT_NE(message.find("headgate_no_such_function"), std::string::npos)
      << message;
  EXPECT_NE(message.find(HEADGATE_UNDEFINED_KERNELS), std::string::npos);
}

TEST(HostDevice, RefusesWhatOnlyAGpuHas) {
  auto device = openDevice("host");
  auto image = (*device)->load({"handmade", "so", handmadeKernels(), ""});
  Launch launch;
  launch.function = *(*image)->function("hg_exp");
  launch.cluster = 2;
  Status done = (*device)->launch(launch, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::unsupported);
}

} // namespace
} // namespace headgate::test

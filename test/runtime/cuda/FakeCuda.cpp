// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The symbols of the fake driver, and what tests say to it. A program that is
// no test says it in FAKE_CUDA, in the words of FakeCuda::reset, and reads on
// stderr what was done wrong when it ends.

#include "test/runtime/cuda/FakeState.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace headgate::test {

static void apply(const std::string &words, size_t calls,
                  FakeSettings &settings) {
  std::istringstream text(words);
  for (std::string word; text >> word;) {
    std::string key = word.substr(0, word.find('=')),
                value = word.substr(std::min(word.size(), key.size() + 1));
    std::string first = value.substr(0, value.find(':')),
                second = value.substr(std::min(value.size(), first.size() + 1));
    auto number = [](const std::string &of) { return std::atoll(of.c_str()); };
    if (key == "devices")
      settings.devices = int(number(value));
    else if (key == "capability")
      settings.capability = int(number(value));
    else if (key == "version")
      settings.version = int(number(value));
    else if (key == "ptx")
      settings.ptx = int(10 * std::atof(value.c_str()) + 0.5);
    else if (key == "memory")
      settings.memory = number(value);
    else if (key == "fail")
      settings.fail[first] = int(number(second));
    else if (key == "at")
      settings.at[calls + size_t(number(first))] = int(number(second));
    else if (key == "trap")
      settings.trap = int(number(value));
    else
      std::fprintf(stderr, "fake cuda: no setting '%s'\n", word.c_str());
  }
}

FakeDriver &FakeDriver::get() {
  static FakeDriver driver;
  return driver;
}

FakeDriver::FakeDriver() {
  if (const char *words = std::getenv("FAKE_CUDA"))
    apply(words, 0, settings_);
}

FakeDriver::~FakeDriver() {
  if (alive() != FakeObjects())
    misuses_.push_back("something is alive when the process ends");
  for (const std::string &what : misuses_)
    std::fprintf(stderr, "fake cuda: %s\n", what.c_str());
}

void FakeDriver::reset(const std::string &settings) {
  std::lock_guard lock(mutex_);
  settings_ = {};
  calls_.clear();
  misuses_.clear();
  leaveContexts();
  contexts_.clear();
  isStarted_ = false;
  lastLaunch_ = {};
  apply(settings, 0, settings_);
}

void FakeDriver::add(const std::string &settings) {
  std::lock_guard lock(mutex_);
  apply(settings, calls_.size(), settings_);
}

std::vector<std::string> FakeDriver::calls() const {
  std::lock_guard lock(mutex_);
  return calls_;
}

FakeObjects FakeDriver::alive() const {
  std::lock_guard lock(mutex_);
  FakeObjects sum;
  for (const auto &[device, context] : contexts_) {
    sum.contexts += context.retained > 0;
    sum.allocations += int(context.memory.size());
    sum.modules += int(context.modules.size());
    sum.events += int(context.events.size());
    sum.streams += int(context.streams.size());
    sum.graphs += int(context.graphs.size() + context.execs.size());
  }
  return sum;
}

FakeLaunch FakeDriver::lastLaunch() const {
  std::lock_guard lock(mutex_);
  return lastLaunch_;
}

std::vector<std::string> FakeDriver::misuses() const {
  std::lock_guard lock(mutex_);
  return misuses_;
}

} // namespace headgate::test

#define HEADGATE_VISIBLE extern "C" __attribute__((visibility("default")))

HEADGATE_VISIBLE headgate::test::FakeCuda *fakeCuda() {
  return &headgate::test::FakeDriver::get();
}

using namespace headgate::runtime::cuda;

#define HEADGATE_EXPORT(name, symbol, parameters, arguments)                   \
  HEADGATE_VISIBLE CUresult symbol parameters {                                \
    auto &driver = headgate::test::FakeDriver::get();                          \
    return driver.call(#name, [&] { return driver.name arguments; });          \
  }
HEADGATE_CUDA_API(HEADGATE_EXPORT)

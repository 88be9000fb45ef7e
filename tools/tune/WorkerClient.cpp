// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/WorkerClient.h"

#include <cstring>

namespace headgate {

using namespace runtime;

namespace {

/// For a worker to come up: it opens a device.
constexpr auto startTime = std::chrono::seconds(60);
constexpr size_t lastLines = 20;
/// Of the last round: workers, and what each does.
constexpr int lastWorkers = 5;
constexpr int64_t lastRounds = 6;
constexpr double lastMs = 1000;

std::string withTail(const std::string &what, const ChildProcess &child) {
  std::string tail = child.errorTail(lastLines);
  return tail.empty() ? what : what + "\n" + tail;
}

std::string howItEnded(const ChildProcess &child) {
  int code = child.exitCode();
  return withTail(code < 0 ? std::string("the worker died: ") + strsignal(-code)
                           : "the worker ended with exit code " +
                                 std::to_string(code),
                  child);
}

} // namespace

std::vector<std::string> WorkerClient::command() const {
  std::vector<std::string> words = {program, "--worker", "--device=" + uri};
  if (!cudaDriver.empty())
    words.push_back("--cuda-driver=" + cudaDriver);
  return words;
}

Status WorkerClient::start() {
  if (child && !child->hasEnded())
    return Success{};
  Result<ChildProcess> started =
      ChildProcess::start({.argv = command(), .hasInput = true});
  if (!started)
    return std::move(started).error();
  switch (started->wait(Clock::now() + startTime)) {
  case ChildProcess::Event::line:
    break;
  case ChildProcess::Event::interrupted:
    return Error(ErrorCode::failed, "interrupted");
  case ChildProcess::Event::deadline:
    return Error(ErrorCode::timeout, "the worker does not come up");
  case ChildProcess::Event::ended:
    return Error(started->exitCode() == 4 ? ErrorCode::unavailable
                                          : ErrorCode::failed,
                 howItEnded(*started));
  }
  Result<WorkerDevice> device = parseDevice(started->takeLine());
  if (!device)
    return std::move(device).error().in("what the worker says");
  known = std::move(*device);
  child = std::move(*started);
  return Success{};
}

Result<WorkerDevice> WorkerClient::device() {
  if (Status up = start(); !up)
    return std::move(up).error();
  return *known;
}

WorkerReply WorkerClient::dead(TuningResult result, const std::string &why) {
  child.reset();
  return {.id = lastId, .result = result, .why = why};
}

Result<WorkerReply> WorkerClient::ask(WorkerRequest request, double seconds) {
  if (Status up = start(); !up)
    return std::move(up).error();
  request.id = ++lastId;
  if (Status sent = child->send(printRequest(request)); !sent)
    return dead(TuningResult::runtime, sent.error().message());
  Clock::time_point deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(seconds));
  switch (child->wait(deadline)) {
  case ChildProcess::Event::line:
    break;
  case ChildProcess::Event::interrupted:
    child.reset();
    return Error(ErrorCode::failed, "interrupted");
  case ChildProcess::Event::deadline:
    return dead(
        TuningResult::timeout,
        withTail("no reply in " + std::to_string(int(seconds)) + " s", *child));
  case ChildProcess::Event::ended:
    return dead(TuningResult::runtime, howItEnded(*child));
  }
  Result<WorkerReply> reply = parseReply(child->takeLine());
  if (!reply || reply->id != lastId)
    return dead(TuningResult::runtime,
                "the worker's reply makes no sense" +
                    (reply ? std::string() : ": " + reply.error().message()));
  // A kernel that failed may have left a device that fails from now on.
  if (reply->result == TuningResult::runtime)
    child.reset();
  return reply;
}

Result<WorkerReply> WorkerClient::askInTurns(WorkerRequest request,
                                             double seconds) {
  request.policy.samples = lastRounds;
  request.policy.maxMs = lastMs;
  request.policy.giveUpNs = 0;
  std::optional<WorkerReply> all;
  for (int i = 0; i < lastWorkers; ++i) {
    child.reset();
    Result<WorkerReply> reply = ask(request, seconds);
    if (!reply || reply->result != TuningResult::correct)
      return reply;
    if (!all) {
      all = std::move(*reply);
      continue;
    }
    for (size_t bundle = 0; bundle < all->samples.size(); ++bundle)
      all->samples[bundle].insert(all->samples[bundle].end(),
                                  reply->samples[bundle].begin(),
                                  reply->samples[bundle].end());
  }
  return std::move(*all);
}

} // namespace headgate

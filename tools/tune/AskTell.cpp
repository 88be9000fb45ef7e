// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/AskTell.h"

#include "lib/JsonReader.h"
#include "lib/RecordText.h"
#include "lib/ScheduleText.h"
#include "tools/ExitCode.h"
#include "tools/tune/Interrupt.h"
#include "tools/tune/TuneRun.h"

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

namespace headgate {

namespace {

using Json = nlohmann::ordered_json;

class AskTell {
public:
  AskTell(const TuneOptions &options, TuneRun &run)
      : options(options), which(run.cases.front()),
        measurer(run.measurer.get()) {}

  /// The reply to a line. What is wrong with it is a reply; an error is one of
  /// this machine.
  Result<std::string> serve(const std::string &line) {
    Result<JsonReader> reader = JsonReader::parse(line);
    if (!reader)
      return wrong(reader.error().message());
    JsonValue root = reader->root();
    root.expectKeys({}, {"space", "ask", "tell", "measure", "best"});
    Json reply;
    if (root["space"])
      reply = space();
    else if (JsonValue count = root["ask"])
      reply = ask(size_t(count.integer(1, 1 << 20)));
    else if (JsonValue told = root["tell"])
      reply = tell(told);
    else if (root["best"])
      reply = best();
    else if (JsonValue candidate = root["measure"]) {
      Result<Json> measured = measure(candidate);
      if (!measured)
        return std::move(measured).error();
      reply = std::move(*measured);
    } else
      root.fail("expected space, ask, tell, measure or best");
    return reader->error() ? wrong(reader->error()->message()) : text(reply);
  }

private:
  static std::string text(const Json &json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  static std::string wrong(const std::string &why) {
    return text({{"error", why}});
  }
  Json schedule(size_t candidate) const {
    return Json::parse(printSchedule(which.space.schedules[candidate]), nullptr,
                       false);
  }

  Json space() const {
    Json json = {
        {"kernel", which.key.kernel},      {"target", which.target.name},
        {"dims", which.key.dims},          {"knobs", Json::object()},
        {"default", which.space.baseline}, {"candidates", Json::array()}};
    for (const Knob &knob : which.space.knobs)
      json["knobs"][knob.name] = knob.values;
    for (size_t i = 0; i < which.space.size(); ++i)
      json["candidates"].push_back(
          {{"schedule", schedule(i)},
           {"predictedNs", which.space.predictedNs[i]}});
    return json;
  }

  Json ask(size_t count) const {
    Json trials = Json::array();
    for (const SearchTrial &trial :
         nextTrials(which.space, options.search, outcomes))
      if (trials.size() < count)
        trials.push_back({{"candidate", trial.candidate},
                          {"schedule", schedule(trial.candidate)},
                          {"effort", trial.effort}});
    return {{"trials", trials}};
  }

  /// A candidate by its number or schedule; legal ones alone are candidates.
  size_t read(JsonValue value) const {
    if (value.isInteger())
      return size_t(value.integer(0, int64_t(which.space.size()) - 1));
    Result<Schedule> given = parseSchedule(value.objectText());
    if (!given) {
      value.fail(given.error().message());
      return which.space.size();
    }
    size_t found = which.space.find(*given);
    if (found == which.space.size())
      value.fail("no candidate: " + whyNot(*given));
    return found;
  }

  std::string whyNot(const Schedule &given) const {
    for (const RejectedSchedule &rejected : which.space.rejected)
      if (rejected.schedule == given)
        return rejected.why;
    Status legal = checkSchedule(which.key.problem, which.target, given);
    return legal ? "its knobs have other values than those of the space"
                 : legal.error().message();
  }

  Json tell(JsonValue told) {
    told.expectKeys({"candidate"}, {"ns", "effort", "failed"});
    size_t candidate = read(told["candidate"]);
    SearchOutcome outcome;
    if (JsonValue ns = told["ns"])
      outcome.ns = ns.number();
    else if (!told["failed"])
      told.fail("expected ns or failed");
    if (JsonValue effort = told["effort"])
      outcome.effort = effort.number();
    if (candidate < which.space.size())
      outcomes[candidate] = outcome;
    return {{"known", outcomes.size()}};
  }

  Json best() const {
    std::vector<size_t> order = bestOf(outcomes);
    if (order.empty())
      return {{"candidate", nullptr}};
    return {{"candidate", order.front()},
            {"schedule", schedule(order.front())},
            {"ns", *outcomes.at(order.front()).ns}};
  }

  /// Takes what came of one candidate.
  struct One : Measurer::Progress {
    std::optional<TuningRecord> record;
    size_t candidate = 0;
    bool mayContinue() override { return !isInterrupted(); }
    void take(size_t index, const TuningRecord &taken) override {
      if (index == candidate)
        record = taken;
    }
  };

  Result<Json> measure(JsonValue value) {
    size_t candidate = read(value);
    if (candidate >= which.space.size())
      return Json();
    if (!measurer)
      return Json({{"error", "nothing is measured in this mode"}});
    if (measurer->baselineNs() == 0)
      if (Status measured = measurer->measureBaseline(which); !measured)
        return std::move(measured).error();
    One one;
    one.candidate = candidate;
    std::vector<SearchTrial> trials = {{candidate, 1}};
    if (Status compiled = measurer->compile(which, trials, one); !compiled)
      return std::move(compiled).error();
    if (!one.record)
      if (Status measured = measurer->measure(which, trials, one); !measured)
        return std::move(measured).error();
    if (!one.record)
      return Error(ErrorCode::failed, "interrupted");
    return replyOf(candidate, *one.record);
  }

  Json replyOf(size_t candidate, const TuningRecord &record) {
    Json reply = {{"candidate", candidate},
                  {"result", name(record.result)},
                  {"record", which.ids[candidate]}};
    SearchOutcome outcome;
    if (record.timeNs) {
      outcome.ns = record.timeNs->median;
      reply["ns"] = record.timeNs->median;
      reply["p20"] = record.timeNs->p20;
      reply["p80"] = record.timeNs->p80;
      reply["overDefault"] = record.timeNs->median / *record.baselineNs;
    } else {
      reply["why"] = record.why;
    }
    outcomes[candidate] = outcome;
    return reply;
  }

  const TuneOptions &options;
  const TuneCase &which;
  Measurer *measurer;
  SearchOutcomes outcomes;
};

} // namespace

int askTell(TuneOptions options) {
  Result<std::unique_ptr<TuneRun>> run = TuneRun::prepare(options);
  if (!run)
    return fail(run.error());
  if ((*run)->cases.size() != 1) {
    std::string titles;
    for (const TuneCase &which : (*run)->cases)
      titles += "\n  " + which.title();
    return fail({ErrorCode::badInput,
                 "there are several problems; choose one with --kernel, --dims "
                 "and --target:" +
                     titles});
  }
  AskTell server(options, **run);
  for (std::string line; std::getline(std::cin, line);) {
    Result<std::string> reply = server.serve(line);
    if (isInterrupted())
      return exitInterrupted;
    if (!reply)
      return fail(reply.error());
    std::fputs((*reply + "\n").c_str(), stdout);
    std::fflush(stdout);
  }
  return exitDone;
}

} // namespace headgate

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/SimOptions.h"

#include <charconv>
#include <optional>

namespace headgate::runtime::sim {

namespace {

constexpr int maxThreads = 4096;

std::optional<uint64_t> parseCount(std::string_view text) {
  uint64_t value = 0;
  auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() ||
      end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// Sets one of the named values; false if `text` is none of them.
template <typename T>
bool chooseWord(T &value, std::string_view text,
                std::initializer_list<std::pair<std::string_view, T>> words) {
  for (const auto &[word, meaning] : words)
    if (word == text) {
      value = meaning;
      return true;
    }
  return false;
}

/// What `key` takes if `value` is wrong, or "" if it was set.
std::string setOption(SimOptions &options, std::string_view key,
                      std::string_view value) {
  std::optional<uint64_t> count = parseCount(value);
  if (key == "seed") {
    options.seed = count.value_or(0);
    return count ? "" : "a number";
  }
  if (key == "threads") {
    options.threads = static_cast<int>(count.value_or(0));
    return count && *count >= 1 && *count <= maxThreads
               ? ""
               : "a number from 1 to " + std::to_string(maxThreads);
  }
  if (key == "steps") {
    options.steps = count.value_or(0);
    return count && *count >= 1 ? "" : "a number above 0";
  }
  if (key == "sched") {
    using S = SimOptions::Schedule;
    return chooseWord<S>(options.schedule, value,
                         {{"greedy", S::greedy},
                          {"rr", S::roundRobin},
                          {"random", S::random}})
               ? ""
               : "greedy, rr or random";
  }
  if (key == "async") {
    using A = SimOptions::Async;
    return chooseWord<A>(
               options.async, value,
               {{"late", A::late}, {"early", A::early}, {"random", A::random}})
               ? ""
               : "late, early or random";
  }
  if (key == "check") {
    using C = SimOptions::Check;
    return chooseWord<C>(options.check, value,
                         {{"all", C::all}, {"fast", C::fast}, {"off", C::off}})
               ? ""
               : "all, fast or off";
  }
  if (key == "mma")
    return chooseWord<bool>(options.exactMma, value,
                            {{"fma", false}, {"exact", true}})
               ? ""
               : "fma or exact";
  if (key == "smem-base")
    return chooseWord<bool>(options.minimalSharedBase, value,
                            {{"aligned", false}, {"min", true}})
               ? ""
               : "aligned or min";
  if (key == "lanes") {
    bool known = chooseWord<LaneLevel>(
        options.level, value,
        {{"v2", LaneLevel::v2}, {"v3", LaneLevel::v3}, {"v4", LaneLevel::v4}});
    if (known && options.level > bestLaneLevel())
      return std::string("at most ") +
             (bestLaneLevel() == LaneLevel::v3 ? "v3" : "v2") + " on this CPU";
    return known ? "" : "v2, v3 or v4";
  }
  if (key == "report") {
    options.report = std::string(value);
    return value.empty() ? "the name of a file" : "";
  }
  return "?";
}

} // namespace

Result<SimOptions> parseSimOptions(std::string_view text) {
  SimOptions options;
  options.level = bestLaneLevel();
  size_t comma = text.find(',');
  options.target = std::string(text.substr(0, comma));
  if (options.target == "sm_80")
    options.capability = 80;
  else if (options.target == "sm_90a")
    options.capability = 90;
  else
    return Error(ErrorCode::badInput,
                 "the simulator is sim:sm_80 or sim:sm_90a, "
                 "not sim:" +
                     options.target);
  while (comma != text.npos) {
    text.remove_prefix(comma + 1);
    comma = text.find(',');
    std::string_view option = text.substr(0, comma);
    size_t equals = option.find('=');
    std::string key(option.substr(0, equals));
    std::string_view value =
        equals == option.npos ? "" : option.substr(equals + 1);
    std::string wanted = setOption(options, key, value);
    if (wanted == "?")
      return Error(
          ErrorCode::badInput,
          "unknown option '" + key +
              "'; the simulator takes seed=, sched=, async=, check=, "
              "mma=, smem-base=, threads=, steps=, lanes= and report=");
    if (!wanted.empty())
      return Error(ErrorCode::badInput, "option '" + key + "' takes " + wanted +
                                            ", not '" + std::string(value) +
                                            "'");
  }
  return options;
}

} // namespace headgate::runtime::sim

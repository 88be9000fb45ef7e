// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// report: records as a page of pictures.

#include "lib/Report.h"

#include "tools/tune/RecordCases.h"
#include "tools/tune/RecordCommands.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace headgate {

namespace {

ReportCase reportCaseOf(const RecordCase &of) {
  ReportCase result;
  result.title = of.title();
  result.machine = of.machine();
  result.tools = of.tools();
  result.key = of.key;
  result.defaultNs = of.defaultNs();
  auto copy = [](const std::vector<const StoredRecord *> &from,
                 std::vector<const TuningRecord *> &to) {
    for (const StoredRecord *stored : from)
      to.push_back(&stored->record);
  };
  copy(of.trials, result.trials);
  copy(of.finals, result.finals);
  copy(of.baselines, result.baselines);
  if (const StoredRecord *winner = of.winner())
    result.winner = &winner->record;
  return result;
}

/// A peer that no record is beside would be missed in the page.
Status checkPeers(const std::vector<ReportCase> &cases,
                  const std::vector<ReportPeer> &peers) {
  for (const ReportPeer &peer : peers) {
    bool isDrawn = std::ranges::any_of(cases, [&](const ReportCase &of) {
      auto S = of.key.dims.find("S");
      return peer.isOf(of.key) && S != of.key.dims.end() &&
             std::ranges::any_of(peer.times, [&](const auto &time) {
               return time.first == double(S->second);
             });
    });
    if (!isDrawn)
      return Error(ErrorCode::badInput,
                   "--peer: no record is of " +
                       (peer.kernel.empty() ? "an attention"
                                            : "kernel '" + peer.kernel + "'") +
                       " at a size of '" + peer.name + "'");
  }
  return Success{};
}

Result<std::string> reportText(const RecordSet &set,
                               const std::vector<ReportPeer> &peers) {
  RecordIndex index(set);
  std::vector<RecordCase> found = casesOf(set, index);
  std::vector<ReportCase> cases;
  for (const RecordCase &of : found)
    cases.push_back(reportCaseOf(of));
  ReportFacts facts;
  for (const StoredRecord &stored : set.records) {
    const std::string &when = stored.record.when;
    facts.sessions += stored.record.kind == TuningRecord::Kind::session;
    if (facts.first.empty() || when < facts.first)
      facts.first = when;
    facts.last = std::max(facts.last, when);
  }
  if (Status known = checkPeers(cases, peers); !known)
    return std::move(known).error();
  return formatReport(cases, facts, peers);
}

std::optional<double> parsePositive(std::string_view text) {
  double value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() ||
      !(value > 0 && std::isfinite(value)))
    return std::nullopt;
  return value;
}

} // namespace

Result<ReportPeer> parsePeer(std::string_view text) {
  Error wrong(ErrorCode::badInput,
              "'" + std::string(text) +
                  "': expected [KERNEL/]NAME=S:MS,..., such as "
                  "PyTorch=1024:0.8,2048:3.1");
  ReportPeer peer;
  size_t end = text.rfind('=');
  if (end == text.npos)
    return wrong;
  std::string_view name = text.substr(0, end), rest = text.substr(end + 1);
  if (size_t slash = name.find('/'); slash != name.npos) {
    peer.kernel = name.substr(0, slash);
    name.remove_prefix(slash + 1);
    if (peer.kernel.empty())
      return wrong;
  }
  peer.name = name;
  while (true) {
    std::string_view one = rest.substr(0, rest.find(','));
    size_t colon = one.find(':');
    auto size = parsePositive(one.substr(0, colon));
    auto ms =
        colon == one.npos ? std::nullopt : parsePositive(one.substr(colon + 1));
    if (name.empty() || !size || !ms)
      return wrong;
    peer.times.push_back({*size, *ms * 1e6});
    if (one.size() == rest.size())
      break;
    rest.remove_prefix(one.size() + 1);
  }
  std::ranges::sort(peer.times);
  return peer;
}

ExitCode runReport(const ReportOptions &options) {
  Result<RecordSet> set = loadRecords(options.paths);
  if (!set)
    return fail(set.error());
  Result<std::string> text = reportText(*set, options.peers);
  if (!text)
    return fail(text.error());
  if (Status written = writeWhole(options.output, *text); !written)
    return fail(written.error());
  return exitDone;
}

} // namespace headgate

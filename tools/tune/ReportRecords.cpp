// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// report: records as a page of pictures.

#include "lib/Report.h"

#include "tools/tune/RecordCases.h"
#include "tools/tune/RecordCommands.h"

#include <algorithm>

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

} // namespace

std::string reportText(const RecordSet &set) {
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
  return formatReport(cases, facts);
}

ExitCode runReport(const ReportOptions &options) {
  Result<RecordSet> set = loadRecords(options.paths);
  if (!set)
    return fail(set.error());
  if (Status written = writeWhole(options.output, reportText(*set)); !written)
    return fail(written.error());
  return exitDone;
}

} // namespace headgate

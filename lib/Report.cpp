// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The page: what was found first, then each case with its charts.

#include "lib/Report.h"

#include "lib/CodeFacts.h"
#include "lib/RecordText.h"
#include "lib/ReportCharts.h"
#include "lib/ReportFigure.h"
#include "lib/ReportStyle.h"
#include "lib/ScheduleText.h"
#include "lib/SvgChart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace headgate {

std::string formatNs(double ns) {
  constexpr std::array<std::pair<double, const char *>, 4> units = {
      {{1e9, " s"}, {1e6, " ms"}, {1e3, " µs"}, {1, " ns"}}};
  for (auto [scale, unit] : units) {
    if (ns < scale && scale > 1)
      continue;
    double value = ns / scale;
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*f%s",
                  value >= 100  ? 0
                  : value >= 10 ? 1
                                : 2,
                  value, unit);
    return text.data();
  }
  return "";
}

/// The text of plan.json, {"rows":12,"order":"rows"}, for people.
std::string formatSchedule(const Schedule &schedule) {
  std::string text;
  for (char c : printSchedule(schedule)) {
    if (c == ':')
      text += '=';
    else if (c == ',')
      text += ' ';
    else if (c != '{' && c != '}' && c != '"')
      text += c;
  }
  return text;
}

const Schedule *ReportCase::defaultSchedule() const {
  return baselines.empty() ? nullptr : &baselines.back()->key.schedule;
}

std::optional<double> ReportCase::speedOf(const TuningRecord &record) const {
  if (record.ratio)
    return 1 / record.ratio->value;
  std::optional<double> base =
      record.baselineNs ? record.baselineNs : defaultNs;
  if (!base || !record.timeNs)
    return std::nullopt;
  return *base / record.timeNs->median;
}

namespace {

std::string code(std::string_view text) {
  return "<code>" + escapeMarkup(text) + "</code>";
}
std::string anchorOf(size_t index) { return "case-" + std::to_string(index); }

std::string fact(const std::string &value, std::string_view words) {
  return "<div><b>" + escapeMarkup(value) + "</b>" + escapeMarkup(words) +
         "</div>";
}
std::string counted(size_t count, const char *word) {
  return std::string(word) + (count == 1 ? "" : "s");
}

//===-- what was found ---------------------------------------------------===//

std::string header(std::span<const ReportCase> cases,
                   const ReportFacts &facts) {
  std::set<std::string> kernels, machines;
  size_t trials = 0, failures = 0;
  double product = 1;
  size_t sped = 0;
  for (const ReportCase &of : cases) {
    kernels.insert(of.key.kernel);
    machines.insert(of.machine);
    trials += of.trials.size();
    failures += static_cast<size_t>(
        std::ranges::count_if(of.trials, [](const TuningRecord *record) {
          return record->result != TuningResult::correct;
        }));
    if (of.winner)
      if (std::optional<double> speed = of.speedOf(*of.winner)) {
        product *= *speed;
        ++sped;
      }
  }
  std::string title = kernels.size() == 1 ? *kernels.begin()
                      : kernels.empty()
                          ? std::string("No records")
                          : std::to_string(kernels.size()) + " kernels";
  std::string text = "<p class=\"over\">Headgate · tuning report</p><h1>" +
                     escapeMarkup(title) + "</h1>\n<p class=\"dim\">";
  for (const std::string &machine : machines)
    text += (machine == *machines.begin() ? "" : "; ") + escapeMarkup(machine);
  if (!facts.first.empty())
    text +=
        ". Measured " + escapeMarkup(facts.first) +
        (facts.first == facts.last ? "" : " to " + escapeMarkup(facts.last)) +
        ".";
  text += "</p>\n<div class=\"facts\">";
  if (sped)
    text += fact(formatNumber(std::pow(product, 1 / double(sped))) + "×",
                 "as fast as the default schedules, on average");
  text += fact(std::to_string(cases.size()),
               counted(cases.size(), "kernel and size") == "kernel and size"
                   ? "kernel and size"
                   : "kernels and sizes");
  text += fact(std::to_string(trials), counted(trials, "schedule") + " tried");
  text += fact(std::to_string(failures), "of them failed");
  text += fact(std::to_string(facts.sessions),
               counted(static_cast<size_t>(facts.sessions), "session"));
  return text + "</div>\n";
}

std::string summaryRow(const ReportCase &of, size_t index, double fastest) {
  std::string text = "<tr><td><a href=\"#" + anchorOf(index) + "\">" +
                     escapeMarkup(of.title) + "</a></td><td class=\"num\">" +
                     (of.defaultNs ? formatNs(*of.defaultNs) : "") +
                     "</td><td class=\"num\">";
  if (!of.winner)
    return text + "</td><td></td><td class=\"dim\">nothing measured</td><td>" +
           "</td></tr>\n";
  text += formatNs(of.winner->timeNs->median) + "</td><td>";
  if (std::optional<double> speed = of.speedOf(*of.winner))
    text += "<b>" + formatNumber(*speed) + "×</b><span class=\"bar\" " +
            "style=\"width:" + formatNumber(100 * *speed / fastest) +
            "%\"></span>";
  return text + "</td><td>" + code(formatSchedule(of.winner->key.schedule)) +
         "</td><td>" + code(recordId(of.winner->key).substr(0, 12)) +
         "</td></tr>\n";
}

std::string summary(std::span<const ReportCase> cases) {
  double fastest = 1;
  for (const ReportCase &of : cases)
    if (of.winner)
      fastest = std::max(fastest, of.speedOf(*of.winner).value_or(1));
  std::string text =
      "<div class=\"card scroll\"><table><thead><tr><th>Kernel and size</th>"
      "<th class=\"num\">Default</th><th class=\"num\">Best</th>"
      "<th style=\"min-width:90px\">Speed</th><th>Schedule</th><th>Record</th>"
      "</tr></thead><tbody>\n";
  for (size_t i = 0; i < cases.size(); ++i)
    text += summaryRow(cases[i], i, fastest);
  return text + "</tbody></table></div>\n";
}

//===-- a case -----------------------------------------------------------===//

/// The facts that any of the records has.
std::vector<CodeFact>
knownFacts(const std::vector<const TuningRecord *> &records) {
  std::vector<CodeFact> known;
  for (const CodeFact &fact : codeFacts())
    if (std::ranges::any_of(records, [&](const TuningRecord *record) {
          return fact.of(*record).has_value();
        }))
      known.push_back(fact);
  return known;
}

/// What is known of the code where nothing was timed, the best predicted first.
std::string codeTable(const ReportCase &of) {
  std::vector<const TuningRecord *> records = timedTrials(of);
  std::vector<CodeFact> facts = knownFacts(records);
  if (isMeasured(of) || facts.empty())
    return "";
  std::ranges::sort(records, {}, [](const TuningRecord *record) {
    return std::tuple(*nsOf(*record), recordId(record->key));
  });
  std::string text =
      "<div class=\"card wide scroll\"><h3>What the code takes and does</h3>"
      "<table><thead><tr><th>Schedule</th><th class=\"num\">Predicted</th>";
  for (const CodeFact &fact : facts)
    text += "<th class=\"num\">" + escapeMarkup(fact.what) + "</th>";
  text += "</tr></thead><tbody>\n";
  std::string counted;
  for (const TuningRecord *record : records) {
    text += "<tr><td>" + code(formatSchedule(record->key.schedule)) +
            "</td><td class=\"num\">" + formatNs(*nsOf(*record)) + "</td>";
    for (const CodeFact &fact : facts) {
      std::optional<double> value = fact.of(*record);
      text += "<td class=\"num\">" + (value ? formatNumber(*value, 0) : "") +
              "</td>";
    }
    text += "</tr>\n";
    if (counted.empty())
      counted = formatCountedAt(*record);
  }
  text += "</tbody></table>";
  if (!counted.empty())
    text += "<p class=\"dim\">Instructions, products, wavefronts and sectors "
            "are what the simulator counts at " +
            escapeMarkup(counted) + ".</p>";
  return text + "</div>\n";
}

std::string failures(const ReportCase &of) {
  std::map<std::pair<std::string, std::string>,
           std::vector<const TuningRecord *>>
      groups;
  for (const TuningRecord *record : of.trials)
    if (record->result != TuningResult::correct)
      groups[{std::string(name(record->result)),
              record->why.substr(0, record->why.find('\n'))}]
          .push_back(record);
  if (groups.empty())
    return "";
  std::string text =
      "<div class=\"card wide scroll\"><h3>What failed</h3><table><thead><tr>"
      "<th>Result</th><th class=\"num\">Schedules</th><th>Why</th></tr></thead>"
      "<tbody>\n";
  for (auto &[key, records] : groups) {
    text +=
        "<tr><td><span class=\"pill bad\">" + key.first +
        "</span></td><td class=\"num\">" + std::to_string(records.size()) +
        "</td><td>" +
        escapeMarkup(key.second.empty() ? "no reason recorded" : key.second) +
        "<details><summary>" + std::to_string(records.size()) +
        counted(records.size(), " schedule") + "</summary>";
    for (const TuningRecord *record : records)
      text +=
          code(formatSchedule(record->key.schedule)) + "<br>" +
          (record->reproducer.empty() ? "" : code(record->reproducer) + "<br>");
    text += "</details></td></tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

std::string section(const ReportCase &of, size_t index) {
  std::string text = "<section id=\"" + anchorOf(index) + "\"><h2>" +
                     escapeMarkup(of.title) + "</h2>\n<p class=\"dim\">" +
                     escapeMarkup(of.machine + ", " + of.tools) + "</p>\n";
  std::map<TuningResult, size_t> counts;
  for (const TuningRecord *record : of.trials)
    ++counts[record->result];
  text += "<p>";
  for (auto &[result, count] : counts)
    text += std::string("<span class=\"pill") +
            (result == TuningResult::correct ? "" : " bad") + "\">" +
            std::to_string(count) + " " + std::string(name(result)) +
            "</span> ";
  return text + "</p>\n<div class=\"cards\">\n" + tileMap(of) + knobLines(of) +
         lastRound(of) + predictions(of) + resourcesAndTime(of) +
         baselineDrift(of) + codeTable(of) + failures(of) +
         "</div></section>\n";
}

/// Cases that differ in dims alone, side by side.
std::string sizes(std::span<const ReportCase> cases,
                  std::span<const ReportPeer> peers) {
  std::map<std::string, std::vector<const ReportCase *>> groups;
  for (const ReportCase &of : cases) {
    TuningKey key = of.key;
    key.dims.clear();
    groups[keyText(key)].push_back(&of);
  }
  std::string charts;
  for (auto &[key, group] : groups)
    if (std::string chart = speedOverSize(group, peers); !chart.empty())
      charts += "<h3 class=\"wide\">" + escapeMarkup(group[0]->key.kernel) +
                " for " + escapeMarkup(group[0]->key.target) + "</h3>" + chart;
  if (charts.empty())
    return "";
  return "<section><h2>Across sizes</h2><div class=\"cards\">" + charts +
         "</div></section>\n";
}

} // namespace

bool ReportPeer::isOf(const TuningKey &key) const {
  return kernel.empty() ? std::holds_alternative<AttendProblem>(key.problem)
                        : kernel == key.kernel;
}

std::string formatReport(std::span<const ReportCase> cases,
                         const ReportFacts &facts,
                         std::span<const ReportPeer> peers) {
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n<title>Headgate tuning report</title>\n<style>";
  text += reportStyle;
  text += "</style></head><body><main>\n";
  text += header(cases, facts);
  if (!cases.empty())
    text += summary(cases);
  text += sizes(cases, peers);
  for (size_t i = 0; i < cases.size(); ++i)
    text += section(cases[i], i);
  return text +
         "<footer>Times are medians. A schedule wins by its ratio to the "
         "default one; within 2 % of the best it is a tie, which order "
         "decides. Hover a mark for its schedule and record; headgate-tune "
         "show --id= prints a record.</footer>\n</main></body></html>\n";
}

} // namespace headgate

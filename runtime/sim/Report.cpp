// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Report.h"

#include <nlohmann/json.hpp>

namespace headgate::runtime::sim {

const char *name(FindingKind kind) {
  switch (kind) {
  case FindingKind::outOfBounds:
    return "out-of-bounds";
  case FindingKind::misaligned:
    return "misaligned";
  case FindingKind::useAfterFree:
    return "use-after-free";
  case FindingKind::uninitialisedShared:
    return "uninitialised-shared";
  case FindingKind::uninitialisedGlobal:
    return "uninitialised-global";
  case FindingKind::uninitialisedRegister:
    return "uninitialised-register";
  case FindingKind::race:
    return "race";
  case FindingKind::asyncRace:
    return "async-race";
  case FindingKind::barrierMisuse:
    return "barrier-misuse";
  case FindingKind::divergence:
    return "divergence";
  case FindingKind::laneExchange:
    return "lane-exchange";
  case FindingKind::deadlock:
    return "deadlock";
  case FindingKind::tooLong:
    return "too-long";
  case FindingKind::trap:
    return "trap";
  }
  return "";
}

void LaunchCounters::add(const LaunchCounters &other) {
  blocks += other.blocks;
  for (int i = 0; i < opClasses; ++i)
    instructions[i] += other.instructions[i];
  sharedRequests += other.sharedRequests;
  sharedWavefronts += other.sharedWavefronts;
  sharedIdeal += other.sharedIdeal;
  sharedBytes += other.sharedBytes;
  globalRequests += other.globalRequests;
  globalSectors += other.globalSectors;
  globalIdealSectors += other.globalIdealSectors;
  globalBytes += other.globalBytes;
  mmaMacs += other.mmaMacs;
}

uint64_t LaunchCounters::total() const {
  uint64_t sum = 0;
  for (uint64_t count : instructions)
    sum += count;
  return sum;
}

void Reporter::add(Finding finding) {
  any_.store(true, std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  Key key(finding.site.op, finding.kind,
          finding.hasOther ? finding.other.op + 1 : 0);
  auto [found, fresh] = findings_.try_emplace(key, finding);
  if (fresh)
    return;
  // The first block in grid order is the one to show, whoever came first.
  uint64_t count = found->second.count + 1;
  auto order = [](const Finding &f) {
    return std::tuple(f.block[2], f.block[1], f.block[0]);
  };
  if (order(finding) < order(found->second))
    found->second = std::move(finding);
  found->second.count = count;
}

std::vector<Finding> Reporter::take() {
  std::lock_guard lock(mutex_);
  std::vector<Finding> findings;
  for (auto &[key, finding] : findings_)
    findings.push_back(std::move(finding));
  findings_.clear();
  any_ = false;
  return findings;
}

namespace {
using Files = std::map<uint32_t, std::string>;

/// "line 12 (kernel.cu:30:7), ld.global.u32"
std::string describe(const Site &site, const Files &files) {
  std::string text = "line " + std::to_string(site.origin.line);
  if (site.origin.sourceLine) {
    auto file = files.find(site.origin.file);
    text += " (" + (file == files.end() ? "?" : file->second) + ":" +
            std::to_string(site.origin.sourceLine) + ":" +
            std::to_string(site.origin.sourceColumn) + ")";
  }
  return text + ", " + site.text;
}

nlohmann::json siteJson(const Site &site, const Files &files) {
  nlohmann::json json = {{"line", site.origin.line},
                         {"instruction", site.text}};
  if (site.origin.sourceLine) {
    auto file = files.find(site.origin.file);
    json["source"] = {{"file", file == files.end() ? "" : file->second},
                      {"line", site.origin.sourceLine},
                      {"column", site.origin.sourceColumn}};
  }
  return json;
}
constexpr size_t shown = 20; ///< findings in a text; JSON has them all
} // namespace

std::string formatText(const std::vector<Finding> &findings, const Files &files,
                       const std::string &replay) {
  std::string text;
  for (size_t i = 0; i < findings.size() && i < shown; ++i) {
    const Finding &finding = findings[i];
    text += std::string(text.empty() ? "" : "\n") + name(finding.kind) + ": " +
            finding.kernel + ", " + describe(finding.site, files) +
            "\n  block (" + std::to_string(finding.block[0]) + "," +
            std::to_string(finding.block[1]) + "," +
            std::to_string(finding.block[2]) + "), warp " +
            std::to_string(finding.warp);
    if (finding.lane >= 0)
      text += ", lane " + std::to_string(finding.lane);
    text += ": " + finding.detail;
    if (finding.hasOther)
      text += "\n  the other access: warp " +
              std::to_string(finding.otherWarp) + ", " +
              describe(finding.other, files);
    if (finding.count > 1)
      text += "\n  found " + std::to_string(finding.count) + " times";
  }
  if (findings.size() > shown)
    text += "\nand " + std::to_string(findings.size() - shown) + " more";
  return text + "\nrun again with --device=" + replay;
}

std::string formatJson(const std::vector<Finding> &findings,
                       const LaunchCounters &counters, const Files &files,
                       const std::string &replay) {
  nlohmann::json root = {
      {"format", "headgate.sim-report"}, {"version", 1}, {"device", replay}};
  auto &list = root["findings"] = nlohmann::json::array();
  for (const Finding &finding : findings) {
    nlohmann::json json = {{"kind", name(finding.kind)},
                           {"kernel", finding.kernel},
                           {"at", siteJson(finding.site, files)},
                           {"block", finding.block},
                           {"warp", finding.warp},
                           {"detail", finding.detail},
                           {"count", finding.count}};
    if (finding.lane >= 0)
      json["lane"] = finding.lane;
    if (finding.hasOther) {
      json["other"] = siteJson(finding.other, files);
      json["other"]["warp"] = finding.otherWarp;
    }
    list.push_back(std::move(json));
  }
  auto &counts = root["counters"];
  counts["blocks"] = counters.blocks;
  for (int i = 0; i < opClasses; ++i)
    counts["instructions"][name(static_cast<OpClass>(i))] =
        counters.instructions[i];
  counts["mmaMacs"] = counters.mmaMacs;
  counts["shared"] = {{"requests", counters.sharedRequests},
                      {"wavefronts", counters.sharedWavefronts},
                      {"idealWavefronts", counters.sharedIdeal},
                      {"bytes", counters.sharedBytes}};
  counts["global"] = {{"requests", counters.globalRequests},
                      {"sectors", counters.globalSectors},
                      {"idealSectors", counters.globalIdealSectors},
                      {"bytes", counters.globalBytes}};
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

std::string formatText(const LaunchCounters &counters) {
  std::string text = std::to_string(counters.blocks) + " blocks, " +
                     std::to_string(counters.total()) + " warp instructions:";
  for (int i = 0; i < opClasses; ++i)
    if (counters.instructions[i])
      text += std::string(" ") + name(static_cast<OpClass>(i)) + " " +
              std::to_string(counters.instructions[i]);
  text += "\nshared: " + std::to_string(counters.sharedWavefronts) +
          " wavefronts (ideal " + std::to_string(counters.sharedIdeal) + "), " +
          std::to_string(counters.sharedBytes) +
          " bytes\nglobal: " + std::to_string(counters.globalSectors) +
          " sectors (ideal " + std::to_string(counters.globalIdealSectors) +
          "), " + std::to_string(counters.globalBytes) + " bytes\n";
  return text;
}

} // namespace headgate::runtime::sim

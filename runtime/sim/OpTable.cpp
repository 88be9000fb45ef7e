// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Control.h"
#include "runtime/sim/Op.h"

#include <map>

namespace headgate::runtime::sim {

namespace v2 {
LevelTable table();
}
namespace v3 {
LevelTable table();
}
namespace v4 {
LevelTable table();
}

const char *name(OpClass kind) {
  static constexpr const char *names[opClasses] = {
      "integer",  "float",   "convert", "move",     "matrix",
      "shared",   "global",  "local",   "constant", "async",
      "exchange", "barrier", "control"};
  return names[static_cast<int>(kind)];
}

const char *name(LaneLevel level) {
  switch (level) {
  case LaneLevel::v2:
    return "x86-64-v2";
  case LaneLevel::v3:
    return "x86-64-v3";
  case LaneLevel::v4:
    return "x86-64-v4";
  }
  return "";
}

LaneLevel bestLaneLevel() {
  __builtin_cpu_init();
  auto v4 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  // F16C, LZCNT and MOVBE, which v3 also promises, came with these.
  auto v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
            __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  return v4 && v3 ? LaneLevel::v4 : v3 ? LaneLevel::v3 : LaneLevel::v2;
}

namespace {
/// Rows by the first word of their opcode.
class Index {
public:
  explicit Index(const LevelTable &table) {
    for (int part = 0; part < LevelTable::parts; ++part)
      add(table.rows[part], table.counts[part]);
    std::span<const OpRow> control = controlRows();
    add(control.data(), control.size());
  }
  const std::vector<const OpRow *> &find(std::string_view base) const {
    static const std::vector<const OpRow *> none;
    auto found = rows_.find(base);
    return found == rows_.end() ? none : found->second;
  }
  std::vector<const OpRow *> all() const {
    std::vector<const OpRow *> rows;
    for (const auto &[base, some] : rows_)
      rows.insert(rows.end(), some.begin(), some.end());
    return rows;
  }

private:
  void add(const OpRow *rows, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      std::string_view pattern = rows[i].pattern;
      std::string_view base = pattern.substr(0, pattern.find_first_of(".[{"));
      rows_[std::string(base)].push_back(&rows[i]);
    }
  }
  std::map<std::string, std::vector<const OpRow *>, std::less<>> rows_;
};

const Index &indexOf(LaneLevel level) {
  static const Index v2Index(v2::table()), v3Index(v3::table()),
      v4Index(v4::table());
  return level == LaneLevel::v4   ? v4Index
         : level == LaneLevel::v3 ? v3Index
                                  : v2Index;
}
} // namespace

std::vector<const OpRow *> findRows(LaneLevel level, std::string_view base) {
  return indexOf(level).find(base);
}
std::vector<const OpRow *> allRows(LaneLevel level) {
  return indexOf(level).all();
}

bool matches(std::string_view pattern, std::string_view opcode) {
  // Takes ".word" off the front of the opcode if it is `word`.
  auto takeWord = [&](std::string_view word) {
    if (!opcode.starts_with(word) ||
        (opcode.size() > word.size() && opcode[word.size()] != '.'))
      return false;
    opcode.remove_prefix(word.size());
    return true;
  };
  while (!pattern.empty()) {
    char open = pattern.front();
    if (open == '[' || open == '{') {
      size_t close = pattern.find(open == '[' ? ']' : '}');
      std::string_view group = pattern.substr(1, close - 1);
      bool found = false;
      while (!found && !group.empty()) {
        size_t bar = group.find('|');
        found = takeWord(group.substr(0, bar));
        group = bar == group.npos ? "" : group.substr(bar + 1);
      }
      if (!found && open == '{')
        return false;
      pattern.remove_prefix(close + 1);
      continue;
    }
    size_t end = pattern.find_first_of(".[{", 1);
    if (!takeWord(pattern.substr(0, end)))
      return false;
    pattern = end == pattern.npos ? "" : pattern.substr(end);
  }
  return opcode.empty();
}

} // namespace headgate::runtime::sim

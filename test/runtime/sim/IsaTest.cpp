// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every form in the table of instructions is PTX: it is written out with each
// of its modifiers once, the simulator loads it, and ptxas, where there is one,
// assembles it for sm_90.

#include "runtime/sim/Op.h"
#include "test/runtime/sim/SimTest.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

namespace headgate::test {
namespace {

using runtime::sim::OperandSpec;
using runtime::sim::OpRow;

/// The spellings of a pattern: required groups by their first word, optional
/// ones left away; then each other word of each group in turn.
std::vector<std::string> spellings(std::string_view pattern) {
  struct Piece {
    std::vector<std::string> choices;
  };
  std::vector<Piece> pieces;
  while (!pattern.empty()) {
    char open = pattern.front();
    if (open != '[' && open != '{') {
      size_t end = pattern.find_first_of("[{");
      pieces.push_back({{std::string(pattern.substr(0, end))}});
      pattern = end == pattern.npos ? "" : pattern.substr(end);
      continue;
    }
    size_t close = pattern.find(open == '[' ? ']' : '}');
    std::string_view group = pattern.substr(1, close - 1);
    Piece piece;
    if (open == '[')
      piece.choices.push_back("");
    while (!group.empty()) {
      size_t bar = group.find('|');
      piece.choices.emplace_back(group.substr(0, bar));
      group = bar == group.npos ? "" : group.substr(bar + 1);
    }
    pieces.push_back(piece);
    pattern.remove_prefix(close + 1);
  }
  std::vector<std::string> result;
  auto spell = [&](size_t which, size_t choice) {
    std::string text;
    for (size_t i = 0; i < pieces.size(); ++i)
      text += pieces[i].choices[i == which ? choice : 0];
    result.push_back(text);
  };
  spell(pieces.size(), 0);
  for (size_t i = 0; i < pieces.size(); ++i)
    for (size_t k = 1; k < pieces[i].choices.size(); ++k)
      spell(i, k);
  return result;
}

std::string registerOf(const OperandSpec &spec, bool result, int number) {
  std::string base = spec.bits == 1    ? "%p"
                     : spec.bits == 16 ? "%rs"
                     : spec.bits == 32 ? "%r"
                                       : "%rd";
  return base + std::to_string(number + (result ? 16 : 0));
}

/// Operands as the row wants them; optional ones are left away.
std::string operandsOf(const OpRow &row, const std::string &opcode) {
  using Kind = OperandSpec::Kind;
  std::string text;
  bool combines = opcode.find(".and.") != opcode.npos ||
                  opcode.find(".or.") != opcode.npos ||
                  opcode.find(".xor.") != opcode.npos;
  for (int i = 0; i < row.operandCount; ++i) {
    const OperandSpec &spec = row.operands[i];
    bool needed =
        !spec.optional || (spec.kind == Kind::predicate && combines) ||
        (spec.kind == Kind::policy && opcode.find("cache_hint") != opcode.npos);
    if (!needed)
      break;
    text += text.empty() ? " " : ", ";
    bool result = spec.kind == Kind::result;
    switch (spec.kind) {
    case Kind::result:
    case Kind::source:
    case Kind::realSource:
      if (spec.count == 1 && opcode.find("matrix.sync") == opcode.npos &&
          !opcode.starts_with("mma")) {
        text += registerOf(spec, result, i);
        break;
      }
      if (opcode.starts_with("movmatrix")) {
        text += registerOf(spec, result, i);
        break;
      }
      text += "{";
      for (int k = 0; k < spec.count; ++k)
        text += (k ? ", " : "") + registerOf(spec, result, k);
      text += "}";
      break;
    case Kind::resultAnd:
      text += registerOf(spec, true, i) + "|%p30";
      break;
    case Kind::predicate:
      text += "%p1";
      break;
    case Kind::address:
      text += opcode.find("shared") != opcode.npos && i == 0 ? "[buffer]"
                                                             : "[%rd1]";
      break;
    case Kind::immediate:
      text += opcode.starts_with("cp.async.c")    ? "16"
              : opcode.find(".L2") != opcode.npos ? "128"
                                                  : "1";
      break;
    case Kind::label:
      text += "DONE";
      break;
    case Kind::labels:
      text += "TABLE";
      break;
    case Kind::name:
      text += spec.bits == 64 ? "%clock64" : "%clock";
      break;
    case Kind::policy:
      text += "%rd2";
      break;
    }
  }
  return text;
}

/// Loads and stores have modifiers that depend on each other; real compilers'
/// code covers them.
bool isGenerated(std::string_view opcode) {
  for (std::string_view base : {"ld.", "ld[", "st.", "st[", "atom", "red["})
    if (opcode.starts_with(base))
      return false;
  return true;
}

/// A kernel with every form, one a line.
std::string everyForm() {
  std::string text = ".version 8.6\n.target sm_90\n.address_size 64\n"
                     ".visible .entry all(.param .u64 pointer)\n{\n"
                     ".reg .pred %p<32>;\n.reg .b16 %rs<32>;\n"
                     ".reg .b32 %r<32>;\n.reg .b64 %rd<32>;\n"
                     ".shared .align 16 .b8 buffer[1024];\n"
                     "TABLE: .branchtargets DONE, DONE;\n"
                     "ld.param.u64 %rd1, [pointer];\n";
  for (const OpRow *row :
       runtime::sim::allRows(runtime::sim::bestLaneLevel())) {
    if (!isGenerated(row->pattern))
      continue;
    for (const std::string &opcode : spellings(row->pattern))
      // A guard, so that what follows a branch or an exit is not dead.
      text += (opcode.find("aligned") == opcode.npos ? "@%p2 " : "") + opcode +
              operandsOf(*row, opcode) + ";\n";
  }
  return text + "DONE:\nret;\n}\n";
}

TEST(Isa, LoadsEveryForm) {
  auto device = runtime::sim::openSimDevice("sm_90a");
  ASSERT_TRUE(device);
  auto image = (*device)->load({"all", "ptx", "all.ptx", everyForm()});
  EXPECT_TRUE(image) << image.error().message();
}

TEST(Isa, EveryFormAssembles) {
  const char *ptxas = HEADGATE_PTXAS;
  if (!*ptxas)
    GTEST_SKIP() << "no ptxas";
  std::string name = (std::filesystem::temp_directory_path() /
                      ("headgate-isa-" + std::to_string(getpid()) + ".ptx"))
                         .string();
  std::string text = everyForm();
  std::ofstream(name) << text;
  std::string command =
      std::string(ptxas) + " -arch=sm_90 -O0 -o /dev/null " + name + " 2>&1";
  FILE *pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said;
  for (char buffer[4096]; size_t n = fread(buffer, 1, sizeof(buffer), pipe);)
    said.append(buffer, n);
  int status = pclose(pipe);
  std::filesystem::remove(name);
  // "ptxas FILE, line 12; error : ..." with the line itself.
  std::vector<std::string> lines;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  std::stringstream errors(said);
  for (std::string line; std::getline(errors, line);) {
    size_t at = line.find(", line ");
    size_t number = at == line.npos ? 0 : std::stoul(line.substr(at + 7));
    if (line.find("error") != line.npos)
      ADD_FAILURE() << (number && number <= lines.size() ? lines[number - 1]
                                                         : "")
                    << "\n  " << line;
  }
  EXPECT_EQ(status, 0);
}

} // namespace
} // namespace headgate::test

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CommandLine.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace headgate::reference {

const char *const help = R"(usage:
  headgate-reference CASE_DIR [--out=DIR]    compute a case, write out.*.npy
  headgate-reference CASE_DIR --check        compare with the stored out.*.npy
  headgate-reference --make=CASE_DIR [...]   make a case of random inputs

A case is a directory with case.json and in.*.npy; --out defaults to it.

options of --make:
  --system=gqe|moh-dit|llama-moe-v2|switchhead           default gqe
  --variant=gqe|hard_concat|weighted_concat  gqe         default gqe
  --level=core|layer       gqe                           default layer
  --dtype=f32|bf16         bf16: inputs are bf16 numbers; default f32
  --seed=N                                               default 0
  --batch=B --tokens=S     extents                       default 2, 17
  --dim=d --head-dim=D                                   default 24, 16
  --experts=M --topk=k                                   default 4, 2
  --groups=N               gqe; of switchhead: heads     default 2
  --shared=U               gqe: 0 or 1; moh-dit          default 1; 2
  --past=P                 gqe: keys in the cache        default 0
  --heads-per-expert=u     llama-moe-v2                  default 2
  --rotate=n               switchhead: what --rope turns default D/2
  --rope                   not moh-dit
  --bias                   gqe, moh-dit
  --mask --kv-start        gqe
exit code: 0 done, 1 error, 2 usage, 3 --check found a difference
)";

namespace {
Error usage(std::string message) {
  return {ErrorCode::badInput, std::move(message)};
}

struct Option {
  std::string_view name;
  std::variant<bool *, int64_t *, uint64_t *, std::string *> target;
  std::string_view systems = {}; ///< of --make; empty: not of --make
  std::string_view words = {};   ///< values it may have; empty: any
  bool used = false;
};

constexpr std::string_view all = "gqe moh-dit llama-moe-v2 switchhead";

std::vector<Option> optionsInto(Options &to, std::string &dtype) {
  MakeOptions &made = to.made;
  return {
      {"help", &to.help},
      {"check", &to.check},
      {"out", &to.out},
      {"make", &to.make},
      {"system", &made.system, all, all},
      {"variant", &made.variant, "gqe", "gqe hard_concat weighted_concat"},
      {"level", &made.level, all, "core layer"},
      {"dtype", &dtype, all, "f32 bf16"},
      {"seed", &made.seed, all},
      {"batch", &made.batch, all},
      {"tokens", &made.tokens, all},
      {"dim", &made.dim, all},
      {"head-dim", &made.headDim, all},
      {"experts", &made.experts, all},
      {"topk", &made.topk, all},
      {"groups", &made.groups, "gqe switchhead"},
      {"shared", &made.shared, "gqe moh-dit"},
      {"past", &made.past, "gqe"},
      {"heads-per-expert", &made.headsPerExpert, "llama-moe-v2"},
      {"rotate", &made.rotate, "switchhead"},
      {"rope", &made.rope, "gqe llama-moe-v2 switchhead"},
      {"bias", &made.bias, "gqe moh-dit"},
      {"mask", &made.mask, "gqe"},
      {"kv-start", &made.kvStart, "gqe"},
  };
}

bool hasWord(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word)
      return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

std::string listed(std::string_view words) {
  std::string list(words);
  std::ranges::replace(list, ' ', '|');
  return list;
}

/// Sets what the option is about; false if the value is no number.
bool setTarget(Option &option, std::string_view value) {
  auto number = [&](auto &target) {
    auto [end, failure] =
        std::from_chars(value.data(), value.data() + value.size(), target);
    return failure == std::errc() && end == value.data() + value.size() &&
           target >= 0;
  };
  if (auto *text = std::get_if<std::string *>(&option.target)) {
    **text = value;
    return true;
  }
  if (auto *extent = std::get_if<int64_t *>(&option.target))
    return number(**extent);
  return number(**std::get_if<uint64_t *>(&option.target));
}

/// Takes argv[i], and the next argument where it is the value.
Status take(std::vector<Option> &options, int &i, int argc, char **argv) {
  std::string_view argument = std::string_view(argv[i]).substr(2);
  size_t equals = std::min(argument.find('='), argument.size());
  std::string name(argument.substr(0, equals));
  auto option = std::ranges::find(options, name, &Option::name);
  if (option == options.end())
    return usage("unknown option --" + name);
  option->used = true;
  bool hasValue = equals < argument.size();
  if (auto *flag = std::get_if<bool *>(&option->target)) {
    **flag = true;
    return hasValue ? Status(usage("--" + name + " takes no value"))
                    : Status(Success());
  }
  if (!hasValue && i + 1 == argc)
    return usage("--" + name + " needs a value");
  std::string_view value = hasValue ? argument.substr(equals + 1) : argv[++i];
  if (!option->words.empty() && !hasWord(option->words, value))
    return usage("--" + name + " is " + listed(option->words) + ", not '" +
                 std::string(value) + "'");
  if (!setTarget(*option, value))
    return usage("--" + name + " is a number from 0, not '" +
                 std::string(value) + "'");
  return Success();
}

/// Do the options that were used belong together?
Status checkTogether(const Options &to, const std::vector<Option> &options) {
  for (const Option &option : options) {
    if (!option.used || option.systems.empty())
      continue;
    std::string name = "--" + std::string(option.name);
    if (to.make.empty())
      return usage(name + " belongs to --make");
    if (!hasWord(option.systems, to.made.system))
      return usage(name + " belongs to --system=" + listed(option.systems));
  }
  if (to.make.empty() == to.directory.empty())
    return usage(to.make.empty() ? "which case?"
                                 : "--make has its directory, so '" +
                                       to.directory + "' is one too many");
  if ((to.check && !to.out.empty()) || (!to.make.empty() && to.check) ||
      (!to.make.empty() && !to.out.empty()))
    return usage("--out, --check and --make exclude each other");
  return Success();
}
} // namespace

Result<Options> parseCommandLine(int argc, char **argv) {
  Options to;
  std::string dtype = "f32";
  std::vector<Option> options = optionsInto(to, dtype);
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument.starts_with("--")) {
      if (Status taken = take(options, i, argc, argv); !taken)
        return std::move(taken).error();
    } else if (!to.directory.empty()) {
      return usage("one case at a time: '" + std::string(argument) +
                   "' is the second");
    } else {
      to.directory = argument;
    }
  }
  if (to.help)
    return to;
  if (Status together = checkTogether(to, options); !together)
    return std::move(together).error();
  to.made.bf16 = dtype == "bf16";
  if (to.out.empty())
    to.out = to.directory;
  return to;
}

} // namespace headgate::reference

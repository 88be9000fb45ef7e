// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The oracle: what a routed-attention layer gives, in double, for a case of any
// size; and a maker of such cases. README.md beside this file describes both.

#include "CaseFiles.h"
#include "CommandLine.h"
#include "MakeCase.h"

#include <cstdio>

using namespace headgate;
using namespace headgate::reference;

namespace {
enum ExitCode : int { done = 0, failed = 1, badUsage = 2, different = 3 };

ExitCode fail(const Error &error, ExitCode code = failed) {
  std::fprintf(stderr, "error: %s\n", error.message().c_str());
  return code;
}

std::string formatIndex(const std::vector<int64_t> &index) {
  std::string text;
  for (int64_t i : index)
    text += (text.empty() ? "" : ",") + std::to_string(i);
  return "[" + text + "]";
}

/// "y: largest error 1.2e-07, allowed 7.1e-07 + 3e-07 |expected|"
void print(const Check &check) {
  const Comparison &c = check.comparison;
  std::printf("%s: ", check.name.c_str());
  if (!c.shapesAgree) {
    std::printf("FAILED: its shape differs from the expected one\n");
    return;
  }
  std::printf("largest error %.2g, allowed %.2g + %.2g |expected|", c.maxError,
              check.tolerance.atol, check.tolerance.rtol);
  if (!c.passed())
    std::printf("; FAILED: %lld of %lld elements, %s is %.9g, expected %.9g",
                static_cast<long long>(c.differing),
                static_cast<long long>(c.elements),
                formatIndex(c.worst).c_str(), c.found, c.expected);
  std::printf("\n");
}

ExitCode compute(const Options &options) {
  Result<Case> c = readCase(options.directory);
  if (!c)
    return fail(c.error());
  Result<Inputs> inputs = readInputs(*c, options.directory);
  if (!inputs)
    return fail(inputs.error());
  Result<NamedArrays> arrays = expectedOf(*c, arraysOf(runLayer(*c, *inputs)));
  if (!arrays)
    return fail(arrays.error());
  if (!options.check) {
    Status written = writeArrays("out", *arrays, options.out);
    return written ? done : fail(written.error());
  }
  Result<std::vector<Check>> checks =
      checkArrays(*c, *arrays, options.directory);
  if (!checks)
    return fail(checks.error());
  bool passed = true;
  for (const Check &check : *checks) {
    print(check);
    passed &= check.comparison.passed();
  }
  return passed ? done : different;
}
} // namespace

int main(int argc, char **argv) {
  Result<Options> options = parseCommandLine(argc, argv);
  if (!options) {
    ExitCode code = fail(options.error(), badUsage);
    std::fprintf(stderr, "headgate-reference --help says how it is used\n");
    return code;
  }
  if (options->help) {
    std::fputs(reference::help, stdout);
    return done;
  }
  if (options->make.empty())
    return compute(*options);
  Status made = makeCase(options->made, options->make);
  return made ? done : fail(made.error());
}

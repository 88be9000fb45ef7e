// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef HEADGATE_TEST_REFERENCE_COMMANDLINE_H
#define HEADGATE_TEST_REFERENCE_COMMANDLINE_H

#include "MakeCase.h"
#include "headgate/Result.h"

#include <string>

namespace headgate::reference {

struct Options {
  std::string directory; ///< of the case
  std::string out;       ///< where results go
  bool help = false, check = false;
  std::string make; ///< the directory of a case to make, or ""
  MakeOptions made;
};

extern const char *const help;

/// An error is one of usage.
Result<Options> parseCommandLine(int argc, char **argv);

} // namespace headgate::reference

#endif // HEADGATE_TEST_REFERENCE_COMMANDLINE_H

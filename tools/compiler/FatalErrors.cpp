// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compiler/FatalErrors.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/raw_ostream.h"

#include <unistd.h>

void headgate::exitOnFatalErrors() {
  llvm::install_fatal_error_handler([](void *, const char *reason, bool) {
    llvm::errs() << "error: LLVM cannot generate this code: " << reason << "\n";
    llvm::errs().flush();
    // Other threads may be at work: nothing of theirs is taken down.
    _exit(1);
  });
}

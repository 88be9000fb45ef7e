// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compiler/FatalErrors.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <unistd.h>

void headgate::exitOnFatalErrors() {
  llvm::install_fatal_error_handler([](void *, const char *reason, bool) {
    // One thread says it, even where several meet the same.
    static std::atomic_flag isSaid;
    while (isSaid.test_and_set())
      pause();
    llvm::errs()
        << "error: LLVM cannot generate this code: " << reason
        << "\nnote: this is a bug in the compiler; headgate-reduce makes "
           "a small input to report\n";
    llvm::errs().flush();
    // Other threads may be at work: nothing of theirs is taken down.
    _exit(1);
  });
}

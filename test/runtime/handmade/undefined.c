/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * An image that calls what no process has: loading it must fail, and the
 * failure must name the function. */

#include "headgate/HostKernel.h"

void headgate_no_such_function(void);

__attribute__((visibility("default"))) void
hg_undefined(const HgBlock *block, const void *const *arguments) {
  (void)block;
  (void)arguments;
  headgate_no_such_function();
}

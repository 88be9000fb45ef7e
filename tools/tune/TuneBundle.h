// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// headgate-tune BUNDLE.hgb --dims=...: measures the variants that a bundle has
// on a device and writes the fastest of each bucket of sizes to its tuned.json,
// by which the runtime chooses. Nothing is compiled, so there is no twin that
// says what the ops mean: a variant must agree with the default one.

#ifndef HEADGATE_TOOLS_TUNE_TUNEBUNDLE_H
#define HEADGATE_TOOLS_TUNE_TUNEBUNDLE_H

#include "headgate/Result.h"
#include "tools/tune/TuneCommandLine.h"

namespace headgate {

/// Whether the input is a bundle rather than a module.
bool isBundle(const TuneOptions &options);

/// Prints what it finds; an error if a default variant fails, or if there is
/// nothing to tune.
Status tuneBundle(const TuneOptions &options);

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_TUNEBUNDLE_H

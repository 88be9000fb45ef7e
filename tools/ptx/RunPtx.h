// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches a kernel of any PTX file on the simulator, with arguments from files
// and numbers, and says what the checks find. stdout is the result only.

#ifndef HEADGATE_TOOLS_PTX_RUNPTX_H
#define HEADGATE_TOOLS_PTX_RUNPTX_H

#include "tools/ExitCode.h"
#include "tools/ptx/PtxCommandLine.h"

namespace headgate {

ExitCode runPtxKernel(const PtxRunOptions &options);

} // namespace headgate

#endif // HEADGATE_TOOLS_PTX_RUNPTX_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// headgate-bench --worker: checks and times candidates of the tuner, in a
// process that may be killed. See lib/WorkerText.h.

#ifndef HEADGATE_TOOLS_BENCHWORKER_H
#define HEADGATE_TOOLS_BENCHWORKER_H

#include "headgate/Device.h"
#include "tools/ExitCode.h"

#include <memory>

namespace headgate {

/// Serves requests from standard input until it ends. What is wrong with a
/// request or a bundle is a reply; an error is what is no request at all.
ExitCode serveRequests(std::shared_ptr<Device> device);

} // namespace headgate

#endif // HEADGATE_TOOLS_BENCHWORKER_H

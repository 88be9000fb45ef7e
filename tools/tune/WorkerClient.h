// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A `headgate-bench --worker` that may hang or die: it is killed, and another
// one started for the next request.

#ifndef HEADGATE_TOOLS_TUNE_WORKERCLIENT_H
#define HEADGATE_TOOLS_TUNE_WORKERCLIENT_H

#include "lib/WorkerText.h"
#include "runtime/ChildProcess.h"

#include <optional>
#include <string>

namespace headgate {

class WorkerClient {
public:
  /// `program`: headgate-bench. `cudaDriver`: "" for what that takes. Nothing
  /// runs before the first request.
  WorkerClient(std::string program, std::string uri,
               std::string cudaDriver = {})
      : program(std::move(program)), uri(std::move(uri)),
        cudaDriver(std::move(cudaDriver)) {}

  /// Starts a worker unless one runs. An error if it does not come up, or says
  /// that the device is not here.
  Result<WorkerDevice> device();

  /// The reply to a request, whose id is filled in. A worker that does not
  /// reply in time is a `timeout`, one that dies a `runtime`; both are replies.
  /// An error is one without which nothing can be measured, or `failed` if we
  /// were interrupted.
  Result<WorkerReply> ask(WorkerRequest request, double seconds);

  /// The last round: times the bundles of a request in turns, 6 rounds or 1 s
  /// in each of 5 workers, one started after another. Where memory lies is
  /// different in each, which favours now this schedule and now that by as much
  /// as good ones differ. The reply has the samples of all; one that is not
  /// `correct` ends the round.
  Result<WorkerReply> askInTurns(WorkerRequest request, double seconds);

  std::vector<std::string> command() const;

private:
  Status start();
  WorkerReply dead(TuningResult result, const std::string &why);

  std::string program, uri, cudaDriver;
  std::optional<runtime::ChildProcess> child;
  std::optional<WorkerDevice> known;
  int64_t lastId = 0;
};

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_WORKERCLIENT_H

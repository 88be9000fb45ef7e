// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What records know of a schedule's code without timing it: what it takes of
// the machine, and what the simulator counted of it.

#ifndef HEADGATE_LIB_CODEFACTS_H
#define HEADGATE_LIB_CODEFACTS_H

#include "headgate/TuningRecord.h"

#include <optional>
#include <span>
#include <string>

namespace headgate {

struct CodeFact {
  const char *what; ///< behind a number: "registers", "bank conflicts"
  std::optional<double> (*of)(const TuningRecord &);
};

/// In the order in which they are shown.
std::span<const CodeFact> codeFacts();

/// "168 registers, 49152 bytes shared, 812345 instructions": those that are
/// known; "" if none is. `separator` goes between them.
std::string formatCodeFacts(const TuningRecord &record,
                            const char *separator = ", ");
/// "B=1,S=256": where the simulator counted; "" if it did not.
std::string formatCountedAt(const TuningRecord &record);

} // namespace headgate

#endif // HEADGATE_LIB_CODEFACTS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tuning records as lines of JSON. docs/records.md describes every key.

#ifndef HEADGATE_LIB_RECORDTEXT_H
#define HEADGATE_LIB_RECORDTEXT_H

#include "headgate/Result.h"
#include "headgate/TuningRecord.h"

#include <string>
#include <string_view>

namespace headgate {

/// The canonical text of a key: JSON with its keys sorted, without spaces, what
/// is as if it were absent left out.
std::string keyText(const TuningKey &key);

/// The SHA-256 of keyText, 64 hex digits.
std::string recordId(const TuningKey &key);

/// One line, without the line feed.
std::string printRecord(const TuningRecord &record);

/// The record of a line, each key and type checked, and the id, if it has one,
/// against the key. The error is `unsupported` for a record of another version,
/// before anything else of it is looked at, and `corrupt` for all else.
Result<TuningRecord> parseRecord(std::string_view line);

/// "trial", "compile", ...
std::string_view name(TuningRecord::Kind kind);
std::string_view name(TuningResult result);

/// A time as records write it: "2026-11-23T22:40:00Z".
std::string formatWhen(int64_t secondsSinceEpoch);

} // namespace headgate

#endif // HEADGATE_LIB_RECORDTEXT_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PTX files and the JSON files beside them, read from disk.

#ifndef HEADGATE_TOOLS_PTX_READPTX_H
#define HEADGATE_TOOLS_PTX_READPTX_H

#include "tools/ptx/DescribePtx.h"

#include <optional>
#include <string>

namespace headgate {

/// The bytes of a file.
Result<std::string> readText(const std::string &path);

/// Writes to stdout, and fails if that does.
Status printText(const std::string &text);

/// Text and what the parser makes of it. The error names the file.
Result<runtime::sim::Module> readPtx(const std::string &path);

/// What k.json says of k.ptx, where there is such a file and it is one that
/// Triton or headgate-compile wrote; nothing else.
std::optional<TritonMetadata> readMetadata(const std::string &ptxPath);

} // namespace headgate

#endif // HEADGATE_TOOLS_PTX_READPTX_H

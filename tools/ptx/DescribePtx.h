// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What PTX text says of itself: kernels, what they take, their blocks, shared
// memory and mix of instructions.

#ifndef HEADGATE_TOOLS_PTX_DESCRIBEPTX_H
#define HEADGATE_TOOLS_PTX_DESCRIBEPTX_H

#include "runtime/sim/Ptx.h"

#include <map>
#include <optional>

namespace headgate {

/// What the JSON file beside Triton's PTX (or ours) says that PTX cannot.
struct TritonMetadata {
  int64_t sharedBytes = 0; ///< dynamic shared memory of a block
  bool hasScratch = false; ///< Triton's launcher gives two scratch pointers
};

struct PtxParameter {
  std::string name, type; ///< ".u64"; an array's has its bytes: ".b8[24]"
  uint32_t bytes = 0;
  bool read = false;
  /// One of the two pointers that Triton adds behind a kernel's own.
  bool scratch = false;
};

struct PtxEntry {
  std::string name;
  bool visible = false;
  std::vector<PtxParameter> parameters;
  std::array<uint32_t, 3> requiredBlock = {0, 0, 0}; ///< 0: not said
  std::array<uint32_t, 3> maxBlock = {0, 0, 0};      ///< 0: not said
  uint32_t staticSharedBytes = 0;
  bool dynamicShared = false;
  std::optional<int64_t> dynamicSharedBytes; ///< where metadata has it
  uint64_t instructions = 0;
  std::map<std::string, uint64_t> mix; ///< "mma", "ld.global", ... to number
};

struct PtxDescription {
  std::string file, version, target;
  std::vector<PtxEntry> entries;
  std::vector<std::string> functions; ///< with a body
};

/// "ld.global" of "ld.global.v4.b32", "mma" of "mma.sync.aligned. ...": what an
/// opcode does, and in which memory.
std::string instructionKind(std::string_view opcode);

Result<PtxDescription>
describePtx(const std::string &file, const runtime::sim::Module &module,
            const std::optional<TritonMetadata> &metadata);

std::string formatText(const PtxDescription &description);
/// One JSON object for all files.
std::string formatJson(const std::vector<PtxDescription> &descriptions);
/// One line for each property that differs, the name of the file apart; "" if
/// none does.
std::string formatDifferences(const PtxDescription &before,
                              const PtxDescription &after);

} // namespace headgate

#endif // HEADGATE_TOOLS_PTX_DESCRIBEPTX_H

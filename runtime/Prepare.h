// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A call made concrete: for one set of sizes, which variant each step runs, on
// which grid, with which arguments, and where temporaries lie in the arena.
// Only addresses are left open; they are patched in at each call. A call with
// the sizes of the last one reuses all of it.

#ifndef HEADGATE_RUNTIME_PREPARE_H
#define HEADGATE_RUNTIME_PREPARE_H

#include "runtime/Session.h"

#include <span>

namespace headgate::runtime {

struct PreparedLaunch {
  const LaunchProgram *program = nullptr;
  std::array<uint32_t, 3> grid = {};
  int64_t scratchBytes = 0;
  size_t firstArgument = 0; ///< in Prepared::arguments
};

struct PreparedStep {
  const VariantProgram *variant = nullptr;
  std::string why;        ///< why this variant
  size_t firstScalar = 0; ///< values of KernelProgram::scalars
  size_t firstLaunch = 0; ///< its launches, one for each of the variant
  int64_t workspaceBytes = 0;
};

/// Memory of a call. Its offsets are in the arena.
struct PreparedMemory {
  int64_t bytes = 0;
  int64_t offset = 0;
};

/// A pointer argument to fill in: of a tensor, or of the arena.
struct PointerPatch {
  size_t slot = 0;
  int tensor = -1;    ///< index in EntryProgram::tensors, or
  int64_t offset = 0; ///< of the arena
};

struct Prepared {
  bool valid = false;
  std::vector<int64_t> values; ///< the sizes it was made for
  std::vector<PreparedStep> steps;
  std::vector<PreparedLaunch> launches;
  std::vector<int64_t> scalars;
  /// The entry's temporaries, then one workspace for each step.
  std::vector<PreparedMemory> memory;
  int64_t arenaBytes = 0;
  /// Argument values, 8 bytes each, and a pointer to each.
  std::vector<uint64_t> slots;
  std::vector<void *> arguments;
  std::vector<PointerPatch> patches;
};

/// Fills `call` for the values of `entry`'s names. On failure it is not valid.
Status prepare(const LoadedSession &session, const EntryProgram &entry,
               const std::vector<int64_t> &values, Prepared &call);

/// Writes the addresses of this call's tensors and arena into the arguments.
/// `address(i)` gives that of tensor i.
template <typename Address>
void patchPointers(Prepared &call, Address address, void *arena) {
  for (const PointerPatch &patch : call.patches) {
    void *pointer = patch.tensor >= 0 ? address(patch.tensor)
                    : arena ? static_cast<char *>(arena) + patch.offset
                            : nullptr;
    call.slots[patch.slot] = reinterpret_cast<uintptr_t>(pointer);
  }
}

/// "needs 9.1 GiB of temporaries (workspace of attend.2 8.9 GiB)"
std::string describeArena(const EntryProgram &entry, const Prepared &call);
/// What a prepared call does, in lines for people.
std::string describeCall(const LoadedSession &session,
                         const EntryProgram &entry, const Prepared &call);

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_PREPARE_H

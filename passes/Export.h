// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module on tensors -> a plan and the code it names, in memory. Linking and
// writing files is the tool's part.

#ifndef HEADGATE_PASSES_EXPORT_H
#define HEADGATE_PASSES_EXPORT_H

#include "headgate/Plan.h"
#include "headgate/Result.h"
#include "headgate/Schedule.h"
#include "headgate/TuningRecord.h"
#include "lib/CodeTarget.h"
#include "lib/ProblemList.h"
#include "lib/TunedText.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace headgate::passes {

/// How far to go; each level holds what the one before was lowered to.
enum class Level {
  routed,   ///< the input, inlined and canonicalised; what kernels are made of
  linalg,   ///< every routed op decomposed, on tensors; no level below needs it
  kernels,  ///< entries on buffers that call kernels
  problems, ///< what of them can be tuned
  tiles,    ///< kernels on tiles, for the first target; others as they were
  vectors,  ///< host: those kernels as loops over vectors
  buffers,  ///< host: all kernels on buffers
  nvvm,     ///< GPU: the LLVM and NVVM dialects
  llvm,     ///< LLVM IR, optimised
  ptx,      ///< GPU: PTX
  object,   ///< objects and the plan
};

/// How kernels are made.
enum class Lowering {
  kernels,   ///< several kernels an entry, each by the lowering of its kind
  decompose, ///< one kernel an entry: the executable meaning of the ops
};

/// The schedule of the kernels called `kernel`; with a `*` at its end, of all
/// whose names begin like that.
struct ForcedSchedule {
  std::string kernel;
  Schedule schedule;
};

/// Records that schedules are taken from, beside the default ones.
struct TuningOptions {
  /// Of each source, what counts. The first that has anything for sizes of a
  /// kernel decides them.
  std::vector<std::vector<TuningRecord>> records;
  /// What makes the code, as records name it: of others, they are hints.
  std::map<std::string, std::string> tools;
  size_t maxVariants = 4; ///< of a kernel and target, beside the default ones
  bool assertHit = false; ///< an error where a kernel has no records, or hints
};

struct ExportOptions {
  std::vector<CodeTarget> targets; ///< text is that of the first
  Level level = Level::object;
  Lowering lowering = Lowering::kernels;
  /// Kernels without one have the default schedules of their problem.
  std::vector<ForcedSchedule> schedules;
  TuningOptions tuning;
  /// May kernels add in another order where that makes a layer cheaper?
  bool allowReassociation = false;
  /// Remarks, as diagnostics, of what passes did, left alone, and why.
  bool explain = false;
  /// Objects that an image is linked of, compiled side by side.
  unsigned parts = 1;
};

/// Code of one image of the host, not yet linked.
struct ExportedImage {
  HostTarget target;
  std::vector<std::string> objects; ///< bytes of ELF objects
};

/// Code of one image of a GPU.
struct ExportedPtx {
  GpuTarget target;
  std::string image; ///< its id
  std::string ptx;
};

struct Exported {
  Plan plan;    ///< images have no forms yet: their files do not exist
  Tuning tuned; ///< which variants records chose
  std::vector<std::string> tuningNotes; ///< what they had, and what was taken
  std::vector<ExportedImage> images;
  std::vector<ExportedPtx> ptx;
  ProblemList problems; ///< of the level `problems`
  std::string text;     ///< the IR of the level, unless it is one of these two
};

/// Lowers `module` in place as far as Level::kernels, and copies of it beyond,
/// one for each target, side by side. Errors in the module are diagnostics and
/// come back as `badInput`.
Result<Exported> exportModule(mlir::ModuleOp module,
                              const ExportOptions &options);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_EXPORT_H

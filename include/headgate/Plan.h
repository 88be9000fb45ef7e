// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The launch plan: everything the compiler tells the runtime, as values. Its
// text form is plan.json (lib/PlanText); docs/plan.md describes every key.
//
// An entry is a function a user can call; its steps name logical kernels; a
// kernel has variants (a target and a schedule each), and a variant is one or
// more launches. Sizes are expressions (lib/Expr) over named integers, in two
// scopes: an entry's expressions see its dims and stride symbols, a variant's
// see only the scalar parameters of its kernel.

#ifndef HEADGATE_PLAN_H
#define HEADGATE_PLAN_H

#include "headgate/Tensor.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace headgate {

/// Text of a size expression, e.g. "cdiv(S,64)"; checked when a plan is read.
using SizeText = std::string;
/// One extent or stride: a number, or an expression / a name to bind.
using PlanExtent = std::variant<int64_t, SizeText>;

/// One file that holds the code of an image.
struct PlanForm {
  std::string kind;   ///< "so", "ptx" or "cubin"
  std::string file;   ///< relative to the bundle, '/' separated, no ".."
  int64_t bytes = 0;  ///< size of the file
  std::string sha256; ///< 64 lower-case hex digits
  std::string isa;    ///< PTX version, "" otherwise
  std::optional<int64_t> registers;  ///< of a cubin
  std::optional<int64_t> spillBytes; ///< of a cubin
};

/// Code for one target, in one or more forms.
struct PlanImage {
  std::string id;
  std::string target;             ///< "host:x86-64-v3", "sm_80", ...
  std::vector<std::string> needs; ///< CPU feature words, host images only
  std::vector<PlanForm> forms;
};

enum class ParameterType : uint8_t { ptr, i32, i64, f32 };

/// A parameter of a logical kernel, bound by each step that runs it.
struct PlanParameter {
  std::string name;
  ParameterType type = ParameterType::ptr;
  int64_t align = 0; ///< required alignment of a pointer in bytes, 0: none
};

/// A tensor map built at launch (Hopper); parsed and printed, not yet run.
struct PlanTensorMap {
  std::string base; ///< a ptr parameter
  std::string dtype;
  std::vector<SizeText> sizes, strides;
  std::vector<int64_t> box;
  int64_t swizzle = 0, l2 = 0;
  std::string fill = "zero";
};

/// One argument of a launch, in ABI order.
struct PlanArgument {
  enum class Kind : uint8_t { parameter, workspace, i32, i64, f32, tensorMap };
  Kind kind = Kind::parameter;
  std::string text;  ///< parameter: its name; i32, i64: an expression
  double number = 0; ///< f32
  PlanTensorMap map; ///< tensorMap
};

struct PlanLaunch {
  std::string image; ///< of the variant's target; "": the variant's
  std::string symbol;
  std::array<SizeText, 3> grid = {"1", "1", "1"};
  int64_t block = 1, cluster = 1, sharedBytes = 0; ///< GPU only
  bool pdl = false;                                ///< GPU only
  SizeText scratchBytes = "0"; ///< host: bytes per thread, 64-aligned
  std::vector<PlanArgument> arguments;
};

struct PlanVariant {
  std::string id;
  std::string image;
  std::string schedule = "{}"; ///< compact JSON object of schedule knobs
  SizeText when = "1";         ///< usable where this is not 0
  SizeText workspaceBytes = "0";
  std::vector<PlanLaunch> launches;
};

struct PlanKernel {
  std::string name;
  std::string ir;             ///< "sha256:..." of the kernel's canonical IR
  std::string problem = "{}"; ///< compact JSON object
  std::vector<PlanParameter> parameters;
  std::vector<std::string> bucket; ///< scalar parameters that tuning buckets
  std::vector<PlanVariant> variants;
  /// Target ("host", "sm_80", ...) to variant ids, best first.
  std::map<std::string, std::vector<std::string>> defaults;
};

/// An input or output of an entry.
struct PlanTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<PlanExtent> shape;
  /// Absent: contiguous is required. A string that is no bound name binds one.
  std::optional<std::vector<PlanExtent>> strides;
  std::string alias; ///< output only: the input whose buffer it may share
};

struct PlanTemporary {
  std::string name;
  SizeText bytes;
  std::array<int64_t, 2> live = {0, 0}; ///< first and last step, inclusive
  bool zero = false;                    ///< cleared before the first use
};

struct PlanStep {
  std::string kernel;
  /// Parameter name to a tensor or temporary (ptr) or an expression (scalar).
  std::vector<std::pair<std::string, std::string>> with;
};

struct PlanRequirement {
  SizeText that;         ///< must not be 0
  std::string otherwise; ///< what the user reads if it is (key "else")
};

struct PlanEntry {
  std::string name;
  /// Dim name to its smallest and largest legal value.
  std::vector<std::pair<std::string, std::array<int64_t, 2>>> dims;
  std::vector<PlanRequirement> requirements; ///< key "requires"
  std::vector<PlanTensor> inputs, outputs;
  std::vector<PlanTemporary> temporaries;
  std::vector<PlanStep> steps;
};

struct Plan {
  static constexpr int64_t version = 1;
  std::map<std::string, std::string> producer; ///< "headgate", "llvm", ...
  std::vector<PlanImage> images;
  std::vector<PlanKernel> kernels;
  std::vector<PlanEntry> entries;
};

} // namespace headgate

#endif // HEADGATE_PLAN_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A plan made ready to run: every expression parsed, every name turned into an
// index. Built once for a session, immutable, and refers to the plan it was
// built from. What depends on the sizes of a call is runtime/Prepare.h.

#ifndef HEADGATE_RUNTIME_PROGRAM_H
#define HEADGATE_RUNTIME_PROGRAM_H

#include "headgate/Device.h"
#include "headgate/Plan.h"
#include "lib/Expr.h"

#include <optional>
#include <string>
#include <vector>

namespace headgate::runtime {

/// An expression and the words it was written in, for messages.
struct SizeExpr {
  Expr expr;
  std::string text;
};

struct ArgumentProgram {
  enum class Kind : uint8_t {
    pointer,   ///< parameter `index`, a ptr
    workspace, ///< the variant's workspace
    i32,       ///< `expr` over the kernel's scalars
    i64,
    f32, ///< `number`, or parameter `index` where that is not negative
  };
  Kind kind = Kind::pointer;
  int index = -1;
  SizeExpr expr;
  float number = 0;
};

struct LaunchProgram {
  const PlanLaunch *plan = nullptr;
  const PlanImage *image = nullptr;
  const Function *function = nullptr; ///< null: the variant is not usable here
  std::array<SizeExpr, 3> grid;
  SizeExpr scratchBytes;
  std::vector<ArgumentProgram> arguments;
};

struct VariantProgram {
  const PlanVariant *plan = nullptr;
  const PlanImage *image = nullptr;
  SizeExpr when, workspaceBytes;
  std::vector<LaunchProgram> launches;
  std::string unusable; ///< why not on this device; empty: usable
};

struct KernelProgram {
  const PlanKernel *plan = nullptr;
  /// Names of the i32 and i64 parameters in order: the scope of expressions.
  std::vector<std::string> scalars;
  std::vector<VariantProgram> variants;
};

/// An extent or stride: a number, a name of the scope, or an expression.
struct ExtentProgram {
  int64_t number = 0;
  int name = -1;                ///< index in the scope if it is one name
  std::optional<SizeExpr> expr; ///< absent: `number`
  bool symbolic() const { return expr.has_value(); }
};

struct TensorProgram {
  const PlanTensor *plan = nullptr;
  bool output = false;
  std::vector<ExtentProgram> shape;
  std::vector<ExtentProgram> strides; ///< empty: contiguous is required
  int alias = -1;                     ///< input it may share memory with
  int64_t align = 1;                  ///< needed of the address, in bytes
};

/// What a step gives one parameter of its kernel.
struct OperandProgram {
  ParameterType type = ParameterType::ptr;
  int tensor = -1;    ///< ptr: index in EntryProgram::tensors, or
  int temporary = -1; ///< ptr: index in EntryProgram::temporaries
  SizeExpr expr;      ///< i32, i64: over the entry's scope
  float number = 0;   ///< f32
};

struct StepProgram {
  const PlanStep *plan = nullptr;
  int kernel = -1;
  std::vector<OperandProgram> operands; ///< one for each kernel parameter
};

struct TemporaryProgram {
  const PlanTemporary *plan = nullptr;
  SizeExpr bytes;
};

struct EntryProgram {
  const PlanEntry *plan = nullptr;
  /// The scope of the entry's expressions: its dims, then its stride symbols.
  std::vector<std::string> names;
  size_t dims = 0;
  size_t inputs = 0;
  std::vector<TensorProgram> tensors; ///< inputs, then outputs
  std::vector<SizeExpr> requirements;
  std::vector<TemporaryProgram> temporaries;
  std::vector<StepProgram> steps;
};

struct Program {
  std::vector<KernelProgram> kernels; ///< as in the plan
  std::vector<EntryProgram> entries;  ///< as in the plan
};

/// Parses and resolves `plan`, which passed checkPlan and must outlive the
/// result. Functions and `unusable` are left empty.
Program buildProgram(const Plan &plan);

/// Index of the kernel parameter `name`, -1 if there is none.
int findParameter(const PlanKernel &kernel, std::string_view name);

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_PROGRAM_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/ExportProblems.h"

#include "passes/KernelLaunch.h"
#include "passes/KernelProblem.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

using SizeTexts = std::array<std::optional<std::string>, 3>;

/// B, S and T as lib/Cost counts them.
SizeTexts sizeTexts(func::FuncOp function) {
  if (function->getAttrOfType<StringAttr>(kernelName) == "gemm") {
    auto kernel = std::get<GemmKernel>(matchGemmKernel(function));
    return {"1", rowsText(function, kernel), "1"};
  }
  auto kernel = std::get<AttendKernel>(matchAttendKernel(function));
  return {batchesText(function, kernel), tokensText(function, kernel),
          keyCountText(function, kernel)};
}

} // namespace

ListedKernel headgate::passes::listKernel(func::FuncOp function,
                                          const PlanKernel &plan) {
  ListedKernel listed{.name = plan.name, .ir = plan.ir};
  auto problem = problemOf(function);
  if (auto *refusal = std::get_if<Refusal>(&problem)) {
    listed.why = refusal->why;
    return listed;
  }
  for (const PlanParameter &parameter : plan.parameters)
    if (parameter.type == ParameterType::i32 ||
        parameter.type == ParameterType::i64)
      listed.scalars.push_back(parameter.name);
  auto [B, S, T] = sizeTexts(function);
  if (!B || !S || !T) {
    listed.why = "its sizes depend on data";
    return listed;
  }
  listed.problem = std::get<Problem>(problem);
  listed.B = *B;
  listed.S = *S;
  listed.T = *T;
  return listed;
}

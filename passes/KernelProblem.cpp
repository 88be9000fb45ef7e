// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/KernelProblem.h"

#include "passes/Passes.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

DType headgate::passes::dtypeOf(Type element) {
  return element.isF32()   ? DType::f32
         : element.isF16() ? DType::f16
                           : DType::bf16;
}

AttendProblem headgate::passes::problemOf(const AttendKernel &kernel) {
  routed::AttendOp attend = kernel.attend;
  std::optional<HeadSharing> sharing = sharingOf(attend);
  AttendProblem problem;
  problem.dtype = dtypeOf(kernel.elementType());
  problem.D = kernel.queryWidth();
  problem.Dv = kernel.valueWidth();
  problem.heads = kernel.heads();
  problem.keyHeads =
      sharing ? sharing->kvCount : attend.getKey().getType().getDimSize(2);
  problem.mergeable = sharing.has_value();
  problem.adjacent =
      sharing && (sharing->kvStep == 1 || sharing->kvCount == 1);
  problem.gathered = bool(kernel.gather);
  problem.causal = attend.getCausal();
  problem.window = attend.getWindow().value_or(0);
  problem.mask = bool(kernel.mask);
  problem.score = !attend.getScore().empty();
  problem.bounds = kernel.kvStart || kernel.kvLen || kernel.qLen;
  problem.lse = !kernel.lses.empty();
  return problem;
}

GemmProblem headgate::passes::problemOf(const GemmKernel &kernel) {
  return {.dtype = dtypeOf(kernel.elementType()),
          .result = dtypeOf(kernel.resultType()),
          .inner = kernel.terms(),
          .cols = kernel.cols(),
          .transposed = kernel.transposed,
          .bias = bool(kernel.bias)};
}

std::variant<Problem, Refusal> headgate::passes::problemOf(func::FuncOp func) {
  auto ofMatch = [](auto matched) -> std::variant<Problem, Refusal> {
    if (auto *refusal = std::get_if<Refusal>(&matched))
      return *refusal;
    return Problem(problemOf(std::get<0>(matched)));
  };
  auto kind = func->getAttrOfType<StringAttr>(kernelName);
  if (kind && kind == "attend")
    return ofMatch(matchAttendKernel(func));
  if (kind && kind == "gemm")
    return ofMatch(matchGemmKernel(func));
  return Refusal{func, "it is no attention and no projection"};
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/ShowRemarks.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

bool headgate::passes::showRemarks(MLIRContext &context) {
  remark::RemarkCategories all{".*", ".*", ".*", ".*", ".*"};
  return succeeded(remark::enableOptimizationRemarks(
      context, nullptr, std::make_unique<remark::RemarkEmittingPolicyAll>(),
      all, /*printAsEmitRemarks=*/true));
}

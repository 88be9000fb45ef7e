// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function for each op of the dialect: its results, written with upstream
// ops before it. The pass of the same name calls them; nothing else should.

#ifndef HEADGATE_PASSES_DECOMPOSEROUTED_H
#define HEADGATE_PASSES_DECOMPOSEROUTED_H

#include "dialect/routed/Routed.h"
#include "passes/SpecBuilder.h"

namespace headgate::passes {

using Values = llvm::SmallVector<mlir::Value>;

// DecomposeSelection.cpp: who runs.
Values decompose(routed::SelectOp op, SpecBuilder &b);
Values decompose(routed::SelectTokensOp op, SpecBuilder &b);
Values decompose(routed::DispatchOp op, SpecBuilder &b);
Values decompose(routed::BalanceLossOp op, SpecBuilder &b);

// DecomposeRows.cpp: rows in, rows out.
Values decompose(routed::GatherOp op, SpecBuilder &b);
Values decompose(routed::LinearOp op, SpecBuilder &b);
Values decompose(routed::CombineOp op, SpecBuilder &b);
Values decompose(routed::RopeOp op, SpecBuilder &b);
Values decompose(routed::MeanHeadsOp op, SpecBuilder &b);
Values decompose(routed::AppendOp op, SpecBuilder &b);

// DecomposeAttend.cpp.
Values decompose(routed::AttendOp op, SpecBuilder &b);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_DECOMPOSEROUTED_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layouts of tiles that no product decides.

#ifndef HEADGATE_PASSES_OWNLAYOUTS_H
#define HEADGATE_PASSES_OWNLAYOUTS_H

#include "lib/Layout.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>

namespace headgate::passes {

/// For coalesced accesses: tiles of one shape lie alike, by the accesses of all
/// of them.
class OwnLayouts {
public:
  OwnLayouts(mlir::func::FuncOp func, int64_t warps);

  Layout of(mlir::RankedTensorType type) const;

private:
  int64_t warps;
  std::map<std::pair<int64_t, int64_t>, int64_t> widths; ///< by shape
  bool hasReductions = false;
};

/// Whether a row lies in several warps.
bool splitsRows(const Layout &layout);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_OWNLAYOUTS_H

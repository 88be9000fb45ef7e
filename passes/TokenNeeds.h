// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one token of an op's result needs of its operands.
//
// An op is token-local when result[b, s, ...] is a function of [b, s, ...] of
// some operands, of row b or s of others (lengths, rotation tables), and of
// whole tensors (weights, keys). Such ops may be computed token by token, on
// any number of threads, and their intermediate values never have more than one
// token: selection, gather, rope, combine, elementwise ops, but also attention
// with its keys whole. dispatch, balance_loss and select_tokens are not.

#ifndef HEADGATE_PASSES_TOKENNEEDS_H
#define HEADGATE_PASSES_TOKENNEEDS_H

#include "mlir/IR/Operation.h"

#include <optional>

namespace headgate::passes {

/// Which dimension of an operand the token's batch index and its position
/// select; -1 where they select none. Every other dimension is needed whole.
struct TokenNeed {
  int batch = -1, position = -1;

  bool operator==(const TokenNeed &) const = default;
  bool isWhole() const { return batch < 0 && position < 0; }
};

constexpr TokenNeed wholeTensor{-1, -1};
constexpr TokenNeed ownToken{0, 1};     ///< x[b, s, ...]
constexpr TokenNeed ownBatch{0, -1};    ///< lengths[b], keys[b, ...]
constexpr TokenNeed ownPosition{-1, 0}; ///< cos[s, ...]

/// The need of each operand of `op` (scalars: whole), or nothing if `op` is not
/// token-local. Values that its regions capture are needed whole. All results
/// of a token-local op have at least two dimensions, batch and position first.
std::optional<llvm::SmallVector<TokenNeed>> tokenNeeds(mlir::Operation *op);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TOKENNEEDS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products: for each 16 terms the fragments of both factors, then the
// instructions that multiply them.

#include "passes/ThreadWindow.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

/// A factor in shared memory, seen through ldmatrix.x4.
class MatrixLoads {
public:
  /// `fragment` has (row, term) or (column, term) as its dimensions; in memory
  /// they are exchanged if `trans`.
  MatrixLoads(ThreadEmitter &emitter, ThreadBuilder &b, const SharedTile &tile,
              const Layout &fragment, bool trans, Value base)
      : b(b), trans(trans),
        address(emitter, tile, lanesOf(fragment, trans), base) {}

  /// The 16x16 elements from (outer, term) on, as 4 registers.
  SmallVector<Value> load(int64_t outer, int64_t term) {
    Value from = trans ? address.at(term, outer) : address.at(outer, term);
    Type i32 = b.getI32Type();
    auto type =
        LLVM::LLVMStructType::getLiteral(b.getContext(), {i32, i32, i32, i32});
    MLIRContext *context = b.getContext();
    auto shape = NVVM::LdStMatrixShapeAttr::get(context, 8, 8);
    Value all = NVVM::LdMatrixOp::create(
        b, type, from, 4, trans ? NVVM::MMALayout::col : NVVM::MMALayout::row,
        shape, NVVM::LdStMatrixEltType::B16);
    SmallVector<Value> parts;
    for (int64_t i = 0; i < 4; ++i)
      parts.push_back(LLVM::ExtractValueOp::create(b, all, i));
    return parts;
  }

private:
  static Layout lanesOf(const Layout &fragment, bool trans) {
    Digits lanes = ldmatrixLanes(fragment, trans), warp = fragment.warp();
    if (trans)
      for (Digits *digits : {&lanes, &warp})
        for (Digit &digit : *digits)
          if (digit.dim != Digit::copy)
            digit.dim = 1 - digit.dim;
    return Layout({}, lanes, warp);
  }

  ThreadBuilder &b;
  bool trans;
  SharedAddress address;
};

/// sums += a b, one m16n8k16.
void multiply(ThreadBuilder &b, bool isBF16, ArrayRef<Value> left,
              ArrayRef<Value> right, MutableArrayRef<Value> sums) {
  auto factor = [&](ArrayRef<Value> parts) {
    SmallVector<Value> all(parts);
    if (!isBF16) // as pairs
      for (Value &part : all)
        part = LLVM::BitcastOp::create(b, VectorType::get(2, b.getF16Type()),
                                       part);
    return all;
  };
  auto type = isBF16 ? NVVM::MMATypes::bf16 : NVVM::MMATypes::f16;
  Type f32 = b.getF32Type();
  auto result =
      LLVM::LLVMStructType::getLiteral(b.getContext(), {f32, f32, f32, f32});
  Value all = NVVM::MmaOp::create(
      b, result, factor(left), factor(right), SmallVector<Value>(sums),
      ArrayRef<int64_t>{16, 8, 16}, /*b1Op=*/std::nullopt,
      /*intOverflow=*/std::nullopt, std::array{type, type},
      std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  for (auto [i, sum] : llvm::enumerate(sums))
    sum = LLVM::ExtractValueOp::create(b, all, i);
}

} // namespace

/// Where a factor in shared memory begins.
Value ThreadEmitter::sharedBase(Value factor) {
  if (isa<tile::SlotType>(factor.getType()))
    return scalar(factor);
  return b.i32(plan.offsets.lookup(factor.getDefiningOp()));
}

void ThreadEmitter::emitStart(tile::StartOp start) {
  RankedTensorType lhs = start.getLhsTile(), rhs = start.getRhsTile();
  RankedTensorType type = start.getPending().getType().getTile();
  int64_t rows = lhs.getDimSize(0), terms = lhs.getDimSize(1),
          cols = type.getDimSize(1);
  bool isBF16 = lhs.getElementType().isBF16();
  bool isLeftShared = !isa<RankedTensorType>(start.getLhs().getType());
  Layout leftLayout = mmaResult(rows, terms, warps);

  std::optional<MatrixLoads> lefts;
  SmallVector<Value> leftParts;
  if (isLeftShared) {
    lefts.emplace(*this, b, sharedTileOf(lhs), leftLayout, false,
                  sharedBase(start.getLhs()));
  } else {
    auto pairs = VectorType::get(leftLayout.registers() / 2, b.getI32Type());
    leftParts =
        b.elements(LLVM::BitcastOp::create(b, pairs, vectorOf(start.getLhs())));
  }
  MatrixLoads rights(*this, b, sharedTileOf(rhs), mmaRight(cols, terms, warps),
                     !start.getTranspose(), sharedBase(start.getRhs()));

  SmallVector<Value> sums;
  if (start.getAcc()) {
    sums = b.elements(vectorOf(start.getAcc()));
  } else {
    Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
    sums.assign(layoutOf(type)->registers(), zero);
  }
  int64_t bands = rows / (16 * warps);
  for (int64_t term = 0; term < terms; term += 16) {
    SmallVector<SmallVector<Value>> left;
    for (int64_t band = 0; band < bands; ++band) {
      // Registers are pairs along a row, rows 8 apart, terms 8 apart.
      int64_t first = 4 * (term / 16 + terms / 16 * band);
      left.push_back(isLeftShared ? lefts->load(16 * band, term)
                                  : SmallVector<Value>(
                                        ArrayRef(leftParts).slice(first, 4)));
    }
    for (int64_t col = 0; col < cols; col += 16) {
      SmallVector<Value> right = rights.load(col, term);
      for (int64_t band = 0; band < bands; ++band)
        for (int64_t half : {0, 1}) {
          int64_t first = 4 * (col / 8 + half + cols / 8 * band);
          multiply(b, isBF16, left[band], ArrayRef(right).slice(2 * half, 2),
                   MutableArrayRef(sums).slice(first, 4));
        }
    }
  }
  Product &product = products[start.getPending()];
  product.sums = {*layoutOf(type), b.vector(sums)};
  for (Value factor : {start.getLhs(), start.getRhs()})
    if (isa<tile::SlotType>(factor.getType()))
      product.slots.push_back(scalar(factor));
}

void ThreadEmitter::emitAwait(tile::AwaitOp await) {
  Product product = products.lookup(await.getPending());
  fragments[await.getTile()] = product.sums;
  for (auto [slot, offset] : llvm::zip(await.getFreed(), product.slots))
    setScalar(slot, offset);
}

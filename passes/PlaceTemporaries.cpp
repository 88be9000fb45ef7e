// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives the buffers of an entry places in one workspace that the caller
// provides, so that running out of memory is the runtime's error and not a null
// pointer, and a second call reuses what the first touched.
//
//   %a = memref.alloc(%n) ... memref.dealloc %a     %a = memref.view %ws[0][%n]
//   %b = memref.alloc(%n) ... memref.dealloc %b =>  %b = memref.view %ws[0][%n]
//
// A slot is reused by a later buffer of the same size in bytes whose life does
// not overlap; slots follow each other, 64-aligned. A life is from the
// allocation to its deallocation in the entry block. Buffers that have no such
// deallocation, whose size depends on data, or that would make the size
// expression too long, stay with malloc. Covered by
// test/passes/place-temporaries.mlir.

#include "passes/Passes.h"

#include "lib/Expr.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "passes/SizeExpression.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

namespace headgate::passes {
#define GEN_PASS_DEF_PLACETEMPORARIES
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;

namespace {

constexpr int64_t alignment = 64;
/// What a size expression may have, with room for names longer than tokens.
constexpr size_t maxTextSize = Expr::maxChars * 3 / 4;

/// An extent of argument `i` as the exporter replaces it: "{i.d}".
std::string extentToken(unsigned argument, int64_t d) {
  return "{" + std::to_string(argument) + "." + std::to_string(d) + "}";
}

struct Temporary {
  memref::AllocOp alloc;
  memref::DeallocOp dealloc;
};

/// Part of the workspace, used by one buffer at a time.
struct Slot {
  std::string bytesText; ///< what its buffers have in common
  Value offset;
  Operation *freeAfter;
};

class Placement {
public:
  explicit Placement(func::FuncOp func)
      : func(func), b(func.getLoc(), func.getContext()) {}

  void run() {
    SmallVector<Temporary> temporaries = collect();
    addWorkspaceArgument();
    for (Temporary &temporary : temporaries)
      place(temporary);
    // Deallocations mark the ends of lives until all buffers are placed.
    for (Operation *dealloc : freed)
      dealloc->erase();
    func->setAttr(passes::workspaceBytesAttr, b.getStringAttr(totalText()));
  }

private:
  SmallVector<Temporary> collect() {
    SmallVector<Temporary> found;
    Block &entry = func.getBody().front();
    for (auto alloc : entry.getOps<memref::AllocOp>()) {
      memref::DeallocOp end;
      for (Operation *user : alloc->getUsers())
        if (auto dealloc = dyn_cast<memref::DeallocOp>(user))
          end = dealloc->getBlock() == &entry ? dealloc : nullptr;
      MemRefType type = alloc.getType();
      if (end && type.getLayout().isIdentity() &&
          type.getElementType().isIntOrFloat())
        found.push_back({alloc, end});
    }
    return found;
  }

  void addWorkspaceArgument() {
    auto type = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
    (void)func.insertArgument(func.getNumArguments(), type, {}, func.getLoc());
    workspace = func.getArguments().back();
  }

  /// Bytes of the buffer, rounded up to the alignment, computed before it.
  Value bytesOf(memref::AllocOp alloc) {
    MemRefType type = alloc.getType();
    int64_t fixed = std::max<int64_t>(1, type.getElementTypeBitWidth() / 8);
    for (int64_t extent : type.getShape())
      if (!ShapedType::isDynamic(extent))
        fixed *= extent;
    if (alloc.getDynamicSizes().empty())
      return arith::ConstantIndexOp::create(b, llvm::alignTo(fixed, alignment));
    Value bytes = arith::ConstantIndexOp::create(b, 1);
    for (Value extent : alloc.getDynamicSizes())
      bytes = b.createOrFold<arith::MulIOp>(bytes, extent);
    bytes = b.createOrFold<arith::MulIOp>(
        bytes, arith::ConstantIndexOp::create(b, fixed));
    Value unit = arith::ConstantIndexOp::create(b, alignment);
    return arith::MulIOp::create(b, arith::CeilDivUIOp::create(b, bytes, unit),
                                 unit);
  }

  void place(Temporary &temporary) {
    memref::AllocOp alloc = temporary.alloc;
    b.setInsertionPoint(alloc);
    b.setLoc(alloc.getLoc());
    Value bytes = bytesOf(alloc);
    std::optional<std::string> text =
        passes::sizeExpression(bytes, extentToken);
    if (!text || totalText().size() + text->size() > maxTextSize)
      return; // malloc
    Slot &slot = slotFor(*text, bytes, alloc);
    slot.freeAfter = temporary.dealloc;
    Value view = memref::ViewOp::create(b, alloc.getType(), workspace,
                                        slot.offset, alloc.getDynamicSizes());
    freed.push_back(temporary.dealloc);
    alloc.replaceAllUsesWith(view);
    alloc.erase();
  }

  Slot &slotFor(const std::string &text, Value bytes, Operation *from) {
    for (Slot &slot : slots)
      if (slot.bytesText == text && slot.freeAfter->isBeforeInBlock(from))
        return slot;
    Value offset = end ? end : arith::ConstantIndexOp::create(b, 0).getResult();
    end = arith::AddIOp::create(b, offset, bytes);
    return slots.emplace_back(Slot{text, offset, nullptr});
  }

  /// The sizes of all slots, equal ones counted.
  std::string totalText() const {
    std::map<std::string, int64_t> counts;
    int64_t fixed = 0, bytes;
    for (const Slot &slot : slots)
      if (llvm::to_integer(slot.bytesText, bytes))
        fixed += bytes;
      else
        ++counts[slot.bytesText];
    std::string text;
    for (const auto &[size, count] : counts)
      text += (count > 1 ? std::to_string(count) + "*" : "") + size + "+";
    if (fixed || text.empty())
      return text + std::to_string(fixed);
    text.pop_back();
    return text;
  }

  func::FuncOp func;
  ImplicitLocOpBuilder b;
  Value workspace, end;
  SmallVector<Slot> slots;
  SmallVector<Operation *> freed;
};

struct PlaceTemporariesPass
    : passes::impl::PlaceTemporariesBase<PlaceTemporariesPass> {
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      if (!func.isPublic() || func.isExternal())
        continue;
      Placement(func).run();
    }
  }
};

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives the buffers of a kernel places in one byte buffer that the runtime
// provides, so that running out of memory is the runtime's error and not a null
// pointer, and a second call reuses what the first touched.
//
//   %a = memref.alloc(%n) ... memref.dealloc %a     %a = memref.view %ws[0][%n]
//   %b = memref.alloc(%n) ... memref.dealloc %b =>  %b = memref.view %ws[0][%n]
//
// A kernel of one block has a workspace; a kernel of many has scratch, which
// each thread has for itself, and keeps small buffers of fixed size on its
// stack, where LLVM may hold them in registers. A slot is reused by a later
// buffer of the same block and size in bytes whose life does not overlap; slots
// follow each other, 64-aligned. A life is from the allocation to its
// deallocation in the same block. Buffers that have no such deallocation, whose
// size depends on data, or that would make the size expression too long, stay
// with malloc. Covered by test/passes/place-temporaries.mlir.

#include "passes/Passes.h"

#include "lib/Expr.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "passes/Launch.h"
#include "passes/SizeExpression.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <map>

namespace headgate::passes {
#define GEN_PASS_DEF_PLACETEMPORARIES
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

constexpr int64_t alignment = 64;
/// What a size expression may have, with room for a few more terms.
constexpr size_t maxTextSize = Expr::maxChars * 3 / 4;
/// What a block of many may keep on the stack: one buffer, all of them.
constexpr int64_t maxStackBuffer = 4096, maxStack = 65536;

struct Temporary {
  memref::AllocOp alloc;
  memref::DeallocOp dealloc;
};

/// Part of the byte buffer, used by one temporary at a time.
struct Slot {
  Block *block;
  std::string bytesText; ///< what its buffers have in common
  Value offset;
  Operation *freeAfter;
};

/// Index arithmetic that sizeExpression can read, rebuilt where only the
/// arguments are visible.
class Rebuilder {
public:
  explicit Rebuilder(ImplicitLocOpBuilder &b) : b(b) {}

  Value index(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return value; // an index argument
    if (auto dim = dyn_cast<memref::DimOp>(op))
      return extent(dim.getSource(), *dim.getConstantIndex());
    IRMapping mapping;
    for (Value operand : op->getOperands())
      mapping.map(operand, index(operand));
    return b.clone(*op, mapping)->getResult(0);
  }

private:
  Value extent(Value buffer, int64_t d) {
    auto type = cast<MemRefType>(buffer.getType());
    if (!type.isDynamicDim(d))
      return arith::ConstantIndexOp::create(b, type.getDimSize(d));
    if (isa<BlockArgument>(buffer))
      return memref::DimOp::create(b, buffer, d);
    unsigned i = type.getDynamicDimIndex(d);
    return TypeSwitch<Operation *, Value>(buffer.getDefiningOp())
        .Case<memref::AllocOp>([&](memref::AllocOp alloc) {
          return index(alloc.getDynamicSizes()[i]);
        })
        .Case<memref::ViewOp>(
            [&](memref::ViewOp view) { return index(view.getSizes()[i]); })
        .Case<memref::ExpandShapeOp>([&](memref::ExpandShapeOp view) {
          return index(view.getOutputShape()[i]);
        })
        .Case<memref::CastOp>(
            [&](memref::CastOp cast) { return extent(cast.getSource(), d); })
        .Case<memref::CollapseShapeOp>([&](memref::CollapseShapeOp view) {
          Value product;
          ReassociationIndices group = view.getReassociationIndices()[d];
          for (int64_t inner : group) {
            Value next = extent(view.getSrc(), inner);
            product =
                product ? b.createOrFold<arith::MulIOp>(product, next) : next;
          }
          return product;
        });
  }

  ImplicitLocOpBuilder &b;
};

class Placement {
public:
  explicit Placement(func::FuncOp func)
      : func(func), b(func.getLoc(), func.getContext()) {}

  void run() {
    std::optional<Launch> known = launchOf(func);
    Launch launch = known ? *known : Launch{.kernel = func.getName().str()};
    hasBlocks = known.has_value();
    b.setInsertionPointToStart(&func.getBody().front());
    for (Temporary &temporary : collect())
      place(temporary);
    // Deallocations mark the ends of lives until all buffers are placed.
    for (Operation *dealloc : freed)
      dealloc->erase();
    if (bytes) {
      (hasBlocks ? launch.scratchBytes : launch.workspaceBytes) = totalText();
      if (hasBlocks)
        func.setArgAttr(func.getNumArguments() - 1, scratchName,
                        b.getUnitAttr());
    }
    setLaunch(func, launch);
  }

private:
  SmallVector<Temporary> collect() {
    SmallVector<Temporary> found;
    func.walk([&](memref::AllocOp alloc) {
      memref::DeallocOp end;
      for (Operation *user : alloc->getUsers())
        if (auto dealloc = dyn_cast<memref::DeallocOp>(user))
          end = dealloc->getBlock() == alloc->getBlock() ? dealloc : nullptr;
      MemRefType type = alloc.getType();
      if (end && type.getLayout().isIdentity() &&
          type.getElementType().isIntOrIndexOrFloat())
        found.push_back({alloc, end});
    });
    return found;
  }

  /// The byte buffer, made when it is first needed.
  Value byteBuffer() {
    if (!bytes) {
      auto type = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
      (void)func.insertArgument(func.getNumArguments(), type, {},
                                func.getLoc());
      bytes = func.getArguments().back();
    }
    return bytes;
  }

  /// Bytes of one buffer without its dynamic extents.
  static int64_t fixedBytes(MemRefType type) {
    Type element = type.getElementType();
    int64_t fixed =
        element.isIndex()
            ? 8
            : std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
    for (int64_t extent : type.getShape())
      if (!ShapedType::isDynamic(extent))
        fixed *= extent;
    return fixed;
  }

  /// Bytes of the buffer, rounded up to the alignment; for the text also where
  /// they are not yet computed for good.
  Value bytesOf(memref::AllocOp alloc) {
    int64_t fixed = fixedBytes(alloc.getType());
    if (alloc.getDynamicSizes().empty())
      return arith::ConstantIndexOp::create(b, llvm::alignTo(fixed, alignment));
    Value size = arith::ConstantIndexOp::create(b, 1);
    for (Value extent : alloc.getDynamicSizes())
      size = b.createOrFold<arith::MulIOp>(size, Rebuilder(b).index(extent));
    size = b.createOrFold<arith::MulIOp>(
        size, arith::ConstantIndexOp::create(b, fixed));
    Value unit = arith::ConstantIndexOp::create(b, alignment);
    return arith::MulIOp::create(b, arith::CeilDivUIOp::create(b, size, unit),
                                 unit);
  }

  std::optional<std::string> textOf(Value size) {
    return sizeExpression(size, [&](unsigned argument, int64_t d) {
      return extentName(func, argument, d);
    });
  }

  void place(Temporary &temporary) {
    memref::AllocOp alloc = temporary.alloc;
    b.setLoc(alloc.getLoc());
    if (hasBlocks && fitsStack(alloc))
      return placeOnStack(temporary);
    for (Value extent : alloc.getDynamicSizes())
      if (!textOf(extent))
        return; // malloc
    Value size = bytesOf(alloc);
    std::optional<std::string> text = textOf(size);
    if (!text || totalText().size() + text->size() > maxTextSize)
      return;
    Slot &slot = slotFor(*text, size, alloc);
    slot.freeAfter = temporary.dealloc;
    OpBuilder at(alloc);
    Value view = memref::ViewOp::create(at, alloc.getLoc(), alloc.getType(),
                                        byteBuffer(), slot.offset,
                                        alloc.getDynamicSizes());
    replace(temporary, view);
  }

  bool fitsStack(memref::AllocOp alloc) const {
    int64_t size = fixedBytes(alloc.getType());
    return alloc.getDynamicSizes().empty() && size <= maxStackBuffer &&
           stackBytes + size <= maxStack;
  }

  void placeOnStack(Temporary &temporary) {
    MemRefType type = temporary.alloc.getType();
    stackBytes += fixedBytes(type);
    replace(temporary,
            memref::AllocaOp::create(b, type, b.getI64IntegerAttr(alignment)));
  }

  void replace(Temporary &temporary, Value buffer) {
    freed.push_back(temporary.dealloc);
    temporary.alloc.replaceAllUsesWith(buffer);
    temporary.alloc.erase();
  }

  Slot &slotFor(const std::string &text, Value size, Operation *from) {
    for (Slot &slot : slots)
      if (slot.block == from->getBlock() && slot.bytesText == text &&
          slot.freeAfter->isBeforeInBlock(from))
        return slot;
    Value offset = end ? end : arith::ConstantIndexOp::create(b, 0).getResult();
    end = arith::AddIOp::create(b, offset, size);
    return slots.emplace_back(Slot{from->getBlock(), text, offset, nullptr});
  }

  /// The sizes of all slots, equal ones counted.
  std::string totalText() const {
    std::map<std::string, int64_t> counts;
    int64_t fixed = 0, number;
    for (const Slot &slot : slots)
      if (llvm::to_integer(slot.bytesText, number))
        fixed += number;
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
  bool hasBlocks = false;
  int64_t stackBytes = 0;
  Value bytes, end;
  SmallVector<Slot> slots;
  SmallVector<Operation *> freed;
};

struct PlaceTemporariesPass
    : passes::impl::PlaceTemporariesBase<PlaceTemporariesPass> {
  void runOnOperation() override {
    if (getOperation()->hasAttr(kernelName))
      Placement(getOperation()).run();
  }
};

} // namespace

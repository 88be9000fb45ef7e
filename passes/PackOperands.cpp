// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves the right factors of products into panels, once for all blocks that
// read them: launches of their own, before the kernel's, copy each factor into
// the kernel's workspace in the order in which a product reads it.
//
//   attend(k, v):                          attend_pack(k, v, workspace)
//     %kt = load %k[b, k0, g, 0]     =>    attend(k, v, workspace):
//     dot %q, transpose %kt                  %kp = view %workspace
//                                            %kt = load %kp[b, g, k0/32, 0, 0]
//                                            dot %q, transpose %kt
//                                            (#tile.panels)
//
// A window is packed if it is the right factor of a product, moves along a
// buffer of the caller's in whole panels, and if what narrows the buffer (a
// sequence's own bounds) follows from which matrix of the buffer it lies in:
// the packing launch then computes the same bounds, and what lies outside is 0
// in the panels as it is in the window. PackLaunch.cpp writes the copying code.
// Covered by test/passes/pack-operands.mlir and, by execution,
// test/passes/tile.

#include "passes/PackOperands.h"

#include "lib/Target.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "passes/KernelAbi.h"
#include "passes/KernelLaunch.h"
#include "passes/Passes.h"
#include "passes/WidenDots.h"

#include <map>

namespace headgate::passes {
#define GEN_PASS_DEF_PACKOPERANDS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===----------------------------------------------------------------------===//
// What can be packed
//===----------------------------------------------------------------------===//

namespace {

/// offset + at, both of which may be constants.
struct Coordinate {
  OpFoldResult offset, at;

  /// The sum, where one of them is 0; null otherwise.
  Value single() const {
    if (isConstantIntValue(offset, 0))
      return dyn_cast<Value>(at);
    return isConstantIntValue(at, 0) ? dyn_cast<Value>(offset) : Value();
  }
};

/// A right factor in the coordinates of the kernel's buffer.
struct Factor {
  tile::DotOp dot;
  tile::LoadOp load;
  SmallVector<Coordinate> coords;
  SmallVector<int64_t> sizes;
  PackedBuffer packed;
};

} // namespace

/// offset + at, with offset + (x - offset) = x.
static Coordinate coordinate(OpFoldResult offset, OpFoldResult at) {
  auto moved = dyn_cast<Value>(at);
  auto difference =
      moved ? moved.getDefiningOp<arith::SubIOp>() : arith::SubIOp();
  if (difference && OpFoldResult(difference.getRhs()) == offset)
    return {Builder(moved.getContext()).getIndexAttr(0), difference.getLhs()};
  return {offset, at};
}

/// Where the factor's window lies in the kernel's buffer; false if it is not a
/// window of one.
static bool findBuffer(Factor &factor) {
  Builder b(factor.load.getContext());
  Value source = factor.load.getSource();
  auto view = source.getDefiningOp<memref::SubViewOp>();
  if (view) {
    source = view.getSource();
    if (!view.hasUnitStride())
      return false;
  }
  factor.packed.buffer = dyn_cast<BlockArgument>(source);
  if (!factor.packed.buffer ||
      !isa<func::FuncOp>(factor.packed.buffer.getOwner()->getParentOp()))
    return false;
  factor.packed.type = cast<MemRefType>(source.getType());
  llvm::SmallBitVector dropped(factor.packed.type.getRank());
  if (view)
    dropped = view.getDroppedDims();
  unsigned next = 0;
  for (int64_t d = 0; d < factor.packed.type.getRank(); ++d) {
    OpFoldResult offset = b.getIndexAttr(0), at = b.getIndexAttr(0);
    if (view)
      offset = view.getMixedOffsets()[d];
    factor.sizes.push_back(1);
    if (!dropped[d]) {
      at = factor.load.getCoords()[next];
      factor.sizes.back() = factor.load.getSizes()[next++];
    }
    factor.coords.push_back(coordinate(offset, at));
  }
  return factor.packed.type.getLayout().isIdentity();
}

/// Which dimensions are the matrix's; false if they are not the last and one
/// before it, all of the last.
static bool findMatrix(Factor &factor, const Target &target) {
  PackedBuffer &packed = factor.packed;
  int64_t last = packed.type.getRank() - 1;
  SmallVector<int64_t> wide;
  for (int64_t d = 0; d < last; ++d)
    if (factor.sizes[d] != 1)
      wide.push_back(d);
  if (wide.size() != 1 || factor.sizes[last] == 1 ||
      packed.type.isDynamicDim(last))
    return false;
  packed.rowDim = wide.front();
  packed.isTransposed = factor.dot.getTranspose();
  packed.isWidened = needsWidening(factor.dot, target, /*inPanels=*/true);
  bool isPair = packed.type.getElementType().isBF16() && !packed.isWidened;
  packed.step = isPair ? 2 : 1;
  return true;
}

/// What narrows the buffer: rows, and the matrix itself. False if anything else
/// does, or if the bounds of the rows depend on more than the matrix.
static bool findBounds(Factor &factor) {
  PackedBuffer &packed = factor.packed;
  auto view = factor.load.getSource().getDefiningOp<memref::SubViewOp>();
  for (int64_t d : packed.outerDims()) {
    Value owner = factor.coords[d].single();
    bool isConstant = getConstantIntValue(factor.coords[d].offset) &&
                      getConstantIntValue(factor.coords[d].at);
    if (!owner && !isConstant)
      return false;
    packed.owners.push_back(owner);
  }
  for (int64_t d = 0; view && d < packed.type.getRank(); ++d) {
    OpFoldResult offset = view.getMixedOffsets()[d],
                 size = view.getMixedSizes()[d];
    bool isWhole = isConstantIntValue(offset, 0) &&
                   !packed.type.isDynamicDim(d) &&
                   isConstantIntValue(size, packed.type.getDimSize(d));
    bool isOne = isConstantIntValue(size, 1) && factor.sizes[d] == 1;
    if (d == packed.rowDim) {
      packed.first = offset;
      packed.count = size;
    } else if (!isWhole && !isOne) {
      return false;
    }
  }
  return canComputeBounds(packed);
}

/// The right factor of `dot` as something to pack, or why it stays as it is.
static FailureOr<Factor> findFactor(tile::DotOp dot, const Target &target,
                                    const char *&why) {
  Factor factor;
  factor.dot = dot;
  Value rhs = dot.getRhs();
  if (auto widened = rhs.getDefiningOp<arith::ExtFOp>())
    rhs = widened.getIn();
  factor.load = rhs.getDefiningOp<tile::LoadOp>();
  why = "it is not read from memory";
  if (!factor.load)
    return failure();
  why = "its rows are gathered";
  if (!factor.load.getRows().empty())
    return failure();
  why = "it is not a window of one of the kernel's buffers";
  if (!findBuffer(factor))
    return failure();
  why = "its window is not a matrix";
  if (!findMatrix(factor, target))
    return failure();
  why = "its rows have bounds that do not follow from their matrix";
  if (!findBounds(factor))
    return failure();
  why = "its window does not move in whole panels";
  auto isWhole = [&](int64_t dim, int64_t step) {
    return isMultipleOf(factor.coords[dim].offset, step) &&
           isMultipleOf(factor.coords[dim].at, step);
  };
  if (!isWhole(factor.packed.columnDim(), target.panelColumns()) ||
      !isWhole(factor.packed.termDim(), factor.packed.step))
    return failure();
  return factor;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// True if both are the same panels.
static bool areSame(const PackedBuffer &a, const PackedBuffer &b) {
  return a.buffer == b.buffer && a.rowDim == b.rowDim &&
         a.isTransposed == b.isTransposed && a.step == b.step &&
         a.first == b.first && a.count == b.count &&
         (!a.isBounded() || a.owners == b.owners);
}

namespace {

class KernelPacker {
public:
  KernelPacker(func::FuncOp kernel, const Target &target)
      : kernel(kernel), target(target) {}

  void run() {
    kernel.walk([&](tile::DotOp dot) {
      const char *why = nullptr;
      FailureOr<Factor> factor = findFactor(dot, target, why);
      if (succeeded(factor))
        factors.push_back(*factor);
      else
        dot.emitRemark("right factor not packed: ") << why;
    });
    if (factors.empty())
      return;
    for (const Factor &factor : factors)
      if (llvm::none_of(buffers, [&](const PackedBuffer &packed) {
            return areSame(packed, factor.packed);
          }))
        buffers.push_back(factor.packed);
    createLaunches();
    readPanels();
  }

private:
  /// Views of all packed buffers, in the function that has `arguments`.
  SmallVector<Value> createViews(TileBuilder &b, ValueRange arguments,
                                 Value workspace) {
    SmallVector<Value> views;
    Value offset = b.index(0);
    for (const PackedBuffer &packed : buffers) {
      Value buffer = arguments[packed.buffer.getArgNumber()];
      PanelPlace place = placeOf(b, packed, buffer, target);
      views.push_back(memref::ViewOp::create(b, place.type, workspace, offset,
                                             place.sizes));
      offset = b.add(offset, place.bytes);
    }
    return views;
  }

  /// One launch for each grid, before those of the kernel.
  void createLaunches() {
    Launch launch = *launchOf(kernel);
    std::string bytes;
    std::map<std::array<std::string, 3>, SmallVector<unsigned>> byGrid;
    for (auto [i, packed] : llvm::enumerate(buffers)) {
      bytes += (i ? "+" : "") + panelBytesText(kernel, packed, target);
      byGrid[packGrid(kernel, packed, target)].push_back(i);
    }
    (void)kernel.insertArgument(
        kernel.getNumArguments(),
        MemRefType::get({ShapedType::kDynamic},
                        IntegerType::get(kernel.getContext(), 8)),
        {}, kernel.getLoc());
    for (auto &[grid, packed] : byGrid) {
      func::FuncOp pack = createLaunch(packed);
      Launch before = launch;
      before.grid = grid;
      before.index = launch.index++;
      if (before.index == 0)
        before.workspaceBytes = bytes;
      setLaunch(pack, before);
    }
    launch.workspaceBytes.clear();
    setLaunch(kernel, launch);
  }

  func::FuncOp createLaunch(ArrayRef<unsigned> packed) {
    OpBuilder before(kernel);
    std::string suffix = "_pack" + (packs ? std::to_string(packs) : "");
    ++packs;
    auto pack = func::FuncOp::create(before, kernel.getLoc(),
                                     (kernel.getName() + suffix).str(),
                                     kernel.getFunctionType());
    pack.setVisibility(kernel.getVisibility());
    if (ArrayAttr attributes = kernel.getArgAttrsAttr())
      pack.setArgAttrsAttr(attributes);
    Block *body = pack.addEntryBlock();
    TileBuilder b(kernel.getLoc(), kernel.getContext());
    b.setInsertionPointToStart(body);
    SmallVector<Value> views =
        createViews(b, body->getArguments(), body->getArguments().back());
    for (unsigned i : packed)
      emitPacking(b, pack, buffers[i], views[i], target);
    func::ReturnOp::create(b);
    return pack;
  }

  void readPanels() {
    Block &body = kernel.getBody().front();
    TileBuilder b(kernel.getLoc(), kernel.getContext());
    b.setInsertionPointToStart(&body);
    SmallVector<Value> views =
        createViews(b, body.getArguments(), body.getArguments().back());
    for (Factor &factor : factors) {
      auto at = llvm::find_if(buffers, [&](const PackedBuffer &packed) {
        return areSame(packed, factor.packed);
      });
      readPanels(factor, views[at - buffers.begin()]);
    }
  }

  void readPanels(Factor &factor, Value panels) {
    const PackedBuffer &packed = factor.packed;
    TileBuilder b(factor.load.getLoc(), factor.load);
    auto index = [&](OpFoldResult value) {
      return getValueOrCreateConstantIndexOp(b, b.getLoc(), value);
    };
    auto coord = [&](int64_t dim) {
      return b.add(index(factor.coords[dim].offset),
                   index(factor.coords[dim].at));
    };
    SmallVector<Value> coords;
    SmallVector<int64_t> sizes;
    for (int64_t dim : packed.outerDims()) {
      coords.push_back(coord(dim));
      sizes.push_back(1);
    }
    auto append = [&](int64_t dim, int64_t step) {
      coords.push_back(b.div(coord(dim), index(b.getIndexAttr(step))));
      sizes.push_back(llvm::divideCeil(factor.sizes[dim], step));
    };
    append(packed.columnDim(), target.panelColumns());
    append(packed.termDim(), packed.step);
    coords.push_back(index(b.getIndexAttr(0)));
    sizes.push_back(target.panelColumns() * packed.step);
    auto layout = tile::PanelsAttr::get(b.getContext(), target.panelColumns(),
                                        packed.step);
    auto tile = cast<RankedTensorType>(factor.dot.getRhs().getType());
    auto type =
        RankedTensorType::get(tile.getShape(), packed.element(), layout);
    auto load = tile::LoadOp::create(b, type, panels, coords, sizes,
                                     ValueRange(), DenseI64ArrayAttr());
    if (packed.isWidened) {
      OpBuilder before(factor.dot);
      factor.dot.getLhsMutable().assign(widened(before, factor.dot.getLhs()));
    }
    factor.dot.getRhsMutable().assign(load);
    if (factor.load->use_empty())
      factor.load->erase();
  }

  func::FuncOp kernel;
  const Target &target;
  std::vector<Factor> factors;
  std::vector<PackedBuffer> buffers;
  int packs = 0;
};

struct PackOperandsPass : passes::impl::PackOperandsBase<PackOperandsPass> {
  using PackOperandsBase::PackOperandsBase;

  void runOnOperation() override {
    Result<Target> machine = findTarget(target.getValue());
    if (!machine) {
      getOperation().emitError(machine.error().message());
      return signalPassFailure();
    }
    SmallVector<func::FuncOp> kernels;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (takesPanels(function))
        kernels.push_back(function);
    for (func::FuncOp kernel : kernels) {
      if (failed(abiOf(kernel)))
        return signalPassFailure();
      KernelPacker(kernel, *machine).run();
    }
  }

private:
  /// A kernel of one launch whose schedule holds right factors.
  bool takesPanels(func::FuncOp function) {
    tile::ScheduleAttr schedule = scheduleOf(function);
    std::optional<Launch> launch = launchOf(function);
    if (function.isExternal() || !schedule || !launch ||
        schedule.getStages() == 0)
      return false;
    for (auto other : getOperation().getOps<func::FuncOp>()) {
      std::optional<Launch> its = launchOf(other);
      if (other != function && its && its->kernel == launch->kernel &&
          its->variant == launch->variant)
        return false;
    }
    return launch->workspaceBytes.empty();
  }
};

} // namespace

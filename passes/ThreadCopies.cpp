// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shared memory: copies into it, rings, and out of it.

#include "passes/ThreadWindow.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===-- addresses --------------------------------------------------------===//

SharedAddress::SharedAddress(ThreadEmitter &emitter, const SharedTile &tile,
                             const Layout &layout, Value base)
    : b(emitter.b), emitter(emitter), tile(tile) {
  std::array<Value, 2> origin = emitter.origin(layout);
  Value thread = emitter.inFront([&] { return offsetOf(origin); });
  start = b.add(thread, base);
}

/// The byte of element `origin`, as lib/SharedMemory computes it.
Value SharedAddress::offsetOf(std::array<Value, 2> origin) {
  int64_t slab = tile.slabBytes();
  Value row = origin[0] ? origin[0] : b.i32(0),
        col = origin[1] ? origin[1] : b.i32(0);
  Value slabs = b.div(col, b.i32(tile.slabCols())),
        byte =
            b.mul(b.rem(col, b.i32(tile.slabCols())), b.i32(tile.elementBytes));
  Value line = b.mul(row, b.i32(slab));
  Value flip =
      b.mul(b.rem(b.div(line, b.i32(128)), b.i32(slab / 16)), b.i32(16));
  Value inSlab = b.add(line, b.flip(byte, flip));
  return b.add(b.mul(slabs, b.i32(tile.rows * slab)), inSlab);
}

Value SharedAddress::at(int64_t row, int64_t col) {
  SharedTile::Step step = tile.step(row, col);
  Value &pointer = pointers[step.flip];
  if (!pointer)
    pointer = emitter.sharedPointer(b.flip(start, b.i32(step.flip)));
  return b.advance(pointer, step.add);
}

Value ThreadEmitter::sharedPointer(Value offset) {
  return b.advance(shared, offset);
}

//===-- waiting ----------------------------------------------------------===//

void ThreadEmitter::waitForCopies(int64_t newer) {
  NVVM::CpAsyncWaitGroupOp::create(b, newer);
}

void ThreadEmitter::barrier() {
  NVVM::BarrierOp::create(b, TypeRange(), Value(), Value(),
                          NVVM::BarrierReductionAttr(), Value());
}

void ThreadEmitter::makeRoom(Operation *op) {
  if (!outerLoop && !plan.reusing.contains(op))
    return;
  waitForCopies(0);
  barrier();
}

//===-- copies in --------------------------------------------------------===//

void ThreadEmitter::copyIn(const TileAccess &access, const Layout &layout,
                           Value base) {
  SharedTile tile = sharedTileOf(access.tile);
  ThreadWindow window(*this, access, layout);
  SharedAddress address(*this, tile, layout, base);
  int64_t bytes = window.width() * tile.elementBytes;
  // Only 16 bytes can go past the first level of the cache.
  auto cache = bytes == 16 ? NVVM::LoadCacheModifierKind::CG
                           : NVVM::LoadCacheModifierKind::CA;
  under(isFirstCopy(layout), [&] {
    llvm::DenseMap<Value, Value> counts;
    for (int64_t reg = 0; reg < layout.registers(); reg += window.width()) {
      ThreadWindow::Place place = window.at(reg);
      Element at = elementAt(layout.reg(), reg);
      Value count;
      if (place.inside) {
        Value &its = counts[place.inside];
        if (!its)
          its = b.select(place.inside, b.i32(bytes), b.i32(0));
        count = its;
      }
      NVVM::CpAsyncOp::create(b, address.at(at[0], at[1]), place.pointer, bytes,
                              cache, count);
    }
  });
}

void ThreadEmitter::emitPut(tile::PutOp put) {
  TileAccess access = TileAccess::of(put);
  Layout layout = sharedCopyLayout(access.tile, accessWidth(access), warps);
  copyIn(access, layout, slotOf(put.getRing(), put.getPosition()));
  NVVM::CpAsyncCommitGroupOp::create(b);
}

void ThreadEmitter::emitShare(tile::ShareOp share) {
  RankedTensorType type = share.getSource().getType();
  Layout layout = *layoutOf(type);
  Value base = b.i32(plan.offsets.lookup(share));
  auto load = share.getSource().getDefiningOp<tile::LoadOp>();
  bool isCopy = load && !fragments.contains(load);
  makeRoom(share);
  if (isCopy) {
    copyIn(TileAccess::of(load), layout, base);
  } else {
    SharedTile tile = sharedTileOf(type);
    SharedAddress address(*this, tile, layout, base);
    int64_t width = std::gcd(layout.contiguous(1), 16 / tile.elementBytes);
    SmallVector<Value> elements = b.elements(vectorOf(share.getSource()));
    under(isFirstCopy(layout), [&] {
      for (int64_t reg = 0; reg < layout.registers(); reg += width) {
        Element at = elementAt(layout.reg(), reg);
        b.write(b.vector(ArrayRef(elements).slice(reg, width)),
                address.at(at[0], at[1]));
      }
    });
  }
  if (isCopy || share.getAsync())
    NVVM::CpAsyncCommitGroupOp::create(b);
  if (share.getAsync())
    return;
  if (isCopy)
    waitForCopies(0);
  barrier();
}

//===-- rings ------------------------------------------------------------===//

Value ThreadEmitter::slotOf(Value ring, Value position) {
  auto type = cast<tile::RingType>(ring.getType());
  Value slot = b.rem(scalar(position), b.i32(type.getStages()));
  return b.add(b.mul(slot, b.i32(sharedTileOf(type.getTile()).bytes())),
               b.i32(plan.offsets.lookup(ring.getDefiningOp())));
}

/// The get before or after `op`, with nothing but arithmetic between.
template <typename Step> static tile::GetOp nextGet(Operation *op, Step step) {
  while ((op = step(op)) && (isa<tile::GetOp>(op) || isMemoryEffectFree(op)))
    if (auto get = dyn_cast<tile::GetOp>(op))
      return get;
  return nullptr;
}

void ThreadEmitter::emitGet(tile::GetOp get) {
  setScalar(get.getSlot(), slotOf(get.getRing(), get.getPosition()));
  // One wait serves all gets in a row.
  if (nextGet(get, [](Operation *op) { return op->getPrevNode(); }))
    return;
  int64_t newer = get.getNewer().value_or(0);
  for (tile::GetOp next = get;
       (next = nextGet(next, [](Operation *op) { return op->getNextNode(); }));)
    newer = std::min<int64_t>(newer, next.getNewer().value_or(0));
  waitForCopies(newer);
  barrier();
}

//===-- copies out -------------------------------------------------------===//

void ThreadEmitter::storeShared(tile::StoreOp store) {
  TileAccess access = TileAccess::of(store);
  Layout layout = sharedCopyLayout(access.tile, accessWidth(access), warps);
  ThreadWindow window(*this, access, layout);
  Operation *share = store.getValue().getDefiningOp();
  SharedAddress address(*this, sharedTileOf(access.tile), layout,
                        b.i32(plan.offsets.lookup(share)));
  auto type = VectorType::get(window.width(), access.tile.getElementType());
  Value isFirst = isFirstCopy(layout);
  for (auto &[inside, places] : window.places()) {
    SmallVector<Value> from;
    for (const ThreadWindow::Place &place : places) {
      Element at = elementAt(layout.reg(), place.reg);
      from.push_back(address.at(at[0], at[1]));
    }
    under(b.both(isFirst, inside), [&] {
      for (auto [place, pointer] : llvm::zip(places, from))
        b.write(b.read(type, pointer), place.pointer);
    });
  }
}

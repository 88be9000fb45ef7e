// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows between memory and registers.

#include "passes/ThreadWindow.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

Type headgate::passes::inMemory(Type element) {
  return element.isInteger(1) ? IntegerType::get(element.getContext(), 8)
                              : element;
}

/// Loaded on its way to shared memory, and by nobody else.
static bool isCopied(tile::LoadOp load) {
  return load->hasOneUse() && isa<tile::ShareOp>(*load->user_begin());
}

void ThreadEmitter::emitLoad(tile::LoadOp load) {
  if (isCopied(load))
    return;
  TileAccess access = TileAccess::of(load);
  Layout layout = *layoutOf(load.getType());
  ThreadWindow window(*this, access, layout);
  Type element = inMemory(access.tile.getElementType());
  auto type = VectorType::get(window.width(), element);
  SmallVector<Value> elements(layout.registers());
  auto readAll = [&](ArrayRef<ThreadWindow::Place> places) {
    SmallVector<Value> read;
    for (const ThreadWindow::Place &place : places)
      read.push_back(b.read(type, place.pointer));
    return read;
  };
  for (auto &[inside, places] : window.places()) {
    SmallVector<Value> read;
    if (inside) {
      SmallVector<Type> types(places.size(), type);
      auto branch = scf::IfOp::create(b, types, inside, true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      scf::YieldOp::create(b, readAll(places));
      b.setInsertionPointToStart(branch.elseBlock());
      Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
      scf::YieldOp::create(b, SmallVector<Value>(places.size(), zero));
      read.assign(branch.getResults().begin(), branch.getResults().end());
    } else {
      read = readAll(places);
    }
    for (auto [place, vector] : llvm::zip(places, read))
      for (auto [i, part] : llvm::enumerate(b.elements(vector)))
        elements[place.reg + i] = part;
  }
  Value all = b.vector(elements);
  if (element != access.tile.getElementType()) {
    Value zero = arith::ConstantOp::create(
        b, b.getZeroAttr(cast<VectorType>(all.getType())));
    all = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, all, zero);
  }
  setVector(load, all);
}

void ThreadEmitter::emitStore(tile::StoreOp store) {
  if (isa<tile::SharedType>(store.getValue().getType()))
    return storeShared(store);
  TileAccess access = TileAccess::of(store);
  Layout layout = *layoutOf(store.getValue().getType());
  Value vector = vectorOf(store.getValue());
  Type element = inMemory(access.tile.getElementType());
  if (element != access.tile.getElementType())
    vector = arith::ExtUIOp::create(
        b, VectorType::get(layout.registers(), element), vector);
  SmallVector<Value> elements = b.elements(vector);
  ThreadWindow window(*this, access, layout);
  Value isFirst = isFirstCopy(layout);
  for (auto &[inside, places] : window.places())
    under(b.both(isFirst, inside), [&] {
      for (const ThreadWindow::Place &place : places)
        b.write(b.vector(ArrayRef(elements).slice(place.reg, window.width())),
                place.pointer);
    });
}

void ThreadEmitter::under(Value condition, llvm::function_ref<void()> write) {
  if (!condition)
    return write();
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  write();
}

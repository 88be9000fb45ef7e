// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Addresses are split in three: what all threads share and what a loop does not
// change, computed in front of it; what moves with the thread or the loop, one
// 64-bit number for each dimension of the tile; and constants, which
// instructions hold. Bounds are checked for each row and each access of a row;
// those of dimensions with one coordinate once for all, by making the first
// dimension's limit 0.

#include "passes/ThreadWindow.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

ThreadWindow::ThreadWindow(ThreadEmitter &emitter, const TileAccess &access,
                           const Layout &layout)
    : e(emitter), b(emitter.b), access(access), layout(layout),
      view(e.views.lookup(access.memref)), parts(partsOf(access)),
      origin(e.origin(layout)), limits(view.extents) {
  int64_t last = access.tile.getRank() - 1;
  width_ = std::gcd(accessWidth(access), layout.contiguous(last));
  if (access.tile.getRank() == 2 && !access.rows.empty())
    rowRegisters = layout.sliceRegisters(1);
  placeOthers();
}

/// Is every coordinate of the window in this dimension one of the buffer's?
bool ThreadWindow::isSurelyInside(int64_t dim) {
  int64_t extent = access.type.getDimSize(dim);
  if (extent == ShapedType::kDynamic || llvm::is_contained(access.rowDims, dim))
    return false;
  Value coord = access.coords[dim];
  if (std::optional<int64_t> at = getConstantIntValue(coord))
    return *at >= 0 && *at + access.sizes[dim] <= extent;
  auto rest = coord.getDefiningOp<arith::RemUIOp>();
  std::optional<int64_t> divisor =
      rest ? getConstantIntValue(rest.getRhs()) : std::nullopt;
  return divisor && *divisor > 0 && *divisor - 1 + access.sizes[dim] <= extent;
}

/// Dimensions in which the window has one coordinate.
void ThreadWindow::placeOthers() {
  SmallVector<int64_t> others;
  needs = {access.memref};
  for (int64_t d = 0; d < access.type.getRank(); ++d)
    if (access.sizes[d] == 1 && !llvm::is_contained(access.rowDims, d)) {
      others.push_back(d);
      needs.push_back(access.coords[d]);
    }
  // The dimension whose limit becomes 0 if there is nothing.
  std::optional<int64_t> first;
  for (const auto &its : parts)
    for (const WindowPart &part : its)
      if (!first && part.dim != WindowPart::rows && !isSurelyInside(part.dim))
        first = part.dim;
  e.asEarlyAs(needs, [&] {
    base = view.pointer;
    for (int64_t d : others) {
      Value coord = e.scalar(access.coords[d]);
      base = b.advance(base, b.mul(b.wide(coord), view.strides[d]));
      if (!isSurelyInside(d))
        isThere = b.both(isThere, b.isWithin(coord, view.extents[d]));
    }
    if (isThere && first) {
      limits[*first] = b.select(isThere, limits[*first], b.i32(0));
      isThere = Value();
    }
  });
}

Value ThreadWindow::check(int64_t dim, Value coord) {
  return isSurelyInside(dim) ? Value() : b.isWithin(coord, limits[dim]);
}

/// Adds coordinate `coord` + `by` of a dimension of the buffer.
void ThreadWindow::add(Along &sum, int64_t dim, Value coord, int64_t by) {
  Value stride = view.strides[dim];
  Value moved = b.mul(b.wide(coord), stride);
  sum.moved = sum.moved ? b.add(sum.moved, moved) : moved;
  sum.constant = b.add(sum.constant, b.mul(stride, b.i64(by)));
  sum.inside = b.both(sum.inside, check(dim, b.add(coord, b.i32(by))));
}

ThreadWindow::Along ThreadWindow::alongPart(int64_t dim, const WindowPart &part,
                                            int64_t by) {
  Along sum{Value(), b.i64(0), Value()};
  Value coord = access.coords[part.dim];
  SmallVector<Value> all = needs;
  all.push_back(coord);
  e.asEarlyAs(all, [&] {
    // One number for all registers.
    Value &at = coords[{part.dim, coord}];
    if (!at) {
      at = e.scalar(coord);
      if (origin[dim])
        at = b.add(at, origin[dim]);
    }
    add(sum, part.dim, at, by);
  });
  return sum;
}

ThreadWindow::Along ThreadWindow::alongRows(int64_t reg) {
  int64_t i = rowRegisters.empty() ? reg : rowRegisters[reg];
  Along sum{Value(), b.i64(0), Value()};
  SmallVector<Value> all = needs;
  all.append(access.rows.begin(), access.rows.end());
  for (int64_t dim : access.rowDims)
    all.push_back(access.coords[dim]);
  e.asEarlyAs(all, [&] {
    for (auto [row, dim] : llvm::zip(access.rows, access.rowDims)) {
      const Fragment &numbers = e.fragment(row);
      Value coord = e.scalar(access.coords[dim]);
      if (numbers.vector) {
        Value number = vector::ExtractOp::create(b, numbers.vector, i);
        add(sum, dim, b.add(coord, number), 0);
        continue;
      }
      Value &at = coords[{dim, row}];
      if (!at)
        at = numbers.base ? b.add(coord, numbers.base) : coord;
      add(sum, dim, at, numbers.offsets[i]);
    }
  });
  return sum;
}

/// A dimension of the tile that runs over several of the buffer.
ThreadWindow::Along ThreadWindow::alongParts(int64_t dim, int64_t by) {
  Along sum{Value(), b.i64(0), Value()};
  Value number = b.i32(by);
  if (origin[dim])
    number = b.add(origin[dim], number);
  ArrayRef<WindowPart> its = parts[dim];
  for (const WindowPart &part : llvm::reverse(its)) {
    bool isOutermost = &part == its.begin();
    Value digit = isOutermost ? number : b.rem(number, b.i32(part.extent));
    number = b.div(number, b.i32(part.extent));
    add(sum, part.dim, b.add(e.scalar(access.coords[part.dim]), digit), 0);
  }
  return sum;
}

const ThreadWindow::Along &ThreadWindow::along(int64_t dim, int64_t reg) {
  int64_t by = elementAt(layout.reg(), reg)[dim];
  auto [at, isNew] = known.try_emplace({dim, by});
  if (isNew) {
    ArrayRef<WindowPart> its = parts[dim];
    if (its.empty())
      at->second = {Value(), b.i64(0), Value()};
    else if (its[0].dim == WindowPart::rows)
      at->second = alongRows(reg);
    else
      at->second =
          its.size() == 1 ? alongPart(dim, its[0], by) : alongParts(dim, by);
  }
  return at->second;
}

ThreadWindow::Place ThreadWindow::at(int64_t reg) {
  Along none{Value(), b.i64(0), Value()};
  const Along &rows = along(0, reg);
  const Along &cols = access.tile.getRank() == 2 ? along(1, reg) : none;
  Value &pointer = pointers[{rows.moved, cols.moved}];
  if (!pointer) {
    pointer = base;
    for (Value moved : {rows.moved, cols.moved})
      if (moved)
        pointer = b.advance(pointer, moved);
  }
  return {reg, b.advance(pointer, b.add(rows.constant, cols.constant)),
          b.both(isThere, b.both(rows.inside, cols.inside))};
}

llvm::MapVector<Value, SmallVector<ThreadWindow::Place>>
ThreadWindow::places() {
  llvm::MapVector<Value, SmallVector<Place>> all;
  for (int64_t reg = 0; reg < layout.registers(); reg += width_) {
    Place place = at(reg);
    all[place.inside].push_back(place);
  }
  return all;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the steps of a plan as loops over vectors. One class, six ideas:
//
//   EmitSteps.cpp      the order of steps; loops and branches without tiles
//   EmitSweeps.cpp     passes over the elements of tiles
//   EmitWindows.cpp    windows of memory: rows outside of it, ends of rows
//   EmitDots.cpp       products in registers, from panels or rows in memory
//   EmitHeadDots.cpp   products of several heads, side by side in memory
//   EmitHeadPages.cpp  products of 16-bit rows in memory, a page at a time
//   EmitReadAhead.cpp  rows of memory that several blocks read in turn
//
// All new operations are upstream: memref, vector, arith, math, scf, x86vector.

#ifndef HEADGATE_PASSES_TILEEMITTER_H
#define HEADGATE_PASSES_TILEEMITTER_H

#include "passes/TileBuffers.h"
#include "passes/TileBuilder.h"
#include "passes/TilePlan.h"

#include <optional>

namespace headgate::passes {

/// A window of tile.load or tile.store as both lowerings need it.
struct Window {
  explicit Window(tile::LoadOp load);
  explicit Window(tile::StoreOp store);

  mlir::Value memref;
  mlir::MemRefType type;
  llvm::SmallVector<mlir::Value> coords;
  llvm::ArrayRef<int64_t> sizes;
  llvm::SmallVector<mlir::Value> rows;
  llvm::ArrayRef<int64_t> rowDims;
  /// The first dimension that a row of the tile spans: the dimensions from
  /// here on are its columns. The rank of the memref for tiles of rank 1.
  int64_t firstColumnDim;

  /// Columns for each step along `firstColumnDim`: more than one where a
  /// row of the tile spans several dimensions.
  int64_t columnsPerStep() const;

private:
  void findColumns(mlir::RankedTensorType tile);
};

/// One row of a sweep, and what was computed for it so far.
struct RowContext {
  explicit RowContext(mlir::Value row) : row(row) {}

  mlir::Value row; ///< index
  llvm::DenseMap<mlir::Value, mlir::Value> scalars;
  /// Where the row of a window lies, and whether that is inside its memref
  /// (null: always).
  struct Place {
    llvm::SmallVector<mlir::Value> indices;
    mlir::Value inside;
  };
  llvm::DenseMap<mlir::Operation *, Place> places;
};

/// `width` columns from `column` on, in one row or (rank 1) in none.
struct ChunkContext {
  ChunkContext(RowContext *row, mlir::Value column, int64_t width,
               std::optional<int64_t> at = std::nullopt)
      : row(row), column(column), width(width), at(at) {}

  RowContext *row;
  mlir::Value column;
  int64_t width;
  /// `column`, where it is known.
  std::optional<int64_t> at;
  /// How many of the columns come before `end`; a chunk at an unknown place
  /// lies before every end.
  int64_t insideOf(int64_t end) const {
    return at ? std::clamp<int64_t>(end - *at, 0, width) : width;
  }
  llvm::DenseMap<mlir::Value, mlir::Value> elements;
  /// Stored tiles that are made here, not read.
  llvm::SmallPtrSet<mlir::Value, 4> made;
};

class TileEmitter {
public:
  TileEmitter(mlir::func::FuncOp func, TilePlan &plan, TileBuffers &buffers,
              const Target &target)
      : func(func), plan(plan), buffers(buffers), target(target),
        b(func.getLoc(), func.getContext()) {}

  /// Replaces the tile operations of the function.
  void run();

private:
  using Body = llvm::function_ref<void(mlir::Value)>;
  using CarryingBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value, mlir::ValueRange)>;

  // EmitSteps.cpp
  void emit(const Steps &steps);
  void emitCopies(const Step &step);
  void eraseTiles(llvm::ArrayRef<mlir::Operation *> ops);
  void rebuildWithoutTiles(mlir::scf::ForOp loop);
  void rebuildWithoutTiles(mlir::scf::IfOp branch);
  /// for (i = from; i < to; i += step), a single turn without a loop.
  void loop(mlir::Value from, mlir::Value to, int64_t step, Body body);
  llvm::SmallVector<mlir::Value> loop(mlir::Value from, mlir::Value to,
                                      int64_t step, mlir::ValueRange inits,
                                      CarryingBody body);

  // EmitSweeps.cpp
  void emitSweep(const Step &step);
  void emitMatrixSweep(const Step &step);
  void emitRowSweep(const Step &step);
  /// Runs `body` for the chunks of `columns` columns, and as one loop for those
  /// of the first `whole` that are full; up to `limit`, if given and possible.
  llvm::SmallVector<mlir::Value>
  forChunks(int64_t columns, int64_t whole, mlir::Value limit, RowContext &row,
            mlir::ValueRange inits,
            llvm::function_ref<llvm::SmallVector<mlir::Value>(ChunkContext &,
                                                              mlir::ValueRange)>
                body);
  llvm::SmallVector<mlir::Value>
  emitChunk(const Step &step, ChunkContext &chunk, mlir::ValueRange partials);
  mlir::Value combine(tile::Reduction kind, mlir::Value element,
                      mlir::Value sum);
  mlir::Value neutral(tile::ReduceOp reduce, int64_t width);
  mlir::Value padded(tile::ReduceOp reduce, mlir::Value vector, int64_t width);
  void finishReduce(tile::ReduceOp reduce, mlir::Value row,
                    mlir::Value partial);
  /// Computes what a row as a whole gives to its elements of `tile`.
  void prepareRow(const TileReads &reads, RowContext &row);
  void prepareRow(mlir::Value tile, RowContext &row);
  mlir::Value elementsOf(mlir::Value tile, ChunkContext &chunk);
  mlir::Value computeElements(mlir::Value tile, ChunkContext &chunk);
  mlir::Value scalarOf(mlir::Value tile, RowContext &row);
  mlir::Value elementwise(mlir::Operation *op, int64_t width,
                          llvm::function_ref<mlir::Value(mlir::Value)> of);
  mlir::Value iota(int64_t width);
  mlir::Value loadBuffer(mlir::Value tile, mlir::ValueRange at, int64_t width);
  void storeBuffer(mlir::Value vector, mlir::Value tile, mlir::ValueRange at);
  void storeScalar(mlir::Value scalar, mlir::Value tile, mlir::Value row);

  // EmitWindows.cpp
  struct ColumnCheck {
    mlir::Value fits, first, end;
  };
  RowContext::Place placeOf(const Window &window, RowContext &row);
  /// Columns of the window that lie in its memref, where that is known.
  std::optional<int64_t> columnsInside(const Window &window, int64_t columns);
  ColumnCheck checkColumns(const Window &window, const ChunkContext &chunk);
  mlir::Value columnMask(const ColumnCheck &check, mlir::Value inside,
                         int64_t width);
  mlir::Value loadColumns(const Window &window, const RowContext::Place &place,
                          int64_t tileColumns, const ChunkContext &chunk);
  mlir::Value loadElements(tile::LoadOp load, ChunkContext &chunk);
  void storeElements(tile::StoreOp store, mlir::Value elements,
                     ChunkContext &chunk);
  void emitFillRows(tile::LoadOp load);
  void emitStoreRows(tile::StoreOp store);

  // EmitDots.cpp
  /// A part of a product that is kept in registers: `rows` rows from `row` on,
  /// and vectors of these widths side by side from `column` on.
  struct Block {
    mlir::Value row;
    int64_t rows;
    mlir::Value column;
    llvm::SmallVector<int64_t> widths;
  };
  /// The right factor as rows in memory.
  struct Matrix {
    mlir::Value memref;
    llvm::SmallVector<mlir::Value> origin; ///< of row 0, column 0
    int64_t rowDim;
    mlir::Value firstRow, rows; ///< [firstRow, rows) lie in the memref
    int64_t columns;            ///< [0, columns) lie in the memref
    mlir::Type element;
  };
  using RightVector =
      llvm::function_ref<mlir::Value(mlir::Value term, size_t vector)>;

  void emitDot(tile::DotOp dot);
  void emitPanelDot(tile::DotOp dot, tile::LoadOp panels);
  void emitMatrixDot(tile::DotOp dot, const Matrix &matrix);
  void emitTransposedDot(tile::DotOp dot, const Matrix &matrix);
  void forRowBlocks(int64_t rows, int64_t atMost,
                    llvm::function_ref<void(mlir::Value, int64_t)> body);
  llvm::SmallVector<mlir::Value> accumulators(tile::DotOp dot,
                                              const Block &block);
  void emitBlock(tile::DotOp dot, const Block &block, mlir::Value first,
                 mlir::Value end, RightVector right);
  mlir::Value multiplyAdd(mlir::Value left, mlir::Value right, mlir::Value sum);
  mlir::Value leftElement(tile::DotOp dot, mlir::Value row, mlir::Value term,
                          int64_t width);
  Matrix matrixOf(tile::DotOp dot);
  mlir::Value loadRow(const Matrix &matrix, mlir::Value memref,
                      llvm::ArrayRef<mlir::Value> at, int64_t width,
                      mlir::Type as);
  mlir::Value copyRows(const Matrix &matrix, mlir::Value first, int64_t rows);
  mlir::Value wholeRows(const Matrix &matrix, mlir::Value first);
  mlir::Value spareRows(int64_t rows, int64_t columns, mlir::Type element);
  mlir::Value sumEach(llvm::ArrayRef<mlir::Value> vectors);

  // EmitHeadDots.cpp
  /// The right factors of several heads: part h of row k.
  struct HeadMatrix {
    Matrix rows;
    int64_t heads, rowsOfHead; ///< of the left factor
    int64_t pitch;             ///< columns of a head in the tile
    int64_t width;             ///< those that lie in memory, from the first on
    bool isStored;             ///< in a tile's buffer
    bool isFlat;               ///< all columns lie in one dimension

    llvm::SmallVector<mlir::Value> place(TileBuilder &b, mlir::Value row,
                                         mlir::Value head,
                                         int64_t column) const;
  };
  HeadMatrix headMatrixOf(tile::DotOp dot);
  void emitHeadDot(tile::DotOp dot);
  void emitHeadScores(tile::DotOp dot, const HeadMatrix &matrix);
  struct KeySums;
  mlir::Value loadInOrder(const HeadMatrix &matrix,
                          llvm::ArrayRef<mlir::Value> at, int64_t width);
  llvm::SmallVector<mlir::Value> headProducts(tile::DotOp dot,
                                              const HeadMatrix &matrix,
                                              mlir::Value key,
                                              mlir::Value head);
  void storeProducts(tile::DotOp dot, const HeadMatrix &matrix, mlir::Value key,
                     mlir::Value spare, mlir::Value spareRow);
  void sumKeys(tile::DotOp dot, const HeadMatrix &matrix, mlir::Value first,
               const KeySums &into);
  void emitHeadSums(tile::DotOp dot, const HeadMatrix &matrix);
  void addTerm(tile::DotOp dot, const HeadMatrix &matrix, mlir::Value term);
  void copyAccumulator(tile::DotOp dot);

  // EmitHeadPages.cpp
  /// Memory that will be read soon.
  struct Ahead {
    mlir::Value from; ///< an address
    int64_t bytes = 0;
  };
  void emitPageScores(tile::DotOp dot, const HeadMatrix &matrix);
  void emitPageSums(tile::DotOp dot, HeadMatrix matrix);
  mlir::Value isThere(const HeadMatrix &matrix, mlir::Value first,
                      mlir::Value end);
  mlir::Value copyPage(const HeadMatrix &matrix, mlir::Value first,
                       int64_t count, llvm::ArrayRef<int64_t> shape);
  HeadMatrix pageOf(const HeadMatrix &matrix, mlir::Value first, int64_t count);
  Ahead aheadOf(const HeadMatrix &matrix, mlir::Value first, int64_t count,
                mlir::Value head);
  void ask(const Ahead &ahead, int64_t step, int64_t steps);
  void scorePage(tile::DotOp dot, const HeadMatrix &page, mlir::Value head,
                 mlir::Value row, int64_t rows, mlir::Value column,
                 int64_t keys, const Ahead &ahead);
  llvm::SmallVector<mlir::Value> rightVectors(tile::DotOp dot,
                                              const HeadMatrix &page,
                                              int64_t term, mlir::Value head,
                                              int64_t column, int64_t count);
  void addPage(tile::DotOp dot, const HeadMatrix &page, mlir::Value term,
               int64_t terms, mlir::Value head, mlir::Value row, int64_t rows,
               int64_t column, int64_t count, const Ahead &ahead);

  // EmitReadAhead.cpp
  int64_t sharedRowBytes(const Matrix &matrix) const;
  void readLines(mlir::Value first, mlir::Value last);
  /// In the block of the first of heads that lie side by side: reads the rows
  /// of all of them.
  void readSharedRows(tile::DotOp dot, const Matrix &matrix);

  mlir::func::FuncOp func;
  TilePlan &plan;
  TileBuffers &buffers;
  const Target &target;
  TileBuilder b;
};

/// Does the dot multiply pairs of bf16 terms?
bool hasPairs(tile::DotOp dot);

/// 2^x of a vector of f32, within 3 units in the last place; exactly 0 at -inf,
/// 1 at 0, inf at inf and from 128 on, NaN at NaN. The form for AVX-512 takes
/// vectors of 16.
mlir::Value expandExp2(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                       const Target &target);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TILEEMITTER_H

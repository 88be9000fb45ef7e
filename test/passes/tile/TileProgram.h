// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs tile programs: compiles the text of a module with launch functions on
// tiles (or attend and rows kernels with a schedule) for one CPU level, in this process,
// and plays their grids.

#ifndef HEADGATE_TEST_PASSES_TILE_TILEPROGRAM_H
#define HEADGATE_TEST_PASSES_TILE_TILEPROGRAM_H

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace headgate::test {

/// A buffer argument: row-major, of any element type.
struct Buffer {
  void *data;
  std::vector<int64_t> extents;
};

/// The levels that this CPU runs, weakest first.
std::vector<std::string> levels();

class TileProgram {
public:
  /// Compiles `text` for `level`. Fails the running test, with the diagnostics,
  /// if a pass refuses or LLVM does.
  TileProgram(const std::string &text, const std::string &level);
  ~TileProgram();

  /// Runs all launches, in order, on `buffers`. The workspace, if one is asked
  /// for, starts as NaN. Extents get their names from `headgate.dims`.
  void run(const std::vector<Buffer> &buffers);

private:
  void compile(const std::string &text, const std::string &level);

  struct Jit;
  std::unique_ptr<Jit> jit;
};

} // namespace headgate::test

#endif // HEADGATE_TEST_PASSES_TILE_TILEPROGRAM_H

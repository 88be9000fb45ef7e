// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A machine that kernels are compiled for, as far as schedules and their cost
// depend on it. lib/Target has the known ones.

#ifndef HEADGATE_TARGET_H
#define HEADGATE_TARGET_H

#include <cstdint>
#include <string>

namespace headgate {

struct Target {
  std::string name; ///< "host:x86-64-v4"

  int64_t lanes = 4;              ///< f32 elements of a vector register
  int64_t registers = 16;         ///< vector registers
  bool hasDotBf16 = false;        ///< multiplies pairs of bf16 into f32
  int64_t cacheBytes = 256 << 10; ///< of a core, not shared (second level)
  int64_t sharedBytes = 0; ///< GPU: shared memory a block can have; CPU: 0

  // Rates of one core (GPU: multiprocessor), for lib/Cost. Of a typical machine
  // of this kind: what they decide is a ratio.
  double flopsPerNs = 20;   ///< f32 multiplications and additions
  double dotBf16Factor = 1; ///< how many times faster bf16 products are
  /// Of a row times a matrix that is its own: one chain of dependent additions
  /// for each element, which is how routed.linear is lowered.
  double rowFlopsPerNs = 1.4;
  double exp2PerNs = 1;
  double memoryBytesPerNs = 10; ///< read from memory
  double sharedBytesPerNs = 40; ///< read from the shared cache

  bool isGpu() const { return sharedBytes > 0; }
  /// Columns of a panel: two registers, so that each element of the left
  /// factor, once in a register, is used twice.
  int64_t panelColumns() const { return 2 * lanes; }
  /// Rows of a product whose sums stay in registers: two for each row, beside
  /// two of the right factor and one of the left.
  int64_t productRows() const { return (registers - 3) / 2; }
};

} // namespace headgate

#endif // HEADGATE_TARGET_H

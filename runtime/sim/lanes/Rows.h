// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables of this level, one for each source.

#ifndef HEADGATE_RUNTIME_SIM_LANES_ROWS_H
#define HEADGATE_RUNTIME_SIM_LANES_ROWS_H

#include "runtime/sim/lanes/Lanes.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

struct RowSpan {
  const OpRow *first;
  size_t count;
  template <size_t n>
  constexpr RowSpan(const OpRow (&rows)[n]) : first(rows), count(n) {}
};

RowSpan integerRows();
RowSpan carryRows();
RowSpan floatRows();
RowSpan halfRows();
RowSpan convertRows();
RowSpan convertRealRows();
RowSpan compareRows();
RowSpan moveRows();
RowSpan memoryRows();
RowSpan atomicRows();
RowSpan matrixRows();
RowSpan mmaRows();
RowSpan asyncRows();
RowSpan exchangeRows();

} // namespace headgate::runtime::sim::HEADGATE_LANES

#endif // HEADGATE_RUNTIME_SIM_LANES_ROWS_H

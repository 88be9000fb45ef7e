// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/lanes/Rows.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

LevelTable table() {
  const RowSpan spans[LevelTable::parts] = {
      integerRows(), carryRows(),       floatRows(),   halfRows(),
      convertRows(), convertRealRows(), compareRows(), moveRows(),
      memoryRows(),  atomicRows(),      matrixRows(),  mmaRows(),
      asyncRows(),   exchangeRows()};
  LevelTable table;
  for (int i = 0; i < LevelTable::parts; ++i) {
    table.rows[i] = spans[i].first;
    table.counts[i] = spans[i].count;
  }
  return table;
}

} // namespace headgate::runtime::sim::HEADGATE_LANES

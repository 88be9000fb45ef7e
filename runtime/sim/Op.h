// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A decoded instruction and the table that instructions are decoded with. One
// row of the table is one form that the simulator accepts: how its opcode is
// spelled, what its operands are, and the function that executes it for the 32
// lanes of a warp.

#ifndef HEADGATE_RUNTIME_SIM_OP_H
#define HEADGATE_RUNTIME_SIM_OP_H

#include "runtime/sim/Ptx.h"

#include <cstdint>
#include <span>

namespace headgate::runtime::sim {

struct Warp;
struct Op;

/// Executes `op` for the lanes of `mask`, which are active and not 0.
using Handler = void (*)(Warp &warp, const Op &op, uint32_t mask);

/// How an access to memory is ordered with others (.sem of the PTX ISA).
/// `relaxed` is also what .volatile means within a GPU.
enum class Order : uint8_t { weak, relaxed, acquire, release, acqRel };

struct Op {
  Handler run;
  /// Words that the row's operands stand for: byte offsets into the register
  /// file, displacements of addresses; in the order of the row.
  const uint32_t *at;
  int64_t imm; ///< the immediate operand or the target of a branch
  uint32_t guard, guardFlip; ///< lanes = active & (predicate at guard ^ flip)
  uint32_t index;            ///< of this op in its program
  uint16_t site; ///< small number of an access to shared memory, for reports
  Space space;
  Order order;
  uint8_t wideAddresses; ///< bit i: address i of the operands has 64 bits
  uint8_t aligned;       ///< the instruction says .aligned
  uint8_t combine;       ///< setp: 1 .and, 2 .or, 3 .xor with a predicate
};

/// What counters add up, and what the decoder must know of control flow.
enum class OpClass : uint8_t {
  integer,
  real,
  convert,
  move,
  matrix, ///< mma
  shared,
  global,
  local,
  constant, ///< .param and .const
  async,    ///< cp.async and its groups
  exchange, ///< shfl, vote, match, redux
  barrier,
  control,
};
constexpr int opClasses = 13;
const char *name(OpClass kind);

struct OperandSpec {
  enum class Kind : uint8_t {
    result,     ///< a register that is written; "_" is a dump
    resultAnd,  ///< two words, "%r1|%p1": a result, a predicate or a dump
    source,     ///< a register or an immediate
    realSource, ///< the same, where an immediate is a float of `bits`
    predicate,  ///< two words: place and flip ("!%p1"); left away: true
    address,    ///< two words: place of the base, displacement
    immediate,  ///< goes to Op::imm
    label,      ///< goes to Op::imm
    labels,     ///< a table of labels: count, then one word for each
    name,       ///< %clock and the like: no word
    policy,     ///< a cache policy, without effect
  };
  Kind kind;
  uint8_t bits = 32;
  uint8_t count = 1;     ///< above 1: a vector in braces
  bool optional = false; ///< may be left away together with all behind it
};

/// Spelling: literal modifiers, "[.a|.b]" at most one of these, "{.a|.b}" one
/// of these. Neither group changes which row is meant.
struct OpRow {
  const char *pattern;
  OperandSpec operands[6];
  uint8_t operandCount;
  OpClass kind;
  Handler run;
};

/// An optional source that the instruction leaves away has this word.
constexpr uint32_t absentOperand = UINT32_MAX;

/// The rows of one level: those of each source of lanes/.
struct LevelTable {
  static constexpr int parts = 14;
  const OpRow *rows[parts];
  size_t counts[parts];
};

/// Which build of the lane operations runs.
enum class LaneLevel : uint8_t { v2, v3, v4 };
/// The best that this CPU has.
LaneLevel bestLaneLevel();
const char *name(LaneLevel level);

/// Rows whose opcode begins with `base` ("mma"), in the order of the table.
std::vector<const OpRow *> findRows(LaneLevel level, std::string_view base);
/// Every row.
std::vector<const OpRow *> allRows(LaneLevel level);

/// Whether `pattern` accepts `opcode`.
bool matches(std::string_view pattern, std::string_view opcode);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_OP_H

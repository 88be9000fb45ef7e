// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel, decoded: its ops in frontier order and the register file that a
// warp starts with.

#ifndef HEADGATE_RUNTIME_SIM_PROGRAM_H
#define HEADGATE_RUNTIME_SIM_PROGRAM_H

#include "runtime/sim/Op.h"
#include "runtime/sim/Ptx.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace headgate::runtime::sim {

/// A value of the machine that a register holds from the start.
struct SpecialRegister {
  enum class Kind : uint8_t {
    tid,
    ntid,
    ctaid,
    nctaid,
    laneid,
    warpid,
    nwarpid,
    smid,
    nsmid,
    gridid,
    maskEq,
    maskLe,
    maskLt,
    maskGe,
    maskGt,
    dynamicShared,
    totalShared,
    zero,
    one,
  };
  Kind kind;
  uint8_t dimension; ///< 0 to 2
  uint8_t bits;
  uint32_t at; ///< in the register file
};

/// What is known of an op beyond what runs.
struct OpInfo {
  Origin origin;
  std::string text; ///< the opcode as written
  OpClass kind = OpClass::control;
  uint32_t macs = 0; ///< of one execution, for mma
};

/// For an op that reads or writes registers that may be undefined: the validity
/// words of these, one bit for each lane.
struct TrackedOp {
  Handler run;
  std::vector<uint32_t> reads, writes;
  std::vector<std::string> names; ///< of `reads`
  /// mov and selp do not use what they move: the result is as valid as what is
  /// moved or selected. What is packed needs one valid part: compilers leave
  /// the other half of a pair open where nobody looks at it.
  enum class Use : uint8_t { uses, moves, packs, selects };
  Use use = Use::uses;
  bool whole = false; ///< packs: a part is always valid
  uint32_t whenTrue = 0, whenFalse = 0, selector = 0, selectorFlip = 0;
};

struct Program {
  std::string name;
  std::vector<Op> ops;
  std::vector<uint32_t> words;   ///< what Op::at points into
  std::vector<OpInfo> info;      ///< by op
  std::vector<uint32_t> tracked; ///< by op: number in trackedOps, behind 0
  std::vector<TrackedOp> trackedOps;
  std::vector<uint32_t> siteOps;  ///< Op::site to op
  std::vector<uint8_t> registers; ///< a warp's register file at its start
  std::vector<SpecialRegister> specials;
  std::vector<Parameter> parameters;
  uint32_t parameterBytes = 0;
  uint32_t predicateBytes = 0; ///< of `registers`: predicates and validity
  uint32_t sharedBegin = 0;    ///< first address of shared memory
  uint32_t dynamicShared = 0;  ///< address of dynamic shared memory
  uint32_t localBytes = 0;     ///< of each thread
  std::array<uint32_t, 3> requiredBlock{};
  uint32_t maxThreads = 0;
};

/// How a module is laid out and decoded.
struct DecodeOptions {
  LaneLevel level = LaneLevel::v2;
  int target = 80; ///< compute capability of the device
  bool minimalSharedBase = false;
  bool trackRegisters = true;
  /// The address of a variable in global or constant memory.
  std::function<uint64_t(const std::string &)> addressOf;
};

/// Decodes `kernel` of `module`. The error names line and instruction.
Result<std::unique_ptr<const Program>> decode(const Module &module,
                                              const Kernel &kernel,
                                              const DecodeOptions &options);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_PROGRAM_H

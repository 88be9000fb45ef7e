// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PTX text as data: what the parser makes and the decoder reads. Names are
// resolved as far as the text alone allows (registers by scope, labels by
// scope, files of .loc); what an opcode means is the decoder's business.

#ifndef HEADGATE_RUNTIME_SIM_PTX_H
#define HEADGATE_RUNTIME_SIM_PTX_H

#include "headgate/Result.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::runtime::sim {

enum class Space : uint8_t { generic, global, shared, local, param, constant };

/// Where an instruction comes from: the line of the PTX text, and the position
/// in the source that the last .loc before it gave (0 if there was none).
struct Origin {
  uint32_t line = 0;
  uint32_t file = 0, sourceLine = 0, sourceColumn = 0;
};

/// A register: its width is all that instructions check. Width 1 is .pred.
struct Register {
  std::string name;
  uint8_t bits = 32;
};

struct Operand {
  enum class Kind : uint8_t {
    reg,     ///< `reg`, also with `negated` ("!%p1") or `second` ("%r1|%p1")
    integer, ///< `bits`
    real,    ///< `bits` as f32 or f64, see `single`
    name,    ///< a variable, parameter or special register, plus `offset`
    label,   ///< `label`
    sink,    ///< "_"
    vector,  ///< `elements`
    address, ///< "[elements[0] + offset]"; further elements are coordinates
  };
  Kind kind = Kind::integer;
  bool negated = false, single = false;
  int32_t reg = -1, second = -1, label = -1;
  bool hasSecond = false; ///< "a|b"; `second` is -1 where b is "_"
  uint64_t bits = 0;
  int64_t offset = 0;
  std::string name;
  std::vector<Operand> elements;
};

struct Instruction {
  std::string opcode; ///< with all modifiers, as written
  int32_t guard = -1; ///< register of "@p"
  bool guardNegated = false;
  std::vector<Operand> operands;
  Origin origin;
};

/// A body is a list of instructions; a label is the index of the instruction
/// behind it (the number of instructions: the end).
struct Body {
  std::vector<Register> registers; ///< only those that occur
  std::vector<Instruction> instructions;
  std::vector<uint32_t> labels; ///< by Operand::label
};

/// A variable of a module or of a kernel.
struct Variable {
  std::string name;
  Space space = Space::global;
  uint64_t bytes = 0; ///< 0 where `dynamic`
  uint32_t align = 1;
  bool dynamic = false; ///< .extern .shared x[]
  bool external = false;
  std::vector<uint8_t> initial; ///< empty: none was given
  /// Addresses inside `initial`: byte offset, name of the variable, addend.
  struct Relocation {
    uint64_t at;
    std::string name;
    int64_t addend;
  };
  std::vector<Relocation> relocations;
  uint32_t line = 0;
};

struct Parameter {
  std::string name;
  std::string type; ///< of an element, as written: ".u64"
  bool array = false;
  uint32_t bytes = 0, align = 1, offset = 0, line = 0;
};

struct Kernel {
  std::string name;
  bool visible = false; ///< .visible
  std::vector<Parameter> parameters;
  uint32_t parameterBytes = 0;
  std::vector<Variable> variables; ///< .shared and .local of the body
  Body body;
  std::array<uint32_t, 3> requiredBlock = {0, 0, 0}; ///< .reqntid; 0: none
  std::array<uint32_t, 3> maxBlock = {0, 0, 0};      ///< .maxntid; 0: none
  bool clusters = false; ///< .explicitcluster or .reqnctapercluster above 1
  uint32_t line = 0;

  /// Threads of a block that .maxntid allows; 0: any number.
  uint32_t maxThreads() const;
};

/// A device function; its body is not kept.
struct DeviceFunction {
  std::string name;
  bool visible = false, external = false;
  bool returns = false; ///< a value: "(.param ...)" stands before the name
  bool body = false;
  uint32_t line = 0;
};

struct Module {
  std::string version, target;
  uint32_t versionLine = 0;
  std::vector<Variable> variables;
  std::vector<Kernel> kernels;
  std::vector<DeviceFunction> functions;
  std::map<uint32_t, std::string> files; ///< of .file
};

/// Reads PTX text as LLVM, clang, nvcc and Triton write it. The error names the
/// line. Bodies of functions (.func) are read over: a call is refused by the
/// decoder.
Result<Module> parsePtx(std::string_view text);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_PTX_H

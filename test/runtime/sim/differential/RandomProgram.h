// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random programs for differential tests, as trees of statements over mutable
// variables, a few of each type. Any statement may be deleted, so a failing
// program can be made small. What a statement means is in EmitProgram.cpp, with
// guards that leave no poison and no undefined behaviour.

#ifndef HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_RANDOMPROGRAM_H
#define HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_RANDOMPROGRAM_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace headgate::test {

struct Type {
  enum class Kind : uint8_t { integer, half, bfloat, single, real };
  const char *name;
  Kind kind;
  unsigned bits; ///< of one element
  unsigned lanes;

  bool isReal() const { return kind != Kind::integer; }
  bool isBoolean() const { return bits == 1; }
};
/// i1, i8 ... i128, the floats, and vectors of small ones.
const std::vector<Type> &allTypes();
constexpr unsigned variablesPerType = 3;
/// Every variable has a slot of this many bytes in the input and the output.
constexpr unsigned slotBytes = 16;
unsigned slotCount();

enum class Op : uint8_t {
  // integers and vectors of them; of i1 the bitwise ones
  bitAnd,
  bitOr,
  bitXor,
  add,
  sub,
  mul,
  udiv,
  sdiv,
  urem,
  srem,
  shl,
  lshr,
  ashr,
  smin,
  smax,
  umin,
  umax,
  uaddSat,
  usubSat,
  saddSat,
  ssubSat,
  umulHigh,
  smulHigh,
  fshl,
  fshr,
  mulAdd,
  absolute,
  population,
  leadingZeros,
  trailingZeros,
  byteSwap,
  bitReverse,
  uaddOverflows, ///< to b where a + b does not fit
  umulOverflows,
  // floats
  fadd,
  fsub,
  fmul,
  fdiv,
  fma,
  minimumNumber,
  maximumNumber,
  minimum,
  maximum,
  copySign,
  negate,
  magnitude,
  squareRoot,
  floor,
  ceil,
  truncate,
  nearestEven,
  round,
  // any type
  compareSelect, ///< a <predicate> b ? c : a; of floats a + 1.125
  select,        ///< by a variable of i1: a or b; of floats b + 1.125
};
constexpr unsigned opCount = static_cast<unsigned>(Op::select) + 1;

/// A variable of the type that its place in a statement asks for, or a constant
/// with these low bits.
struct Source {
  unsigned variable = 0;
  bool constant = false;
  uint64_t bits = 0;
};

struct Statement {
  enum class Kind : uint8_t {
    compute,    ///< result = op(a, b, c)
    compare,    ///< result of i1 = a <choice> b
    convert,    ///< result = a, of type `from`
    setLane,    ///< element `choice` of the result = a, of its element type
    getLane,    ///< result = element `choice` of a, of vector type `from`
    load,       ///< result = region[index a]
    store,      ///< region[index a] = b
    when,       ///< if (a) bodies[0] else bodies[1]
    loop,       ///< for (i < (a & 7)) { result of i32 = i; bodies[0] }
    dispatch,   ///< switch (a % bodies) bodies[...]
    breakIf,    ///< leaves the innermost loop
    continueIf, ///< goes on with it
    leaveIf,    ///< ends the thread, after its results are stored
  };
  Kind kind = Kind::compute;
  Op op = Op::add;
  unsigned type = 0, from = 0; ///< numbers in allTypes
  unsigned result = 0;         ///< a variable
  Source a, b, c;
  unsigned choice = 0; ///< predicate, variant, element or region
  std::vector<std::vector<Statement>> bodies;
};

struct RandomProgram {
  uint64_t seed;
  std::vector<Statement> body;
};

/// Where load and store go.
enum class Region : unsigned { input, output, array };
constexpr unsigned regions = 3;

bool takesOp(const Type &type, Op op);
/// Whether a value of `from` may be converted so that both sides round once.
bool converts(const Type &from, const Type &to);
/// The type of the elements of a vector.
unsigned elementType(unsigned vector);
unsigned typeNamed(const char *name);

RandomProgram randomProgram(uint64_t seed);
unsigned size(const std::vector<Statement> &body);

/// The smallest program it can find, by deleting statements, for which `fails`
/// still holds.
RandomProgram reduce(RandomProgram program,
                     const std::function<bool(const RandomProgram &)> &fails);

} // namespace headgate::test

#endif // HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_RANDOMPROGRAM_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/runtime/sim/differential/RandomProgram.h"

#include <cstddef>
#include <cstring>
#include <random>

namespace headgate::test {

const std::vector<Type> &allTypes() {
  using enum Type::Kind;
  static const std::vector<Type> types = {
      {"i1", integer, 1, 1},         {"i8", integer, 8, 1},
      {"i16", integer, 16, 1},       {"i24", integer, 24, 1},
      {"i32", integer, 32, 1},       {"i64", integer, 64, 1},
      {"i128", integer, 128, 1},     {"half", half, 16, 1},
      {"bfloat", bfloat, 16, 1},     {"float", single, 32, 1},
      {"double", real, 64, 1},       {"4 x i8", integer, 8, 4},
      {"2 x i16", integer, 16, 2},   {"2 x half", half, 16, 2},
      {"2 x bfloat", bfloat, 16, 2}, {"2 x i32", integer, 32, 2},
      {"4 x float", single, 32, 4},
  };
  return types;
}

unsigned slotCount() {
  return static_cast<unsigned>(allTypes().size()) * variablesPerType;
}

unsigned typeNamed(const char *name) {
  for (unsigned i = 0; i < allTypes().size(); ++i)
    if (!std::strcmp(allTypes()[i].name, name))
      return i;
  return 0;
}

unsigned elementType(unsigned vector) {
  const Type &type = allTypes()[vector];
  for (unsigned i = 0; i < allTypes().size(); ++i)
    if (allTypes()[i].kind == type.kind && allTypes()[i].bits == type.bits &&
        allTypes()[i].lanes == 1)
      return i;
  return vector;
}

bool takesOp(const Type &type, Op op) {
  if (op >= Op::compareSelect)
    return true;
  if (type.isReal() != (op >= Op::fadd))
    return false;
  if (type.isBoolean())
    return op <= Op::bitXor;
  switch (op) {
  case Op::udiv:
  case Op::sdiv:
  case Op::urem:
  case Op::srem:
  case Op::umulHigh:
  case Op::smulHigh:
  case Op::umulOverflows:
    return type.bits <= 64; // wider ones call a library
  case Op::byteSwap:
    return type.bits % 16 == 0;
  case Op::fma:
    return type.bits >= 32; // hosts round those of 16 bits twice
  default:
    return true;
  }
}

bool converts(const Type &from, const Type &to) {
  if (from.lanes != 1 || to.lanes != 1)
    return false;
  if (from.isReal() && to.isReal())
    return from.bits != 64 || to.bits != 16; // hosts call a library
  if (from.isReal())
    return to.bits <= 64;
  if (to.isReal())
    return from.bits <= (to.bits == 16 ? 16u : 64u);
  return true;
}

namespace {

class Generator {
public:
  explicit Generator(uint64_t seed) : random_(seed) {
    // Few types in one program, so that statements build on each other.
    for (unsigned i = 0; i < 5; ++i)
      types_.push_back(below(static_cast<unsigned>(allTypes().size())));
    types_.push_back(typeNamed("i32"));
  }

  std::vector<Statement> body(unsigned depth, bool inLoop) {
    std::vector<Statement> statements;
    for (unsigned left = depth ? 1 + below(6) : 8 + below(24); left; --left)
      statements.push_back(statement(depth, inLoop));
    return statements;
  }

private:
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  unsigned anyType() { return types_[below(unsigned(types_.size()))]; }

  /// Bits that matter to integers, then any.
  uint64_t anyBits() {
    constexpr uint64_t known[] = {
        0,    1,          2,          3,          7,      10,
        0x7f, 0x80,       0xff,       0x7fff,     0x8000, 0xffff,
        31,   32,         0x7fffffff, 0x80000000, 255,    641,
        1000, 0xffffffff, ~0ull,      1ull << 63, 12345,  1ull << 62};
    return below(4) ? known[below(std::size(known))] : random_();
  }
  Source source() {
    Source source;
    source.variable = below(variablesPerType);
    source.constant = below(5) == 0;
    source.bits = anyBits();
    return source;
  }

  Statement statement(unsigned depth, bool inLoop) {
    Statement s;
    s.type = anyType();
    s.from = anyType();
    s.result = below(variablesPerType);
    s.a = source();
    s.b = source();
    s.c = source();
    s.choice = below(64);
    unsigned dice = below(100);
    if (dice < 52)
      return compute(s);
    if (dice < 60)
      return of(s, Statement::Kind::compare);
    if (dice < 72)
      return convert(s);
    if (dice < 80)
      return of(s, below(2) ? Statement::Kind::load : Statement::Kind::store);
    if (dice < 82 && inLoop)
      return of(s, below(2) ? Statement::Kind::breakIf
                            : Statement::Kind::continueIf);
    if (dice < 83)
      return of(s, Statement::Kind::leaveIf);
    return depth < 3 ? control(s, depth, inLoop) : compute(s);
  }

  static Statement of(Statement s, Statement::Kind kind) {
    s.kind = kind;
    return s;
  }
  Statement compute(Statement s) {
    do
      s.op = static_cast<Op>(below(opCount));
    while (!takesOp(allTypes()[s.type], s.op));
    return s;
  }
  Statement convert(Statement s) {
    const Type &to = allTypes()[s.type], &from = allTypes()[s.from];
    if (to.lanes > 1) {
      s.from = elementType(s.type);
      return of(s, Statement::Kind::setLane);
    }
    if (from.lanes > 1) {
      s.type = elementType(s.from);
      return of(s, Statement::Kind::getLane);
    }
    return converts(from, to) ? of(s, Statement::Kind::convert) : compute(s);
  }
  Statement control(Statement s, unsigned depth, bool inLoop) {
    unsigned dice = below(10);
    s.kind = dice < 5   ? Statement::Kind::when
             : dice < 8 ? Statement::Kind::loop
                        : Statement::Kind::dispatch;
    bool loop = s.kind == Statement::Kind::loop;
    unsigned bodies = loop                              ? 1
                      : s.kind == Statement::Kind::when ? 2
                                                        : 3 + below(5);
    for (unsigned i = 0; i < bodies; ++i)
      s.bodies.push_back(body(depth + (bodies > 2 ? 2 : 1), inLoop || loop));
    return s;
  }

  std::mt19937_64 random_;
  std::vector<unsigned> types_;
};

/// Calls `visit` with each list of statements of `body`, outer ones first,
/// until it returns true.
bool visitBodies(std::vector<Statement> &body,
                 const std::function<bool(std::vector<Statement> &)> &visit) {
  if (visit(body))
    return true;
  for (Statement &statement : body)
    for (std::vector<Statement> &inner : statement.bodies)
      if (visitBodies(inner, visit))
        return true;
  return false;
}

} // namespace

RandomProgram randomProgram(uint64_t seed) {
  return {seed, Generator(seed).body(0, false)};
}

unsigned size(const std::vector<Statement> &body) {
  auto count = static_cast<unsigned>(body.size());
  for (const Statement &statement : body)
    for (const std::vector<Statement> &inner : statement.bodies)
      count += size(inner);
  return count;
}

RandomProgram reduce(RandomProgram program,
                     const std::function<bool(const RandomProgram &)> &fails) {
  // Tries to delete runs of statements, half of a list first; what is left of
  // an `if` or a loop may then stand without it.
  auto shrinkOnce = [&](std::vector<Statement> &body) {
    for (size_t run = std::max<size_t>(body.size() / 2, 1); run; run /= 2)
      for (size_t at = 0; at + run <= body.size(); ++at) {
        std::vector<Statement> before = body;
        auto begin = body.begin() + static_cast<std::ptrdiff_t>(at);
        body.erase(begin, begin + static_cast<std::ptrdiff_t>(run));
        if (fails(program))
          return true;
        body = before;
      }
    for (size_t at = 0; at < body.size(); ++at)
      if (body[at].kind == Statement::Kind::when ||
          body[at].kind == Statement::Kind::dispatch)
        for (size_t k = 0; k < body[at].bodies.size(); ++k) {
          std::vector<Statement> before = body;
          std::vector<Statement> inner = body[at].bodies[k];
          auto place =
              body.erase(body.begin() + static_cast<std::ptrdiff_t>(at));
          body.insert(place, inner.begin(), inner.end());
          if (fails(program))
            return true;
          body = before;
        }
    return false;
  };
  while (visitBodies(program.body, shrinkOnce))
    ;
  return program;
}

} // namespace headgate::test

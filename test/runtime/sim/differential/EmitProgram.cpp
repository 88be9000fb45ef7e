// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/runtime/sim/differential/EmitProgram.h"

#include "test/runtime/sim/differential/EmitOp.h"

#include <llvm/IR/IntrinsicsNVPTX.h>

#include <bit>

namespace headgate::test {

using namespace llvm;

namespace {

class ProgramEmitter {
public:
  ProgramEmitter(Module &module, Side side)
      : side_(side), builder_(module.getContext()), ops_(builder_, side) {}

  void emit(Module &module, const RandomProgram &program,
            const std::string &name, bool generic);

private:
  using Kind = Statement::Kind;

  void openFunction(Module &module, const std::string &name, bool generic);
  void openVariables();
  void closeVariables();
  void emitBody(const std::vector<Statement> &body);
  void emitStatement(const Statement &s);
  void emitBranch(const Statement &s);
  void emitLoop(const Statement &s);
  void emitDispatch(const Statement &s);
  void emitLeave(const Statement &s, BasicBlock *to);

  BasicBlock *block(const char *name) {
    return BasicBlock::Create(builder_.getContext(), name, function_);
  }
  unsigned slotOf(unsigned type, unsigned variable) const {
    return type * variablesPerType + variable;
  }
  Value *read(unsigned type, const Source &source) {
    if (source.constant)
      return ops_.constant(allTypes()[type], source.bits);
    AllocaInst *variable = variables_[slotOf(type, source.variable)];
    return ops_.widen(
        allTypes()[type],
        builder_.CreateLoad(variable->getAllocatedType(), variable));
  }
  void write(unsigned type, unsigned variable, Value *value) {
    builder_.CreateStore(ops_.narrow(allTypes()[type], value),
                         variables_[slotOf(type, variable)]);
  }
  Value *truth(const Source &source) {
    return builder_.CreateLoad(
        builder_.getInt1Ty(), variables_[slotOf(booleanType, source.variable)]);
  }
  /// An address in a region for a value of `type`, by an index of i32.
  Value *place(unsigned region, const Type &type, const Source &index);

  const unsigned booleanType = typeNamed("i1"), indexType = typeNamed("i32");
  Side side_;
  IRBuilder<> builder_;
  OpEmitter ops_;
  Function *function_ = nullptr;
  Value *input_ = nullptr, *output_ = nullptr;
  AllocaInst *array_ = nullptr;
  std::vector<AllocaInst *> variables_;
  BasicBlock *leave_ = nullptr, *loopEnd_ = nullptr, *loopNext_ = nullptr;
};

void ProgramEmitter::openFunction(Module &module, const std::string &name,
                                  bool generic) {
  bool gpu = side_ == Side::gpu;
  llvm::Type *pointer = builder_.getPtrTy(gpu && !generic ? 1 : 0);
  SmallVector<llvm::Type *> parameters = {pointer, pointer};
  if (!gpu)
    parameters.push_back(builder_.getInt32Ty());
  function_ = Function::Create(
      FunctionType::get(builder_.getVoidTy(), parameters, false),
      GlobalValue::ExternalLinkage, name, module);
  if (gpu)
    function_->setCallingConv(CallingConv::PTX_Kernel);
  builder_.SetInsertPoint(block("entry"));
  Value *thread = nullptr;
  if (gpu) {
    auto special = [&](Intrinsic::ID id) {
      return builder_.CreateIntrinsic(id, {});
    };
    thread = builder_.CreateAdd(
        builder_.CreateMul(special(Intrinsic::nvvm_read_ptx_sreg_ctaid_x),
                           special(Intrinsic::nvvm_read_ptx_sreg_ntid_x)),
        special(Intrinsic::nvvm_read_ptx_sreg_tid_x));
  } else {
    thread = function_->getArg(2);
  }
  thread = builder_.CreateZExt(thread, builder_.getInt64Ty());
  auto part = [&](unsigned argument, unsigned bytes) {
    return builder_.CreateGEP(
        builder_.getInt8Ty(), function_->getArg(argument),
        builder_.CreateMul(thread, builder_.getInt64(bytes)));
  };
  input_ = part(0, inputBytes());
  output_ = part(1, outputBytes());
}

void ProgramEmitter::openVariables() {
  array_ = builder_.CreateAlloca(
      ArrayType::get(builder_.getInt8Ty(), storableBytes));
  array_->setAlignment(Align(16));
  builder_.CreateMemSet(array_, builder_.getInt8(0), storableBytes, Align(16));
  for (unsigned type = 0; type < allTypes().size(); ++type)
    for (unsigned i = 0; i < variablesPerType; ++i)
      variables_.push_back(builder_.CreateAlloca(ops_.held(allTypes()[type])));
  for (unsigned slot = 0; slot < slotCount(); ++slot) {
    const Type &type = allTypes()[slot / variablesPerType];
    Value *from = builder_.CreateConstGEP1_32(builder_.getInt8Ty(), input_,
                                              slot * slotBytes);
    builder_.CreateStore(ops_.load(type, from), variables_[slot]);
  }
}

void ProgramEmitter::closeVariables() {
  for (unsigned slot = 0; slot < slotCount(); ++slot) {
    const Type &type = allTypes()[slot / variablesPerType];
    Value *to = builder_.CreateConstGEP1_32(builder_.getInt8Ty(), output_,
                                            slot * slotBytes);
    Value *value = builder_.CreateLoad(ops_.held(type), variables_[slot]);
    ops_.store(type, value, to);
  }
  builder_.CreateRetVoid();
}

Value *ProgramEmitter::place(unsigned region, const Type &type,
                             const Source &index) {
  unsigned bytes = ops_.storedBytes(type);
  auto which = static_cast<Region>(region);
  unsigned limit = which == Region::input ? loadableBytes : storableBytes;
  Value *offset = builder_.CreateMul(
      builder_.CreateAnd(read(indexType, index), limit / bytes - 1),
      builder_.getInt32(bytes));
  if (which == Region::output)
    offset =
        builder_.CreateAdd(offset, builder_.getInt32(slotCount() * slotBytes));
  Value *base = which == Region::input    ? input_
                : which == Region::output ? output_
                                          : array_;
  return builder_.CreateGEP(builder_.getInt8Ty(), base,
                            builder_.CreateZExt(offset, builder_.getInt64Ty()));
}

void ProgramEmitter::emitBody(const std::vector<Statement> &body) {
  for (const Statement &statement : body)
    emitStatement(statement);
}

void ProgramEmitter::emitStatement(const Statement &s) {
  const Type &type = allTypes()[s.type], &from = allTypes()[s.from];
  switch (s.kind) {
  case Kind::compute: {
    Value *a = read(s.type, s.a), *b = read(s.type, s.b),
          *c = read(s.type, s.c);
    Value *result = nullptr;
    if (s.op == Op::select)
      result = builder_.CreateSelect(truth(s.c), a, ops_.other(type, b));
    else if (s.op == Op::compareSelect)
      result = builder_.CreateSelect(ops_.compare(type, s.choice, a, b), c,
                                     ops_.other(type, a));
    else
      result = ops_.compute(type, s.op, a, b, c);
    return write(s.type, s.result, result);
  }
  case Kind::compare:
    if (type.lanes == 1)
      write(booleanType, s.result,
            ops_.compare(type, s.choice, read(s.type, s.a), read(s.type, s.b)));
    return;
  case Kind::convert:
    return write(s.type, s.result,
                 ops_.convert(from, type, s.choice, read(s.from, s.a)));
  case Kind::setLane:
    return write(s.type, s.result,
                 builder_.CreateInsertElement(read(s.type, {s.result}),
                                              read(s.from, s.a),
                                              uint64_t(s.choice % type.lanes)));
  case Kind::getLane:
    return write(s.type, s.result,
                 builder_.CreateExtractElement(
                     read(s.from, s.a), uint64_t(s.choice % from.lanes)));
  case Kind::load: {
    Value *value = ops_.load(type, place(s.choice % regions, type, s.a));
    return write(s.type, s.result, ops_.widen(type, value));
  }
  case Kind::store:
    return ops_.store(type, ops_.narrow(type, read(s.type, s.b)),
                      place(1 + s.choice % (regions - 1), type, s.a));
  case Kind::when:
    return emitBranch(s);
  case Kind::loop:
    return emitLoop(s);
  case Kind::dispatch:
    return emitDispatch(s);
  case Kind::breakIf:
    return emitLeave(s, loopEnd_);
  case Kind::continueIf:
    return emitLeave(s, loopNext_);
  case Kind::leaveIf:
    return emitLeave(s, leave_);
  }
}

void ProgramEmitter::emitLeave(const Statement &s, BasicBlock *to) {
  BasicBlock *stay = block("stay");
  builder_.CreateCondBr(truth(s.a), to, stay);
  builder_.SetInsertPoint(stay);
}

void ProgramEmitter::emitBranch(const Statement &s) {
  BasicBlock *then = block("then"), *otherwise = block("else"),
             *join = block("join");
  builder_.CreateCondBr(truth(s.a), then, otherwise);
  for (auto [begin, body] :
       {std::pair(then, &s.bodies[0]), std::pair(otherwise, &s.bodies[1])}) {
    builder_.SetInsertPoint(begin);
    emitBody(*body);
    builder_.CreateBr(join);
  }
  builder_.SetInsertPoint(join);
}

void ProgramEmitter::emitLoop(const Statement &s) {
  BasicBlock *head = block("head"), *body = block("body"),
             *next = block("next"), *end = block("end"),
             *before = builder_.GetInsertBlock();
  Value *count = builder_.CreateAnd(read(indexType, s.a), 7);
  builder_.CreateBr(head);
  builder_.SetInsertPoint(head);
  PHINode *i = builder_.CreatePHI(builder_.getInt32Ty(), 2);
  i->addIncoming(builder_.getInt32(0), before);
  builder_.CreateCondBr(builder_.CreateICmpULT(i, count), body, end);
  builder_.SetInsertPoint(body);
  write(indexType, s.result, i);
  BasicBlock *outerEnd = loopEnd_, *outerNext = loopNext_;
  loopEnd_ = end;
  loopNext_ = next;
  emitBody(s.bodies[0]);
  loopEnd_ = outerEnd;
  loopNext_ = outerNext;
  builder_.CreateBr(next);
  builder_.SetInsertPoint(next);
  i->addIncoming(builder_.CreateAdd(i, builder_.getInt32(1)), next);
  builder_.CreateBr(head);
  builder_.SetInsertPoint(end);
}

void ProgramEmitter::emitDispatch(const Statement &s) {
  auto cases = static_cast<unsigned>(s.bodies.size());
  BasicBlock *join = block("join");
  Value *which =
      builder_.CreateURem(read(indexType, s.a), builder_.getInt32(cases));
  SwitchInst *dispatch = builder_.CreateSwitch(which, join, cases);
  for (unsigned k = 0; k < cases; ++k) {
    BasicBlock *begin = block("case");
    dispatch->addCase(builder_.getInt32(k), begin);
    builder_.SetInsertPoint(begin);
    emitBody(s.bodies[k]);
    builder_.CreateBr(join);
  }
  builder_.SetInsertPoint(join);
}

void ProgramEmitter::emit(Module &module, const RandomProgram &program,
                          const std::string &name, bool generic) {
  openFunction(module, name, generic);
  openVariables();
  leave_ = block("leave");
  emitBody(program.body);
  builder_.CreateBr(leave_);
  builder_.SetInsertPoint(leave_);
  closeVariables();
}

} // namespace

void emitProgram(Module &module, const RandomProgram &program,
                 const std::string &name, Side side, bool generic) {
  ProgramEmitter(module, side).emit(module, program, name, generic);
}

} // namespace headgate::test

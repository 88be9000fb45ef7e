// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives every launched function the host kernel's signature:
//
//   hg_NAME(const HgBlock *block, const void *const *arguments)
//
// loads pointers and extents in the order of the ABI that passes/Export writes
// into the plan, and calls NAME.body, which takes them bare and builds its
// buffers: a bare pointer can be `noalias`, a buffer's cannot. Covered by
// test/passes/wrap-host-kernels.mlir.

#include "dialect/tile/Tile.h"
#include "passes/Passes.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "passes/ExportPlan.h"
#include "passes/KernelAbi.h"
#include "passes/KernelGroups.h"
#include "passes/Launch.h"

namespace headgate::passes {
#define GEN_PASS_DEF_WRAPHOSTKERNELS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

/// Byte offsets in HgBlock.
constexpr int32_t blockOffset = 0, gridOffset = 12, scratchOffset = 24;

/// A row-major descriptor over `base`.
Value describe(ImplicitLocOpBuilder &b, LLVMTypeConverter &types,
               MemRefType type, Value base, ArrayRef<Value> extents) {
  auto constant = [&](int64_t x) -> Value {
    return LLVM::ConstantOp::create(b, b.getI64Type(), b.getI64IntegerAttr(x));
  };
  Location loc = b.getLoc();
  auto descriptor = MemRefDescriptor::poison(b, loc, types.convertType(type));
  descriptor.setAllocatedPtr(b, loc, base);
  descriptor.setAlignedPtr(b, loc, base);
  descriptor.setOffset(b, loc, constant(0));
  Value stride = constant(1);
  for (int64_t d = type.getRank() - 1; d >= 0; --d) {
    Value extent =
        type.isDynamicDim(d) ? extents[d] : constant(type.getDimSize(d));
    descriptor.setSize(b, loc, d, extent);
    descriptor.setStride(b, loc, d, stride);
    if (d)
      stride = LLVM::MulOp::create(b, stride, extent);
  }
  return UnrealizedConversionCastOp::create(b, type, Value(descriptor))
      .getResult(0);
}

/// Changes a launched function to bare arguments: those of its ABI, then the
/// scratch pointer, then block and grid.
class BareFunction {
public:
  BareFunction(func::FuncOp func, const KernelAbi &abi)
      : func(func), abi(abi), b(func.getLoc(), func.getContext()),
        types(func.getContext()) {}

  void build() {
    Block &body = func.getBody().front();
    unsigned old = body.getNumArguments();
    b.setInsertionPointToStart(&body);
    for (const KernelArgument &argument : abi.arguments)
      bare.push_back(body.addArgument(typeOf(argument), func.getLoc()));
    Value scratch = body.addArgument(pointerType(), func.getLoc());
    for (int i = 0; i < 6; ++i)
      ids.push_back(body.addArgument(b.getI64Type(), func.getLoc()));
    for (unsigned i = 0; i < old; ++i)
      body.getArgument(i).replaceAllUsesWith(valueOf(i, scratch));
    replaceIds();
    markPointers(old);
    body.eraseArguments(0, old);
    func.setType(b.getFunctionType(body.getArgumentTypes(), {}));
  }

private:
  using Kind = KernelArgument::Kind;
  Type pointerType() { return LLVM::LLVMPointerType::get(b.getContext()); }

  Type typeOf(const KernelArgument &argument) {
    switch (argument.kind) {
    case Kind::buffer:
    case Kind::workspace:
      return pointerType();
    case Kind::extent:
    case Kind::index:
      return b.getI64Type();
    case Kind::f32:
      return b.getF32Type();
    }
    llvm_unreachable("all kinds are listed");
  }

  Value valueOf(unsigned i, Value scratch) {
    Type type = func.getArgumentTypes()[i];
    if (isScratch(func, i))
      return bytes(type, scratch);
    for (auto [argument, value] : llvm::zip(abi.arguments, bare)) {
      if (argument.operand != int64_t(i))
        continue;
      if (argument.kind == Kind::workspace)
        return bytes(type, value);
      if (argument.kind == Kind::index)
        return asIndex(value);
      if (argument.kind == Kind::f32)
        return value;
      return buffer(i, cast<MemRefType>(type), value);
    }
    llvm_unreachable("the ABI lists every argument");
  }

  /// Nobody asks for the size of a byte buffer: it is the plan's.
  Value bytes(Type type, Value base) {
    Value size = LLVM::ConstantOp::create(
        b, b.getI64Type(),
        b.getI64IntegerAttr(std::numeric_limits<int64_t>::max()));
    return describe(b, types, cast<MemRefType>(type), base, {size});
  }

  Value buffer(unsigned i, MemRefType type, Value base) {
    SmallVector<Value> extents;
    for (int64_t d = 0; d < type.getRank(); ++d)
      extents.push_back(
          type.isDynamicDim(d) ? extentValue(extentName(func, i, d)) : Value());
    return describe(b, types, type, base, extents);
  }

  Value extentValue(StringRef name) {
    int64_t number;
    if (!name.getAsInteger(10, number))
      return LLVM::ConstantOp::create(b, b.getI64Type(),
                                      b.getI64IntegerAttr(number));
    for (auto [argument, value] : llvm::zip(abi.arguments, bare))
      if (argument.kind == Kind::extent && argument.name == name)
        return value;
    llvm_unreachable("the ABI lists every extent");
  }

  Value asIndex(Value integer) {
    return UnrealizedConversionCastOp::create(b, b.getIndexType(), integer)
        .getResult(0);
  }

  void replaceIds() {
    func.walk([&](gpu::BlockIdOp op) {
      op.replaceAllUsesWith(asIndexBefore(op, unsigned(op.getDimension())));
      op.erase();
    });
    func.walk([&](gpu::GridDimOp op) {
      op.replaceAllUsesWith(asIndexBefore(op, 3 + unsigned(op.getDimension())));
      op.erase();
    });
  }

  Value asIndexBefore(Operation *op, unsigned i) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(op);
    return asIndex(ids[i]);
  }

  /// Two buffers of a kernel never share memory, save where a cache may be
  /// appended to in place.
  void markPointers(unsigned old) {
    Block &body = func.getBody().front();
    SmallVector<DictionaryAttr> attributes(body.getNumArguments() - old,
                                           b.getDictionaryAttr({}));
    bool mayShare = func->getAttr(kernelName) ==
                    b.getStringAttr(kindName(KernelKind::append));
    for (auto [i, argument] :
         llvm::enumerate(body.getArguments().drop_front(old)))
      if (isa<LLVM::LLVMPointerType>(argument.getType()) && !mayShare)
        attributes[i] = b.getDictionaryAttr(
            b.getNamedAttr("llvm.noalias", b.getUnitAttr()));
    func.setAllArgAttrs(attributes);
  }

  func::FuncOp func;
  const KernelAbi &abi;
  ImplicitLocOpBuilder b;
  LLVMTypeConverter types;
  SmallVector<Value> bare, ids;
};

/// Emits hg_NAME; the function itself becomes NAME.body, since another kernel
/// may be called hg_NAME.
void wrap(func::FuncOp func, const KernelAbi &abi) {
  MLIRContext *context = func.getContext();
  std::string name = launchSymbol(func);
  func.setName((func.getName() + ".body").str());
  ImplicitLocOpBuilder b(func.getLoc(), context);
  b.setInsertionPointAfter(func);
  Type pointer = LLVM::LLVMPointerType::get(context);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                          {pointer, pointer});
  auto wrapper = LLVM::LLVMFuncOp::create(b, name, type);
  b.setInsertionPointToStart(wrapper.addEntryBlock(b));
  Value block = wrapper.getArgument(0), arguments = wrapper.getArgument(1);

  auto loadAt = [&](Type type, Value base, int32_t bytes) -> Value {
    Value address = LLVM::GEPOp::create(b, pointer, b.getI8Type(), base,
                                        ArrayRef<LLVM::GEPArg>{bytes});
    return LLVM::LoadOp::create(b, type, address);
  };
  SmallVector<Value> values;
  for (auto [i, argument] : llvm::enumerate(abi.arguments)) {
    bool isExtent = argument.kind == KernelArgument::Kind::extent;
    Value address = loadAt(pointer, arguments, 8 * i);
    Type bare = func.getArgumentTypes()[i];
    Value value = LLVM::LoadOp::create(
        b, isExtent ? Type(b.getI32Type()) : bare, address);
    values.push_back(isExtent ? LLVM::SExtOp::create(b, bare, value).getResult()
                              : value);
  }
  values.push_back(loadAt(pointer, block, scratchOffset));
  for (int32_t from : {blockOffset, gridOffset})
    for (int32_t i = 0; i < 3; ++i)
      values.push_back(LLVM::ZExtOp::create(
          b, b.getI64Type(), loadAt(b.getI32Type(), block, from + 4 * i)));
  func::CallOp::create(b, func, values);
  LLVM::ReturnOp::create(b, ValueRange{});
  func.setPrivate();
}

struct WrapHostKernelsPass
    : passes::impl::WrapHostKernelsBase<WrapHostKernelsPass> {
  void runOnOperation() override {
    for (auto func : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (!func->hasAttr(launchName))
        continue;
      if (func->hasAttr(tile::scheduleAttrName)) {
        func.emitError() << "'" << func.getName()
                         << "' is a tile program still: it was not lowered to "
                            "vectors";
        return signalPassFailure();
      }
      FailureOr<KernelAbi> abi = abiOf(func);
      if (failed(abi))
        return signalPassFailure();
      BareFunction(func, *abi).build();
      wrap(func, *abi);
    }
  }
};

} // namespace

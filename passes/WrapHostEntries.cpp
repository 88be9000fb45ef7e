// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits hg_NAME(const HgBlock *, const void *const *arguments) for every public
// function: loads pointers and extents, builds the buffers, calls the function.
// The argument order is the ABI that passes/Export writes into the plan.
// Covered by test/passes/wrap-host-entries.mlir.

#include "passes/Passes.h"

#include "dialect/routed/Routed.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace headgate::passes {
#define GEN_PASS_DEF_WRAPHOSTENTRIES
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;

namespace {

/// Reads the launch's arguments one after the other.
class ArgumentReader {
public:
  ArgumentReader(ImplicitLocOpBuilder &b, Value arguments)
      : b(b), arguments(arguments),
        pointer(LLVM::LLVMPointerType::get(b.getContext())) {}

  /// The next argument, of type `type`.
  Value next(Type type) {
    Value slot = LLVM::GEPOp::create(b, pointer, pointer, arguments,
                                     ArrayRef<LLVM::GEPArg>{position++});
    Value address = LLVM::LoadOp::create(b, pointer, slot);
    return LLVM::LoadOp::create(b, type, address);
  }
  Value nextPointer() { return next(pointer); }

private:
  ImplicitLocOpBuilder &b;
  Value arguments;
  Type pointer;
  int32_t position = 0;
};

/// A row-major descriptor over `base`.
Value describe(ImplicitLocOpBuilder &b, LLVMTypeConverter &types,
               MemRefType type, Value base, ArrayRef<Value> dynamicExtents) {
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
    Value extent = type.isDynamicDim(d)
                       ? dynamicExtents[type.getDynamicDimIndex(d)]
                       : constant(type.getDimSize(d));
    descriptor.setSize(b, loc, d, extent);
    descriptor.setStride(b, loc, d, stride);
    if (d)
      stride = LLVM::MulOp::create(b, stride, extent);
  }
  return UnrealizedConversionCastOp::create(b, type, Value(descriptor))
      .getResult(0);
}

LogicalResult checkSignature(func::FuncOp func) {
  if (func.getNumResults())
    return func.emitError("an entry on buffers has no results, but this one "
                          "returns ")
           << func.getNumResults() << "; run buffer-results-to-out-params";
  for (Type type : func.getArgumentTypes()) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref || !memref.getLayout().isIdentity())
      return func.emitError("an argument of an entry is a contiguous buffer, "
                            "but this one is ")
             << type;
  }
  return success();
}

/// `name` is what the function was called before it gave up its name.
void wrap(func::FuncOp func, StringRef name) {
  MLIRContext *context = func.getContext();
  ImplicitLocOpBuilder b(func.getLoc(), context);
  b.setInsertionPointAfter(func);
  Type pointer = LLVM::LLVMPointerType::get(context);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                          {pointer, pointer});
  auto wrapper = LLVM::LLVMFuncOp::create(b, ("hg_" + name).str(), type);
  if (Attribute bytes = func->removeAttr(passes::workspaceBytesAttr))
    wrapper->setAttr(passes::workspaceBytesAttr, bytes);
  b.setInsertionPointToStart(wrapper.addEntryBlock(b));

  LLVMTypeConverter types(context);
  ArgumentReader arguments(b, wrapper.getArgument(1));
  SmallVector<Value> pointers, buffers;
  for (size_t i = 0; i < func.getNumArguments(); ++i)
    pointers.push_back(arguments.nextPointer());
  for (auto [base, argument] : llvm::zip(pointers, func.getArgumentTypes())) {
    auto memref = cast<MemRefType>(argument);
    SmallVector<Value> extents;
    for (size_t d = 0; d < memref.getNumDynamicDims(); ++d)
      extents.push_back(arguments.next(b.getI64Type()));
    buffers.push_back(describe(b, types, memref, base, extents));
  }
  func::CallOp::create(b, func, buffers);
  LLVM::ReturnOp::create(b, ValueRange{});
}

/// The wrapper is what will be called; the function gives up its name, which
/// may be that of a library function. Names and dims were those of the tensors,
/// and mean nothing on buffers.
LogicalResult makePrivate(func::FuncOp func, SymbolTable &symbols) {
  std::string name = ("hg." + func.getName()).str();
  while (symbols.lookup(name))
    name += "_"; // another entry is called so
  if (failed(symbols.rename(func, name)))
    return func.emitError("cannot be called ") << name;
  func.setPrivate();
  func.removeArgAttrsAttr();
  func.removeResAttrsAttr();
  for (NamedAttribute attribute : llvm::to_vector(func->getDiscardableAttrs()))
    if (isa_and_present<routed::RoutedDialect>(attribute.getNameDialect()))
      func->removeDiscardableAttr(attribute.getName());
  return success();
}

struct WrapHostEntriesPass
    : passes::impl::WrapHostEntriesBase<WrapHostEntriesPass> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> entries;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (func.isPublic() && !func.isExternal())
        entries.push_back(func);
    for (func::FuncOp func : entries)
      if (failed(checkSignature(func)))
        return signalPassFailure();
    // First all names are freed: one entry may be called hg_NAME of another.
    SmallVector<std::string> names;
    SymbolTable symbols(getOperation());
    for (func::FuncOp func : entries) {
      names.push_back(func.getName().str());
      if (failed(makePrivate(func, symbols)))
        return signalPassFailure();
    }
    for (auto [func, name] : llvm::zip(entries, names))
      wrap(func, name);
  }
};

} // namespace

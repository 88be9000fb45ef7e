// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an entry on tensors to an entry on buffers that only calls kernels.
//
//   %o, %lse = routed.attend %q, %k, %v
//   %slots = routed.combine concat %o
//   %sum = routed.combine sum %o weights(%w)
//   %cat = tensor.concat %slots, %sum
//   %y = linalg.contract %cat, %wo
//
//   call @layer_attend_0(%q, %k, %v, %cat)
//   call @layer_rows_0(%w, %cat)
//   call @layer_gemm_0(%cat, %wo, %y)
//
// Three questions, three files: which ops are one kernel (KernelGroups), where
// each tensor lives (BufferPlaces), how large it is (ExtentTexts). Two write
// the answers down: KernelBuilder the kernels, this one the entry that calls
// them. A kernel computes only what somebody reads. Covered by
// test/passes/form-kernels.mlir.

#include "dialect/routed/Routed.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/EntryRecord.h"
#include "passes/KernelBuilder.h"
#include "passes/Passes.h"

namespace headgate::passes {
#define GEN_PASS_DEF_FORMKERNELS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

//===-- one entry --------------------------------------------------------===//

class EntryBuilder {
public:
  explicit EntryBuilder(Entry &entry)
      : entry(entry), b(entry.func.getLoc(), entry.func) {}

  void build(ArrayRef<KernelGroup> groups) {
    begin();
    for (const KernelGroup &group : groups) {
      std::string name = freeName(kindName(group.kind));
      call(buildKernel(entry, group, name));
    }
    func::ReturnOp::create(b);
    entry.func.erase();
  }

private:
  void begin() {
    b.setInsertionPoint(entry.func);
    SmallVector<Type> types;
    for (Type type : entry.func.getArgumentTypes())
      types.push_back(asBuffer(type));
    for (Type type : entry.func.getResultTypes())
      types.push_back(asBuffer(type));
    result = func::FuncOp::create(b, entry.func.getName(),
                                  b.getFunctionType(types, {}));
    result->setAttr(SymbolTable::getSymbolAttrName(),
                    entry.func.getSymNameAttr());
    nameArguments();
    nameOutputs();
    b.setInsertionPointToStart(result.addEntryBlock());
  }

  /// "layer_attend_0": the first number that no symbol has.
  std::string freeName(StringRef kind) {
    auto module = entry.func->getParentOfType<ModuleOp>();
    std::string name;
    do
      name = (entry.func.getName() + "_" + kind + "_" + Twine(counts[kind]++))
                 .str();
    while (module.lookupSymbol(name));
    return name;
  }

  static Type asBuffer(Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return MemRefType::get(tensor.getShape(), tensor.getElementType());
  }

  void nameArguments() {
    auto all = argumentExtents(entry.func);
    for (auto [i, extents] : llvm::enumerate(all)) {
      SmallVector<Attribute> dims;
      for (const PlanExtent &extent : extents)
        if (const auto *number = std::get_if<int64_t>(&extent))
          dims.push_back(b.getI64IntegerAttr(*number));
        else
          dims.push_back(b.getStringAttr(std::get<std::string>(extent)));
      result.setArgAttr(i, dimsName, b.getArrayAttr(dims));
      if (Attribute name = entry.func.getArgAttr(i, "routed.name"))
        result.setArgAttr(i, nameAttrName, name);
    }
  }

  void nameOutputs() {
    Operation *terminator = entry.func.getBody().front().getTerminator();
    unsigned inputs = entry.func.getNumArguments();
    for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
      auto extents = *entry.texts.extents(value);
      result.setArgAttr(
          inputs + i, dimsName,
          dimsAttr(b, extents, [](StringRef t) { return t.str(); }));
      result.setArgAttr(inputs + i, outputName, b.getUnitAttr());
      if (Attribute name = entry.func.getResultAttr(i, "routed.name"))
        result.setArgAttr(inputs + i, nameAttrName, name);
      if (auto cache = appendedCache(value))
        result.setArgAttr(inputs + i, aliasName,
                          b.getI64IntegerAttr(cache.getArgNumber()));
    }
  }

  /// The argument that `value` is with new rows, if nothing else reads it: the
  /// caller may give both the same memory.
  static BlockArgument appendedCache(Value value) {
    auto append = value.getDefiningOp<routed::AppendOp>();
    auto cache =
        append ? dyn_cast<BlockArgument>(append.getCache()) : BlockArgument();
    return cache && cache.hasOneUse() ? cache : BlockArgument();
  }

  void call(const BuiltKernel &kernel) {
    SmallVector<Value> operands;
    for (const KernelOperand &operand : kernel.operands) {
      Value value = bufferFor(*operand.buffer);
      for (const BufferView &view : operand.views)
        value = buildView(b, value, view,
                          [&](StringRef text) { return indexOf(text); });
      operands.push_back(value);
    }
    for (const std::string &text : kernel.scalars)
      operands.push_back(indexOf(text));
    func::CallOp::create(b, kernel.func, operands);
  }

  Value bufferFor(const Buffer &buffer) {
    switch (buffer.kind) {
    case Buffer::Kind::input:
      return result.getArgument(buffer.index);
    case Buffer::Kind::output:
      return result.getArgument(entry.func.getNumArguments() + buffer.index);
    case Buffer::Kind::temporary:
      break;
    }
    auto [known, isNew] = temporaries.try_emplace(&buffer);
    if (isNew) {
      MemRefType type = bufferType(buffer);
      SmallVector<Value> sizes;
      for (auto [d, text] : llvm::enumerate(buffer.extents))
        if (type.isDynamicDim(d))
          sizes.push_back(indexOf(text));
      known->second = memref::AllocOp::create(b, type, sizes);
    }
    return known->second;
  }

  Value indexOf(StringRef text) {
    auto [known, isNew] = indices.try_emplace(text);
    if (isNew) {
      unsigned inputs = entry.func.getNumArguments();
      known->second = entry.texts.build(
          b, b.getLoc(), text,
          ValueRange(result.getArguments()).take_front(inputs));
    }
    return known->second;
  }

  Entry &entry;
  ImplicitLocOpBuilder b;
  func::FuncOp result;
  llvm::StringMap<unsigned> counts;
  llvm::DenseMap<const Buffer *, Value> temporaries;
  llvm::StringMap<Value> indices;
};

//===-- the pass ---------------------------------------------------------===//

/// Why an entry cannot be several kernels; "" if it can.
std::string whyWhole(func::FuncOp func, const ExtentTexts &texts) {
  for (Operation &op : func.getBody().front().without_terminator()) {
    if (!isMemoryEffectFree(&op))
      return "'" + op.getName().getStringRef().str() + "' has side effects";
    for (Value result : op.getResults())
      if (isa<RankedTensorType>(result.getType()) && !texts.extents(result))
        return "an extent of '" + op.getName().getStringRef().str() +
               "' depends on data";
  }
  return "";
}

KernelGroup wholeGroup(Entry &entry) {
  KernelGroup group{KernelKind::function, {}, {}};
  for (Operation &op : entry.func.getBody().front().without_terminator())
    if (!entry.isFreeHere(&op))
      group.ops.push_back(&op);
  return group;
}

LogicalResult checkEntry(func::FuncOp func) {
  if (!llvm::hasSingleElement(func.getBody()))
    return func.emitError("cannot be an entry: its body has several blocks");
  for (Type type :
       llvm::concat<const Type>(func.getArgumentTypes(), func.getResultTypes()))
    if (!isa<RankedTensorType>(type))
      return func.emitError("cannot be an entry: it takes or returns ") << type;
  WalkResult calls = func.walk([](func::CallOp call) {
    call.emitError("calls '")
        << call.getCallee() << "', which cannot be inlined";
    return WalkResult::interrupt();
  });
  return failure(calls.wasInterrupted());
}

/// A GPU has no kernel of one block that computes anything.
LogicalResult checkForGpu(func::FuncOp func, ArrayRef<KernelGroup> groups,
                          StringRef whyWhole) {
  if (!whyWhole.empty())
    return func.emitError("cannot be compiled for a GPU: ") << whyWhole;
  for (const KernelGroup &group : groups) {
    if (group.kind != KernelKind::function)
      continue;
    Operation *op = group.ops.front();
    InFlightDiagnostic error =
        op->emitOpError("has no kernel on a GPU: a token of its result needs "
                        "other tokens");
    if (isa<routed::BalanceLossOp>(op))
      error.attachNote() << "the loss is needed in training only: return the "
                            "layer's rows alone";
    return error;
  }
  return success();
}

/// Kernels that are equal but for their name become one.
void mergeEqualKernels(ModuleOp module) {
  llvm::StringMap<StringAttr> first;
  for (auto kernel :
       llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (!kernel->hasAttr(kernelName))
      continue;
    StringAttr name = kernel.getSymNameAttr();
    kernel.setSymName("kernel");
    std::string text;
    llvm::raw_string_ostream stream(text);
    kernel->print(stream,
                  OpPrintingFlags().printGenericOpForm().useLocalScope());
    kernel.setSymNameAttr(name);
    auto [known, isNew] = first.try_emplace(text, name);
    if (isNew)
      continue;
    module.walk([&](func::CallOp call) {
      if (call.getCallee() == name.getValue())
        call.setCallee(known->second);
    });
    kernel.erase();
  }
}

struct FormKernelsPass : passes::impl::FormKernelsBase<FormKernelsPass> {
  using FormKernelsBase::FormKernelsBase;

  void runOnOperation() override {
    SmallVector<func::FuncOp> entries;
    for (auto func :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (isEntry(func))
        entries.push_back(func);
      else if (!func->hasAttr(kernelName))
        func.erase(); // inlined
    for (func::FuncOp func : entries)
      if (failed(checkEntry(func)) || failed(formEntry(func)))
        return signalPassFailure();
    mergeEqualKernels(getOperation());
  }

  LogicalResult formEntry(func::FuncOp func) {
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, func.getBody());
    FailureOr<ExtentTexts> texts = ExtentTexts::of(func);
    if (failed(texts))
      return failure();
    for (OpOperand &result :
         func.getBody().front().getTerminator()->getOpOperands())
      if (!texts->extents(result.get()))
        return func.emitError("cannot be an entry: an extent of result ")
               << result.getOperandNumber() << " depends on data";
    std::string why = whole ? "" : whyWhole(func, *texts);
    if (!why.empty())
      remark::missed(func.getLoc(), remark::RemarkOpts::name("one-kernel")
                                        .category("form-kernels")
                                        .function(func.getName()))
          << "left to one kernel: " + why;
    bool isWhole = whole || !why.empty();
    Entry *self = nullptr;
    BufferPlaces places(
        func, *texts, [&](Operation *op) { return self->isFreeHere(op); },
        /*splitConcats=*/!isWhole);
    Entry entry{func, *texts, places, isWhole};
    self = &entry;
    places.placeDemanded();
    SmallVector<KernelGroup> groups;
    if (isWhole)
      groups.push_back(wholeGroup(entry));
    else
      groups = groupOps(func, *texts, gpu);
    if (gpu && !whole && failed(checkForGpu(func, groups, why)))
      return failure();
    for (const KernelGroup &group : groups)
      placeReads(entry, group);
    EntryBuilder(entry).build(groups);
    return success();
  }
};

} // namespace

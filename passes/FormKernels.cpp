// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an entry on tensors to an entry on buffers that only calls kernels.
//
//   %o, %lse = routed.attend %q, %k, %v         call @layer_attend_0(%q, %k,
//   %v, %slots = routed.combine concat %o                                %cat)
//   %sum = routed.combine sum %o weights(%w) => call @layer_rows_1(%w, %cat)
//   %cat = tensor.concat %slots, %sum           call @layer_gemm_2(%cat, %wo,
//   %y) %y = linalg.contract %cat, %wo
//
// Three questions, three files: which ops are one kernel (KernelGroups), where
// each tensor lives (BufferPlaces), how large it is (ExtentTexts). This file
// writes the answer down. A kernel computes only what somebody reads; its body
// holds the ops as they were, between to_tensor and
// materialize_in_destination. Covered by test/passes/form-kernels.mlir.

#include "dialect/routed/Routed.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/BufferPlaces.h"
#include "passes/EntryRecord.h"
#include "passes/KernelGroups.h"
#include "passes/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

namespace headgate::passes {
#define GEN_PASS_DEF_FORMKERNELS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

using IndexOf = llvm::function_ref<Value(StringRef)>;

/// The op that shows `source` through `view`.
Value buildView(ImplicitLocOpBuilder &b, Value source, const BufferView &view,
                IndexOf indexOf) {
  MemRefType type = viewedType(cast<MemRefType>(source.getType()), view);
  auto mixed = [&](StringRef text) -> OpFoldResult {
    int64_t number;
    if (!text.getAsInteger(10, number))
      return b.getIndexAttr(number);
    return indexOf(text);
  };
  SmallVector<OpFoldResult> sizes;
  for (auto [d, text] : llvm::enumerate(view.extents))
    sizes.push_back(type.isDynamicDim(d) ? OpFoldResult(indexOf(text))
                                         : b.getIndexAttr(type.getDimSize(d)));
  switch (view.kind) {
  case BufferView::Kind::cast:
    return memref::CastOp::create(b, type, source);
  case BufferView::Kind::collapse:
    return memref::CollapseShapeOp::create(b, type, source, view.groups);
  case BufferView::Kind::expand:
    return memref::ExpandShapeOp::create(b, type, source, view.groups, sizes);
  case BufferView::Kind::window: {
    SmallVector<OpFoldResult> offsets, strides(sizes.size(), b.getIndexAttr(1));
    for (const auto &terms : view.offsets) {
      OpFoldResult sum = mixed(terms[0]);
      for (const std::string &term : ArrayRef(terms).drop_front())
        sum = getAsOpFoldResult(b.createOrFold<arith::AddIOp>(
            getValueOrCreateConstantIndexOp(b, b.getLoc(), sum),
            getValueOrCreateConstantIndexOp(b, b.getLoc(), mixed(term))));
      offsets.push_back(sum);
    }
    return memref::SubViewOp::create(b, type, source, offsets, sizes, strides);
  }
  }
  llvm_unreachable("all kinds are listed");
}

bool isName(StringRef text) {
  return llvm::all_of(
      text, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
}

ArrayAttr dimsAttr(OpBuilder &b, ArrayRef<std::string> extents,
                   llvm::function_ref<std::string(StringRef)> nameOf) {
  SmallVector<Attribute> dims;
  for (StringRef text : extents) {
    int64_t number;
    if (!text.getAsInteger(10, number))
      dims.push_back(b.getI64IntegerAttr(number));
    else
      dims.push_back(b.getStringAttr(nameOf(text)));
  }
  return b.getArrayAttr(dims);
}

//===-- what a kernel takes ----------------------------------------------===//

/// One entry: its ops, their groups, places and extents.
struct Entry {
  func::FuncOp func;
  ExtentTexts &texts;
  BufferPlaces &places;
  bool whole; ///< one kernel for everything

  bool isFreeHere(Operation *op) const {
    return isFree(op, texts) && !(whole && isa<tensor::ConcatOp>(op));
  }
};

/// How a kernel comes by a value.
enum class Source { group, extent, buffer, clone };

Source sourceOf(Entry &entry, Value value,
                const llvm::SmallPtrSetImpl<Operation *> &group) {
  Operation *op = value.getDefiningOp();
  if (op && group.contains(op))
    return Source::group;
  if (isa<IndexType>(value.getType()) && entry.texts.index(value))
    return Source::extent;
  if (!op || !entry.isFreeHere(op) || isa<tensor::ConcatOp>(op))
    return Source::buffer;
  if (!isTensorView(op, entry.texts))
    return Source::clone;
  Source source = sourceOf(entry, op->getOperand(0), group);
  bool isInBuffer = source == Source::buffer && entry.places.placeOf(value);
  return isInBuffer ? Source::buffer : Source::clone;
}

/// Calls `fn` with every value that `op` reads, in regions too.
void forEachRead(Operation *op, llvm::function_ref<void(Value)> fn) {
  for (Value operand : op->getOperands())
    fn(operand);
  SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  for (Value value : captured)
    fn(value);
}

/// Gives a place to everything that the kernel of `group` reads from memory.
void placeReads(Entry &entry, const KernelGroup &group) {
  llvm::SmallPtrSet<Operation *, 8> inGroup(group.ops.begin(), group.ops.end());
  llvm::DenseSet<Value> seen;
  std::function<void(Value)> visit = [&](Value value) {
    if (!seen.insert(value).second)
      return;
    switch (sourceOf(entry, value, inGroup)) {
    case Source::buffer:
      (void)entry.places.placeOf(value);
      break;
    case Source::clone:
      forEachRead(value.getDefiningOp(), visit);
      break;
    case Source::group:
    case Source::extent:
      break;
    }
  };
  for (Operation *op : group.ops)
    forEachRead(op, visit);
}

/// A buffer as an entry passes it to a kernel.
struct KernelOperand {
  const Buffer *buffer;
  ArrayRef<BufferView> views; ///< reshapes only: the address is the buffer's

  ArrayRef<std::string> extents() const {
    return views.empty() ? buffer->extents : views.back().extents;
  }
  bool operator==(const KernelOperand &other) const {
    return buffer == other.buffer && extents() == other.extents();
  }
};

//===-- one kernel -------------------------------------------------------===//

class KernelBuilder {
public:
  KernelBuilder(Entry &entry, const KernelGroup &group)
      : entry(entry), group(group), b(entry.func.getLoc(), entry.func),
        inGroup(group.ops.begin(), group.ops.end()) {}

  func::FuncOp build(StringRef name) {
    b.setInsertionPoint(entry.func);
    kernel = func::FuncOp::create(b, name, b.getFunctionType({}, {}));
    kernel.setPrivate();
    body = kernel.addEntryBlock();
    b.setInsertionPointToStart(body);
    for (Operation *op : group.ops)
      for (Value result : op->getResults())
        if (entry.places.isDemanded(result))
          written.insert(placeOf(result).buffer);
    for (Operation *op : group.ops)
      copyOp(op);
    for (Operation *op : group.ops)
      for (Value result : op->getResults())
        if (entry.places.isDemanded(result))
          store(result);
    b.setLoc(entry.func.getLoc());
    func::ReturnOp::create(b);
    finish();
    return kernel;
  }

  ArrayRef<KernelOperand> operands() const { return buffers; }
  ArrayRef<std::string> scalarTexts() const { return scalars; }

private:
  const Place &placeOf(Value tensor) {
    auto [known, isNew] = knownPlaces.try_emplace(tensor);
    if (isNew)
      known->second = std::make_unique<Place>(*entry.places.placeOf(tensor));
    return *known->second;
  }

  void copyOp(Operation *op) {
    forEachRead(op, [&](Value value) { (void)read(value); });
    b.setLoc(op->getLoc());
    b.clone(*op, mapping);
  }

  Value read(Value value) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    b.setLoc(value.getLoc());
    Value result;
    switch (sourceOf(entry, value, inGroup)) {
    case Source::group:
      llvm_unreachable("a group is in program order");
    case Source::extent:
      result = indexOf(*entry.texts.index(value));
      break;
    case Source::buffer:
      result = load(value);
      break;
    case Source::clone:
      copyOp(op);
      return mapping.lookup(value);
    }
    mapping.map(value, result);
    return result;
  }

  Value load(Value tensor) {
    Value buffer = shown(placeOf(tensor));
    return bufferization::ToTensorOp::create(b, tensor.getType(), buffer,
                                             /*restrict=*/true);
  }

  void store(Value tensor) {
    b.setLoc(tensor.getLoc());
    Value buffer = shown(placeOf(tensor));
    auto op = bufferization::MaterializeInDestinationOp::create(
        b, Type(), mapping.lookup(tensor), buffer);
    op.setRestrict(true);
    op.setWritable(true);
  }

  /// The buffer at `place`: an argument, and what views are left to the kernel.
  Value shown(const Place &place) {
    bool isWritten = written.contains(place.buffer);
    ArrayRef<BufferView> views = place.views;
    // A buffer that is written is one argument, however it is seen.
    size_t outside = 0;
    while (!isWritten && outside < views.size() &&
           views[outside].kind != BufferView::Kind::window)
      ++outside;
    Value value =
        argumentFor({place.buffer, views.take_front(outside)}, isWritten);
    for (const BufferView &view : views.drop_front(outside))
      value = buildView(b, value, view,
                        [&](StringRef text) { return indexOf(text); });
    return value;
  }

  Value argumentFor(const KernelOperand &operand, bool isOutput) {
    for (auto [i, known] : llvm::enumerate(buffers))
      if (known == operand)
        return body->getArgument(i);
    MemRefType type = bufferType(*operand.buffer);
    for (const BufferView &view : operand.views)
      type = viewedType(type, view);
    // Inputs, then outputs, then scalars.
    size_t at = isOutput ? buffers.size() : inputs++;
    buffers.insert(buffers.begin() + at, operand);
    return body->insertArgument(at, type, b.getLoc());
  }

  /// An index argument that stands for the extent; finish() removes those
  /// that some buffer has.
  Value indexOf(StringRef text) {
    int64_t number;
    if (!text.getAsInteger(10, number))
      return arith::ConstantIndexOp::create(b, number);
    for (auto [i, known] : llvm::enumerate(scalars))
      if (known == text)
        return body->getArgument(buffers.size() + i);
    scalars.push_back(text.str());
    return body->addArgument(b.getIndexType(), b.getLoc());
  }

  void finish() {
    for (const std::string &text : group.tokens)
      if (!llvm::isDigit(text[0]))
        (void)indexOf(text);
    dropKnownScalars();
    kernel.setType(b.getFunctionType(body->getArgumentTypes(), {}));
    auto nameOf = [&](StringRef text) { return dimName(text); };
    for (auto [i, operand] : llvm::enumerate(buffers)) {
      kernel.setArgAttr(i, dimsName, dimsAttr(b, operand.extents(), nameOf));
      if (i >= inputs)
        kernel.setArgAttr(i, outputName, b.getUnitAttr());
    }
    for (auto [i, text] : llvm::enumerate(scalars))
      kernel.setArgAttr(buffers.size() + i, nameAttrName,
                        b.getStringAttr(dimName(text)));
    kernel->setAttr(kernelName, b.getStringAttr(kindName(group.kind)));
    if (!group.tokens.empty())
      kernel->setAttr(tokensName, dimsAttr(b, group.tokens, nameOf));
  }

  void dropKnownScalars() {
    b.setInsertionPointToStart(body);
    for (size_t i = scalars.size(); i-- > 0;) {
      std::optional<std::pair<size_t, size_t>> where = dimWith(scalars[i]);
      if (!where)
        continue;
      BlockArgument scalar = body->getArgument(buffers.size() + i);
      if (!scalar.use_empty())
        scalar.replaceAllUsesWith(memref::DimOp::create(
            b, body->getArgument(where->first), where->second));
      body->eraseArgument(scalar.getArgNumber());
      scalars.erase(scalars.begin() + i);
    }
  }

  /// The operand and dimension whose dynamic extent is `text`.
  std::optional<std::pair<size_t, size_t>> dimWith(StringRef text) const {
    for (auto [i, operand] : llvm::enumerate(buffers)) {
      auto type = cast<MemRefType>(body->getArgument(i).getType());
      for (auto [d, extent] : llvm::enumerate(operand.extents()))
        if (extent == text && type.isDynamicDim(d))
          return std::make_pair(i, d);
    }
    return {};
  }

  /// What the kernel calls an extent: its text, or a new name where that is an
  /// expression.
  std::string dimName(StringRef text) {
    if (isName(text))
      return text.str();
    auto [known, isNew] = dimNames.try_emplace(text);
    for (unsigned n = 0; isNew; ++n) {
      std::string candidate = "n" + std::to_string(n);
      if (isTaken(candidate))
        continue;
      known->second = candidate;
      break;
    }
    return known->second;
  }

  bool isTaken(StringRef name) const {
    for (const auto &pair : dimNames)
      if (pair.second == name)
        return true;
    for (const KernelOperand &operand : buffers)
      if (llvm::is_contained(operand.extents(), name))
        return true;
    return llvm::is_contained(scalars, name);
  }

  Entry &entry;
  const KernelGroup &group;
  ImplicitLocOpBuilder b;
  llvm::SmallPtrSet<Operation *, 8> inGroup;
  func::FuncOp kernel;
  Block *body = nullptr;
  IRMapping mapping;
  llvm::DenseMap<Value, std::unique_ptr<Place>> knownPlaces;
  llvm::SmallPtrSet<const Buffer *, 4> written;
  SmallVector<KernelOperand> buffers;
  SmallVector<std::string> scalars;
  size_t inputs = 0;
  llvm::StringMap<std::string> dimNames;
};

//===-- one entry --------------------------------------------------------===//

class EntryBuilder {
public:
  explicit EntryBuilder(Entry &entry)
      : entry(entry), b(entry.func.getLoc(), entry.func) {}

  void build(ArrayRef<KernelGroup> groups) {
    begin();
    for (const KernelGroup &group : groups) {
      StringRef kind = kindName(group.kind);
      KernelBuilder builder(entry, group);
      call(builder.build(freeName(kind)), builder);
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

  void call(func::FuncOp kernel, const KernelBuilder &builder) {
    SmallVector<Value> operands;
    for (const KernelOperand &operand : builder.operands()) {
      Value value = bufferFor(*operand.buffer);
      for (const BufferView &view : operand.views)
        value = buildView(b, value, view,
                          [&](StringRef text) { return indexOf(text); });
      operands.push_back(value);
    }
    for (const std::string &text : builder.scalarTexts())
      operands.push_back(indexOf(text));
    func::CallOp::create(b, kernel, operands);
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
      groups = groupOps(func, *texts);
    for (const KernelGroup &group : groups)
      placeReads(entry, group);
    EntryBuilder(entry).build(groups);
    return success();
  }
};

} // namespace

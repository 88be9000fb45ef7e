// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/AttendKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <map>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

/// The widest row that the registers of a row group hold beside the rest.
static constexpr int64_t maxWidth = 256;

Type AttendKernel::elementType() const {
  return cast<MemRefType>(key.getType()).getElementType();
}

static int64_t innermost(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getShape().back();
}
int64_t AttendKernel::queryWidth() const { return innermost(key); }
int64_t AttendKernel::valueWidth() const { return innermost(value); }

int64_t AttendKernel::heads() const {
  int64_t heads = 1;
  for (int64_t extent : routed::AttendOp(attend).getHeads())
    heads *= extent;
  return heads;
}

//===-- sharing ----------------------------------------------------------===//

namespace {

/// `values` as first + step * i.
std::optional<std::pair<int64_t, int64_t>>
progression(ArrayRef<int64_t> values) {
  int64_t step = values.size() > 1 ? values[1] - values[0] : 1;
  for (auto [i, value] : llvm::enumerate(values))
    if (value != values[0] + step * int64_t(i))
      return {};
  return std::make_pair(values[0], step);
}

} // namespace

std::optional<HeadSharing>
headgate::passes::sharingOf(routed::AttendOp attend) {
  AffineMap map = attend.getKvHeadMap();
  SmallVector<int64_t> extents(attend.getHeads());
  int64_t heads = 1;
  for (int64_t extent : extents)
    heads *= extent;
  std::map<int64_t, SmallVector<int64_t>> readers;
  SmallVector<Attribute> at(extents.size() + map.getNumSymbols());
  Builder b(attend.getContext());
  for (int64_t head = 0; head < heads; ++head) {
    int64_t rest = head;
    for (size_t d = extents.size(); d-- > 0; rest /= extents[d])
      at[d] = b.getIndexAttr(rest % extents[d]);
    for (size_t s = extents.size(); s < at.size(); ++s)
      at[s] = b.getIndexAttr(0); // a symbol that the map does not read
    SmallVector<Attribute> result;
    if (failed(map.constantFold(at, result)))
      return {};
    readers[cast<IntegerAttr>(result[0]).getInt()].push_back(head);
  }
  SmallVector<int64_t> keys, firsts;
  HeadSharing sharing;
  sharing.count = readers.begin()->second.size();
  for (const auto &[key, of] : readers) {
    auto members = progression(of);
    if (!members || int64_t(of.size()) != sharing.count ||
        (of.size() > 1 && !firsts.empty() && members->second != sharing.stride))
      return {};
    sharing.stride = members->second;
    keys.push_back(key);
    firsts.push_back(members->first);
  }
  auto key = progression(keys), first = progression(firsts);
  if (!key || !first)
    return {};
  sharing.kvCount = keys.size();
  std::tie(sharing.kvFirst, sharing.kvStep) = *key;
  std::tie(sharing.first, sharing.step) = *first;
  return sharing;
}

//===-- matching ---------------------------------------------------------===//

namespace {

class Matcher {
public:
  std::variant<AttendKernel, Refusal> run(func::FuncOp func) {
    if (!llvm::hasSingleElement(func.getBody()))
      return Refusal{func, "the kernel is not one block"};
    for (Operation &op : func.getBody().front())
      if (!classify(&op))
        return refusal();
    if (!kernel.attend)
      return Refusal{func, "the kernel has no attention"};
    if (!bind())
      return refusal();
    return kernel;
  }

private:
  bool refuse(Operation *op, const Twine &why) {
    if (!refused.op)
      refused = {op, why.str()};
    return false;
  }
  Refusal refusal() { return refused; }

  /// Whether a kernel on tiles may hold `op`, or what it stands for.
  bool classify(Operation *op) {
    if (auto attend = dyn_cast<routed::AttendOp>(op)) {
      if (kernel.attend)
        return refuse(op, "there is another attention in the kernel");
      kernel.attend = attend;
      return true;
    }
    if (isa<routed::GatherOp, bufferization::ToTensorOp,
            bufferization::MaterializeInDestinationOp, func::ReturnOp>(op))
      return true;
    bool isOfBuffer =
        op->getNumOperands() > 0 &&
        op->getOperand(0).getDefiningOp<bufferization::ToTensorOp>();
    if (isa<tensor::ExtractOp, tensor::DimOp>(op) && isOfBuffer)
      return true;
    bool isTensor =
        llvm::any_of(op->getResultTypes(), llvm::IsaPred<TensorType>);
    if (!isTensor &&
        isa<arith::ArithDialect, math::MathDialect, memref::MemRefDialect>(
            op->getDialect()))
      return true;
    return refuse(op, "it cannot be part of an attention");
  }

  bool bind() {
    routed::AttendOp attend = kernel.attend;
    routed::LoweringClass form = attend.getLoweringClass();
    if (form == routed::LoweringClass::B)
      return refuse(attend, "its key heads depend on the chosen expert");
    if (form == routed::LoweringClass::C)
      return refuse(attend, "its keys are routed");
    Value query = attend.getQuery();
    kernel.gather = query.getDefiningOp<routed::GatherOp>();
    if (kernel.gather) {
      query = kernel.gather.getSource();
      if (!bindBuffer(kernel.gather.getExperts(), kernel.chosen))
        return false;
    }
    for (auto [tensor, buffer] :
         {std::pair<Value, Value *>{query, &kernel.query},
          {attend.getKey(), &kernel.key},
          {attend.getValue(), &kernel.value},
          {attend.getKvStart(), &kernel.kvStart},
          {attend.getKvLen(), &kernel.kvLen},
          {attend.getQLen(), &kernel.qLen},
          {attend.getMask(), &kernel.mask},
          {attend.getExperts(), &kernel.experts}})
      if (!bindBuffer(tensor, *buffer))
        return false;
    for (int64_t width : {kernel.queryWidth(), kernel.valueWidth()})
      if (width > maxWidth)
        return refuse(attend, "its rows are " + Twine(width) +
                                  " wide, and at most " + Twine(maxWidth) +
                                  " fit the registers of a row group");
    if (std::optional<Refusal> refusal = checkScore(attend))
      return refuse(refusal->op, refusal->why);
    return bindResults();
  }

  bool bindBuffer(Value tensor, Value &buffer) {
    if (!tensor)
      return true;
    auto source = tensor.getDefiningOp<bufferization::ToTensorOp>();
    if (!source)
      return refuse(kernel.attend, "an operand is computed in the kernel");
    buffer = source.getBuffer();
    auto type = cast<MemRefType>(buffer.getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(type.getStridesAndOffset(strides, offset)) ||
        strides.back() != 1)
      return refuse(kernel.attend,
                    "the elements of an operand's rows are not neighbours");
    return true;
  }

  bool bindResults() {
    for (OpResult result : kernel.attend->getResults())
      for (Operation *user : result.getUsers()) {
        auto store = dyn_cast<bufferization::MaterializeInDestinationOp>(user);
        if (!store || !isa<MemRefType>(store.getDest().getType()))
          return refuse(user, "it uses a result of the attention");
        auto &buffers =
            result.getResultNumber() == 0 ? kernel.outputs : kernel.lses;
        buffers.push_back(store.getDest());
      }
    return true;
  }

  AttendKernel kernel;
  Refusal refused = {};
};

} // namespace

std::variant<AttendKernel, Refusal>
headgate::passes::matchAttendKernel(func::FuncOp func) {
  return Matcher().run(func);
}

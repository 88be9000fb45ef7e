// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/GemmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

static MemRefType typeOf(Value buffer) {
  return cast<MemRefType>(buffer.getType());
}
static int64_t productOf(ArrayRef<int64_t> extents) {
  int64_t product = 1;
  for (int64_t extent : extents)
    product *= extent;
  return product;
}

Type GemmKernel::elementType() const { return typeOf(rows).getElementType(); }
Type GemmKernel::resultType() const {
  return typeOf(results.front()).getElementType();
}
int64_t GemmKernel::cols() const {
  return productOf(typeOf(results.front()).getShape().take_back(colDims));
}
int64_t GemmKernel::terms() const {
  return productOf(typeOf(rows).getShape().take_back(termDims));
}

namespace {

/// Is `map` the dimensions of `first` and then those of `second`, as they are?
bool isSequence(AffineMap map, ArrayRef<unsigned> first,
                ArrayRef<unsigned> second) {
  SmallVector<unsigned> expected(first);
  expected.append(second.begin(), second.end());
  return map.getNumResults() == expected.size() &&
         llvm::all_of_zip(map.getResults(), expected,
                          [](AffineExpr expr, unsigned d) {
                            auto dim = dyn_cast<AffineDimExpr>(expr);
                            return dim && dim.getPosition() == d;
                          });
}

class Matcher {
public:
  std::variant<GemmKernel, Refusal> run(func::FuncOp func) {
    if (!llvm::hasSingleElement(func.getBody()))
      return Refusal{func, "the kernel is not one block"};
    for (Operation &op : func.getBody().front())
      if (!classify(&op))
        return refused;
    if (!kernel.contract)
      return Refusal{func, "the kernel has no contraction"};
    if (!bindDims() || !bindOperands() || !bindResults())
      return refused;
    return kernel;
  }

private:
  bool refuse(Operation *op, const Twine &why) {
    refused = {op, why.str()};
    return false;
  }

  bool classify(Operation *op) {
    if (auto contract = dyn_cast<linalg::ContractOp>(op)) {
      if (kernel.contract)
        return refuse(op, "there is another contraction in the kernel");
      kernel.contract = contract;
      return true;
    }
    if (isa<bufferization::ToTensorOp, tensor::EmptyOp, linalg::FillOp,
            linalg::BroadcastOp, bufferization::MaterializeInDestinationOp,
            func::ReturnOp>(op))
      return true;
    bool isTensor =
        llvm::any_of(op->getResultTypes(), llvm::IsaPred<TensorType>);
    if (isa<arith::ExtFOp>(op) && isTensor)
      return op->getOperand(0).getDefiningOp<bufferization::ToTensorOp>() ||
             refuse(op, "it cannot be part of a projection");
    if (isa<arith::TruncFOp>(op) && isTensor)
      return op->getOperand(0).getDefiningOp<linalg::ContractOp>() ||
             refuse(op, "it cannot be part of a projection");
    if (!isTensor &&
        isa<arith::ArithDialect, memref::MemRefDialect>(op->getDialect()))
      return true;
    return refuse(op, "it cannot be part of a projection");
  }

  bool bindDims() {
    SmallVector<AffineMap> maps = kernel.contract.getIndexingMapsArray();
    SmallVector<unsigned> m, n, k;
    for (unsigned d = 0; d < maps[0].getNumDims(); ++d) {
      bool inX = maps[0].isFunctionOfDim(d), inW = maps[1].isFunctionOfDim(d),
           inY = maps[2].isFunctionOfDim(d);
      if (inX && inW && inY)
        return refuse(kernel.contract, "it has a batch dimension");
      if (inX && inY)
        m.push_back(d);
      else if (inW && inY)
        n.push_back(d);
      else
        k.push_back(d);
    }
    kernel.transposed = isSequence(maps[1], n, k);
    if (!isSequence(maps[0], m, k) || !isSequence(maps[2], m, n) ||
        !(kernel.transposed || isSequence(maps[1], k, n)) || n.empty() ||
        k.empty() || m.empty())
      return refuse(kernel.contract,
                    "its operands are not rows, one matrix and "
                    "rows");
    kernel.rowDims = m.size();
    kernel.colDims = n.size();
    kernel.termDims = k.size();
    return true;
  }

  bool bindBuffer(Value tensor, Value &buffer) {
    auto source = tensor.getDefiningOp<bufferization::ToTensorOp>();
    if (!source)
      return refuse(kernel.contract, "an operand is computed in the kernel");
    buffer = source.getBuffer();
    return true;
  }

  bool bindOperands() {
    linalg::ContractOp contract = kernel.contract;
    if (!bindBuffer(contract.getInputs()[0], kernel.rows) ||
        !bindBuffer(contract.getInputs()[1], kernel.matrix))
      return false;
    Type element = kernel.elementType();
    if (element != typeOf(kernel.matrix).getElementType() ||
        !(element.isF32() || element.isF16() || element.isBF16()))
      return refuse(contract, "its factors are not of one type of f32, f16 and "
                              "bf16");
    if (!getElementTypeOrSelf(contract.getResult(0)).isF32())
      return refuse(contract, "it does not sum in f32");
    return bindInit(contract.getOutputs()[0]);
  }

  /// What an f32 bias was before it was widened.
  static Value widened(Value bias) {
    auto widen = bias.getDefiningOp<arith::ExtFOp>();
    return widen ? widen.getIn() : bias;
  }

  bool bindInit(Value init) {
    if (auto fill = init.getDefiningOp<linalg::FillOp>())
      return matchPattern(fill.getInputs()[0], m_AnyZeroFloat()) ||
             refuse(kernel.contract, "its sums start at another value than 0");
    auto bias = init.getDefiningOp<linalg::BroadcastOp>();
    if (!bias)
      return refuse(kernel.contract, "its sums do not start at 0 or a bias");
    bool isForAllRows =
        int64_t(bias.getDimensions().size()) == kernel.rowDims &&
        llvm::all_of(llvm::enumerate(bias.getDimensions()), [](auto dim) {
          return dim.value() == int64_t(dim.index());
        });
    return (isForAllRows ||
            refuse(kernel.contract, "its bias is not one for all rows")) &&
           bindBuffer(widened(bias.getInput()), kernel.bias);
  }

  bool bindResults() {
    Value result = kernel.contract.getResult(0);
    for (Operation *user : result.getUsers())
      if (auto round = dyn_cast<arith::TruncFOp>(user)) {
        if (!result.hasOneUse())
          return refuse(round, "the unrounded sums are used as well");
        result = round.getResult();
        break;
      }
    for (Operation *user : result.getUsers()) {
      auto store = dyn_cast<bufferization::MaterializeInDestinationOp>(user);
      if (!store || !isa<MemRefType>(store.getDest().getType()))
        return refuse(user, "it uses the result of the projection");
      kernel.results.push_back(store.getDest());
    }
    if (kernel.results.empty())
      return refuse(kernel.contract, "nobody uses its result");
    if (!bindWidths())
      return false;
    return (kernel.cols() && kernel.terms()) ||
           refuse(kernel.contract, "it has no columns or no terms");
  }

  /// Columns and terms are static, and each is one dimension of every buffer.
  bool bindWidths() {
    SmallVector<std::pair<Value, int64_t>> buffers = {
        {kernel.rows, kernel.rowDims},
        {kernel.matrix, kernel.transposed ? kernel.colDims : kernel.termDims}};
    for (Value result : kernel.results)
      buffers.push_back({result, kernel.rowDims});
    for (auto [buffer, first] : buffers) {
      MemRefType type = typeOf(buffer);
      if (!type.hasStaticShape() &&
          (buffer == kernel.matrix ||
           llvm::is_contained(type.getShape().drop_front(first),
                              ShapedType::kDynamic)))
        return refuse(kernel.contract, "its columns or terms are dynamic");
      SmallVector<ReassociationIndices> groups;
      for (int64_t d = 0; d < first && buffer != kernel.matrix; ++d)
        groups.push_back({d});
      if (buffer == kernel.matrix)
        groups.push_back(llvm::to_vector(llvm::seq<int64_t>(0, first)));
      groups.push_back(
          llvm::to_vector(llvm::seq<int64_t>(first, type.getRank())));
      SmallVector<int64_t> strides;
      int64_t offset;
      if (failed(type.getStridesAndOffset(strides, offset)) ||
          strides.back() != 1 ||
          !memref::CollapseShapeOp::isGuaranteedCollapsible(type, groups))
        return refuse(kernel.contract,
                      "the elements of a row are not neighbours");
    }
    return true;
  }

  GemmKernel kernel;
  Refusal refused = {};
};

} // namespace

std::variant<GemmKernel, Refusal>
headgate::passes::matchGemmKernel(func::FuncOp func) {
  return Matcher().run(func);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/SizeExpression.h"

#include "lib/Expr.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;
using namespace headgate::passes;

namespace {

/// An expression and how tightly it binds, so that no needless parentheses are
/// printed: 2 for names, numbers and calls, 1 for products, 0 for sums.
struct Text {
  std::string text;
  int strength = 2;

  std::string within(int outer) const {
    return strength < outer ? "(" + text + ")" : text;
  }
};
using MaybeText = std::optional<Text>;

/// Nothing if it is too long for the plan: a chain of doublings grows without
/// bounds.
MaybeText checked(Text text) {
  if (text.text.size() > headgate::Expr::maxChars)
    return {};
  return text;
}

MaybeText number(int64_t x) {
  if (x >= 0)
    return Text{std::to_string(x), 2};
  if (x == std::numeric_limits<int64_t>::min())
    return {};
  return Text{"0-" + std::to_string(-x), 0}; // the language has no sign
}

MaybeText sum(const MaybeText &a, const MaybeText &b) {
  if (!a || !b)
    return {};
  // x + -c reads better as x-c, and affine maps write it so.
  if (b->text.starts_with("0-"))
    return checked({a->text + "-" + b->text.substr(2), 0});
  return checked({a->text + "+" + b->text, 0});
}

MaybeText binary(const MaybeText &a, const char *op, const MaybeText &b,
                 int strength) {
  if (!a || !b)
    return {};
  return checked(
      {a->within(strength) + op + b->within(strength + 1), strength});
}

MaybeText call(const char *function, const MaybeText &a, const MaybeText &b) {
  if (!a || !b)
    return {};
  return checked({function + ("(" + a->text + "," + b->text + ")"), 2});
}

/// cdiv(x,n)*n is align(x,n).
MaybeText product(const MaybeText &a, const MaybeText &b) {
  if (a && b && a->strength == 2) {
    std::string end = "," + b->text + ")";
    if (StringRef(a->text).starts_with("cdiv(") &&
        StringRef(a->text).ends_with(end))
      return Text{"align" + a->text.substr(4), 2};
  }
  return binary(a, "*", b, 1);
}

class Writer {
public:
  explicit Writer(ExtentName name) : name(name) {}

  /// Each value is written once, however many paths lead to it.
  MaybeText write(Value value) {
    auto known = written.find(value);
    if (known != written.end())
      return known->second;
    MaybeText text = writeNew(value);
    written.try_emplace(value, text);
    return text;
  }

  /// Dimension `d` of a tensor or buffer, followed to where it is made.
  MaybeText extent(Value source, int64_t d) {
    auto type = dyn_cast<ShapedType>(source.getType());
    if (!type || !type.hasRank() || d >= type.getRank())
      return {};
    if (!type.isDynamicDim(d))
      return number(type.getDimSize(d));
    if (auto argument = dyn_cast<BlockArgument>(source))
      return argument.getOwner()->isEntryBlock()
                 ? named(name(argument.getArgNumber(), d))
                 : MaybeText();
    if (auto cast = source.getDefiningOp<memref::CastOp>())
      return extent(cast.getSource(), d);
    if (auto view = source.getDefiningOp<memref::ExpandShapeOp>())
      return write(view.getOutputShape()[dynamicIndex(type, d)]);
    if (auto view = source.getDefiningOp<memref::CollapseShapeOp>()) {
      MaybeText product = number(1);
      ReassociationIndices group = view.getReassociationIndices()[d];
      for (int64_t inner : group) {
        MaybeText next = extent(view.getSrc(), inner);
        product = product && product->text == "1"
                      ? next
                      : binary(product, "*", next, 1);
      }
      return product;
    }
    if (auto alloc = source.getDefiningOp<memref::AllocOp>())
      return write(alloc.getDynamicSizes()[dynamicIndex(type, d)]);
    if (auto view = source.getDefiningOp<memref::ViewOp>())
      return write(view.getSizes()[dynamicIndex(type, d)]);
    return {};
  }

  template <typename DimOp> MaybeText extent(DimOp dim) {
    std::optional<int64_t> index = dim.getConstantIndex();
    return index ? extent(dim.getSource(), *index) : MaybeText();
  }

private:
  MaybeText writeNew(Value value) {
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)))
      return number(constant.getSExtValue());
    Operation *op = value.getDefiningOp();
    if (!op) {
      auto argument = cast<BlockArgument>(value);
      bool isOfFunction =
          isa<FunctionOpInterface>(argument.getOwner()->getParentOp());
      return isOfFunction ? named(name(argument.getArgNumber(), -1))
                          : MaybeText();
    }
    if (auto dim = dyn_cast<tensor::DimOp>(op))
      return extent(dim);
    if (auto dim = dyn_cast<memref::DimOp>(op))
      return extent(dim);
    if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::DivUIOp,
            arith::DivSIOp, arith::FloorDivSIOp, arith::CeilDivUIOp,
            arith::CeilDivSIOp, arith::RemUIOp, arith::MinUIOp, arith::MinSIOp,
            arith::MaxUIOp, arith::MaxSIOp>(op))
      return arithmetic(op);
    if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
      return affine(apply.getAffineMap().getResult(0), apply.getAffineMap(),
                    apply.getOperands());
    if (auto min = dyn_cast<affine::AffineMinOp>(op))
      return fold("min", min.getAffineMap(), min.getOperands());
    if (auto max = dyn_cast<affine::AffineMaxOp>(op))
      return fold("max", max.getAffineMap(), max.getOperands());
    return {};
  }

  static unsigned dynamicIndex(ShapedType type, int64_t d) {
    return llvm::count_if(type.getShape().take_front(d), ShapedType::isDynamic);
  }

  static MaybeText named(std::string text) {
    bool isName = llvm::all_of(text, [](char c) {
      return llvm::isAlnum(c) || StringRef("_.{}").contains(c);
    });
    return Text{std::move(text), isName ? 2 : 0};
  }

  MaybeText arithmetic(Operation *op) {
    MaybeText a = write(op->getOperand(0)), b = write(op->getOperand(1));
    return TypeSwitch<Operation *, MaybeText>(op)
        .Case<arith::AddIOp>([&](auto) { return sum(a, b); })
        .Case<arith::SubIOp>([&](auto) { return binary(a, "-", b, 0); })
        .Case<arith::MulIOp>([&](auto) { return product(a, b); })
        .Case<arith::DivUIOp, arith::DivSIOp, arith::FloorDivSIOp>(
            [&](auto) { return binary(a, "/", b, 1); })
        .Case<arith::RemUIOp>([&](auto) { return binary(a, "%", b, 1); })
        .Case<arith::CeilDivUIOp, arith::CeilDivSIOp>(
            [&](auto) { return call("cdiv", a, b); })
        .Case<arith::MinUIOp, arith::MinSIOp>(
            [&](auto) { return call("min", a, b); })
        .Case<arith::MaxUIOp, arith::MaxSIOp>(
            [&](auto) { return call("max", a, b); })
        .Default([](Operation *) { return MaybeText(); });
  }

  MaybeText fold(const char *function, AffineMap map, ValueRange operands) {
    MaybeText result;
    for (AffineExpr expr : map.getResults()) {
      MaybeText next = affine(expr, map, operands);
      result = result ? call(function, result, next) : next;
      if (!result)
        return {};
    }
    return result;
  }

  MaybeText affine(AffineExpr expr, AffineMap map, ValueRange operands) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      return write(operands[dim.getPosition()]);
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
      return write(operands[map.getNumDims() + symbol.getPosition()]);
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return number(constant.getValue());
    auto pair = cast<AffineBinaryOpExpr>(expr);
    MaybeText a = affine(pair.getLHS(), map, operands),
              b = affine(pair.getRHS(), map, operands);
    switch (pair.getKind()) {
    case AffineExprKind::Add:
      return sum(a, b);
    case AffineExprKind::Mul:
      return product(a, b);
    case AffineExprKind::Mod:
      return binary(a, "%", b, 1);
    case AffineExprKind::FloorDiv:
      return binary(a, "/", b, 1);
    case AffineExprKind::CeilDiv:
      return call("cdiv", a, b);
    default:
      return {};
    }
  }

  ExtentName name;
  llvm::DenseMap<Value, MaybeText> written;
};

} // namespace

std::optional<std::string> headgate::passes::sizeExpression(Value value,
                                                            ExtentName name) {
  MaybeText text = Writer(name).write(value);
  return text ? std::optional(text->text) : std::nullopt;
}

std::optional<std::string>
headgate::passes::extentExpression(Value shaped, int64_t d, ExtentName name) {
  MaybeText text = Writer(name).extent(shaped, d);
  return text ? std::optional(text->text) : std::nullopt;
}

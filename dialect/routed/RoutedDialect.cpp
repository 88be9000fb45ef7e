// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect itself, and the attributes by which a function says how it is
// called: names and dims of its arguments and results, and what must hold
// between the dims.

#include "dialect/routed/Routed.h"
#include "lib/Expr.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace headgate::routed;

#include "dialect/routed/RoutedDialect.cpp.inc"
#include "dialect/routed/RoutedEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/routed/RoutedAttrs.cpp.inc"

namespace {
/// Nothing in a routed op depends on the function around it.
struct Inlining : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;

  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final {
    return true;
  }
  bool isLegalToInline(Region *, Region *, bool, IRMapping &) const final {
    return true;
  }
};
} // namespace

void RoutedDialect::initialize() {
  addInterfaces<Inlining>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/routed/RoutedAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/routed/RoutedOps.cpp.inc"
      >();
}

//===-- routed.name, routed.dims, routed.requires ------------------------===//

static constexpr StringLiteral nameAttr = "routed.name";
static constexpr StringLiteral dimsAttr = "routed.dims";
static constexpr StringLiteral requiresAttr = "routed.requires";

namespace {
/// An argument or result of a function.
struct Place {
  FunctionOpInterface func;
  bool isResult;
  unsigned number;

  Type type() {
    return isResult ? func.getResultTypes()[number]
                    : func.getArgumentTypes()[number];
  }
  Attribute attribute(StringRef name) {
    return isResult ? func.getResultAttr(number, name)
                    : func.getArgAttr(number, name);
  }
  InFlightDiagnostic error() {
    return func->emitOpError()
           << (isResult ? "result " : "argument ") << number << ": ";
  }
};
} // namespace

/// Calls `visit` with the dims that arguments declare; malformed ones are
/// reported where they stand.
static void forEachDim(FunctionOpInterface func,
                       llvm::function_ref<void(StringRef)> visit) {
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    if (auto dims = func.getArgAttrOfType<ArrayAttr>(i, dimsAttr))
      for (Attribute dim : dims)
        if (auto text = dyn_cast<StringAttr>(dim))
          visit(text);
}

/// `text` is a size expression over the names of the arguments' dims.
static LogicalResult
verifyExpression(FunctionOpInterface func, StringRef text,
                 llvm::function_ref<InFlightDiagnostic()> error) {
  std::vector<std::string> names;
  forEachDim(func, [&](StringRef dim) {
    if (headgate::isExprName(dim) && !llvm::is_contained(names, dim))
      names.push_back(dim.str());
  });
  if (auto parsed = headgate::Expr::parse(text, names); !parsed)
    return error() << "'" << text << "' is no size expression over dims of the "
                   << "arguments: " << parsed.error().message();
  return success();
}

static LogicalResult verifyName(Place place, Attribute value) {
  auto name = dyn_cast<StringAttr>(value);
  if (!name || !headgate::isExprName(name.getValue())) // routed (C1)
    return place.error() << nameAttr << " must be a string of letters, digits, "
                         << "'_' and '.' that starts with a letter or '_' and "
                         << "is no function of size expressions, got " << value;
  // Those before this one, arguments first.
  Place other{place.func, false, 0};
  unsigned arguments =
      place.isResult ? place.func.getNumArguments() : place.number;
  for (; other.number < arguments; ++other.number)
    if (other.attribute(nameAttr) == name) // routed (C1)
      return place.error() << nameAttr << " " << name
                           << " is already that of argument " << other.number;
  other = {place.func, true, 0};
  for (; place.isResult && other.number < place.number; ++other.number)
    if (other.attribute(nameAttr) == name) // routed (C1)
      return place.error() << nameAttr << " " << name
                           << " is already that of result " << other.number;
  return success();
}

static LogicalResult verifyDims(Place place, Attribute value) {
  auto dims = dyn_cast<ArrayAttr>(value);
  if (!dims || !llvm::all_of(dims, llvm::IsaPred<StringAttr>)) // routed (C2)
    return place.error() << dimsAttr << " must be an array of strings, got "
                         << value;
  // A lowered function may have a pointer here.
  auto shaped = dyn_cast<ShapedType>(place.type());
  if (shaped && shaped.hasRank() &&
      int64_t(dims.size()) !=
          int64_t(shaped.getNumDynamicDims())) // routed (C2)
    return place.error() << dimsAttr << " has " << dims.size()
                         << " entries, but " << shaped << " has "
                         << shaped.getNumDynamicDims() << " dynamic extents";
  for (Attribute dim : dims) { // routed (C2)
    StringRef text = cast<StringAttr>(dim).getValue();
    bool declares = !place.isResult && headgate::isExprName(text);
    if (!declares && failed(verifyExpression(place.func, text,
                                             [&] { return place.error(); })))
      return failure();
  }
  return success();
}

static LogicalResult verifyPlace(Operation *op, bool isResult, unsigned number,
                                 NamedAttribute attribute) {
  auto func = dyn_cast<FunctionOpInterface>(op);
  if (func && attribute.getName() == nameAttr)
    return verifyName({func, isResult, number}, attribute.getValue());
  if (func && attribute.getName() == dimsAttr)
    return verifyDims({func, isResult, number}, attribute.getValue());
  return op->emitOpError("has ") // routed (C4)
         << attribute.getName()
         << " on an argument or result; only routed.name and routed.dims of a "
            "function belong there";
}

LogicalResult RoutedDialect::verifyRegionArgAttribute(
    Operation *op, unsigned, unsigned argument, NamedAttribute attribute) {
  return verifyPlace(op, /*isResult=*/false, argument, attribute);
}

LogicalResult RoutedDialect::verifyRegionResultAttribute(
    Operation *op, unsigned, unsigned result, NamedAttribute attribute) {
  return verifyPlace(op, /*isResult=*/true, result, attribute);
}

LogicalResult
RoutedDialect::verifyOperationAttribute(Operation *op,
                                        NamedAttribute attribute) {
  auto func = dyn_cast<FunctionOpInterface>(op);
  if (!func || attribute.getName() != requiresAttr) // routed (C4)
    return op->emitOpError("has ")
           << attribute.getName()
           << "; only routed.requires of a function belongs there";
  auto pairs = dyn_cast<ArrayAttr>(attribute.getValue());
  for (Attribute entry : pairs ? pairs.getValue() : ArrayRef<Attribute>()) {
    auto pair = dyn_cast<ArrayAttr>(entry);
    if (!pair || pair.size() != 2 ||
        !llvm::all_of(pair, llvm::IsaPred<StringAttr>)) // routed (C3)
      return op->emitOpError(requiresAttr)
             << " must hold pairs [condition, message] of strings, got "
             << entry;
    if (failed(
            verifyExpression(func, cast<StringAttr>(pair[0]).getValue(), [&] {
              return op->emitOpError(requiresAttr) << ": ";
            }))) // routed (C3)
      return failure();
  }
  if (!pairs) // routed (C3)
    return op->emitOpError(requiresAttr)
           << " must be an array, got " << attribute.getValue();
  return success();
}

#define GET_OP_CLASSES
#include "dialect/routed/RoutedOps.cpp.inc"

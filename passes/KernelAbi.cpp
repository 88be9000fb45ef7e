// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/KernelAbi.h"

#include "passes/Launch.h"
#include "passes/Passes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

using Kind = KernelArgument::Kind;

bool isExtent(Attribute dim) {
  auto name = dyn_cast<StringAttr>(dim);
  return isa<IntegerAttr>(dim) || (name && !name.empty());
}

LogicalResult checkArgument(func::FuncOp function, unsigned i) {
  Type type = function.getArgumentTypes()[i];
  if (type.isIndex() || type.isF32()) {
    if (function.getArgAttrOfType<StringAttr>(i, nameAttrName))
      return success();
    return function.emitError("argument ")
           << i << " of a kernel is a scalar without 'headgate.name'";
  }
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref || !memref.getLayout().isIdentity())
    return function.emitError("an argument of a kernel is a contiguous buffer, "
                              "an index or an f32, but argument ")
           << i << " is " << type;
  auto dims = function.getArgAttrOfType<ArrayAttr>(i, dimsName);
  if (isScratch(function, i) || isWorkspace(function, i) ||
      (dims && int64_t(dims.size()) == memref.getRank() &&
       llvm::all_of(dims, isExtent)))
    return success();
  return function.emitError("argument ")
         << i << " of a kernel needs 'headgate.dims' with a name or number for "
         << "each of its " << memref.getRank() << " dimensions";
}

} // namespace

FailureOr<KernelAbi> headgate::passes::abiOf(func::FuncOp function) {
  std::vector<KernelArgument> buffers, workspaces, extents, scalars;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    if (failed(checkArgument(function, i)))
      return failure();
    Type type = function.getArgumentTypes()[i];
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref)
      scalars.push_back({type.isIndex() ? Kind::index : Kind::f32, i,
                         extentName(function, i, -1)});
    else if (isWorkspace(function, i))
      workspaces.push_back({Kind::workspace, i, "workspace"});
    else if (!isScratch(function, i))
      buffers.push_back(
          {Kind::buffer, i, "a" + std::to_string(buffers.size())});
    if (!memref || isWorkspace(function, i) || isScratch(function, i))
      continue;
    for (int64_t d = 0; d < memref.getRank(); ++d) {
      std::string name = extentName(function, i, d);
      bool isNumber = llvm::isDigit(name[0]);
      bool isKnown = llvm::any_of(
          extents, [&](const auto &known) { return known.name == name; });
      if (memref.isDynamicDim(d) && !isNumber && !isKnown)
        extents.push_back({Kind::extent, -1, name});
    }
  }
  KernelAbi abi;
  for (auto *part : {&buffers, &workspaces, &extents, &scalars})
    abi.arguments.insert(abi.arguments.end(), part->begin(), part->end());
  return abi;
}

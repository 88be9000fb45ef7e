// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Launch.h"

#include "passes/Passes.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

std::optional<Launch> headgate::passes::launchOf(func::FuncOp function) {
  auto attribute = function->getAttrOfType<DictionaryAttr>(launchName);
  if (!attribute)
    return {};
  Launch launch;
  auto text = [&](const char *key, std::string &value) {
    if (auto string = attribute.getAs<StringAttr>(key))
      value = string.str();
  };
  auto number = [&](const char *key, int64_t &value) {
    if (auto integer = attribute.getAs<IntegerAttr>(key))
      value = integer.getInt();
  };
  text("kernel", launch.kernel);
  number("index", launch.index);
  number("variant", launch.variant);
  if (auto grid = attribute.getAs<ArrayAttr>("grid"))
    for (auto [to, from] : llvm::zip(launch.grid, grid))
      if (auto string = dyn_cast<StringAttr>(from))
        to = string.str();
  text("workspaceBytes", launch.workspaceBytes);
  text("scratchBytes", launch.scratchBytes);
  text("when", launch.when);
  text("schedule", launch.schedule);
  return launch;
}

void headgate::passes::setLaunch(func::FuncOp function, const Launch &launch) {
  Builder b(function.getContext());
  NamedAttrList entries;
  entries.set("kernel", b.getStringAttr(launch.kernel));
  entries.set("index", b.getI64IntegerAttr(launch.index));
  entries.set("grid", b.getStrArrayAttr(
                          {launch.grid[0], launch.grid[1], launch.grid[2]}));
  Launch standard;
  auto text = [&](const char *key, const std::string &value,
                  const std::string &otherwise) {
    if (value != otherwise)
      entries.set(key, b.getStringAttr(value));
  };
  text("workspaceBytes", launch.workspaceBytes, standard.workspaceBytes);
  text("scratchBytes", launch.scratchBytes, standard.scratchBytes);
  text("when", launch.when, standard.when);
  text("schedule", launch.schedule, standard.schedule);
  if (launch.variant)
    entries.set("variant", b.getI64IntegerAttr(launch.variant));
  function->setAttr(launchName, entries.getDictionary(function.getContext()));
}

/// The text of an entry of `headgate.dims` or `headgate.tokens`.
static std::string textOf(Attribute dim) {
  if (auto number = dyn_cast<IntegerAttr>(dim))
    return std::to_string(number.getInt());
  return cast<StringAttr>(dim).str();
}

std::string headgate::passes::extentName(func::FuncOp function,
                                         unsigned argument, int64_t d) {
  if (d < 0)
    return function.getArgAttrOfType<StringAttr>(argument, nameAttrName).str();
  return textOf(function.getArgAttrOfType<ArrayAttr>(argument, dimsName)[d]);
}

std::string headgate::passes::tokenText(func::FuncOp kernel, int which) {
  return textOf(kernel->getAttrOfType<ArrayAttr>(tokensName)[which]);
}

/// A byte buffer that is none of the kernel's own.
static bool isBytes(func::FuncOp function, unsigned i) {
  auto type = dyn_cast<MemRefType>(function.getArgumentTypes()[i]);
  return type && type.getRank() == 1 && type.getElementType().isInteger(8) &&
         !function.getArgAttr(i, dimsName);
}

bool headgate::passes::isWorkspace(func::FuncOp function, unsigned i) {
  return isBytes(function, i) && !isScratch(function, i);
}

bool headgate::passes::isScratch(func::FuncOp function, unsigned i) {
  return static_cast<bool>(function.getArgAttr(i, scratchName));
}

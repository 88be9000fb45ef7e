// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/passes/tile/TileEntry.h"

#include "lib/Expr.h"
#include "mlir/Parser/Parser.h"
#include "passes/Passes.h"
#include "tools/compiler/Registry.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;
using namespace headgate::test;

static std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registerDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry);
  context->disableMultithreading();
  return context;
}

TestModule::TestModule(const std::string &text)
    : context(makeContext()), handler(context.get(), [&](Diagnostic &said) {
        llvm::raw_string_ostream(notes) << said << "\n";
        return success();
      }) {
  module = parseSourceString<ModuleOp>(text, context.get());
  EXPECT_TRUE(module) << notes;
}

Entry Entry::of(func::FuncOp function) {
  Entry entry{function.getName().str(), {}, {}, false};
  entry.launch = launchOf(function).value_or(Launch{entry.name});
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    if (isWorkspace(function, i)) {
      entry.hasWorkspace = true;
      continue;
    }
    std::vector<std::string> dims;
    auto type = cast<MemRefType>(function.getArgumentTypes()[i]);
    for (int64_t d = 0; function.getArgAttr(i, dimsName) && d < type.getRank();
         ++d)
      dims.push_back(extentName(function, i, d));
    entry.dims.push_back(dims);
  }
  return entry;
}

Names Entry::extentsOf(const std::vector<Buffer> &buffers) const {
  Names names;
  for (size_t i = 0; i < dims.size(); ++i)
    for (size_t d = 0; d < dims[i].size(); ++d)
      if (isExprName(dims[i][d]))
        names[dims[i][d]] = buffers[i].extents[d];
  return names;
}

int64_t headgate::test::evaluate(const std::string &text,
                                 const Names &extents) {
  std::vector<std::string> names;
  std::vector<int64_t> values;
  for (const auto &[name, value] : extents) {
    names.push_back(name);
    values.push_back(value);
  }
  auto expr = Expr::parse(text, names);
  auto value = expr ? expr->evaluate(values) : Result<int64_t>(expr.error());
  EXPECT_TRUE(value) << text << ": " << (value ? "" : value.error().message());
  return value ? *value : 0;
}

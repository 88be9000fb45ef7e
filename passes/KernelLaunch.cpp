// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/KernelLaunch.h"

#include "lib/ScheduleText.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/KernelAbi.h"
#include "passes/Passes.h"
#include "passes/SizeExpression.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===-- kernels ----------------------------------------------------------===//

static FailureOr<SmallVector<func::FuncOp>>
kernelsWhere(ModuleOp module, StringRef kind,
             llvm::function_ref<bool(func::FuncOp)> isWanted) {
  SmallVector<func::FuncOp> kernels;
  for (auto func : module.getOps<func::FuncOp>()) {
    auto itsKind = func->getAttrOfType<StringAttr>(kernelName);
    if (!itsKind || itsKind != kind || func.isExternal() || !isWanted(func))
      continue;
    if (failed(abiOf(func)))
      return failure();
    kernels.push_back(func);
  }
  return kernels;
}

FailureOr<SmallVector<func::FuncOp>>
headgate::passes::kernelsOf(ModuleOp module, StringRef kind) {
  return kernelsWhere(module, kind, [](func::FuncOp) { return true; });
}

FailureOr<SmallVector<func::FuncOp>>
headgate::passes::scheduledKernels(ModuleOp module, StringRef kind) {
  return kernelsWhere(module, kind,
                      [](func::FuncOp func) { return !!scheduleOf(func); });
}

tile::ScheduleAttr headgate::passes::scheduleOf(func::FuncOp func) {
  return func->getAttrOfType<tile::ScheduleAttr>(tile::scheduleAttrName);
}

Launch headgate::passes::launchOfKernel(func::FuncOp func) {
  Launch launch = launchOf(func).value_or(Launch{});
  if (launch.kernel.empty())
    launch.kernel = func.getName().str();
  launch.schedule = printSchedule(scheduleOf(func).toSchedule());
  return launch;
}

void headgate::passes::eraseTensorOps(func::FuncOp func) {
  Block &block = func.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isa<bufferization::MaterializeInDestinationOp>(op) ||
        isOpTriviallyDead(&op))
      op.erase();
}

//===-- texts ------------------------------------------------------------===//

std::optional<std::string>
headgate::passes::extentText(func::FuncOp func, Value buffer, int64_t d) {
  return extentExpression(buffer, d, [&](unsigned argument, int64_t dim) {
    return extentName(func, argument, dim);
  });
}

/// Extent `d` of the first buffer that tells it.
static std::optional<std::string>
extentOfAny(func::FuncOp func, ArrayRef<Value> buffers, int64_t d) {
  for (Value buffer : buffers)
    if (std::optional<std::string> text = extentText(func, buffer, d))
      return text;
  return {};
}

static SmallVector<Value> tokenBuffers(const AttendKernel &kernel) {
  SmallVector<Value> buffers = {kernel.query};
  buffers.append(kernel.outputs);
  buffers.append(kernel.lses);
  return buffers;
}

std::optional<std::string>
headgate::passes::batchesText(func::FuncOp func, const AttendKernel &kernel) {
  return extentOfAny(func, tokenBuffers(kernel), 0);
}

std::optional<std::string>
headgate::passes::tokensText(func::FuncOp func, const AttendKernel &kernel) {
  return extentOfAny(func, tokenBuffers(kernel), 1);
}

std::optional<std::string>
headgate::passes::keyCountText(func::FuncOp func, const AttendKernel &kernel) {
  return extentOfAny(func, {kernel.key, kernel.value}, 1);
}

std::optional<std::string>
headgate::passes::rowsText(func::FuncOp func, const GemmKernel &kernel) {
  SmallVector<Value> buffers = {kernel.rows};
  buffers.append(kernel.results);
  std::string product;
  for (int64_t d = 0; d < kernel.rowDims; ++d) {
    std::optional<std::string> text = extentOfAny(func, buffers, d);
    if (!text)
      return {};
    if (*text == "1" && kernel.rowDims > 1)
      continue;
    product += (product.empty() ? "" : "*") + asFactor(*text);
  }
  return product.empty() ? "1" : product;
}

std::string headgate::passes::asFactor(const std::string &text) {
  bool isName = llvm::all_of(
      text, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
  return isName ? text : "(" + text + ")";
}

std::string headgate::passes::times(int64_t factor, const std::string &text) {
  return factor == 1 ? text : std::to_string(factor) + "*" + asFactor(text);
}

//===-- places -----------------------------------------------------------===//

GridPlace headgate::passes::readPlace(TileBuilder &b, bool rowsFirst) {
  GridPlace place;
  place.x = gpu::BlockIdOp::create(b, gpu::Dimension::x);
  place.y = gpu::BlockIdOp::create(b, gpu::Dimension::y);
  place.height = gpu::GridDimOp::create(b, gpu::Dimension::y);
  if (rowsFirst) {
    Value width = gpu::GridDimOp::create(b, gpu::Dimension::x);
    Value number = b.add(b.mul(place.y, width), place.x);
    place.x = b.div(number, place.height);
    place.y = b.rem(number, place.height);
  }
  return place;
}

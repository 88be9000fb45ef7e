// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes a kernel of each launched function on tiles; ThreadEmitter writes what
// a thread does. Covered by test/passes/lower-tile-to-nvvm*.mlir and, on the
// simulator, by test/passes/gpu.

#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Launch.h"
#include "passes/Passes.h"
#include "passes/ThreadChecks.h"
#include "passes/ThreadEmitter.h"

namespace headgate::passes {
#define GEN_PASS_DEF_LOWERTILETONVVM
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

LLVM::LLVMFunctionType typeOf(const KernelAbi &abi, MLIRContext *context) {
  using Kind = KernelArgument::Kind;
  SmallVector<Type> types;
  for (const KernelArgument &argument : abi.arguments)
    switch (argument.kind) {
    case Kind::buffer:
    case Kind::workspace:
      types.push_back(
          LLVM::LLVMPointerType::get(context, ThreadBuilder::globalSpace));
      break;
    case Kind::extent:
      types.push_back(IntegerType::get(context, 32));
      break;
    case Kind::index:
      types.push_back(IntegerType::get(context, 64));
      break;
    case Kind::f32:
      types.push_back(Float32Type::get(context));
      break;
    }
  return LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types);
}

/// Functions of numbers that have instructions, or that LLVM writes with some.
bool hasInstructions(Operation *op) {
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp,
             math::CountLeadingZerosOp, math::CountTrailingZerosOp,
             math::CtPopOp, math::FloorOp, math::FmaOp, math::IsFiniteOp,
             math::IsInfOp, math::IsNaNOp, math::RoundEvenOp, math::RsqrtOp,
             math::SqrtOp, math::TruncOp>(op);
}

/// Quotients that round up or down by those that LLVM has, and functions by
/// upstream's polynomials: there is no library on a GPU.
LogicalResult expandArithmetic(LLVM::LLVMFuncOp kernel) {
  RewritePatternSet patterns(kernel.getContext());
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  populateMathPolynomialApproximationPatterns(patterns);
  SmallVector<Operation *> ops;
  kernel.walk([&](Operation *op) {
    if (isa<arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op) ||
        (isa<math::MathDialect>(op->getDialect()) && !hasInstructions(op)))
      ops.push_back(op);
  });
  GreedyRewriteConfig config;
  config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
  (void)applyOpPatternsGreedily(ops, std::move(patterns), config);
  WalkResult result = kernel.walk([&](Operation *op) {
    if (!isa<math::MathDialect>(op->getDialect()) || hasInstructions(op))
      return WalkResult::advance();
    op->emitOpError("has no form on a GPU");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

struct LowerTileToNvvmPass
    : passes::impl::LowerTileToNvvmBase<LowerTileToNvvmPass> {
  void runOnOperation() override {
    for (auto func :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (!func.isExternal() && launchOf(func) &&
          func->hasAttr(tile::scheduleAttrName) && failed(lower(func)))
        return signalPassFailure();
  }

private:
  LogicalResult lower(func::FuncOp func) {
    FailureOr<KernelAbi> abi = abiOf(func);
    if (failed(abi) || failed(checkThreads(func)))
      return failure();
    auto schedule =
        func->getAttrOfType<tile::ScheduleAttr>(tile::scheduleAttrName);
    auto threads =
        int32_t(Layout::laneCount * schedule.getWarps() * schedule.getGroups());
    SharedPlan plan = SharedPlan::of(func);
    if (plan.bytes)
      declareShared();
    OpBuilder b(func);
    auto kernel = LLVM::LLVMFuncOp::create(b, func.getLoc(), func.getName(),
                                           typeOf(*abi, &getContext()));
    kernel->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                    b.getUnitAttr());
    kernel->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                    b.getDenseI32ArrayAttr({threads, 1, 1}));
    kernel->setAttr(sharedBytesName, b.getI64IntegerAttr(plan.bytes));
    kernel.addEntryBlock(b);
    if (failed(ThreadEmitter(func, *abi, plan, kernel).run()) ||
        failed(expandArithmetic(kernel)))
      return kernel.erase(), failure();
    func.erase();
    return success();
  }

  /// How much there is, a launch says.
  void declareShared() {
    if (getOperation().lookupSymbol(sharedSymbol))
      return;
    OpBuilder b = OpBuilder::atBlockBegin(getOperation().getBody());
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
    LLVM::GlobalOp::create(b, getOperation().getLoc(), type,
                           /*isConstant=*/false, LLVM::Linkage::External,
                           sharedSymbol, Attribute(), sharedAlignment,
                           ThreadBuilder::sharedSpace);
  }
};

} // namespace

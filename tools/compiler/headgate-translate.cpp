// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-translate with Headgate's way to PTX: what headgate-compile does behind
// the last pass, for tests of one lowering.
//
//   headgate-opt x.mlir --pass-pipeline=... | headgate-translate --mlir-to-ptx

#include "mlir/InitAllTranslations.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "passes/EmitPtx.h"
#include "tools/compiler/FatalErrors.h"
#include "tools/compiler/Registry.h"
#include "llvm/Support/CommandLine.h"

using namespace headgate;

namespace {

mlir::LogicalResult translate(mlir::Operation *op, llvm::raw_ostream &output,
                              llvm::StringRef targetName) {
  auto fail = [&](const llvm::Twine &why) {
    return mlir::emitError(op->getLoc(), why);
  };
  auto module = llvm::dyn_cast<mlir::ModuleOp>(op);
  if (!module)
    return fail("PTX is made of a module");
  Result<GpuTarget> target = findGpuTarget(targetName.str());
  if (!target)
    return fail(target.error().message());
  passes::initializeGpuCodegen();
  auto kernels = passes::emitPtx(module, *target);
  if (!kernels)
    return fail(kernels.error().message());
  if (kernels->size() != 1)
    return fail("a PTX file has one kernel; the module has " +
                llvm::Twine(kernels->size()));
  output << kernels->front().ptx;
  return mlir::success();
}

} // namespace

int main(int argc, char **argv) {
  exitOnFatalErrors();
  mlir::registerAllTranslations();
  static llvm::cl::opt<std::string> target{
      "ptx-target", llvm::cl::desc("the GPU that --mlir-to-ptx writes for"),
      llvm::cl::init("sm_80"), llvm::cl::value_desc("sm_NN")};
  mlir::TranslateFromMLIRRegistration toPtx(
      "mlir-to-ptx", "the module's llvm.func with nvvm.kernel as PTX text",
      [](mlir::Operation *op, llvm::raw_ostream &output) {
        return translate(op, output, target);
      },
      registerDialects);
  auto done = mlir::mlirTranslateMain(argc, argv, "headgate translator");
  return mlir::failed(done);
}

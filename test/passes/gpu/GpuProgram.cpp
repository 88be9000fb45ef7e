// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/passes/gpu/GpuProgram.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "passes/EmitPtx.h"
#include "passes/Passes.h"
#include "passes/Pipelines.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;
using namespace headgate::test;
using runtime::sim::LaunchRecord;
using runtime::sim::SimDevice;

namespace {

/// Programs written for the host's tests say no more than they must.
void complete(func::FuncOp function) {
  Builder b(function.getContext());
  if (!launchOf(function))
    setLaunch(function, passes::Launch{function.getName().str()});
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto type = dyn_cast<MemRefType>(function.getArgumentTypes()[i]);
    if (!type || function.getArgAttr(i, dimsName) || isWorkspace(function, i))
      continue;
    SmallVector<Attribute> dims;
    for (auto [d, extent] : llvm::enumerate(type.getShape()))
      if (ShapedType::isDynamic(extent))
        dims.push_back(
            b.getStringAttr("N" + std::to_string(i) + "_" + std::to_string(d)));
      else
        dims.push_back(b.getI64IntegerAttr(extent));
    function.setArgAttr(i, dimsName, b.getArrayAttr(dims));
  }
}

int64_t bytesOf(Type element) {
  return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

} // namespace

GpuProgram::GpuProgram(const std::string &text) { compile(text); }

void GpuProgram::compile(const std::string &text) {
  TestModule given(text);
  ASSERT_TRUE(given.module);
  ModuleOp module = *given.module;
  const std::string &notes = given.notes;
  PassManager toTiles(given.context.get());
  toTiles.addPass(createLowerRoutedToTile());
  toTiles.addPass(createLowerRowsToTile());
  ASSERT_TRUE(succeeded(toTiles.run(module))) << notes;
  for (auto function : module.getOps<func::FuncOp>()) {
    complete(function);
    auto abi = abiOf(function);
    ASSERT_TRUE(succeeded(abi)) << notes;
    Kernel &kernel = kernels.emplace_back();
    kernel.entry = Entry::of(function);
    kernel.abi = *abi;
    for (Type type : function.getArgumentTypes())
      kernel.elementBytes.push_back(
          bytesOf(cast<MemRefType>(type).getElementType()));
  }

  PassManager toNvvm(given.context.get());
  buildTilesToNvvmPipeline(toNvvm, "sm_80");
  ASSERT_TRUE(succeeded(toNvvm.run(module))) << notes;
  ASSERT_EQ(notes, "");
  initializeGpuCodegen();
  auto made = emitPtx(module, *findGpuTarget("sm_80"));
  ASSERT_TRUE(made) << made.error().message();
  for (Kernel &kernel : kernels) {
    auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(kernel.entry.name);
    ASSERT_TRUE(function);
    kernel.threads = function->getAttrOfType<DenseI32ArrayAttr>(
        NVVM::NVVMDialect::getReqntidAttrName())[0];
    kernel.sharedBytes =
        function->getAttrOfType<IntegerAttr>(sharedBytesName).getInt();
    for (PtxKernel &its : *made)
      if (its.symbol == kernel.entry.name)
        kernel.ptx = its.ptx;
  }
  llvm::sort(kernels, [](const Kernel &a, const Kernel &b) {
    return a.entry.launch.index < b.entry.launch.index;
  });
}

void GpuProgram::run(const std::vector<Buffer> &buffers) {
  counters = {};
  for (const Kernel &kernel : kernels)
    launch(kernel, buffers);
}

size_t GpuProgram::count(std::string_view instruction) const {
  size_t count = 0;
  for (const Kernel &kernel : kernels)
    for (size_t at = 0;
         (at = kernel.ptx.find(instruction, at)) != std::string::npos; ++at)
      ++count;
  return count;
}

size_t GpuProgram::findingsWithout(std::string_view instruction, size_t number,
                                   const std::vector<Buffer> &buffers) {
  std::vector<runtime::sim::Finding> findings;
  for (const Kernel &kernel : kernels) {
    std::string ptx = kernel.ptx;
    for (size_t at = 0; (at = ptx.find(instruction, at)) != std::string::npos;
         ++at)
      if (number-- == 0)
        ptx.erase(at, ptx.find(';', at) + 1 - at);
    launch(kernel, ptx, buffers, findings);
  }
  return findings.size();
}

void GpuProgram::launch(const Kernel &kernel,
                        const std::vector<Buffer> &buffers) {
  std::vector<runtime::sim::Finding> findings;
  launch(kernel, kernel.ptx, buffers, findings);
  EXPECT_TRUE(findings.empty())
      << formatText(findings, {}, "sim") << kernel.ptx;
}

void GpuProgram::launch(const Kernel &kernel, const std::string &ptx,
                        const std::vector<Buffer> &buffers,
                        std::vector<runtime::sim::Finding> &findings) {
  ASSERT_FALSE(ptx.empty());
  auto opened = runtime::sim::openSimDevice("sm_80,smem-base=min");
  ASSERT_TRUE(opened) << opened.error().message();
  SimDevice &device = **opened;
  auto image = device.load({"test", "ptx", "test.ptx", ptx});
  ASSERT_TRUE(image) << image.error().message();
  auto function = (*image)->function(kernel.entry.name);
  ASSERT_TRUE(function) << function.error().message();

  Names extents = kernel.entry.extentsOf(buffers);
  std::vector<headgate::Buffer> copies;
  std::vector<uint64_t> values;
  auto upload = [&](const void *data, int64_t bytes) {
    auto copy = device.allocate(std::max<int64_t>(bytes, 1));
    ASSERT_TRUE(copy) << copy.error().message();
    ASSERT_TRUE(
        device.copy(copy->data(), data, bytes, CopyKind::hostToDevice, {}));
    values.push_back(reinterpret_cast<uint64_t>(copy->data()));
    copies.push_back(*std::move(copy));
  };
  auto bytesAt = [&](size_t i) {
    int64_t bytes = kernel.elementBytes[i];
    for (int64_t extent : buffers[i].extents)
      bytes *= extent;
    return bytes;
  };
  for (const KernelArgument &argument : kernel.abi.arguments)
    switch (argument.kind) {
    case KernelArgument::Kind::buffer:
      upload(buffers[argument.operand].data, bytesAt(argument.operand));
      break;
    case KernelArgument::Kind::workspace: {
      std::vector<uint8_t> nothing(
          evaluate(kernel.entry.launch.workspaceBytes, extents), 0xff);
      upload(nothing.data(), nothing.size());
      break;
    }
    case KernelArgument::Kind::extent:
      values.push_back(extents.at(argument.name));
      break;
    case KernelArgument::Kind::index:
    case KernelArgument::Kind::f32:
      FAIL() << "programs of tests take no scalars";
    }
  std::vector<void *> pointers;
  for (uint64_t &value : values)
    pointers.push_back(&value);

  runtime::sim::SimLaunch launch;
  launch.function = *function;
  for (int d = 0; d < 3; ++d)
    launch.grid[d] = evaluate(kernel.entry.launch.grid[d], extents);
  launch.block = {kernel.threads, 1, 1};
  launch.sharedBytes = kernel.sharedBytes;
  launch.arguments = pointers.data();
  auto done = device.record(launch);
  ASSERT_TRUE(done) << done.error().message();
  findings.insert(findings.end(), done->findings.begin(), done->findings.end());
  counters.add(done->counters);
  size_t next = 0;
  for (const KernelArgument &argument : kernel.abi.arguments)
    if (argument.kind == KernelArgument::Kind::buffer)
      ASSERT_TRUE(device.copy(buffers[argument.operand].data,
                              copies[next++].data(), bytesAt(argument.operand),
                              CopyKind::deviceToHost, {}));
}

//===-- test/passes/tile on this machine ---------------------------------===//

struct TileProgram::Jit {
  GpuProgram program;
};

std::vector<std::string> headgate::test::levels() { return {"sm_80"}; }

TileProgram::TileProgram(const std::string &text, const std::string &)
    : jit(new Jit{GpuProgram(text)}) {}
TileProgram::~TileProgram() = default;

void TileProgram::run(const std::vector<Buffer> &buffers) {
  jit->program.run(buffers);
}

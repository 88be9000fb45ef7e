// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/passes/tile/TileProgram.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"
#include "passes/HostObject.h"
#include "passes/Passes.h"
#include "passes/Pipelines.h"
#include "test/passes/tile/TileEntry.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;
using namespace headgate::test;

std::vector<std::string> headgate::test::levels() {
  std::vector<std::string> known;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    known.push_back("host:x86-64-v3");
  bool v4 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (v4)
    known.push_back("host:x86-64-v4");
  if (v4 && __builtin_cpu_supports("avx512bf16"))
    known.push_back("host:x86-64-v4+avx512bf16");
#endif
  return known;
}

namespace {

/// The block's place comes in one more buffer: x, y, z and the grid's extents.
void readBlockFromBuffer(func::FuncOp function) {
  auto type = MemRefType::get({6}, IndexType::get(function.getContext()));
  (void)function.insertArgument(function.getNumArguments(), type, {},
                                function.getLoc());
  Value block = function.getArguments().back();
  function.walk([&](Operation *op) {
    int64_t at;
    if (auto id = dyn_cast<gpu::BlockIdOp>(op))
      at = int64_t(id.getDimension());
    else if (auto size = dyn_cast<gpu::GridDimOp>(op))
      at = 3 + int64_t(size.getDimension());
    else
      return;
    OpBuilder b(op);
    Value where = arith::ConstantIndexOp::create(b, op->getLoc(), at);
    op->getResult(0).replaceAllUsesWith(
        memref::LoadOp::create(b, op->getLoc(), block, where).getResult());
    op->erase();
  });
  function.setPublic();
  function->setAttr("llvm.emit_c_interface",
                    UnitAttr::get(function.getContext()));
}

/// A memref descriptor.
std::vector<int64_t> describe(const Buffer &buffer) {
  auto address = reinterpret_cast<int64_t>(buffer.data);
  std::vector<int64_t> words = {address, address, 0};
  words.insert(words.end(), buffer.extents.begin(), buffer.extents.end());
  std::vector<int64_t> strides(buffer.extents.size(), 1);
  for (size_t d = strides.size(); d > 1; --d)
    strides[d - 2] = strides[d - 1] * buffer.extents[d - 1];
  words.insert(words.end(), strides.begin(), strides.end());
  return words;
}

/// More than any program here takes; a function ignores what it does not take.
constexpr size_t maxArguments = 12;
using Function = void (*)(void *, void *, void *, void *, void *, void *,
                          void *, void *, void *, void *, void *, void *);

} // namespace

struct TileProgram::Jit {
  std::unique_ptr<llvm::orc::LLJIT> engine;
  std::vector<Entry> entries;
};

TileProgram::~TileProgram() = default;

TileProgram::TileProgram(const std::string &text, const std::string &level)
    : jit(std::make_unique<Jit>()) {
  compile(text, level);
}

void TileProgram::compile(const std::string &text, const std::string &level) {
  TestModule given(text);
  ASSERT_TRUE(given.module);
  ModuleOp module = *given.module;
  const std::string &notes = given.notes;
  PassManager toVectors(given.context.get());
  toVectors.addPass(createLowerRoutedToTile());
  toVectors.addPass(createLowerRowsToTile());
  buildTilesToVectorsPipeline(toVectors, level);
  ASSERT_TRUE(succeeded(toVectors.run(module))) << notes;
  ASSERT_EQ(notes, "");

  std::vector<std::string> symbols;
  for (auto function : module.getOps<func::FuncOp>()) {
    jit->entries.push_back(Entry::of(function));
    readBlockFromBuffer(function);
    symbols.push_back("_mlir_ciface_" + function.getName().str());
  }
  llvm::sort(jit->entries, [](const Entry &a, const Entry &b) {
    return a.launch.index < b.launch.index;
  });
  PassManager toLLVM(given.context.get());
  buildVectorsToLLVMPipeline(toLLVM, level);
  ASSERT_TRUE(succeeded(toLLVM.run(module))) << notes;

  initializeHostCodegen();
  auto targets = parseHostTargets(level);
  ASSERT_TRUE(targets) << targets.error().message();
  auto object =
      compileHostObject(module, {.entries = symbols}, targets->front());
  ASSERT_TRUE(object) << object.error().message();
  jit->engine = llvm::cantFail(llvm::orc::LLJITBuilder().create());
  llvm::cantFail(jit->engine->addObjectFile(
      llvm::MemoryBuffer::getMemBufferCopy(object->objects.front())));
}

void TileProgram::run(const std::vector<Buffer> &buffers) {
  ASSERT_TRUE(jit->engine);
  std::vector<uint64_t> workspace;
  for (const Entry &entry : jit->entries) {
    Names dims = entry.extentsOf(buffers);
    std::vector<Buffer> all = buffers;
    if (!entry.launch.workspaceBytes.empty()) {
      int64_t bytes = evaluate(entry.launch.workspaceBytes, dims);
      workspace.assign(bytes / 8 + 16, ~uint64_t(0));
    }
    if (entry.hasWorkspace) {
      auto base = reinterpret_cast<uintptr_t>(workspace.data());
      auto aligned = (base + 63) / 64 * 64;
      all.push_back({reinterpret_cast<void *>(aligned),
                     {int64_t(workspace.size() * 8 - 128)}});
    }
    int64_t block[6] = {0, 0, 0, 0, 0, 0};
    for (int i = 0; i < 3; ++i)
      block[3 + i] = evaluate(entry.launch.grid[i], dims);
    all.push_back({block, {6}});
    ASSERT_LE(all.size(), maxArguments);
    std::vector<std::vector<int64_t>> descriptors;
    for (const Buffer &buffer : all)
      descriptors.push_back(describe(buffer));
    void *a[maxArguments] = {};
    for (size_t i = 0; i < descriptors.size(); ++i)
      a[i] = descriptors[i].data();
    auto function =
        llvm::cantFail(jit->engine->lookup("_mlir_ciface_" + entry.name))
            .toPtr<Function>();
    for (block[2] = 0; block[2] < block[5]; ++block[2])
      for (block[1] = 0; block[1] < block[4]; ++block[1])
        for (block[0] = 0; block[0] < block[3]; ++block[0])
          function(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9],
                   a[10], a[11]);
  }
}

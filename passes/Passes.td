// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef HEADGATE_PASSES_TD
#define HEADGATE_PASSES_TD

include "mlir/Pass/PassBase.td"
include "passes/GpuCodePasses.td"
include "passes/GpuPasses.td"
include "passes/TilePasses.td"

def DecomposeRouted : Pass<"headgate-decompose-routed"> {
  let summary = "write every routed op with upstream linalg, tensor, arith, "
                "math and scf";
  let description = [{
    The executable meaning of the dialect, not a fast lowering: each op becomes
    the loops of its formula as `linalg.generic`, with dynamic B, S and T, exact
    in ties, holes, rows that see nothing, -inf and NaN. f32 sums run in
    ascending order. `linalg.softmax`, which upstream lowers to no loops, is
    decomposed too.

    Before:
    ```mlir
    %m = routed.mean_heads %k : tensor<?x?x2x16xf32>
    ```
    After: a `linalg.generic` that adds the two heads and one that divides by 2.

    Needs: verified ops. Keeps: types of all results; upstream ops.
  }];
  let dependentDialects = [
    "mlir::affine::AffineDialect", "mlir::arith::ArithDialect",
    "mlir::linalg::LinalgDialect", "mlir::math::MathDialect",
    "mlir::scf::SCFDialect", "mlir::tensor::TensorDialect"
  ];
  let statistics = [
    Statistic<"decomposed", "decomposed", "routed ops written with upstream ops">,
  ];
}

def RelaxContractions : Pass<"headgate-relax-contractions"> {
  let summary = "let the sums of linalg's named contractions run in any order";
  let description = [{
    A dot product vectorises only if its sum may be reordered. `linalg` fixes no
    order, so named contractions (`linalg.matmul`, `linalg.contract`, ...) become
    `linalg.generic` ops whose additions and products carry
    `fastmath<reassoc,contract>`.

    Before: `linalg.matmul ins(%a, %b : ...) outs(%c : ...)`.
    After: a `linalg.generic` with `arith.mulf ... fastmath<reassoc,contract>`.

    Needs: nothing. Keeps: `linalg.generic`, whose author can write the flags;
    sums of the routed ops, which have an order.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect"];
}

def SimplifyRouted : Pass<"headgate-simplify-routed", "mlir::func::FuncOp"> {
  let summary = "choose the form of a layer that costs least";
  let description = [{
    The same layer can be said in several ways. Equal forms of which one is always
    better are canonicalizations; these depend on the machine, on sizes, or on
    leave to round otherwise:

    - `gather(rope(x))` becomes `rope(gather(x))`: k rows turn, not M. Not where
      positions depend on the expert, or a hole would be seen.
    - `gather(projection)` and `linear` become each other, by cost: all M matrices
      at the rate of a dense product, or k of them, a row at a time. The same
      terms, rounded in the same places.
    - A `select` of all M experts takes them in index order where nothing shows
      the order: then canonicalization makes dense heads of them. Not before a
      `combine concat`; where sums run over slots, or weights are normalised, only
      with `allow-reassociation`.
    - `linear sum all` of slots becomes `combine scatter` and one projection, by
      cost; only with `allow-reassociation`, and matrices must be finite, since
      an expert that was not chosen meets a zero row.
    - `mean_heads` of projected (and rotated) rows becomes one more head of the
      projection, by the mean of the matrices, by cost; only with
      `allow-reassociation`.

    Costs are those of lib/RoutedCost for `target`; extents of batch and position
    that are not static count as `tokens` tokens.

    Before:
    ```mlir
    %r = routed.rope %q, %cos, %sin : tensor<?x?x8x2x64xf32>, tensor<?x32xf32>
    %c = routed.gather %r[%experts] : tensor<?x?x8x2x64xf32>, tensor<?x?x8x1xi32>
    ```
    After:
    ```mlir
    %c = routed.gather %q[%experts] : tensor<?x?x8x2x64xf32>, tensor<?x?x8x1xi32>
    %r = routed.rope %c, %cos, %sin : tensor<?x?x8x1x64xf32>, tensor<?x32xf32>
    ```

    Needs: nothing; works best on canonical form, and wants it made again.
    Keeps: types of results. Remarks: category `simplify-routed`, one for each op
    that was, or for a reason was not, rewritten.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"host:x86-64-v3\"",
           "name of the target, as lib/Target spells it">,
    Option<"tokens", "tokens", "int64_t", "1024",
           "tokens of a call, where batch and position are dynamic">,
    Option<"allowReassociation", "allow-reassociation", "bool", "false",
           "let sums be added in another order, and meet factors in another">,
  ];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
    "mlir::tensor::TensorDialect"
  ];
}

def FormKernels : Pass<"headgate-form-kernels", "mlir::ModuleOp"> {
  let summary = "turn each entry into buffers and calls of kernels";
  let description = [{
    An entry is a public function on tensors. Afterwards it takes buffers (its
    inputs, then its outputs), allocates temporaries, and does nothing but call
    kernels: private functions with `headgate.kernel`, whose bodies hold the ops
    as they were, between `bufferization.to_tensor` and
    `bufferization.materialize_in_destination`.

    - `attend`: one `routed.attend` of class A or D; the gather of its query is
      inside. `gemm`: one projection with its bias and rounding. `rows`: all
      token-local ops over the same tokens that no other kernel separates.
      `append`: one cache. `function`: what is left, for one block.
    - A kernel computes a result only if somebody reads it.
    - `tensor.concat` is a buffer: each producer writes its window.
    - Reshapes and slices are views. What is returned is written in place.

    With `gpu` no kernel is `function` (an op that would need one is an error),
    and a `rows` kernel computes one op's results: a block on tiles has one grid and
    keeps what it computes in registers. What only that op reads, element for
    element, is computed in its kernel: the gather before a rope, elementwise ops.
    Everything else is a kernel before it, its result a temporary.

    Kernel arguments are buffers of identity layout, inputs first, each with
    `headgate.dims` (a name or a number per dimension; equal names are equal
    extents), then index scalars with `headgate.name`. `headgate.tokens` of a
    kernel of token-local ops names the extents of batch and position.

    Before:
    ```mlir
    %o, %lse = routed.attend %q, %k, %v causal : ...
    %c = routed.combine concat %o : ...
    %y = linalg.contract ... ins(%c, %w : ...) outs(%zero : ...) -> ...
    ```
    After:
    ```mlir
    %t = memref.alloc(%B, %S) : memref<?x?x8x64xf32>
    call @layer_attend_0(%q, %k, %v, %t) : ...
    %c = memref.collapse_shape %t [[0], [1], [2, 3]] : ...
    call @layer_gemm_0(%c, %w, %y) : ...
    ```

    Needs: calls inlined; bodies of one block. Leaves: an entry with an extent
    that depends on data, or with side effects, becomes one kernel (a remark
    says why). Refuses: calls that are left, results whose extents depend on
    data. Remarks: category `form-kernels`.
  }];
  let options = [
    Option<"whole", "whole", "bool", "false",
           "one kernel for everything an entry does">,
    Option<"gpu", "gpu", "bool", "false",
           "kernels that are programs on tiles, without a host to fall back on">,
  ];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::bufferization::BufferizationDialect",
    "mlir::linalg::LinalgDialect", "mlir::memref::MemRefDialect"
  ];
}

def PlaceResults : Pass<"headgate-place-results", "mlir::func::FuncOp"> {
  let summary = "let ops compute their results where a kernel stores them";
  let description = [{
    Where a result of a kernel is computed in an empty tensor that nothing else
    uses, the buffer that it is stored to takes the place of that tensor. Empty
    and filled tensors with several uses become as many tensors before. What is
    collapsed and then stored, is stored to an expanded view of its place.

    Before: `%e = tensor.empty() : tensor<4xf32>`, `%y = linalg.fill ins(%c : f32)
    outs(%e : ...)`, `bufferization.materialize_in_destination %y in %m`.
    After: `%e = bufferization.to_tensor %m restrict writable`, the rest as it was;
    bufferization then has nothing to copy.

    Needs: kernels whose stores come last in their block. Keeps: results that an
    op updates, that are stored twice, or whose destination is used elsewhere.
  }];
  let dependentDialects = ["mlir::bufferization::BufferizationDialect"];
}

def CopiesToLinalg : Pass<"headgate-copies-to-linalg"> {
  let summary = "write memref.copy as linalg.copy";
  let description = [{
    A `memref.copy` of a strided view lowers to a call of a runtime library that
    host images do not link; as `linalg.copy` it becomes a loop.

    Before: `memref.copy %a, %b : memref<4xf32, strided<[2]>> to memref<4xf32>`.
    After: `linalg.copy ins(%a : ...) outs(%b : ...)`.

    Needs: ranked buffers. Keeps: everything else.
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect"];
}

def KeepKernels : Pass<"headgate-keep-kernels", "mlir::ModuleOp"> {
  let summary = "erase all functions but kernels";
  let description = [{
    A plan calls the kernels; entries were only there to be read. Without them,
    the lowering of a kernel may change its arguments.

    Before: `func.func @layer` calls `func.func private @layer_rows_0`.
    After: only `@layer_rows_0`.
  }];
}

def SliceRows : Pass<"headgate-slice-rows", "mlir::func::FuncOp"> {
  let summary = "turn a kernel of token-local ops into a loop over tokens";
  let description = [{
    The tokens of all sequences are one range, cut into blocks of `tokens`
    tokens; inside the loop every tensor of tokens is [1, 1, ...]. An attention
    is sliced like the rest, with its keys whole.

    Before:
    ```mlir
    func.func private @k(%x: memref<?x?x8xf32> {headgate.dims = ["B", "S", 8]}, ...)
        attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"]} {
      %t = bufferization.to_tensor %x restrict : ...
      %y = arith.addf %t, %t : tensor<?x?x8xf32>
      bufferization.materialize_in_destination %y in restrict writable %z : ...
    ```
    After: `headgate.launch` with the grid `["cdiv(B*S,16)", "1", "1"]`, and
    ```mlir
      scf.for %t = %begin to %end step %c1 {
        %w = memref.subview %x[%b, %s, 0] [1, 1, 8] [1, 1, 1] : ...
        %u = bufferization.to_tensor %w restrict : ...
        %y = arith.addf %u, %u : tensor<1x1x8xf32>
    ```

    Needs: kernels of headgate-form-kernels. Leaves: kernels without
    `headgate.tokens`, appends, and what another pass has lowered.
  }];
  let options = [
    Option<"blockTokens", "tokens", "int64_t", "16",
           "tokens that one block computes">,
  ];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::bufferization::BufferizationDialect",
    "mlir::gpu::GPUDialect", "mlir::memref::MemRefDialect",
    "mlir::scf::SCFDialect", "mlir::tensor::TensorDialect"
  ];
}

def LowerAppend : Pass<"headgate-lower-append", "mlir::func::FuncOp"> {
  let summary = "write an append kernel as copies, none of the cache in place";
  let description = [{
    A block copies up to 256 rows of one cache, unless result and cache are the
    same memory, and then the new rows that fall among them.

    Before: `routed.append` between `to_tensor` and
    `materialize_in_destination`. After: two `linalg.copy` under `scf.if`, and
    `headgate.launch` with the grid `["B*cdiv(T,256)", "1", "1"]`.

    Needs: kernels of headgate-form-kernels. Leaves: other kernels, and a cache
    or rows that are computed and not loaded.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::gpu::GPUDialect",
    "mlir::linalg::LinalgDialect", "mlir::memref::MemRefDialect",
    "mlir::scf::SCFDialect"
  ];
}

def PlaceTemporaries
    : Pass<"headgate-place-temporaries", "mlir::func::FuncOp"> {
  let summary = "place a kernel's buffers in memory of the runtime's";
  let description = [{
    Buffers that a kernel allocates and frees in one block of its body become
    views of one more argument, `memref<?xi8>`. Buffers of equal size in bytes
    share a place when their lives do not overlap. A kernel without
    `headgate.launch` gets one, with one block, and its bytes are the launch's
    `workspaceBytes`. In a kernel of many blocks they are `scratchBytes`, which
    each thread has for itself, and buffers of fixed size up to 4 KiB (64 KiB in
    all) go to the stack. The sizes are expressions over the kernel's dims.

    Before: `%a = memref.alloc(%n) : memref<?xf32>` ... `memref.dealloc %a`.
    After: `%a = memref.view %bytes[%c0][%n] : memref<?xi8> to memref<?xf32>`.

    Needs: bufferized kernels whose buffers are freed. Keeps: functions that are
    no kernels; buffers whose size depends on data, which stay with malloc.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::memref::MemRefDialect"];
}

def WrapHostKernels
    : Pass<"headgate-wrap-host-kernels", "mlir::ModuleOp"> {
  let summary = "give every launched function the host kernel's signature";
  let description = [{
    Each function with `headgate.launch` gets a caller `hg_NAME` with the one
    signature of host kernels, `void(const HgBlock *, const void *const *)`. The
    second argument points to the launch's arguments, in this order: the pointer
    of each buffer, in operand order; the pointer of the workspace, if there is
    one; an i32 for each distinct name in `headgate.dims` of a dynamic extent,
    in order of first appearance; the scalars, i64 or f32. Buffers are
    contiguous. The function itself, now NAME.body, takes these values bare,
    `llvm.noalias` on its pointers (save in an `append` kernel, whose cache may be its result),
    and `gpu.block_id` and `gpu.grid_dim` become what HgBlock says.

    Before: `func.func private @k(%x: memref<?x8xf32> {headgate.dims = ["S", 8]})`.
    After: `func.func private @k.body(%x: !llvm.ptr {llvm.noalias}, %S: i64, ...)`,
    `llvm.func @hg_k(!llvm.ptr, !llvm.ptr)`.

    Needs: bufferized kernels without results, identity layouts. Keeps: other
    functions.
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect", "mlir::func::FuncDialect"];
}

#endif // HEADGATE_PASSES_TD

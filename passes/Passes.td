// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef HEADGATE_PASSES_TD
#define HEADGATE_PASSES_TD

include "mlir/Pass/PassBase.td"

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

def IsolateEntries : Pass<"headgate-isolate-entries", "mlir::ModuleOp"> {
  let summary = "keep the inputs and results of public functions apart";
  let description = [{
    A function on tensors cannot change its arguments; its bufferized form could,
    since an op whose input has no later use is updated in place. The callers of
    public functions are outside of the module and keep their arrays, so each
    tensor argument of a public function is marked as read-only. For the same
    reason a value that is returned twice is copied once.

    Before: `func.func @f(%x: tensor<?xf32>)` ... `return %y, %y`.
    After: `func.func @f(%x: tensor<?xf32> {bufferization.writable = false})` ...
    `%z = bufferization.alloc_tensor() copy(%y)`, `return %y, %z`.

    Needs: to run before bufferization, which removes the marks again. Keeps:
    private functions.
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

def PlaceTemporaries
    : Pass<"headgate-place-temporaries", "mlir::ModuleOp"> {
  let summary = "place an entry's buffers in one workspace of the caller's";
  let description = [{
    Buffers that a public function allocates and frees in its entry block become
    views of one more argument, `memref<?xi8>`. Buffers of equal size in bytes
    share a place when their lives do not overlap. The function attribute
    `headgate.workspace_bytes` says how many bytes it needs, as a size
    expression in which `{i.d}` is dimension d of argument i; the exporter
    writes it into the plan.

    Before: `%a = memref.alloc(%n) : memref<?xf32>` ... `memref.dealloc %a`.
    After: `%a = memref.view %workspace[%c0][%n] : memref<?xi8> to memref<?xf32>`.

    Needs: bufferized functions whose buffers are freed. Keeps: private
    functions; buffers whose size depends on data, which stay with malloc.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::memref::MemRefDialect"];
}

def WrapHostEntries
    : Pass<"headgate-wrap-host-entries", "mlir::ModuleOp"> {
  let summary = "give every public function the host kernel's signature";
  let description = [{
    Each public function on buffers gets a caller `hg_NAME` with the one
    signature of host kernels, `void(const HgBlock *, const void *const *)`. The
    second argument points to the launch's arguments, in this order: the base
    pointer of each buffer, in operand order; then one i64 for each dynamic
    extent, in the same order. Buffers are contiguous. The functions themselves
    become private and are called `hg.NAME`. A workspace is one of the buffers: its pointer comes last of
    the pointers, its size last of the extents.

    Before: `func.func @layer(%x: memref<?x8xf32>, %y: memref<?x8xf32>)`.
    After: also `llvm.func @hg_layer(!llvm.ptr, !llvm.ptr)`, which loads two
    pointers and two extents, builds both buffers and calls `@hg.layer`.

    Needs: bufferized functions without results, identity layouts. Keeps:
    private functions.
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect", "mlir::func::FuncDialect"];
}

def LowerRoutedToTile
    : Pass<"headgate-lower-routed-to-tile", "mlir::ModuleOp"> {
  let summary = "write an attention as the program of one row group on tiles";
  let description = [{
    Each kernel of kind "attend" with a `tile.schedule` becomes what one block of
    it does: load the query rows, picking those of the chosen experts; walk over
    the key tiles that some row sees, from the last to the first, with an online
    softmax; store the rows and, where it is used, their lse. Covers the lowering
    classes A and D of `routed.attend` with all their options.

    The grid is x = batches * heads, y = groups of `rows` tokens, the last group
    first. With `merge`, a column of the grid is a key head and its rows are those
    of all query heads that read it. With `splits` > 1 each block sees a part of
    the keys and leaves f32 results in a workspace; a second launch, NAME_combine,
    brings them together. `headgate.launch` says all that.

    Before:
    ```mlir
    func.func private @attend(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]}, ..)
        attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 12, keys = 256>} {
      %0 = bufferization.to_tensor %q restrict : ..
      %out, %lse = routed.attend %0, .. causal : ..
      bufferization.materialize_in_destination %out in restrict writable %o : ..
    ```
    After: `tile.load`, `scf.for` with two `tile.dot`, `tile.store`, and
    `headgate.launch = {grid = ["2*B", "cdiv(S,12)", "1"], ..}`.

    Needs: kernels of headgate-form-kernels. Keeps: kernels that tiles cannot say
    (keys that depend on the chosen expert, routed keys, rows wider than 256, a
    score region that is not elementwise), with a remark that names the op.
  }];
  let dependentDialects = [
    "mlir::affine::AffineDialect", "mlir::arith::ArithDialect",
    "mlir::gpu::GPUDialect", "mlir::math::MathDialect",
    "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect",
    "mlir::tensor::TensorDialect", "headgate::tile::TileDialect"
  ];
  let statistics = [
    Statistic<"lowered", "lowered", "kernels written on tiles">,
  ];
}

def LowerLinalgToTile
    : Pass<"headgate-lower-linalg-to-tile", "mlir::ModuleOp"> {
  let summary = "write a projection as the program of one block on tiles";
  let description = [{
    Each kernel of kind "gemm" with a `tile.schedule` becomes what one block of it
    does: a loop over `depth` terms with one product into `rows` x `cols` f32 sums,
    which start at 0 or the bias and are rounded as they are stored. The matrix is
    [in, out] or [out, in]. The grid is x = column blocks, y = row groups.

    Before:
    ```mlir
    func.func private @project(%x: memref<?x?x64xf32> {headgate.dims = ["B", "S", 64]}, ..)
        attributes {headgate.kernel = "gemm", tile.schedule = #tile.schedule<rows = 12, cols = 64, depth = 64>} {
      %y = linalg.contract indexing_maps = [..] ins(%0, %1 : ..) outs(%init : ..) -> ..
    ```
    After: `tile.load`, `scf.for` with a `tile.dot`, `tile.store`, and
    `headgate.launch = {grid = ["2", "cdiv(B*S,12)", "1"], ..}`.

    Needs: kernels of headgate-form-kernels. Keeps: kernels that tiles cannot say
    (batch dimensions, factors of two types, sums in another type than f32), with
    a remark that names the op.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::gpu::GPUDialect",
    "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect",
    "mlir::tensor::TensorDialect", "headgate::tile::TileDialect"
  ];
  let statistics = [
    Statistic<"lowered", "lowered", "kernels written on tiles">,
  ];
}

def AttachSchedule : Pass<"headgate-attach-schedule", "mlir::ModuleOp"> {
  let summary = "say how kernels are cut, each way a variant of its own";
  let description = [{
    Gives each kernel of kind "attend" or "gemm" the default schedules of its
    problem for a target (lib/Schedule): the function keeps the one for large
    sizes, and a copy of it, NAME_v1, NAME_v2, .., has each other one. Which sizes a
    variant is for is `when` of its `headgate.launch`. Where the size is known, one
    variant is left.

    Before: `func.func private @attend(..) attributes {headgate.kernel = "attend"}`.
    After: also `tile.schedule = #tile.schedule<rows = 12, keys = 256, order = rows>`
    and `headgate.launch = {kernel = "attend", when = "S >= 64", ..}`; a function
    `@attend_v1` for fewer tokens.

    Needs: kernels of headgate-form-kernels. Keeps: other kernels; kernels that
    have a schedule; kernels that tiles cannot say, with a remark that names the op.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"host:x86-64-v3\"",
           "name of the target, as lib/Target spells it">,
  ];
  let dependentDialects = ["headgate::tile::TileDialect"];
}

#endif // HEADGATE_PASSES_TD

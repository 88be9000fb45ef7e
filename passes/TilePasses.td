// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef HEADGATE_PASSES_TILEPASSES_TD
#define HEADGATE_PASSES_TILEPASSES_TD

include "mlir/Pass/PassBase.td"

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
    of all query heads that read it; with `across`, too, a block has those of all
    key heads, each as many (x = batches). With `splits` > 1 each block sees a part of
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

def LowerRowsToTile
    : Pass<"headgate-lower-rows-to-tile", "mlir::ModuleOp"> {
  let summary = "write a kernel of token-local ops as the program of one block "
                "of tokens on tiles";
  let description = [{
    Each kernel of kind "rows" that stores results of one op becomes what one block
    of it does for `rows` tokens of a batch and, of a result with heads, one head:

    - `select`: a row is a token, its columns are the experts of a group. k rounds
      of a maximum over the keys and a minimum over the numbers of those that have
      it; ties go to the smaller number. A block has one group, or all of them if
      weights are divided by their sum over a token.
    - `rope`: each half of its components is a tile; so are those that do not turn.
      Rows of the tables are picked by row tiles where positions are given.
    - `gather`: rows are picked by a row tile as they are loaded; a hole lies
      outside and reads 0.
    - `mean_heads` and `combine`: sums over heads, in ascending order, in f32. The
      width of a combine is its heads times D: a block has one of those left.
    - elementwise `arith` and `math` on tensors, `linalg` ops whose loops are the
      dimensions of their result, copies. 16-bit floats are computed in f32 and
      rounded by each op.

    A kernel of kind "append" becomes the program of a span of one cache: a loop over
    its tiles, unless cache and result are the same memory, and one over those of
    the new rows.

    What another op reads may be computed in the kernel by ops of the last four
    kinds; none of the tensors between them exists. Rows wider than 256 are cut
    into blocks of columns. The grid is x = batches * heads * blocks of columns,
    y = groups of `rows` tokens. Without a schedule, `rows` gives each thread 8 to
    16 elements.

    Before:
    ```mlir
    func.func private @k(%k: memref<?x?x2x16xf32> {headgate.dims = ["B", "T", 2, 16]}, ..)
        attributes {headgate.kernel = "rows", tile.schedule = #tile.schedule<rows = 32>} {
      %0 = bufferization.to_tensor %k restrict : ..
      %m = routed.mean_heads %0 : tensor<?x?x2x16xf32>
      bufferization.materialize_in_destination %m in restrict writable %y : ..
    ```
    After: two `tile.load` of a `tensor<32x16xf32>`, `arith.addf`, `arith.mulf`,
    `tile.store`, and `headgate.launch = {grid = ["B", "cdiv(T,32)", "1"], ..}`.

    Needs: kernels of headgate-form-kernels, best with its option `gpu`. A kernel
    without `tile.schedule` gets one. Keeps: kernels that tiles cannot say (several
    results, sums along other dimensions than heads, softmax, `linear`, transposed
    operands), with a remark that names the op.
  }];
  let options = [
    Option<"warps", "warps", "int64_t", "4",
           "warps of a block, of kernels without a schedule; they get up to 32 "
           "rows for each">,
  ];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::gpu::GPUDialect",
    "mlir::math::MathDialect", "mlir::memref::MemRefDialect",
    "mlir::scf::SCFDialect", "mlir::tensor::TensorDialect",
    "headgate::tile::TileDialect"
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
    variant is left. Schedules that `headgate.tuned` of the function has for the
    target come first, for any size; the attribute goes.

    Before: `func.func private @attend(..) attributes {headgate.kernel = "attend"}`.
    After: also `tile.schedule = #tile.schedule<rows = 12, keys = 256, order = rows>`
    and `headgate.launch = {kernel = "attend", when = "S >= 64", ..}`; a function
    `@attend_v1` for fewer tokens.

    Needs: kernels of headgate-form-kernels. Keeps: other kernels; kernels that
    have a schedule, which must be legal; kernels that tiles cannot say, with a
    remark that names the op.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"host:x86-64-v3\"",
           "name of the target, as lib/Target spells it">,
  ];
  let dependentDialects = ["headgate::tile::TileDialect"];
}

def SplitRowSums : Pass<"headgate-split-row-sums", "mlir::func::FuncOp"> {
  let summary = "carry the sums of rows through loops in parts";
  let description = [{
    A loop that carries `l = l * a + sum of the rows of p`, with a factor for each
    row or none, carries `ways` partial sums for each row instead and adds them
    after the loop: a turn of the loop then adds registers to registers and never
    across their lanes.

    Before:
    ```mlir
    %fin = scf.for .. iter_args(%l = %zero) -> (tensor<12xf32>) {
      %s = tile.reduce add %p : tensor<12x256xf32> -> tensor<12xf32>
      %n = math.fma %l, %a, %s : tensor<12xf32>
    ```
    After: `%l : tensor<12x16xf32>`, `tile.reduce add %p : tensor<12x256xf32> ->
    tensor<12x16xf32>`, the factor broadcast along 1, and after the loop
    `tile.reduce add %fin : tensor<12x16xf32> -> tensor<12xf32>`.

    Needs: `tile.schedule` on the function. Keeps: sums that start at something
    else than 0, are used in the loop, or have fewer than `ways` columns.
  }];
  let options = [
    Option<"ways", "ways", "int64_t", /*default=*/"16",
           "partial sums of a row: 16 on a CPU, 4 on a GPU">,
  ];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::math::MathDialect",
    "headgate::tile::TileDialect"
  ];
}

def PackOperands : Pass<"headgate-pack-operands", "mlir::ModuleOp"> {
  let summary = "lay out the right factors of products as a CPU reads them";
  let description = [{
    A product keeps two registers of columns for each of its rows and reads its
    right factor one term after the other. A launch of its own, before the
    kernel's, copies each buffer that windows of right factors lie in into the
    kernel's workspace in just that order: `[columns / C, terms / k, C, k]`, C
    twice the lanes of a register, k = 2 where the CPU multiplies pairs of bf16
    and else 1. It is done once for all blocks that read the buffer. What is not
    there, and what lies outside a sequence's bounds, is 0. 16-bit floats that the
    CPU does not multiply become f32.

    Before:
    ```mlir
    %kt = tile.load %k[%b, %k0, %g, %c0] [1, 256, 1, 64] : memref<?x?x8x64xf32> -> tensor<256x64xf32>
    %s = tile.dot %q, transpose %kt : ..
    ```
    After: the kernel takes a workspace and is launched second;
    ```mlir
    %kt = tile.load %kp[%b, %g, %p, %c0, %c0] [1, 1, 8, 64, 32] : memref<?x8x?x64x32xf32> -> tensor<256x64xf32, #tile.panels<32 x 1>>
    ```
    and `NAME_pack` is launched first, with a grid of matrices and blocks of 256
    rows.

    Needs: kernels of one launch with `headgate.launch` and a `tile.schedule` whose
    `stages` is not 0. Keeps, with a remark, factors that are computed or gathered,
    windows that do not move in whole panels or whose bounds depend on more than
    the matrix they lie in. Keeps all other kernels.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"host:x86-64-v3\"",
           "name of the target, as lib/Target spells it">,
  ];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::func::FuncDialect",
    "mlir::gpu::GPUDialect", "mlir::memref::MemRefDialect",
    "mlir::scf::SCFDialect", "mlir::vector::VectorDialect",
    "headgate::tile::TileDialect"
  ];
}

def LowerTileToVector
    : Pass<"headgate-lower-tile-to-vector", "mlir::func::FuncOp"> {
  let summary = "write a tile program as loops over vectors, for one CPU";
  let description = [{
    Tiles that a product or a reduction makes, that a loop or a branch carries,
    or that a product reads by rows get row-major buffers on the stack; all else
    is computed where it is needed, a few registers at a time. A product keeps a
    block of its result in registers (two vectors by as many rows as the
    schedule has, up to what the CPU's registers hold) and reads its right factor
    from panels or from rows in memory. Everything else is a pass over the
    elements of tiles of one shape, as few as reductions allow. `cols` and
    `depth` shorten products and passes; ends of rows cost no mask where extents
    are known. `math.exp2` of f32 becomes a polynomial.

    Before:
    ```mlir
    %s = tile.dot %q, transpose %k : tensor<12x64xf32>, tensor<256x64xf32, #tile.panels<32 x 1>> -> tensor<12x256xf32>
    %m = tile.reduce max %s : tensor<12x256xf32> -> tensor<12xf32>
    ```
    After: two loops, over panels and over 64 terms, around 24 `math.fma` of
    vectors of 16; then a loop over rows and one over vectors of 32 that keeps
    their maximum.

    Needs: `tile.schedule` on the function; the right factors of products that
    should be fast in panels (headgate-pack-operands). Refuses, with a remark,
    tiles with more than two dimensions, constants with several values,
    operations without a vector form, and programs whose buffers pass 128 KiB.
    Keeps: functions without `tile.schedule`; scalars; block ids.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"host:x86-64-v3\"",
           "name of the target, as lib/Target spells it">,
  ];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::LLVM::LLVMDialect",
    "mlir::math::MathDialect", "mlir::memref::MemRefDialect",
    "mlir::scf::SCFDialect", "mlir::ub::UBDialect",
    "mlir::vector::VectorDialect", "mlir::x86vector::X86VectorDialect"
  ];
}

#endif // HEADGATE_PASSES_TILEPASSES_TD

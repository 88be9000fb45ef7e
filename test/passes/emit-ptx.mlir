// RUN: headgate-translate --mlir-to-ptx %s -o %t.ptx
// RUN: FileCheck %s --input-file=%t.ptx
// RUN: headgate-ptx run %t.ptx --grid=1 --block=32 --shared=128 \
// RUN:   --arg=out:3xf32 --arg=i32:3 --arg=f32:0.5 \
// RUN: | FileCheck %s --check-prefix=VALUES
// RUN: %if ptxas %{ %ptxas -arch=sm_80 --warn-on-spills -Werror \
// RUN:   %t.ptx -o %t.cubin %}

// What a launch, ptxas and Triton's loader need of the text.
//      CHECK: .version 7.0
// CHECK-NEXT: .target sm_80
//      CHECK: .extern .shared .align 16 .b8 headgate_shared[];
//      CHECK: .visible .entry hg_scale(
// CHECK-NEXT: .param .u64 {{.*}}hg_scale_param_0,
// CHECK-NEXT: .param .u32 hg_scale_param_1,
// CHECK-NEXT: .param .f32 hg_scale_param_2
//      CHECK: .reqntid 32

// One instruction for exp2, and no contraction: what an fma is, the IR says.
//  CHECK: ex2.approx.ftz.f32
//  CHECK: mul.rn.f32
//  CHECK: add.rn.f32
// CHECK-NOT: fma

// Lane i below the limit: exp2(-i) * 0.5 + 0.5, through shared memory.
//   VALUES: 3xf32=1 0.75 0.625
module {
  llvm.mlir.global external @headgate_shared() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>

  llvm.func @hg_scale(%out: !llvm.ptr<1>, %limit: i32, %factor: f32) attributes {nvvm.kernel, nvvm.reqntid = array<i32: 32, 1, 1>} {
    %lane = nvvm.read.ptx.sreg.tid.x : i32
    %float = llvm.sitofp %lane : i32 to f32
    %negative = llvm.fneg %float : f32
    %power = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"(%negative) : (f32) -> f32
    %product = llvm.fmul %power, %factor : f32
    %sum = llvm.fadd %product, %factor : f32
    %shared = llvm.mlir.addressof @headgate_shared : !llvm.ptr<3>
    %mine = llvm.getelementptr %shared[%lane] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    llvm.store %sum, %mine : f32, !llvm.ptr<3>
    nvvm.barrier0
    %read = llvm.load %mine : !llvm.ptr<3> -> f32
    %inside = llvm.icmp "slt" %lane, %limit : i32
    llvm.cond_br %inside, ^store, ^end
  ^store:
    %place = llvm.getelementptr %out[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    llvm.store %read, %place : f32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }
}

// RUN: split-file %s %t
// RUN: not headgate-translate --mlir-to-ptx %t/calls.mlir 2>&1 | FileCheck %s --check-prefix=CALLS
// RUN: not headgate-translate --mlir-to-ptx %t/two.mlir 2>&1 | FileCheck %s --check-prefix=TWO
// RUN: not headgate-translate --mlir-to-ptx --ptx-target=sm_20 %t/two.mlir 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not headgate-translate --mlir-to-ptx %t/select.mlir 2>&1 | FileCheck %s --check-prefix=SELECT

//--- calls.mlir
// No library is linked: a call that nothing defines would stay in the text.
// CALLS: error: kernel 'hg_calls': the compiled code calls '__nv_expf', but nothing is linked to kernels of a GPU
llvm.func @__nv_expf(f32) -> f32
llvm.func @hg_calls(%out: !llvm.ptr<1>, %x: f32) attributes {nvvm.kernel} {
  %y = llvm.call @__nv_expf(%x) : (f32) -> f32
  llvm.store %y, %out : f32, !llvm.ptr<1>
  llvm.return
}

//--- two.mlir
// TWO: error: a PTX file has one kernel; the module has 2
// TARGET: error: no GPU target 'sm_20'; there are sm_80
llvm.func @hg_a() attributes {nvvm.kernel} {
  llvm.return
}
llvm.func @hg_b() attributes {nvvm.kernel} {
  llvm.return
}

//--- select.mlir
// What LLVM dies of is a sentence, without a stack.
//     SELECT: error: LLVM cannot generate this code: Cannot select
//     SELECT: In function: hg_log
// SELECT-NOT: Stack dump
llvm.func @hg_log(%out: !llvm.ptr<1>, %x: f32) attributes {nvvm.kernel} {
  %y = llvm.intr.log2(%x) {fastmathFlags = #llvm.fastmath<afn>} : (f32) -> f32
  llvm.store %y, %out : f32, !llvm.ptr<1>
  llvm.return
}

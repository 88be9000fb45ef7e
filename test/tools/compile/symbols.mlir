// An image calls nothing but libc's memory functions and libm's float
// functions, whatever the CPU lacks: below AVX512-BF16 LLVM would call
// __truncsfbf2, below F16C __extendhfsf2 and __truncsfhf2. Below x86-64-v3
// fused multiply-adds are libm's.
// RUN: headgate-compile %s -o %t.hgb --target=host:x86-64-v2,host:x86-64-v3,host:x86-64-v4
// RUN: sh -c 'for level in v2 v3 v4; do llvm-nm --undefined-only %t.hgb/kernels/host-$level-*.so; done' > %t.symbols
// RUN: FileCheck %s < %t.symbols
// RUN: sed -E '/ U (mem(cpy|move|set)|malloc|free|expf|fmaf|logf|powf|sincosf|tanhf)$/d' %t.symbols | count 0

// CHECK-COUNT-3: U sincosf
func.func @attend(%q: tensor<?x?x2x8xbf16>, %k: tensor<?x?x2x8xbf16>) -> (tensor<?x?x2x8xbf16>, tensor<?x?x2xf32>) {
  %o, %lse = routed.attend %q, %k, %k causal : tensor<?x?x2x8xbf16>, tensor<?x?x2x8xbf16>, tensor<?x?x2x8xbf16>
  return %o, %lse : tensor<?x?x2x8xbf16>, tensor<?x?x2xf32>
}
func.func @attend_f16(%q: tensor<?x?x2x8xf16>, %k: tensor<?x?x2x8xf16>) -> (tensor<?x?x2x8xf16>, tensor<?x?x2xf32>) {
  %o, %lse = routed.attend %q, %k, %k causal : tensor<?x?x2x8xf16>, tensor<?x?x2x8xf16>, tensor<?x?x2x8xf16>
  return %o, %lse : tensor<?x?x2x8xf16>, tensor<?x?x2xf32>
}

// Arithmetic on the narrow types themselves, and conversions from integers.
func.func @narrow(%x: tensor<?xbf16>, %y: tensor<?xf16>, %i: tensor<?xi32>)
    -> (tensor<?xbf16>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf16>) {
  %a = arith.mulf %x, %x : tensor<?xbf16>
  %b = math.tanh %a : tensor<?xbf16>
  %c = arith.addf %y, %y : tensor<?xf16>
  %d = math.powf %c, %y : tensor<?xf16>
  %e = arith.sitofp %i : tensor<?xi32> to tensor<?xbf16>
  %f = arith.sitofp %i : tensor<?xi32> to tensor<?xf16>
  return %b, %d, %e, %f : tensor<?xbf16>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf16>
}

// LLVM joins the two calls into one.
#id = affine_map<(i) -> (i)>
func.func @angles(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %s, %c = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%e, %e : tensor<?xf32>, tensor<?xf32>) {
  ^bb0(%a: f32, %b: f32, %d: f32):
    %sin = math.sin %a : f32
    %cos = math.cos %a : f32
    linalg.yield %sin, %cos : f32, f32
  } -> (tensor<?xf32>, tensor<?xf32>)
  return %s, %c : tensor<?xf32>, tensor<?xf32>
}

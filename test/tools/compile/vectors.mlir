// The sums of a layer are vectors in the host's code. No pass rewrites how loops
// address memory: it takes long, and code is as fast without.
// RUN: headgate-compile %s --emit=llvm --lowering=decompose | FileCheck %s --implicit-check-not=lsr.iv

// Scores over keys and outputs over components, neither sum reordered.
// CHECK-LABEL: define void @hg_attend_function_0(
//   CHECK-NOT:   reassoc
//       CHECK:   fmul <8 x float> %broadcast.splat, %{{.+}}
//       CHECK:   fadd <8 x float>
//   CHECK-NOT:   reassoc
//       CHECK:   fmul <8 x float> %broadcast.splat{{.*}}, %{{.+}}
//       CHECK:   fadd <8 x float>
//   CHECK-NOT:   reassoc
func.func @attend(%q: tensor<?x?x4x16xf32>, %k: tensor<?x?x2x16xf32>, %v: tensor<?x?x2x16xf32>) -> tensor<?x?x4x16xf32> {
  %o, %lse = routed.attend %q, %k, %v causal
      : tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
  return %o : tensor<?x?x4x16xf32>
}

// A projection by weights [out, in], 16-bit rows too.
// CHECK-LABEL: define void @hg_project_function_0(
//       CHECK:   fmul reassoc contract <8 x float>
func.func @project(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>, %y: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %r = linalg.contract indexing_maps = [affine_map<(s, o, i) -> (s, i)>, affine_map<(s, o, i) -> (o, i)>, affine_map<(s, o, i) -> (s, o)>]
      ins(%x, %w : tensor<?x64xf32>, tensor<32x64xf32>) outs(%y : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %r : tensor<?x32xf32>
}
// CHECK-LABEL: define void @hg_project_bf16_function_0(
//       CHECK:   fmul reassoc contract <8 x float>
func.func @project_bf16(%x: tensor<?x64xbf16>, %w: tensor<32x64xbf16>, %y: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %r = linalg.contract indexing_maps = [affine_map<(s, o, i) -> (s, i)>, affine_map<(s, o, i) -> (o, i)>, affine_map<(s, o, i) -> (s, o)>]
      ins(%x, %w : tensor<?x64xbf16>, tensor<32x64xbf16>) outs(%y : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %r : tensor<?x32xf32>
}

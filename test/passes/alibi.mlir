// RUN: headgate-opt %s --headgate-form-kernels=gpu --headgate-kernels-to-tiles-pipeline=target=sm_80 | FileCheck %s
// RUN: headgate-compile %s --target=sm_80 -o %t.hgb --report %if ptxas %{ --ptxas=%ptxas %} | FileCheck %s --check-prefix=REPORT --implicit-check-not='{{[1-9][0-9]*}} bytes spilled'
// RUN: headgate-run %t.hgb --device=sim:sm_80 --input=1x2x2x16xbf16=0 --input=1x2x2x16xbf16=1 --input='2xf32=1.0986123 0' --expected_output='1x2x2xf32=0 0 0.2876821 0.6931472'
// CHECK: %[[SLOPES:.+]] = tensor.splat %{{.+}} : tensor<[[TILE:.+xf32]]>
// CHECK: math.fma %[[SLOPES]], %{{.+}}, %{{.+}} : tensor<[[TILE]]>
// REPORT: alibi_attend_0
func.func @alibi(%q: tensor<?x?x2x16xbf16>, %k: tensor<?x?x2x16xbf16>, %slopes: tensor<2xf32>) -> tensor<?x?x2xf32> {
  %o, %lse = routed.attend %q, %k, %k causal : tensor<?x?x2x16xbf16>, tensor<?x?x2x16xbf16>, tensor<?x?x2x16xbf16> score {
  ^bb0(%x: f32, %b: index, %s: index, %t: index, %h: index):
    %slope = tensor.extract %slopes[%h] : tensor<2xf32>
    %behind = arith.subi %t, %s : index
    %steps = arith.index_cast %behind : index to i32
    %distance = arith.sitofp %steps : i32 to f32
    %y = math.fma %slope, %distance, %x : f32
    routed.yield %y
  }
  return %lse : tensor<?x?x2xf32>
}

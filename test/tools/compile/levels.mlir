// Levels that differ in bf16 alone have the same code where no bf16 is, which is
// then generated once. Files end in their hash.
// RUN: headgate-compile %s -o %t.hgb
// RUN: ls %t.hgb/kernels | count 3
// RUN: ls %t.hgb/kernels | sed 's/.*-//' | sort -u | count 2

// bf16 is narrowed by an instruction where there is one.
// RUN: sed 's/f32/bf16/g' %s | headgate-compile - -o %t.bf16.hgb
// RUN: ls %t.bf16.hgb/kernels | sed 's/.*-//' | sort -u | count 3

func.func @mean(%x: tensor<?x?x2x16xf32>) -> tensor<?x?x1x16xf32> {
  %m = routed.mean_heads %x : tensor<?x?x2x16xf32>
  return %m : tensor<?x?x1x16xf32>
}

// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// mean_heads (C1)
func.func @dynamic_heads(%k: tensor<?x?x?x16xf32>) {
  // expected-error @below {{needs static H and D, but source is [?, ?, ?, 16]}}
  %0 = routed.mean_heads %k : tensor<?x?x?x16xf32>
  return
}

// -----

// mean_heads (C1): the mean of nothing.
func.func @no_heads(%k: tensor<?x?x0x16xf32>) {
  // expected-error @below {{needs H and D of at least 1, but source is [?, ?, 0, 16]}}
  %0 = routed.mean_heads %k : tensor<?x?x0x16xf32>
  return
}

// -----

func.func @other_rank(%k: tensor<?x?x16xf32>) {
  // expected-error @below {{'routed.mean_heads' needs a source [B, T, H, D]}}
  %0 = routed.mean_heads %k : tensor<?x?x16xf32>
  return
}

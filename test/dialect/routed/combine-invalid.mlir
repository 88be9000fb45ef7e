// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// combine (C1)
func.func @dynamic_heads(%o: tensor<?x?x?x16xf32>) {
  // expected-error @below {{needs static heads and D, but source is [?, ?, ?, 16]}}
  %0 = routed.combine concat %o : tensor<?x?x?x16xf32>
  return
}

// -----

// combine (C1)
func.func @no_heads(%o: tensor<?x?x0x16xf32>) {
  // expected-error @below {{needs heads and D of at least 1, but source is [?, ?, 0, 16]}}
  %0 = routed.combine concat %o : tensor<?x?x0x16xf32>
  return
}

// -----

// combine (C1)
func.func @width_beyond_i64(%o: tensor<?x?x4611686018427387904x2x16xf32>) {
  // expected-error @below {{makes rows wider than 63 bits can say}}
  %0 = routed.combine concat %o : tensor<?x?x4611686018427387904x2x16xf32>
  return
}

// -----

// combine (C1)
func.func @experts_beyond_i64(%o: tensor<?x?x3x2x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{makes rows wider than 63 bits can say}}
  %0 = routed.combine scatter %o experts(%e of 4611686018427387904 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>
  return
}

// -----

// combine (C2)
func.func @weights_of_other_heads(%o: tensor<?x?x3x2x16xf32>, %w: tensor<?x?x3x4xf32>) {
  // expected-error @below {{weights and source differ in dimension 3: 4 and 2}}
  %0 = routed.combine concat %o weights(%w : tensor<?x?x3x4xf32>) : tensor<?x?x3x2x16xf32>
  return
}

// -----

// combine (C2)
func.func @weights_of_other_tokens(%o: tensor<?x6x3x2x16xf32>, %w: tensor<?x7x3x2xf32>) {
  // expected-error @below {{weights and source differ in S: 7 and 6}}
  %0 = routed.combine concat %o weights(%w : tensor<?x7x3x2xf32>) : tensor<?x6x3x2x16xf32>
  return
}

// -----

// combine (C2)
func.func @weights_of_components(%o: tensor<?x?x4x16xf32>, %w: tensor<?x?x4x16xf32>) {
  // expected-error @below {{weighs single components: weights are [?, ?, 4, 16], source [?, ?, 4, 16]}}
  %0 = routed.combine concat %o weights(%w : tensor<?x?x4x16xf32>) : tensor<?x?x4x16xf32>
  return
}

// -----

// combine (C3)
func.func @concat_with_experts(%o: tensor<?x?x3x2x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{experts and their number belong to a scatter, and a scatter needs both}}
  %0 = routed.combine concat %o experts(%e of 5 : tensor<?x?x3x2xi32>) : tensor<?x?x3x2x16xf32>
  return
}

// -----

// combine (C3)
func.func @scatter_to_nowhere(%o: tensor<?x?x3x2x16xf32>) {
  // expected-error @below {{'routed.combine' scatters slots to the places of their experts}}
  %0 = routed.combine scatter %o : tensor<?x?x3x2x16xf32>
  return
}

// -----

// combine (C3)
func.func @scatter_to_no_experts(%o: tensor<?x?x3x2x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{so it needs a source [B, S, R, k, ..., D] and experts of at least 1}}
  %0 = routed.combine scatter %o experts(%e of -2 : tensor<?x?x3x2xi32>) : tensor<?x?x3x2x16xf32>
  return
}

// -----

// combine (C3): a number of experts without experts.
func.func @number_alone(%o: tensor<?x?x3x2x16xf32>) {
  // expected-error @below {{experts and their number belong to a scatter, and a scatter needs both}}
  %0 = "routed.combine"(%o) <{kind = #routed<combine scatter>, num_experts = 5 : i64,
      operandSegmentSizes = array<i32: 1, 0, 0>}> : (tensor<?x?x3x2x16xf32>) -> tensor<?x?x240xf32>
  return
}

// -----

// combine (C3): experts without their number.
func.func @experts_alone(%o: tensor<?x?x3x2x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{experts and their number belong to a scatter, and a scatter needs both}}
  %0 = "routed.combine"(%o, %e) <{kind = #routed<combine concat>,
      operandSegmentSizes = array<i32: 1, 0, 1>}>
      : (tensor<?x?x3x2x16xf32>, tensor<?x?x3x2xi32>) -> tensor<?x?x96xf32>
  return
}

// -----

// combine (C4)
func.func @experts_of_other_slots(%o: tensor<?x?x3x2x16xf32>, %e: tensor<?x?x3x4xi32>) {
  // expected-error @below {{experts and source differ in k: 4 and 2}}
  %0 = routed.combine scatter %o experts(%e of 5 : tensor<?x?x3x4xi32>) : tensor<?x?x3x2x16xf32>
  return
}

// -----

// combine (C4)
func.func @scatter_of_plain_heads(%o: tensor<?x?x4x16xf32>, %e: tensor<?x?x4x16xi32>) {
  // expected-error @below {{so it needs a source [B, S, R, k, ..., D]}}
  %0 = routed.combine scatter %o experts(%e of 5 : tensor<?x?x4x16xi32>) : tensor<?x?x4x16xf32>
  return
}

// -----

// combine (C5)
func.func @sum_of_what(%o: tensor<?x?x3x2x16xf32>) {
  // expected-error @below {{adds up the heads that its weights have, so a sum needs weights [B, S, h...] over leading heads}}
  %0 = routed.combine sum %o : tensor<?x?x3x2x16xf32>
  return
}

// -----

// combine (C5)
func.func @sum_of_components(%o: tensor<?x?x4x16xf32>, %w: tensor<?x?x4x16xf32>) {
  // expected-error @below {{a sum needs weights [B, S, h...] over leading heads}}
  %0 = routed.combine sum %o weights(%w : tensor<?x?x4x16xf32>) : tensor<?x?x4x16xf32>
  return
}

// -----

func.func @no_heads_at_all(%o: tensor<?x?x16xf32>) {
  // expected-error @below {{'routed.combine' needs a source [B, S, h..., D]}}
  %0 = routed.combine concat %o : tensor<?x?x16xf32>
  return
}

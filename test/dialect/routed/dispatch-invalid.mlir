// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// dispatch (C1)
func.func @dynamic_slots(%e: tensor<?x?x3x?xi32>) {
  // expected-error @below {{needs static R and k, but experts is [?, ?, 3, ?]}}
  %rows, %offsets, %rank = routed.dispatch %e of 5 : tensor<?x?x3x?xi32>
  return
}

// -----

// dispatch (C1)
func.func @no_slots(%e: tensor<?x?x3x0xi32>) {
  // expected-error @below {{needs R and k of at least 1, but experts is [?, ?, 3, 0]}}
  %rows, %offsets, %rank = routed.dispatch %e of 5 : tensor<?x?x3x0xi32>
  return
}

// -----

// dispatch (C1)
func.func @no_experts(%e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{'routed.dispatch' sorts by 0 experts, at least 1 is needed}}
  %rows, %offsets, %rank = routed.dispatch %e of 0 : tensor<?x?x3x2xi32>
  return
}

// -----

// dispatch (C2)
func.func @slots_beyond_i32(%e: tensor<65536x8192x2x2xi32>) {
  // expected-error @below {{has more slots or segments than i32 can number}}
  %rows, %offsets, %rank = routed.dispatch %e of 5 : tensor<65536x8192x2x2xi32>
  return
}

// -----

// dispatch (C2): 2^31 - 1 segments have one more offset.
func.func @offsets_beyond_i32(%e: tensor<1x?x1x2xi32>) {
  // expected-error @below {{has more slots or segments than i32 can number}}
  %rows, %offsets, %rank = routed.dispatch %e of 2147483647 : tensor<1x?x1x2xi32>
  return
}

// -----

// dispatch (C2)
func.func @product_beyond_i64(%e: tensor<4611686018427387904x4611686018427387904x3x2xi32>) {
  // expected-error @below {{has more slots or segments than i32 can number}}
  %rows, %offsets, %rank = routed.dispatch %e of 5
      : tensor<4611686018427387904x4611686018427387904x3x2xi32>
  return
}

// -----

func.func @other_rank(%e: tensor<?x?x2xi32>) {
  // expected-error @below {{'routed.dispatch' needs experts [B, S, R, k]}}
  %rows, %offsets, %rank = routed.dispatch %e of 5 : tensor<?x?x2xi32>
  return
}

// -----

func.func @no_number(%e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{requires attribute 'num_experts'}}
  %rows, %offsets, %rank = "routed.dispatch"(%e)
      : (tensor<?x?x3x2xi32>) -> (tensor<?xi32>, tensor<?xi32>, tensor<?x?x3x2xi32>)
  return
}

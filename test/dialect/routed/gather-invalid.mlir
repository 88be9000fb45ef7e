// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// gather (C1)
func.func @other_tokens(%q: tensor<?x6x3x5x16xf32>, %e: tensor<?x7x3x2xi32>) {
  // expected-error @below {{'routed.gather' op source and experts differ in S: 6 and 7}}
  %0 = routed.gather %q[%e] : tensor<?x6x3x5x16xf32>, tensor<?x7x3x2xi32>
  return
}

// -----

// gather (C1)
func.func @other_groups(%q: tensor<?x?x3x5x16xf32>, %e: tensor<?x?x4x2xi32>) {
  // expected-error @below {{source and experts differ in R: 3 and 4}}
  %0 = routed.gather %q[%e] : tensor<?x?x3x5x16xf32>, tensor<?x?x4x2xi32>
  return
}

// -----

// gather (C2)
func.func @more_than_there_are(%q: tensor<?x?x3x2x16xf32>, %e: tensor<?x?x3x4xi32>) {
  // expected-error @below {{takes 4 experts of each group, but a group of its source has only 2}}
  %0 = routed.gather %q[%e] : tensor<?x?x3x2x16xf32>, tensor<?x?x3x4xi32>
  return
}

// -----

// gather (C3)
func.func @dynamic_width(%q: tensor<?x?x3x5x?xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{needs static R, M and widths, but source is [?, ?, 3, 5, ?]}}
  %0 = routed.gather %q[%e] : tensor<?x?x3x5x?xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// gather (C3)
func.func @dynamic_slots(%q: tensor<?x?x3x5x16xf32>, %e: tensor<?x?x3x?xi32>) {
  // expected-error @below {{needs static R and k, but experts is [?, ?, 3, ?]}}
  %0 = routed.gather %q[%e] : tensor<?x?x3x5x16xf32>, tensor<?x?x3x?xi32>
  return
}

// -----

func.func @no_tensors(%q: f32, %e: i32) {
  // expected-error @below {{expected builtin.tensor, but found 'f32'}}
  %0 = routed.gather %q[%e] : f32, i32
  return
}

// -----

func.func @other_rank(%q: tensor<?x?x3xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{'routed.gather' needs a source [B, S, R, M, ...] and experts [B, S, R, k]}}
  %0 = routed.gather %q[%e] : tensor<?x?x3xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

func.func @experts_are_i32(%q: tensor<?x?x3x5x16xf32>, %e: tensor<?x?x3x2xi64>) {
  // expected-error @below {{operand #1 must be 4D tensor of 32-bit signless integer values}}
  %0 = routed.gather %q[%e] : tensor<?x?x3x5x16xf32>, tensor<?x?x3x2xi64>
  return
}

// -----

// An encoding of other rank than the result must not be copied to it.
#sparse = #sparse_tensor.encoding<{
  map = (b, s, r, m, d) -> (b : compressed, s : compressed, r : dense, m : dense, d : dense) }>
func.func @encoded(%q: tensor<?x?x3x5x16xf32, #sparse>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{without an encoding}}
  %0 = routed.gather %q[%e] : tensor<?x?x3x5x16xf32, #sparse>, tensor<?x?x3x2xi32>
  return
}

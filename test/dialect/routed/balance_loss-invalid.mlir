// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// balance_loss (C1)
func.func @dynamic_experts(%p: tensor<?x?x3x?xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{needs static R and M, but probs is [?, ?, 3, ?]}}
  %0 = routed.balance_loss %p, %e : tensor<?x?x3x?xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// balance_loss (C1)
func.func @dynamic_slots(%p: tensor<?x?x3x5xf32>, %e: tensor<?x?x3x?xi32>) {
  // expected-error @below {{needs static R and k, but experts is [?, ?, 3, ?]}}
  %0 = routed.balance_loss %p, %e : tensor<?x?x3x5xf32>, tensor<?x?x3x?xi32>
  return
}

// -----

// balance_loss (C2)
func.func @other_groups(%p: tensor<?x?x3x5xf32>, %e: tensor<?x?x4x2xi32>) {
  // expected-error @below {{probs and experts differ in R: 3 and 4}}
  %0 = routed.balance_loss %p, %e : tensor<?x?x3x5xf32>, tensor<?x?x4x2xi32>
  return
}

// -----

// balance_loss (C2)
func.func @other_tokens(%p: tensor<?x6x3x5xf32>, %e: tensor<?x7x3x2xi32>) {
  // expected-error @below {{probs and experts differ in S: 6 and 7}}
  %0 = routed.balance_loss %p, %e : tensor<?x6x3x5xf32>, tensor<?x7x3x2xi32>
  return
}

// -----

func.func @other_rank(%p: tensor<?x3x5xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{operand #0 must be 4D tensor of 32-bit float values}}
  %0 = routed.balance_loss %p, %e : tensor<?x3x5xf32>, tensor<?x?x3x2xi32>
  return
}

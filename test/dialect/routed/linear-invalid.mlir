// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// linear (C1)
func.func @dynamic_width(%x: tensor<?x?x16xf32>, %w: tensor<3x5x16x?xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{needs static R, M, in and out, but matrices is [3, 5, 16, ?]}}
  %0 = routed.linear %x, %w[%e] : tensor<?x?x16xf32>, tensor<3x5x16x?xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C1)
func.func @dynamic_input(%x: tensor<?x?x?xf32>, %w: tensor<3x5x16x8xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{needs static R, k and in, but input is [?, ?, ?]}}
  %0 = routed.linear %x, %w[%e] : tensor<?x?x?xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C1)
func.func @dynamic_slots(%x: tensor<?x?x16xf32>, %w: tensor<3x5x16x8xf32>, %e: tensor<?x?x3x?xi32>) {
  // expected-error @below {{needs static R and k, but experts is [?, ?, 3, ?]}}
  %0 = routed.linear %x, %w[%e] : tensor<?x?x16xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x?xi32>
  return
}

// -----

// linear (C1)
func.func @too_large(%x: tensor<?x?x16xf32>, %w: tensor<4294967296x4294967296x16x8xf32>,
                     %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{needs a product of R, M, in and out below 2^63}}
  %0 = routed.linear %x, %w[%e]
      : tensor<?x?x16xf32>, tensor<4294967296x4294967296x16x8xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C2)
func.func @other_slots(%x: tensor<?x?x3x4x16xf32>, %w: tensor<3x5x16x8xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{input and experts differ in k: 4 and 2}}
  %0 = routed.linear %x, %w[%e] : tensor<?x?x3x4x16xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C2)
func.func @other_batch(%x: tensor<7x?x16xf32>, %w: tensor<3x5x16x8xf32>, %e: tensor<4x?x3x2xi32>) {
  // expected-error @below {{input and experts differ in B: 7 and 4}}
  %0 = routed.linear %x, %w[%e] : tensor<7x?x16xf32>, tensor<3x5x16x8xf32>, tensor<4x?x3x2xi32>
  return
}

// -----

// linear (C3)
func.func @other_groups(%x: tensor<?x?x16xf32>, %w: tensor<4x5x16x8xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{experts have 3 groups, but matrices 4}}
  %0 = routed.linear %x, %w[%e] : tensor<?x?x16xf32>, tensor<4x5x16x8xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C4)
func.func @other_input(%x: tensor<?x?x8xf32>, %w: tensor<3x5x16x8xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{rows have 8 components, but matrices [3, 5, 16, 8] take 16}}
  %0 = routed.linear %x, %w[%e] : tensor<?x?x8xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C4)
func.func @not_transposed(%x: tensor<?x?x16xf32>, %w: tensor<3x5x16x8xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{rows have 16 components, but matrices [3, 5, 16, 8] (transposed) take 8}}
  %0 = routed.linear %x, %w[%e] transposed
      : tensor<?x?x16xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C5)
func.func @bias_of_the_input(%x: tensor<?x?x16xf32>, %w: tensor<3x5x16x8xf32>, %b: tensor<3x5x16xf32>,
                             %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{bias and matrices differ in out: 16 and 8}}
  %0 = routed.linear %x, %w[%e] bias(%b : tensor<3x5x16xf32>)
      : tensor<?x?x16xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C5)
func.func @bias_of_other_experts(%x: tensor<?x?x8xf32>, %w: tensor<3x5x16x8xf32>,
                                 %b: tensor<3x4x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{bias and matrices differ in M: 4 and 5}}
  %0 = routed.linear %x, %w[%e] transposed bias(%b : tensor<3x4x16xf32>)
      : tensor<?x?x8xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C6)
func.func @weights_of_other_slots(%x: tensor<?x?x16xf32>, %w: tensor<3x5x16x8xf32>,
                                  %g: tensor<?x?x3x4xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{weights and experts differ in k: 4 and 2}}
  %0 = routed.linear %x, %w[%e] weights(%g : tensor<?x?x3x4xf32>) sum all
      : tensor<?x?x16xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C7)
func.func @weights_of_nothing(%x: tensor<?x?x16xf32>, %w: tensor<3x5x16x8xf32>,
                              %g: tensor<?x?x3x2xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{has weights, but no sum to weigh}}
  %0 = routed.linear %x, %w[%e] weights(%g : tensor<?x?x3x2xf32>)
      : tensor<?x?x16xf32>, tensor<3x5x16x8xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C8)
func.func @mixed(%x: tensor<?x?x16xf32>, %w: tensor<3x5x16x8xbf16>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{mixes element types of input, matrices and bias}}
  %0 = routed.linear %x, %w[%e] : tensor<?x?x16xf32>, tensor<3x5x16x8xbf16>, tensor<?x?x3x2xi32>
  return
}

// -----

// linear (C8)
func.func @mixed_bias(%x: tensor<?x?x16xf16>, %w: tensor<3x5x16x8xf16>, %b: tensor<3x5x8xf32>,
                      %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{mixes element types of input, matrices and bias}}
  %0 = routed.linear %x, %w[%e] bias(%b : tensor<3x5x8xf32>)
      : tensor<?x?x16xf16>, tensor<3x5x16x8xf16>, tensor<?x?x3x2xi32>
  return
}

// -----

func.func @other_rank(%x: tensor<?x?x16xf32>, %w: tensor<5x16x8xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{'routed.linear' needs an input [B, S, ..., in], matrices [R, M, in, out] and experts [B, S, R, k]}}
  %0 = routed.linear %x, %w[%e] : tensor<?x?x16xf32>, tensor<5x16x8xf32>, tensor<?x?x3x2xi32>
  return
}

// -----

// The segments claim that all three are inputs.
func.func @segments(%x: tensor<?x?x3x16xf32>) {
  // expected-error @below {{operand segment #0 must be 1, got 3}}
  %0 = "routed.linear"(%x, %x, %x) <{operandSegmentSizes = array<i32: 3, 0, 0, 0, 0>}>
      : (tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>) -> tensor<?x?x3x16xf32>
  return
}

// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// append (C1)
func.func @mixed(%k: tensor<?x?x4x16xf16>, %K: tensor<?x?x4x16xf32>, %at: tensor<?xi32>) {
  // expected-error @below {{mixes element types of rows and cache}}
  %0 = routed.append %k into %K at %at : tensor<?x?x4x16xf16>, tensor<?x?x4x16xf32>, tensor<?xi32>
  return
}

// -----

// append (C2)
func.func @other_rank(%k: tensor<?x?x4x16xf32>, %K: tensor<?x?x64xf32>, %at: tensor<?xi32>) {
  // expected-error @below {{needs rows [B, S, ...] and a cache [B, P, ...] of one rank, but they are [?, ?, 4, 16] and [?, ?, 64]}}
  %0 = routed.append %k into %K at %at : tensor<?x?x4x16xf32>, tensor<?x?x64xf32>, tensor<?xi32>
  return
}

// -----

// append (C2)
func.func @no_rows(%k: tensor<?x?xf32>, %K: tensor<?x?xf32>, %at: tensor<?xi32>) {
  // expected-error @below {{of one rank, but they are [?, ?] and [?, ?]}}
  %0 = routed.append %k into %K at %at : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xi32>
  return
}

// -----

// append (C2)
func.func @scalars(%k: tensor<f32>, %K: tensor<f32>, %at: tensor<?xi32>) {
  // expected-error @below {{of one rank, but they are [] and []}}
  %0 = routed.append %k into %K at %at : tensor<f32>, tensor<f32>, tensor<?xi32>
  return
}

// -----

// append (C3)
func.func @other_width(%k: tensor<?x?x4x16xf32>, %K: tensor<?x?x4x8xf32>, %at: tensor<?xi32>) {
  // expected-error @below {{rows and cache differ in dimension 3: 16 and 8}}
  %0 = routed.append %k into %K at %at : tensor<?x?x4x16xf32>, tensor<?x?x4x8xf32>, tensor<?xi32>
  return
}

// -----

// append (C3)
func.func @other_batch(%k: tensor<2x?x4x16xf32>, %K: tensor<3x?x4x16xf32>, %at: tensor<?xi32>) {
  // expected-error @below {{rows and cache differ in B: 2 and 3}}
  %0 = routed.append %k into %K at %at : tensor<2x?x4x16xf32>, tensor<3x?x4x16xf32>, tensor<?xi32>
  return
}

// -----

// append (C3)
func.func @position_of_other_batch(%k: tensor<2x?x4x16xf32>, %K: tensor<?x?x4x16xf32>, %at: tensor<3xi32>) {
  // expected-error @below {{position and rows differ in B: 3 and 2}}
  %0 = routed.append %k into %K at %at : tensor<2x?x4x16xf32>, tensor<?x?x4x16xf32>, tensor<3xi32>
  return
}

// -----

// append (C3)
func.func @position_of_other_cache(%k: tensor<?x?x4x16xf32>, %K: tensor<2x?x4x16xf32>, %at: tensor<3xi32>) {
  // expected-error @below {{position and cache differ in B: 3 and 2}}
  %0 = routed.append %k into %K at %at : tensor<?x?x4x16xf32>, tensor<2x?x4x16xf32>, tensor<3xi32>
  return
}

// -----

func.func @unranked(%k: tensor<*xf32>, %K: tensor<?x?x4x16xf32>, %at: tensor<?xi32>) {
  // expected-error @below {{expected builtin.tensor, but found 'tensor<*xf32>'}}
  %0 = routed.append %k into %K at %at : tensor<*xf32>, tensor<?x?x4x16xf32>, tensor<?xi32>
  return
}

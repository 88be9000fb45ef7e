// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// rope (C1)
func.func @dynamic_width(%x: tensor<?x?x4x?xf32>, %cos: tensor<?x8xf32>) {
  // expected-error @below {{needs static heads and D, but source is [?, ?, 4, ?]}}
  %0 = routed.rope %x, %cos, %cos : tensor<?x?x4x?xf32>, tensor<?x8xf32>
  return
}

// -----

// rope (C1)
func.func @dynamic_table(%x: tensor<?x?x4x16xf32>, %cos: tensor<?x?xf32>) {
  // expected-error @below {{needs static n, but cos is [?, ?]}}
  %0 = routed.rope %x, %cos, %cos : tensor<?x?x4x16xf32>, tensor<?x?xf32>
  return
}

// -----

// rope (C1)
func.func @empty_table(%x: tensor<?x?x4x16xf32>, %cos: tensor<?x0xf32>) {
  // expected-error @below {{needs n of at least 1, but cos is [?, 0]}}
  %0 = routed.rope %x, %cos, %cos : tensor<?x?x4x16xf32>, tensor<?x0xf32>
  return
}

// -----

// rope (C2): a table that holds each half twice.
func.func @full_table(%x: tensor<?x?x4x16xf32>, %cos: tensor<?x16xf32>) {
  // expected-error @below {{rotates two times 16 components of rows that have 16}}
  %0 = routed.rope %x, %cos, %cos : tensor<?x?x4x16xf32>, tensor<?x16xf32>
  return
}

// -----

// rope (C2): 2n does not wrap.
func.func @huge_table(%x: tensor<?x?x4x16xf32>, %cos: tensor<?x4611686018427387904xf32>) {
  // expected-error @below {{rotates two times 4611686018427387904 components}}
  %0 = routed.rope %x, %cos, %cos : tensor<?x?x4x16xf32>, tensor<?x4611686018427387904xf32>
  return
}

// -----

// rope (C3)
func.func @positions_of_other_heads(%x: tensor<?x?x4x16xf32>, %cos: tensor<?x8xf32>,
                                    %p: tensor<?x?x5xi32>) {
  // expected-error @below {{positions and source differ in dimension 2: 5 and 4}}
  %0 = routed.rope %x, %cos, %cos positions(%p : tensor<?x?x5xi32>)
      : tensor<?x?x4x16xf32>, tensor<?x8xf32>
  return
}

// -----

// rope (C3)
func.func @positions_of_components(%x: tensor<?x?x4x16xf32>, %cos: tensor<?x8xf32>,
                                   %p: tensor<?x?x4x16xi32>) {
  // expected-error @below {{positions are one for each row, but they are [?, ?, 4, 16] and source [?, ?, 4, 16]}}
  %0 = routed.rope %x, %cos, %cos positions(%p : tensor<?x?x4x16xi32>)
      : tensor<?x?x4x16xf32>, tensor<?x8xf32>
  return
}

// -----

func.func @other_rank(%x: tensor<?x16xf32>, %cos: tensor<?x8xf32>) {
  // expected-error @below {{'routed.rope' needs a source [B, S, ..., D]}}
  %0 = routed.rope %x, %cos, %cos : tensor<?x16xf32>, tensor<?x8xf32>
  return
}

// -----

func.func @tables_differ(%x: tensor<?x?x4x16xf32>, %cos: tensor<?x8xf32>, %sin: tensor<?x4xf32>) {
  // expected-error @below {{failed to verify that all of {cos, sin} have same type}}
  %0 = "routed.rope"(%x, %cos, %sin)
      : (tensor<?x?x4x16xf32>, tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x?x4x16xf32>
  return
}

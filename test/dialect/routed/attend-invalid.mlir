// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// attend (C1)
func.func @dynamic_heads(%q: tensor<?x?x?x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{needs static heads and widths, but query is [?, ?, ?, 16]}}
  %o, %l = routed.attend %q, %k, %k : tensor<?x?x?x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C1)
func.func @no_key_heads(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x0x16xf32>) {
  // expected-error @below {{needs heads and widths of at least 1, but key is [?, ?, 0, 16]}}
  %o, %l = routed.attend %q, %k, %k : tensor<?x?x6x16xf32>, tensor<?x?x0x16xf32>, tensor<?x?x0x16xf32>
  return
}

// -----

// attend (C1)
func.func @dynamic_value(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x16xf32>, %v: tensor<?x?x3x?xf32>) {
  // expected-error @below {{needs static heads and widths, but value is [?, ?, 3, ?]}}
  %o, %l = routed.attend %q, %k, %v : tensor<?x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x?xf32>
  return
}

// -----

// attend (C1)
func.func @too_many_heads(%q: tensor<?x?x4294967296x4294967296x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{needs a product of heads and widths below 2^63}}
  %o, %l = routed.attend %q, %k, %k
      : tensor<?x?x4294967296x4294967296x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C2)
func.func @mixed(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x16xbf16>) {
  // expected-error @below {{mixes element types of query, key and value}}
  %o, %l = routed.attend %q, %k, %k : tensor<?x?x6x16xf32>, tensor<?x?x3x16xbf16>, tensor<?x?x3x16xbf16>
  return
}

// -----

// attend (C3)
func.func @other_width(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x8xf32>) {
  // expected-error @below {{query and key differ in D: 16 and 8}}
  %o, %l = routed.attend %q, %k, %k : tensor<?x?x6x16xf32>, tensor<?x?x3x8xf32>, tensor<?x?x3x8xf32>
  return
}

// -----

// attend (C3)
func.func @other_batch(%q: tensor<4x?x6x16xf32>, %k: tensor<2x?x3x16xf32>) {
  // expected-error @below {{query and key differ in B: 4 and 2}}
  %o, %l = routed.attend %q, %k, %k : tensor<4x?x6x16xf32>, tensor<2x?x3x16xf32>, tensor<2x?x3x16xf32>
  return
}

// -----

// attend (C3)
func.func @values_of_other_tokens(%q: tensor<?x?x6x16xf32>, %k: tensor<?x7x3x16xf32>, %v: tensor<?x8x3x16xf32>) {
  // expected-error @below {{key and value differ in T: 7 and 8}}
  %o, %l = routed.attend %q, %k, %v : tensor<?x?x6x16xf32>, tensor<?x7x3x16xf32>, tensor<?x8x3x16xf32>
  return
}

// -----

// attend (C3)
func.func @values_of_other_heads(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x16xf32>, %v: tensor<?x?x2x16xf32>) {
  // expected-error @below {{key and value differ in dimension 2: 3 and 2}}
  %o, %l = routed.attend %q, %k, %v : tensor<?x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x2x16xf32>
  return
}

// -----

// attend (C3)
func.func @values_of_other_rank(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x16xf32>, %v: tensor<?x?x3x2x16xf32>) {
  // expected-error @below {{keys are [?, ?, 3, 16], but values [?, ?, 3, 2, 16]}}
  %o, %l = routed.attend %q, %k, %v : tensor<?x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x2x16xf32>
  return
}

// -----

// attend (C4)
func.func @kv_len_of_other_batch(%q: tensor<4x?x6x16xf32>, %k: tensor<?x?x3x16xf32>, %n: tensor<5xi32>) {
  // expected-error @below {{kv_len and query differ in B: 5 and 4}}
  %o, %l = routed.attend %q, %k, %k kv_len(%n : tensor<5xi32>)
      : tensor<4x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C4)
func.func @kv_start_of_other_batch(%q: tensor<4x?x6x16xf32>, %k: tensor<?x?x3x16xf32>, %n: tensor<5xi32>) {
  // expected-error @below {{kv_start and query differ in B: 5 and 4}}
  %o, %l = routed.attend %q, %k, %k kv_start(%n : tensor<5xi32>)
      : tensor<4x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C4)
func.func @q_len_of_other_batch(%q: tensor<4x?x6x16xf32>, %k: tensor<?x?x3x16xf32>, %n: tensor<5xi32>) {
  // expected-error @below {{q_len and query differ in B: 5 and 4}}
  %o, %l = routed.attend %q, %k, %k q_len(%n : tensor<5xi32>)
      : tensor<4x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C5)
func.func @mask_of_other_batch(%q: tensor<4x?x6x16xf32>, %k: tensor<?x?x3x16xf32>, %m: tensor<3x?x?xi1>) {
  // expected-error @below {{mask and the pairs it masks differ in B: 3 and 4}}
  %o, %l = routed.attend %q, %k, %k mask(%m : tensor<3x?x?xi1>)
      : tensor<4x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C5)
func.func @mask_of_other_keys(%q: tensor<?x5x6x16xf32>, %k: tensor<?x7x3x16xf32>, %m: tensor<1x5x5xi1>) {
  // expected-error @below {{mask and the pairs it masks differ in T: 5 and 7}}
  %o, %l = routed.attend %q, %k, %k mask(%m : tensor<1x5x5xi1>)
      : tensor<?x5x6x16xf32>, tensor<?x7x3x16xf32>, tensor<?x7x3x16xf32>
  return
}

// -----

// attend (C5)
func.func @mask_of_other_queries(%q: tensor<?x5x6x16xf32>, %k: tensor<?x7x3x16xf32>, %m: tensor<?x7x7xi1>) {
  // expected-error @below {{mask and the pairs it masks differ in S: 7 and 5}}
  %o, %l = routed.attend %q, %k, %k mask(%m : tensor<?x7x7xi1>)
      : tensor<?x5x6x16xf32>, tensor<?x7x3x16xf32>, tensor<?x7x3x16xf32>
  return
}

// -----

// attend (C6)
func.func @window_both_ways(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{has a window of 4, which must be at least 1 and causal}}
  %o, %l = routed.attend %q, %k, %k window 4
      : tensor<?x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C6)
func.func @window_of_nothing(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{has a window of 0, which must be at least 1 and causal}}
  %o, %l = routed.attend %q, %k, %k causal window 0
      : tensor<?x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C7)
func.func @experts_of_plain_heads(%q: tensor<?x?x6x16xf32>, %k: tensor<?x?x3x16xf32>, %e: tensor<?x?x6x2xi32>) {
  // expected-error @below {{has experts, so its query must have slots [B, S, R, k, ..., D], but it is [?, ?, 6, 16]}}
  %o, %l = routed.attend %q, %k, %k experts(%e of 5 : tensor<?x?x6x2xi32>)
      : tensor<?x?x6x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C7)
func.func @experts_of_other_slots(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %e: tensor<?x?x3x4xi32>) {
  // expected-error @below {{experts and query differ in k: 4 and 2}}
  %o, %l = routed.attend %q, %k, %k experts(%e of 5 : tensor<?x?x3x4xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C7)
func.func @experts_of_none(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{needs the number of its experts, at least 1, beside its experts}}
  %o, %l = routed.attend %q, %k, %k experts(%e of 0 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C7): kv_head would be evaluated for every expert, of which nobody says
// how many there are.
func.func @experts_without_number(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{needs the number of its experts, at least 1, beside its experts}}
  %o, %l = "routed.attend"(%q, %k, %k, %e) <{kv_head = affine_map<(r, j)[e] -> (e)>,
      operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 1, 0>}> ({})
      : (tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x2xi32>)
      -> (tensor<?x?x3x2x16xf32>, tensor<?x?x3x2xf32>)
  return
}

// -----

// attend (C7)
func.func @number_without_experts(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{needs the number of its experts, at least 1, beside its experts}}
  %o, %l = "routed.attend"(%q, %k, %k) <{num_experts = 5 : i64,
      operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 0>}> ({})
      : (tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>)
      -> (tensor<?x?x3x2x16xf32>, tensor<?x?x3x2xf32>)
  return
}

// -----

// attend (C8)
func.func @history_without_experts(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x2x16xf32>, %h: tensor<?x?x3x2xi32>) {
  // expected-error @below {{has a history, so it needs experts, keys [B, T, R, k, D] and no kv_head}}
  %o, %l = routed.attend %q, %k, %k history(%h : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>
  return
}

// -----

// attend (C8)
func.func @history_with_kv_head(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x2x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{has a history, so it needs experts, keys [B, T, R, k, D] and no kv_head}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(r, j) -> (r)>
      experts(%e of 5 : tensor<?x?x3x2xi32>) history(%e : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>
  return
}

// -----

// attend (C8)
func.func @history_of_plain_keys(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{has a history, so it needs experts, keys [B, T, R, k, D] and no kv_head}}
  %o, %l = routed.attend %q, %k, %k experts(%e of 5 : tensor<?x?x3x2xi32>)
      history(%e : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C8)
func.func @history_of_other_slots(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x2x16xf32>,
                                  %e: tensor<?x?x3x2xi32>, %h: tensor<?x?x3x4xi32>) {
  // expected-error @below {{history and key differ in k: 4 and 2}}
  %o, %l = routed.attend %q, %k, %k experts(%e of 5 : tensor<?x?x3x2xi32>)
      history(%h : tensor<?x?x3x4xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>
  return
}

// -----

// attend (C8)
func.func @history_of_other_groups(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x4x2x16xf32>,
                                   %e: tensor<?x?x3x2xi32>, %h: tensor<?x?x4x2xi32>) {
  // expected-error @below {{query has 3 groups, but its history 4}}
  %o, %l = routed.attend %q, %k, %k experts(%e of 5 : tensor<?x?x3x2xi32>)
      history(%h : tensor<?x?x4x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x4x2x16xf32>, tensor<?x?x4x2x16xf32>
  return
}

// -----

// attend (C9)
func.func @keys_with_slots(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x2x16xf32>) {
  // expected-error @below {{has no history, so its keys must be [B, T, H, D], but they are [?, ?, 3, 2, 16]}}
  %o, %l = routed.attend %q, %k, %k
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>, tensor<?x?x3x2x16xf32>
  return
}

// -----

// attend (C9)
func.func @uneven(%q: tensor<?x?x5x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{cannot share 3 key-value heads evenly among 5 query heads; say which with kv_head}}
  %o, %l = routed.attend %q, %k, %k : tensor<?x?x5x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C9)
func.func @kv_head_of_other_rank(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{kv_head must map 2 head indices, and possibly an expert, to one key-value head}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(h) -> (h)>
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C9)
func.func @kv_head_of_two_results(%q: tensor<?x?x3x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{kv_head must map 1 head index, and possibly an expert, to one key-value head}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(h) -> (h, h)>
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C9)
func.func @kv_head_of_no_result(%q: tensor<?x?x3x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{to one key-value head}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(h) -> ()>
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C9)
func.func @kv_head_of_two_symbols(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{kv_head must map 2 head indices, and possibly an expert, to one key-value head}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(r, j)[e, f] -> (r)>
      experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C9)
func.func @kv_head_of_unknown_expert(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{kv_head reads the chosen expert, so experts are needed}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(r, j)[e] -> (e)>
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C10)
func.func @kv_head_beyond(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{kv_head names key-value head 3, but there are 3}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(r, j) -> (r + j)>
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C10)
func.func @kv_head_below(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{kv_head names key-value head -1, but there are 3}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(r, j) -> (r - j)>
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C10): the last of five experts has no head.
func.func @kv_head_of_the_last_expert(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x4x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{kv_head names key-value head 4, but there are 4}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(r, j)[e] -> (e)>
      experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x4x16xf32>, tensor<?x?x4x16xf32>
  return
}

// -----

// attend (C10)
func.func @kv_head_divides_by_zero(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{kv_head divides by 0 or less}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(r, j)[e] -> (r mod e)>
      experts(%e of 5 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C10)
func.func @kv_head_without_end(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{kv_head has more than 2^20 head indices and experts to check}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(r, j)[e] -> (r)>
      experts(%e of 9223372036854775807 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C10): 6 * 174763 = 2^20 + 2.
func.func @kv_head_of_too_many(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>, %e: tensor<?x?x3x2xi32>) {
  // expected-error @below {{kv_head has more than 2^20 head indices and experts to check}}
  %o, %l = routed.attend %q, %k, %k kv_head affine_map<(r, j)[e] -> (r)>
      experts(%e of 174763 : tensor<?x?x3x2xi32>)
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return
}

// -----

// attend (C11)
func.func @score_of_too_few(%q: tensor<?x?x3x2x16xf32>, %k: tensor<?x?x3x16xf32>) {
  // expected-error @below {{score region must take an f32 and 5 indices (b, s, t, and one for each head dimension)}}
  %o, %l = routed.attend %q, %k, %k
      : tensor<?x?x3x2x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %r: index):
    routed.yield %a
  }
  return
}

// -----

// attend (C11)
func.func @score_of_bf16(%q: tensor<?x?x3x16xbf16>, %zero: f32) {
  // expected-error @below {{score region must take an f32 and 4 indices}}
  %o, %l = routed.attend %q, %q, %q
      : tensor<?x?x3x16xbf16>, tensor<?x?x3x16xbf16>, tensor<?x?x3x16xbf16> score {
  ^bb0(%a: bf16, %b: index, %s: index, %t: index, %h: index):
    routed.yield %zero
  }
  return
}

// -----

// attend (C11)
func.func @score_of_other_end(%q: tensor<?x?x3x16xf32>) {
  // expected-error @below {{score region must end in routed.yield}}
  %o, %l = routed.attend %q, %q, %q
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    ub.unreachable
  }
  return
}

// -----

func.func @score_without_end(%q: tensor<?x?x3x16xf32>) {
  %o, %l = routed.attend %q, %q, %q
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-error @below {{block with no terminator}}
    %x = math.tanh %a : f32
  }
  return
}

// -----

// attend (C12)
func.func @score_with_memory(%q: tensor<?x?x3x16xf32>, %m: memref<4xf32>) {
  %o, %l = routed.attend %q, %q, %q
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-error @below {{'memref.store' op cannot be part of a score: only ops without side effects and regions that give scalars can}}
    memref.store %a, %m[%t] : memref<4xf32>
    routed.yield %a
  }
  return
}

// -----

// attend (C12)
func.func @score_with_region(%q: tensor<?x?x3x16xf32>, %c: i1) {
  %o, %l = routed.attend %q, %q, %q
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-error @below {{'scf.if' op cannot be part of a score}}
    %x = scf.if %c -> f32 {
      scf.yield %a : f32
    } else {
      scf.yield %a : f32
    }
    routed.yield %x
  }
  return
}

// -----

// attend (C12)
func.func @score_with_tensors(%q: tensor<?x?x3x16xf32>) {
  %o, %l = routed.attend %q, %q, %q
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-error @below {{'routed.mean_heads' op cannot be part of a score}}
    %mean = routed.mean_heads %q : tensor<?x?x3x16xf32>
    routed.yield %a
  }
  return
}

// -----

// attend (C12)
func.func private @unknown(f32) -> f32
func.func @score_with_call(%q: tensor<?x?x3x16xf32>) {
  %o, %l = routed.attend %q, %q, %q
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-error @below {{'func.call' op cannot be part of a score}}
    %x = func.call @unknown(%a) : (f32) -> f32
    routed.yield %x
  }
  return
}

// -----

// An op inside the region that is malformed is found before its effects are
// asked for.
func.func @score_with_malformed_op(%q: tensor<?x?x3x16xf32>) {
  %o, %l = routed.attend %q, %q, %q
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-error @below {{'memref.load' op expected 1 or more operands, but found 0}}
    %x = "memref.load"() : () -> f32
    routed.yield %x
  }
  return
}

// -----

func.func @empty_score(%q: tensor<?x?x3x16xf32>) {
  // expected-error @below {{expects a non-empty block}}
  %o, %l = "routed.attend"(%q, %q, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 0>}> ({
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
  }) : (tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>)
      -> (tensor<?x?x3x16xf32>, tensor<?x?x3xf32>)
  return
}

// -----

func.func @score_of_two_blocks(%q: tensor<?x?x3x16xf32>) {
  // expected-error @below {{expects region #0 to have 0 or 1 blocks}}
  %o, %l = routed.attend %q, %q, %q
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    cf.br ^bb1
  ^bb1:
    routed.yield %a
  }
  return
}

// -----

func.func @no_region(%q: tensor<?x?x3x16xf32>) {
  // expected-error @below {{requires one region}}
  %o, %l = "routed.attend"(%q, %q, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 0>}>
      : (tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>)
      -> (tensor<?x?x3x16xf32>, tensor<?x?x3xf32>)
  return
}

// -----

func.func @yields_other_type(%q: tensor<?x?x3x16xf32>) {
  %o, %l = routed.attend %q, %q, %q
      : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-error @below {{'routed.yield' op operand #0 must be 32-bit float, but got 'index'}}
    "routed.yield"(%b) : (index) -> ()
  }
  return
}

// -----

func.func @yield_alone(%a: f32) {
  // expected-error @below {{'routed.yield' op expects parent op 'routed.attend'}}
  routed.yield %a
}

// -----

func.func @other_rank(%q: tensor<?x?x16xf32>) {
  // expected-error @below {{'routed.attend' needs a query [B, S, h..., D], and keys and values [B, T, ..., D]}}
  %o, %l = routed.attend %q, %q, %q : tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>
  return
}

// -----

// The segments claim that all three operands are queries: there is no key.
func.func @segments(%q: tensor<?x?x3x16xf32>) {
  // expected-error @below {{operand segment #0 must be 1, got 3}}
  %o, %l = "routed.attend"(%q, %q, %q) <{operandSegmentSizes = array<i32: 3, 0, 0, 0, 0, 0, 0, 0, 0>}> ({})
      : (tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>)
      -> (tensor<?x?x3x16xf32>, tensor<?x?x3xf32>)
  return
}

// RUN: headgate-opt %s --split-input-file --verify-diagnostics

// select (C1)
func.func @dynamic_groups(%l: tensor<?x?x?x4xf32>) {
  // expected-error @below {{needs static R and M, but logits is [?, ?, ?, 4]}}
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x?x4xf32>
  return
}

// -----

// select (C1)
func.func @dynamic_experts(%l: tensor<?x?x3x?xf32>) {
  // expected-error @below {{needs static R and M, but logits is [?, ?, 3, ?]}}
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x3x?xf32>
  return
}

// -----

// select (C1)
func.func @no_groups(%l: tensor<?x?x0x4xf32>) {
  // expected-error @below {{needs R and M of at least 1, but logits is [?, ?, 0, 4]}}
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x0x4xf32>
  return
}

// -----

// select (C1)
func.func @too_many(%l: tensor<?x?x4611686018427387904x4xf32>) {
  // expected-error @below {{needs a product of R and M below 2^63}}
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x4611686018427387904x4xf32>
  return
}

// -----

// select (C2)
func.func @more_than_there_are(%l: tensor<?x?x2x4xf32>) {
  // expected-error @below {{'routed.select' op takes 5 experts of each group, but a group has 4}}
  %e, %w, %p = routed.select %l top 5 softmax_all : tensor<?x?x2x4xf32>
  return
}

// -----

// select (C2)
func.func @none(%l: tensor<?x?x2x4xf32>) {
  // expected-error @below {{takes 0 experts of each group, but a group has 4}}
  %e, %w, %p = routed.select %l top 0 softmax_all : tensor<?x?x2x4xf32>
  return
}

// -----

func.func @negative(%l: tensor<?x?x2x4xf32>) {
  // expected-error @below {{takes -1 experts of each group}}
  %e, %w, %p = routed.select %l top -1 softmax_all : tensor<?x?x2x4xf32>
  return
}

// -----

// select (C3)
func.func @bias_of_other_experts(%l: tensor<?x?x2x4xf32>, %b: tensor<2x5xf32>) {
  // expected-error @below {{bias and logits differ in M: 5 and 4}}
  %e, %w, %p = routed.select %l top 2 softmax_all bias(%b : tensor<2x5xf32>) : tensor<?x?x2x4xf32>
  return
}

// -----

// select (C3)
func.func @bias_of_other_groups(%l: tensor<?x?x2x4xf32>, %b: tensor<3x4xf32>) {
  // expected-error @below {{bias and logits differ in R: 3 and 2}}
  %e, %w, %p = routed.select %l top 2 softmax_all bias(%b : tensor<3x4xf32>) : tensor<?x?x2x4xf32>
  return
}

// -----

// select (C4)
func.func @valid_of_other_tokens(%l: tensor<?x7x2x4xf32>, %v: tensor<?x6xi1>) {
  // expected-error @below {{valid and logits differ in S: 6 and 7}}
  %e, %w, %p = routed.select %l top 2 softmax_all valid(%v : tensor<?x6xi1>) : tensor<?x7x2x4xf32>
  return
}

// -----

// select (C5)
func.func @normalised_twice(%l: tensor<?x?x2x4xf32>) {
  // expected-error @below {{normalises each group twice: the weights of softmax_topk sum to one already}}
  %e, %w, %p = routed.select %l top 2 softmax_topk norm group : tensor<?x?x2x4xf32>
  return
}

// -----

func.func @no_tensor(%l: f32) {
  // expected-error @below {{invalid kind of type specified: expected builtin.tensor, but found 'f32'}}
  %e, %w, %p = routed.select %l top 2 softmax_all : f32
  return
}

// -----

func.func @unranked(%l: tensor<*xf32>) {
  // expected-error @below {{expected builtin.tensor, but found 'tensor<*xf32>'}}
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<*xf32>
  return
}

// -----

func.func @other_rank(%l: tensor<?x2x4xf32>) {
  // expected-error @below {{'routed.select' needs logits [B, S, R, M]}}
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x2x4xf32>
  return
}

// -----

func.func @other_element(%l: tensor<?x?x2x4xf64>) {
  // expected-error @below {{operand #0 must be 4D tensor of 32-bit float or 16-bit float or bfloat16 type values without an encoding, but got 'tensor<?x?x2x4xf64>'}}
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x2x4xf64>
  return
}

// -----

#sparse = #sparse_tensor.encoding<{
  map = (b, s, r, m) -> (b : compressed, s : compressed, r : dense, m : dense) }>
func.func @encoded(%l: tensor<?x?x2x4xf32, #sparse>) {
  // expected-error @below {{without an encoding}}
  %e, %w, %p = routed.select %l top 2 softmax_all : tensor<?x?x2x4xf32, #sparse>
  return
}

// -----

func.func @valid_is_no_flag(%l: tensor<?x?x2x4xf32>, %v: tensor<?x?xi8>) {
  // expected-error @below {{operand #1 must be 2D tensor of 1-bit signless integer values}}
  %e, %w, %p = routed.select %l top 2 softmax_all valid(%v : tensor<?x?xi8>) : tensor<?x?x2x4xf32>
  return
}

// -----

func.func @unknown_activation(%l: tensor<?x?x2x4xf32>) {
  // expected-error @+2 {{expected ::headgate::routed::Activation to be one of: softmax_all, softmax_topk, sigmoid, ones}}
  // expected-error @below {{failed to parse Routed_ActivationAttr parameter 'value'}}
  %e, %w, %p = routed.select %l top 2 relu : tensor<?x?x2x4xf32>
  return
}

// -----

func.func @an_option_twice(%l: tensor<?x?x2x4xf32>) {
  // expected-error @below {{`norm` clause can appear at most once}}
  %e, %w, %p = routed.select %l top 2 sigmoid norm token norm group : tensor<?x?x2x4xf32>
  return
}

// -----

// In the generic form nothing is there by itself.
func.func @no_attributes(%l: tensor<?x?x2x4xf32>) {
  // expected-error @below {{'routed.select' op requires attribute 'activation'}}
  %e, %w, %p = "routed.select"(%l) <{operandSegmentSizes = array<i32: 1, 0, 0>}>
      : (tensor<?x?x2x4xf32>) -> (tensor<?x?x2x1xi32>, tensor<?x?x2x1xf32>, tensor<?x?x2x4xf32>)
  return
}

// -----

func.func @no_operands() {
  // expected-error @below {{'routed.select' op expected 1 or more operands, but found 0}}
  %e, %w, %p = "routed.select"() <{activation = #routed<activation sigmoid>, k = 1 : i64,
      operandSegmentSizes = array<i32: 0, 0, 0>}>
      : () -> (tensor<?x?x2x1xi32>, tensor<?x?x2x1xf32>, tensor<?x?x2x4xf32>)
  return
}

// -----

func.func @no_logits(%v: tensor<?x?xi1>) {
  // expected-error @below {{operand segment #0 must be 1, got 0}}
  %e, %w, %p = "routed.select"(%v) <{activation = #routed<activation sigmoid>, k = 1 : i64,
      operandSegmentSizes = array<i32: 0, 0, 1>}>
      : (tensor<?x?xi1>) -> (tensor<?x?x2x1xi32>, tensor<?x?x2x1xf32>, tensor<?x?x2x4xf32>)
  return
}

// -----

func.func @segments_of_more_operands(%l: tensor<?x?x2x4xf32>) {
  // expected-error @below {{operand count (1) does not match with the total size (3)}}
  %e, %w, %p = "routed.select"(%l) <{activation = #routed<activation sigmoid>, k = 1 : i64,
      operandSegmentSizes = array<i32: 1, 1, 1>}>
      : (tensor<?x?x2x4xf32>) -> (tensor<?x?x2x1xi32>, tensor<?x?x2x1xf32>, tensor<?x?x2x4xf32>)
  return
}

// -----

func.func @other_results(%l: tensor<?x?x2x4xf32>) {
  // expected-error @+2 {{'routed.select' op inferred type(s) 'tensor<?x?x2x1xi32>', 'tensor<?x?x2x1xf32>', 'tensor<?x?x2x4xf32>' are incompatible with return type(s) of operation}}
  // expected-error @below {{failed to infer returned types}}
  %e, %w, %p = "routed.select"(%l) <{activation = #routed<activation sigmoid>, k = 1 : i64,
      operandSegmentSizes = array<i32: 1, 0, 0>}>
      : (tensor<?x?x2x4xf32>) -> (tensor<?x?x2x3xi32>, tensor<?x?x2x1xf32>, tensor<?x?x2x4xf32>)
  return
}

// -----

func.func @results_missing(%l: tensor<?x?x2x4xf32>) {
  // expected-error @below {{'routed.select' op expected 3 results}}
  %e = "routed.select"(%l) <{activation = #routed<activation sigmoid>, k = 1 : i64,
      operandSegmentSizes = array<i32: 1, 0, 0>}> : (tensor<?x?x2x4xf32>) -> tensor<?x?x2x1xi32>
  return
}

// -----

func.func @attribute_of_other_type(%l: tensor<?x?x2x4xf32>) {
  // expected-error @below {{attribute 'k' failed to satisfy constraint: 64-bit integer}}
  %e, %w, %p = "routed.select"(%l) <{activation = #routed<activation sigmoid>, k = 1 : i32,
      operandSegmentSizes = array<i32: 1, 0, 0>}>
      : (tensor<?x?x2x4xf32>) -> (tensor<?x?x2x1xi32>, tensor<?x?x2x1xf32>, tensor<?x?x2x4xf32>)
  return
}

// -----

func.func @attribute_of_other_kind(%l: tensor<?x?x2x4xf32>) {
  // expected-error @below {{Invalid attribute `activation` in property conversion: "sigmoid"}}
  %e, %w, %p = "routed.select"(%l) <{activation = "sigmoid", k = 1 : i64,
      operandSegmentSizes = array<i32: 1, 0, 0>}>
      : (tensor<?x?x2x4xf32>) -> (tensor<?x?x2x1xi32>, tensor<?x?x2x1xf32>, tensor<?x?x2x4xf32>)
  return
}

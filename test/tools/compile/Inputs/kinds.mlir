// A kernel of each kind: a projection, tokens by themselves, attention and what
// is none of these. ELEMENT is the type of the rows.
#x = affine_map<(b, s, h, e, d) -> (b, s, d)>
#w = affine_map<(b, s, h, e, d) -> (h, e, d)>
#y = affine_map<(b, s, h, e, d) -> (b, s, h, e)>
func.func @layer(%x: tensor<?x?x24xELEMENT> {routed.dims = ["B", "S"]},
                 %w: tensor<2x16x24xELEMENT>,
                 %logits: tensor<?x?x1x3xf32> {routed.dims = ["B", "S"]},
                 %k: tensor<?x?x2x16xELEMENT> {routed.dims = ["B", "T"]})
    -> (tensor<?x?x2x16xELEMENT>, tensor<?x?x1x2xi32>, tensor<f32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x?x24xELEMENT>
  %S = tensor.dim %x, %c1 : tensor<?x?x24xELEMENT>
  %empty = tensor.empty(%B, %S) : tensor<?x?x2x16xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x?x2x16xf32>) -> tensor<?x?x2x16xf32>
  %sums = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w : tensor<?x?x24xELEMENT>, tensor<2x16x24xELEMENT>)
      outs(%fill : tensor<?x?x2x16xf32>) -> tensor<?x?x2x16xf32>
  ROUND
  %experts, %weights, %probs = routed.select %logits top 2 softmax_all : tensor<?x?x1x3xf32>
  %loss = routed.balance_loss %probs, %experts : tensor<?x?x1x3xf32>, tensor<?x?x1x2xi32>
  %o, %lse = routed.attend %q, %k, %k causal
      : tensor<?x?x2x16xELEMENT>, tensor<?x?x2x16xELEMENT>, tensor<?x?x2x16xELEMENT>
  return %o, %experts, %loss : tensor<?x?x2x16xELEMENT>, tensor<?x?x1x2xi32>, tensor<f32>
}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What an attention and a projection cost on the simulated GPU, counted: no bank
conflicts in shared memory, and no more products than their tiles have.
"""
import json
import os
import sys
import tempfile

import pipeline

ATTEND = """
func.func @layer(
    %q: tensor<?x?x2xDxbf16> {routed.name = "q", routed.dims = ["B", "S"]},
    %k: tensor<?x?x2xDxbf16> {routed.name = "k", routed.dims = ["B", "T"]},
    %v: tensor<?x?x2xDxbf16> {routed.name = "v", routed.dims = ["B", "T"]})
    -> (tensor<?x?x2xDxbf16> {routed.name = "o", routed.dims = ["B", "S"]}) {
  %o, %lse = routed.attend %q, %k, %v
      : tensor<?x?x2xDxbf16>, tensor<?x?x2xDxbf16>, tensor<?x?x2xDxbf16>
  return %o : tensor<?x?x2xDxbf16>
}
"""
GEMM = """
#x = affine_map<(b, s, n, k) -> (b, s, k)>
#w = affine_map<(b, s, n, k) -> (n, k)>
#y = affine_map<(b, s, n, k) -> (b, s, n)>
func.func @layer(
    %x: tensor<?x?xDxbf16> {routed.name = "x", routed.dims = ["B", "S"]},
    %w: tensor<96xDxbf16> {routed.name = "w"})
    -> (tensor<?x?x96xbf16> {routed.name = "y", routed.dims = ["B", "S"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x?xDxbf16>
  %S = tensor.dim %x, %c1 : tensor<?x?xDxbf16>
  %e = tensor.empty(%B, %S) : tensor<?x?x96xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  %s = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w : tensor<?x?xDxbf16>, tensor<96xDxbf16>) outs(%i : tensor<?x?x96xf32>)
      -> tensor<?x?x96xf32>
  %y = arith.truncf %s : tensor<?x?x96xf32> to tensor<?x?x96xbf16>
  return %y : tensor<?x?x96xbf16>
}
"""


def cdiv(a, b):
    return -(-a // b)


def padded(width):
    return 16 * cdiv(width, 16)


class Problem:
    """A module, its inputs, and the multiply-adds that its tiles have."""

    def __init__(self, options, schedule):
        self.schedule, D = schedule, options.dim
        S, T = map(int, options.sizes.split('x'))
        rows = cdiv(S, schedule['rows']) * schedule['rows']
        if options.kind == 'attend':
            self.text, self.kernels = ATTEND, 'layer_attend*'
            self.inputs = ['q=1x%dx2x%dxbf16=~1' % (S, D), 'k=1x%dx2x%dxbf16=~2' % (T, D),
                           'v=1x%dx2x%dxbf16=~3' % (T, D)]
            keys = cdiv(T, schedule['keys']) * schedule['keys']
            self.macs = 2 * rows * keys * 2 * padded(D)
        else:
            self.text, self.kernels = GEMM, 'layer_gemm*'
            self.inputs = ['x=1x%dx%dxbf16=~1' % (S, D), 'w=96x%dxbf16=~2' % D]
            cols = cdiv(96, schedule['cols']) * schedule['cols']
            self.macs = rows * cols * cdiv(D, schedule['depth']) * schedule['depth']
        self.text = self.text.replace('xDx', 'x%dx' % D)


def counters(options, problem):
    """The counters of the only launch."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = pipeline.build(options, problem.text, folder, more=[
            '--schedule=%s=%s' % (problem.kernels, json.dumps(problem.schedule))])
        report = os.path.join(folder, 'report.json')
        pipeline.call(options.run, bundle, '--device=sim:%s,smem-base=min,report=%s'
                      % (options.gpu, report), '--quiet',
                      *['--input=' + text for text in problem.inputs])
        with open(report, encoding='utf-8') as file:
            return json.load(file)['counters']


def main():
    p = pipeline.parser(__doc__)
    p.add_argument('--dim', type=int, default=64)
    p.add_argument('--schedule', required=True, help='JSON')
    p.add_argument('--sizes', default='70x150', help='SxT')
    p.add_argument('kind', choices=['attend', 'gemm'])
    options = p.parse_args()
    problem = Problem(options, json.loads(options.schedule))
    try:
        counted = counters(options, problem)
    except pipeline.Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    shared = counted['shared']
    errors = []
    if not shared['requests']:
        errors.append('nothing went through shared memory')
    if shared['wavefronts'] != shared['idealWavefronts']:
        errors.append('shared memory takes %d wavefronts, not %d: bank conflicts'
                      % (shared['wavefronts'], shared['idealWavefronts']))
    if counted['mmaMacs'] != problem.macs:
        errors.append('%d multiply-adds, not the %d of the tiles'
                      % (counted['mmaMacs'], problem.macs))
    for error in errors:
        print(error, file=sys.stderr)
    print('%d multiply-adds, %d wavefronts' % (counted['mmaMacs'], shared['wavefronts']))
    return 1 if errors else 0


if __name__ == '__main__':
    sys.exit(main())

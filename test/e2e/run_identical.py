# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention of chosen experts gives the very bits of dense attention of the same
rows: where rows are read from changes nothing of what is computed with them.

Two entries in one module, with one schedule: one picks query rows by the choice
of experts, the other gets them picked already.
"""
import json
import os
import random
import sys
import tempfile

import pipeline

B, R, M, K = 2, 2, 3, 2  # batches, groups, experts of a group, chosen of them

MODULE = """
func.func @routed(
    %q: tensor<?x?xRxMxDxbf16> {routed.name = "q", routed.dims = ["B", "S"]},
    %e: tensor<?x?xRxKxi32> {routed.name = "e", routed.dims = ["B", "S"]},
    %k: tensor<?x?xRxDxbf16> {routed.name = "k", routed.dims = ["B", "T"]},
    %v: tensor<?x?xRxDxbf16> {routed.name = "v", routed.dims = ["B", "T"]})
    -> (tensor<?x?xRxKxDxbf16> {routed.name = "o", routed.dims = ["B", "S"]},
        tensor<?x?xRxKxf32> {routed.name = "lse", routed.dims = ["B", "S"]}) {
  %g = routed.gather %q[%e] : tensor<?x?xRxMxDxbf16>, tensor<?x?xRxKxi32>
  %o, %lse = routed.attend %g, %k, %v causal
      : tensor<?x?xRxKxDxbf16>, tensor<?x?xRxDxbf16>, tensor<?x?xRxDxbf16>
  return %o, %lse : tensor<?x?xRxKxDxbf16>, tensor<?x?xRxKxf32>
}
func.func @dense(
    %g: tensor<?x?xRxKxDxbf16> {routed.name = "g", routed.dims = ["B", "S"]},
    %k: tensor<?x?xRxDxbf16> {routed.name = "k", routed.dims = ["B", "T"]},
    %v: tensor<?x?xRxDxbf16> {routed.name = "v", routed.dims = ["B", "T"]})
    -> (tensor<?x?xRxKxDxbf16> {routed.name = "o", routed.dims = ["B", "S"]},
        tensor<?x?xRxKxf32> {routed.name = "lse", routed.dims = ["B", "S"]}) {
  %o, %lse = routed.attend %g, %k, %v causal
      : tensor<?x?xRxKxDxbf16>, tensor<?x?xRxDxbf16>, tensor<?x?xRxDxbf16>
  return %o, %lse : tensor<?x?xRxKxDxbf16>, tensor<?x?xRxKxf32>
}
"""


def module(D):
    text = MODULE
    for letter, extent in (('R', R), ('M', M), ('K', K), ('D', D)):
        text = text.replace('x%sx' % letter, 'x%dx' % extent).replace(
            'x%sx' % letter, 'x%dx' % extent)
    return text


class Data:
    """Inputs of both entries as files."""

    def __init__(self, folder, S, T, D):
        r = random.Random(S * 1000 + T)
        self.folder = folder

        def normal(*shape):
            count = 1
            for extent in shape:
                count *= extent
            return shape, [r.gauss(0, 1) for _ in range(count)]

        q = normal(B, S, R, M, D)
        # An expert twice is as legal as two of them; holes are none here.
        e = [r.randrange(M) for _ in range(B * S * R * K)]
        g = [x for i, m in enumerate(e)
             for x in q[1][((i // K) * M + m) * D:((i // K) * M + m + 1) * D]]
        self.write('q', '<f4', *q)
        self.write('e', '<i4', (B, S, R, K), e)
        self.write('g', '<f4', (B, S, R, K, D), g)
        self.write('k', '<f4', *normal(B, T, R, D))
        self.write('v', '<f4', *normal(B, T, R, D))

    def path(self, name):
        return os.path.join(self.folder, name + '.npy')

    def write(self, name, descr, shape, values):
        pipeline.npy.write(self.path(name), descr, shape, values)


def outputs(options, bundle, data, entry, inputs):
    """The bytes of o and lse."""
    names = ['%s.%s' % (entry, name) for name in ('o', 'lse')]
    pipeline.call(options.run, bundle, '--function=' + entry, *pipeline.device_flags(options),
                  *['--input=%s=@%s' % (name, data.path(name)) for name in inputs],
                  *['--output=%s=@%s' % (name.split('.')[1], data.path(name)) for name in names])
    result = []
    for name in names:
        with open(data.path(name), 'rb') as file:
            result.append(file.read())
    return result


def main():
    p = pipeline.parser(__doc__)
    p.add_argument('--dim', type=int, default=64)
    p.add_argument('--schedule', required=True, help='JSON')
    p.add_argument('--sizes', default='37x101', help='SxT')
    options = p.parse_args()
    S, T = map(int, options.sizes.split('x'))
    try:
        with tempfile.TemporaryDirectory() as folder:
            bundle = pipeline.build(options, module(options.dim), folder, more=[
                '--schedule=%s_attend*=%s' % (entry, options.schedule)
                for entry in ('routed', 'dense')])
            plan = pipeline.plan_of(bundle)
            made = [variant['schedule'] for kernel in plan['kernels']
                    for variant in kernel['variants']]
            if len(made) != 2 or any(schedule != json.loads(options.schedule)
                                     for schedule in made):
                raise pipeline.Failure('not two kernels of this schedule: %s' % made)
            data = Data(folder, S, T, options.dim)
            routed = outputs(options, bundle, data, 'routed', 'qekv')
            dense = outputs(options, bundle, data, 'dense', 'gkv')
    except pipeline.Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    if routed != dense:
        print('routed and dense results differ', file=sys.stderr)
        return 1
    print('o and lse are identical: %d bytes' % sum(map(len, routed)))
    return 0


if __name__ == '__main__':
    sys.exit(main())

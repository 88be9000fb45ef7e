# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A stored case from its description to compared results.

examples/emit_layer.py writes the module, the compiler a bundle, and
headgate-run compares every expected tensor under the case's tolerance: kernels
with the code of each CPU level that this machine runs, the decomposition with
that of the best. With --gpu the kernels run on the simulator, or on --device.

Attention whose keys do not depend on the choice of experts (classes A and D)
must be made of tiles, and projections too.
"""
import platform
import sys
import tempfile

import pipeline


def check_tiles(plan):
    """How many kernels are made of tiles: those that have a schedule."""
    scheduled = 0
    for kernel in plan['kernels']:
        problem = kernel['problem']
        if problem['op'] in ('attend', 'gemm'):
            if not all('schedule' in variant for variant in kernel['variants']):
                raise pipeline.Failure("kernel '%s' is not made of tiles" % kernel['name'])
            scheduled += 1
        elif problem.get('class') in ('A', 'D'):
            raise pipeline.Failure("kernel '%s' holds attention of class %s, but is of kind %s"
                                   % (kernel['name'], problem['class'], problem['op']))
    return scheduled


def targets_of(options):
    if options.gpu or options.lowering != 'kernels' or platform.machine() != 'x86_64':
        return pipeline.target_of(options)
    return 'host:x86-64-v2,host'


def runs_of(options, bundle):
    """The flags of each run and what to call it."""
    if options.gpu:
        return [(pipeline.device_flags(options), options.gpu)]
    return [(['--image=' + image], image)
            for image in pipeline.images_here(options.run, bundle)]


def main():
    p = pipeline.parser(__doc__)
    p.add_argument('--dtype', default='f32', help='of the layer; the inputs are rounded')
    p.add_argument('--round', metavar='headgate-reference',
                   help='round the inputs to bf16 first and compute what they give')
    p.add_argument('case')
    options = p.parse_args()
    pipeline.require_device(options)
    case = pipeline.Case(options.case)
    try:
        with tempfile.TemporaryDirectory() as folder:
            if options.round:
                case = pipeline.RoundedCase(case, options.round, folder)
            names = pipeline.results_of(case, options)
            text = pipeline.emit('--from-case', case.json, '--dtype', options.dtype,
                                 '--results=' + ','.join(names))
            bundle = pipeline.build(options, text, folder, targets_of(options))
            if options.lowering == 'kernels' and not check_tiles(pipeline.plan_of(bundle)):
                raise pipeline.Failure('no kernel is made of tiles')
            runs = runs_of(options, bundle)
            counts = [case.check(options.run, bundle, options.dtype, names, flags=flags)
                      for flags, _ in runs]
    except pipeline.Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    if not counts or not min(counts):
        print('nothing was compared', file=sys.stderr)
        return 1
    print('%d tensors agree (%s) with the code of %s'
          % (counts[0], options.dtype, ', '.join(name for _, name in runs)))
    return 0


if __name__ == '__main__':
    sys.exit(main())

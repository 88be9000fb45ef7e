# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A stored case from its description to compared results.

examples/emit_layer.py writes the module, the compiler a bundle, and
headgate-run compares every expected tensor under the case's tolerance.
"""
import sys
import tempfile

import pipeline


def main():
    p = pipeline.parser(__doc__)
    p.add_argument('--dtype', default='f32', help='of the layer; the inputs are rounded')
    p.add_argument('case')
    options = p.parse_args()
    case = pipeline.Case(options.case)
    try:
        text = pipeline.emit('--from-case', case.json, '--dtype', options.dtype)
        with tempfile.TemporaryDirectory() as folder:
            bundle = pipeline.build(options, text, folder)
            count = case.check(options.run, bundle, options.dtype)
    except pipeline.Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    print('%d tensors agree (%s)' % (count, options.dtype))
    return 0 if count else 1


if __name__ == '__main__':
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A module of examples/: its three written forms agree, it compiles, and what
has a stored case gives that case's results.

  run_example.py TOOLS --opt=headgate-opt --goldens=DIR moh_dit
"""
import os
import struct
import sys
import tempfile

import pipeline

sys.path.insert(0, os.path.join(pipeline.ROOT, 'test', 'tools', 'run'))
import npy  # noqa: E402

NAN = float('nan')


class Inputs:
    """A case's inputs in the shapes that an example takes them in."""

    def __init__(self, case, folder):
        self.case, self.folder, self.words = case, folder, []

    def read(self, name, prefix='in'):
        return npy.read(os.path.join(self.case.folder, '%s.%s.npy' % (prefix, name)))

    def write(self, name, shape, values, descr='<f4'):
        path = os.path.join(self.folder, name + '.npy')
        npy.write(path, descr, shape, values)
        return path

    def give(self, name, shape, values, descr='<f4'):
        self.words.append('--input=%s=@%s' % (name, self.write(name, shape, values, descr)))

    def same(self, *names):
        self.words += ['--input=%s=@%s/in.%s.npy' % (n, self.case.folder, n) for n in names]

    def shaped(self, **shapes):
        for name, shape in shapes.items():
            self.give(name, shape, self.read(name)[2])

    def half_tables(self):
        """The case's tables hold each half twice."""
        for name in ('cos', 'sin'):
            _, (rows, width), values = self.read('rope_' + name)
            half = [v for i, v in enumerate(values) if i % width < width // 2]
            self.give(name, (rows, width // 2), half)


def given_as_stored(inputs):
    inputs.same(*inputs.case.names('input'))


def switchhead(inputs):
    inputs.same('x')
    inputs.shaped(w_q=(2, 20, 36), w_k=(2, 20, 36), w_v=(2, 5, 36, 20), w_o=(2, 5, 20, 36),
                  sel_v=(2, 5, 36), sel_o=(2, 5, 36))
    inputs.half_tables()


def llama_moe_v2(inputs):
    inputs.same('x')
    inputs.shaped(w_r=(1, 4, 128), w_q=(1, 4, 32, 128), w_k=(1, 4, 16, 128),
                  w_v=(1, 4, 16, 128), w_o=(1, 4, 128, 32))
    inputs.half_tables()


def gqe_decode(inputs):
    """Caches with room for 70 rows; what they hold behind the past is NaN."""
    inputs.same('q', 'k', 'v', 'router_logits', 'w_o')
    inputs.shaped(q_shared=(2, 1, 1, 32))
    inputs.half_tables()
    inputs.give('past', (2,), [63, 63], '<i4')
    for name in ('k', 'v'):
        _, (B, P, G, D), values = inputs.read('past_' + name)
        inputs.give(name + '_cache', (B, 70, G, D), padded(values, B, P * G * D, 70 * G * D))
        mean = [f32(sum(values[at + g * D] for g in range(G)) / G)
                for row in range(B * P) for at in range(row * G * D, row * G * D + D)]
        inputs.give('%sm_cache' % name, (B, 70, 1, D), padded(mean, B, P * D, 70 * D))
        # What the step must leave in the cache: NaN agrees with NaN.
        _, _, values = inputs.read(name + '_cache', 'out')
        inputs.write('new_%s_cache' % name, (B, 70, G, D),
                     padded(values, B, (P + 1) * G * D, 70 * G * D))


def padded(values, rows, width, wide):
    """Each of the rows, followed by NaN."""
    return [v for r in range(rows)
            for v in values[r * width:(r + 1) * width] + [NAN] * (wide - width)]


def f32(value):
    return struct.unpack('<f', struct.pack('<f', value))[0]


# Function, case, its inputs, and the results that are compared.
CHECKED = {
    'gqe_layer': [('gqe_layer', '09_b2_bias_rope_layer', given_as_stored, ['y', 'aux'])],
    'gqe_variants': [
        ('hard_concat', '02_hard_concat', given_as_stored, ['y']),
        ('weighted_concat', '03_weighted_concat_m4k2', given_as_stored, ['y'])],
    'gqe_decode': [('gqe_decode', '13_decode_q1', gqe_decode,
                    ['y', 'new_k_cache', 'new_v_cache'])],
    'moh_dit': [('moh_dit', '18_moh_dit_two_stage', given_as_stored, ['y', 'aux'])],
    'llama_moe_v2': [('llama_moe_v2', '21_routed_kv_llamamoe2', llama_moe_v2, ['y'])],
    'switchhead': [('switchhead', '23_switchhead', switchhead, ['y'])],
}


def check(options, bundle, function, case, inputs, results):
    """One function on the inputs of one case."""
    case = pipeline.Case(os.path.join(options.goldens, case))
    with tempfile.TemporaryDirectory() as folder:
        given = Inputs(case, folder)
        inputs(given)
        for name in results:
            path = os.path.join(folder, name + '.npy')
            if not os.path.exists(path):
                path = os.path.join(case.folder, 'out.%s.npy' % name)
            atol, rtol = case.tolerance(name.removeprefix('new_'), 'f32')
            print(pipeline.call(options.run, bundle, '--function=' + function, *given.words,
                                '--atol=%r' % atol, '--rtol=%r' % rtol,
                                '--expected_output=%s=@%s' % (name, path)), end='')


def main():
    p = pipeline.parser(__doc__)
    p.add_argument('--opt', required=True, metavar='headgate-opt')
    p.add_argument('--goldens', required=True)
    p.add_argument('example')
    options = p.parse_args()
    path = os.path.join(pipeline.EXAMPLES, options.example + '.mlir')
    try:
        pipeline.call(options.opt, '--verify-roundtrip', path)
        with open(path, encoding='utf-8') as file, tempfile.TemporaryDirectory() as folder:
            bundle = pipeline.build(options, file.read(), folder)
            for one in CHECKED.get(options.example, ()):
                check(options, bundle, *one)
    except pipeline.Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())

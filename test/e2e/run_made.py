# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers of sizes that no stored case has, against headgate-reference.

  run_made.py TOOLS -- --system=gqe --groups=1 --experts=8 --topk=3 ...
  run_made.py TOOLS --random=100 --seed=7

The words behind -- are those of `headgate-reference --make`, which writes the
case and what it must give; --dtype may also be f16. The module of the case is
also asked for by options, and must be the same text.
"""
import random
import sys
import tempfile

import pipeline

# Words of --make that emit_layer.py does not have.
CALL = ('batch', 'tokens', 'seed')

# Sizes that --make takes where none are given; emit_layer.py has others.
SIZES = {'dim': 24, 'head-dim': 16, 'experts': 4, 'topk': 2}
MORE_SIZES = {'gqe': {'groups': 2}, 'switchhead': {'groups': 2},
              'moh-dit': {'shared': 2}, 'llama-moe-v2': {'heads-per-expert': 2}}


def complete(words):
    """The words with all sizes given."""
    sizes = SIZES | MORE_SIZES[value_of(words, 'system', 'gqe')]
    return words + ['--%s=%d' % size for size in sizes.items()
                    if value_of(words, size[0], None) is None]


def emit_words(words):
    """The same layer in emit_layer.py's words."""
    result = []
    for word in words:
        name, _, value = word[2:].partition('=')
        if name == 'past':
            result += ['--past'] if int(value) else []
        elif name not in CALL:
            result.append(word)
    if '--system=llama-moe-v2' in words:
        result.append('--weight-scale=1.5')  # as --make has it
    return result


def make(reference, words, folder):
    """f16 takes the inputs of bf16: all but the smallest are f16 numbers too."""
    words = [word.replace('=f16', '=bf16') for word in words]
    pipeline.call(reference, '--make=' + folder, *words)
    return pipeline.Case(folder)


def value_of(words, name, default):
    return next((w.partition('=')[2] for w in words if w.startswith('--%s=' % name)),
                default)


def check(options, words):
    """How many tensors agree; Failure if one does not."""
    dtype = value_of(words, 'dtype', 'f32')
    with tempfile.TemporaryDirectory() as folder:
        case = make(options.reference, words, folder)
        names = pipeline.results_of(case, options)
        results = '--results=' + ','.join(names)
        text = pipeline.emit('--from-case', case.json, '--dtype', dtype, results)
        if pipeline.emit(*emit_words(words), results) != text:
            raise pipeline.Failure('the options and the case give different modules')
        bundle = pipeline.build(options, text, folder)
        return case.check(options.run, bundle, dtype, names,
                          flags=pipeline.device_flags(options))


def check_core_output(options, words):
    """A core layer without results named gives concat and takes no w_o."""
    with tempfile.TemporaryDirectory() as folder:
        case = make(options.reference, words, folder)
        bundle = pipeline.build(options, pipeline.emit(*emit_words(words)), folder)
        return case.check(options.run, bundle, value_of(words, 'dtype', 'f32'),
                          ['concat'], leave_out=('w_o', 'b_o'),
                          flags=pipeline.device_flags(options))


def draw(r):
    """The words of a random layer."""
    system = r.choice(['gqe'] * 6 + ['moh-dit', 'llama-moe-v2', 'switchhead'])
    experts = r.randint(1, 8)
    head_dim = r.choice([4, 6, 16, 20, 24, 48, 64])
    words = ['--system=' + system, '--batch=%d' % r.choice([0, 1, 1, 1, 2, 2, 3]),
             '--tokens=%d' % r.choice([0, 1, 1, 2, 5, 13, 17, 31]), '--experts=%d' % experts,
             '--topk=%d' % r.randint(1, min(experts, 4)), '--head-dim=%d' % head_dim,
             '--dim=%d' % r.choice([1, 8, 24, 40]), '--seed=%d' % r.randint(0, 9999),
             '--dtype=' + r.choice(['f32', 'f32', 'f32', 'bf16', 'f16'])]

    def maybe(*more, chance=0.4):
        words.extend(more if r.random() < chance else ())

    if system == 'gqe':
        variant = r.choice(['gqe', 'gqe', 'hard_concat', 'weighted_concat'])
        words += ['--variant=' + variant, '--level=' + r.choice(['core', 'layer']),
                  '--groups=%d' % r.randint(1, 4)]
        maybe('--past=%d' % r.choice([1, 6, 40]))
        maybe('--mask')
        maybe('--kv-start')
        maybe('--bias')
        maybe('--shared=0', chance=0.2)
    elif system == 'moh-dit':
        words += ['--shared=%d' % r.randint(1, 4)]
        maybe('--bias')
    elif system == 'llama-moe-v2':
        words += ['--heads-per-expert=%d' % r.randint(1, 3)]
    else:
        words += ['--groups=%d' % r.randint(1, 3)]
    if system != 'moh-dit':
        maybe('--rope', chance=0.5)
    return words


def main():
    p = pipeline.parser(__doc__)
    p.add_argument('--reference', required=True, metavar='headgate-reference')
    p.add_argument('--core-output', action='store_true',
                   help='check what a core layer gives by default')
    p.add_argument('--random', type=int, default=0, metavar='N', help='draw N layers')
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('words', nargs='*')
    options = p.parse_args()
    r = random.Random(options.seed)
    layers = [draw(r) for _ in range(options.random)] or [complete(options.words)]
    failures = 0
    for words in layers:
        try:
            one = check_core_output if options.core_output else check
            print('%d tensors agree: %s' % (one(options, words), ' '.join(words)))
        except pipeline.Failure as failure:
            failures += 1
            print('FAILED: %s\n%s' % (' '.join(words), failure), file=sys.stderr)
    print('%d of %d layers agree' % (len(layers) - failures, len(layers)))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())

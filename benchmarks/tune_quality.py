# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How good headgate-tune's quick search is: against all candidates, and against
the default schedules, on six kernels of this machine.

  python3 benchmarks/tune_quality.py --build=build --out=tune-quality

For each problem all candidates are measured, then quick searches on its own.
Both winners and the default are timed in turns, in random order, by six workers
one after another, as where memory lies makes a difference: that judges. The claims: quick measures at most max(24, 15 %) of the candidates,
its winner takes at most 3 % longer than the other one, and no longer than the
default beyond the judge's 95 % interval; records and seed give the same winner
in 20 of 20 replays. What was measured is kept in --out, and a run that was
stopped goes on. Exit code 3 if a claim does not hold.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path

from attention_problems import DENSE

HERE = Path(__file__).resolve().parent
REPLAYS, WORKERS, ROUNDS = 20, 6, 10

# The query heads of the k chosen experts of each group, gathered as the kernel
# loads them.
ROUTED = '''
func.func @attend(%q: tensor<?x?x{G}x{M}x{D}x{t}> {{routed.name = "q", routed.dims = ["B", "S"]}},
    %k: tensor<?x?x{G}x{D}x{t}> {{routed.name = "k", routed.dims = ["B", "T"]}},
    %v: tensor<?x?x{G}x{D}x{t}> {{routed.name = "v", routed.dims = ["B", "T"]}},
    %logits: tensor<?x?x{G}x{M}xf32> {{routed.name = "router_logits", routed.dims = ["B", "S"]}})
    -> (tensor<?x?x{G}x{k}x{D}x{t}> {{routed.name = "o", routed.dims = ["B", "S"]}}) {{
  %e, %w, %p = routed.select %logits top {k} softmax_all norm token : tensor<?x?x{G}x{M}xf32>
  %qc = routed.gather %q[%e] : tensor<?x?x{G}x{M}x{D}x{t}>, tensor<?x?x{G}x{k}xi32>
  %o, %lse = routed.attend %qc, %k, %v causal kv_head affine_map<(g, j) -> (g)>
      : tensor<?x?x{G}x{k}x{D}x{t}>, tensor<?x?x{G}x{D}x{t}>, tensor<?x?x{G}x{D}x{t}>
  return %o : tensor<?x?x{G}x{k}x{D}x{t}>
}}
'''

PROBLEMS = {
    'f32 D=64 S=1k dense': (DENSE, dict(t='f32', D=64, H=8, G=8), 1024, 1024),
    'f32 D=128 S=1k routed':
        (ROUTED, dict(t='f32', D=128, G=4, M=4, k=2), 1024, 1024),
    'bf16 D=64 S=4k routed':
        (ROUTED, dict(t='bf16', D=64, G=2, M=4, k=2), 4096, 4096),
    'bf16 D=128 S=4k dense':
        (DENSE, dict(t='bf16', D=128, H=4, G=2), 4096, 4096),
    'f32 D=128 T=4k decode dense':
        (DENSE, dict(t='f32', D=128, H=8, G=8), 1, 4096),
    'bf16 D=64 T=4k decode routed':
        (ROUTED, dict(t='bf16', D=64, G=8, M=4, k=2), 1, 4096),
}


def tune(options, module, sizes, records, *flags):
    done = subprocess.run(
        [f'{options.build}/bin/headgate-tune', module, f'--dims={sizes}',
         f'--device={options.device}', '--json', f'--records={records}',
         f'--seed={options.seed}', *flags],
        text=True, stdout=subprocess.PIPE, check=True)
    # Select and others of a routed module have no schedules.
    return next(c for c in json.loads(done.stdout)['cases']
                if 'keys' in c['default'])


def ratio(a, b, seed):
    """The median of a / b, lists of each worker's times, and its 95 % interval by
    the bootstrap: of workers, and of what each measured."""
    workers = [[x / y for x, y in zip(*both)] for both in zip(a, b)]
    chance = random.Random(seed)

    def draw():
        return [x for worker in chance.choices(workers, k=len(workers))
                for x in chance.choices(worker, k=len(worker))]

    medians = sorted(statistics.median(draw()) for _ in range(1000))
    return statistics.median(sum(workers, [])), medians[25], medians[974]


def judge(options, module, sizes, case, schedules, out):
    """Nanoseconds of each schedule, in turns, a list for each worker."""
    bundles = []
    for name, schedule in schedules.items():
        bundle = f'{out}.{name}.hgb'
        subprocess.run(
            [f'{options.build}/bin/headgate-compile', module, '-o', bundle,
             f'--target={case["target"]}',
             f'--schedule={case["kernel"]}={json.dumps(schedule)}'], check=True)
        bundles.append(bundle)
    request = {'id': 1, 'bundles': bundles, 'kernel': case['kernel'],
               'dims': dict(d.split('=') for d in sizes.split(',')),
               'seed': options.seed,
               'policy': {'samples': ROUNDS, 'maxMs': 4000}}
    request['dims'] = {name: int(n) for name, n in request['dims'].items()}
    samples = {name: [] for name in schedules}
    for _ in range(WORKERS):
        done = subprocess.run(
            [f'{options.build}/bin/headgate-bench', '--worker',
             f'--device={options.device}'], input=json.dumps(request) + '\n',
            text=True, stdout=subprocess.PIPE, check=True)
        reply = json.loads(done.stdout.splitlines()[1])
        if reply['result'] != 'correct':
            sys.exit(f'the judge fails: {reply["why"]}')
        for name, times in zip(schedules, reply['samples']):
            samples[name].append(times)
    return samples


def run(options, name):
    text, sizes_of_heads, S, T = PROBLEMS[name]
    out = options.out / name.replace(' ', '_').replace('=', '')
    module = f'{out}.mlir'
    Path(module).write_text(text.format(**sizes_of_heads))
    sizes = f'B=1,S={S},T={T}'
    every = f'{out}.exhaustive'
    whole = tune(options, module, sizes, every, '--effort=exhaustive')
    quick = tune(options, module, sizes, f'{out}.quick', '--effort=quick')
    schedules = {'default': quick['default'],
                 'quick': quick['winner']['schedule'],
                 'exhaustive': whole['winner']['schedule']}
    samples = judge(options, module, sizes, quick, schedules, out)

    def over(other):
        if schedules['quick'] == schedules[other]:
            return 1, 1, 1 # whatever the machine did meanwhile
        return ratio(samples['quick'], samples[other], 1)

    winners = {json.dumps(tune(options, module, sizes, every, '--effort=quick',
                               f'--replay={every}')['winner'])
               for _ in range(REPLAYS)}
    return {
        'name': name, 'device': quick['device'], 'schedules': schedules,
        'candidates': whole['candidates'], 'measured': quick['known'],
        'defaultNs': statistics.median(sum(samples['default'], [])),
        'overExhaustive': over('exhaustive'), 'overDefault': over('default'),
        'model': whole['model'], 'drift': [whole['drift'], quick['drift']],
        'failed': [whole['failed'], quick['failed']],
        'winnersOfReplays': len(winners)}


def broken(result):
    """The claims that do not hold."""
    most = max(24, .15 * result['candidates'])
    if result['measured'] > most:
        yield f'{result["measured"]} measurements, at most {most:.0f} allowed'
    if result['overExhaustive'][0] > 1.03:
        yield 'over 3 % slower than the best of all'
    if result['overDefault'][1] > 1:
        yield 'slower than the default'
    if result['winnersOfReplays'] != 1:
        yield f'{result["winnersOfReplays"]} winners of {REPLAYS} replays'


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--build', default='build', type=Path)
    parser.add_argument('--out', default='tune-quality', type=Path)
    parser.add_argument('--device', default='host')
    parser.add_argument('--seed', default=1, type=int)
    parser.add_argument('--only', default='', help='problems with this in '
                        'their names')
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True)
    os.environ.setdefault('LC_ALL', 'C')
    results, bad = [], False
    for name in PROBLEMS:
        if options.only not in name:
            continue
        result = run(options, name)
        results.append(result)
        problems = list(broken(result))
        bad |= bool(problems)
        a, low, high = result['overExhaustive']
        d, dlow, dhigh = result['overDefault']
        print(f'{name}: {result["measured"]} of {result["candidates"]} '
              f'measured; {a:.3f} [{low:.3f}, {high:.3f}] of the best\'s time, '
              f'{d:.3f} [{dlow:.3f}, {dhigh:.3f}] of the default\'s '
              f'({result["defaultNs"] / 1e6:.2f} ms); '
              + ('; '.join(problems) or 'holds'), flush=True)
        (options.out / 'results.json').write_text(json.dumps(results, indent=1))
    return 3 if bad else 0


if __name__ == '__main__':
    sys.exit(main())

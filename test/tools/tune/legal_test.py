# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tuner proposes the compiler takes: schedules of small problems, each
target, are compiled. A sample here; --trials=0 compiles all, which takes hours.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

ATTEND = '''
func.func @attend(%q: tensor<?x?x{q}x{t}> {{routed.name = "q", routed.dims = ["B", "S"]}},
    %k: tensor<?x?x{G}x{D}x{t}> {{routed.name = "k", routed.dims = ["B", "T"]}},
    %v: tensor<?x?x{G}x{Dv}x{t}> {{routed.name = "v", routed.dims = ["B", "T"]}}{more})
    -> (tensor<?x?x{H}x{Dv}x{t}> {{routed.name = "o", routed.dims = ["B", "S"]}}) {{
  %o, %lse = routed.attend %q, %k, %v {how}
      : tensor<?x?x{H}x{D}x{t}>, tensor<?x?x{G}x{D}x{t}>, tensor<?x?x{G}x{Dv}x{t}>{types}
  return %o : tensor<?x?x{H}x{Dv}x{t}>
}}
'''

GEMM = '''
#x = affine_map<(b, s, n, k) -> (b, s, k)>
#w = affine_map<(b, s, n, k) -> ({w})>
#y = affine_map<(b, s, n, k) -> (b, s, n)>
func.func @project(%x: tensor<?x?x{K}x{t}> {{routed.dims = ["B", "S"]}},
                   %w: tensor<{matrix}x{t}>) -> tensor<?x?x{N}xf32> {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x?x{K}x{t}>
  %S = tensor.dim %x, %c1 : tensor<?x?x{K}x{t}>
  %empty = tensor.empty(%B, %S) : tensor<?x?x{N}xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x?x{N}xf32>) -> tensor<?x?x{N}xf32>
  %y = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %w : tensor<?x?x{K}x{t}>, tensor<{matrix}x{t}>)
      outs(%fill : tensor<?x?x{N}xf32>) -> tensor<?x?x{N}xf32>
  return %y : tensor<?x?x{N}xf32>
}}
'''


def attend(H, G, D, Dv, t, how='causal', more='', types=''):
    return ATTEND.format(H=H, G=G, D=D, Dv=Dv, t=t, how=how, more=more,
                         types=types, q=f'{H}x{D}')


def gemm(K, N, t, transposed=False):
    return GEMM.format(K=K, N=N, t=t, w='n, k' if transposed else 'k, n',
                       matrix=f'{N}x{K}' if transposed else f'{K}x{N}')


HOSTS = ['host:x86-64-v3', 'host:x86-64-v4']
BF16 = ['host:x86-64-v4+avx512bf16', 'sm_80']
#            module, targets, sizes
PROBLEMS = [
    (attend(4, 4, 16, 16, 'f32'), HOSTS, 'B=1,S=70,T=300'),
    (attend(4, 2, 40, 24, 'f32', ''), HOSTS, 'B=2,S=1,T=700'),
    (attend(6, 2, 64, 64, 'f16', 'causal window 50'), HOSTS + ['sm_80'],
     'B=1,S=33,T=260'),
    (attend(8, 1, 128, 128, 'bf16'), HOSTS + BF16, 'B=1,S=129,T=513'),
    (attend(2, 2, 72, 72, 'bf16', ''), BF16, 'B=3,S=1,T=1000'),
    (attend(1, 1, 256, 256, 'bf16'), BF16, 'B=1,S=512,T=512'),
    (gemm(96, 80, 'f32'), HOSTS, 'B=1,S=100'),
    (gemm(62, 50, 'bf16'), BF16, 'B=2,S=40'),
    (gemm(256, 130, 'f16', True), HOSTS + ['sm_80'], 'B=1,S=3'),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--tool', required=True)
    parser.add_argument('--trials', type=int, default=2)
    parser.add_argument('--seed', default='1')
    options = parser.parse_args()
    compiled, bad = 0, []
    with tempfile.TemporaryDirectory() as place:
        for i, (module, targets, sizes) in enumerate(PROBLEMS):
            path = os.path.join(place, f'problem{i}.mlir')
            with open(path, 'w') as f:
                f.write(module)
            for target in targets:
                done = subprocess.run(
                    [options.tool, path, f'--target={target}',
                     f'--dims={sizes}', '--stop-after=compile',
                     '--effort=random', f'--max-trials={options.trials}',
                     f'--seed={options.seed}', '--json', '--quiet',
                     f'--records={place}/records'],
                    text=True, capture_output=True)
                if done.returncode != 0:
                    bad.append(f'problem {i} for {target}: {done.stderr}')
                    continue
                case, = json.loads(done.stdout)['cases']
                compiled += case['measured']
                if set(case['failed']) - {'constraints'}:
                    bad.append(f'problem {i} for {target}: {case["failed"]}')
        if bad:
            for name in os.listdir(f'{place}/records'):
                with open(f'{place}/records/{name}') as f:
                    for record in map(json.loads, f):
                        if record.get('result') == 'compile':
                            bad.append(record['reproducer'] + '\n' +
                                       record['why'])
    print(f'{compiled} schedules compiled')
    print('\n'.join(bad))
    return 1 if bad or not compiled else 0


if __name__ == '__main__':
    sys.exit(main())

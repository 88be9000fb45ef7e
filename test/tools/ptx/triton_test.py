# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-ptx triton: the files it writes, without Triton and without CUDA. The
C launchers are compiled and called on a driver that says what it was asked.

  python3 triton_test.py --tool=headgate-ptx --ptx=DIRECTORY --cc=clang
"""
import argparse
import copy
import hashlib
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import gpu_bundle

parser = argparse.ArgumentParser()
parser.add_argument('--tool', required=True)
parser.add_argument('--ptx', required=True, type=pathlib.Path)
parser.add_argument('--cc', required=True)
ARGS, REST = parser.parse_known_args()
INPUTS = pathlib.Path(__file__).parent / 'Inputs'


class Case(unittest.TestCase):

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory()))
        self.out = self.directory / 'out'
        self.plan, self.texts = gpu_bundle.plan(ARGS.ptx)

    def call(self, *arguments, plan=None, texts=None, cubins={}):
        """Exports a bundle on a machine without ptxas."""
        bundle = self.directory / f'{len(os.listdir(self.directory))}.hgb'
        gpu_bundle.write(bundle, copy.deepcopy(plan or self.plan),
                         texts or self.texts, cubins)
        return subprocess.run(
            [ARGS.tool, 'triton', bundle, '-o', f'{self.out}/', *arguments],
            capture_output=True, text=True, env={'PATH': '/absent'})

    def export(self, *arguments, **how):
        done = self.call(*arguments, **how)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout + done.stderr, '')

    def names(self):
        return sorted(os.listdir(self.out))

    def json(self, name):
        return json.loads((self.out / name).read_text())

    def ptxas(self):
        """A ptxas whose cubin is the last line of the PTX."""
        path = self.directory / 'ptxas'
        path.write_text(
            '#!/bin/sh\nPATH=/bin:/usr/bin\ntail -n 1 "$3" > "$5"\n'
            'echo "Compiling entry function \'f\' for \'sm_80\'" >&2\n')
        path.chmod(0o755)
        return f'--ptxas={path}'


class Files(Case):

    def test_names(self):
        self.export()
        self.assertEqual(self.names(), sorted(
            [f'{name}.{kind}' for name in ('fa2', 'part_split', 'part_join')
             for kind in ('ptx', 'json', 'h', 'c')] +
            ['fa2.stub.ttir', 'part_join.stub.ttir', 'headgate_triton.py'] +
            [f'__grp__{n}.json' for n in ('fa2', 'part_split', 'part_join')]))
        self.assertEqual((self.out / 'fa2.ptx').read_text(),
                         self.texts['attend.0'])
        self.assertEqual(self.json('__grp__fa2.json')['child_paths'],
                         {f: str(self.out / f) for f in ('fa2.ptx', 'fa2.json')})

    def test_cubins(self):
        self.export(self.ptxas())
        self.assertEqual((self.out / 'fa2.cubin').read_text(),
                         self.texts['attend.0'].splitlines()[-1] + '\n')
        self.assertIn('fa2.cubin',
                      self.json('__grp__fa2.json')['child_paths'])
        self.export('--ptxas=none')
        self.assertNotIn('fa2.cubin', self.names())
        # Those of the bundle are taken as they are; nothing old stays.
        self.export(cubins={'attend.0': b'\x7fELF'})
        self.assertEqual((self.out / 'fa2.cubin').read_bytes(), b'\x7fELF')
        self.assertNotIn('part_join.cubin', self.names())
        self.assertEqual([n for n in os.listdir(self.directory) if '.tmp' in n],
                         [])

    # What CompiledKernel's constructor and launch read (Triton 3.2 to 3.9).
    def test_metadata(self):
        self.export()
        split = self.json('part_split.json')
        for key in ('name', 'target', 'num_warps', 'num_ctas', 'shared',
                    'warp_size', 'global_scratch_size', 'global_scratch_align',
                    'profile_scratch_size', 'profile_scratch_align',
                    'launch_cooperative_grid', 'launch_pdl', 'tensordesc_meta',
                    'tmem_size', 'instrumentation_mode', 'cluster_dims'):
            self.assertIn(key, split)
        self.assertEqual(split['target'],
                         {'backend': 'cuda', 'arch': 80, 'warp_size': 32})
        self.assertEqual((split['name'], split['num_warps'], split['shared']),
                         ('part_split', 3, 65536))
        self.assertEqual(split['hash'],
                         hashlib.sha256(gpu_bundle.SPLIT.encode()).hexdigest())
        own = split['headgate']
        self.assertEqual(
            [(a['name'], a['type'], a.get('value')) for a in own['arguments']],
            [('x', '*i8', None), ('workspace', '*i8', None), ('S', 'i32', None),
             ('constant', 'i32', 'min(N,7)*S'), ('constant_', 'fp32', '-inf'),
             ('x_s', 'i64', None)])
        self.assertEqual(own['grid'], ['(S-70)/8+9', 'N%5+1', '1'])
        self.assertEqual(own['workspaceBytes'], 'align(4*N*S, 256)')
        self.assertEqual(own['routes'], ['cubin'])
        self.assertIn('3 warps', own['notCompiled'])
        fa2 = self.json('fa2.json')
        self.assertEqual([a['type'] for a in fa2['headgate']['arguments']],
                         ['*bf16'] * 3 + ['*fp32', '*i8', 'i32', 'fp32', 'i32'])
        self.assertEqual(fa2['headgate']['routes'], ['cubin', 'compile'])

    def test_stub(self):
        self.export()
        self.assertEqual(
            (self.out / 'fa2.stub.ttir').read_text(),
            'module {\n  tt.func public @fa2(%q: !tt.ptr<bf16>, '
            '%k: !tt.ptr<bf16>, %v: !tt.ptr<bf16>, %o: !tt.ptr<f32>, '
            '%lse: !tt.ptr<i8>, %S: i32, %constant: f32, %constant_: i32) {\n'
            '    tt.return\n  }\n}\n')

    def test_refused(self):
        kernels = self.plan['kernels']
        launch = kernels[0]['variants'][0]['launches'][0]

        def refused(said, code=1, **how):
            done = self.call(**how)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(said, done.stderr)
            self.assertFalse(self.out.exists())

        def changed(**keys):
            plan = copy.deepcopy(self.plan)
            plan['kernels'][0]['variants'][0]['launches'][0] |= keys
            return plan

        refused('clusters', plan=changed(cluster=2))
        refused("kernel 'fa2': its blocks have 100 threads",
                plan=changed(block=100))
        refused('takes 8 parameters; the plan gives 7',
                plan=changed(arguments=launch['arguments'][:-1]))
        refused("parameter 'fa2_param_7' has 4 bytes; the plan gives an i64",
                plan=changed(arguments=launch['arguments'][:-1] + [{'i64': 1}]))
        tensor_map = {'tensorMap': {'base': 'q', 'dtype': 'bf16', 'sizes': ['64'],
                                    'strides': [], 'box': [64]}}
        refused('tensor maps', plan=changed(
            arguments=[tensor_map] + launch['arguments'][1:]))
        texts = self.texts | {'part.0': gpu_bundle.SPLIT.replace('96', '64')}
        refused('requires blocks of 64 threads; the plan has 96', texts=texts)
        texts = self.texts | {'part.0': gpu_bundle.SPLIT + '.bad'}
        refused("kernel 'part_split': line 16", texts=texts)
        texts = self.texts | {'part.0': gpu_bundle.SPLIT.replace('.visible', '')}
        refused('line 4 of its PTX', texts=texts)
        plan = copy.deepcopy(self.plan)
        plan['kernels'][1]['variants'][0]['launches'][1] |= {
            'symbol': 'part_split', 'image': 'part.0'}
        refused("two kernels are called 'part_split'", plan=plan)
        refused('has kernel', texts=self.texts | {
            'part.0': gpu_bundle.SPLIT.replace('part_split(', 'other(')})

    def test_no_kernels(self):
        plan = {'format': 'headgate.plan', 'version': 1, 'kernels': [],
                'entries': []}
        bundle = gpu_bundle.write(self.directory / 'empty.hgb', plan, {})
        done = subprocess.run([ARGS.tool, 'triton', bundle, '-o', self.out],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn('no code for a GPU', done.stderr)

    def test_output(self):
        self.out.write_text('')
        done = self.call()
        self.assertEqual(done.returncode, 1)
        self.assertIn('is no directory', done.stderr)
        done = subprocess.run([ARGS.tool, 'triton', 'absent.hgb'],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)


class Loader(Case):
    """What of headgate_triton.py needs no Triton."""

    def setUp(self):
        super().setUp()
        self.export()
        spec = importlib.util.spec_from_file_location(
            'loader', self.out / 'headgate_triton.py')
        self.loader = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.loader)

    def test_expressions(self):
        sizes = {'S': 9, 'N': 4, 'x.s': 3}
        for text, value in (('7', 7), ('cdiv(S,4)', 3), ('S/4', 2), ('(N-9)/2', -3),
                            ('(N-9)%2', 1), ('align(S,8)*x.s', 48),
                            ('min(S,N)+max(S,N)', 13), ('S<9&&N==4', 0),
                            ('S<=9&&N!=5', 1)):
            self.assertEqual(self.loader.evaluate(text, sizes), value, text)
        with self.assertRaisesRegex(KeyError, 'needs T; given are S, N'):
            self.loader.evaluate('S*T', sizes)

    def test_calls(self):
        split = self.loader.read(self.out, 'part_split')
        sizes = {'S': 33, 'N': 9, 'x.s': 77}
        self.assertEqual(self.loader.grid(split, sizes), (4, 5, 1))
        self.assertEqual(self.loader.workspace_bytes(split, sizes), 1280)
        self.assertEqual(
            self.loader.arguments(split, sizes, x='X', workspace='W'),
            ['X', 'W', 33, 7 * 33, float('-inf'), 77])
        with self.assertRaisesRegex(TypeError, "'workspace'.* is missing"):
            self.loader.arguments(split, sizes, x='X')
        with self.assertRaisesRegex(TypeError, "no argument is called 'q'"):
            self.loader.arguments(split, sizes, x='X', workspace='W', q='Q')
        with self.assertRaisesRegex(ValueError, 'part.0 is for S < 64 only'):
            self.loader.grid(split, sizes | {'S': 64})
        fa2 = self.loader.read(self.out, 'fa2')
        self.assertAlmostEqual(
            self.loader.arguments(fa2, sizes, q=1, k=2, v=3, o=4, lse=5)[6],
            0.180336878, 9)

    def test_without_code(self):
        with self.assertRaisesRegex(ValueError, 'needs its .cubin'):
            sys.modules['triton'] = sys.modules['triton.backends'] = type(sys)('t')
            sys.modules['triton.backends.compiler'] = type(sys)('t')
            sys.modules['triton.backends.compiler'].GPUTarget = None
            try:
                self.loader.load(self.out, 'part_split')
            finally:
                for name in [n for n in sys.modules if n.startswith('triton')]:
                    if sys.modules[name].__name__ == 't':
                        del sys.modules[name]

    def test_list(self):
        done = subprocess.run([sys.executable, '-B',
                               self.out / 'headgate_triton.py'],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('part_split: sm_80, 3 warps, 65536 bytes of shared memory, '
                      'for S < 64\n  grid (S-70)/8+9 x N%5+1 x 1\n  *i8 x\n',
                      done.stdout)


class Launchers(Case):

    def run_c(self, main, formats, *kernels, **environment):
        """What the fake driver prints while `main` runs."""
        source = self.directory / 'main.c'
        source.write_text(
            '#include <stdio.h>\n' +
            ''.join(f'#include "{k}.h"\n' for k in kernels) +
            f'const char *parameters = "{formats}";\n'
            f'int main(void) {{\n  CUresult r = CUDA_SUCCESS;\n{main}\n'
            '  printf("result %d\\n", (int)r);\n  return 0;\n}\n')
        program = self.directory / 'main'
        done = subprocess.run(
            [ARGS.cc, '-x', 'c', '-std=c99', '-Wall', '-Wextra', '-Werror', '-pedantic',
             '-I', INPUTS, '-I', self.out, source, INPUTS / 'fake-cuda.c',
             *[self.out / f'{k}.c' for k in kernels], '-o', program],
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([program], capture_output=True, text=True,
                              env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def function(self, kernel):
        header = (self.out / f'{kernel}.h').read_text()
        (line,) = re.findall(r'^// tt-linker: (\w+):(.+):(\w+)$', header, re.M)
        self.assertIn('\n// tt-linker-backend: cuda\n', header)
        return line

    def test_signature(self):
        self.export()
        name, signature, algorithm = self.function('fa2')
        self.assertRegex(name, r'^fa2_[0-9a-f]{8}_0d1d2d$')
        self.assertEqual(signature, 'CUdeviceptr q, CUdeviceptr k, CUdeviceptr v, '
                         'CUdeviceptr o, CUdeviceptr lse, int32_t S, int32_t N')
        self.assertEqual(algorithm, 'warps4xattend_0')

    def test_launch(self):
        self.export()
        name, _, _ = self.function('fa2')
        said = self.run_c(f'  for (int i = 0; i < 2; ++i)\n'
                          f'    r = {name}((CUstream)&r, 16, 32, 48, 64, 80, 130, '
                          f'3);\n  unload_{name}();\n'
                          f'  r = {name}(NULL, 16, 32, 48, 64, 80, 0, 3);',
                          'pppppifi', 'fa2')
        launch = ('launch 1 grid 3 3 1 block 128 1 1 shared 40960 stream 1: '
                  'p10 p20 p30 p40 p50 130 0.180336878 1')
        self.assertEqual(said, [
            f"load {len(self.texts['attend.0'])} bytes", 'function fa2', launch,
            launch, 'unload 1', 'result 0'])

    # Floors, more shared memory than is given without asking, a condition.
    def test_sizes(self):
        self.export(self.ptxas())
        name, signature, _ = self.function('part_split')
        self.assertEqual(signature, 'CUdeviceptr x, CUdeviceptr workspace, '
                         'int32_t S, int64_t x_s, int32_t N')

        def said(s, n):
            return self.run_c(f'  r = {name}(NULL, 1, 2, {s}, 77, {n});',
                              'ppiifl', 'part_split')

        self.assertEqual(said(33, 9), [
            'load 4 bytes', 'function part_split', 'attribute 8 = 65536 1',
            'launch 1 grid 4 5 1 block 96 1 1 shared 65536 stream 0: '
            'p1 p2 33 231 -inf 77', 'result 0'])
        self.assertEqual(said(64, 9), ['result 1'])   # when: S < 64
        self.assertEqual(said(-9, 9), ['result 1'])   # grid -1
        self.assertEqual(said(-1, 9), ['result 0'])   # grid 0
        self.assertEqual(said(33, -7)[-2].split(':')[0],  # -7 % 5 is 3
                         'launch 1 grid 4 4 1 block 96 1 1 shared 65536 stream 0')
        self.assertEqual(said(-2000000000, 9), ['result 1'])

    def test_driver_refuses(self):
        self.export()
        name, _, _ = self.function('part_join')
        said = self.run_c(f'  load_{name}();\n  r = {name}(NULL, 1, 16, 5, 3);',
                          'ppi', 'part_join', FAKE_CUDA_FAILS='1')
        self.assertEqual(said, ['result 209'])

    # Names that are words of C, of Python, or of the launcher.
    def test_names(self):
        def renamed(value):
            return {'q': 'int', 'k': 'stream', 'v': 'lambda',
                    'lse': 'workspace_', 'S': 'gridX'}.get(value, value)

        kernel = self.plan['kernels'][0]
        launch = kernel['variants'][0]['launches'][0]
        kernel['parameters'] = [
            ':'.join([renamed(p.split(':')[0])] + p.split(':')[1:])
            for p in kernel['parameters']]
        launch['arguments'] = [a if isinstance(a, dict) else renamed(a)
                               for a in launch['arguments']]
        launch['grid'][0] = 'cdiv(gridX,64)'
        step = self.plan['entries'][0]['steps'][0]
        step['with'] = {renamed(k): v for k, v in step['with'].items()}
        self.export()
        name, _, _ = self.function('fa2')
        said = self.run_c(f'  r = {name}(NULL, 16, 32, 48, 64, 80, 130, 3);',
                          'pppppifi', 'fa2')
        self.assertIn('p10 p20 p30 p40 p50 130 0.180336878 1', said[-2])


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *REST])

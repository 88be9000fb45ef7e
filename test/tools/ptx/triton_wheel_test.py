# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What headgate-ptx triton writes, in Triton itself, on a machine without a GPU:
both routes of the loader up to the point where a driver is needed, and the
linker of C launchers. Skipped (exit code 77) where triton is not importable:

  python3 -m venv build/triton && build/triton/bin/pip install triton==3.9.0
  build/triton/bin/python -B test/tools/ptx/triton_wheel_test.py --cc=clang-22 \\
      --tool=build/bin/headgate-ptx --ptx=test/runtime/sim/ptx
"""
import argparse
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import gpu_bundle

os.environ.setdefault('TRITON_DEFAULT_FP_FUSION', '1')
os.environ.setdefault('TRITON_CACHE_DIR', tempfile.mkdtemp(prefix='triton-cache-'))
try:
    import triton
    from triton.compiler import compiler
except ImportError as why:
    print(f'skipped: {why} (the head of this file says how to run it)')
    sys.exit(77)

parser = argparse.ArgumentParser()
parser.add_argument('--tool', required=True)
parser.add_argument('--ptx', required=True, type=pathlib.Path)
parser.add_argument('--cc', required=True)
ARGS, REST = parser.parse_known_args()
INPUTS = pathlib.Path(__file__).parent / 'Inputs'
PTXAS = pathlib.Path(triton.__file__).parent / 'backends/nvidia/bin/ptxas'


class Case(unittest.TestCase):

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory()))
        self.plan, self.texts = gpu_bundle.plan(ARGS.ptx)
        # Assembled, it must be what the plan says and not empty.
        self.texts['part.0'] = gpu_bundle.SPLIT.replace(
            '\tret;', '\t.reg .b64 %rd<2>;\n\tld.param.u64 %rd1, '
            '[part_split_param_0];\n\tst.global.u64 [%rd1], %rd1;\n\tret;')

    def export(self, name, ptxas):
        """Exports to a directory, and gives it and its loader."""
        bundle = gpu_bundle.write(self.directory / f'{name}.hgb', self.plan,
                                  self.texts)
        out = self.directory / name
        done = subprocess.run(
            [ARGS.tool, 'triton', bundle, '-o', out, f'--ptxas={ptxas}'],
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        spec = importlib.util.spec_from_file_location(
            'headgate_triton', out / 'headgate_triton.py')
        loader = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loader)
        return out, loader

    def check(self, kernel, ptx):
        own = kernel.metadata
        self.assertEqual((own.name.lstrip('@'), own.num_warps, own.shared),
                         ('fa2', 4, 40960))
        self.assertEqual(own.target.arch, 80)
        self.assertEqual(kernel.asm['ptx'], ptx)
        self.assertEqual(kernel.kernel[:4], b'\x7fELF')
        self.assertEqual([a['type'] for a in own.headgate['arguments']],
                         ['*bf16'] * 3 + ['*fp32', '*i8', 'i32', 'fp32', 'i32'])


class Routes(Case):

    # No cubin: triton.compile takes the stub, and its ptxas our PTX.
    def test_compiled(self):
        out, loader = self.export('compiled', 'none')
        kernel = loader.load(out, 'fa2')
        self.check(kernel, self.texts['attend.0'])
        self.assertEqual(list(kernel.src.signature.values())[:5],
                         ['*bf16'] * 3 + ['*f32', '*i8'])
        self.assertEqual(
            loader.grid(kernel, {'S': 130, 'N': 3}), (3, 3, 1))
        join = loader.load(out, 'part_join')
        self.assertEqual(join.metadata.num_warps, 1)
        with self.assertRaisesRegex(ValueError, '3 warps'):
            loader.load(out, 'part_split')

    # That a refusal of ours is one of Triton's.
    def test_three_warps_are_not_compiled(self):
        out, loader = self.export('warps', 'none')
        stub = out / 'part_split.stub.ttir'
        stub.write_text((out / 'part_join.stub.ttir').read_text().replace(
            'part_join', 'part_split'))
        with self.assertRaises(AssertionError):
            triton.compile(str(stub), options={
                'num_warps': 3, 'ir_override': str(out / 'part_split.ptx')},
                target=compiler.GPUTarget('cuda', 80, 32))

    # Our cubin, whatever the warps.
    def test_cubin(self):
        out, loader = self.export('cubin', PTXAS)
        kernel = loader.load(out, 'fa2')
        self.check(kernel, self.texts['attend.0'])
        self.assertEqual(kernel.kernel, (out / 'fa2.cubin').read_bytes())
        split = loader.load(out, 'part_split')
        self.assertIsInstance(split, compiler.CompiledKernel)
        self.assertEqual((split.metadata.num_warps, split.metadata.shared),
                         (3, 65536))
        self.assertEqual(split.src.signature,
                         dict(enumerate(['*i8', '*i8', 'i32', 'i32', 'fp32',
                                         'i64'])))

    # What launching reads of the metadata is there, and has Triton's types.
    def test_launch_fields(self):
        out, loader = self.export('fields', PTXAS)
        ours = loader.load_cubin(out, 'fa2').metadata
        theirs = loader.compile_ptx(out, 'fa2').metadata
        for field in theirs._fields:
            if field.isupper():
                continue  # a variable of the environment that was set
            self.assertIn(field, ours._fields)
            a, b = getattr(ours, field), getattr(theirs, field)
            if isinstance(b, (int, bool, list)):
                self.assertIs(type(a), type(b), field)
        driver = pathlib.Path(triton.__file__).parent / 'backends/nvidia/driver.py'
        read = set(re.findall(r'metadata\.(\w+)', driver.read_text()))
        self.assertLessEqual({'launch_pdl', 'global_scratch_size'}, read)
        for field in read - {'get'}:
            self.assertIn(field, ours._fields)


class Check(Case):
    """headgate-ptx check says what Triton's own patterns find."""

    def test_names(self):
        entry = compiler.ptx_prototype_pattern
        prelude = '.version 7.0\n.target sm_80\n.address_size 64\n'
        kernel = '.visible .entry k(\n\t.param .u64 a\n)\n.reqntid 32\n{ ret; }\n'
        for text, found in (
                (kernel, 'k'), (kernel.replace('.visible ', ''), None),
                (kernel.replace('.visible', '.weak'), None),
                ('.extern .func f( .param .b64 a );\n' + kernel, 'f'),
                ('.extern .func (.param .b32 r) f( .param .b64 a );\n' + kernel,
                 'k'),
                ('.visible .func f() { ret; }\n' + kernel, 'f'),
                (kernel + '.visible .func f() { ret; }\n', 'k'),
                (kernel.replace('k(', '$k('), None)):
            match = re.search(entry, text, re.MULTILINE)
            self.assertEqual(match.group(1) if match else None, found)
            path = self.directory / 'k.ptx'
            path.write_text(prelude + text)
            done = subprocess.run([ARGS.tool, 'check', '--triton', path],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0 if found == 'k' else 3, text)


class Link(Case):

    def test_link(self):
        out, _ = self.export('link', PTXAS)
        done = subprocess.run(
            [sys.executable, '-m', 'triton.tools.link', out / 'fa2.h', '-o',
             out / 'linked'], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        linked = (out / 'linked.h').read_text()
        self.assertIn('fa2(TT_StreamTy stream, CUdeviceptr q, CUdeviceptr k, '
                      'CUdeviceptr v, CUdeviceptr o, CUdeviceptr lse, int32_t S, '
                      'int32_t N, int algo_id)', linked)
        main = self.directory / 'main.c'
        main.write_text(
            '#include <stdio.h>\n#include "linked.h"\n'
            'const char *parameters = "pppppifi";\nint main(void) {\n'
            '  load_fa2();\n'
            '  printf("%d\\n", fa2_default(0, 16, 32, 48, 5, 6, 65, 2));\n'
            '  printf("%d\\n", fa2_default(0, 16, 33, 48, 5, 6, 65, 2));\n'
            '  return 0;\n}\n')
        program = self.directory / 'main'
        done = subprocess.run(
            [ARGS.cc, '-x', 'c', '-Wno-strict-prototypes',
             '-Wno-deprecated-non-prototype', '-I', INPUTS, '-I', out, main,
             out / 'linked.c', out / 'fa2.c', INPUTS / 'fake-cuda.c', '-o',
             program], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = subprocess.run([program], capture_output=True,
                              text=True).stdout.splitlines()
        self.assertEqual(said[2:], [
            'launch 1 grid 2 2 1 block 128 1 1 shared 40960 stream 0: '
            'p10 p20 p30 p5 p6 65 0.180336878 1', '0',
            '1'])  # k = 33 is not divisible by 16


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *REST])

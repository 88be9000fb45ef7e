# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-ptx info, diff, check and regs: on what LLVM, nvcc and Triton write,
and on files that break one rule.

  python3 look_test.py --tool=headgate-ptx --ptx=DIRECTORY
"""
import argparse
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

parser = argparse.ArgumentParser()
parser.add_argument('--tool', required=True)
parser.add_argument('--ptx', required=True, type=pathlib.Path)
ARGS, REST = parser.parse_known_args()
INPUTS = pathlib.Path(__file__).parent / 'Inputs'
TEXTBOOK = ARGS.ptx / 'textbook-nvcc.ptx'
ATTENTION = ARGS.ptx / 'attention-triton.ptx'
PTXAS = os.environ.get('PTXAS') or shutil.which(
    'ptxas', path=os.environ['PATH'] + ':/usr/local/cuda/bin')

KERNEL = """.version 7.0
.target sm_80
.address_size 64
.visible .entry scale(
\t.param .u64 scale_param_0,
\t.param .f32 scale_param_1
)
.reqntid 128
{
\tret;
}
"""


def call(*arguments, environment=None):
    return subprocess.run([ARGS.tool, *map(str, arguments)],
                          capture_output=True, text=True, env=environment)


class Files(unittest.TestCase):

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory()))

    def file(self, text, name='k.ptx'):
        path = self.directory / name
        path.write_text(text)
        return path


class Info(Files):

    def info(self, *files):
        done = call('info', '--json', *files)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)['files']

    def test_text(self):
        done = call('info', ATTENTION)
        self.assertEqual(done.returncode, 0, done.stderr)
        for said in ('PTX 8.8 for sm_80', 'attention: blocks of 128 threads',
                     'parameter 5: .f32 attention_param_5\n',
                     'parameter 6: .u64 attention_param_6 (scratch of Triton)',
                     '695 instructions:', 'mma 32'):
            self.assertIn(said, done.stdout)

    # The mix is that of the text, counted here line by line.
    def test_mix(self):
        for name in ('fa2-sm80', 'attention-triton', 'softmax-clang'):
            path = ARGS.ptx / (name + '.ptx')
            (kernel,) = self.info(path)[0]['entries']
            self.assertEqual(sum(kernel['mix'].values()),
                             kernel['instructions'])
            lines = [line.split() for line in path.read_text().splitlines()]
            lines = [words[words[0].startswith('@'):] for words in lines if words]
            for kind, opcode in (('mma', 'mma.sync'), ('ldmatrix', 'ldmatrix.'),
                                 ('ld.global', 'ld.global.'),
                                 ('st.shared', 'st.shared.'),
                                 ('cp.async', 'cp.async.cg.'),
                                 ('bar.sync', 'bar.sync')):
                count = sum(words[0].startswith(opcode) for words in lines)
                self.assertEqual(kernel['mix'].get(kind, 0), count,
                                 (name, kind))

    def test_several_kernels(self):
        (file,) = self.info(TEXTBOOK)
        self.assertEqual({e['name']: e['staticSharedBytes']
                          for e in file['entries']},
                         {'reduce': 128, 'transpose': 4224, 'sgemm': 2048,
                          'hist': 256})
        self.assertFalse(any(p['scratch'] for e in file['entries']
                             for p in e['parameters']))

    # Shared memory and scratch come from the JSON that Triton writes beside the
    # PTX: copy reads its scratch, so PTX alone does not show what it is.
    def test_triton_metadata(self):
        product, copy = self.info(INPUTS / 'product-sm90.ptx',
                                  INPUTS / 'copy-sm90.ptx')
        (kernel,) = product['entries']
        self.assertEqual(kernel['dynamicSharedBytes'], 49176)
        self.assertEqual(kernel['parameters'][0]['type'], '.b8[128]')
        self.assertEqual(kernel['mix']['wgmma.mma_async'], 4)
        self.assertEqual(kernel['mix']['cp.async.bulk.tensor'], 7)
        (kernel,) = copy['entries']
        self.assertEqual([(p['read'], p['scratch'])
                          for p in kernel['parameters'][-3:]],
                         [(True, False), (True, True), (False, True)])
        alone = self.file((INPUTS / 'copy-sm90.ptx').read_text())
        (kernel,) = self.info(alone)[0]['entries']
        self.assertNotIn('dynamicSharedBytes', kernel)
        self.assertFalse(any(p['scratch'] for p in kernel['parameters']))

    # Debug sections, functions, inline assembly, unknown instructions.
    def test_takes_all_ptx(self):
        path = self.file("""
.version 9.9 // of the future
.target sm_999a, debug
.address_size 64
.extern .func  (.param .b32 result) vprintf ( .param .b64 a, .param .b64 b );
.global .align 1 .b8 text[4] = {65, 66, 67, 0};
.func (.param .b32 result) square( .param .b32 x )
{ .reg .f32 %f<3>; ret; }
.visible .entry kernel( .param .align 4 .b8 config[24] )
.maxntid 64, 2
{
  .reg .b32 %r<3>;
  .shared .align 4 .b8 part[32];
  .loc 1 2 3, function_name $L__info_string0, inlined_at 1 5 6
  { // begin inline asm
    .reg .b32 z;
    frobnicate.tensor.sync.aligned.m1n2k3 {%r1, z}, [part + 4], 0x1;
  }
  ret;
}
.file 1 "k.cu"
.section .debug_info { .b32 4, {.b8 1}, $L__debug_abbrev + 1 }
""".replace('{.b8 1}', '.b8 1'))
        (file,) = self.info(path)
        (kernel,) = file['entries']
        self.assertEqual(file['functions'], ['square'])
        self.assertEqual(kernel['maxBlock'], [64, 2, 1])
        self.assertEqual(kernel['staticSharedBytes'], 32)
        self.assertEqual(kernel['mix'], {'frobnicate': 1, 'ret': 1})

    def test_mistakes(self):
        for said, path in (('cannot read', 'absent.ptx'),
                           ('k.ptx: no .target', self.file('', 'k.ptx')),
                           ("j.ptx: line 2: expected '}'",
                            self.file('.target sm_80 .visible .entry k()\n{',
                                      'j.ptx'))):
            done = call('info', path)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)

    def test_diff(self):
        before = self.file(KERNEL)
        after = self.file(KERNEL.replace('128', '256').replace(
            '\tret;', '\tbar.sync 0;\n\tret;'), 'after.ptx')
        self.assertEqual(call('diff', before, before).stdout, '')
        done = call('diff', before, after)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(),
                         ['kernel/instructions: 1 -> 2',
                          'kernel/mix/bar.sync: none -> 1',
                          'kernel/requiredBlock/0: 128 -> 256'])
        done = call('diff', before, TEXTBOOK)
        self.assertIn('version: "7.0" -> "9.0"', done.stdout)
        self.assertIn('scale/visible: true -> none', done.stdout)


class Check(Files):

    def test_loadable(self):
        for path in (self.file(KERNEL), ATTENTION, INPUTS / 'copy-sm90.ptx'):
            done = call('check', '--triton', path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f'{path}: Triton loads', done.stdout)
            self.assertEqual(done.stderr, '')

    def test_faults(self):
        first = KERNEL.index('.visible')
        declared = '.extern .func __assertfail( .param .b64 a );\n'
        for line, said, text in (
                (1, 'PTX 8.9 is newer than 8.8', KERNEL.replace('7.0', '8.9')),
                (1, 'needs a .version', KERNEL.replace('.version 7.0', '')),
                (4, "'scale' is not .visible", KERNEL.replace('.visible ', '')),
                (12, "'other' stands beside 'scale' (line 4)",
                 KERNEL + '.visible .entry other() { ret; }\n'),
                (1, 'no kernel', KERNEL[:first]),
                (4, "function '__assertfail' stands before kernel 'scale'",
                 KERNEL[:first] + declared + KERNEL[first:]),
                (4, "name '$scale' may have", KERNEL.replace('scale(', '$scale(')),
                (6, "'scale_param_1' has type .b32",
                 KERNEL.replace('.f32', '.b32')),
                (5, "'scale_param_0' is 64 bytes by value",
                 KERNEL.replace('.u64 scale_param_0',
                                '.align 64 .b8 scale_param_0[64]')),
                (4, 'blocks of 96 threads are 3 warps', KERNEL.replace('128', '96')),
                (4, 'blocks of 100 threads', KERNEL.replace('128', '100')),
                (4, 'blocks of 32x4x1 threads',
                 KERNEL.replace('128', '32, 4, 1'))):
            path = self.file(text)
            done = call('check', '--triton', path)
            self.assertEqual(done.returncode, 3, said)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(f'{path}:{line}: error: ', done.stderr)
            self.assertIn(said, done.stderr)

    # A function with a result, or behind the kernel, is not in Triton's way.
    def test_functions_that_are_fine(self):
        first = KERNEL.index('.visible')
        text = (KERNEL[:first] + '.extern .func (.param .b32 r) vprintf();\n' +
                KERNEL[first:] + '.visible .func f() { ret; }\n')
        done = call('check', '--triton', self.file(text))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_version_of_another_ptxas(self):
        path = self.file(KERNEL.replace('7.0', '8.9'))
        for version, code in (('8.9', 0), ('9.0', 0), ('8.8', 3)):
            done = call('check', '--triton', '--ptx-version=' + version, path)
            self.assertEqual(done.returncode, code, done.stderr)

    def test_json(self):
        path = self.file(KERNEL.replace('128', '96'))
        done = call('check', '--triton', '--json', path, ATTENTION)
        self.assertEqual(done.returncode, 3)
        (fault,) = json.loads(done.stdout)['faults']
        self.assertEqual((fault['file'], fault['line']), (str(path), 4))

    def test_usage(self):
        for said, arguments in (
                ('--triton', ('check', 'k.ptx')),
                ('FILE', ('check', '--triton')),
                ('--ptx-version', ('check', '--triton', '--ptx-version=8',
                                   'k.ptx')),
                ('AFTER', ('diff', 'k.ptx'))):
            done = call(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(said, done.stderr)


# What ptxas 13.0 says of a file with a function that was not inlined.
PTXAS_SAYS = """\
ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async ...
ptxas info    : 7 bytes gmem, 16 bytes cmem[4]
ptxas info    : Compiling entry function 'scale' for 'sm_80'
ptxas info    : Function properties for scale
    8 bytes stack frame, 16 bytes spill stores, 24 bytes spill loads
ptxas info    : Used 13 registers, used 1 barriers, 512 bytes smem, 387 bytes cmem[0]
ptxas info    : Compile time = 1.829 ms
ptxas info    : Function properties for square
    99 bytes stack frame, 98 bytes spill stores, 97 bytes spill loads
"""


class Regs(Files):

    def fake(self, folder, text=PTXAS_SAYS, code=0):
        """A ptxas that says `text` and leaves its command line in a file."""
        path = self.directory / folder / 'ptxas'
        path.parent.mkdir(parents=True, exist_ok=True)
        said = self.file(text, f'{folder.replace("/", "-")}.txt')
        path.write_text(f'#!/bin/sh\necho "$@" > {path}.args\n'
                        f'/bin/cat {said} >&2\nexit {code}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def regs(self, *arguments, **environment):
        environment.setdefault('PATH', str(self.directory / 'empty'))
        return call('regs', '--json', *arguments, environment=environment)

    def test_reads_what_ptxas_says(self):
        ptxas = self.fake('bin')
        done = self.regs(self.file(KERNEL), f'--ptxas={ptxas}')
        self.assertEqual(done.returncode, 0, done.stderr)
        (file,) = json.loads(done.stdout)['files']
        self.assertEqual(file['kernels'],
                         [{'name': 'scale', 'registers': 13,
                           'spillStoreBytes': 16, 'spillLoadBytes': 24,
                           'stackBytes': 8, 'staticSharedBytes': 512,
                           'barriers': 1}])
        self.assertEqual(len(file['notes']), 1)
        self.assertIn('(C7510)', file['notes'][0])
        command = (self.directory / 'bin/ptxas.args').read_text()
        self.assertIn('-arch=sm_80', command)
        self.regs(self.file(KERNEL), f'--ptxas={ptxas}', '--arch=sm_89')
        command = (self.directory / 'bin/ptxas.args').read_text()
        self.assertIn('-arch=sm_89', command)

    # --ptxas, then TRITON_PTXAS_PATH, then CUDA_HOME, then PATH.
    def test_order(self):
        path = self.file(KERNEL)
        asked, triton = self.fake('asked'), self.fake('triton')
        cuda, onPath = self.fake('cuda/bin'), self.fake('path')
        places = {'TRITON_PTXAS_PATH': str(triton),
                  'CUDA_HOME': str(cuda.parent.parent),
                  'PATH': f'/absent:{onPath.parent}'}

        def used(*arguments):
            return json.loads(self.regs(path, *arguments, **places).stdout)[
                'ptxas']

        self.assertEqual(used(f'--ptxas={asked}'), str(asked))
        self.assertEqual(used(), str(triton))
        del places['TRITON_PTXAS_PATH']
        self.assertEqual(used(), str(cuda))
        places['CUDA_HOME'] = '/absent'  # a toolkit without its compiler
        self.assertEqual(used(), str(onPath))

    def test_absent(self):
        path = self.file(KERNEL)
        done = self.regs(path)
        self.assertEqual(done.returncode, 4)
        self.assertIn('no ptxas is on this machine (--ptxas, ', done.stderr)
        done = self.regs(path, '--ptxas=/absent/ptxas')
        self.assertEqual(done.returncode, 1)
        self.assertIn('/absent/ptxas', done.stderr)

    def test_refused(self):
        ptxas = self.fake('bin', "ptxas k.ptx, line 9; error : no 'addd'\n", 255)
        done = self.regs(self.file(KERNEL), f'--ptxas={ptxas}')
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 9; error : no 'addd'", done.stderr)

    @unittest.skipUnless(PTXAS, 'needs ptxas: PTXAS, PATH or /usr/local/cuda')
    def test_real(self):
        done = self.regs(ARGS.ptx / 'fa2-sm80.ptx', TEXTBOOK, f'--ptxas={PTXAS}')
        self.assertEqual(done.returncode, 0, done.stderr)
        fa2, textbook = json.loads(done.stdout)['files']
        self.assertGreater(fa2['kernels'][0]['registers'], 64)
        self.assertEqual(fa2['kernels'][0]['spillStoreBytes'], 0)
        self.assertEqual({k['name']: k['staticSharedBytes']
                          for k in textbook['kernels']},
                         {'reduce': 128, 'transpose': 4224, 'sgemm': 2048,
                          'hist': 256})
        broken = self.file(KERNEL.replace('ret', 'retreat'))
        done = self.regs(broken, f'--ptxas={PTXAS}')
        self.assertEqual(done.returncode, 1)
        self.assertIn('line 10', done.stderr)


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *REST])

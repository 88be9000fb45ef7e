# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-ptx from the outside: what it prints and how it ends.

  python3 run_test.py --tool=headgate-ptx --ptx=DIRECTORY
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import unittest

parser = argparse.ArgumentParser()
parser.add_argument('--tool', required=True)
parser.add_argument('--ptx', required=True)
ARGS, REST = parser.parse_known_args()
TEXTBOOK = os.path.join(ARGS.ptx, 'textbook-nvcc.ptx')


def call(*arguments):
    return subprocess.run([ARGS.tool, *arguments], capture_output=True,
                          text=True)


def transpose(*arguments, device='sim:sm_80', output='out:3x2xf32'):
    return call('run', TEXTBOOK, '--entry=transpose', '--grid=1,1',
                '--block=32,8', '--device=' + device,
                '--arg=2x3xf32=1 2 3 4 5 6', '--arg=' + output,
                '--arg=i32:2', '--arg=i32:3', *arguments)


class Ptx(unittest.TestCase):

    def test_prints_outputs(self):
        done = transpose()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, 'arg 2: 3x2xf32=[1 4][2 5][3 6]\n')

    def test_writes_files(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'y.npy')
            done = transpose(output='out:3x2xf32=@' + path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout, '')
            with open(path, 'rb') as file:
                self.assertIn(b'(3, 2)', file.read())

    def test_counts(self):
        done = transpose('--counters')
        self.assertIn('warp instructions:', done.stdout)

    # Too small an output: exit 3, and the report knows the source line.
    def test_findings(self):
        done = transpose(output='out:2x2xf32')
        self.assertEqual(done.returncode, 3)
        self.assertIn('out-of-bounds: transpose, line', done.stderr)
        self.assertIn('(textbook.cu:', done.stderr)

    def test_json(self):
        done = transpose('--json', output='out:2x2xf32')
        self.assertEqual(done.returncode, 3)
        report = json.loads(done.stdout)
        self.assertEqual(report['findings'][0]['kind'], 'out-of-bounds')
        self.assertEqual(report['findings'][0]['at']['source']['file'],
                         'textbook.cu')
        self.assertGreater(report['counters']['global']['sectors'], 0)

    def test_mistakes(self):
        for code, said, arguments in (
                (2, 'subcommand', ()),
                (2, 'FILE', ('run',)),
                (2, '--grid', ('run', TEXTBOOK, '--grid=a')),
                (2, '--arg', ('run', TEXTBOOK, '--arg=i32:x')),
                (2, '--arg', ('run', TEXTBOOK, '--arg=out:3')),
                (1, 'cannot read', ('run', 'absent.ptx')),
                (1, '--entry=NAME', ('run', TEXTBOOK)),
                (1, 'no kernel', ('run', TEXTBOOK, '--entry=absent')),
                (1, 'takes 4 arguments', ('run', TEXTBOOK,
                                          '--entry=transpose')),
                (1, 'unknown option', ('run', TEXTBOOK,
                                       '--device=sim:sm_80,x=1')),
                (4, 'sim:sm_80', ('run', TEXTBOOK, '--device=cuda'))):
            done = call(*arguments)
            self.assertEqual(done.returncode, code, (arguments, done.stderr))
            self.assertIn(said, done.stderr, arguments)

    def test_help(self):
        done = call('run', '--help')
        self.assertEqual(done.returncode, 0)
        for word in ('--entry', '--grid', '--shared', 'zero:', 'Exit codes'):
            self.assertIn(word, done.stdout)


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *REST])

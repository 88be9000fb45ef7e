# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tests of headgate-tune share: a problem, a compiler and a worker that
are fakes, so that no clock and no LLVM is needed, and ways to run the tuner.
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = None

PROBLEMS = {
    'format': 'headgate.problems', 'version': 1,
    'producer': {'headgate': '0.1.0', 'llvm': '22.1.8'},
    'targets': ['host:x86-64-v4'],
    'entries': [{'name': 'layer',
                 'dims': {'B': [1, 100], 'S': [1, 65536], 'T': [1, 65536]},
                 'inputs': [{'name': 'q', 'dtype': 'f32'}],
                 'steps': [{'kernel': 'attend',
                            'with': {'d0': 'B', 'd1': 'S', 'd2': 'T'}},
                           {'kernel': 'other', 'with': {}}]}],
    'kernels': [
        {'name': 'attend', 'ir': 'sha256:' + 'ab' * 32,
         'problem': {'op': 'attend', 'dtype': 'f32', 'D': 64, 'Dv': 64,
                     'heads': 4, 'keyHeads': 4, 'causal': True},
         'scalars': ['d0', 'd1', 'd2'],
         'sizes': {'B': 'd0', 'S': 'd1', 'T': 'd2'}},
        {'name': 'other', 'ir': 'sha256:' + 'cd' * 32,
         'why': 'it is no attention and no projection'}]}
DIMS = '--dims=B=1,S=32,T=128' # 41 candidates


def time_of(schedule):
    """fake_bench.py's; that file serves requests when it is imported."""
    digest = hashlib.sha256(json.dumps(schedule, sort_keys=True).encode())
    return 1e6 * (1 + 0.02 * schedule['rows'] + digest.digest()[0] / 256)


class Tune(unittest.TestCase):

    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.dir = self.place.name
        self.scratch = os.path.join(self.dir, 'tmp')
        os.mkdir(self.scratch)
        self.records = os.path.join(self.dir, 'records')
        self.environment = {**os.environ, 'TMPDIR': self.scratch}
        self.environment.pop('FAKE_SLOWER', None)
        self.module()

    def tearDown(self):
        self.place.cleanup()

    def module(self, **behaviour):
        self.input = os.path.join(self.dir, 'module.mlir')
        with open(self.input, 'w') as f:
            json.dump({'problems': PROBLEMS, **behaviour}, f)
        self.list = os.path.join(self.dir, 'problems.json')
        with open(self.list, 'w') as f:
            json.dump(PROBLEMS, f)

    def command(self, *arguments, input=None):
        given = ' '.join(arguments)
        fakes = [f'--bench={HERE}/fake_bench.py']
        if '--compiler' not in given:
            fakes.append(f'--compiler={HERE}/fake_compile.py')
        if '--records' not in given and '--replay' not in given:
            fakes.append(f'--records={self.records}')
        return [TOOL, *([input] if input else [self.input]), DIMS, *fakes,
                *arguments]

    def call(self, *arguments, input=None, **options):
        return subprocess.run(self.command(*arguments, input=input), text=True,
                              capture_output=True, env=self.environment,
                              timeout=120, **options)

    def tune(self, *arguments, code=0, **options):
        """The only case of a run that ends well."""
        done = self.call(*arguments, '--json', **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)['cases'][0]

    def bad(self, code, message, *arguments, **options):
        done = self.call(*arguments, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertRegex(done.stderr, message)
        return done

    def lines(self, kind=None, directory=None):
        found = []
        directory = directory or self.records
        for name in sorted(os.listdir(directory)):
            with open(os.path.join(directory, name)) as f:
                found += [json.loads(line) for line in f]
        return [r for r in found if kind is None or r['kind'] == kind]

    def left_over(self):
        return os.listdir(self.scratch)


def main():
    global TOOL
    parser = argparse.ArgumentParser()
    parser.add_argument('--tool', required=True)
    arguments, rest = parser.parse_known_args()
    TOOL = os.path.abspath(arguments.tool)
    unittest.main(module='__main__', argv=[sys.argv[0], *rest])

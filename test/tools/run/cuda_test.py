# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-run and headgate-bench with --device=cuda: without a driver, and with
the fake one of test/runtime/cuda, whose kernels run on the simulator.

  python3 cuda_test.py --run=headgate-run --bench=headgate-bench
                       --driver=fake-cuda-all.so --ptx=handmade/kernels.ptx

The bundle's entry makes of x, N words, an [N,4] y of i64: each row is N, the bits
of 1.5, 2 N and 0."""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

OPTIONS = None
QUICK = ['--benchmark_min_time=0.001', '--benchmark_format=json']


def plan(image):
    launch = {'symbol': 'hg_probe', 'grid': ['n', '1', '1'], 'block': 1,
              'sharedBytes': 60000,
              'arguments': ['n', {'f32': 1.5}, 'out', {'i64': '2*n'}]}
    return {
        'format': 'headgate.plan', 'version': 1,
        'producer': {'headgate': 'test'}, 'images': [image],
        'kernels': [{
            'name': 'probe', 'ir': 'sha256:' + '0' * 64, 'problem': {},
            'parameters': ['out:ptr', 'n:i32'], 'bucket': [],
            'variants': [{'id': 'probe.0', 'image': 'gpu', 'schedule': {},
                          'workspaceBytes': 'n*1000', 'launches': [launch]}],
            'defaults': {'sm_80': ['probe.0']}}],
        'entries': [{
            'name': 'probe', 'dims': {'N': [0, 100000]},
            'inputs': [{'name': 'x', 'dtype': 'i32', 'shape': ['N']}],
            'outputs': [{'name': 'y', 'dtype': 'i64', 'shape': ['N', 4]}],
            'temporaries': [],
            'steps': [{'kernel': 'probe', 'with': {'out': 'y', 'n': 'N'}}]}]}


class Cuda(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.bundle = os.path.join(self.folder, 'probe.hgb')
        os.mkdir(self.bundle)
        with open(OPTIONS.ptx, 'rb') as file:
            text = file.read()
        with open(os.path.join(self.bundle, 'a.ptx'), 'wb') as file:
            file.write(text)
        form = {'kind': 'ptx', 'isa': '7.0', 'file': 'a.ptx',
                'bytes': len(text), 'sha256': hashlib.sha256(text).hexdigest()}
        with open(os.path.join(self.bundle, 'plan.json'), 'w') as file:
            json.dump(plan({'id': 'gpu', 'target': 'sm_80', 'forms': [form]}),
                      file)

    def call(self, tool, *arguments, driver=None, settings='', input=None):
        """Runs a tool; whatever it did wrong with the driver fails the test."""
        environment = dict(os.environ, FAKE_CUDA=settings)
        environment.pop('HEADGATE_CUDA_DRIVER', None)
        if driver:
            environment['HEADGATE_CUDA_DRIVER'] = driver
        done = subprocess.run([tool, *arguments], capture_output=True,
                              text=True, timeout=60, env=environment,
                              input=input, check=False)
        self.assertNotIn('fake cuda:', done.stderr)
        return done

    def run_tool(self, *arguments, **options):
        return self.call(OPTIONS.run, *arguments, driver=OPTIONS.driver,
                         **options)

    def probe(self, *arguments, **options):
        return self.run_tool(self.bundle, '--input=x=3xi32=0', *arguments,
                             **options)

    def bad(self, code, message, done):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, '')
        self.assertTrue(done.stderr.startswith('error: '), done.stderr)
        self.assertIn(message, done.stderr)
        self.assertEqual(done.stderr.count('\n'), 1, 'one sentence')

    def test_runs(self):
        expected = '--expected_output=y=3x4xi64=' + '3 1069547520 6 0 ' * 3
        for device in ('cuda', 'cuda:0', 'cuda:0,image=ptx'):
            done = self.probe('--device=' + device, expected)
            self.assertEqual(done.returncode, 0, done.stderr)
        wrong = self.probe('--device=cuda', expected.replace(' 6 ', ' 7 '))
        self.assertEqual(wrong.returncode, 3)

    # The flag goes before the environment.
    def test_driver_by_flag(self):
        done = self.call(OPTIONS.run, self.bundle, '--device=cuda',
                         '--input=x=2xi32=0', '--cuda-driver=' + OPTIONS.driver,
                         driver='libnothing.so')
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_no_driver(self):
        for tool in (OPTIONS.run, OPTIONS.bench):
            self.bad(4, "device 'cuda': no CUDA driver: libnothing.so",
                     self.call(tool, self.bundle, '--device=cuda',
                               '--cuda-driver=libnothing.so'))

    def test_no_gpu(self):
        self.bad(4, 'no CUDA-capable device is detected',
                 self.probe('--device=cuda', settings='devices=0'))
        self.bad(4, 'only cuda:0', self.probe('--device=cuda:1'))

    def test_wrong_uri(self):
        self.bad(2, "unknown option 'fast'", self.probe('--device=cuda:fast'))

    def test_lists_gpus(self):
        done = self.run_tool('--list_devices', settings='devices=2')
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr, '')
        self.assertEqual(done.stdout.split()[-2:], ['cuda:0', 'cuda:1'])
        self.assertIn('host', done.stdout.split())
        none = self.call(OPTIONS.run, '--list_devices',
                         driver='libnothing.so')
        self.assertEqual(none.returncode, 0)
        self.assertNotIn('cuda', none.stdout)
        self.assertRegex(none.stderr, r'^no cuda: no CUDA driver: libnothing.*\n$')

    def test_failing_driver(self):
        self.bad(1, 'cuModuleLoadDataEx: out of memory '
                 '(CUDA_ERROR_OUT_OF_MEMORY, 2)',
                 self.probe('--device=cuda',
                            settings='fail=cuModuleLoadDataEx:2'))
        self.bad(1, "the last kernel launched was 'hg_probe'",
                 self.probe('--device=cuda', settings='trap=700'))
        self.bad(1, 'cannot read PTX 7.0',
                 self.probe('--device=cuda', settings='ptx=6.4'))

    def test_plan(self):
        done = self.probe('--device=cuda:1', '--print-plan', '--dry-run',
                          settings='devices=2 capability=90')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('on cuda:1 (fake GPU 1) with N=3', done.stdout)
        self.assertIn('first default for sm_80 that can run', done.stdout)

    def test_unwritten(self):
        done = self.probe('--device=cuda', '--check-unwritten')
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_bench(self):
        done = self.call(OPTIONS.bench, self.bundle, '--device=cuda',
                         '--device=sim:sm_80', '--input=x=3xi32=0', '--steps',
                         *QUICK, driver=OPTIONS.driver)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)['benchmarks']
        self.assertEqual([b['name'] for b in found],
                         ['probe/N:3/cuda/manual_time',
                          'probe/N:3/sim:sm_80/manual_time'])
        for benchmark in found:
            self.assertGreater(benchmark['real_time'], 0)
            self.assertIn('0:probe', benchmark)

    # One row behind the output: found by guards on a GPU, refused by the
    # simulator itself.
    def test_written_outside(self):
        file = os.path.join(self.bundle, 'plan.json')
        with open(file) as f:
            right = json.load(f)
        right['entries'][0]['inputs'][0]['dtype'] = 'f32'
        far = self.bundle + '-far'
        shutil.copytree(self.bundle, far)
        for bundle, grid in (self.bundle, 'n'), (far, 'n+1'):
            right['kernels'][0]['variants'][0]['launches'][0]['grid'][0] = grid
            with open(os.path.join(bundle, 'plan.json'), 'w') as f:
                json.dump(right, f)
        for device, result, why in (
                ('cuda', 'correctness',
                 "output 'y': [0-9]+ bytes behind it were written"),
                ('sim:sm_80', 'runtime', 'hg_probe')):
            replies = []
            for bundle in self.bundle, far:
                request = {'id': 1, 'bundles': [bundle], 'dims': {'N': 3},
                           'checks': [{'dims': {'N': 5},
                                       'oracle': self.bundle}],
                           'policy': {'samples': 1, 'minMs': 0, 'warmupMs': 0}}
                done = self.call(OPTIONS.bench, '--worker', '--device=' + device,
                                 driver=OPTIONS.driver,
                                 input=json.dumps(request) + '\n')
                self.assertEqual(done.returncode, 0, done.stderr)
                replies.append(json.loads(done.stdout.splitlines()[-1]))
            self.assertEqual(replies[0]['result'], 'correct', replies[0])
            self.assertEqual(replies[1]['result'], result)
            self.assertRegex(replies[1]['why'], why)
            self.assertEqual(replies[1]['samples'], [])


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    for name in ('--run', '--bench', '--driver', '--ptx'):
        parser.add_argument(name, required=True, type=os.path.abspath)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0]] + rest)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ranking for a GPU without one, and going on from there where one is: the
simulator counts, a fake CUDA driver measures.

  gpu_test.py --tool=headgate-tune --driver=libfake-cuda-all.so [unittest options]
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
MODULE = HERE / 'Inputs/attend.mlir'
parser = argparse.ArgumentParser()
parser.add_argument('--tool', required=True)
parser.add_argument('--driver', required=True)
ARGS, REST = parser.parse_known_args()

# What a worker says that finds something, or counts nothing.
WORKER = """#!/usr/bin/env -S python3 -SE
import json, sys
print(json.dumps({'uri': 'sim:sm_80', 'name': 'a fake', 'target': 'sm_80',
                  'units': 2, 'features': []}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    assert request['counts'] and not request['checks']
    print(json.dumps({'id': request['id'], 'result': 'runtime', 'samples': [],
                      'why': 'race: two warps write'}), flush=True)
"""


class Gpu(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory()))
        self.records = self.folder / 'records'

    def call(self, *arguments):
        environment = dict(os.environ)
        environment.pop('HEADGATE_CUDA_DRIVER', None)
        return subprocess.run(
            [ARGS.tool, MODULE, '--target=sm_80', '--quiet', '--json',
             f'--records={self.records}', *arguments],
            capture_output=True, text=True, timeout=300, env=environment)

    def tune(self, *arguments):
        done = self.call(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)['cases'][0]

    def rank(self, *arguments, dims='B=1,S=5,T=20', trials=4):
        return self.tune(f'--dims={dims}', '--stop-after=compile',
                         f'--max-trials={trials}', *arguments)

    def measure(self, *arguments, trials=3):
        return self.tune('--dims=B=1,S=5,T=20', '--device=cuda:0,image=ptx',
                         f'--cuda-driver={ARGS.driver}',
                         f'--max-trials={trials}', '--stop-after=measure',
                         *arguments)

    def trials(self, hasDevice):
        found = {}
        for path in self.records.glob('*.jsonl'):
            for record in map(json.loads, path.read_text().splitlines()):
                if (record['kind'] == 'trial' and
                        ('device' in record['key']) == hasDevice):
                    found[json.dumps(record['key']['schedule'])] = record
        return found

    # The first ones are simulated, up to --simulate of a case in all runs.
    def test_counts(self):
        self.rank('--simulate=2')
        counted = [r for r in self.trials(False).values() if 'countedAt' in r]
        self.assertEqual(len(counted), 2)
        for record in counted:
            counters = record['counters']
            self.assertEqual(record['countedAt'], {'B': 1, 'S': 5, 'T': 20})
            self.assertGreater(counters['mmaMacs'], 0)
            self.assertGreater(counters['matrixInstructions'], 0)
            self.assertGreater(counters['instructions'],
                               counters['matrixInstructions'])
            self.assertEqual(counters['sharedWavefronts'],
                             counters['sharedIdealWavefronts'])
            self.assertNotIn('timeNs', record)
        self.rank('--simulate=3', trials=6)
        counted = [r for r in self.trials(False).values() if 'countedAt' in r]
        self.assertEqual(len(counted), 3)

    # A call that takes long to simulate is counted at smaller sizes: batches
    # go first, then tokens and keys alike.
    def test_counts_less(self):
        self.rank(dims='B=3,S=1,T=65536', trials=1)
        record, = self.trials(False).values()
        self.assertEqual(record['countedAt'], {'B': 3, 'S': 1, 'T': 65536})
        self.records = self.folder / 'more'
        self.rank(dims='B=3,S=4096,T=4096', trials=1)
        record, = self.trials(False).values()
        counted = record['countedAt']
        self.assertEqual(counted['B'], 1)
        self.assertEqual(counted['S'], counted['T'])
        self.assertIn(counted['S'], (512, 1024))
        self.assertEqual(record['key']['dims']['S'], 4096)

    # What the simulator finds is a failure, and says how to see it.
    def test_findings(self):
        worker = self.folder / 'worker.py'
        worker.write_text(WORKER)
        worker.chmod(0o755)
        case = self.rank(f'--bench={worker}', trials=1)
        self.assertEqual(case['failed'], {'runtime': 1})
        record, = self.trials(False).values()
        self.assertEqual(record['why'], 'race: two warps write')
        self.assertIn("headgate-compile", record['reproducer'])
        self.assertIn('--device=sim:sm_80', record['reproducer'])
        self.assertNotIn('countedAt', record)

    # Without a simulator nothing is passed over in silence.
    def test_no_simulator(self):
        done = self.call('--dims=B=1,S=5,T=20', '--stop-after=compile',
                         '--max-trials=1', '--bench=/nowhere/bench')
        self.assertEqual(done.returncode, 1)
        self.assertIn('error: counting on sim:sm_80 (--simulate=0 does '
                      'without): ', done.stderr)
        self.rank('--bench=/nowhere/bench', '--simulate=0', trials=1)

    # A machine with the GPU goes on in the same records: what failed is left
    # out, what is known of the code goes along.
    def test_goes_on(self):
        default = self.rank(trials=6)['default']
        ranked = self.trials(False)
        spilling = next(s for s, r in ranked.items()
                        if r['result'] == 'correct' and
                        json.loads(s) != default)
        path, = self.records.glob('*.jsonl')
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for record in lines:
            # Made by a machine that has another ptxas, or none.
            if 'key' in record:
                record['key']['tools']['ptxas'] = '1.2.3'
                del record['id']
            if record['kind'] == 'trial' and \
                    json.dumps(record['key']['schedule']) == spilling:
                record.update(result='constraints', why='registers: spilled')
        path.write_text(''.join(json.dumps(r) + '\n' for r in lines))

        case = self.measure(trials=5)
        self.assertEqual(case['rejected']['(R1)'], 1)
        measured = self.trials(True)
        self.assertEqual(len(measured), 5)
        self.assertNotIn(spilling, measured)
        both = measured.keys() & ranked.keys()
        self.assertGreaterEqual(len(both), 3)
        for schedule in both:
            before, after = ranked[schedule], measured[schedule]
            self.assertEqual(after['result'], 'correct')
            self.assertGreater(after['timeNs']['median'], 0)
            for key in ('countedAt', 'counters', 'sharedBytes'):
                self.assertEqual(after[key], before[key])
            self.assertEqual(after.get('registers'), before.get('registers'))
        again = self.measure(trials=5)
        self.assertEqual(again['measured'], 0)
        retried = self.measure('--retry-failed', trials=1)
        self.assertNotIn('(R1)', retried['rejected'])

    def test_no_driver(self):
        done = self.call('--dims=B=1,S=5,T=20', '--device=cuda:0',
                         '--cuda-driver=libnothing.so')
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn('libnothing.so', done.stderr)


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *REST])

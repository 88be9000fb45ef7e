# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-bench --worker: what it times, and what it finds wrong. One entry, f:
x [S,3] f32 -> y [S,3], a copy; some bundles have kernels that do another thing.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'run'))
import bundle
import case
from case import Case


class Worker(Case):

    def make(self, name, kernel, arguments, temporaries=()):
        """A bundle whose entry f runs `kernel`."""
        path = self.path(name)
        if not os.path.exists(path):
            bundle.write(path, case.LIBRARY, only='echo_f32')
            file = os.path.join(path, 'plan.json')
            with open(file) as f:
                plan = json.load(f)
            entry = plan['entries'][0]
            entry.update(name='f', temporaries=list(temporaries),
                         steps=[{'kernel': kernel, 'with': arguments}])
            with open(file, 'w') as f:
                json.dump(plan, f)
        return path

    def copy(self, name='copy.hgb', count='S*12'):
        return self.make(name, 'copy', {'x': 'x', 'y': 'y', 'bytes': count})

    def ones(self):
        return self.make('ones.hgb', 'part', {'y': 'y', 'n': 't', 'S': 'S*3'},
                         [{'name': 't', 'bytes': 'S*3', 'live': [0, 0]}])

    def serve(self, *requests, code=0):
        """The device and the replies."""
        text = ''.join((r if isinstance(r, str) else json.dumps(r)) + '\n'
                       for r in requests)
        done = subprocess.run([case.TOOL, '--worker', '--device=host:threads=1'],
                              input=text, capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, code, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def request(self, *bundles, dims=50, checks=(), **policy):
        return {'id': 3, 'bundles': list(bundles), 'function': 'f',
                'dims': {'S': dims}, 'checks': list(checks),
                'policy': {'warmupMs': 0, 'minMs': 0, 'samples': 6, **policy}}

    def against(self, oracle, S=7, **more):
        return {'dims': {'S': S}, 'oracle': oracle, **more}

    def one(self, *arguments, **options):
        device, reply = self.serve(self.request(*arguments, **options))
        self.assertEqual(device['units'], 1)
        self.assertEqual(device['target'], 'host')
        self.assertEqual(reply['id'], 3)
        return reply

    def test_times(self):
        reply = self.one(self.copy())
        self.assertEqual(reply['result'], 'correct')
        self.assertEqual(len(reply['samples'][0]), 6)
        self.assertTrue(all(ns > 0 for ns in reply['samples'][0]))
        reply = self.one(self.copy(), cold=True, maxMs=0)
        self.assertEqual(len(reply['samples'][0]), 5)
        reply = self.one(self.copy(), samples=1000, giveUpNs=1)
        self.assertEqual(len(reply['samples'][0]), 5)

    def test_in_turns(self):
        reply = self.one(self.copy(), self.ones(), self.copy('c2.hgb'))
        self.assertEqual([len(s) for s in reply['samples']], [6, 6, 6])

    def test_checks(self):
        right = self.copy()
        reply = self.one(self.copy('other.hgb'), checks=[
            self.against(right), self.against(right, 50, lastRows=4)])
        self.assertEqual(reply['result'], 'correct')
        self.assertEqual(reply['error']['maxAbs'], 0)

    # What is wrong is not timed.
    def test_wrong_results(self):
        reply = self.one(self.ones(), checks=[self.against(self.copy())])
        self.assertEqual(reply['result'], 'correctness')
        self.assertRegex(reply['why'], r"output 'y': \d+ of 21 elements are "
                         r'wrong; worst \[\d,\d\]: 1, expected .* at S=7')
        self.assertEqual(reply['samples'], [])
        self.assertGreater(reply['error']['maxAbs'], reply['error']['tolerance'])
        reply = self.one(self.ones(), checks=[
            self.against(self.copy(), 9, lastRows=2)])
        self.assertRegex(reply['why'], 'of 6 elements are wrong')

    def test_unwritten_results(self):
        hole = self.copy('hole.hgb', 'S*12-4')
        reply = self.one(hole, checks=[self.against(self.copy())])
        self.assertEqual(reply['result'], 'correctness')
        self.assertIn('element [6,2] is not written', reply['why'])

    # What is written outside of an output is found, though the output is right:
    # one element behind it, and one before it.
    def test_written_outside(self):
        for name, kernel, count, why in (
                ('behind', 'copy', 'S*12+4',
                 r"output 'y': \d bytes behind it were written, the nearest \d "
                 'away, at S=7'),
                ('before', 'early', 'S*12',
                 r"output 'y': \d bytes before it were written, the nearest \d "
                 'away, at S=7')):
            bad = self.make(name + '.hgb', kernel,
                            {'x': 'x', 'y': 'y', 'bytes': count})
            reply = self.one(bad, checks=[self.against(self.copy())])
            self.assertEqual(reply['result'], 'correctness')
            self.assertRegex(reply['why'], why)
            self.assertEqual(reply['samples'], [])

    def test_temporaries_overrun(self):
        # 300 bytes into a temporary of 256.
        bad = self.make('short.hgb', 'part', {'y': 'y', 'n': 't', 'S': 'S*3'},
                        [{'name': 't', 'bytes': '256', 'live': [0, 0]}])
        reply = self.one(bad, checks=[self.against(self.ones(), 100)])
        self.assertEqual(reply['result'], 'correctness')
        self.assertRegex(reply['why'], r'the temporaries: \d+ bytes behind')

    def test_failures_are_replies(self):
        reply = self.one(self.path('none.hgb'))
        self.assertEqual(reply['result'], 'runtime')
        self.assertIn('none.hgb', reply['why'])
        request = {**self.request(self.copy()), 'kernel': 'none'}
        self.assertIn("no step runs kernel 'none'",
                      self.serve(request)[1]['why'])
        request['dims'] = {'T': 1}
        self.assertIn('needs a value of S', self.serve(request)[1]['why'])

    def test_no_request(self):
        self.assertEqual(len(self.serve('{"id": 1}', code=1)), 1)

    def test_usage(self):
        for arguments in (['--worker', self.copy()],
                          ['--worker', '--device=host', '--device=host']):
            self.assertEqual(self.call(*arguments).returncode, 2)
        self.bad(2, 'is no routing', self.copy(), '--routing=some')


if __name__ == '__main__':
    case.main()

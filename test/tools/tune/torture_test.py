# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-tune among candidates that crash, hang and compute garbage, killed,
beside another one, without room on the disk.

  torture_test.py --tool=build/bin/headgate-tune [unittest options]

KILLS=100 in the environment kills it so often.
"""
import json
import os
import random
import resource
import signal
import subprocess
import time

import tune_case
from tune_case import Tune

KILLS = int(os.environ.get('KILLS', '6'))


class Torture(Tune):

    # Whatever a candidate does, it is written down with a reason and a command
    # that shows it, does not win, and the others are measured.
    def test_bad_candidates(self):
        self.module(compile={'"rows":14,"keys":128}': 'refuse',
                             '"rows":14,"keys":128,"order"': 'crash',
                             '"rows":14,"keys":128,"stages":0}': 'hang'},
                    run={'"rows":8,"keys":128}': 'hang',
                         '"rows":8,"keys":128,"order"': 'crash',
                         '"rows":8,"keys":128,"stages":0}': 'garbage',
                         '"rows":10,"keys":128}': 'exit',
                         '"rows":10,"keys":128,"order"': 'babble'})
        case = self.tune('--effort=exhaustive', '--run-timeout=1',
                         '--compile-timeout=1')
        self.assertEqual(case['known'], case['candidates'])
        whys = {'"rows":14,"keys":128}': ('compile', 'is not legal'),
                '"rows":14,"keys":128,"order"': ('compile', 'Aborted'),
                '"rows":14,"keys":128,"stages":0}': ('timeout', 'compiler was killed'),
                '"rows":8,"keys":128}': ('timeout', 'no reply in 1 s'),
                '"rows":8,"keys":128,"order"': ('runtime', 'read address 0'),
                '"rows":8,"keys":128,"stages":0}': ('correctness', "'o' is wrong"),
                '"rows":10,"keys":128}': ('runtime', 'exit code 9'),
                '"rows":10,"keys":128,"order"': ('runtime', 'makes no sense')}
        seen = set()
        for record in self.lines('trial'):
            text = json.dumps(record['key']['schedule'],
                              separators=(',', ':'))
            bad = next((b for b in whys if b in text), None)
            if bad is None:
                self.assertEqual(record['result'], 'correct', text)
                continue
            seen.add(bad)
            result, why = whys[bad]
            self.assertEqual(record['result'], result)
            self.assertIn(why, record['why'])
            self.assertIn('--schedule=', record['reproducer'])
            self.assertNotIn('timeNs', record)
            self.assertNotIn(bad, json.dumps(case['winner'],
                                             separators=(',', ':')))
        self.assertEqual(seen, set(whys))
        self.assertEqual(self.left_over(), [])
        # They stay failed, until they are to be tried again.
        self.assertEqual(self.tune('--effort=exhaustive')['measured'], 0)
        self.module()
        again = self.tune('--effort=exhaustive', '--retry-failed')
        self.assertEqual(again['failed'], {})

    # Without a default that is right there is nothing to compare with.
    def test_bad_default(self):
        default = self.tune('--stop-after=candidates')['default']
        self.module(run={json.dumps(default, separators=(',', ':')): 'garbage'})
        done = self.bad(1, 'error: the default schedule of attend .* fails '
                        r"\(correctness\): output 'o' is wrong")
        self.assertIn('to see it: ', done.stderr)

    # kill -9 at any moment: no record is lost, and in the end the winner is
    # that of a run that nobody disturbed.
    def test_kill(self):
        self.environment['FAKE_PAUSE'] = '0.02'
        whole = self.tune('--effort=exhaustive', '--max-trials=20',
                          f'--records={self.dir}/whole')
        chance = random.Random(1)
        known = set()
        for _ in range(KILLS):
            child = subprocess.Popen(
                self.command('--effort=exhaustive', '--max-trials=20'),
                env=self.environment, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0.05, 1.5))
            child.kill()
            child.wait()
            if not os.path.exists(self.records):
                continue
            now = set()
            for name in os.listdir(self.records):
                with open(os.path.join(self.records, name)) as f:
                    for line in f:
                        if line.endswith('\n'):
                            record = json.loads(line)
                            if record['kind'] == 'trial':
                                now.add(record['id'])
            self.assertLessEqual(known, now)
            known = now
        case = self.tune('--effort=exhaustive', '--max-trials=20',
                         '--retry-failed')
        self.assertEqual(case['known'], 20)
        self.assertEqual(case['winner'], whole['winner'])
        self.assertEqual(self.left_over(), [])
        self.assertEqual(self.children(), [])

    def children(self):
        """Fakes of this test that still run."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/environ', 'rb') as f:
                    if self.scratch.encode() in f.read():
                        found.append(pid)
            except OSError:
                pass
        return found

    def test_interrupt(self):
        self.module(run={f'"rows":{rows},"keys":128': 'hang'
                         for rows in (8, 10, 12, 14, 16, 32)})
        child = subprocess.Popen(self.command('--run-timeout=100'),
                                 env=self.environment, text=True,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        while not os.path.exists(self.records) or not self.lines('start'):
            time.sleep(0.05)
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=20)
        self.assertEqual(child.returncode, 130, errors)
        self.assertIn('the same command goes on from there', errors)
        self.assertEqual(self.left_over(), [])
        self.assertEqual(self.children(), [])

    # A candidate with which two runs died is not tried a third time.
    def test_deadly_candidate(self):
        case = self.tune('--max-trials=4', '--stop-after=measure')
        victim = self.lines('trial')[-1]
        start = {**{k: victim[k] for k in ('record', 'id', 'key')},
                 'kind': 'start', 'session': 'x', 'when': victim['when']}
        keep = [r for r in self.lines() if r.get('id') != victim['id']]
        for name in os.listdir(self.records):
            os.remove(os.path.join(self.records, name))
        with open(os.path.join(self.records, 'a.jsonl'), 'w') as f:
            for record in keep + [start, start]:
                f.write(json.dumps(record) + '\n')
        again = self.tune('--max-trials=4', '--stop-after=measure')
        self.assertEqual(again['measured'], 0)
        self.assertEqual(again['failed'], {'runtime': 1})
        self.assertEqual(case['known'], again['known'])

    def test_two_tuners(self):
        self.environment['FAKE_PAUSE'] = '0.01'
        command = self.command('--effort=exhaustive', '--max-trials=20')
        both = [subprocess.Popen(command, env=self.environment,
                                 stdout=subprocess.DEVNULL) for _ in range(2)]
        self.assertEqual([child.wait() for child in both], [0, 0])
        self.assertEqual(len({r['id'] for r in self.lines('trial')}), 20)
        again = self.tune('--effort=exhaustive', '--max-trials=20')
        self.assertEqual(again['measured'], 0)

    # No room for records: an error that says so, nothing torn, and the run goes
    # on when there is.
    def test_full_disk(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (12000, 12000))
        self.bad(1, r'error: cannot write to .*records/.*jsonl', preexec_fn=limit)
        count = len(self.lines('trial'))
        self.assertGreater(count, 2)
        case = self.tune()
        self.assertEqual(case['known'], count + case['measured'])

    def test_torn_line(self):
        self.tune('--max-trials=5', '--stop-after=measure')
        name = os.path.join(self.records, os.listdir(self.records)[0])
        with open(name) as f:
            lines = f.readlines()
        last = max(i for i, line in enumerate(lines)
                   if json.loads(line)['kind'] == 'trial')
        with open(name, 'w') as f:
            f.writelines(lines[:last] + [lines[last][:200]])
        with open(os.path.join(self.records, 'z.jsonl'), 'w') as f:
            f.write('{"record":99,"kind":"trial","x":1}\n')
        done = self.call('--max-trials=5', '--stop-after=measure', '--json')
        self.assertRegex(done.stderr, '(?m)^note: .*z.jsonl.*99')
        self.assertRegex(done.stderr, '(?m)^note: .*')
        case = json.loads(done.stdout)['cases'][0]
        self.assertEqual(case['measured'], 1)
        self.assertEqual(case['known'], 5)


if __name__ == '__main__':
    tune_case.main()

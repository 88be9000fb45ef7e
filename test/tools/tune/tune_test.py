# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-tune from the outside, with a compiler and a worker that are fakes:
no clock and no LLVM is needed, and both can be as bad as they like.

  tune_test.py --tool=build/bin/headgate-tune --kills=100   the long torture
"""
import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
TOOL = None
KILLS = 6

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
    import hashlib
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


class Searching(Tune):

    # A few candidates are compiled, checked, timed, and timed once more in
    # turns; the best of them wins, and nothing stays behind.
    def test_quick(self):
        case = self.tune()
        self.assertEqual(case['kernel'], 'attend')
        self.assertLessEqual(case['known'], max(24, .15 * case['candidates']))
        trials = {r['id']: r for r in self.lines('trial')}
        self.assertEqual(len(trials), case['known'])
        finals = {r['id']: r for r in self.lines('final')}
        self.assertEqual(len(finals), 6)
        best = min(time_of(r['key']['schedule']) for r in trials.values())
        found = time_of(case['winner']['schedule'])
        self.assertLessEqual(found, 1.021 * best)
        self.assertEqual(self.left_over(), [])

    # What is known is not measured again.
    def test_again(self):
        first = self.tune()
        count = len(self.lines())
        again = self.tune()
        self.assertEqual(again['measured'], 0)
        self.assertEqual(again['winner'], first['winner'])
        # A session's first line is all that is new.
        self.assertEqual(len(self.lines()), count + 1)

    # A trial begins with a line that says so, before anything can go wrong.
    def test_starts(self):
        self.tune('--max-trials=5')
        open_trials = []
        for record in self.lines():
            if record['kind'] == 'start':
                open_trials.append(record['id'])
            if record['kind'] == 'trial':
                self.assertEqual(open_trials.pop(), record['id'])
                self.assertGreater(record['baselineNs'], 0)
        self.assertEqual(open_trials, [])
        self.assertEqual(len(self.lines('trial')), 5)
        self.assertGreaterEqual(len(self.lines('baseline')), 2)

    def test_strategies(self):
        everything = self.tune('--effort=exhaustive')
        self.assertEqual(everything['known'], everything['candidates'])
        best = time_of(everything['winner']['schedule'])
        for effort in ('full', 'random', 'local', 'halving'):
            records = os.path.join(self.dir, effort)
            case = self.tune(f'--effort={effort}', f'--records={records}')
            slower = 1.1 if effort == 'local' else 1.021
            self.assertLessEqual(time_of(case['winner']['schedule']),
                                 slower * best, effort)
        nothing = self.tune('--effort=none', f'--records={self.dir}/none')
        self.assertEqual(nothing['known'], 0)
        self.assertEqual(nothing['winner']['schedule'], nothing['default'])

    # A job array: parts of the candidates in any order, then the last round.
    def test_shards(self):
        for i in (3, 1, 2):
            part = self.tune('--effort=exhaustive', f'--shard={i}/3')
            self.assertEqual(part['finalists'], [])
        together = self.tune('--finish')
        whole = self.tune('--effort=exhaustive', f'--records={self.dir}/whole')
        self.assertEqual(together['known'], whole['known'])
        self.assertEqual(together['winner'], whole['winner'])

    def test_stop_after(self):
        case = self.tune('--stop-after=candidates')
        self.assertFalse(os.path.exists(self.records))
        self.assertNotIn('winner', case)
        case = self.tune('--stop-after=measure', '--max-trials=4')
        self.assertEqual(case['known'], 4)
        self.assertEqual(self.lines('final'), [])
        text = self.call('--stop-after=candidates', '--explain').stdout
        for label in ('S1', 'S3', 'T1', 'T2', 'T3'):
            self.assertRegex(text, rf'(?m)^    {{.*}}: \({label}\) ')
        self.assertRegex(text, r'predicted .* \(default\)')

    # If the machine gets slower meanwhile, trials are measured once more, and
    # people are told.
    def test_drift(self):
        self.environment['FAKE_SLOWER'] = path = os.path.join(self.dir, 'slow')
        self.environment['FAKE_PAUSE'] = '0.05'
        with open(path, 'w') as f:
            f.write('1')
        child = subprocess.Popen(self.command(), env=self.environment,
                                 stdout=subprocess.PIPE, text=True)
        while not os.path.exists(self.records) or len(self.lines('trial')) < 4:
            time.sleep(0.02)
        with open(path + '.new', 'w') as f:
            f.write('1.5')
        os.rename(path + '.new', path)
        output, _ = child.communicate()
        self.assertIn("the default's time moved by up to 50 %", output)
        drifted = [r['id'] for r in self.lines('trial') if r.get('drifted')]
        self.assertGreaterEqual(len(drifted), 4)
        # The later one counts: over the baseline of its own time.
        last = {r['id']: r for r in self.lines('trial')}
        base = [r for r in self.lines('baseline')][0]['timeNs']['median']
        for record in last.values():
            true = time_of(record['key']['schedule']) / (base / 1)
            self.assertAlmostEqual(
                record['timeNs']['median'] / record['baselineNs'], true,
                delta=0.02 * true)


class Replay(Tune):

    # The same records and seed give the same winner, without a compiler, a
    # worker or a clock.
    def test_replay(self):
        first = self.tune('--effort=exhaustive')
        winners = set()
        for _ in range(5):
            case = self.tune('--effort=quick', f'--replay={self.records}',
                             input=self.list)
            winners.add(json.dumps(case['winner']))
            self.assertEqual(case['measured'], 0)
        self.assertEqual(len(winners), 1)
        whole = self.tune('--effort=exhaustive', f'--replay={self.records}',
                          input=self.list)
        self.assertEqual(whole['winner'], first['winner'])

    def test_a_miss(self):
        self.tune('--max-trials=6')
        self.bad(1, r'error: no record of attend for host:x86-64-v4 at '
                 r'B=1,S=32,T=128 with {"rows".*\([0-9a-f]{64}\)',
                 f'--replay={self.records}', input=self.list)
        self.bad(3, 'error: no record of attend', '--assert-hit')
        count = len(self.lines())
        self.tune('--assert-hit', '--max-trials=6')
        self.assertEqual(len(self.lines()), count)

    def test_a_list_cannot_be_compiled(self):
        self.bad(1, 'cannot be compiled: give the module', input=self.list)


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


class AskTell(Tune):

    def talk(self, *requests):
        text = ''.join((r if isinstance(r, str) else json.dumps(r)) + '\n'
                       for r in requests)
        command = self.command()
        command.insert(1, 'ask-tell')
        done = subprocess.run(command, input=text, text=True,
                              capture_output=True, env=self.environment,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    # The space, as an optimizer wants it; then its choices are measured.
    def test_measure(self):
        space, = self.talk({'space': True})
        self.assertEqual(list(space['knobs']), [
            'rows', 'keys', 'splits', 'merge', 'across', 'stages', 'order'])
        schedule = space['candidates'][7]['schedule']
        a, b, best = self.talk({'measure': schedule}, {'measure': 7},
                               {'best': True})
        self.assertEqual(a['result'], 'correct')
        self.assertEqual(a['candidate'], 7)
        self.assertAlmostEqual(a['ns'], time_of(schedule), delta=3000)
        self.assertEqual(best['candidate'], 7)
        self.assertEqual(len(self.lines('trial')), 2)

    # Our search, with times of somebody else.
    def test_ask_and_tell(self):
        asked, told, again, best = self.talk(
            {'ask': 3}, {'tell': {'candidate': 0, 'ns': 5}},
            {'tell': {'candidate': 2, 'failed': True}}, {'best': True})
        self.assertEqual(len(asked['trials']), 3)
        self.assertEqual((told['known'], again['known']), (1, 2))
        self.assertEqual(best['candidate'], 0)

    def test_mistakes_are_replies(self):
        replies = self.talk({'measure': {'rows': 15, 'keys': 256}}, 'nonsense',
                            {'ask': 0}, {'tell': {'candidate': 1}},
                            {'measure': 10**6}, {'what': 1}, {'space': True})
        for reply, why in zip(replies, (
                r'no candidate: \(S1\)', 'parse error', 'from 1', 'ns or failed',
                'integer', "unknown key 'what'")):
            self.assertRegex(reply['error'], why)
        self.assertIn('candidates', replies[-1])


class Usage(Tune):

    def test_usage(self):
        for message, *arguments in (
                ('no sizes are given', ),
                ("unknown effort 'quik'.*did you mean 'quick'", DIMS,
                 '--effort=quik'),
                ('expected I/N', DIMS, '--shard=4/3'),
                ('candidates, compile or measure', DIMS, '--stop-after=x'),
                ('is no routing', DIMS, '--routing=zipf'),
                ('no --shard with it', DIMS, '--finish', '--shard=1/2')):
            done = subprocess.run([TOOL, self.input, *arguments], text=True,
                                  capture_output=True)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertRegex(done.stderr, f'error: .*{message}')
        done = subprocess.run([TOOL, '--help'], text=True, capture_output=True)
        self.assertEqual(done.returncode, 0)
        self.assertIn('ask-tell', done.stdout)

    def test_errors(self):
        self.bad(1, "no kernel is called 'attent'.*did you mean 'attend'",
                 '--kernel=attent')
        self.bad(1, "kernel 'other' has no schedules: it is no attention",
                 '--kernel=other')
        done = subprocess.run(
            [TOOL, self.input, '--dims=B=1,S=5', f'--compiler={HERE}/fake_compile.py',
             '--stop-after=candidates'], text=True, capture_output=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "kernel 'attend': .*T")
        self.bad(1, 'cannot run .*nowhere', '--compiler=/nowhere')


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--tool', required=True)
    parser.add_argument('--kills', type=int, default=KILLS)
    arguments, rest = parser.parse_known_args()
    TOOL, KILLS = os.path.abspath(arguments.tool), arguments.kills
    unittest.main(argv=[sys.argv[0], *rest])

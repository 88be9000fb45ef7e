# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-tune from the outside: searching, going on, replaying, ask-tell.

  tune_test.py --tool=build/bin/headgate-tune [unittest options]
"""
import json
import os
import subprocess
import time

import tune_case
from tune_case import DIMS, HERE, Tune, time_of


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
            done = subprocess.run([tune_case.TOOL, self.input, *arguments], text=True,
                                  capture_output=True)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertRegex(done.stderr, f'error: .*{message}')
        done = subprocess.run([tune_case.TOOL, '--help'], text=True, capture_output=True)
        self.assertEqual(done.returncode, 0)
        self.assertIn('ask-tell', done.stdout)

    def test_errors(self):
        self.bad(1, "no kernel is called 'attent'.*did you mean 'attend'",
                 '--kernel=attent')
        self.bad(1, "kernel 'other' has no schedules: it is no attention",
                 '--kernel=other')
        done = subprocess.run(
            [tune_case.TOOL, self.input, '--dims=B=1,S=5', f'--compiler={HERE}/fake_compile.py',
             '--stop-after=candidates'], text=True, capture_output=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "kernel 'attend': .*T")
        self.bad(1, 'cannot run .*nowhere', '--compiler=/nowhere')


if __name__ == '__main__':
    tune_case.main()

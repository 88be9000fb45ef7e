# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-tune merge, show, diff, export and prune, on records written here.

  python3 records_test.py --tool=headgate-tune
"""
import argparse
import csv
import fcntl
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import records

parser = argparse.ArgumentParser()
parser.add_argument('--tool', required=True)
ARGS, REST = parser.parse_known_args()


def call(*arguments):
    return subprocess.run([ARGS.tool, *map(str, arguments)],
                          capture_output=True, text=True, timeout=60)


class Files(unittest.TestCase):

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory()))
        self.path = self.directory / 'records'
        self.records = records.typical()
        self.records.write(self.path / 'node-1.jsonl')

    def good(self, *arguments):
        done = call(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def bad(self, code, message, *arguments):
        done = call(*arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn('error: ', done.stderr)
        self.assertIn(message, done.stderr)

    def lines(self, path):
        return [json.loads(line) for line in path.read_text().splitlines()]


class Show(Files):

    def test_a_case(self):
        text = self.good('show', self.path)
        self.assertIn('attend for host:x86-64-v3 at B=1,S=2048,T=2048, routing '
                      'uniform:1\n  A CPU (2 units), headgate 0.1.0, llvm '
                      '22.1.8\n', text)
        self.assertIn('7 schedules: 4 correct, 1 correctness, 2 constraints; '
                      'default 2.02 ms', text)
        rows = [line.split() for line in text.splitlines()
                if ' ms ' in line and 'rows=' in line]
        # The two fastest tie: the first in canonical order wins.
        self.assertEqual([row[0] == '*' for row in rows],
                         [False, True, False, False])
        self.assertIn('rows=6', rows[1])
        self.assertEqual(rows[0][:3], ['1.60', 'ms', '0.800'])
        self.assertEqual(rows[2][-1], '(default)')
        self.assertIn('2 constraints: (S1) rows is not in 1..14\n', text)
        self.assertIn('1 correctness: o[0,3,1] is 7, expected 0.25', text)
        self.assertIn('headgate-compile layer.mlir -o x.hgb\n', text)

    def test_a_final_goes_before_its_trial(self):
        self.records.final({'rows': 4, 'keys': 128}, 1e6, 0.5)
        self.records.write(self.path / 'node-1.jsonl')
        text = self.good('show', self.path)
        self.assertRegex(text, r'\* +1\.00 ms +0\.500 .*rows=4 keys=128')

    def test_all_and_kernel(self):
        for rows in (1, 2, 10):
            self.records.trial({'rows': rows, 'keys': 64}, 9e6, baselineNs=2e6)
        self.records.write(self.path / 'node-1.jsonl')
        self.assertIn('and 2 more (--all)', self.good('show', self.path))
        text = self.good('show', '--all', '--kernel=attend', self.path)
        self.assertIn('rows=10', text)
        self.assertNotIn('more', text)
        self.bad(1, "no records of a kernel 'gemm'", 'show', '--kernel=gemm',
                 self.path)

    def test_one_record(self):
        text = self.good('show', self.path)
        found = [word for word in text.split() if len(word) == 12
                 and all(c in '0123456789abcdef' for c in word)]
        line = json.loads(self.good('show', f'--id={found[0]}',
                                    self.path).splitlines()[-1])
        self.assertEqual(line['key']['schedule'], {'rows': 8, 'keys': 256})
        self.bad(1, 'begins with zz', 'show', '--id=zz', self.path)

    def test_nothing_and_nowhere(self):
        (self.directory / 'empty').mkdir()
        self.assertEqual(self.good('show', self.directory / 'empty'),
                         'no records\n')
        self.bad(1, 'cannot read records from', 'show', self.directory / 'no')


class Merge(Files):

    def setUp(self):
        super().setUp()
        again = records.Records(session='node-2-1', hour='23')
        again.trial({'rows': 4, 'keys': 128}, 1e6, baselineNs=2e6)
        again.write(self.path / 'node-2.jsonl')
        with open(self.path / 'node-2.jsonl', 'a') as file:
            file.write('{"record": 2, "x": [1, 2]}\n{"record": 1, "kind": "tr')

    def test_what_counts_is_kept(self):
        out = self.directory / 'all.jsonl'
        done = call('merge', self.path, '-o', out)
        self.assertEqual(done.returncode, 0)
        self.assertIn('1 line of record version 2', done.stderr)
        self.assertIn('the last line is torn', done.stderr)
        lines = self.lines(out)
        kinds = [line.get('kind') for line in lines]
        self.assertEqual(kinds.count('session'), 2)
        self.assertEqual(kinds.count('baseline'), 2)
        self.assertEqual(kinds.count('trial'), 7)
        starts = [line for line in lines if line.get('kind') == 'start']
        self.assertEqual([start['key']['schedule'] for start in starts],
                         [{'rows': 2, 'keys': 512}])
        self.assertEqual(lines[-1], {'record': 2, 'x': [1, 2]})
        later, = [line for line in lines if line.get('kind') == 'trial'
                  and line['key']['schedule'] == {'rows': 4, 'keys': 128}]
        self.assertEqual(later['timeNs']['median'], 1e6)

    def test_merging_again_changes_nothing(self):
        out, more = self.directory / 'a.jsonl', self.directory / 'b.jsonl'
        self.good('merge', self.path, '-o', out)
        self.good('merge', out, self.path, out, '-o', more)
        self.assertEqual(out.read_text(), more.read_text())
        self.assertEqual(self.good('show', out),
                         self.good('show', self.path))

    def test_over_its_own_input(self):
        out = self.path / 'all.jsonl'
        self.good('merge', self.path, '-o', out)
        before = out.read_text()
        self.good('merge', self.path, '-o', out)
        self.assertEqual(out.read_text(), before)

    def test_where_nothing_can_be_written(self):
        self.bad(1, 'cannot write', 'merge', self.path, '-o',
                 self.directory / 'no' / 'all.jsonl')


class Diff(Files):

    def test_what_changed(self):
        other = records.Records(tools={'headgate': '0.2.0', 'llvm': '22.1.8'},
                                ir='sha256:11')
        other.baseline({'rows': 12, 'keys': 256, 'order': 'rows'}, 2e6)
        other.trial({'rows': 8, 'keys': 256}, 1.61e6, baselineNs=2e6) # noise
        other.trial({'rows': 6, 'keys': 256}, 1.2e6, baselineNs=2e6)
        other.trial({'rows': 4, 'keys': 128}, result='timeout', why='10 s')
        other.trial({'rows': 1, 'keys': 128}, 9e6, baselineNs=2e6)
        other.write(self.directory / 'other.jsonl')
        text = self.good('diff', self.path, self.directory / 'other.jsonl')
        self.assertIn("the kernel's IR is another", text)
        self.assertIn('headgate 0.1.0, llvm 22.1.8 -> headgate 0.2.0', text)
        self.assertRegex(text, r'1\.61 ms -> +1\.20 ms +-25\.5 %  rows=6')
        self.assertRegex(text, r'3\.00 ms -> +timeout +rows=4 keys=128')
        self.assertIn('1 as before, 4 only before, 1 only after', text)
        self.assertIn('winner: rows=6 keys=256\n', text)

    def test_cases_that_one_has(self):
        other = records.Records(dims={'B': 1, 'S': 4, 'T': 4})
        other.trial({'rows': 1, 'keys': 128}, 5e3)
        other.write(self.directory / 'other.jsonl')
        text = self.good('diff', self.path, self.directory / 'other.jsonl')
        self.assertIn('only before: attend for host:x86-64-v3 at B=1,S=2048',
                      text)
        self.assertIn('only after: attend for host:x86-64-v3 at B=1,S=4,T=4',
                      text)


def check_t4(test, value):
    """What T4.json of the autotuning methodology demands of a file."""
    test.assertRegex(value['schema_version'], r'^\d+\.\d+\.\d+$')
    metadata = value['metadata']
    test.assertIn(metadata['timeunit'], ['nanoseconds', 'microseconds',
                                         'milliseconds', 'seconds'])
    test.assertIn(metadata.get('compute_api', 'CUDA'),
                  ['OpenCL', 'CUDA', 'Vulkan'])
    for key in ('device', 'autotuner', 'autotuner_version', 'timestamp'):
        test.assertIsInstance(metadata.get(key, ''), str)
    for result in value['results']:
        for key in ('configuration', 'times', 'invalidity', 'correctness'):
            test.assertIn(key, result)
        test.assertIsInstance(result['configuration'], dict)
        test.assertIsInstance(result['timestamp'], str)
        for objective in result['objectives']:
            test.assertIsInstance(objective, str)
        times = result['times']
        test.assertIsInstance(times['compilation_time'], (int, float))
        for time in times['runtimes']:
            test.assertIsInstance(time, (int, float))
        test.assertIn(result['invalidity'],
                      ['timeout', 'compile', 'runtime', 'correctness',
                       'constraints', 'correct'])
        test.assertIn(result['correctness'], [0, 1])
        for measurement in result['measurements']:
            test.assertIsInstance(measurement['name'], str)
            test.assertIsInstance(measurement['value'], (int, float, str, list))
            test.assertIsInstance(measurement['unit'], str)


class Export(Files):

    def test_t4(self):
        out = self.directory / 'trials.json'
        self.good('export', self.path, f'--t4={out}')

        def refuse(word):
            self.fail(f'{word} is no JSON')
        value = json.loads(out.read_text(), parse_constant=refuse)
        check_t4(self, value)
        self.assertEqual(value['metadata']['device'], 'A CPU')
        self.assertNotIn('compute_api', value['metadata'])
        self.assertEqual(len(value['results']), 7)
        fast = value['results'][1]
        self.assertEqual(fast['configuration']['rows'], 8)
        self.assertEqual(fast['configuration']['dim_S'], 2048)
        self.assertEqual(fast['times'], {'compilation_time': 4e8,
                                         'runtimes': [1.6e6]})
        named = {m['name']: m['value'] for m in fast['measurements']}
        self.assertEqual(named['time'], 1.6e6)
        self.assertEqual(named['predicted'], 1.7e6)
        self.assertEqual(named['stack'], 4096)
        wrong = value['results'][4]
        self.assertEqual((wrong['invalidity'], wrong['correctness']),
                         ('correctness', 0))
        self.assertEqual(wrong['times']['runtimes'], [])

    def test_csv(self):
        out = self.directory / 'trials.csv'
        self.good('export', self.path, f'--csv={out}')
        with open(out, newline='') as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 7)
        self.assertEqual(rows[1]['rows'], '8')
        self.assertEqual(float(rows[1]['median_ns']), 1.6e6)
        self.assertEqual(rows[1]['dims'], 'B=1,S=2048,T=2048')
        self.assertEqual(float(rows[4]['error_max']), float('inf'))
        self.assertEqual(rows[4]['why'], 'o[0,3,1] is 7, expected 0.25, '
                                         '"tolerance" 1e-4\nmore')
        self.assertEqual({len(row) for row in rows}, {44})
        self.assertNotIn(None, rows[4])
        self.assertEqual(rows[1]['counted_at'] + rows[1]['instructions'], '')

    # What was only compiled: ranked by prediction, with what is known of the
    # code, in text and in both files.
    def test_counters(self):
        made = records.Records(target='sm_80')
        del made.key['device'], made.key['units']
        for keys, predicted in ((64, 9e4), (32, 7e4)):
            made.trial({'rows': 64, 'keys': keys}, predictedNs=predicted,
                       registers=100 + keys, countedAt={'B': 1, 'S': 256},
                       counters={'instructions': 5000 + keys, 'flops': 8e9,
                                 'sharedWavefronts': 70,
                                 'sharedIdealWavefronts': 64})
        made.write(self.directory / 'static.jsonl')
        said = self.good('show', self.directory / 'static.jsonl')
        self.assertRegex(
            said, r'(?s)70.0 µs  predicted  \w+  rows=64 keys=32\n +132 '
            r'registers, 5032 instructions, 70 shared wavefronts, 6 bank '
            r'conflicts\n +counted at B=1,S=256\n +90.0 µs  predicted .*keys=64')
        out = self.directory / 'static.csv'
        t4 = self.directory / 'static.json'
        self.good('export', self.directory / 'static.jsonl', f'--csv={out}',
                  f'--t4={t4}')
        with open(out, newline='') as file:
            row = next(csv.DictReader(file))
        self.assertEqual(
            [row[key] for key in ('counted_at', 'instructions', 'mma_macs',
                                  'shared_wavefronts',
                                  'shared_ideal_wavefronts')],
            ['B=1,S=256', '5064', '', '70', '64'])
        named = {m['name']: m['value'] for m in json.loads(
            t4.read_text())['results'][0]['measurements']}
        self.assertEqual(named['instructions'], 5064)
        self.assertEqual(named['counted_at_S'], 256)

    def test_usage(self):
        self.bad(2, 'say what to write', 'export', self.path)
        self.bad(1, 'cannot write', 'export', self.path, '--csv=/proc/no/a.csv')


class Prune(Files):

    def test_by_date(self):
        old = records.Records(session='old-1-1', hour='01')
        old.trial({'rows': 1, 'keys': 128}, 5e3)
        text = ''.join(json.dumps(line).replace('2026-11', '2025-01') + '\n'
                       for line in old.lines)
        mixed = self.path / 'mixed.jsonl'
        (self.path / 'old.jsonl').write_text(text)
        kept = '{"record": 3}\n' + json.dumps(self.records.lines[1]) + '\n'
        mixed.write_text(text + kept)
        said = self.good('prune', self.path, '--older=2026-01-01', '--dry-run')
        self.assertEqual(said, '6 of 23 records are older than '
                               '2026-01-01T00:00:00Z\n')
        self.assertEqual(mixed.read_text(), text + kept)
        self.good('prune', self.path, '--older=2026-01-01')
        self.assertFalse((self.path / 'old.jsonl').exists())
        self.assertEqual(mixed.read_text(), kept)
        self.assertEqual(len(self.lines(self.path / 'node-1.jsonl')),
                         len(self.records.lines))

    def test_a_file_in_use(self):
        path = self.path / 'node-1.jsonl'
        before = path.read_text()
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            done = call('prune', self.path, '--older=2027-01-01')
        self.assertIn('left alone, a process is writing to it', done.stderr)
        self.assertEqual(path.read_text(), before)
        self.good('prune', self.path, '--older=2027-01-01')
        self.assertFalse(path.exists())

    def test_ages(self):
        self.assertIn(' records are older than ',
                      self.good('prune', self.path, '--older=0d'))
        for text in ('3', 'd', '3w', '-1d', '2026-1-1', '99999999999d'):
            self.bad(2, f"'{text}' is no age", 'prune', self.path,
                     f'--older={text}')


class Usage(unittest.TestCase):

    def test_all(self):
        for arguments in (['merge'], ['show'], ['diff', 'a'], ['prune', 'a']):
            self.assertEqual(call(*arguments).returncode, 2, arguments)
        self.assertIn('RECORDS', call('show', '--help').stdout)


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *REST])

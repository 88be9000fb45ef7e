# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-bench from the outside, on the bundle of headgate-run's tests."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'run'))
import case
from case import MIX, Case

QUICK = '--benchmark_min_time=0.001'


class Bench(Case):

    def bench(self, *arguments):
        """The benchmarks of a run, by name."""
        text = self.good(*arguments, QUICK, '--benchmark_format=json')
        value = json.loads(text)
        return {b['name']: b for b in value['benchmarks']}, value['context']

    def bad(self, code, message, *arguments):
        done = self.call(*arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertRegex(done.stderr, '(?m)^error: .*' + message)


class Sizes(Bench):

    # One benchmark for each size, with what it moves: 3 floats a row in and out.
    def test_sweep(self):
        found, context = self.bench(self.bundle, '--function=echo_f32',
                                    '--dims=S=100', '--dims=S=2000')
        self.assertEqual(list(found), ['echo_f32/S:100/manual_time',
                                       'echo_f32/S:2000/manual_time'])
        self.assertEqual(context['bundle'], self.bundle)
        for size, b in zip((100, 2000), found.values()):
            seconds = b['real_time'] * 1e-6
            self.assertEqual(b['time_unit'], 'us')
            self.assertGreater(seconds, 0)
            self.assertAlmostEqual(b['tokens'] * seconds, size, delta=size / 50)
            self.assertAlmostEqual(b['bytes_per_second'] * seconds, 24 * size,
                                   delta=size / 2)
            self.assertEqual(b['label'], 'host')

    def test_sizes_of_the_inputs(self):
        found, _ = self.bench(self.mix, *MIX)
        self.assertEqual(list(found), ['mix/S:2/manual_time'])

    # Masks are true and floats are drawn, but integers mean something.
    def test_integers_are_drawn_as_told(self):
        self.bench(self.mix, '--dims=S=2', MIX[2])
        self.bench(self.mix, '--dims=S=2', '--draw=shift=S..0')
        self.bad(1, "no input of integers 'x'; it has shift", self.mix,
                 '--dims=S=2', '--draw=x=S..0', QUICK)
        self.bad(2, "is no draw", self.mix, '--dims=S=2', '--draw=shift=3')
        self.bad(1, "input 'shift': it holds integers", self.mix, '--dims=S=2',
                 QUICK)

    def test_sizes_must_be_known(self):
        self.bad(1, "sizes of entry 'mix' are not known: give --dims=S=",
                 self.mix, *MIX[:3])
        self.bad(1, "no dim 's'; it has S", self.bundle,
                 '--function=echo_f32', '--dims=S=1', '--dims=s=3')
        self.bad(1, "no dim 'T'; it has S", self.bundle,
                 '--function=echo_f32', '--dims=S=3,T=4')
        self.bad(1, 'S from 0 to 1000000, not 1000001', self.bundle,
                 '--function=echo_f32', '--dims=S=1000001')
        self.bad(1, 'other sizes than --dims', self.mix, *MIX, '--dims=S=3',
                 QUICK)


class Code(Bench):

    def test_devices_side_by_side(self):
        found, _ = self.bench(self.bundle, '--function=echo_f32', '--dims=S=5',
                              '--device=host:threads=1',
                              '--device=host:threads=2')
        self.assertEqual(list(found),
                         ['echo_f32/S:5/host:threads=1/manual_time',
                          'echo_f32/S:5/host:threads=2/manual_time'])

    def test_steps(self):
        found, _ = self.bench(self.bundle, '--function=echo_f32',
                              '--dims=S=5', '--steps')
        b = found['echo_f32/S:5/manual_time']
        self.assertAlmostEqual(b['0:copy'] * 1e6, b['real_time'],
                               delta=b['real_time'] / 50)

    def test_variant(self):
        call = (self.bundle, '--function=part', '--dims=S=5', '--print-plan',
                QUICK)
        self.assertIn("'part.full'", self.call(*call).stderr)
        self.assertIn("'part.hole'",
                      self.call(*call, '--variant=part=part.hole').stderr)
        self.bad(1, 'part.none', *call, '--variant=part=part.none')


class Usage(Bench):

    def test_benchmark_flags(self):
        call = (self.bundle, '--function=echo_f32', '--dims=S=5',
                '--dims=S=7')
        self.assertEqual(self.good(*call, '--benchmark_list_tests'),
                         'echo_f32/S:5/manual_time\n'
                         'echo_f32/S:7/manual_time\n')
        found, _ = self.bench(*call, '--benchmark_filter=S:7')
        self.assertEqual(list(found), ['echo_f32/S:7/manual_time'])
        out = self.path('out.json')
        self.good(*call, QUICK, '--benchmark_out=' + out,
                  '--benchmark_repetitions=3')
        with open(out) as file:
            names = [b['name'] for b in json.load(file)['benchmarks']]
        self.assertEqual(names.count('echo_f32/S:5/manual_time'), 3)
        self.assertIn('echo_f32/S:5/manual_time_median', names)
        self.bad(1, 'no benchmark has such a name', *call,
                 '--benchmark_filter=none')

    def test_wrong_usage(self):
        self.bad(2, 'BUNDLE')
        for flag, message in (('--benchmark_nope', '--benchmark_nope'),
                              ('--benchmark_repetitions=x', '_repetitions=x'),
                              ('--benchmark_format=xml', 'console, json or'),
                              ('--nope', '--nope'),
                              ('--dims=S', 'expected NAME=NUMBER'),
                              ('--dims=S=1,S=2', "'S' is given twice"),
                              ('--device=hots', 'unknown kind')):
            self.bad(2, message, self.bundle, flag)

    def test_no_bundle(self):
        self.bad(1, 'none.hgb', 'none.hgb', '--dims=S=1')

    def test_help(self):
        text = self.good('--help')
        for flag in ('--dims', '--steps', '--device', '--benchmark_filter'):
            self.assertIn(flag, text)
        self.assertRegex(self.good('--version'), r'^headgate-bench \d+\.\d+')


if __name__ == '__main__':
    case.main()

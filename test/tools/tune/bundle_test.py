# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-tune BUNDLE: which variant goes into tuned.json, and that a runtime
takes it. The kernel copies x to y; its variants differ in how much work they do
beside that, or in what they do wrong.

  bundle_test.py --tune=headgate-tune --tool=headgate-bench --library=kernels.so
"""
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'run'))
import bundle
import case
from case import Case

TUNE = ''


class TuneBundle(Case):

    def setUp(self):
        self.path_ = self.path(self.id() + '.hgb')
        bundle.write(self.path_, case.LIBRARY, only='echo_f32')
        self.tuned = os.path.join(self.path_, 'tuned.json')

    def edit(self, change):
        file = os.path.join(self.path_, 'plan.json')
        with open(file) as f:
            plan = json.load(f)
        change(plan)
        with open(file, 'w') as f:
            json.dump(plan, f)

    def variants(self, *variants, bucket=('bytes',)):
        """The first is the default; each is (id, symbol, extra keys)."""
        def change(plan):
            kernel = next(k for k in plan['kernels'] if k['name'] == 'copy')
            kernel['bucket'] = list(bucket)
            kernel['variants'] = [
                {**bundle.variant(name, symbol, ['x', 'y', 'bytes']), **more}
                for name, symbol, more in variants]
            kernel['defaults'] = {'host': [variants[0][0]]}
        self.edit(change)

    def tune(self, *arguments, code=0):
        done = subprocess.run(
            [TUNE, self.path_, '--bench=' + case.TOOL, *arguments],
            capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def entries(self):
        with open(self.tuned) as f:
            devices = json.load(f)['devices']
        self.assertEqual(len(devices), 1)
        return devices[0]['entries']

    def plan_at(self, size):
        return self.call(self.path_, f'--dims=S={size}', '--print-plan',
                         '--benchmark_min_time=0.001').stderr

    # The slow default loses by a factor; the wrong ones are out, however fast.
    def test_fastest_right_variant_wins(self):
        self.variants(('slow', 'hg_slow', {}), ('fast', 'hg_copy', {}),
                      ('wrong', 'hg_nothing', {}), ('early', 'hg_early', {}))
        out = self.tune('--dims=S=1000').stdout
        self.assertRegex(out, r"wrong +correctness: output 'y': .*element "
                              r'\[0,0\] is not written')
        self.assertRegex(out, r"early +correctness: output 'y': .* before it")
        [entry] = self.entries()
        self.assertEqual(entry['variant'], 'fast')
        self.assertEqual(entry['bucket'], {'bytes': 14}) # 12000 bytes
        self.assertGreater(entry['overDefault'], 1.5)
        # A runtime takes it there, and not for sizes far away.
        self.assertRegex(self.plan_at(1000), "'fast'.*: tuned on")
        self.assertRegex(self.plan_at(3), "'slow'.*: first default")

    def test_default_stays_where_it_is_fastest(self):
        self.variants(('fast', 'hg_copy', {}), ('slow', 'hg_slow', {}))
        self.tune('--dims=S=1000', '--dims=S=100')
        self.assertEqual([(e['bucket']['bytes'], e['variant'])
                          for e in self.entries()],
                         [(11, 'fast'), (14, 'fast')])

    # Other buckets and devices of the file stay; the measured one is replaced.
    def test_file_is_merged(self):
        self.variants(('slow', 'hg_slow', {}), ('fast', 'hg_copy', {}))
        self.tune('--dims=S=1000')
        self.tune('--dims=S=100')
        self.tune('--dims=S=1001')
        self.assertEqual(sorted(e['bucket']['bytes'] for e in self.entries()),
                         [11, 14])
        self.assertEqual(os.listdir(self.path_).count('tuned.json'), 1)
        with open(self.tuned, 'w') as f:
            f.write('{"format": "headgate.tuned", "version": 99}')
        self.assertIn('version 99', self.tune('--dims=S=9', code=1).stderr)

    # A variant that is not for such sizes takes no part.
    def test_when(self):
        self.variants(('slow', 'hg_slow', {}),
                      ('fast', 'hg_copy', {'when': 'bytes >= 100000'}))
        out = self.tune('--dims=S=1000').stdout
        self.assertRegex(out, 'fast +is left out: .*needs bytes >= 100000')
        self.assertEqual(self.entries()[0]['variant'], 'slow')

    def test_errors(self):
        def error(*arguments, code=1):
            done = self.tune(*arguments, code=code)
            self.assertTrue(done.stderr.startswith('error: '), done.stderr)
            self.assertFalse(os.path.exists(self.tuned))
            return done.stderr
        self.assertIn('no kernel of it has buckets and several variants; '
                      'compile it with --tuning-records',
                      error('--dims=S=9'))
        self.assertIn("kernel 'copy' has no buckets",
                      error('--dims=S=9', '--kernel=copy'))
        self.assertIn("no kernel is called 'copi'",
                      error('--dims=S=9', '--kernel=copi'))
        self.variants(('slow', 'hg_slow', {}), ('fast', 'hg_copy', {}))
        self.assertIn('needs a value of S', error('--dims=T=9'))
        self.assertIn('is a bundle', error('--dims=S=9', '--replay=x'))
        shutil.rmtree(os.path.join(self.path_, 'kernels'))
        self.assertIn('default variant fails', error('--dims=S=9'))
        os.remove(os.path.join(self.path_, 'plan.json'))
        self.assertIn('plan.json', error('--dims=S=9'))


if __name__ == '__main__':
    TUNE = os.path.abspath(next(a for a in sys.argv
                                if a.startswith('--tune=')).split('=', 1)[1])
    sys.argv = [a for a in sys.argv if not a.startswith('--tune=')]
    case.main()

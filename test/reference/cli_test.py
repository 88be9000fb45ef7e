# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-reference from the outside: cases it makes, and what may be wrong.

  python3 cli_test.py --tool=headgate-reference --goldens=DIR [unittest options]
"""
import filecmp
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'tools', 'run'))
import npy

TOOL = GOLDENS = ''

# One case of each system at least, with sizes that no golden case has.
MADE = {
    'layer': '--level=layer --groups=1 --experts=8 --topk=3 --head-dim=48'
             ' --tokens=9 --rope --bias',
    'core': '--level=core --mask --kv-start --past=5 --rope --dtype=bf16',
    'hard': '--level=core --variant=hard_concat --topk=1',
    'weighted': '--variant=weighted_concat --bias --dtype=bf16',
    'dense': '--experts=2 --topk=2 --tokens=5 --shared=0',
    'decode': '--tokens=1 --past=11 --rope',
    'none': '--tokens=0',
    'moh': '--system=moh-dit --shared=3 --experts=5 --topk=2 --bias',
    'llama': '--system=llama-moe-v2 --experts=3 --heads-per-expert=1 --rope',
    'switch': '--system=switchhead --groups=3 --experts=5 --topk=3'
              ' --rotate=6 --rope --dtype=bf16',
}


def rows(values, width):
    return [values[i:i + width] for i in range(0, len(values), width)]


class Test(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()

    def tearDown(self):
        shutil.rmtree(self.folder)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def call(self, *arguments):
        return subprocess.run([TOOL, *arguments], capture_output=True,
                              text=True, timeout=60, check=False)

    def good(self, *arguments):
        done = self.call(*arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def bad(self, code, message, *arguments):
        """The call must leave with the code and say `error: ...message...`."""
        done = self.call(*arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertTrue(done.stderr.startswith('error: '), done.stderr)
        self.assertIn(message, done.stderr)

    def make(self, name, options, seed=0):
        self.good('--make=' + self.path(name), '--seed=%d' % seed,
                  *options.split())
        return self.path(name)

    def golden(self, name):
        """A copy to damage."""
        return shutil.copytree(os.path.join(GOLDENS, name), self.path(name))

    def array(self, case, name):
        return npy.read(os.path.join(case, name + '.npy'))

    def describe(self, case):
        with open(os.path.join(case, 'case.json'), encoding='utf-8') as file:
            return json.load(file)

    def rewrite(self, case, change):
        """case.json after change(its contents)."""
        contents = self.describe(case)
        change(contents)
        with open(os.path.join(case, 'case.json'), 'w',
                  encoding='utf-8') as file:
            json.dump(contents, file)


class Compute(Test):
    def test_writes_what_the_case_expects(self):
        out = self.path('new', 'folder')
        case = os.path.join(GOLDENS, '21_routed_kv_llamamoe2')
        self.good(case, '--out', out)
        expected = self.describe(case)['tensors']
        self.assertEqual(
            sorted(os.listdir(out)),
            sorted(t['file'] for t in expected.values()
                   if t['role'] == 'expected'))
        for name in ('y', 'rank'):
            descr, shape, _ = self.array(out, 'out.' + name)
            self.assertEqual(list(shape), expected[name]['shape'])
            self.assertEqual(descr, '<f4' if name == 'y' else '<i4')
        # Rounded to f32, exact integers are the golden ones.
        self.assertEqual(self.array(out, 'out.rank'),
                         self.array(case, 'out.rank'))

    # form and dims are enough; then everything is written, beside the inputs.
    def test_form_and_dims_are_enough(self):
        for name in ('03_weighted_concat_m4k2', '18_moh_dit_two_stage',
                     '21_routed_kv_llamamoe2', '23_switchhead'):
            case = self.golden(name)
            stored = self.path('stored')
            os.mkdir(stored)
            for file in os.listdir(case):
                if file.startswith('out.'):
                    shutil.move(os.path.join(case, file), stored)
            full = self.describe(case)
            self.rewrite(case, lambda c: [c.pop(key) for key in list(c)
                                          if key not in ('form', 'dims')])
            self.good(case)
            for file in os.listdir(stored):
                self.assertIn(file, os.listdir(case))
            with open(os.path.join(case, 'case.json'), 'w',
                      encoding='utf-8') as file:
                json.dump(full, file)
            self.good(case, '--check')
            shutil.rmtree(stored)

    def test_check_finds_a_difference(self):
        case = self.golden('24_neg_inf_logits')
        self.assertIn('y: largest error', self.good(case, '--check'))
        descr, shape, values = self.array(case, 'out.y')
        values[5] += 1e-5
        npy.write(os.path.join(case, 'out.y.npy'), descr, shape, values)
        done = self.call(case, '--check')
        self.assertEqual(done.returncode, 3)
        self.assertIn('FAILED: 1 of 384 elements, [0,0,5]', done.stdout)
        npy.write(os.path.join(case, 'out.y.npy'), descr, (384,), values)
        done = self.call(case, '--check')
        self.assertEqual(done.returncode, 3)
        self.assertIn('y: FAILED: its shape', done.stdout)

    def test_check_finds_a_wrong_choice(self):
        case = self.golden('10_ties')
        descr, shape, values = self.array(case, 'out.idx')
        values[0] = 1 - values[0]
        npy.write(os.path.join(case, 'out.idx.npy'), descr, shape, values)
        self.assertEqual(self.call(case, '--check').returncode, 3)

    def test_longer_tables_and_wider_floats_are_taken(self):
        case = self.golden('13_decode_q1')
        for name in ('in.rope_cos', 'in.rope_sin'):
            _, (length, width), values = self.array(case, name)
            npy.write(os.path.join(case, name + '.npy'), '<f8',
                      (length + 1, width), values + [math.nan] * width)
        self.good(case, '--check')


class WrongCase(Test):
    def setUp(self):
        super().setUp()
        self.case = self.golden('13_decode_q1')

    def wrong(self, message):
        self.bad(1, message, self.case, '--out', self.path('out'))
        self.assertFalse(os.path.exists(self.path('out')))

    def wrong_json(self, message, text):
        with open(os.path.join(self.case, 'case.json'), 'w',
                  encoding='utf-8') as file:
            file.write(text)
        self.wrong(message)

    def wrong_key(self, message, part, key, value):
        before = self.describe(self.case)
        self.rewrite(self.case, lambda c: c[part].update({key: value}))
        self.wrong(message)
        self.rewrite(self.case, lambda c: c.update(before))

    def input(self, name):
        return os.path.join(self.case, 'in.%s.npy' % name)

    def test_no_case(self):
        self.bad(1, 'no such directory', self.path('absent'))
        os.mkdir(self.path('empty'))
        self.bad(1, 'case.json: no such file', self.path('empty'))

    def test_malformed_json(self):
        self.wrong_json('case.json: parse error', '{"form": ')
        self.wrong_json('case.json: form.system: expected gqe or', '[1, 2]')
        self.wrong_json('case.json: form.system: expected gqe or', '{}')
        self.wrong_json('occurs twice', '{"form": {}, "form": {}}')
        self.wrong_json('form.system', '{"form": "gqe", "dims": 3}')

    def test_unknown_words(self):
        for key, value in {'system': 'gqa', 'variant': 'soft', 'level': 'x',
                           'norm': 'sum', 'f_sums_to': 'M', 'mask': 1,
                           'weight_layout': 'in_out', 'past': -1}.items():
            self.wrong_key('case.json: form.%s: expected' % key, 'form', key,
                           value)

    def test_sizes(self):
        for key, value in {'k': 3, 'M': 0, 'D': 3.5, 'B': '2', 'Sq': -1,
                           'dim': 1 << 40, 'G': None, 'N': 9, 'Skv': 63,
                           'past': 62}.items():
            self.wrong_key('case.json: dims.%s: ' % key, 'dims', key, value)

    def test_missing_tensor(self):
        os.remove(self.input('past_k'))
        self.wrong('in.past_k.npy: no such file')

    # w_o is optional in a core, but not when the case lists it or expects y.
    def test_missing_optional_tensor(self):
        os.remove(self.input('w_o'))
        self.wrong('in.w_o.npy: no such file')
        self.rewrite(self.case, lambda c: c['tensors'].pop('w_o'))
        self.wrong("expects a tensor 'y', which this layer does not give "
                   "without an input 'w_o'")
        self.rewrite(self.case, lambda c: c['tensors'].pop('y'))
        self.good(self.case, '--check')

    def test_wrong_shape(self):
        descr, shape, values = self.array(self.case, 'in.k')
        for wrong in (shape[:-1] + (shape[-1] // 2, 2), (1,) + shape[1:],
                      shape[:3] + (31,)):
            count = math.prod(wrong)
            npy.write(self.input('k'), descr, wrong, values[:count])
            self.wrong('in.k.npy: its shape is [')

    def test_short_table(self):
        for name in ('rope_cos', 'rope_sin'):
            _, (length, width), values = self.array(self.case, 'in.' + name)
            npy.write(self.input(name), '<f4', (length - 1, width),
                      values[:-width])
        self.wrong('in.rope_cos.npy: its shape is [63,32], but the case makes '
                   'it [64,32]')

    def test_wrong_dtype(self):
        _, shape, values = self.array(self.case, 'in.v')
        npy.write(self.input('v'), '<i4', shape, [1] * len(values))
        self.wrong('in.v.npy: it holds i32, but must be f32')

    def test_damaged_file(self):
        descr, shape, values = self.array(self.case, 'in.q')
        npy.write(self.input('q'), descr, shape, values, cut=4)
        self.wrong('in.q.npy: ')

    def test_negative_kv_start(self):
        self.rewrite(self.case, lambda c: c['form'].update(kv_start=True))
        self.wrong('in.kv_start.npy: no such file')
        npy.write(self.input('kv_start'), '<i4', (2,), [0, -1])
        self.wrong('in.kv_start.npy: it holds a negative position')

    def test_unknown_expected_tensor(self):
        self.rewrite(self.case, lambda c: c['tensors'].update(
            z={'role': 'expected'}))
        self.wrong("expects a tensor 'z', which this layer does not give")

    def test_out_is_a_file(self):
        with open(self.path('out'), 'w', encoding='utf-8'):
            pass
        self.bad(1, 'cannot make it', self.case, '--out', self.path('out'))

    def test_check_without_files_or_tolerance(self):
        os.remove(os.path.join(self.case, 'out.lse.npy'))
        self.bad(1, 'out.lse.npy: no such file', self.case, '--check')
        self.rewrite(self.case, lambda c: c['tensors'].pop('lse'))
        self.rewrite(self.case, lambda c: c['tolerance'].pop('y'))
        self.bad(1, "no f64 tolerance for 'y'", self.case, '--check')


class Make(Test):
    def test_made_cases_compute(self):
        for name, options in MADE.items():
            case = self.make(name, options)
            self.good(case, '--check')
            contents = self.describe(case)
            for file, tensor in contents['tensors'].items():
                descr, shape, _ = self.array(case, tensor['file'][:-4])
                self.assertEqual(list(shape), tensor['shape'], file)
                self.assertEqual({'float32': '<f4', 'int32': '<i4',
                                  'uint8': '|u1'}[tensor['dtype']], descr)
            self.assertEqual(len(os.listdir(case)),
                             len(contents['tensors']) + 1)

    def test_seeds(self):
        for name in ('core', 'switch'):
            first = self.make('first', MADE[name], seed=3)
            again = self.make('again', MADE[name], seed=3)
            other = self.make('other', MADE[name], seed=4)
            files = os.listdir(first)
            self.assertEqual(
                filecmp.cmpfiles(first, again, files, shallow=False)[0], files)
            _, differ, _ = filecmp.cmpfiles(first, other, files, shallow=False)
            for file in files:
                if file.startswith('in.') and not file.startswith('in.rope'):
                    self.assertIn(file, differ)

    # The chosen logits and the first behind them are 1e-4 apart.
    def test_choices_are_clear(self):
        for name, options in MADE.items():
            case = self.make(name, options)
            files = os.listdir(case)
            if 'out.router_logits.npy' in files:
                logits = self.array(case, 'out.router_logits')
            elif 'in.router_logits.npy' in files:
                logits = self.array(case, 'in.router_logits')
            else:
                continue
            k = self.describe(case)['dims']['k']
            for row in rows(logits[2], logits[1][-1]):
                row = sorted(row, reverse=True)[:k + 1]
                for a, b in zip(row, row[1:]):
                    self.assertGreater(a - b, 0.99e-4)

    # The test above could pass by luck. Of these rows every eighth would have
    # two logits that are closer.
    def test_choices_are_clear_in_many_rows(self):
        case = self.make('many', '--level=core --tokens=60 --experts=64'
                         ' --topk=60 --groups=1 --head-dim=1 --dim=1')
        logits = self.array(case, 'in.router_logits')
        for row in rows(logits[2], 64):
            row = sorted(row, reverse=True)[:61]
            self.assertTrue(all(a - b > 0.99e-4 for a, b in zip(row, row[1:])))

    def test_bf16_inputs_are_bf16_numbers(self):
        for name, options in MADE.items():
            case = self.make(name, options)
            narrow = True
            for file in os.listdir(case):
                if not file.startswith('in.') or 'rope' in file:
                    continue
                descr, _, values = self.array(case, file[:-4])
                if descr == '<f4':
                    bits = struct.unpack('<%dI' % len(values),
                                         struct.pack('<%df' % len(values),
                                                     *values))
                    narrow = narrow and all(b & 0xffff == 0 for b in bits)
            if name != 'none':
                self.assertEqual(narrow, 'bf16' in options, name)

    def test_numbers_have_deviation_one(self):
        case = self.make('wide', '--tokens=40 --dim=48 --bias')
        for name, deviation in {'in.x': 1, 'in.w_q': 48 ** -0.5,
                                'in.b_q': 1}.items():
            values = self.array(case, name)[2]
            self.assertAlmostEqual(
                math.sqrt(sum(v * v for v in values) / len(values)) / deviation,
                1, delta=0.1)

    def test_mask_is_causal_with_gaps(self):
        case = self.make('mask', '--level=core --mask --past=3 --tokens=9')
        self.assertFalse(self.describe(case)['form']['causal'])
        _, shape, values = self.array(case, 'in.attn_mask')
        self.assertEqual(shape, (2, 1, 9, 12))
        for i, row in enumerate(rows(values, 12)):
            self.assertEqual(sum(row[3 + i % 9 + 1:]), 0)
        self.assertTrue(100 < sum(values) < 130)  # 3/4 of 2 * 72, less or more

    def test_wrong_sizes(self):
        for message, options in {
                'dims.k: takes 5 experts, but there are only 4': '--topk=5',
                'dims.D: expected an integer from 1': '--head-dim=0',
                'form.rope_offset: RoPE cannot turn 15 of 15':
                    '--head-dim=15 --rope',
                'form.rope_offset: RoPE cannot turn 18 of 16':
                    '--system=switchhead --rotate=18 --rope',
                'dims.B: expected an integer from 0': '--batch=99999999',
                'more than 2^30 elements': '--batch=90000 --tokens=90000',
                'form.shared: variant gqe has at most one': '--shared=2',
                'form.level: expected core': '--system=moh-dit --level=layer',
                'form.level: expected layer': '--system=switchhead --level=core',
                'found no logits':
                    '--level=core --dtype=bf16 --experts=300 --topk=200'
                    ' --tokens=1 --head-dim=1',
        }.items():
            self.bad(1, message, '--make=' + self.path('wrong'),
                     *options.split())
            self.assertFalse(os.path.exists(self.path('wrong')))

    def test_made_cases_are_written_over_others_are_not(self):
        self.make('case', '')
        case = self.make('case', '--bias')
        self.assertTrue(self.describe(case)['form']['bias'])
        golden = self.golden('10_ties')
        before = self.describe(golden)
        self.bad(1, '10_ties holds a case that was not made here', '--make', golden)
        self.assertEqual(self.describe(golden), before)

    def test_directory_cannot_be_made(self):
        with open(self.path('file'), 'w', encoding='utf-8'):
            pass
        self.bad(1, 'cannot make it', '--make', self.path('file', 'case'))


class Usage(Test):
    def test_wrong_usage(self):
        make = '--make=' + self.path('case')
        for message, arguments in {
                'which case?': (),
                'unknown option --verbose': ('a', '--verbose'),
                "one case at a time: 'b'": ('a', 'b'),
                '--out needs a value': ('a', '--out'),
                '--check takes no value': ('a', '--check=1'),
                '--out, --check and --make exclude': ('a', '--check', '--out=b'),
                "'a' is one too many": (make, 'a'),
                '--seed belongs to --make': ('a', '--seed=1'),
                "--seed is a number from 0, not '-1'": (make, '--seed=-1'),
                "--batch is a number from 0, not '1x'": (make, '--batch=1x'),
                "--batch is a number from 0, not ''": (make, '--batch='),
                '--system is gqe|moh-dit|llama-moe-v2|switchhead, not':
                    (make, '--system=moa'),
                '--dtype is f32|bf16': (make, '--dtype=f16'),
                '--mask belongs to --system=gqe':
                    (make, '--system=moh-dit', '--mask'),
                '--groups belongs to --system=gqe|switchhead':
                    (make, '--groups=2', '--system=llama-moe-v2'),
        }.items():
            self.bad(2, message, *arguments)
        self.assertFalse(os.path.exists(self.path('case')))

    def test_help(self):
        self.assertIn('--make=CASE_DIR', self.good('--help'))


if __name__ == '__main__':
    for argument in sys.argv[1:]:
        if argument.startswith('--tool='):
            TOOL = os.path.abspath(argument.split('=', 1)[1])
        elif argument.startswith('--goldens='):
            GOLDENS = os.path.abspath(argument.split('=', 1)[1])
    unittest.main(argv=[sys.argv[0]] + [
        a for a in sys.argv[1:]
        if not a.startswith(('--tool=', '--goldens='))])

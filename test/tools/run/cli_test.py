# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-run from the outside: every flag, and what a user may do wrong.

  python3 cli_test.py --tool=headgate-run --library=kernels.so [unittest options]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import bundle
import npy

TOOL = LIBRARY = ''
NAN = float('nan')


class Case(unittest.TestCase):
    """A bundle, a folder, and ways to say what a call must give."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.bundle = os.path.join(cls.folder, 't.hgb')
        cls.image = bundle.write(cls.bundle, LIBRARY)
        cls.mix = os.path.join(cls.folder, 'mix.hgb')
        bundle.write(cls.mix, LIBRARY, only='mix')

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def array(self, name, descr, shape, values, **options):
        npy.write(self.path(name), descr, shape, values, **options)
        return '@' + self.path(name)

    def call(self, *arguments):
        return subprocess.run([TOOL, *arguments], capture_output=True,
                              text=True, timeout=60, cwd=self.folder,
                              check=False)

    def good(self, *arguments):
        """What the call printed on stdout; it must succeed."""
        done = self.call(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def bad(self, code, message, *arguments):
        """The call must print `error: ...message...` and nothing else."""
        done = self.call(*arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertTrue(done.stderr.startswith('error: '), done.stderr)
        self.assertIn(message, done.stderr)
        if code != 3:
            self.assertEqual(done.stdout, '')
        return done

    def echo(self, dtype, value, *arguments):
        """Runs a copy of one input of `dtype`; stdout without its newline."""
        return self.good(self.bundle, '--function=echo_' + dtype,
                         '--input=' + value, *arguments)[:-1]

    def bad_echo(self, dtype, value, message, code=1):
        return self.bad(code, message, self.bundle, '--function=echo_' + dtype,
                        '--input=' + value)


MIX = ['--input=x=2x3xf32=1 2 3 4 5 6', '--input=keep=2xi1=1 0',
       '--input=shift=2xi32=10 20', '--input=scale=f32=0.5']


class Calls(Case):

    def test_by_name(self):
        self.assertEqual(self.good(self.mix, *MIX),
                         'y = 2x3xf32=[10.5 11 11.5][0 0 0]\nn = i32=1\n')

    def test_by_position(self):
        values = [text.split('=', 2)[2] for text in MIX]
        self.assertEqual(
            self.good(self.mix, *['--input=' + value for value in values]),
            self.good(self.mix, *MIX))

    # The named ones first, then the others in order.
    def test_names_and_positions(self):
        self.assertEqual(
            self.good(self.mix, '--input=2x3xf32=1 2 3 4 5 6', MIX[2],
                      '--input=2xi1=1 0', '--input=f32=0.5'),
            self.good(self.mix, *MIX))

    def test_no_rows(self):
        self.assertEqual(
            self.good(self.mix, '--input=0x3xf32=', '--input=0xi1=',
                      '--input=0xi32=', '--input=f32=1'),
            'y = 0x3xf32=\nn = i32=0\n')

    def test_entry_must_be_chosen(self):
        done = self.bad(1, 'mix', self.bundle)
        self.assertIn('echo_f32', done.stderr)

    def test_unknown_entry(self):
        self.bad(1, 'mux', self.bundle, '--function=mux')

    def test_unknown_input(self):
        self.bad(1, "no input named 'shfit'; entry 'mix' has x, keep, shift, "
                 "scale (did you mean 'shift'?)", self.mix,
                 '--input=shfit=2xi32=1')

    def test_missing_input(self):
        self.bad(1, "input 'scale' is missing", self.mix, *MIX[:3])

    def test_repeated_input(self):
        self.bad(1, "input 'x' is given twice", self.mix, MIX[0], *MIX)

    def test_too_many_inputs(self):
        self.bad(1, "5 inputs are given, but entry 'mix' has x, keep, shift, "
                 "scale", self.mix, *MIX, '--input=f32=1')

    def test_wrong_shape(self):
        self.bad(1, "'x'", self.mix, '--input=x=2x4xf32=0', *MIX[1:])

    def test_wrong_rank(self):
        self.bad(1, "'x'", self.mix, '--input=x=6xf32=0', *MIX[1:])

    def test_dimensions_must_agree(self):
        self.bad(1, 'S is 2', self.mix, MIX[0], '--input=keep=3xi1=1', *MIX[2:])

    def test_nan_and_infinities_pass(self):
        self.assertEqual(self.echo('f32', '1x3xf32=nan -inf inf'),
                         'y = 1x3xf32=[nan -inf inf]')


class Values(Case):

    # What is printed can be given back.
    def test_every_type_comes_back(self):
        for dtype in ('f32', 'f16', 'bf16', 'f64'):
            for values in ('[1 -2.5 0.125]', '[nan inf -0]'):
                value = '1x3x%s=%s' % (dtype, values)
                self.assertEqual(self.echo(dtype, value), 'y = ' + value)
        for dtype, low, high in (
                ('i8', -2**7, 2**7 - 1), ('i16', -2**15, 2**15 - 1),
                ('i32', -2**31, 2**31 - 1), ('i64', -2**63, 2**63 - 1),
                ('u8', 0, 255), ('i1', 0, 1)):
            value = '1x3x%s=[%d 1 %d]' % (dtype, low, high)
            self.assertEqual(self.echo(dtype, value), 'y = ' + value)

    def test_one_number_fills_all(self):
        self.assertEqual(self.echo('i32', '2x3xi32=7'),
                         'y = 2x3xi32=[7 7 7][7 7 7]')

    def test_separators(self):
        self.assertEqual(self.echo('f32', '2x3xf32=[[1,2,3], [4 5\t6]]'),
                         'y = 2x3xf32=[1 2 3][4 5 6]')

    def test_true_and_false(self):
        self.assertEqual(self.echo('i1', '1x3xi1=true 0 false'),
                         'y = 1x3xi1=[1 0 0]')

    def test_wrong_numbers(self):
        self.bad_echo('f32', '2x3xf32=1 2 3 4', '6 numbers')
        self.bad_echo('f32', '2x3xf32=', '6 numbers')
        self.bad_echo('f32', '0x3xf32=1 2', '0 numbers')
        self.bad_echo('f32', '1x3xf32=1 2 three', "'three'")
        self.bad_echo('f32', '1x3xf32=1 2 3m', "'3m'")
        self.bad_echo('i32', '1x3xi32=1.5', "'1.5'")
        self.bad_echo('i8', '1x3xi8=128', '128')
        self.bad_echo('u8', '1x3xu8=-1', '-1')
        self.bad_echo('i1', '1x3xi1=2', '2')
        self.bad_echo('i64', '1x3xi64=9223372036854775808',
                      '9223372036854775808')

    def test_huge_shape(self):
        self.bad_echo('f32', '9000000000x9000000000xf32=0', 'large')

    def test_normal_numbers_repeat_and_differ_by_seed(self):
        first = self.echo('f32', '50x3xf32=~7', '--output=-')
        self.assertEqual(first, self.echo('f32', '50x3xf32=~7', '--output=-'))
        self.assertNotEqual(first, self.echo('f32', '50x3xf32=~8', '--output=-'))
        self.good(self.bundle, '--function=echo_f32', '--input=2000x3xf32=~1',
                  '--output=@' + self.path('normal.npy'))
        values = npy.read(self.path('normal.npy'))[2]
        mean = sum(values) / len(values)
        deviation = (sum((v - mean)**2 for v in values) / len(values))**0.5
        # Five standard errors of 6000 samples.
        self.assertLess(abs(mean), 5 / 6000**0.5)
        self.assertLess(abs(deviation - 1), 5 / 12000**0.5)

    def test_usage_of_values(self):
        for value in ('2x3=0', 'x=float=@x.npy', 'x', 'x=~1', '1x3xi32=~1'):
            self.bad(2, value, self.mix, '--input=' + value)


class Files(Case):

    def test_every_type_of_file(self):
        for descr, dtype in (('<f4', 'f32'), ('<f2', 'f16'), ('<f8', 'f64'),
                             ('|i1', 'i8'), ('<i2', 'i16'), ('<i4', 'i32'),
                             ('<i8', 'i64'), ('|u1', 'u8'), ('|b1', 'i1')):
            file = self.array('a.npy', descr, [1, 3], [1, 0, 1])
            self.assertEqual(self.echo(dtype, file),
                             'y = 1x3x%s=[1 0 1]' % dtype)

    def test_floats_are_converted(self):
        file = self.array('a.npy', '<f4', [1, 3], [1.00390625, -2, 70000])
        self.assertEqual(self.echo('bf16', file), 'y = 1x3xbf16=[1 -2 70144]')
        self.assertEqual(self.echo('f16', file),
                         'y = 1x3xf16=[1.0039062 -2 inf]')
        # First to bf16, then to what the entry takes.
        self.assertEqual(self.echo('f32', 'bf16=' + file),
                         'y = 1x3xf32=[1 -2 70144]')

    def test_two_byte_words(self):
        file = self.array('a.npy', '<V2', [1, 3], [0x3f80, 0xc000, 0x7f80])
        self.assertEqual(self.echo('bf16', 'bf16=' + file),
                         'y = 1x3xbf16=[1 -2 inf]')
        self.assertEqual(self.echo('f32', 'x=bf16=' + file),
                         'y = 1x3xf32=[1 -2 inf]')
        self.bad_echo('bf16', file, '--input=x=bf16=@')
        self.bad_echo('bf16', 'f16=' + file, 'bf16')

    def test_masks(self):
        file = self.array('a.npy', '|u1', [1, 3], [0, 1, 255])
        self.assertEqual(self.echo('i1', file), 'y = 1x3xi1=[0 1 1]')

    def test_integers_are_converted_if_all_fit(self):
        file = self.array('a.npy', '<i8', [1, 3], [1, -2, 2**31 - 1])
        self.assertEqual(self.echo('i32', file),
                         'y = 1x3xi32=[1 -2 2147483647]')
        file = self.array('a.npy', '<i8', [1, 3], [1, -2, 2**31])
        self.bad_echo('i32', file, '2147483648')

    def test_floats_are_no_integers(self):
        file = self.array('a.npy', '<f4', [1, 3], [1, 2, 3])
        self.bad_echo('i32', file, 'i32')
        self.bad_echo('i32', 'i32=' + file, 'i32')

    def test_integers_are_no_floats(self):
        file = self.array('a.npy', '<i4', [1, 3], [1, 2, 3])
        self.bad_echo('f32', file, 'f32')

    def test_shape_is_checked(self):
        file = self.array('a.npy', '<f4', [1, 3], [1, 2, 3])
        self.assertEqual(self.echo('f32', '1x3xf32=' + file),
                         'y = 1x3xf32=[1 2 3]')
        # Extents of 1 may come and go.
        self.bad_echo('f32', '3xf32=' + file, 'is [3]')
        file = self.array('a.npy', '<f4', [2, 3], range(6))
        self.bad_echo('f32', '3x2xf32=' + file, 'holds 2x3xf32, not 3x2xf32')

    def test_headless_file(self):
        with open(self.path('a.bin'), 'wb') as file:
            file.write(npy.pack('<f4', [1, 2, 3]))
        value = 'xf32=@' + self.path('a.bin')
        self.assertEqual(self.echo('f32', '1x3' + value), 'y = 1x3xf32=[1 2 3]')
        self.bad_echo('f32', '2x3' + value, '12 bytes')

    def test_missing_file(self):
        self.bad_echo('f32', '@' + self.path('none.npy'), 'none.npy')
        self.bad_echo('f32', '1x3xf32=@' + self.path('none.bin'), 'none.bin')

    def test_truncated_file(self):
        self.bad_echo('f32', self.array('a.npy', '<f4', [1, 3], [1, 2, 3],
                                        cut=1), 'a.npy')

    def test_fortran_order(self):
        self.bad_echo('f32', self.array('a.npy', '<f4', [2, 3], [0] * 6,
                                        fortran=True), 'Fortran')

    def test_other_types(self):
        for descr in ('>f4', '<u4', '<c8'):
            self.bad_echo('f32', self.array('a.npy', descr, [1, 3], [1, 2, 3]),
                          descr)

    def test_no_numpy_file(self):
        with open(self.path('text.npy'), 'w') as file:
            file.write('hello')
        self.bad_echo('f32', '@' + self.path('text.npy'), 'text.npy')


class Outputs(Case):

    def test_files(self):
        self.assertEqual(
            self.good(self.mix, *MIX, '--output=@' + self.path('y.npy'),
                      '--output=n=@' + self.path('n.npy')), '')
        self.assertEqual(npy.read(self.path('y.npy')),
                         ('<f4', (2, 3), [10.5, 11, 11.5, 0, 0, 0]))
        self.assertEqual(npy.read(self.path('n.npy')), ('<i4', (), [1]))

    def test_only_what_was_asked_is_printed(self):
        self.assertEqual(self.good(self.mix, *MIX, '--output=n=-'),
                         'n = i32=1\n')

    def test_bf16_file_is_two_byte_words(self):
        self.echo('bf16', '1x3xbf16=1 -2 inf', '--output=@' + self.path('b.npy'))
        self.assertEqual(npy.read(self.path('b.npy')),
                         ('<V2', (1, 3), [0x3f80, 0xc000, 0x7f80]))
        self.assertEqual(
            self.echo('bf16', 'bf16=@' + self.path('b.npy')),
            'y = 1x3xbf16=[1 -2 inf]')

    def test_widened_file(self):
        self.echo('bf16', '1x3xbf16=1 -2 inf',
                  '--output=y=f32=@' + self.path('b.npy'))
        self.assertEqual(npy.read(self.path('b.npy')),
                         ('<f4', (1, 3), [1, -2, float('inf')]))

    def test_long_outputs_are_shortened(self):
        text = self.echo('i32', '1000x3xi32=5')
        self.assertIn('...', text)
        self.assertLess(len(text), 200)
        text = self.echo('i32', '1000x3xi32=5', '--output=-')
        self.assertEqual(text, 'y = 1000x3xi32=' + '[5 5 5]' * 1000)

    def test_unknown_output(self):
        self.bad(1, "no output named 'z'; entry 'mix' has y, n", self.mix, *MIX,
                 '--output=z=-')

    # A call that fails leaves the file that was there.
    def test_nothing_is_written_after_a_failure(self):
        file = self.array('old.npy', '<f4', [1], [42])
        self.bad(1, "'x'", self.mix, '--input=x=2x4xf32=0', *MIX[1:],
                 '--output=y=' + file)
        self.assertEqual(npy.read(self.path('old.npy'))[2], [42])

    def test_unwritable_file(self):
        self.bad(1, 'nowhere', self.mix, *MIX, '--output=@nowhere/y.npy')

    def test_json(self):
        value = json.loads(self.good(self.mix, *MIX, '--json'))
        self.assertEqual(value['entry'], 'mix')
        self.assertEqual(value['dims'], {'S': 2})
        self.assertGreater(value['timeNs'], 0)
        self.assertEqual(value['outputs'],
                         [{'name': 'y', 'dtype': 'f32', 'shape': [2, 3],
                           'values': [10.5, 11, 11.5, 0, 0, 0]},
                          {'name': 'n', 'dtype': 'i32', 'shape': [],
                           'values': [1]}])

    def test_json_has_no_nan(self):
        value = json.loads(self.echo('f32', '1x3xf32=nan -inf 1', '--json'))
        self.assertEqual(value['outputs'][0]['values'], ['nan', '-inf', 1])

    def test_json_names_files_and_leaves_out_long_values(self):
        file = self.path('y.npy')
        value = json.loads(self.echo('i8', '1000x3xi8=1', '--json',
                                     '--output=@' + file))
        self.assertEqual(value['outputs'], [{'name': 'y', 'dtype': 'i8',
                                             'shape': [1000, 3], 'file': file}])
        value = json.loads(self.echo('i8', '1000x3xi8=1', '--json'))
        self.assertEqual(value['outputs'], [{'name': 'y', 'dtype': 'i8',
                                             'shape': [1000, 3]}])


class Checks(Case):

    def expect(self, descr, values, *arguments):
        return (self.mix, *MIX,
                '--expected_output=y=' + self.array('ref.npy', descr, [2, 3],
                                                    values), *arguments)

    def test_match(self):
        text = self.good(*self.expect('<f4', [10.5, 11, 11.5, 0, 0, 0]))
        self.assertIn("output 'y' matches", text)
        self.assertIn('ref.npy', text)

    def test_mismatch(self):
        done = self.bad(3, "output 'y' differs from", *self.expect(
            '<f4', [10.5, 11.25, 12, 0, 0, 0]))
        self.assertIn('ref.npy: 2 of 6 elements; worst [0,2]: 11.5, expected 12',
                      done.stderr)
        self.assertIn('tolerance', done.stderr)

    def test_wider_reference(self):
        self.good(*self.expect('<f8', [10.5, 11, 11.5, 0, 0, 0]))

    def test_tolerances_given(self):
        values = [10.5, 11.25, 12, 0, 0, 0]
        self.good(*self.expect('<f4', values, '--atol=0.5', '--rtol=0'))
        self.bad(3, '1 of 6', *self.expect('<f4', values, '--atol=0.3',
                                           '--rtol=0'))
        self.good(*self.expect('<f4', values, '--atol=0', '--rtol=0.05'))

    def test_nan_agrees_with_nan_only(self):
        file = self.array('ref.npy', '<f4', [1, 3], [NAN, 1, float('inf')])
        self.echo('f32', '1x3xf32=nan 1 inf', '--expected_output=' + file)
        for values in ('0 1 inf', 'nan nan inf', 'nan 1 -inf'):
            self.bad(3, '1 of 3', self.bundle, '--function=echo_f32',
                     '--input=1x3xf32=' + values, '--expected_output=' + file)

    def test_integers_are_exact(self):
        for right, code in ((1, 0), (2, 3)):
            done = self.call(self.mix, *MIX, '--expected_output=n=i32=%d' % right)
            self.assertEqual(done.returncode, code, done.stderr)

    # A scalar may be stored as one element.
    def test_one_element_is_a_scalar(self):
        self.good(self.mix, *MIX, '--expected_output=n=1xi32=1')

    def test_wrong_shape(self):
        self.bad(3, '3x2', self.mix, *MIX, '--expected_output=y=3x2xf32=0')

    def test_unknown_output(self):
        self.bad(1, "no output named 'z'", self.mix, *MIX,
                 '--expected_output=z=i32=0')

    def test_missing_reference(self):
        self.bad(1, 'none.npy', self.mix, *MIX, '--expected_output=@none.npy')

    def test_every_output_is_compared(self):
        done = self.bad(3, "output 'y'", self.mix, *MIX,
                        '--expected_output=2x3xf32=9', '--expected_output=i32=9')
        self.assertIn("output 'n'", done.stderr)

    def test_results_are_written_though_they_differ(self):
        file = self.path('out.npy')
        self.bad(3, 'differs', self.mix, *MIX, '--expected_output=y=2x3xf32=9',
                 '--output=y=@' + file)
        self.assertEqual(npy.read(file)[2], [10.5, 11, 11.5, 0, 0, 0])

    def test_json(self):
        done = self.call(*self.expect('<f4', [10.5, 11, 12, 0, 0, 0], '--json'))
        self.assertEqual(done.returncode, 3)
        check, = json.loads(done.stdout)['checks']
        self.assertEqual(check['output'], 'y')
        self.assertFalse(check['passed'])
        self.assertEqual(check['differing'], 1)
        self.assertEqual(check['worst'], [0, 2])

    def test_unwritten_elements(self):
        call = (self.bundle, '--function=part', '--input=5xf32=0',
                '--check-unwritten')
        self.good(*call)
        done = self.bad(3, "output 'y': 2 of 5 elements were not written, the "
                        'first is [3]', *call, '--variant=part=part.hole')
        self.assertIn("output 'n': 2 of 5 elements", done.stderr)

    # A kernel that writes what outputs start with has written it.
    def test_written_fill_values_count(self):
        for dtype, descr, words in (
                ('i8', '|i1', [-1, -91, 90]), ('u8', '|u1', [255, 165, 90]),
                ('i32', '<i4', [-1, -1515870811, 1515870810])):
            file = self.array('fill.npy', descr, [1, 3], words)
            self.echo(dtype, file, '--check-unwritten')
        with open(self.path('fill.bin'), 'wb') as file:
            file.write(b'\xff' * 12)
        self.echo('f32', '1x3xf32=@' + self.path('fill.bin'),
                  '--check-unwritten')


class Plans(Case):

    def test_dry_run_runs_nothing(self):
        self.assertEqual(self.good(self.mix, *MIX, '--dry-run'), '')
        self.bad(1, "'x'", self.mix, '--input=2x4xf32=0', *MIX[1:], '--dry-run')

    def test_plan(self):
        text = self.good(self.mix, *MIX, '--print-plan', '--dry-run')
        self.assertIn('mix.0', text)
        self.assertIn('S', text)
        self.assertNotIn('y = ', text)
        self.assertTrue(self.good(self.mix, *MIX, '--print-plan')
                        .startswith(text))
        value = json.loads(self.good(self.mix, *MIX, '--print-plan', '--json'))
        self.assertIn('mix.0', value['plan'])

    # Without inputs: what can be called, and with what.
    def test_signatures(self):
        text = self.good(self.bundle, '--print-plan', '--dry-run')
        self.assertIn('mix(x: [S,3] f32, keep: [S] i1, shift: [S] i32, '
                      'scale: [] f32) -> (y: [S,3] f32, n: [] i32)', text)
        self.assertIn('echo_bf16(x: [S,3] bf16) -> (y: [S,3] bf16)', text)

    def test_forced_variant(self):
        call = (self.bundle, '--function=part', '--input=5xf32=0',
                '--print-plan', '--dry-run')
        self.assertIn('part.full', self.good(*call))
        self.assertIn('part.hole',
                      self.good(*call, '--variant=part=part.hole'))
        self.bad(1, 'part.none', *call, '--variant=part=part.none')
        self.bad(1, 'parts', *call, '--variant=parts=part.hole')

    def test_tuned(self):
        self.good(self.mix, *MIX, '--tuned=none')
        self.bad(1, 'none.json', self.mix, *MIX, '--tuned=none.json')


class Bundles(Case):

    def test_ir_is_no_bundle(self):
        with open(self.path('gqe.mlir'), 'w') as file:
            file.write('func.func @f() { return }\n')
        self.bad(1, 'gqe.mlir is IR, not a bundle', 'gqe.mlir')

    def test_missing_bundle(self):
        self.bad(1, 'none.hgb', 'none.hgb')

    def test_folder_without_plan(self):
        os.makedirs(self.path('empty'), exist_ok=True)
        self.bad(1, 'plan.json', self.path('empty'))

    def damaged(self, change):
        folder = self.path('damaged.hgb')
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.mix, folder)
        change(folder)
        return folder

    def test_damaged_image(self):
        def change(folder):
            name = os.path.join(folder, os.path.relpath(self.image, self.bundle))
            with open(name, 'r+b') as file:
                file.seek(100)
                file.write(b'damage')
        self.bad(1, 'damaged', self.damaged(change), *MIX)

    def test_missing_image(self):
        def change(folder):
            os.remove(os.path.join(folder, os.path.relpath(self.image,
                                                           self.bundle)))
        self.bad(1, 'kernels/host-', self.damaged(change), *MIX)

    def test_damaged_plan(self):
        def change(folder):
            name = os.path.join(folder, 'plan.json')
            with open(name) as file:
                text = file.read()
            with open(name, 'w') as file:
                file.write(text.replace('"steps"', '"staps"'))
        self.bad(1, 'staps', self.damaged(change), *MIX)

    def test_cut_plan(self):
        def change(folder):
            with open(os.path.join(folder, 'plan.json'), 'r+') as file:
                file.truncate(1000)
        self.bad(1, 'plan.json', self.damaged(change), *MIX)


class Devices(Case):

    def test_host_threads(self):
        self.assertEqual(self.good(self.mix, *MIX, '--device=host:threads=2'),
                         self.good(self.mix, *MIX))

    def test_list(self):
        self.assertIn('host', self.good('--list_devices').split())

    def test_unknown_device(self):
        self.bad(2, 'tpu', self.mix, *MIX, '--device=tpu')
        self.bad(2, 'threads', self.mix, *MIX, '--device=host:threads=none')

    # A bundle without GPU code, a machine without a GPU or a build without the
    # device: whichever comes first, it is a sentence.
    def test_other_devices(self):
        for device in ('cuda', 'sim:sm_90a'):
            done = self.call(self.mix, *MIX, '--device=' + device)
            self.assertIn(done.returncode, (1, 4))
            self.assertIn('error: ', done.stderr)
            self.assertIn(device.split(':')[0], done.stderr)


class Usage(Case):

    def test_help(self):
        text = self.good('--help')
        for flag in ('--function', '--device', '--list_devices', '--input',
                     '--output', '--expected_output', '--atol', '--rtol',
                     '--variant', '--tuned', '--print-plan', '--dry-run',
                     '--check-unwritten', '--json', '--version', '--verbose',
                     '--quiet'):
            self.assertIn(flag, text)

    def test_version(self):
        self.assertRegex(self.good('--version'), r'^headgate-run \d+\.\d+\.\d+')

    def test_time_is_told_on_request(self):
        done = self.call(self.mix, *MIX, '-v')
        self.assertRegex(done.stderr, r'(?m)^ran mix .*\d (ns|us|ms|s)$')
        self.assertEqual(self.call(self.mix, *MIX).stderr, '')

    def test_wrong_flags(self):
        self.bad(2, 'BUNDLE')
        self.bad(2, '--inptu', self.mix, '--inptu=x')
        self.bad(2, 'second.hgb', self.mix, 'second.hgb')
        self.bad(2, '--atol', self.mix, '--expected_output=@y.npy', '--atol=-1')
        self.bad(2, '--atol', self.mix, '--expected_output=@y.npy', '--atol=x')
        self.bad(2, '--rtol', self.mix, '--rtol=1e-3')
        self.bad(2, '--variant', self.mix, '--variant=part')
        self.bad(2, 'twice', self.mix, '--variant=a=b', '--variant=a=c')
        self.bad(2, '--quiet', self.mix, '-v', '--quiet')
        self.bad(2, '--dry-run', self.mix, '--dry-run', '--output=-')
        self.bad(2, '@FILE.npy', self.mix, '--output=y.npy')

    def test_values_in_a_word_of_their_own(self):
        words = [word for text in MIX for word in text.split('=', 1)]
        self.assertEqual(self.good(*words, self.mix), self.good(self.mix, *MIX))


if __name__ == '__main__':
    for argument in sys.argv[1:]:
        if argument.startswith('--tool='):
            TOOL = os.path.abspath(argument.split('=', 1)[1])
        elif argument.startswith('--library='):
            LIBRARY = os.path.abspath(argument.split('=', 1)[1])
    unittest.main(argv=[sys.argv[0]] + [
        a for a in sys.argv[1:]
        if not a.startswith(('--tool=', '--library='))])

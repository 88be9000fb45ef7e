# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-run from the outside: what comes out, and checks of it."""
import json

import case
import npy
from case import MIX, NAN, Case


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

    def test_one_file_for_two_outputs(self):
        self.bad(2, 'two outputs are to go to a.npy', self.mix, *MIX,
                 '--output=y=@a.npy', '--output=n=@a.npy')

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


if __name__ == '__main__':
    case.main()

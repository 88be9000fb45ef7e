# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-run from the outside: values and files that go in."""
import case
import npy
from case import Case


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
        # Not said of a file that holds no such words.
        integers = self.array('i.npy', '<i4', [1, 3], [1, 2, 3])
        done = self.bad_echo('bf16', integers, 'do not convert')
        self.assertNotIn('words', done.stderr)

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

    def test_empty_but_huge(self):
        self.bad_echo('f32', '0x4611686018427387904x4xf32=', 'rank is 3')
        open(self.path('empty.bin'), 'w').close()
        self.bad_echo('f32', '0x4611686018427387904x4xf32=@empty.bin', 'rank')

    def test_what_is_no_file(self):
        self.bad_echo('f32', '@' + self.folder, 'not a regular file')
        self.bad_echo('f32', '1x3xf32=@' + self.folder, 'not a regular file')
        self.bad_echo('f32', '1x3xf32=@/dev/zero', 'not a regular file')

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


if __name__ == '__main__':
    case.main()

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""examples/headgate.py with nothing but Python: arrays of ctypes by DLPack.

  headgate_test.py LIBHEADGATE HANDMADE.hgb [GPU]

GPU is a device that takes PTX; by default the simulator.
"""
import ctypes
import gc
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'examples'))
import twice_bundle  # noqa: E402
import headgate  # noqa: E402

LIBRARY, HANDMADE = sys.argv[1:3]
GPU = (sys.argv[3:] or ['sim:sm_80'])[0]
BAD_INPUT, NOT_FOUND, UNAVAILABLE = 1, 2, 5


class Array:
    """Floats as DLPack has them; counts who still borrows them."""
    borrowed = 0

    def __init__(self, values, *shape):
        self.values = (ctypes.c_float * max(1, len(values)))(*values)
        self.shape = (ctypes.c_int64 * max(1, len(shape)))(*shape)
        self.managed = headgate._Managed(
            data=ctypes.addressof(self.values), device=(1, 0), ndim=len(shape),
            dtype=(2, 32, 1, 0), shape=ctypes.addressof(self.shape),
            deleter=type(headgate._Managed().deleter)(self.end))

    def end(self, _):
        Array.borrowed -= 1

    def __dlpack_device__(self):
        return 1, 0

    def __dlpack__(self):
        Array.borrowed += 1
        return headgate._new_capsule(ctypes.addressof(self.managed), b'dltensor',
                                     headgate._end_capsule)


def take(tensor):
    """(shape, values) of a float tensor that the library made; ends it."""
    capsule = tensor.__dlpack__()
    managed = headgate._Managed.from_address(headgate._address_of(capsule, b'dltensor'))
    assert tuple(managed.device) == tensor.__dlpack_device__() == (1, 0)
    shape = (ctypes.c_int64 * managed.ndim).from_address(managed.shape)[:]
    count = 1
    for extent in shape:
        count *= extent
    values = list((ctypes.c_float * count).from_address(managed.data)) if count else []
    return shape, values


class Python(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = headgate.Device('host:threads=2', LIBRARY)

    def tearDown(self):
        gc.collect()
        self.assertEqual(Array.borrowed, 0)

    def test_makes_results(self):
        main = self.device.open(HANDMADE, 'main')
        self.assertEqual((main.input_names, main.output_names), (['x'], ['y']))
        x = Array([1, 2, 3, -1, 0, 5], 2, 3)
        self.assertEqual(take(main(x)), ([2, 3], [8, 10, 12, 2, 4, 14]))
        self.assertEqual(take(main(Array([], 0, 3))), ([0, 3], []))

    def test_a_result_is_an_input_and_is_taken_once(self):
        main = self.device.open(HANDMADE, 'main')
        once = main(Array([1, 2], 1, 2))
        self.assertEqual(take(main(once)), ([1, 2], [22, 26]))
        take(once)
        with self.assertRaisesRegex(BufferError, 'taken already'):
            once.__dlpack__()

    def test_writes_into_given_results(self):
        x, y = Array([1, 2, 3, -1, 0, 5], 2, 3), Array([0] * 6, 2, 3)
        run = self.device.open(HANDMADE, 'main').bind([x], [y])
        run()
        self.assertEqual(y.values[:], [8, 10, 12, 2, 4, 14])
        x.values[0] = 2
        run()
        self.assertEqual(y.values[:3], [11, 11, 13])

    def test_errors_are_the_librarys(self):
        def expect(code, text, function, *arguments):
            with self.assertRaisesRegex(headgate.Error, text) as caught:
                function(*arguments)
            self.assertEqual(caught.exception.code, code)
        main = self.device.open(HANDMADE, 'main')
        expect(BAD_INPUT, "'x'", main, Array([1], 1))
        expect(BAD_INPUT, 'has 1 input', main)
        expect(NOT_FOUND, "no entry 'absent'", self.device.open, HANDMADE, 'absent')
        expect(NOT_FOUND, '/nowhere.hgb', self.device.open, '/nowhere.hgb')
        expect(BAD_INPUT, 'name one', self.device.open, HANDMADE)
        expect(BAD_INPUT, "'hots'", headgate.Device, 'hots', LIBRARY)

    def test_stages_host_tensors_for_a_gpu(self):
        with tempfile.TemporaryDirectory() as folder:
            bundle = twice_bundle.write(pathlib.Path(folder) / 'twice.hgb')
            gpu = headgate.Device(GPU, LIBRARY)
            twice = gpu.open(bundle)
            values = [i / 8 for i in range(35)]
            doubled = ([5, 7], [2 * x for x in values])
            self.assertEqual(take(twice(Array(values, 5, 7))), doubled)
            there = gpu.upload(Array(values, 5, 7))
            result = twice(there)
            self.assertEqual(result.__dlpack_device__(), (headgate.CUDA, 0))
            self.assertEqual(take(gpu.download(result)), doubled)
            with self.assertRaisesRegex(headgate.Error, 'is in host memory'):
                twice.bind([Array(values, 5, 7)], [there])()

    def test_shapes_by_the_plan(self):
        entry = self.device.open(HANDMADE, 'main')
        entry.plan = {'inputs': [{'shape': ['B', 'S', 64]}, {'shape': ['B', 'P.s', 'S']}],
                      'outputs': [{'shape': ['B', 'P.s+S', 'cdiv(S,4)*2', 9]},
                                  {'shape': ['min(S,max(P.s,3))', '(S-1)/2', 'align(S,8)']}]}
        self.assertEqual(entry.output_shapes([(2, 5, 64), (2, 7, 5)]),
                         [[2, 12, 4, 9], [5, 2, 8]])


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])

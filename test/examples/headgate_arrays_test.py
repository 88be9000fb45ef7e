# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""examples/headgate.py with numpy and torch; exits 77 where the one asked for is not
installed.

  headgate_arrays_test.py numpy|torch LIBHEADGATE HANDMADE.hgb
"""
import importlib.util
import pathlib
import sys
import tempfile
import unittest

KIND, LIBRARY, HANDMADE = sys.argv[1:4]
if importlib.util.find_spec(KIND) is None:
    print('skipped: %s is not installed' % KIND)
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'examples'))
import twice_bundle  # noqa: E402
import headgate  # noqa: E402


def expected(x):
    """What the entry `main` gives."""
    return 2 * x + x.sum(-1)[:, None]


class Numpy(unittest.TestCase):
    def setUp(self):
        import numpy
        self.np = numpy
        self.device = headgate.Device('host:threads=2', LIBRARY)
        self.x = numpy.arange(15, dtype=numpy.float32).reshape(3, 5)

    def test_arrays_in_and_out(self):
        y = self.device.open(HANDMADE, 'main')(self.x)
        self.assertIsInstance(y, self.np.ndarray)
        self.assertTrue((y == expected(self.x)).all())
        slice_ = self.np.zeros((3, 7), self.np.float32)[:, :5]
        slice_[:] = self.x
        self.assertTrue((self.device.open(HANDMADE, 'main')(slice_) == y).all())

    def test_an_array_outlives_all_handles(self):
        y = headgate.Device('host', LIBRARY).open(HANDMADE, 'main')(self.x)
        self.assertTrue((y == expected(self.x)).all())

    def test_wrong_arrays(self):
        main = self.device.open(HANDMADE, 'main')
        with self.assertRaisesRegex(headgate.Error, "'x' is f64"):
            main(self.x.astype(self.np.float64))
        with self.assertRaisesRegex(headgate.Error, "'y'.*f32"):
            main.bind([self.x], [self.np.zeros((3, 5), self.np.int32)])()

    def test_stages_for_a_gpu(self):
        with tempfile.TemporaryDirectory() as folder:
            bundle = twice_bundle.write(pathlib.Path(folder) / 'twice.hgb')
            y = headgate.Device('sim:sm_80', LIBRARY).open(bundle)(self.x)
        self.assertTrue((y == 2 * self.x).all())


class Torch(unittest.TestCase):
    def setUp(self):
        import torch
        self.torch = torch
        self.device = headgate.Device('host:threads=2', LIBRARY)
        self.main = self.device.open(HANDMADE, 'main')
        self.x = torch.arange(15, dtype=torch.float32).reshape(3, 5)

    def same(self, a, b):
        self.torch.testing.assert_close(a, b, rtol=0, atol=0)

    def test_tensors_in_and_out(self):
        y = self.main(self.x.requires_grad_())
        self.assertIsInstance(y, self.torch.Tensor)
        self.same(y, expected(self.x.detach()))
        out = self.torch.empty(3, 5)
        self.main.bind([self.x], [out])()
        self.same(out, y)

    def test_operator(self):
        op = headgate.torch_op(self.main, 'operator.main')
        self.same(op(self.x), expected(self.x))
        self.same(op(x=self.x), expected(self.x))
        self.torch.library.opcheck(op, (self.x,))
        with self.assertRaisesRegex(headgate.Error, "'x' is f64"):
            op(self.x.double())

    def test_operator_of_many_inputs(self):
        count = headgate.torch_op(self.device.open(HANDMADE, 'count'), 'many')
        index, base = self.torch.tensor([2, 0, 2], dtype=self.torch.int32), self.torch.arange(4).int()
        found = count(index, base)
        self.same(found, self.torch.tensor([1, 1, 4, 3], dtype=self.torch.int32))
        self.torch.library.opcheck(count, (index, base))

    def test_compile_keeps_the_operator(self):
        op = headgate.torch_op(self.main, 'kept')
        calls, shapes = [], []

        def backend(graph, _):
            for node in graph.graph.nodes:
                if node.target is self.torch.ops.headgate.kept.default:
                    calls.append(node)
                    shapes.append(node.meta['example_value'].shape)
            return graph

        def layer(x):
            return op(x + 1).relu()

        compiled = self.torch.compile(layer, backend=backend, fullgraph=True,
                                      dynamic=True)
        for rows in (3, 4):
            x = self.torch.randn(rows, 5)
            self.same(compiled(x), layer(x))
        self.assertEqual(len(calls), 1, 'one graph for all sizes')
        self.assertFalse(isinstance(shapes[0][0], int), 'dynamic')

    def test_compile_traces_through_autograd(self):
        op = headgate.torch_op(self.main, 'traced')

        def layer(x):
            return op(2 * x) - 1

        compiled = self.torch.compile(layer, backend='aot_eager', fullgraph=True)
        self.same(compiled(self.x), layer(self.x))

    def test_operator_on_a_gpu_of_its_own(self):
        with tempfile.TemporaryDirectory() as folder:
            bundle = twice_bundle.write(pathlib.Path(folder) / 'twice.hgb')
            op = headgate.torch_op(headgate.Device('sim:sm_80', LIBRARY).open(bundle))
        self.same(op(self.x), 2 * self.x)


if __name__ == '__main__':
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(
        {'numpy': Numpy, 'torch': Torch}[KIND])
    sys.exit(not unittest.TextTestRunner().run(suite).wasSuccessful())

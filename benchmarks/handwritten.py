# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The kernels of host_kernels/ as a peer: what the same machine gives to whoever
writes one problem by hand."""

import ctypes

import torch

from peers import Unfit

_pointer, _size = ctypes.c_void_p, ctypes.c_int64


class Handwritten:
    """libheadgate-handwritten.so of a build tree. Functions of it are peers."""

    def __init__(self, build):
        path = build / "lib" / "libheadgate-handwritten.so"
        if not path.exists():
            raise SystemExit(f"error: {path} is missing: build "
                             "headgate-handwritten, or leave it out of --peers")
        self.api = api = ctypes.CDLL(str(path))
        api.handwrittenMissing.restype = ctypes.c_char_p
        api.handwrittenCreate.restype = _pointer
        api.handwrittenCreate.argtypes = [_size, ctypes.c_int, ctypes.c_int]
        api.handwrittenFree.argtypes = [_pointer]
        api.handwrittenDense.argtypes = [_pointer] * 5 + [_size] * 3
        api.handwrittenCore.argtypes = [_pointer] * 7 + [_size]

    def kernels(self, problem, threads):
        missing = self.api.handwrittenMissing()
        if missing:
            raise Unfit(missing.decode())
        if problem.B != 1 or problem.S != problem.T:
            raise Unfit("only prefill of one sequence")
        kernels = self.api.handwrittenCreate(
            problem.D, problem.dtype == "bf16", threads)
        if not kernels:
            raise Unfit("only heads of 64 and 128 components")
        return _Owned(self.api, kernels)

    def dense(self, problem, t, threads):
        kernels = self.kernels(problem, threads)
        q, k, v = (_heads_first(x) for x in (t.q, t.k, t.v))
        o = torch.empty_like(q)

        def run():
            self.api.handwrittenDense(
                kernels.handle, *_addresses(q, k, v, o), problem.S, problem.H,
                problem.G)

        def result():
            run()
            return o.transpose(0, 1)[None]

        return run, result

    def core(self, problem, t, threads):
        if (problem.G, problem.M, problem.k) != (8, 2, 1):
            raise Unfit("only 8 groups of 2 experts")
        kernels = self.kernels(problem, threads)
        q, k, v = (_heads_first(x) for x in (t.q, t.k, t.v))
        concat = torch.empty(problem.S, 10 * problem.D, dtype=q.dtype)

        def run():
            self.api.handwrittenCore(
                kernels.handle,
                *_addresses(q, k, v, t.q_shared, t.logits, concat), problem.S)

        def result():
            run()
            return concat[None]

        return run, result


class _Owned:
    def __init__(self, api, handle):
        self.api, self.handle = api, handle

    def __del__(self):
        self.api.handwrittenFree(self.handle)


def _heads_first(x):
    """[1, S, H, D] as [H, S, D]."""
    return x[0].transpose(0, 1).contiguous()


def _addresses(*tensors):
    return [x.data_ptr() for x in tensors]

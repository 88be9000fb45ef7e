# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels with tensor descriptors, and what Triton 3.9.0 makes of them for sm_90:
product-sm90 takes its descriptors by value and multiplies with wgmma, copy-sm90
makes them in the scratch memory of the launcher.

  TRITON_DEFAULT_FP_FUSION=1 TRITON_DISABLE_LINE_INFO=1 python3 triton-kernels.py
"""
import json
import pathlib

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def product(a, b, c, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    row, column = tl.program_id(0) * BM, tl.program_id(1) * BN
    sums = tl.zeros((BM, BN), tl.float32)
    for k in range(0, K, BK):
        sums = tl.dot(a.load([row, k]), b.load([k, column]), sums)
    c.store([row, column], sums.to(tl.float16))


@triton.jit
def copy(x, y, M, N, B: tl.constexpr):
    source = tl.make_tensor_descriptor(x, [M, N], [N, 1], [B, B])
    target = tl.make_tensor_descriptor(y, [M, N], [N, 1], [B, B])
    at = [tl.program_id(0) * B, tl.program_id(1) * B]
    target.store(at, source.load(at))


def make(function, signature, constants):
    signature |= {name: 'constexpr' for name in constants}
    source = ASTSource(fn=function, signature=signature, constexprs=constants)
    kernel = triton.compile(source, target=GPUTarget('cuda', 90, 32))
    metadata = kernel.metadata._asdict()
    metadata['target'] = vars(metadata['target'])
    del metadata['extern_libs']  # a path of the machine
    stem = pathlib.Path(f'{function.__name__}-sm90')
    stem.with_suffix('.ptx').write_text(kernel.asm['ptx'])
    stem.with_suffix('.json').write_text(json.dumps(metadata, default=str) + '\n')


TILE = 'tensordesc<fp16[64,64]>'
make(product, dict(a=TILE, b=TILE, c=TILE, K='i32'), dict(BM=64, BN=64, BK=64))
make(copy, dict(x='*fp16', y='*fp16', M='i32', N='i32'), dict(B=32))

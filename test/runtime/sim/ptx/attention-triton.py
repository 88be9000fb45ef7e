# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Causal attention in Triton, with the online softmax of FlashAttention.
attention-triton.ptx is what Triton 3.9.0 makes of it for sm_80:

    TRITON_DISABLE_LINE_INFO=1 python3 attention-triton.py > attention-triton.ptx
"""
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def attention(q, k, v, out, length, scale, D: tl.constexpr, BM: tl.constexpr,
              BN: tl.constexpr):
    head = tl.program_id(1) * length * D
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    columns = tl.arange(0, D)
    at = head + rows[:, None] * D + columns[None, :]
    x = tl.load(q + at, mask=rows[:, None] < length, other=0.0)
    most = tl.full([BM], float("-inf"), tl.float32)
    total = tl.zeros([BM], tl.float32)
    sums = tl.zeros([BM, D], tl.float32)
    for start in range(0, (tl.program_id(0) + 1) * BM, BN):
        keys = start + tl.arange(0, BN)
        tile = head + keys[:, None] * D + columns[None, :]
        inside = keys[:, None] < length
        y = tl.load(k + tile, mask=inside, other=0.0)
        scores = tl.dot(x, tl.trans(y)) * scale
        seen = (rows[:, None] >= keys[None, :]) & (keys[None, :] < length)
        scores = tl.where(seen, scores, float("-inf"))
        new = tl.maximum(most, tl.max(scores, 1))
        p = tl.exp2(scores - new[:, None])
        alpha = tl.exp2(most - new)
        total = total * alpha + tl.sum(p, 1)
        z = tl.load(v + tile, mask=inside, other=0.0)
        sums = tl.dot(p.to(tl.bfloat16), z, sums * alpha[:, None])
        most = new
    tl.store(out + at, sums / total[:, None], mask=rows[:, None] < length)


pointers = {"q": "*bf16", "k": "*bf16", "v": "*bf16", "out": "*fp32"}
sizes = {"D": 64, "BM": 64, "BN": 32}
signature = pointers | {"length": "i32", "scale": "fp32"}
signature |= {name: "constexpr" for name in sizes}
source = ASTSource(
    fn=attention, signature=signature, constexprs=sizes,
    attrs={(i,): [["tt.divisibility", 16]] for i in range(len(pointers))})
kernel = triton.compile(source, target=GPUTarget("cuda", 80, 32),
                        options={"num_warps": 4, "num_stages": 2})
print(kernel.asm["ptx"])

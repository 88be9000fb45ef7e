# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inputs by seed, the same bits on any machine; files of them; comparisons.

An array is (descr, shape, values), as test/tools/run/npy.py reads it. bf16 has
the descr "<V2", and its values are words.
"""
import base64
import math
import random
import struct
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "test/tools/run"))
import npy  # noqa: E402

DESCR = {"f32": "<f4", "f16": "<f2", "bf16": "<V2", "i32": "<i4", "i1": "|b1"}


def draw(dtype, shape, seed, what="moderate"):
    """Random elements, made of bits alone.

    moderate   floats of 1/8 to 2, either sign
    integers   floats that are whole, -4 to 4: sums of few products are exact
    bits       any bits (i32)
    special    bits, a quarter of them zeros, infinities, NaN, denormals (i32)
    """
    source = random.Random(seed)
    count = math.prod(shape)
    if what == "bits":
        values = [_signed(source.getrandbits(32)) for _ in range(count)]
    elif what == "special":
        odd = [0, 1 << 31, 0x7f800000, 0xff800000, 0x7fc00000, 1, 0x80000001,
               0x7f7fffff, 0x3f800000, 0x7fffffff, 0x00800000]
        values = [_signed(source.choice(odd) if source.getrandbits(2) == 0
                          else source.getrandbits(32)) for _ in range(count)]
    elif dtype == "i1":
        values = [True] * count
    else:
        values = [_real(dtype, source, what) for _ in range(count)]
    return DESCR[dtype], shape, values


def _signed(word):
    return word - (1 << 32) if word >> 31 else word


def _real(dtype, source, what):
    if what == "integers":
        value = float(source.randint(-4, 4))
    else:  # as many bits as the narrowest type has
        bits = {"f32": 23, "f16": 10, "bf16": 7}[dtype]
        value = (1 + source.getrandbits(bits) / (1 << bits)) * 2.0 ** -(
            1 + source.getrandbits(2) % 3) * 2
        value = -value if source.getrandbits(1) else value
    return _bf16_word(value) if dtype == "bf16" else value


def _bf16_word(value):
    """Of a number that is one."""
    return struct.unpack("<I", struct.pack("<f", value))[0] >> 16


def reals(array):
    """The values as Python's floats or integers."""
    descr, _, values = array
    if descr != "<V2":
        return values
    words = struct.pack(f"<{len(values)}I", *[word << 16 for word in values])
    return struct.unpack(f"<{len(values)}f", words)


def pack(array):
    """For JSON."""
    descr, shape, values = array
    data = base64.b64encode(zlib.compress(npy.pack(descr, values), 9)).decode()
    return {"descr": descr, "shape": list(shape), "data": data}


def unpack(packed):
    data = zlib.decompress(base64.b64decode(packed["data"]))
    code = npy.CODES[packed["descr"]]
    count = len(data) // struct.calcsize("<" + code)
    return (packed["descr"], tuple(packed["shape"]),
            list(struct.unpack(f"<{count}{code}", data)))


def difference(found, expected, rule):
    """"" if `found` is as good as `expected`, else the first element that is
    not. rule: {} for the same bits; {"ulp": N, "near": A} for words of f32 that
    are up to N steps or A off; {"rtol": R, "atol": A}, A in shares of the
    largest element. NaN is NaN.
    """
    if found[:2] != expected[:2]:
        return f"is {found[0]} {found[1]}, not {expected[0]} {expected[1]}"
    if not rule:
        close = _same
    elif "ulp" in rule:
        close = _within_steps(rule["ulp"], rule.get("near", 0))
    else:
        close = _within(rule, reals(expected))
    both = (zip(found[2], expected[2]) if not rule or "ulp" in rule
            else zip(reals(found), reals(expected)))
    wrong = [(i, a, b) for i, (a, b) in enumerate(both) if not close(a, b)]
    if not wrong:
        return ""
    i, a, b = wrong[0]
    return (f"{len(wrong)} of {len(found[2])} elements differ, first "
            f"{list(_unravel(i, found[1]))}: {a!r}, expected {b!r}")


def _same(a, b):
    return a == b and math.copysign(1, a) == math.copysign(1, b) or (
        a != a and b != b)


def _within(rule, expected):
    finite = [abs(x) for x in expected if math.isfinite(x)]
    slack = rule["atol"] * max(finite, default=0)

    def close(a, b):
        return _same(a, b) or abs(a - b) <= slack + rule["rtol"] * abs(b)

    return close


def _within_steps(steps, near):
    def order(word):
        return word if word >= 0 else -(word & 0x7fffffff)

    def is_nan(word):
        return word & 0x7fffffff > 0x7f800000

    def real(word):
        return struct.unpack("<f", struct.pack("<i", word))[0]

    return lambda a, b: (
        abs(order(a) - order(b)) <= steps or (is_nan(a) and is_nan(b))
        or abs(real(a) - real(b)) <= near)


def _unravel(index, shape):
    place = []
    for extent in reversed(shape):
        place.append(index % extent)
        index //= extent
    return reversed(place)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The attention problems that are timed: sizes, tensors, and the modules that
state them for our compiler. Needs torch only to make tensors.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass
class Problem:
    kind: str  # dense, core, decode, decode_core, layer
    dtype: str
    D: int
    S: int
    T: int
    threads: int
    B: int = 1
    G: int = 8
    M: int = 2
    k: int = 1
    d: int = 1024

    @property
    def H(self):
        return self.G * self.M

    @property
    def name(self):
        return (f"{self.kind} {self.dtype} D={self.D} S={self.S} T={self.T} "
                f"threads={self.threads}")

    def attention_flops(self):
        """Two products over the pairs that are seen."""
        heads = self.H if self.kind in ("dense", "decode") else (
            self.G * self.k + 1)
        pairs = self.S * self.T - self.S * (self.S - 1) / 2
        if self.S > 1:  # the convention: half the square
            pairs = self.S * self.T / 2
        return 4 * self.B * heads * pairs * self.D

    def cache_bytes(self):
        """K and V, and for GQE the cached mean head."""
        heads = self.G + (1 if self.kind == "decode_core" else 0)
        return 2 * heads * self.T * self.D * (4 if self.dtype == "f32" else 2)


class Tensors:
    def __init__(self, **tensors):
        self.__dict__.update(tensors)


def torch_dtype(p):
    import torch
    return {"f32": torch.float32, "bf16": torch.bfloat16}[p.dtype]


def make_tensors(p, seed, device="cpu"):
    import torch
    torch.manual_seed(seed)
    dtype = torch_dtype(p)

    def rows(*shape, scale=1.0):
        return (scale * torch.randn(*shape)).to(device, dtype)

    if p.kind == "layer":
        scale = p.d ** -0.5
        N, G, D, d = p.H, p.G, p.D, p.d
        weights = {
            "w_q": rows(N * D, d, scale=scale), "w_k": rows(G * D, d, scale=scale),
            "w_v": rows(G * D, d, scale=scale), "w_qs": rows(D, d, scale=scale),
            "w_r": rows(N, d, scale=scale),
            "w_o": rows(d, (p.k * G + 2) * D, scale=scale)}
        return Tensors(x=rows(p.B, p.S, d), weights=weights)
    return Tensors(
        q=rows(p.B, p.S, p.H, p.D), k=rows(p.B, p.T, p.G, p.D),
        v=rows(p.B, p.T, p.G, p.D), q_shared=rows(p.B, p.S, p.D),
        k_mean=rows(p.B, p.T, 1, p.D), v_mean=rows(p.B, p.T, 1, p.D),
        logits=torch.randn(p.B, p.S, p.G, p.M).to(device))


# Attention of every query head, causal.
DENSE = """
func.func @attend(%q: tensor<?x?x{H}x{D}x{t}> {{routed.name = "q", routed.dims = ["B", "S"]}},
    %k: tensor<?x?x{G}x{D}x{t}> {{routed.name = "k", routed.dims = ["B", "T"]}},
    %v: tensor<?x?x{G}x{D}x{t}> {{routed.name = "v", routed.dims = ["B", "T"]}})
    -> (tensor<?x?x{H}x{D}x{t}> {{routed.name = "o", routed.dims = ["B", "S"]}}) {{
  %o, %lse = routed.attend %q, %k, %v causal
      : tensor<?x?x{H}x{D}x{t}>, tensor<?x?x{G}x{D}x{t}>, tensor<?x?x{G}x{D}x{t}>
  return %o : tensor<?x?x{H}x{D}x{t}>
}}
"""

# One step of decoding with the mean of K and V in caches of their own.
_decode_core = """
func.func @decode(%q: tensor<?x?x{G}x{M}x{D}x{t}> {{routed.name = "q", routed.dims = ["B", "S"]}},
    %k: tensor<?x?x{G}x{D}x{t}> {{routed.name = "k", routed.dims = ["B", "T"]}},
    %v: tensor<?x?x{G}x{D}x{t}> {{routed.name = "v", routed.dims = ["B", "T"]}},
    %logits: tensor<?x?x{G}x{M}xf32> {{routed.name = "router_logits", routed.dims = ["B", "S"]}},
    %qs: tensor<?x?x1x{D}x{t}> {{routed.name = "q_shared", routed.dims = ["B", "S"]}},
    %km: tensor<?x?x1x{D}x{t}> {{routed.name = "k_mean", routed.dims = ["B", "T"]}},
    %vm: tensor<?x?x1x{D}x{t}> {{routed.name = "v_mean", routed.dims = ["B", "T"]}})
    -> (tensor<?x?x{width}x{t}> {{routed.name = "concat", routed.dims = ["B", "S"]}}) {{
  %e, %w, %p = routed.select %logits top {k} softmax_all norm token : tensor<?x?x{G}x{M}xf32>
  %qc = routed.gather %q[%e] : tensor<?x?x{G}x{M}x{D}x{t}>, tensor<?x?x{G}x{k}xi32>
  %o, %lse = routed.attend %qc, %k, %v causal kv_head affine_map<(g, j) -> (g)>
      : tensor<?x?x{G}x{k}x{D}x{t}>, tensor<?x?x{G}x{D}x{t}>, tensor<?x?x{G}x{D}x{t}>
  %os, %lses = routed.attend %qs, %km, %vm causal
      : tensor<?x?x1x{D}x{t}>, tensor<?x?x1x{D}x{t}>, tensor<?x?x1x{D}x{t}>
  %slots = routed.combine concat %o : tensor<?x?x{G}x{k}x{D}x{t}>
  %renorm = routed.combine sum %o weights(%w : tensor<?x?x{G}x{k}xf32>) : tensor<?x?x{G}x{k}x{D}x{t}>
  %shared = routed.combine concat %os : tensor<?x?x1x{D}x{t}>
  %c = tensor.concat dim(2) %slots, %renorm, %shared
      : (tensor<?x?x{slots}x{t}>, tensor<?x?x{D}x{t}>, tensor<?x?x{D}x{t}>) -> tensor<?x?x{width}x{t}>
  return %c : tensor<?x?x{width}x{t}>
}}
"""


def _emit_layer(p, *flags):
    script = HERE.parent / "examples" / "emit_layer.py"
    sizes = ["--groups", p.G, "--experts", p.M, "--topk", p.k, "--head-dim",
             p.D, "--dtype", p.dtype]
    return subprocess.run([sys.executable, script, *map(str, sizes), *flags],
                          check=True, text=True, capture_output=True).stdout


def module_text(p):
    sizes = {"H": p.H, "G": p.G, "M": p.M, "k": p.k, "D": p.D, "t": p.dtype,
             "slots": p.G * p.k * p.D, "width": (p.G * p.k + 2) * p.D}
    if p.kind in ("dense", "decode"):
        return DENSE.format(**sizes)
    if p.kind == "decode_core":
        return _decode_core.format(**sizes)
    if p.kind == "core":
        return _emit_layer(p, "--level", "core", "--results", "concat")
    return _emit_layer(p, "--level", "layer", "--dim", str(p.d), "--results",
                       "y")


def inputs_of(p, t):
    """Input name to tensor, as the modules name them."""
    B, S, G, M, D = p.B, p.S, p.G, p.M, p.D
    if p.kind in ("dense", "decode"):
        return {"q": t.q, "k": t.k, "v": t.v}
    if p.kind == "layer":
        return {"x": t.x, **t.weights}
    named = {"q": t.q.view(B, S, G, M, D), "k": t.k, "v": t.v,
             "router_logits": t.logits, "q_shared": t.q_shared}
    if p.kind == "decode_core":
        named |= {"q_shared": t.q_shared.view(B, S, 1, D), "k_mean": t.k_mean,
                  "v_mean": t.v_mean}
    return named


def output_of(p, like):
    """An empty result beside the input `like`."""
    if p.kind in ("dense", "decode"):
        return like.new_empty(p.B, p.S, p.H, p.D)
    width = p.d if p.kind == "layer" else (p.G * p.k + 2) * p.D
    return like.new_empty(p.B, p.S, width)

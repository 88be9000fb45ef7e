# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Our side of host_attention.py: modules, bundles, calls."""

import subprocess
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples"))
import headgate  # noqa: E402

_dense = """
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
        return _dense.format(**sizes)
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


def output_of(p, dtype):
    if p.kind in ("dense", "decode"):
        return torch.empty(p.B, p.S, p.H, p.D, dtype=dtype)
    width = p.d if p.kind == "layer" else (p.G * p.k + 2) * p.D
    return torch.empty(p.B, p.S, width, dtype=dtype)


class OurBundles:
    def __init__(self, build, scratch):
        self.build, self.scratch = build, scratch
        self.runtimes, self.paths = {}, {}

    def runtime(self, threads):
        if threads not in self.runtimes:
            self.runtimes[threads] = headgate.Device(
                f"host:threads={threads}",
                self.build / "lib" / "libheadgate.so")
        return self.runtimes[threads]

    def bundle(self, p):
        key = f"{p.kind}-{p.dtype}-{p.D}-{p.G}-{p.M}-{p.k}-{p.d}"
        if key not in self.paths:
            path = self.scratch / (key + ".hgb")
            subprocess.run(
                [self.build / "bin" / "headgate-compile", "-", "-o", path],
                input=module_text(p), text=True, check=True)
            self.paths[key] = path
        return self.paths[key]

    def prepare(self, p, t):
        """The function to time, and one that runs it and returns its result."""
        entry = self.runtime(p.threads).open(self.bundle(p))
        named = inputs_of(p, t)
        inputs = [named[name].contiguous() for name in entry.input_names]
        output = output_of(p, inputs[0].dtype)
        run = entry.bind(inputs, [output])

        def result():
            run()
            return output

        return run, result

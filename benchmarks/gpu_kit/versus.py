# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Headgate beside PyTorch, interleaved: in each round every candidate once, in
random order; results are compared before anything is timed. On CUDA a time is
that between two events on torch's stream, the L2 cache is overwritten before
each call and outside of it, and clocks are logged meanwhile.
"""
import contextlib
import json
import random
import statistics
import subprocess
import time
from dataclasses import replace

import torch
import torch.nn.functional as F
from attention_problems import inputs_of, make_tensors, output_of
from host_attention import percentiles
from peers import torch_gqe, torch_layer

import headgate

from .pack import PROBLEMS
from .stages import find_cuda_tool

# S and T of each problem that is timed on a kind of device. A simulator has no
# time: there the stage is only gone through.
SIZES = {
    "cuda": {"dense64": [(4096, 4096), (16384, 16384), (1, 65536)],
             "dense128": [(4096, 4096), (16384, 16384), (1, 65536)],
             "core64": [(4096, 4096), (16384, 16384)],
             "core128": [(4096, 4096), (16384, 16384)],
             "decode_core64": [(1, 8192), (1, 65536)],
             "layer64": [(4096, 4096)]},
    "host": {"dense64": [(512, 512), (1, 4096)], "dense128": [(512, 512)],
             "core64": [(512, 512)], "core128": [(512, 512)],
             "decode_core64": [(1, 4096)], "layer64": [(256, 256)]},
    "sim": {"dense64": [(70, 70), (1, 300)], "dense128": [(70, 70)],
            "core64": [(70, 70)], "core128": [(40, 40)],
            "decode_core64": [(1, 200)], "layer64": [(20, 20)]},
}
ROUNDS = {"cuda": 30, "host": 7, "sim": 3}


class Unfit(Exception):
    """This candidate does not compute this problem, or is not here."""


def run(context):
    random.seed(7)
    device = headgate.Device(context.device,
                             context.binaries / "lib/libheadgate.so")
    where = "cuda" if context.kind == "cuda" else "cpu"
    found = {"torch": torch.__version__, "problems": [], "clocks": []}
    todo = [(name, sizes) for name, all_ in SIZES[context.kind].items()
            for sizes in all_
            if (context.kit / f"bundles/{name}.hgb").exists()]
    with torch.no_grad(), clocks(context, found["clocks"]):
        for i, (name, (S, T)) in enumerate(todo):
            # What is left is shared by the problems that are left.
            seconds = (context.left - 5) / (len(todo) - i)
            p = replace(PROBLEMS[name], S=S, T=T)
            t = make_tensors(p, 7, where)
            entry = device.open(context.kit / f"bundles/{name}.hgb")
            found["problems"].append(
                time_problem(p, t, entry, context.kind, where, seconds))
            context.save(found)
    ratios = [row["ratio"] for problem in found["problems"]
              for name, row in problem["rows"].items() if "ratio" in row]
    wrong = [problem["name"] + ": " + problem["wrong"]
             for problem in found["problems"] if problem["wrong"]]
    summary = f"{len(todo)} problems, {len(ratios)} peers timed"
    if wrong:
        return found | {"status": "failed", "why": "; ".join(wrong)}
    return found | {"summary": summary}


def time_problem(p, t, entry, kind, where, seconds):
    begun = time.perf_counter()
    result = {"name": f"{p.kind} D={p.D} S={p.S} T={p.T}", "left_out": {},
              "rows": {}, "wrong": ""}
    ours, result_of = prepare_ours(p, t, entry, kind)
    calls, expected = {"headgate": ours}, result_of().float()
    for name, make in candidates(p).items():
        try:
            call = make(p, t, where)
            theirs = call().float().reshape(expected.shape)
        except Unfit as why:
            result["left_out"][name] = str(why)
            continue
        except Exception as error:  # of a library that is not ours
            result["left_out"][name] = f"{type(error).__name__}: {error}"[:300]
            continue
        error = (theirs - expected).abs().max().item()
        if not error <= 6e-2 * max(1, expected.abs().max().item()):
            result["wrong"] = f"{name} and headgate differ by {error:.3g}"
            return result
        calls[name] = call
    left = seconds - (time.perf_counter() - begun)
    times = time_rounds(calls, kind, left)
    for name, values in times.items():
        result["rows"][name] = percentiles(values)
        if p.kind in ("dense", "core") and p.S > 1:
            result["rows"][name]["tflops"] = (
                p.attention_flops() / result["rows"][name]["median"] / 1e12)
        if name != "headgate":
            result["rows"][name] |= ratio(times["headgate"], values)
    return result


def prepare_ours(p, t, entry, kind):
    """A function to time, and one that gives its result."""
    named = inputs_of(p, t)
    inputs = [named[name].contiguous() for name in entry.input_names]
    output = output_of(p, inputs[0])
    if kind != "sim":
        run = entry.bind(inputs, [output])
        return run, lambda: (run(), output)[1]
    device = entry.device
    there = device.upload(output)
    run = entry.bind([device.upload(x) for x in inputs], [there])

    def result():
        run()
        return torch.from_dlpack(device.download(there))

    return run, result


# ---- peers: functions of (problem, tensors, "cpu" or "cuda") that make a call

def candidates(p):
    if p.kind == "dense":
        return {"torch cudnn": _sdpa("CUDNN_ATTENTION"),
                "torch flash": _sdpa("FLASH_ATTENTION"), "flex": _flex,
                "flash_attn 3": _flash("flash_attn_interface"),
                "flash_attn 2": _flash("flash_attn")}
    if p.kind == "core":
        return {"torch gather+sdpa": lambda p, t, _: torch_gqe(p, t, 0)[0]}
    if p.kind == "layer":
        return {"torch layer": lambda p, t, _: torch_layer(p, t, 0)[0]}
    return {}


def _heads_first(t):
    return [x.transpose(1, 2).contiguous() for x in (t.q, t.k, t.v)]


def _sdpa(backend):
    def make(p, t, where):
        from torch.nn.attention import SDPBackend, sdpa_kernel
        if where == "cpu" and backend != "FLASH_ATTENTION":
            raise Unfit("a backend of CUDA")
        q, k, v = _heads_first(t)
        chosen = getattr(SDPBackend, backend)

        def call():
            with sdpa_kernel(chosen):
                return F.scaled_dot_product_attention(
                    q, k, v, is_causal=p.S > 1, enable_gqa=True).transpose(1, 2)

        return call
    return make


def _flex(p, t, where):
    if where == "cpu":
        raise Unfit("compiling it for a CPU takes minutes")
    from torch.nn.attention.flex_attention import (create_block_mask,
                                                   flex_attention)
    q, k, v = _heads_first(t)
    last = p.T - p.S

    def seen(b, h, i, j):
        return i + last >= j

    mask = create_block_mask(seen, None, None, p.S, p.T, device=where)
    compiled = torch.compile(flex_attention, dynamic=False)
    return lambda: compiled(q, k, v, block_mask=mask,
                            enable_gqa=True).transpose(1, 2)


def _flash(module):
    def make(p, t, where):
        import importlib
        if where == "cpu":
            raise Unfit("runs on CUDA alone")
        if importlib.util.find_spec(module) is None:
            raise Unfit("not installed")
        attend = importlib.import_module(module).flash_attn_func

        def call():
            found = attend(t.q, t.k, t.v, causal=True)
            return found[0] if isinstance(found, tuple) else found

        return call
    return make


# ---- times

def time_rounds(calls, kind, seconds):
    """Seconds of each candidate in each round."""
    clock = _cuda_clock() if kind == "cuda" else _clock
    for call in calls.values():
        begun = time.perf_counter()
        clock(call)
        while kind == "cuda" and time.perf_counter() - begun < 0.025:
            clock(call)  # until clocks are up
    times = {name: [] for name in calls}
    begun = time.perf_counter()
    for n in range(ROUNDS[kind]):
        if n >= 3 and time.perf_counter() - begun > seconds:
            break
        order = list(calls)
        random.shuffle(order)
        for name in order:
            times[name].append(clock(calls[name]))
    return times


def _clock(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _cuda_clock():
    size = 2 * torch.cuda.get_device_properties(0).L2_cache_size
    flush = torch.empty(size, dtype=torch.int8, device="cuda")
    start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def clock(call):
        flush.zero_()
        start.record()
        call()
        stop.record()
        stop.synchronize()
        return start.elapsed_time(stop) * 1e-3

    return clock


def ratio(ours, theirs):
    """Their time in ours, above 1 where we are faster: the median over rounds,
    and where 95 of 100 resamplings of the rounds have it."""
    rounds = [b / a for a, b in zip(ours, theirs)]
    source = random.Random(3)
    medians = sorted(statistics.median(source.choices(rounds, k=len(rounds)))
                     for _ in range(1000))
    return {"ratio": statistics.median(rounds), "low": medians[25],
            "high": medians[974]}


@contextlib.contextmanager
def clocks(context, log):
    """What nvidia-smi says of clocks, twice a second, while this lasts."""
    tool = find_cuda_tool("nvidia-smi") if context.kind == "cuda" else ""
    if not tool:
        yield
        return
    child = subprocess.Popen(
        [tool, "--query-gpu=timestamp,clocks.sm,clocks.mem,temperature.gpu,"
         "power.draw,clocks_throttle_reasons.active", "--format=csv,noheader",
         "-lms", "500"], stdout=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        child.terminate()
        log += child.communicate()[0].splitlines()

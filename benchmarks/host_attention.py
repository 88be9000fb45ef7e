#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Headgate beside its peers on the host, in one process, interleaved.

    benchmarks/host_attention.py --build build --out host.json

sets up a virtual environment with the peers on its first run (PyTorch, ONNX
Runtime, OpenVINO, IREE; pass --peers to take fewer), compiles our bundles, and
times all of them in rounds of random order. Reported for each problem: the
median, the 20th and 80th percentile of each, our ratio to the best peer (the
median over rounds of that round's ratio, with its percentiles) and to the
handwritten kernel, GFLOP/s of causal attention, and the share of the
multiply-add peak that was measured in the same run. Results of all are compared
with ours before anything is timed.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

from attention_problems import Problem, make_tensors

HERE = Path(__file__).resolve().parent
PEER_PACKAGES = {
    "handwritten": [],  # host_kernels/, of our own build
    "torch": [],        # always there: it holds the tensors
    "onnxruntime": ["onnx", "onnxruntime"],
    "openvino": ["openvino"],
    "iree": ["iree-base-compiler", "iree-base-runtime", "ml_dtypes"],
}


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", default="build", help="our build tree")
    p.add_argument("--venv", default="build/peers",
                   help="virtual environment of the peers, made if missing")
    p.add_argument("--peers",
                   default="handwritten,torch,onnxruntime,openvino,iree")
    p.add_argument("--problems", default="dense,core,decode,layer")
    p.add_argument("--dtypes", default="f32,bf16")
    p.add_argument("--head-dims", default="64,128")
    p.add_argument("--lengths", default="1024,2048,4096,8192",
                   help="S of prefill")
    p.add_argument("--cache-lengths", default="8192,65536", help="T of decode")
    p.add_argument("--threads", default="1,2")
    p.add_argument("--rounds", type=int, default=11)
    p.add_argument("--seconds", type=float, default=20,
                   help="no new round of a problem after this long")
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--out", help="JSON file to write")
    return p.parse_args()


def enter_environment(options):
    """Restarts this script in the peers' virtual environment."""
    python = Path(options.venv) / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", options.venv], check=True)
        packages = ["numpy", "torch"] + [
            name for peer in options.peers.split(",")
            for name in PEER_PACKAGES[peer]]
        subprocess.run([python, "-m", "pip", "install", "-q", *packages],
                       check=True)
    if Path(sys.prefix).resolve() != Path(options.venv).resolve():
        os.execv(python, [str(python), *sys.argv])


def problems(options):
    for threads in map(int, options.threads.split(",")):
        for dtype in options.dtypes.split(","):
            for kind in options.problems.split(","):
                yield from problems_of(options, kind, dtype, threads)


def problems_of(options, kind, dtype, threads):
    lengths = [int(x) for x in options.lengths.split(",")]
    if kind == "decode":
        for T in map(int, options.cache_lengths.split(",")):
            for name in ("decode", "decode_core"):
                yield Problem(name, dtype, 64, 1, T, threads)
        return
    head_dims = [int(x) for x in options.head_dims.split(",")]
    for D in head_dims if kind == "dense" else [64]:
        for S in lengths:
            yield Problem(kind, dtype, D, S, S, threads)


def build_machine(directory):
    import ctypes
    library = directory / "machine.so"
    subprocess.run(["cc", "-O3", "-march=native", "-shared", "-fPIC",
                    "-pthread", HERE / "machine.c", "-o", library], check=True)
    machine = ctypes.CDLL(str(library))
    for name in ("peakF32", "peakBf16", "readSeconds"):
        getattr(machine, name).restype = ctypes.c_double
    return machine


def peers_of(options, build):
    """Kind of problem to its peers."""
    import peers
    table = {"dense": peers.DENSE, "decode": peers.DENSE, "core": peers.CORE,
             "decode_core": {}, "layer": peers.LAYER}
    if "handwritten" in options.peers.split(","):
        from handwritten import Handwritten
        by_hand = Handwritten(build)
        table["dense"] = {"handwritten": by_hand.dense} | table["dense"]
        table["core"] = {"handwritten": by_hand.core} | table["core"]
    return table


def reader(p, t, machine):
    import ctypes
    caches = [t.k, t.v]
    if p.kind == "decode_core":
        caches += [t.k_mean, t.v_mean]
    assert sum(c.nbytes for c in caches) == p.cache_bytes()
    blocks = (ctypes.c_void_p * len(caches))(*[c.data_ptr() for c in caches])
    sizes = (ctypes.c_size_t * len(caches))(*[c.nbytes for c in caches])
    return lambda: machine.readSeconds(blocks, sizes, len(caches), p.threads)


def candidates(p, t, ours, table, machine, options):
    """Name to (function to time, function that returns its result). Of decoding
    also "read": reading what it must read, in the same memory and in as many
    threads, as fast as the machine does it."""
    from peers import Unfit
    found = {"headgate": ours.prepare(p, t)}
    if p.kind.startswith("decode"):
        found["read"] = (reader(p, t, machine), None)
    for name in options.peers.split(","):
        if name not in table[p.kind]:
            continue
        try:
            found[name] = table[p.kind][name](p, t, p.threads)
        except Unfit as why:
            print(f"  {name}: left out: {why}", file=sys.stderr)
    return found


def check_results(p, found):
    """Everybody's result is ours, within the noise of 16-bit arithmetic."""
    ours = found["headgate"][1]().float()
    for name, (_, result) in found.items():
        if not result:
            continue
        theirs = result().float().reshape(ours.shape)
        error = (theirs - ours).abs().max().item()
        limit = (2e-3 if p.dtype == "f32" else 6e-2) * max(
            1.0, ours.abs().max().item())
        if not error <= limit:
            raise SystemExit(
                f"error: {p.name}: {name} and headgate differ by {error}")


def time_rounds(found, options):
    """Seconds of each candidate in each round."""
    for run, _ in found.values():
        run()
    times = {name: [] for name in found}
    start = time.perf_counter()
    for n in range(options.rounds):
        if n >= 3 and time.perf_counter() - start > options.seconds:
            break
        order = list(found)
        random.shuffle(order)
        for name in order:
            begin = time.perf_counter()
            found[name][0]()
            times[name].append(time.perf_counter() - begin)
    return times


def percentiles(values):
    ordered = sorted(values)

    def at(share):
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return {"median": statistics.median(ordered), "p20": at(0.2),
            "p80": at(0.8), "n": len(ordered)}


def summarise(p, times, machine):
    seconds = {name: percentiles(x) for name, x in times.items()}
    result = {"problem": vars(p), "name": p.name, "seconds": seconds}
    result["ratios"] = {
        name: percentiles([b / a for a, b in zip(times["headgate"], x)])
        for name, x in times.items() if name != "headgate"}
    others = [x for x in result["ratios"] if x not in ("handwritten", "read")]
    if others:
        best = min(others, key=lambda name: seconds[name]["median"])
        result["best_peer"], result["ratio"] = best, result["ratios"][best]
    if p.kind in ("dense", "core"):
        measure = machine.peakF32 if p.dtype == "f32" else machine.peakBf16
        peak = max(measure(p.threads) for _ in range(3))
        result["gflops"] = {name: p.attention_flops() / s["median"] / 1e9
                            for name, s in seconds.items()}
        result["peak_gflops"] = peak
        if peak:
            result["share_of_peak"] = {
                name: x / peak for name, x in result["gflops"].items()}
    if "read" in times:
        result["read"] = {
            "bytes": p.cache_bytes(),
            "bandwidth_gbs": 1e-9 * p.cache_bytes() / seconds["read"]["median"],
            "share": result["ratios"]["read"]}
    return result


def describe(result):
    line = result["name"] + ":"
    for name, s in sorted(result["seconds"].items(),
                          key=lambda item: item[1]["median"]):
        line += (f"  {name} {1e3 * s['median']:.2f} ms"
                 f" [{1e3 * s['p20']:.2f}, {1e3 * s['p80']:.2f}]")
    if "ratio" in result:
        r = result["ratio"]
        line += (f"  | {r['median']:.2f}x of {result['best_peer']}"
                 f" [{r['p20']:.2f}, {r['p80']:.2f}]")
    if "handwritten" in result["ratios"]:
        r = result["ratios"]["handwritten"]
        line += (f"  | {r['median']:.3f}x of handwritten"
                 f" [{r['p20']:.3f}, {r['p80']:.3f}]")
    for name in ("headgate", "handwritten"):
        if name in result.get("share_of_peak", {}):
            line += (f"  | {name} {result['gflops'][name]:.0f} GFLOP/s,"
                     f" {100 * result['share_of_peak'][name]:.1f} % of peak")
    if "read" in result:
        share = result["read"]["share"]
        line += (f"  | {100 * share['median']:.0f} %"
                 f" [{100 * share['p20']:.0f}, {100 * share['p80']:.0f}] of"
                 f" {result['read']['bandwidth_gbs']:.1f} GB/s")
    return line


def versions(options):
    import importlib.metadata as metadata
    found = {"python": platform.python_version(),
             "machine": platform.processor() or platform.machine()}
    for peer in options.peers.split(","):
        for package in PEER_PACKAGES[peer] or ["torch"]:
            try:
                found[package] = metadata.version(package)
            except metadata.PackageNotFoundError:
                found[package] = "missing"
    with open("/proc/cpuinfo") as f:
        models = [x.split(":")[1].strip() for x in f if "model name" in x]
    found["cpu"], found["cpus"] = models[0] if models else "?", len(models)
    return found


def main():
    options = parse_arguments()
    enter_environment(options)
    sys.path.insert(0, str(HERE))
    import torch
    from our_bundles import OurBundles
    build = Path(options.build).resolve()
    scratch = build / "benchmarks"
    scratch.mkdir(exist_ok=True)
    machine = build_machine(scratch)
    ours = OurBundles(build, scratch)
    table = peers_of(options, build)
    random.seed(options.seed)
    report = {"versions": versions(options), "results": []}
    for p in problems(options):
        torch.set_num_threads(p.threads)
        t = make_tensors(p, options.seed)
        with torch.no_grad():
            found = candidates(p, t, ours, table, machine, options)
            check_results(p, found)
            result = summarise(p, time_rounds(found, options), machine)
        print(describe(result), flush=True)
        report["results"].append(result)
        if options.out:
            Path(options.out).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()

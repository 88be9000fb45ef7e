# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Recordings: what entries of bundles give on one device, to be compared with
what they give on another. Inputs are made from seeds, outputs are stored.

A folder of recordings has its bundles and cases.json, a list of
    {"name", "bundle", "dims", "seed", "draw", "rules": {output: rule}}
(arrays.py); a file of outputs is
    {"format": "headgate.recordings", "version": 1, "device": {...},
     "cases": {name: {"plan": sha256 of plan.json, "outputs": {name: array}}}}
"""
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from . import arrays
from .arrays import npy
from .microkernels import MICROKERNELS, write_bundle

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))
from headgate import evaluate  # noqa: E402

FORMAT = {"format": "headgate.recordings", "version": 1}


class Failure(Exception):
    """What a run of a case said."""


def read_cases(folder):
    return json.loads((folder / "cases.json").read_text())


def plan_of(folder, case):
    return (folder / case["bundle"] / "plan.json").read_bytes()


def run(tool, folder, case, device, seconds=60):
    """Output name to array, of one call in a process of its own."""
    entry = json.loads(plan_of(folder, case))["entries"][0]
    with tempfile.TemporaryDirectory() as scratch:
        words = [tool, folder / case["bundle"], "--device=" + device, "--quiet"]
        for i, tensor in enumerate(entry["inputs"]):
            shape = [evaluate(x, case["dims"]) for x in tensor["shape"]]
            file = Path(scratch) / f"in{i}.npy"
            npy.write(file, *arrays.draw(tensor["dtype"], shape,
                                         case["seed"] + i, case["draw"]))
            words.append(f"--input={tensor['name']}={tensor['dtype']}=@{file}")
        files = {t["name"]: Path(scratch) / f"out{i}.npy"
                 for i, t in enumerate(entry["outputs"])}
        words += [f"--output={name}=@{file}" for name, file in files.items()]
        try:
            done = subprocess.run(words, capture_output=True, text=True,
                                  timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"no result after {seconds:.0f} s") from None
        if done.returncode != 0:
            raise Failure(done.stderr.strip() or f"exit code {done.returncode}")
        return {name: npy.read(file) for name, file in files.items()}


def make_microkernels(folder):
    """Their bundles, and their cases."""
    cases = []
    for kernel in MICROKERNELS:
        bundle = f"micro/{kernel.name}.hgb"
        write_bundle(kernel, folder / bundle)
        cases.append({"name": f"micro/{kernel.name}", "bundle": bundle,
                      "dims": {}, "seed": 11, "draw": kernel.draw,
                      "rules": {"out": kernel.rule}})
    return cases


def record(tool, folder, cases, device, about):
    """The file of outputs, as an object; stops at the first failure."""
    made = {}
    for case in cases:
        try:
            outputs = run(tool, folder, case, device)
        except Failure as failure:
            raise Failure(f"{case['name']}: {failure}") from None
        made[case["name"]] = store(folder, case, outputs)
    return FORMAT | {"device": about, "cases": made}


def store(folder, case, outputs):
    return {"plan": hashlib.sha256(plan_of(folder, case)).hexdigest(),
            "outputs": {n: arrays.pack(x) for n, x in outputs.items()}}


def compare(case, outputs, recorded):
    """"" or what differs from a recorded case."""
    for name, packed in recorded["outputs"].items():
        if name not in outputs:
            return f"has no output '{name}'"
        wrong = arrays.difference(outputs[name], arrays.unpack(packed),
                                  case["rules"].get(name, {}))
        if wrong:
            return f"{name}: {wrong}"
    return ""


def replay(tool, file, device):
    """Compares the microkernels of a file of outputs with what `device` gives.
    (how many, what differs)"""
    recorded = json.loads(file.read_text())
    if {k: recorded.get(k) for k in FORMAT} != FORMAT:
        return 0, [f"{file} is no file of recordings"]
    count, wrong = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for case in make_microkernels(Path(folder)):
            name = case["name"]
            expected = recorded["cases"].get(name)
            if expected is None:
                continue
            count += 1
            plan = hashlib.sha256(plan_of(Path(folder), case)).hexdigest()
            if plan != expected["plan"]:
                wrong.append(f"{name}: was recorded of another kernel")
                continue
            try:
                outputs = run(tool, Path(folder), case, device)
                difference = compare(case, outputs, expected)
            except Failure as failure:
                difference = str(failure)
            if difference:
                wrong.append(f"{name}: {difference}")
    return count, wrong

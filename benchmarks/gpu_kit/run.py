# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the stages of a kit. Each is a child process with a limit of its own, so
that a crash or a hang costs one stage; results are rewritten after each.
"""
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

# Seconds that a stage may take, in the order they run.
LIMITS = {"manifest": 20, "environment": 40, "build": 240, "conformance": 60,
          "recordings": 60, "problems": 100, "versus": 200, "sanitizer": 100}
# A stage that has less than this is not begun.
LEAST = 5
DONE = ("passed", "failed", "skipped")  # others: late, timeout, broke, waiting


class RunError(Exception):
    pass


def run(options, script):
    begun, kit = time.monotonic(), Path(options.kit).resolve()
    if not (kit / "MANIFEST").exists():
        raise RunError(f"{kit} is no kit: it has no MANIFEST; make one with "
                       "gpu-kit.py pack")
    chosen = options.stages.split(",") if options.stages else list(LIMITS)
    for name in chosen:
        if name not in LIMITS:
            raise RunError(f"no stage '{name}'; there are " + ", ".join(LIMITS))
    out = Path(options.out).resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    result = begin(options, kit, out)
    for name in LIMITS:
        if name not in chosen or not may_run(result, name):
            continue
        left = options.budget - (time.monotonic() - begun)
        limit = min(LIMITS[name], left - 2)  # to write and to print
        if limit < LEAST:
            stage = {"status": "late", "why": f"{max(0, left):.0f} s were left"}
        else:
            print(f"{name} ...", file=sys.stderr, flush=True)
            stage = run_child(script, name, result, kit, out, limit)
        result["stages"][name] = stage
        result["stages"] = {x: result["stages"][x] for x in LIMITS
                            if x in result["stages"]}
        write(out, result)
        if name == "manifest" and stage["status"] != "passed":
            break
    result["seconds"] = round(time.monotonic() - begun, 1)
    write(out, result)
    print(format_table(result))
    return exit_code(result)


def begin(options, kit, out):
    digest = hashlib.sha256((kit / "MANIFEST").read_bytes()).hexdigest()
    fresh = {"format": "headgate.gpukit", "version": 1, "kit": digest,
             "about": json.loads((kit / "kit.json").read_text()),
             "device": options.device, "build": options.build, "stages": {}}
    if not options.resume or not out.exists():
        return fresh
    old = json.loads(out.read_text())
    for key in ("format", "version", "kit", "device"):
        if old.get(key) != fresh[key]:
            raise RunError(f"{out} is of another run ({key} differs): leave out "
                           "--resume")
    return fresh | {"stages": {
        name: stage for name, stage in old["stages"].items()
        if stage["status"] in DONE}}


def may_run(result, name):
    """False for what was done, and where what it needs did not come."""
    stages = result["stages"]
    if name in stages:
        return False
    if name in ("manifest", "environment", "build"):
        return True
    build = stages.get("build", {"status": "skipped"})
    if build["status"] in ("passed", "skipped"):
        return True
    stages[name] = {"status": "waiting", "why": "the device is not here"
                    if build.get("no_device") else "nothing was built"}
    return False


def run_child(script, name, result, kit, out, limit):
    """What the stage found, with what it had said when it was cut off."""
    found = out.with_suffix(f".{name}.tmp")
    log = out.with_suffix(f".{name}.log")
    context = {"kit": str(kit), "device": result["device"],
               "build": result["build"], "out": str(out), "found": str(found),
               "seconds": limit}
    found.unlink(missing_ok=True)
    begun = time.monotonic()
    with open(log, "w") as text:
        child = subprocess.Popen(
            [sys.executable, "-B", str(script), "stage", name,
             json.dumps(context)], stdin=subprocess.DEVNULL, stdout=text,
            stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = child.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            end_group(child)
    stage = json.loads(found.read_text()) if found.exists() else {}
    found.unlink(missing_ok=True)
    said = log.read_text(errors="replace").strip()
    if code is None:
        stage |= {"status": "timeout", "why": f"not done after {limit:.0f} s"}
    elif code != 0 or "status" not in stage:
        last = said.splitlines()[-1] if said else "it said nothing"
        stage |= {"status": "broke", "why": f"exit code {code}: {last}"}
    if stage["status"] in ("timeout", "broke", "failed"):
        stage["log"] = said[-4000:]
    stage["seconds"] = round(time.monotonic() - begun, 1)
    return stage


def end_group(child):
    """The child and all that it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def run_stage(name, context):
    """In the child."""
    from . import stages
    context = stages.Context(**json.loads(context))
    try:
        found = {"status": "passed"} | (stages.STAGES[name](context) or {})
    except stages.Skip as why:
        found = {"status": "skipped", "why": str(why)}
    except stages.Failed as why:
        found = context.partial | {"status": "failed", "why": str(why)}
    context.save(found)
    return 0


def write(path, value):
    """At once or not at all."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(value, indent=1) + "\n")
    os.replace(temporary, path)


def exit_code(result):
    statuses = {stage["status"] for stage in result["stages"].values()}
    if result["stages"].get("build", {}).get("no_device"):
        return 4
    if statuses & {"broke", "timeout", "late"}:
        return 1
    return 3 if "failed" in statuses else 0


def format_table(result):
    """For people."""
    lines = [f"Headgate {result['about']['commit']} on {result['device']}, "
             f"{result['seconds']} s", ""]
    for name, stage in result["stages"].items():
        text = stage.get("why") or stage.get("summary", "")
        text = text.splitlines()[0] if text else ""
        lines.append(f"{name:12} {stage['status']:8} "
                     f"{stage.get('seconds', 0):6.1f} s  {text}")
    for problem in result["stages"].get("versus", {}).get("problems", []):
        lines += ["", problem["name"]]
        for name, row in sorted(problem["rows"].items(),
                                key=lambda item: item[1]["median"]):
            lines.append(
                f"  {name:22} {row['median'] * 1e6:10.1f} us "
                f"[{row['p20'] * 1e6:.1f}, {row['p80'] * 1e6:.1f}]"
                + (f"  {row['tflops']:7.1f} TF/s" if "tflops" in row else "")
                + (f"  {row['ratio']:.3f} of ours"
                   f" [{row['low']:.3f}, {row['high']:.3f}]"
                   if "ratio" in row else ""))
        for name, why in problem["left_out"].items():
            lines.append(f"  {name:22} left out: {why}")
    return "\n".join(lines)

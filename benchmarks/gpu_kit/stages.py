# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the stages do. Each returns what goes into the results, or raises Skip
with the reason why this device or machine has none, or Failed.
"""
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path

TARGETS = ["headgate", "headgate-run", "headgate-bench", "kernels-test",
           "runtime-test"]
CUDA_TOOLS = "/usr/local/cuda/bin"
LEAST_SECONDS = 5  # for another process


class Skip(Exception):
    pass


class Failed(Exception):
    pass


@dataclass
class Context:
    kit: str
    device: str
    build: str | None
    out: str
    found: str
    seconds: float
    begun: float = field(default_factory=time.monotonic)
    partial: dict = field(default_factory=dict)

    def __post_init__(self):
        self.kit = Path(self.kit)
        self.binaries = Path(self.build or self.kit / "build").resolve()

    @property
    def kind(self):
        return re.split("[:,]", self.device)[0]  # host, sim, cuda

    @property
    def left(self):
        return self.seconds - (time.monotonic() - self.begun)

    def tool(self, name):
        return str(self.binaries / "bin" / name)

    def save(self, found):
        """Also what is known by now: it stays when the stage is cut off."""
        self.partial = found
        temporary = Path(self.found + ".new")
        temporary.write_text(json.dumps(found))
        os.replace(temporary, self.found)


def say(*words, **more):
    """(exit code, all that a command said)"""
    try:
        done = subprocess.run([str(x) for x in words], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, **more)
    except OSError as error:
        return 127, str(error)
    except subprocess.TimeoutExpired:
        return 124, "no answer"
    print("$", *words, f"\n{done.stdout}", flush=True)
    return done.returncode, done.stdout.strip()


def check_manifest(context):
    wrong, files = [], 0
    for line in (context.kit / "MANIFEST").read_text().splitlines():
        digest, name = line.split("  ", 1)
        file, files = context.kit / name, files + 1
        if not file.is_file():
            wrong.append(f"{name} is missing")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            wrong.append(f"{name} is damaged")
    if wrong:
        raise Failed("; ".join(wrong[:5]) + (
            f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
            + ": copy the kit again")
    return {"files": files, "summary": f"{files} files"}


def describe_environment(context):
    found = {"cpus": os.cpu_count(), "tools": {}, "packages": {}}
    for tool in ("cmake", "g++", "python3"):
        code, text = say(tool, "--version", timeout=10)
        found["tools"][tool] = text.splitlines()[0] if code == 0 else text
    for tool in ("ptxas", "compute-sanitizer", "nvidia-smi"):
        found["tools"][tool] = find_cuda_tool(tool) or "missing"
    for package in ("torch", "triton", "numpy", "flash_attn",
                    "flash_attn_interface"):
        found["packages"][package] = version_of(package)
    with open("/proc/cpuinfo") as file:
        models = [x.split(":")[1].strip() for x in file if "model name" in x]
    found["cpu"] = models[0] if models else "unknown"
    context.save(found)
    found["gpu"] = describe_gpu()
    return found | {"summary": found["gpu"].get("name", "no NVIDIA GPU")
                    + ", " + found["cpu"]}


def version_of(package):
    import importlib.metadata as metadata
    if importlib.util.find_spec(package) is None:
        return "missing"
    try:
        return metadata.version(package.replace("_", "-"))
    except metadata.PackageNotFoundError:
        return "unknown"


GPU_FACTS = ["name", "driver_version", "vbios_version", "clocks.sm",
             "clocks.max.sm", "clocks.mem", "clocks_throttle_reasons.active",
             "temperature.gpu", "power.draw", "power.limit", "memory.used",
             "ecc.mode.current"]


def describe_gpu():
    code, text = say("nvidia-smi", "--query-gpu=" + ",".join(GPU_FACTS),
                     "--format=csv,noheader", timeout=20)
    if code != 0:
        return {"missing": text.splitlines()[0] if text else "nvidia-smi failed"}
    facts = dict(zip(GPU_FACTS, text.splitlines()[0].split(", ")))
    _, facts["processes"] = say("nvidia-smi", "--query-compute-apps=pid,used_memory",
                                "--format=csv,noheader", timeout=20)
    return facts


def find_cuda_tool(name):
    path = shutil.which(name) or shutil.which(name, path=CUDA_TOOLS)
    return path or ""


def build(context):
    facts = {}
    if context.build is None:
        facts = make_build(context)
    code, text = say(context.tool("headgate-run"), "--list_devices", timeout=30)
    if code != 0:
        raise Failed("headgate-run does not start: " + text)
    facts["devices"] = text.split()
    code, text = probe_device(context)
    if code == 4:
        return facts | {"status": "failed", "no_device": True, "why": text}
    if code != 0:
        raise Failed(text)
    if context.build is not None:
        return facts | {"status": "skipped", "why": f"{context.build} was given"}
    return facts | {"summary": " ".join(facts["devices"])}


def make_build(context):
    """As on any machine, with the kit's libraries in place of the system's."""
    deps = context.kit / "deps"
    found = [f"-D{name}_DIR={file.parent}" for name, pattern in (
        ("TBB", "TBBConfig.cmake"), ("CLI11", "CLI11Config.cmake"),
        ("nlohmann_json", "nlohmann_jsonConfig.cmake"),
        ("benchmark", "benchmarkConfig.cmake"), ("GTest", "GTestConfig.cmake"))
        for file in deps.rglob(pattern)]
    begun = time.monotonic()
    code, text = say(
        "cmake", "-S", context.kit / "source", "-B", context.binaries,
        "-DCMAKE_CXX_COMPILER=g++", "-DCMAKE_C_COMPILER=gcc",
        "-DCMAKE_BUILD_TYPE=Release", "-DHEADGATE_COMPILER=OFF",
        f"-DCMAKE_PREFIX_PATH={deps}", *found)
    if code != 0:
        raise Failed("cmake: " + text[-500:])
    code, text = say("cmake", "--build", context.binaries, "-j",
                     os.cpu_count() or 1, "--target", *TARGETS)
    if code != 0:
        raise Failed("the build failed: " + text[-500:])
    return {"buildSeconds": round(time.monotonic() - begun, 1)}


def probe_device(context):
    """A call that must work; exit code 4 says that the device is not here."""
    cases = json.loads((context.kit / "recordings/cases.json").read_text())
    bundle = context.kit / "recordings" / cases[0]["bundle"]
    return say(context.tool("headgate-run"), bundle, "--device=" + context.device,
               "--print-plan", "--dry-run", timeout=60)


def check_conformance(context):
    """The tests of the list whose device is of our kind."""
    tool = context.tool("runtime-test")
    _, text = say(tool, "--gtest_list_tests", "--gtest_filter=*DeviceConformance*",
                  timeout=30)
    suite, names = "", []
    for line in text.splitlines():
        if not line.startswith(" "):
            suite = line.split()[0] if line else ""
        elif f'GetParam() = "{context.kind}' in line:
            names.append(suite + line.split()[0])
    if not names:
        raise Skip(f"the conformance list has no device '{context.kind}'")
    code, text = say(tool, "--gtest_filter=" + ":".join(names))
    if code != 0:
        failed = re.findall(r"\[  FAILED  \] (\S+)", text)
        raise Failed(", ".join(sorted(set(failed))) or text[-500:])
    passed = re.findall(r"\[  PASSED  \] (\d+)", text)
    return {"summary": f"{passed[0]} tests"}


def list_folder(context):
    """The problem list, unpacked beside the results."""
    folder = Path(context.out).with_suffix(".list")
    if not (folder / "list").exists():
        with tarfile.open(context.kit / "list.tar.xz") as archive:
            archive.extractall(folder, filter="data")
    return folder / "list" / ("host" if context.kind == "host" else "sm_80")


def run_kernels_test(context, *more, before=()):
    """The last line it said and the lines of failures. Calls that had no time
    are none."""
    code, text = say(*before, context.tool("kernels-test"),
                     f"--bundles={list_folder(context)}",
                     "--device=" + context.device, *more)
    lines = text.splitlines() or [""]
    if code == 4 and "left out for lack of time" not in lines[-1]:
        raise Skip("nothing in the list runs on this machine")
    failures = [f"{line} {after.strip()}" for line, after in
                zip(lines, lines[1:] + [""]) if line.startswith("FAILED")]
    if code not in (0, 4) and not failures:
        failures = [f"exit code {code}: {text[-500:]}"]
    return lines[-1], failures


def check_problems(context):
    last, failures = run_kernels_test(
        context, f"--seconds={max(1, context.left * 0.7):.0f}")
    # After an error of its own a GPU may refuse what follows in that process.
    alone, again = [], sorted({int(number) for line in failures for number in
                               re.findall("--only=([0-9]+)", line)})
    context.save({"list": last, "failures": failures})
    for number in again[:20]:
        if context.left < LEAST_SECONDS:
            break
        alone += run_kernels_test(context, f"--only={number}")[1]
    if failures:
        raise Failed(f"{last}; alone fail: "
                     + (" | ".join(alone[:3]) or "none of them"))
    return {"summary": last}


def replay_recordings(context):
    """Runs every case, keeps what it gave, and compares it with the simulator's.
    On a GPU the file that this writes is what the simulator is held to later."""
    from . import recordings
    folder = context.kit / "recordings"
    expected = json.loads((folder / "sim.json").read_text())["cases"]
    made, wrong, skipped = {}, [], []
    file = Path(context.out).with_suffix(".recordings.json")
    for case in recordings.read_cases(folder):
        name = case["name"]
        if name.startswith("micro/") and context.kind == "host":
            skipped.append(name)
            continue
        if context.kind == "host":  # other kernels than the simulator's
            case["rules"] = {output: {"rtol": 1.6e-2, "atol": 2.0 ** -7}
                             for output in case["rules"]}
        try:
            outputs = recordings.run(context.tool("headgate-run"), folder, case,
                                     context.device, max(1, context.left))
        except recordings.Failure as failure:
            wrong.append(f"{name}: {failure}")
            continue
        made[name] = recordings.store(folder, case, outputs)
        difference = recordings.compare(case, outputs, expected[name])
        if difference:
            wrong.append(f"{name}: {difference}")
        context.save({"compared": len(made), "wrong": wrong})
    about = {"uri": context.device} | (
        describe_gpu() if context.kind == "cuda" else {})
    file.write_text(json.dumps(
        recordings.FORMAT | {"device": about, "cases": made}) + "\n")
    if wrong:
        raise Failed("; ".join(wrong))
    text = f"{len(made)} cases as the simulator gave them"
    if skipped:
        text += f"; {len(skipped)} microkernels left out: PTX does not run on the host"
    return {"compared": len(made), "recordings": str(file), "summary": text}


SANITIZERS = ("memcheck", "racecheck", "synccheck", "initcheck")


def run_sanitizers(context):
    if context.kind != "cuda":
        raise Skip("compute-sanitizer looks at CUDA alone" + (
            "; the simulator checks every access itself"
            if context.kind == "sim" else ""))
    tool = find_cuda_tool("compute-sanitizer")
    if not tool:
        raise Skip("compute-sanitizer is not installed")
    code, text = say(tool, context.tool("headgate-run"), "--list_devices",
                     timeout=60)
    if code != 0:
        raise Skip("compute-sanitizer does not work here: " + text[-300:])
    found, wrong = {}, []
    for name in SANITIZERS:
        share = context.left / (len(SANITIZERS) - len(found))
        found[name], failures = run_kernels_test(
            context, "--every=7", f"--seconds={max(1, share * 0.6):.0f}",
            before=(tool, "--tool", name, "--error-exitcode", "9"))
        wrong += [f"{name}: {failure}" for failure in failures]
        context.save({"tools": found, "failures": wrong})
    if wrong:
        raise Failed("; ".join(wrong[:3]))
    return {"tools": found, "summary": ", ".join(found)}


def time_versus(context):
    if importlib.util.find_spec("torch") is None:
        raise Skip("torch is not installed, and it is what we are timed beside")
    from . import versus
    return versus.run(context)


STAGES = {"manifest": check_manifest, "environment": describe_environment,
          "build": build, "conformance": check_conformance,
          "recordings": replay_recordings, "problems": check_problems,
          "versus": time_versus, "sanitizer": run_sanitizers}

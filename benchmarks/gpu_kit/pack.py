# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the kit: a directory that a GPU machine needs and nothing else.

    source/      the half of Headgate that needs no LLVM, and these scripts
    deps/        what it is built with, from Debian's packages, as under /usr
    bundles/     the problems that are timed, for the host and sm_80
    list.tar.xz  the kernels' problem list, compiled; host/ and sm_80/
    recordings/  cases, their bundles, and what the simulator gives
    MANIFEST     the sha256 of every file, as sha256sum -c reads it
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from attention_problems import Problem, module_text

from . import recordings

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ["CMakeLists.txt", "include", "lib", "runtime", "tools", "test",
          "benchmarks", "examples"]
# Of these, what only the compiler or only its tests need.
LEFT_OUT = ["tools/compiler", "test/passes", "test/dialect", "test/e2e",
            "test/goldens", "test/runtime/sim/differential"]
PACKAGES = ["nlohmann-json3-dev", "libtbb-dev", "libtbb12", "libtbbmalloc2",
            "libtbbbind-2-5", "libcli11-dev", "libbenchmark-dev",
            "libbenchmark1debian", "libgtest-dev"]

PROBLEMS = {
    name: Problem(kind, "bf16", D, 0, 0, 0)
    for name, kind, D in (
        ("dense64", "dense", 64), ("dense128", "dense", 128),
        ("core64", "core", 64), ("core128", "core", 128),
        ("decode_core64", "decode_core", 64), ("layer64", "layer", 64))}

_GATHER = """
func.func @gather(
    %q: tensor<?x?x3x4x24xbf16> {routed.name = "q", routed.dims = ["B", "S"]},
    %logits: tensor<?x?x3x4xf32> {routed.name = "logits", routed.dims = ["B", "S"]})
    -> (tensor<?x?x144xbf16> {routed.name = "slots"}, tensor<?x?x3x2xi32> {routed.name = "experts"}) {
  %e, %w, %p = routed.select %logits top 2 softmax_all norm token : tensor<?x?x3x4xf32>
  %g = routed.gather %q[%e] : tensor<?x?x3x4x24xbf16>, tensor<?x?x3x2xi32>
  %s = routed.combine concat %g : tensor<?x?x3x2x24xbf16>
  return %s, %e : tensor<?x?x144xbf16>, tensor<?x?x3x2xi32>
}
"""

# The same kernel in the same order of sums: a last bit of bf16 may flip where
# exp2 or mma round otherwise.
_NEAR = {"rtol": 2.0 ** -7, "atol": 2.0 ** -9}


def _small(kind, **sizes):
    return module_text(Problem(kind, "bf16", S=0, T=0, threads=0,
                               **({"D": 64, "G": 2, "M": 2, "d": 64} | sizes)))


# Name, module, dims, rule of each output that is not exact.
RECORDED = [
    ("dense", lambda: _small("dense"), {"B": 2, "S": 70, "T": 133}, {"o": _NEAR}),
    ("dense128", lambda: _small("dense", D=128), {"B": 1, "S": 133, "T": 133},
     {"o": _NEAR}),
    ("split", lambda: _small("dense"), {"B": 1, "S": 1, "T": 700}, {"o": _NEAR}),
    ("core", lambda: _small("core", M=4, k=2), {"B": 2, "S": 37, "T": 37},
     {"concat": _NEAR}),
    ("decode_core", lambda: _small("decode_core"), {"B": 1, "S": 1, "T": 300},
     {"concat": _NEAR}),
    ("layer", lambda: _small("layer"), {"B": 1, "S": 33}, {"y": _NEAR}),
    ("gather", lambda: _GATHER, {"B": 2, "S": 19}, {}),
]


class PackError(Exception):
    pass


def call(*words, **more):
    done = subprocess.run([str(x) for x in words], capture_output=True, text=True,
                          **more)
    if done.returncode != 0:
        raise PackError(f"{Path(words[0]).name} failed: "
                        f"{(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout


def copy_source(kit):
    def ignore(folder, names):
        inside = Path(folder).resolve().relative_to(ROOT)
        return [name for name in names if name == "__pycache__"
                or str(inside / name) in LEFT_OUT]

    for name in SOURCE:
        source, target = ROOT / name, kit / "source" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignore)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def copy_packages(kit):
    if not shutil.which("dpkg"):
        raise PackError("packing takes libraries from Debian's packages, and "
                        "dpkg is not here")
    for package in PACKAGES:
        for line in call("dpkg", "-L", package).splitlines():
            file = Path(line)
            if not file.is_file() or "/share/doc" in line or "/share/man" in line:
                continue
            target = kit / "deps" / file.relative_to("/usr")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)  # links become files: every way of
            # carrying a directory keeps those


class Compiler:
    def __init__(self, build):
        self.build = build
        self.environment = dict(os.environ)
        cuda = Path("/usr/local/cuda/bin/ptxas")
        if not shutil.which("ptxas") and cuda.exists():
            self.environment.setdefault("TRITON_PTXAS_PATH", str(cuda))

    def compile(self, text, bundle):
        bundle.parent.mkdir(parents=True, exist_ok=True)
        call(self.build / "bin/headgate-compile", "-", "-o", bundle,
             "--target=host,sm_80", input=text, env=self.environment)

    def emit_list(self, folder, every, gpu):
        call(self.build / "bin/kernels-test",
             f"--compile={self.build / 'bin/headgate-compile'}",
             f"--every={every}", f"--emit-bundles={folder}",
             *([f"--gpu={gpu}"] if gpu else []), env=self.environment)


def make_list(kit, compiler, every):
    """Most of the kit before it is compressed: PTX is text."""
    for folder, gpu in (("host", None), ("sm_80", "sm_80")):
        compiler.emit_list(kit / "list" / folder, every, gpu)
    with tarfile.open(kit / "list.tar.xz", "w:xz") as archive:
        archive.add(kit / "list", "list")
    shutil.rmtree(kit / "list")


def make_recordings(kit, compiler, names):
    folder, cases = kit / "recordings", []
    for name, module, dims, rules in RECORDED:
        if names and name not in names:
            continue
        compiler.compile(module(), folder / f"{name}.hgb")
        cases.append({"name": name, "bundle": f"{name}.hgb", "dims": dims,
                      "seed": 7, "draw": "moderate", "rules": rules})
    cases += recordings.make_microkernels(folder)
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    recorded = recordings.record(compiler.build / "bin/headgate-run", folder,
                                 cases, "sim:sm_80", {"uri": "sim:sm_80"})
    (folder / "sim.json").write_text(json.dumps(recorded, indent=1) + "\n")


def write_manifest(kit):
    files = sorted(x for x in kit.rglob("*")
                   if x.is_file() and x != kit / "MANIFEST")
    lines = [f"{hashlib.sha256(x.read_bytes()).hexdigest()}  "
             f"{x.relative_to(kit)}\n" for x in files]
    (kit / "MANIFEST").write_text("".join(lines))
    return sum(x.stat().st_size for x in files)


def commit():
    try:
        return call("git", "-C", ROOT, "describe", "--always", "--dirty").strip()
    except (PackError, OSError):
        return "unknown"


def pack(options):
    kit, build = Path(options.out), Path(options.build).resolve()
    for tool in ("headgate-compile", "headgate-run", "kernels-test"):
        if not (build / "bin" / tool).exists():
            raise PackError(f"{build}/bin/{tool} is missing: build it first")
    if kit.exists():
        if not (kit / "MANIFEST").exists():
            raise PackError(f"{kit} exists and is no kit")
        shutil.rmtree(kit)
    kit.mkdir(parents=True)
    (kit / "MANIFEST").touch()  # unfinished, but a kit: it may be overwritten
    compiler = Compiler(build)
    copy_source(kit)
    copy_packages(kit)
    problems = options.problems.split(",") if options.problems else PROBLEMS
    for name in problems:
        if name not in PROBLEMS:
            raise PackError(f"no problem '{name}'; there are "
                            + ", ".join(PROBLEMS))
        compiler.compile(module_text(PROBLEMS[name]), kit / f"bundles/{name}.hgb")
    make_list(kit, compiler, options.every)
    names = options.recordings.split(",") if options.recordings else None
    make_recordings(kit, compiler, names)
    (kit / "kit.json").write_text(json.dumps(
        {"format": "headgate.kit", "version": 1, "commit": commit()}) + "\n")
    size = write_manifest(kit)
    if size > options.limit_mib * 2 ** 20:
        raise PackError(f"{kit} has {size / 2 ** 20:.1f} MiB, more than "
                        f"{options.limit_mib}")
    print(f"{kit}: {size / 2 ** 20:.1f} MiB; copy it, and there run\n"
          f"  python3 source/benchmarks/gpu-kit.py run", file=sys.stderr)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Headgate on a GPU machine that has no compiler of ours and no internet.

    gpu-kit.py pack -o build/kit         here: a directory of under 40 MiB
    source/benchmarks/gpu-kit.py run     there, in that directory
    gpu-kit.py replay FILE               here: what a GPU gave, on the simulator

`run` needs Python, cmake and g++; it builds the runtime, checks the device and
every kernel on it, compares with what the simulator gave, and times us beside
PyTorch where that is installed. It ends within --budget seconds and writes
result.json after every stage; --resume goes on where a run was cut off.

Exit codes: 0 all held, 1 something broke, 2 wrong usage, 3 a check failed, 4 the
device is not on this machine.
"""
import argparse
import sys
from pathlib import Path

from gpu_kit import pack, recordings, run

KIT = Path(__file__).resolve().parents[2]


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    p = commands.add_parser("pack", help="make a kit")
    p.add_argument("-o", "--out", required=True, help="the directory to make")
    p.add_argument("--build", default="build", help="our build tree")
    p.add_argument("--every", type=int, default=1,
                   help="take every N-th case of the kernels' problem list")
    p.add_argument("--problems", help="to be timed, by default all: "
                   + ",".join(pack.PROBLEMS))
    p.add_argument("--recordings", help="of entries, by default all: "
                   + ",".join(x[0] for x in pack.RECORDED))
    p.add_argument("--limit-mib", type=float, default=40)
    p = commands.add_parser("run", help="run a kit")
    p.add_argument("--kit", default=str(KIT), help="default: the one this is in")
    p.add_argument("--device", default="cuda", help="cuda, cuda:N, host, sim:sm_80")
    p.add_argument("--out", default="result.json", help="the file of results")
    p.add_argument("--budget", type=float, default=540, help="seconds for all")
    p.add_argument("--build", help="a build tree to use; by default one is made")
    p.add_argument("--stages", help="only these, by default all: "
                   + ",".join(run.LIMITS))
    p.add_argument("--resume", action="store_true",
                   help="skip the stages that --out has results of")
    p = commands.add_parser("replay", help="compare recorded microkernels")
    p.add_argument("files", nargs="*", help="RESULT.recordings.json of runs")
    p.add_argument("--device", default="sim:sm_80")
    p.add_argument("--build", default="build", help="our build tree")
    p = commands.add_parser("stage", help="one stage of a run, for `run` itself")
    p.add_argument("name")
    p.add_argument("context")
    return parser.parse_args()


def replay(options):
    failed = False
    for file in options.files:
        count, wrong = recordings.replay(
            Path(options.build).resolve() / "bin/headgate-run", Path(file),
            options.device)
        print(f"{file}: {count} microkernels, {len(wrong)} differ")
        for text in wrong:
            print("  " + text)
        failed |= bool(wrong)
    return 3 if failed else 0


def main():
    options = parse_arguments()
    if options.command == "replay":
        return replay(options)
    if options.command == "stage":
        return run.run_stage(options.name, options.context)
    try:
        if options.command == "run":
            return run.run(options, Path(__file__).resolve())
        pack.pack(options)
    except (pack.PackError, run.RunError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

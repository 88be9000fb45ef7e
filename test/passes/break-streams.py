# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Breaks what headgate-pipeline-loads made, in one place at a time, and expects of
headgate-check-streams that it says so:

  headgate-opt pipeline-loads.mlir --headgate-pipeline-loads .. | break-streams.py OPT

Prints the breaks of each kind, and each one that nobody noticed. Exits 1 if there
is one, or none of a kind was made."""

import collections
import re
import subprocess
import sys

SEPARATOR = "\n// -----\n"


def without(lines, op):
    """Each line with `op`, left out."""
    for i, line in enumerate(lines):
        if f"tile.{op} " in line:
            yield lines[:i] + lines[i + 1:]


def put_before_gets(lines):
    """The gets that share a barrier, put behind the put that follows them."""
    gets = []
    for i, line in enumerate(lines):
        if "tile.get " in line:
            gets.append(i)
        elif "tile.put " in line and gets:
            others = [lines[k] for k in range(gets[0], i + 1) if k not in gets]
            yield lines[:gets[0]] + others + [lines[k] for k in gets] + lines[i + 1:]
            gets = []


def waiting_less(lines):
    for i, line in enumerate(lines):
        if found := re.search(r"newer (\d+)", line):
            more = line[:found.start(1)] + str(int(found[1]) + 1) + line[found.end(1):]
            yield lines[:i] + [more] + lines[i + 1:]


def with_fewer_stages(lines):
    text = "\n".join(lines)
    for stages in set(re.findall(r"ring<(\d+) x", text)) - {"1"}:
        yield text.replace(f"ring<{stages} x", f"ring<{int(stages) - 1} x").split("\n")


def with_more_readers(lines):
    for i, line in enumerate(lines):
        if "readers 1" in line:
            yield lines[:i] + [line.replace("readers 1", "readers 2")] + lines[i + 1:]


BREAKS = {
    "no release": lambda lines: without(lines, "release"),
    "no put": lambda lines: without(lines, "put"),
    "put before get": put_before_gets,
    "waits for less": waiting_less,
    "fewer stages": with_fewer_stages,
    "more readers": with_more_readers,
}


def check(opt, text):
    """The diagnostics of the passes' check."""
    return subprocess.run([opt, "--headgate-check-streams", "-"], input=text,
                          capture_output=True, text=True).stderr


def main():
    opt = sys.argv[1]
    made, missed = collections.Counter(), 0
    for module in sys.stdin.read().split(SEPARATOR.strip()):
        if "tile.ring" not in module:
            continue
        if errors := check(opt, module):
            sys.exit(f"error: the program itself is refused:\n{errors}")
        for kind, breaks in BREAKS.items():
            for lines in breaks(module.split("\n")):
                made[kind] += 1
                errors = check(opt, "\n".join(lines))
                named = re.search(r"error: ('tile\.|a slot is not used)", errors)
                if not named:
                    missed += 1
                    print(f"MISSED {kind}: {errors}\n" + "\n".join(lines))
    for kind in BREAKS:
        print(f"{kind}: {made[kind]}")
    return 1 if missed or any(not made[kind] for kind in BREAKS) else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds #includes that look up: a layer may use those below it and no other.

    include <- lib <- dialect <- passes <- tools
    include <- lib <- runtime <- tools

Usage: check-layers.py ROOT. Prints `FILE:LINE: error: ...` and exits 1 if there
are any."""

import pathlib
import re
import sys

MLIR = {"mlir", "mlir-c", "llvm", "llvm-c"}

# Folder: the first path components its quoted includes may have. The longest
# folder that holds a file decides. Angle includes of MLIR and LLVM count too.
ALLOWED = {
    "include": {"headgate"},
    "lib": {"headgate", "lib"},
    "runtime": {"headgate", "lib", "runtime"},
    "dialect": {"headgate", "lib", "dialect"} | MLIR,
    "passes": {"headgate", "lib", "dialect", "passes"} | MLIR,
    "tools": {"headgate", "lib", "runtime", "tools"},
    "tools/compiler": {"headgate", "lib", "dialect", "passes", "runtime", "tools"} | MLIR,
    "test": {"headgate", "lib", "dialect", "passes", "runtime", "tools", "test"} | MLIR,
}
SUFFIXES = {".h", ".hpp", ".c", ".cpp", ".cu", ".def", ".inc", ".td", ".in"}
INCLUDE = re.compile(r'^[ \t]*#?[ \t]*include[ \t]+([<"])([^>"\n]+)[>"]', re.M)
# Installed headers stand on the standard libraries of C++ and C alone.
STANDARD = re.compile(r"[a-z_0-9]+|(assert|math|stdbool|stddef|stdint|stdio|stdlib|string)\.h")


def folder_of(path):
    """The longest folder of ALLOWED that holds `path`."""
    return max((f for f in ALLOWED if path.is_relative_to(f)), key=len)


def problem(path, quoted, name):
    """What is wrong with the include of `name` in `path` (relative to the root),
    or None."""
    folder = folder_of(path)
    first, slash, _ = name.partition("/")
    if quoted and not slash:
        if folder == "test":
            return None  # the file beside this one
        return f'"{name}" does not say its layer: write its path from the root'
    if quoted or first in MLIR:
        if first not in ALLOWED[folder]:
            return f"{folder}/ may not include {first}/"
    elif folder == "include" and not STANDARD.fullmatch(name):
        return f"<{name}> is no standard header: installed headers need nothing else"
    return None


def main(root):
    count = files = 0
    for layer in sorted({folder.split("/")[0] for folder in ALLOWED}):
        for file in sorted((root / layer).rglob("*")):
            if file.suffix not in SUFFIXES or not file.is_file():
                continue
            files += 1
            text = file.read_text()
            path = file.relative_to(root)
            for match in INCLUDE.finditer(text):
                why = problem(path, match[1] == '"', match[2])
                if why:
                    line = text.count("\n", 0, match.start(2)) + 1
                    print(f"{path}:{line}: error: {why}")
                    count += 1
    if files == 0:
        print(f"error: no sources below {root}")
    return 1 if count or files == 0 else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the ```mlir examples of descriptions (*.td) and guides (*.md).

Each is a module of its own that headgate-opt parses, verifies, prints and reads
back: as text and as bytecode (--verify-roundtrip) and in the generic form. One
that is not, because it shows a few lines of a whole, must be part of a file in
examples/, white space aside.

Usage: check-examples.py HEADGATE_OPT EXAMPLES_DIR FILE... Exits 1 and prints the
errors at their places if one fails, or if there is no example at all."""

import pathlib
import re
import subprocess
import sys

FENCED = re.compile(r"^ *```mlir\n(.*?)^ *```", re.M | re.S)


def squeezed(text):
    return " ".join(text.split())


def run(opt, text, *options):
    return subprocess.run([opt, *options, "-"], input=text, capture_output=True, text=True)


def why_it_fails(opt, text):
    """The errors of an example, or None."""
    generic = run(opt, text, "--verify-roundtrip", "--mlir-print-op-generic")
    if generic.returncode != 0:
        return generic.stderr
    again = run(opt, generic.stdout, "--verify-roundtrip")
    return again.stderr if again.returncode != 0 else None


def main(opt, examples, files):
    wholes = [squeezed(file.read_text()) for file in sorted(examples.glob("*.mlir"))]
    count = failed = 0
    for file in files:
        text = file.read_text()
        for match in FENCED.finditer(text):
            count += 1
            if any(squeezed(match[1]) in whole for whole in wholes):
                continue
            # Blank lines put the example where it is in the file.
            lines_before = text.count("\n", 0, match.start(1))
            errors = why_it_fails(opt, "\n" * lines_before + match[1])
            if errors:
                print(errors.replace("<stdin>", str(file)))
                failed += 1
    if count == 0:
        print("error: no examples in", *files)
    return 1 if failed or count == 0 else 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]), [pathlib.Path(f) for f in sys.argv[3:]]))

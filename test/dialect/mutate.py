# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Looks for input that crashes headgate-opt.

Takes the modules of valid tests, in their custom and in their generic form,
changes a few tokens of each (drops, doubles, swaps, replaces one, writes another
number), and gives them to headgate-opt, which may refuse but must not die or
hang. What it finds is printed as a module to keep as a test:

  mutate.py build/bin/headgate-opt --count 5000 --seed 7 test/dialect/routed/*.mlir

The same seed, count and files make the same modules. Exits 1 if one crashes."""

import argparse
import pathlib
import random
import re
import subprocess
import sys

SEPARATOR = "\n// -----\n"
TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|//[^\n]*|(?:(?:\d+|\?)x)+\w*|-?\d+\.\d+(?:e[+-]?\d+)?|-?\d+|'
    r"[%^#@!]?[\w.$]+|->|\s+|.", re.S)
NUMBER = re.compile(r"-?\d+|\?")
SHAPE = re.compile(r"((?:\d+|\?)x)+\w*")
NUMBERS = ["0", "1", "2", "3", "5", "-1", "7", "?", "1048577", "2147483647", "2147483648",
           "4294967296", "4611686018427387904", "9223372036854775807", "-9223372036854775808"]
SECONDS_PER_MODULE = 10
# What MLIR's own parser dies of, whatever the dialect (seen in 22.1): not made.
DEADLY_UPSTREAM = re.compile(r"\barray<(?!i\d|b?f\d)")


def run(opt, options, text, seconds):
    """headgate-opt's errors; None when it crashes or runs too long."""
    try:
        done = subprocess.run([opt, *options, "-"], input=text, capture_output=True, text=True,
                              timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    # A sanitizer's report ends the process with 1, too.
    refuses = done.returncode in (0, 1) and "Sanitizer" not in done.stderr
    return done.stderr if refuses else None


def functions(part):
    """The top-level functions of a module, each with the aliases before it: what
    is small is hit by a mutation where it matters."""
    starts = [m.start() for m in re.finditer(r"^func\.func", part, flags=re.M)]
    aliases = "".join(re.findall(r"^#.*\n", part, flags=re.M))
    for start, end in zip(starts, starts[1:] + [len(part)]):
        yield aliases + part[start:end]


def corpus(opt, files):
    """The valid functions of `files` as lists of tokens, custom and generic."""
    customs = [function for file in files
               for part in re.split(r"^// -----.*$", file.read_text(), flags=re.M)
               for function in functions(part)]
    done = subprocess.run([opt, "--split-input-file", "--mlir-print-op-generic", "-"],
                          input=SEPARATOR.join(customs), capture_output=True, text=True)
    generics = done.stdout.split(SEPARATOR.strip()) # nothing for one that is refused
    assert len(generics) == len(customs)
    return [[t for t in TOKEN.findall(form) if not t.startswith("//")]
            for custom, generic in zip(customs, generics) if generic.strip()
            for form in (custom, generic)]


def mutated(rng, modules):
    tokens = list(rng.choice(modules))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.choice([i for i, t in enumerate(tokens) if not t.isspace()])
        kind = rng.randrange(6)
        if kind == 0:
            del tokens[at]
        elif kind == 1:
            tokens.insert(at, tokens[at] + " ")
        elif kind == 2:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif kind == 3:
            tokens[at] = rng.choice(rng.choice(modules))
        else:
            # Numbers, also those of shapes (one token: "3x16xf32").
            spots = [i for i, t in enumerate(tokens) if NUMBER.fullmatch(t) or SHAPE.fullmatch(t)]
            if spots:
                at = rng.choice(spots)
                numbers = list(NUMBER.finditer(tokens[at]))
                spot = rng.choice(numbers)
                tokens[at] = (tokens[at][:spot.start()] + rng.choice(NUMBERS)
                              + tokens[at][spot.end():])
        if not tokens:
            return " "
    return "".join(tokens)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("opt")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=150, help="modules to make")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=50, help="modules for one process")
    parser.add_argument("--pass", action="append", dest="passes", metavar="OPTION",
                        help="what to run on valid ones (default: canonicalize)")
    args = parser.parse_args()
    passes = args.passes or ["--canonicalize"]

    modules = corpus(args.opt, args.files)
    if not modules:
        sys.exit("error: no module in these files is valid")
    rng = random.Random(args.seed)
    crashes = refused = 0
    for start in range(0, args.count, args.batch):
        size = min(args.batch, args.count - start)
        batch = [mutated(rng, modules) for _ in range(size)]
        batch = [module for module in batch if not DEADLY_UPSTREAM.search(module)]
        errors = run(args.opt, ["--split-input-file", *passes], SEPARATOR.join(batch),
                     SECONDS_PER_MODULE * size)
        if errors is not None:
            refused += len(re.findall(r": error: ", errors))
            continue
        for module in batch:
            if run(args.opt, passes, module, SECONDS_PER_MODULE) is None:
                crashes += 1
                print(f"// crashes with {' '.join(passes)}:\n{module.strip()}{SEPARATOR}")
    print(f"{args.count} modules of seed {args.seed}: {refused} errors, {crashes} crashes",
          file=sys.stderr)
    # Mutations that nothing refuses would try nothing.
    return 1 if crashes or refused == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

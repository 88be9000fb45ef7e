# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Follows every constraint of every dialect from its words to its evidence.

The description of an op, attribute, type or dialect numbers its constraints:
`- (C1) ...`, `- (C2) ...`. Constraint 1 of `gather` is cited as `gather (C1)`

  - by a comment in a .cpp file of the dialect, at the line that enforces it;
  - by a comment in a .mlir file of test/dialect/<dialect>, in a part (between
    `// -----` lines) that expects an error.

Every op also has a summary, and an example unless it is in another op's. Usage:
check-labels.py ROOT. Prints `FILE: error: ...` and exits 1 if something is
missing, numbered wrongly, or cited without being there."""

import pathlib
import re
import sys

DEFINITION = re.compile(
    r"^def \w+\s*:\s*(?:Dialect\b|\w+_Op<\s*\"(?P<op>[\w.]+)\"|"
    r"\w+_(?:Attr|Type)<\s*\"\w+\",\s*\"(?P<mnemonic>[\w.]+)\")(?P<body>.*?)^}",
    re.M | re.S)
LABEL = re.compile(r"^ *- \(C(\d+)\) ", re.M)
CITATION = re.compile(r"\b([a-z_][\w.]*) \(C(\d+)\)")
COMMENT = re.compile(r"//.*")


def citations(text):
    """(op, number) of the labels that comments of `text` cite."""
    return {(op, int(number)) for comment in COMMENT.findall(text)
            for op, number in CITATION.findall(comment)}


def definitions(dialect):
    """(file, mnemonic, is an op, body) of each op, attribute and type of the
    folder, and of the dialect itself under its own name."""
    for file in sorted(dialect.glob("*.td")):
        for match in DEFINITION.finditer(file.read_text()):
            mnemonic = match["op"] or match["mnemonic"] or dialect.name
            yield file, mnemonic, bool(match["op"]), match["body"]


def check_dialect(root, dialect, error):
    labels = {}
    for file, mnemonic, is_op, body in definitions(dialect):
        where = file.relative_to(root)
        if "let summary" not in body:
            error(where, f"{mnemonic} has no summary")
        if is_op and "```mlir" not in body:
            error(where, f"{mnemonic} has no example")
        numbers = [int(n) for n in LABEL.findall(body)]
        if numbers != list(range(1, len(numbers) + 1)):
            error(where, f"the constraints of {mnemonic} are numbered {numbers}")
        for number in numbers:
            labels[mnemonic, number] = where
    if not labels:
        error(dialect.relative_to(root), "has no labelled constraint")

    enforced = {}
    for file in sorted(dialect.glob("*.cpp")):
        for label in citations(file.read_text()):
            enforced.setdefault(label, file.relative_to(root))
    tested = {}
    tests = root / "test" / "dialect" / dialect.name
    for file in sorted(tests.rglob("*.mlir")):
        for part in file.read_text().split("// -----"):
            for label in citations(part) if "expected-error" in part else ():
                tested.setdefault(label, file.relative_to(root))

    for (op, number), where in labels.items():
        if (op, number) not in enforced:
            error(where, f"no verifier line cites {op} (C{number})")
        if (op, number) not in tested:
            error(where, f"no negative test cites {op} (C{number})")
    for op, number in sorted((enforced.keys() | tested.keys()) - labels.keys()):
        file = enforced.get((op, number)) or tested[op, number]
        error(file, f"cites {op} (C{number}), which no description has")


def main(root):
    errors = []

    def error(where, what):
        errors.append(f"{where}: error: {what}")

    dialects = sorted({file.parent for file in (root / "dialect").glob("*/*.td")})
    if not dialects:
        error(root, "has no dialects")
    for dialect in dialects:
        check_dialect(root, dialect, error)
    for line in errors:
        print(line)
    return 1 if errors else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))

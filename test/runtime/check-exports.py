# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""check-exports.py NM LIBRARY HEADER: the library exports the functions that
the header declares, and nothing else."""

import re
import subprocess
import sys

nm, library, header = sys.argv[1:]
listing = subprocess.run(
    [nm, "-D", "--defined-only", library],
    check=True,
    capture_output=True,
    text=True,
).stdout
exported = {line.split()[-1] for line in listing.splitlines()}
with open(header) as file:
    text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
declared = set(re.findall(r"\b(hg[A-Z]\w*)\(", text))
failed = False
for name in sorted(exported - declared):
    print(f"exported, but not declared: {name}")
    failed = True
for name in sorted(declared - exported):
    print(f"declared, but not exported: {name}")
    failed = True
if not declared:
    print("the header declares nothing")
sys.exit(failed or not declared)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""check-labels.py misses nothing: each way to lose a constraint is reported."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).with_name("check-labels.py")

TD = """
def Toy_TakeOp : Toy_Op<"take", [Pure]> {
  let summary = "take";
  let description = [{
    - (C1) one.
    - (C2) two.

    ```mlir
    toy.take
    ```
  }];
}
def Toy_PlaceAttr : Toy_Attr<"Place", "place"> {
  let summary = "a place";
  let description = [{
    - (C1) three.
  }];
}
"""
CPP = "if (a) // take (C1)\n// take (C2)\n  return b; // place (C1)\n"
MLIR = """
// take (C1)
// expected-error {{one}}
// -----
// take (C2), place (C1)
// expected-error {{two, three}}
"""


def check(td=TD, cpp=CPP, mlir=MLIR):
    """Output of the check on a tree with one dialect."""
    files = {"dialect/toy/Toy.td": td, "dialect/toy/Toy.cpp": cpp, "test/dialect/toy/invalid.mlir": mlir}
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            file = pathlib.Path(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        done = subprocess.run([sys.executable, SCRIPT, root], capture_output=True, text=True)
        assert (done.returncode == 0) == (done.stdout == ""), done
        return done.stdout


class CheckLabels(unittest.TestCase):
    def test_complete(self):
        self.assertEqual(check(), "")

    def test_not_enforced(self):
        self.assertEqual(check(cpp=CPP.replace("// take (C1)", "")),
                         "dialect/toy/Toy.td: error: no verifier line cites take (C1)\n")

    def test_cited_in_code_alone(self):
        self.assertIn("no verifier line cites place (C1)",
                      check(cpp=CPP.replace("// place (C1)", "place (C1);")))

    def test_not_tested(self):
        self.assertEqual(check(mlir=MLIR.replace(", place (C1)", "")),
                         "dialect/toy/Toy.td: error: no negative test cites place (C1)\n")

    def test_tested_without_error(self):
        self.assertIn("no negative test cites take (C1)",
                      check(mlir=MLIR.replace("// expected-error {{one}}", "")))

    def test_cited_without_being_there(self):
        self.assertEqual(check(td=TD.replace("- (C2) two.", "")),
                         "dialect/toy/Toy.cpp: error: cites take (C2), which no description has\n")

    def test_numbers_with_a_gap(self):
        self.assertIn("the constraints of take are numbered [1, 3]",
                      check(td=TD.replace("(C2)", "(C3)")))

    def test_undocumented(self):
        self.assertIn("take has no summary", check(td=TD.replace('let summary = "take";', "")))
        self.assertIn("take has no example", check(td=TD.replace("```mlir", "```")))

    def test_nothing_to_check(self):
        self.assertIn("has no labelled constraint", check(td="", cpp="", mlir=""))


if __name__ == "__main__":
    unittest.main()

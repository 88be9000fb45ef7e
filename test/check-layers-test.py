# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""check-layers.py finds what it should, where it is, and nothing else."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).with_name("check-layers.py")


def check(files):
    """Exit code and output of the check on a tree of {path: text}."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            file = pathlib.Path(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        run = subprocess.run([sys.executable, SCRIPT, root], capture_output=True, text=True)
        return run.returncode, run.stdout


class CheckLayers(unittest.TestCase):
    def accepts(self, path, text):
        self.assertEqual(check({path: text}), (0, ""), path)

    def refuses(self, path, text, line, message):
        self.assertEqual(check({path: text}), (1, f"{path}:{line}: error: {message}\n"), path)

    def test_downward(self):
        self.accepts("include/headgate/Plan.h", '#include "headgate/Tensor.h"\n#include <map>\n')
        self.accepts("include/headgate/headgate.h", "#include <stdint.h>\n")
        self.accepts("lib/A.cpp", '#include "headgate/Plan.h"\n#include <nlohmann/json.hpp>\n')
        self.accepts("runtime/A.cpp", '#include "lib/A.h"\n#include <dlfcn.h>\n')
        self.accepts("dialect/x/X.td", 'include "mlir/IR/OpBase.td"\n')
        self.accepts("passes/A.cpp", '#include "dialect/x/X.h"\n#include "llvm/ADT/Twine.h"\n')
        self.accepts("tools/run.cpp", '#include "runtime/A.h"\n')
        self.accepts("tools/compiler/A.cpp", '#include "mlir/IR/Value.h"\n#include "passes/A.h"\n')
        self.accepts("test/lib/ATest.cpp", '#include "Beside.h"\n#include "lib/A.h"\n')

    def test_upward(self):
        self.refuses("include/headgate/A.h", '#include "lib/A.h"\n', 1, "include/ may not include lib/")
        self.refuses("lib/A.cpp", '#include "runtime/A.h"\n', 1, "lib/ may not include runtime/")
        self.refuses("runtime/A.h", '#include "dialect/x/X.h"\n', 1, "runtime/ may not include dialect/")
        self.refuses("dialect/x/X.td", '\ninclude "passes/P.td"\n', 2, "dialect/ may not include passes/")
        self.refuses("passes/A.cpp", '#include "tools/A.h"\n', 1, "passes/ may not include tools/")
        self.refuses("passes/A.cpp", '#include "runtime/A.h"\n', 1, "passes/ may not include runtime/")
        self.refuses("tools/run.cpp", '#include "passes/A.h"\n', 1, "tools/ may not include passes/")

    def test_nobody_includes_tests(self):
        self.refuses("lib/A.cpp", '#include "test/A.h"\n', 1, "lib/ may not include test/")
        self.refuses("tools/compiler/A.cpp", '#include "test/A.h"\n', 1,
                     "tools/compiler/ may not include test/")

    def test_no_mlir_below(self):
        for layer in ("include", "lib", "runtime", "tools"):
            for name in ("mlir", "llvm", "mlir-c", "llvm-c"):
                for text in (f'#include "{name}/A.h"', f"  #  include <{name}/A.h>"):
                    self.refuses(f"{layer}/A.h", text, 1, f"{layer}/ may not include {name}/")

    def test_installed_headers_are_plain(self):
        for name in ("nlohmann/json.hpp", "sys/types.h", "dlfcn.h"):
            self.refuses("include/headgate/A.h", f"#include <{name}>\n", 1,
                         f"<{name}> is no standard header: installed headers need nothing else")

    def test_includes_say_their_layer(self):
        self.refuses("lib/A.cpp", '#include "A.h"\n', 1,
                     '"A.h" does not say its layer: write its path from the root')

    def test_each_is_reported(self):
        code, output = check({
            "lib/A.cpp": '// "llvm/A.h"\n#include "mlir/A.h"\n#include <map>\n#include "llvm/A.h"\n',
            "lib/B.h": "",
            "runtime/C.c": '#include "passes/A.h"\n',
        })
        self.assertEqual(code, 1)
        self.assertEqual([line.split(": ")[0] for line in output.splitlines()],
                         ["lib/A.cpp:2", "lib/A.cpp:4", "runtime/C.c:1"])

    def test_an_empty_tree_is_no_success(self):
        self.assertEqual(check({})[0], 1)
        self.assertEqual(check({"lib/notes.txt": "nothing to check"})[0], 1)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Our side of host_attention.py: bundles and calls."""

import subprocess
import sys
from pathlib import Path

from attention_problems import inputs_of, module_text, output_of

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples"))
import headgate  # noqa: E402


class OurBundles:
    def __init__(self, build, scratch):
        self.build, self.scratch = build, scratch
        self.runtimes, self.paths = {}, {}

    def runtime(self, threads):
        if threads not in self.runtimes:
            self.runtimes[threads] = headgate.Device(
                f"host:threads={threads}",
                self.build / "lib" / "libheadgate.so")
        return self.runtimes[threads]

    def bundle(self, p):
        key = f"{p.kind}-{p.dtype}-{p.D}-{p.G}-{p.M}-{p.k}-{p.d}"
        if key not in self.paths:
            path = self.scratch / (key + ".hgb")
            subprocess.run(
                [self.build / "bin" / "headgate-compile", "-", "-o", path],
                input=module_text(p), text=True, check=True)
            self.paths[key] = path
        return self.paths[key]

    def prepare(self, p, t):
        """The function to time, and one that runs it and returns its result."""
        entry = self.runtime(p.threads).open(self.bundle(p))
        named = inputs_of(p, t)
        inputs = [named[name].contiguous() for name in entry.input_names]
        output = output_of(p, inputs[0])
        run = entry.bind(inputs, [output])

        def result():
            run()
            return output

        return run, result

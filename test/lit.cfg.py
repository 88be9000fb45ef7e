# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The tests that are written as MLIR or shell: every *.mlir and *.test below
# test/, except what lies in a folder Inputs (files that tests read) or goldens.
#
#   ninja -C build check-headgate                 builds the tools, runs all
#   lit -v build/test --filter dialect/routed     runs some
#
# Features for REQUIRES:  ptxas (PTXAS, on PATH, or in /usr/local/cuda/bin;
# also the substitution %ptxas).

import os
import shutil

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "headgate"
# The internal shell: the same on every machine, and it fails on any command.
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "goldens"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.headgate_build_dir, "test")

llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)
# A capture does not leak into the next CHECK-LABEL block unless it says so ($).
llvm_config.with_environment("FILECHECK_OPTS", "--enable-var-scope")

config.substitutions.append(("%source_dir", config.headgate_source_dir))
config.substitutions.append(("%tools_dir", config.headgate_tools_dir))
llvm_config.add_tool_substitutions(
    [
        "headgate-compile",
        "headgate-lsp-server",
        "headgate-opt",
        "headgate-ptx",
        "headgate-reduce",
        "headgate-run",
        "headgate-translate",
        "headgate-tune",
        ToolSubst("FileCheck", unresolved="fatal"),
        ToolSubst("split-file", unresolved="fatal"),
    ],
    [config.headgate_tools_dir, config.llvm_tools_dir],
)

ptxas = os.environ.get("PTXAS") or shutil.which(
    "ptxas", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/cuda/bin"])
)
if ptxas:
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", ptxas))

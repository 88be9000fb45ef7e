#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# From a fresh Debian 12 to a verified answer: installs what is missing, builds,
# compiles a GQE layer, runs it on .npy files, and compares its results with
# those of the official implementation of the paper, which were computed
# elsewhere in double precision and are stored in test/goldens.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '== %s\n' "$*"; }

say "packages"
tools/install-packages.sh

say "build (build/)"
cmake -G Ninja -S . -B build -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build --target headgate-compile headgate-run

say "compile examples/gqe_layer.mlir"
build/bin/headgate-compile examples/gqe_layer.mlir -o build/gqe_layer.hgb

say "run it and compare with stored results"
case=test/goldens/09_b2_bias_rope_layer
inputs=()
for file in "$case"/in.*.npy; do
  name=${file##*/in.}
  inputs+=("--input=${name%.npy}=@$file")
done
build/bin/headgate-run build/gqe_layer.hgb "${inputs[@]}" \
  --expected_output="y=@$case/out.y.npy" \
  --expected_output="aux=@$case/out.aux.npy" -v

say "done: the results agree"

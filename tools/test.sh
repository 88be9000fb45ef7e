#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Every test, from a clean clone: installs what is missing, builds with clang-22
# in Release (build/) and runs all of ctest; then the half that needs no LLVM
# under AddressSanitizer and UndefinedBehaviorSanitizer (build-runtime-asan/).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '== %s\n' "$*"; }
jobs=$(nproc)

# configure_build_test DIRECTORY CMAKE_OPTION...
configure_build_test() {
  local directory=$1
  shift
  cmake -G Ninja -S . -B "$directory" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_COMPILER=clang++-22 "$@" >/dev/null
  cmake --build "$directory" -j "$jobs"
  # Without tests ctest would say so and succeed.
  ctest --test-dir "$directory" -j "$jobs" --output-on-failure \
    --no-tests=error
}

say "packages"
tools/install-packages.sh

say "everything: build and test (build/)"
configure_build_test build -DHEADGATE_COMPILER=ON

say "without the compiler, with sanitizers (build-runtime-asan/)"
configure_build_test build-runtime-asan -DHEADGATE_COMPILER=OFF \
  -DHEADGATE_SANITIZE=address,undefined

say "done: all tests passed"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Installs what a build of everything needs, on Debian 12 (bookworm). Does
# nothing, and needs no root, when all of it is there. LLVM 22 comes from
# bookworm's security archive, which Debian has on by default.
#
#   tools/install-packages.sh            install what is missing
#   tools/install-packages.sh --missing  only print what is missing
set -euo pipefail

packages=(
  clang-22 lld-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  libclang-rt-22-dev
  cmake ninja-build g++ python3
  nlohmann-json3-dev libtbb-dev libcli11-dev libbenchmark-dev libgtest-dev
)

fail() {
  echo "error: $*" >&2
  exit 1
}

installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

command -v dpkg-query >/dev/null ||
  fail "this is not Debian; install the counterparts of: ${packages[*]}"

missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done
if [[ ${1:-} == --missing ]]; then
  ((${#missing[@]} == 0)) || printf '%s\n' "${missing[@]}"
  exit 0
fi
((${#missing[@]} > 0)) || exit 0

root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null ||
    fail "run as root, or install sudo: missing packages ${missing[*]}"
  root=(sudo)
fi
echo "installing ${missing[*]}" >&2
"${root[@]}" apt-get update -q >&2
# `env` and not an assignment: sudo would drop the variable.
"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -q --no-install-recommends "${missing[@]}" >&2 ||
  fail "apt-get could not install ${missing[*]}; LLVM 22 needs Debian 12 with" \
    "its security archive (deb http://deb.debian.org/debian-security" \
    "bookworm-security main)"

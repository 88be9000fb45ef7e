# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The half that knows no LLVM must link none of it, in any build.

  python3 check-no-llvm.py READELF NM FILE...
"""
import re
import subprocess
import sys


def output(*command):
    return subprocess.run(command, capture_output=True, text=True,
                          check=True).stdout


def main(readelf, nm, *files):
    wrong = []
    for file in files:
        needed = re.findall(r'NEEDED.*\[(.*)\]', output(readelf, '-d', file))
        if not needed:
            wrong.append(f'{file}: no dynamic section to check')
        wrong += [f'{file} needs {name}' for name in needed
                  if re.search(r'LLVM|MLIR', name)]
        symbols = output(nm, file) + output(nm, '-D', file)
        wrong += [f'{file} has {name}'
                  for name in sorted(set(re.findall(
                      r'\b_ZNK?(?:4llvm|4mlir)\w*', symbols)))[:5]]
    print('\n'.join(wrong))
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))

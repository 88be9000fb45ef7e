# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the commands of README.md that use what was built, as they are written.

  readme_commands.py SOURCE_DIR BIN_DIR
"""
import os
import re
import subprocess
import sys
import tempfile


def blocks(text):
    """The ```sh blocks that call a tool or an example."""
    found = re.findall(r'^```sh\n(.*?)^```', text, re.M | re.S)
    return [b for b in found if re.search(r'^(build/bin/|python3 examples/)', b, re.M)]


def main(source, binaries):
    with open(os.path.join(source, 'README.md'), encoding='utf-8') as file:
        commands = blocks(file.read())
    # A folder in which the reader's paths hold and what is written is ours.
    with tempfile.TemporaryDirectory() as clone:
        for name in ('examples', 'test'):
            os.symlink(os.path.join(source, name), os.path.join(clone, name))
        os.mkdir(os.path.join(clone, 'build'))
        os.symlink(binaries, os.path.join(clone, 'build', 'bin'))
        for block in commands:
            done = subprocess.run(['bash', '-euo', 'pipefail', '-c', block], cwd=clone,
                                  stdin=subprocess.DEVNULL, timeout=300, check=False,
                                  env=os.environ | {'PYTHONDONTWRITEBYTECODE': '1'})
            if done.returncode != 0:
                print('error: exit code %d from README.md:\n%s' % (done.returncode, block),
                      file=sys.stderr)
                return 1
    print('%d blocks of commands ran' % len(commands))
    return 0 if commands else 1


if __name__ == '__main__':
    sys.exit(main(*map(os.path.abspath, sys.argv[1:])))

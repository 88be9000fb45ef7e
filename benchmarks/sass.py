# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The main loop of a kernel in SASS: what the hardware issues for one turn.

A loop is a jump back and the shortest way from where it goes to the jump: code
that a turn may leave out, such as a mask's, is left out, wherever it lies. The
main loop is the one with the most HMMA on that way.
"""
import collections
import os
import re
import shutil
import subprocess

INSTRUCTION = re.compile(
    r'/\*[0-9a-f]{4,}\*/\s+(?:@(?P<not>!?)U?P(?P<predicate>\w+)\s+)?(?P<op>[A-Z][\w.]*)(?P<rest>.*)')
LABEL = re.compile(r'^\s*(\.L_\w+):')
TARGET = re.compile(r'`\((\.L_\w+)\)')

Instruction = collections.namedtuple('Instruction', 'op conditional target')
Loop = collections.namedtuple('Loop', 'instructions hmma mix')


class NoLoop(Exception):
    """The code has no loop with HMMA."""


def parse(text):
    """Instructions in order, and where each label is."""
    code, labels = [], {}
    for line in text.splitlines():
        label = LABEL.match(line)
        if label:
            labels[label[1]] = len(code)
            continue
        found = INSTRUCTION.search(line)
        if not found:
            continue
        target = TARGET.search(found['rest'])
        conditional = found['predicate'] is not None and found['predicate'] != 'T'
        code.append(Instruction(found['op'], conditional, target and target[1]))
    return code, labels


def successors(code, labels, i):
    op = code[i].op.split('.')[0]
    jumps = op in ('BRA', 'CALL') and code[i].target in labels
    # ptxas leaves loops by calls that never return; one that does goes on.
    falls = not (op in ('BRA', 'EXIT', 'RET') and not code[i].conditional)
    if jumps:
        yield labels[code[i].target]
    if falls and i + 1 < len(code):
        yield i + 1


def shortest(code, labels, begin, end):
    """The fewest instructions from `begin` to `end`, both of them included."""
    before, queue = {begin: None}, collections.deque([begin])
    while queue:
        i = queue.popleft()
        if i == end:
            way = []
            while i is not None:
                way.append(i)
                i = before[i]
            return way[::-1]
        for j in successors(code, labels, i):
            if j not in before:
                before[j] = i
                queue.append(j)
    return []


def main_loop(text):
    code, labels = parse(text)
    best = None
    for i, instruction in enumerate(code):
        begin = labels.get(instruction.target, i + 1)
        if instruction.op.split('.')[0] != 'BRA' or begin > i:
            continue
        way = shortest(code, labels, begin, i)
        mix = collections.Counter(code[j].op.split('.')[0] for j in way)
        if mix['HMMA'] and (best is None or mix['HMMA'] > best.hmma):
            best = Loop(len(way), mix['HMMA'], mix)
    if best is None:
        raise NoLoop('the code has no loop with HMMA')
    return best


def find_nvdisasm():
    """The path of nvdisasm, or None."""
    named = os.environ.get('TRITON_NVDISASM_PATH')
    home = os.environ.get('CUDA_HOME')
    for path in (named, home and os.path.join(home, 'bin', 'nvdisasm'),
                 shutil.which('nvdisasm'), '/usr/local/cuda/bin/nvdisasm'):
        if path and os.access(path, os.X_OK):
            return path
    return None


def disassemble(nvdisasm, cubin):
    return subprocess.run([nvdisasm, '-c', cubin], check=True, capture_output=True,
                          text=True, timeout=60).stdout

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds out which tiles of sm_80 ptxas keeps in registers, and writes the table
that lib/GpuTiles.cpp has.

  gpu_tiles.py --bin=build/bin            compares: exit code 3 if the table differs
  gpu_tiles.py --bin=build/bin --write    writes it
  gpu_tiles.py --bin=build/bin --largest=80,128
                                          assembles only the largest tiles of these
                                          widths: exit code 3 if one spills

Assembles attentions and a projection for each number of rows of a warp, width of
heads, and keys or columns, of 4 warps and 1 stage, up to the first tile that spills;
then, from the largest that does not downwards, attentions of other warps and stages,
which may need a few registers more, until none of them spills. Attentions are of
kinds (TileKind of lib/GpuTiles.h), and that which costs few registers is in all
kinds but the first: chosen experts, some of them holes, bounds of each sequence, a
window. One exception: two row tiles of a dense attention, 128 wide, of 64 keys may
spill 64 bytes, a seventh of what FlashAttention-2's kernel does. --csv=FILE keeps
registers and spills, of the worst.

Needs ptxas (--ptxas, TRITON_PTXAS_PATH, CUDA_HOME, PATH); exit code 4 without.
"""
import argparse
import concurrent.futures
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLE = os.path.join(ROOT, 'lib', 'GpuTiles.cpp')
WIDTHS = range(16, 257, 16)
STEPS = range(16, 129, 16)
ROW_TILES = (1, 2)
# Warps and stages: those that decide first, and the others.
FORM = (4, 1)
OTHER_FORMS = ((4, 2), (4, 3), (1, 1), (1, 3), (2, 1), (8, 1), (8, 3))

# Of TileKind, in its order: what a kernel has, and the width of its heads less
# than a multiple of 16.
KINDS = {
    'dense': ('', 0),
    'routed': ('routed', 0),
    'merged': ('routed merged', 0),
    'masked': ('routed mask', 0),
    'mergedMasked': ('routed merged mask', 0),
    'narrow': ('routed merged mask', 2),
    'scored': ('routed merged mask score', 2),
}

# A soft cap, as a score region.
SCORE = """ score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index, %j: index):
    %cap = arith.constant 50.0 : f32
    %part = arith.divf %a, %cap : f32
    %bent = math.tanh %part : f32
    %capped = arith.mulf %bent, %cap : f32
    routed.yield %capped
  }"""
DENSE = """  %r, %lse = routed.attend %qt, %kt, %vt causal : tensor<?x?x8xDxbf16>, tensor<?x?x8xDxbf16>, tensor<?x?x8xDxbf16>
"""
ROUTED = """  %g = routed.gather %qt[%et] : tensor<?x?x2x4xDxbf16>, tensor<?x?x2x2xi32>
  %r, %lse = routed.attend %g, %kt, %vt causal window 77 kv_start(%beginst : tensor<?xi32>)
      kv_len(%endst : tensor<?xi32>) q_len(%countst : tensor<?xi32>) experts(%et of 4 : tensor<?x?x2x2xi32>)MASK
      : tensor<?x?x2x2xDxbf16>, tensor<?x?x2xDxbf16>, tensor<?x?x2xDxbf16>SCORE
"""
GEMM = """#x = affine_map<(b, s, n, k) -> (b, s, k)>
#w = affine_map<(b, s, n, k) -> (n, k)>
#y = affine_map<(b, s, n, k) -> (b, s, n)>
func.func @kernel(%x: memref<?x?x512xbf16> {headgate.dims = ["B", "S", 512]},
    %w: memref<512x512xbf16> {headgate.dims = [512, 512]},
    %y: memref<?x?x512xbf16> {headgate.dims = ["B", "S", 512], headgate.output})
    attributes {headgate.kernel = "gemm", headgate.tokens = ["B", "S"], tile.schedule = #tile.schedule<SCHEDULE>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %0 = bufferization.to_tensor %x restrict : memref<?x?x512xbf16> to tensor<?x?x512xbf16>
  %1 = bufferization.to_tensor %w restrict : memref<512x512xbf16> to tensor<512x512xbf16>
  %B = memref.dim %x, %c0 : memref<?x?x512xbf16>
  %S = memref.dim %x, %c1 : memref<?x?x512xbf16>
  %empty = tensor.empty(%B, %S) : tensor<?x?x512xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x?x512xf32>) -> tensor<?x?x512xf32>
  %2 = linalg.contract indexing_maps = [#x, #w, #y] ins(%0, %1 : tensor<?x?x512xbf16>, tensor<512x512xbf16>) outs(%init : tensor<?x?x512xf32>) -> tensor<?x?x512xf32>
  %3 = arith.truncf %2 : tensor<?x?x512xf32> to tensor<?x?x512xbf16>
  bufferization.materialize_in_destination %3 in restrict writable %y : (tensor<?x?x512xbf16>, memref<?x?x512xbf16>) -> ()
  return
}
"""
PASSES = ['--headgate-lower-routed-to-tile', '--headgate-lower-linalg-to-tile', '--canonicalize',
          '--cse', '--headgate-gpu-tiles-to-nvvm-pipeline=target=sm_80']


class Failure(Exception):
    """What a program said that this one cannot go on with."""


def call(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure('%s\n%s' % (' '.join(words), done.stderr))
    return done.stderr


def find_ptxas(given):
    home = os.environ.get('CUDA_HOME')
    for path in (given, os.environ.get('TRITON_PTXAS_PATH'), home and home + '/bin/ptxas',
                 shutil.which('ptxas')):
        if path and os.access(path, os.X_OK):
            return path
    return None


def assemble(options, text):
    """(registers, bytes of spill stores) of the module's kernel."""
    with tempfile.TemporaryDirectory() as folder:
        place = lambda end: os.path.join(folder, 'kernel' + end)
        with open(place('.mlir'), 'w', encoding='utf-8') as file:
            file.write(text)
        call(os.path.join(options.bin, 'headgate-opt'), place('.mlir'), '-o', place('.nvvm'),
             *PASSES)
        call(os.path.join(options.bin, 'headgate-translate'), '--mlir-to-ptx', place('.nvvm'),
             '-o', place('.ptx'))
        words = call(options.ptxas, '-v', '-arch=sm_80', place('.ptx'), '-o', place('.cubin'))
    registers = re.search(r'Used (\d+) registers', words)
    spills = re.search(r'(\d+) bytes spill stores', words)
    return int(registers[1]), int(spills[1])


def attend_text(kind, D, schedule):
    """An "attend" kernel on buffers."""
    has, _ = KINDS[kind]
    heads, key_heads, query = ([8], 8, [8]) if not has else ([2, 2], 2, [2, 4])
    inputs = [('q', ['"B"', '"S"', *query, D], 'bf16'),
              ('k', ['"B"', '"T"', key_heads, D], 'bf16'),
              ('v', ['"B"', '"T"', key_heads, D], 'bf16')]
    if has:
        inputs.append(('e', ['"B"', '"S"', 2, 2], 'i32'))
        inputs += [(name, ['"B"'], 'i32') for name in ('begins', 'ends', 'counts')]
    if 'mask' in has:
        inputs.append(('m', ['"B"', '"S"', '"T"'], 'i1'))
    outputs = [('o', ['"B"', '"S"', *heads, D], 'bf16'), ('l', ['"B"', '"S"', *heads], 'f32')]

    def shape(dims, element):
        return 'x'.join([*('?' if isinstance(dim, str) else str(dim) for dim in dims), element])

    arguments = ['%%%s: memref<%s> {headgate.dims = [%s]%s}'
                 % (name, shape(dims, element), ', '.join(map(str, dims)), output)
                 for tensors, output in ((inputs, ''), (outputs, ', headgate.output'))
                 for name, dims, element in tensors]
    body = ['  %%%st = bufferization.to_tensor %%%s restrict : memref<%s> to tensor<%s>\n'
            % (name, name, shape(dims, element), shape(dims, element))
            for name, dims, element in inputs]
    body.append((ROUTED if has else DENSE).replace('xDx', 'x%dx' % D)
                .replace('MASK', ' mask(%mt : tensor<?x?x?xi1>)' if 'mask' in has else '')
                .replace('SCORE', SCORE if 'score' in has else ''))
    for value, (name, dims, element) in zip(('r', 'lse'), outputs):
        body.append('  bufferization.materialize_in_destination %%%s in restrict writable %%%s '
                    ': (tensor<%s>, memref<%s>) -> ()\n'
                    % (value, name, shape(dims, element), shape(dims, element)))
    return ('func.func @kernel(%s) attributes {headgate.kernel = "attend", headgate.tokens = '
            '["B", "S"], tile.schedule = #tile.schedule<%s>} {\n%s  return\n}\n'
            % (', '.join(arguments), schedule, ''.join(body)))


def attend(options, kind, tiles, width, keys, form=FORM):
    has, missing = KINDS[kind]
    warps, stages = form
    schedule = 'rows = %d, keys = %d, %swarps = %d, stages = %d' % (
        16 * tiles * warps, keys, 'merge = true, ' * ('merged' in has), warps, stages)
    return assemble(options, attend_text(kind, width - missing, schedule))


def gemm(options, tiles, cols):
    schedule = ('rows = %d, cols = %d, depth = 32, warps = 4, stages = 3'
                % (16 * tiles * 4, cols))
    return assemble(options, GEMM.replace('SCHEDULE', schedule))


def is_kept(row, step, spills):
    return spills <= (64 if (row, step) == (('dense', 2, 128), 64) else 0)


def worst(options, row, step, forms):
    """(registers, spills) of the attention of these forms that spills most."""
    return max((attend(options, *row, step, form) for form in forms),
               key=lambda result: result[1])


def sweep(options):
    """Rows of the table, (kind or "gemm", row tiles, width), with (registers,
    spills) of each step up to one that spills."""
    rows = [(kind, tiles, width) for kind in KINDS for tiles in ROW_TILES for width in WIDTHS]
    rows += [('gemm', tiles, 0) for tiles in ROW_TILES]

    def run(row):
        kind, tiles, width = row
        results = {}
        for step in STEPS:
            results[step] = (gemm(options, tiles, step) if kind == 'gemm' else
                             attend(options, kind, tiles, width, step))
            if not is_kept(row, step, results[step][1]):
                break
        for step in sorted(results, reverse=True) if kind != 'gemm' else ():
            if is_kept(row, step, results[step][1]):
                results[step] = worst(options, row, step, OTHER_FORMS)
                if is_kept(row, step, results[step][1]):
                    break
        return results

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        return dict(zip(rows, pool.map(run, rows)))


def with_table(text, results):
    """lib/GpuTiles.cpp with these results."""
    def most(*row):
        return max((step for step, (_, spills) in results[row].items()
                    if is_kept(row, step, spills)), default=0)

    lines = []
    for kind in KINDS:
        lines.append('    // %s' % kind)
        lines += ['    %s{%s}%s,' % ('{' * (tiles == ROW_TILES[0]),
                                     ', '.join(str(most(kind, tiles, width)) for width in WIDTHS),
                                     '}' * (tiles == ROW_TILES[-1])) for tiles in ROW_TILES]
    text = re.sub(r'(keysOf\[\]\[2\]\[16\] = \{\n).*?(\n\};)',
                  lambda m: m[1] + '\n'.join(lines) + m[2], text, flags=re.S)
    cols = ', '.join(str(most('gemm', tiles, 0)) for tiles in ROW_TILES)
    return re.sub(r'(colsOf\[2\] = \{).*?(\};)', lambda m: m[1] + cols + m[2], text)


def check_largest(options):
    """Whether the table's largest tiles of some widths are kept."""
    with open(TABLE, encoding='utf-8') as file:
        table = re.search(r'keysOf\[\]\[2\]\[16\] = \{\n(.*?)\n\};', file.read(), flags=re.S)[1]
    lines = re.findall(r'\{([\d,\s]+)\}', table)
    rows = [(kind, tiles) for kind in KINDS for tiles in ROW_TILES]
    if len(lines) != len(rows):
        raise Failure('%s has %d rows of tiles, not %d' % (TABLE, len(lines), len(rows)))
    tiles = [(*row, width, int(line.split(',')[width // 16 - 1]))
             for row, line in zip(rows, lines) for width in options.largest]
    tiles = [tile for tile in tiles if tile[-1]]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(
            lambda tile: worst(options, tile[:-1], tile[-1], (FORM, *OTHER_FORMS)), tiles))
    spilling = [(tile, spills) for tile, (_, spills) in zip(tiles, results)
                if not is_kept(tile[:-1], tile[-1], spills)]
    for (kind, row_tiles, width, keys), spills in spilling:
        print('%s, %d rows of a warp, %d wide, %d keys: %d bytes spilled'
              % (kind, 16 * row_tiles, width, keys, spills))
    return 3 if spilling else 0


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--bin', required=True, help='where headgate-opt and headgate-translate are')
    p.add_argument('--ptxas')
    p.add_argument('--write', action='store_true')
    p.add_argument('--largest', metavar='WIDTH,...',
                   type=lambda text: [int(width) for width in text.split(',')])
    p.add_argument('--csv')
    p.add_argument('-j', '--jobs', type=int, default=os.cpu_count())
    options = p.parse_args()
    options.ptxas = find_ptxas(options.ptxas)
    if not options.ptxas:
        print('ptxas is not on this machine', file=sys.stderr)
        return 4
    try:
        if options.largest:
            return check_largest(options)
        results = sweep(options)
    except Failure as failure:
        print('error: %s' % failure, file=sys.stderr)
        return 1
    if options.csv:
        with open(options.csv, 'w', newline='', encoding='utf-8') as file:
            rows = csv.writer(file)
            rows.writerow(['kind', 'row tiles', 'width', 'keys or columns', 'registers',
                           'spill bytes'])
            rows.writerows((*row, step, *result) for row, steps in results.items()
                           for step, result in steps.items())
    with open(TABLE, encoding='utf-8') as file:
        old = file.read()
    new = with_table(old, results)
    if options.write:
        with open(TABLE, 'w', encoding='utf-8') as file:
            file.write(new)
    elif new.split() != old.split():  # however lines are broken
        print('lib/GpuTiles.cpp differs from what ptxas keeps: --write', file=sys.stderr)
        return 3
    return 0


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds out which tiles of sm_80 ptxas keeps in registers, and writes the table
that lib/GpuTiles.cpp has.

  gpu_tiles.py --bin=build/bin            compares: exit code 3 if the table differs
  gpu_tiles.py --bin=build/bin --write    writes it

Assembles a causal attention with lse and a projection for each number of rows of
a warp, width of heads, and keys or columns, beyond what lib/Schedule allows. A
tile is in the table if it and all smaller ones of its kind have no spill stores.
One exception: two row tiles, 128 wide, of 64 keys may spill 64 bytes, a seventh
of what FlashAttention-2's kernel does. --csv=FILE keeps registers and spills.

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
WARPS = 4

ATTEND = """func.func @kernel(%q: memref<?x?x8xDxbf16> {headgate.dims = ["B", "S", 8, D]},
    %k: memref<?x?x8xDxbf16> {headgate.dims = ["B", "T", 8, D]},
    %v: memref<?x?x8xDxbf16> {headgate.dims = ["B", "T", 8, D]},
    %o: memref<?x?x8xDxbf16> {headgate.dims = ["B", "S", 8, D], headgate.output},
    %l: memref<?x?x8xf32> {headgate.dims = ["B", "S", 8], headgate.output})
    attributes {headgate.kernel = "attend", headgate.tokens = ["B", "S"], tile.schedule = #tile.schedule<SCHEDULE>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x8xDxbf16> to tensor<?x?x8xDxbf16>
  %1 = bufferization.to_tensor %k restrict : memref<?x?x8xDxbf16> to tensor<?x?x8xDxbf16>
  %2 = bufferization.to_tensor %v restrict : memref<?x?x8xDxbf16> to tensor<?x?x8xDxbf16>
  %3, %lse = routed.attend %0, %1, %2 causal : tensor<?x?x8xDxbf16>, tensor<?x?x8xDxbf16>, tensor<?x?x8xDxbf16>
  bufferization.materialize_in_destination %3 in restrict writable %o : (tensor<?x?x8xDxbf16>, memref<?x?x8xDxbf16>) -> ()
  bufferization.materialize_in_destination %lse in restrict writable %l : (tensor<?x?x8xf32>, memref<?x?x8xf32>) -> ()
  return
}
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
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
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


def attend(options, tiles, width, keys):
    schedule = 'rows = %d, keys = %d, warps = %d, stages = 1' % (16 * tiles * WARPS, keys, WARPS)
    text = ATTEND.replace('xDx', 'x%dx' % width).replace(', D]', ', %d]' % width)
    return assemble(options, text.replace('SCHEDULE', schedule))


def gemm(options, tiles, cols):
    schedule = ('rows = %d, cols = %d, depth = 32, warps = %d, stages = 3'
                % (16 * tiles * WARPS, cols, WARPS))
    return assemble(options, GEMM.replace('SCHEDULE', schedule))


def is_kept(tiles, width, step, spills):
    return spills <= (64 if (tiles, width, step) == (2, 128, 64) else 0)


def most(results, tiles, width):
    """The largest step up to which no tile spills."""
    largest = 0
    for step in STEPS:
        if not is_kept(tiles, width, step, results[tiles, width, step][1]):
            break
        largest = step
    return largest


def sweep(options):
    """(registers, spills) by tiles, width (0: a projection) and keys or columns."""
    shapes = [(tiles, width, step) for tiles in ROW_TILES for width in (0, *WIDTHS)
              for step in STEPS]

    def run(shape):
        tiles, width, step = shape
        return attend(options, *shape) if width else gemm(options, tiles, step)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        return dict(zip(shapes, pool.map(run, shapes)))


def with_table(text, results):
    """lib/GpuTiles.cpp with these results."""
    lines = ['    {%s},' % ', '.join(str(most(results, tiles, width)) for width in WIDTHS)
             for tiles in ROW_TILES]
    text = re.sub(r'(keysOf\[2\]\[16\] = \{\n).*?(\n\};)',
                  lambda m: m[1] + '\n'.join(lines) + m[2], text, flags=re.S)
    cols = ', '.join(str(most(results, tiles, 0)) for tiles in ROW_TILES)
    return re.sub(r'(colsOf\[2\] = \{).*?(\};)', lambda m: m[1] + cols + m[2], text)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--bin', required=True, help='where headgate-opt and headgate-translate are')
    p.add_argument('--ptxas')
    p.add_argument('--write', action='store_true')
    p.add_argument('--csv')
    p.add_argument('-j', '--jobs', type=int, default=os.cpu_count())
    options = p.parse_args()
    options.ptxas = find_ptxas(options.ptxas)
    if not options.ptxas:
        print('ptxas is not on this machine', file=sys.stderr)
        return 4
    try:
        results = sweep(options)
    except Failure as failure:
        print('error: %s' % failure, file=sys.stderr)
        return 1
    if options.csv:
        with open(options.csv, 'w', newline='', encoding='utf-8') as file:
            rows = csv.writer(file)
            rows.writerow(['row tiles', 'width', 'keys or columns', 'registers', 'spill bytes'])
            rows.writerows((*shape, *result) for shape, result in results.items())
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

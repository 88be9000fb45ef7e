# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the bundle that the tests beside it run, around the library of kernels.cpp.

Entries:
  mix    x [S,3] f32, keep [S] i1, shift [S] i32, scale f32 -> y [S,3] f32, n i32
         y = keep ? x * scale + shift : 0, and n counts the kept rows
  echo_T x [S,3] T -> y [S,3] T, a copy, for every dtype T
  part   x [S] f32 -> y [S] f32, n [S] i8: all ones and all -1; variant
         `part.hole` leaves out the last two of each
"""
import hashlib
import json
import os
import shutil

WIDTHS = {'f32': 4, 'f16': 2, 'bf16': 2, 'f64': 8, 'i8': 1, 'i16': 2, 'i32': 4,
          'i64': 8, 'u8': 1, 'i1': 1}


def tensor(name, dtype, *shape):
    return {'name': name, 'dtype': dtype, 'shape': list(shape)}


def entry(name, inputs, outputs, kernel, arguments):
    return {'name': name, 'dims': {'S': [0, 1000000]}, 'inputs': inputs,
            'outputs': outputs, 'temporaries': [],
            'steps': [{'kernel': kernel, 'with': arguments}]}


def variant(name, symbol, arguments):
    return {'id': name, 'image': 'host', 'schedule': {},
            'launches': [{'symbol': symbol, 'grid': ['1', '1', '1'],
                          'arguments': arguments}]}


def kernel(name, parameters, variants):
    return {'name': name, 'ir': 'sha256:' + '0' * 64, 'problem': {'op': name},
            'parameters': parameters, 'bucket': [], 'variants': variants,
            'defaults': {'host': [v['id'] for v in variants]}}


def plan(image):
    mix = ['x', 'keep', 'shift', 'scale', 'y', 'n', 'S', 'N']
    part = [variant('part.full', 'hg_part', ['y', 'n', 'S', {'i32': '0'}]),
            variant('part.hole', 'hg_part', ['y', 'n', 'S', {'i32': 'min(S,2)'}])]
    kernels = [
        kernel('copy', ['x:ptr', 'y:ptr', 'bytes:i64'],
               [variant('copy.0', 'hg_copy', ['x', 'y', 'bytes'])]),
        kernel('early', ['x:ptr', 'y:ptr', 'bytes:i64'],
               [variant('early.0', 'hg_early', ['x', 'y', 'bytes'])]),
        kernel('mix', [p + ':ptr' for p in mix[:6]] + ['S:i32', 'N:i32'],
               [variant('mix.0', 'hg_mix', mix)]),
        kernel('part', ['y:ptr', 'n:ptr', 'S:i32'], part)]
    entries = [entry(
        'mix',
        [tensor('x', 'f32', 'S', 3), tensor('keep', 'i1', 'S'),
         tensor('shift', 'i32', 'S'), tensor('scale', 'f32')],
        [tensor('y', 'f32', 'S', 3), tensor('n', 'i32')], 'mix',
        {**{p: p for p in mix[:6]}, 'S': 'S', 'N': '3'})]
    for dtype, width in WIDTHS.items():
        entries.append(entry(
            'echo_' + dtype, [tensor('x', dtype, 'S', 3)],
            [tensor('y', dtype, 'S', 3)], 'copy',
            {'x': 'x', 'y': 'y', 'bytes': 'S*%d' % (3 * width)}))
    entries.append(entry(
        'part', [tensor('x', 'f32', 'S')],
        [tensor('y', 'f32', 'S'), tensor('n', 'i8', 'S')], 'part',
        {'y': 'y', 'n': 'n', 'S': 'S'}))
    return {'format': 'headgate.plan', 'version': 1,
            'producer': {'headgate': 'test'}, 'images': [image],
            'kernels': kernels, 'entries': entries}


def write(directory, library, only=None):
    """Writes the bundle; with `only` it has that entry alone."""
    with open(library, 'rb') as file:
        code = file.read()
    digest = hashlib.sha256(code).hexdigest()
    name = 'kernels/host-%s.so' % digest[:8]
    os.makedirs(os.path.join(directory, 'kernels'))
    shutil.copy(library, os.path.join(directory, name))
    text = plan({'id': 'host', 'target': 'host:x86-64', 'needs': [],
                 'forms': [{'kind': 'so', 'file': name, 'bytes': len(code),
                            'sha256': digest}]})
    if only:
        text['entries'] = [e for e in text['entries'] if e['name'] == only]
    with open(os.path.join(directory, 'plan.json'), 'w') as file:
        json.dump(text, file, indent=1)
    return os.path.join(directory, name)

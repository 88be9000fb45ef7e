# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A bundle for sm_80 that tests write themselves: attention (fa2-sm80.ptx of the
simulator's tests) and a kernel of two launches, one of them of three warps."""
import hashlib
import json
import pathlib

SPLIT = """.version 7.0
.target sm_80
.address_size 64
.visible .entry part_split(
\t.param .u64 part_split_param_0,
\t.param .u64 part_split_param_1,
\t.param .u32 part_split_param_2,
\t.param .u32 part_split_param_3,
\t.param .f32 part_split_param_4,
\t.param .u64 part_split_param_5
)
.reqntid 96
{
\tret;
}
"""
JOIN = """.version 7.0
.target sm_80
.address_size 64
.visible .entry part_join(
\t.param .u64 part_join_param_0,
\t.param .u64 part_join_param_1,
\t.param .u32 part_join_param_2
)
.reqntid 32
{
\tret;
}
"""


def plan(ptx_directory):
    """The plan, and the text of each image in it."""
    fa2 = (pathlib.Path(ptx_directory) / 'fa2-sm80.ptx').read_text()
    texts = {'attend.0': fa2, 'part.0': SPLIT, 'part.0.join': JOIN}
    kernels = [
        {'name': 'attend',
         'parameters': ['q:ptr:16', 'k:ptr:16', 'v:ptr:16', 'o:ptr', 'lse:ptr',
                        'N:i32', 'S:i32'],
         'variants': [
             {'id': 'attend.0', 'image': 'attend.0', 'schedule': {'rows': 64},
              'launches': [
                  {'symbol': 'fa2', 'grid': ['cdiv(S,64)', 'N', '1'],
                   'block': 128, 'sharedBytes': 40960,
                   'arguments': ['q', 'k', 'v', 'o', 'lse', 'S',
                                 {'f32': 0.180336878}, {'i32': 1}]}]}],
         'defaults': {'sm_80': ['attend.0']}},
        {'name': 'part',
         'parameters': ['x:ptr', 'y:ptr:16', 'N:i32', 'S:i32', 'x.s:i64'],
         'variants': [
             {'id': 'part.0', 'image': 'part.0', 'when': 'S < 64',
              'workspaceBytes': 'align(4*N*S, 256)',
              'launches': [
                  {'symbol': 'part_split', 'grid': ['(S-70)/8+9', 'N%5+1', '1'],
                   'block': 96, 'sharedBytes': 65536,
                   'arguments': ['x', 'workspace', 'S', {'i32': 'min(N,7)*S'},
                                 {'f32': '-inf'}, 'x.s']},
                  {'symbol': 'part_join', 'image': 'part.0.join',
                   'grid': ['N', '1', '1'], 'block': 32,
                   'arguments': ['workspace', 'y', 'S']}]}],
         'defaults': {'sm_80': ['part.0']}}]
    entry = {
        'name': 'layer', 'dims': {'N': [0, 64], 'S': [0, 4096]},
        'inputs': [{'name': n, 'dtype': 'bf16', 'shape': ['N', 'S', 64]}
                   for n in 'qkv'],
        'outputs': [{'name': 'o', 'dtype': 'f32', 'shape': ['N', 'S', 64]},
                    {'name': 'y', 'dtype': 'f16', 'shape': ['N', 'S', 64]}],
        'temporaries': [{'name': 'lse', 'bytes': 'N*S*4', 'live': [0, 1]}],
        'steps': [
            {'kernel': 'attend',
             'with': {'q': 'q', 'k': 'k', 'v': 'v', 'o': 'o', 'lse': 'lse',
                      'N': 'N', 'S': 'S'}},
            {'kernel': 'part',
             'with': {'x': 'lse', 'y': 'y', 'N': 'N', 'S': 'S', 'x.s': 'S*64'}}]}
    return {'format': 'headgate.plan', 'version': 1, 'images': [],
            'kernels': kernels, 'entries': [entry]}, texts


def write(path, plan, texts, cubins={}):
    """Writes the bundle `path`."""
    path = pathlib.Path(path)
    (path / 'kernels').mkdir(parents=True)
    plan['images'] = []
    for image, text in texts.items():
        image = {'id': image, 'target': 'sm_80', 'forms': []}
        files = [('ptx', text.encode())]
        if image['id'] in cubins:
            files.append(('cubin', cubins[image['id']]))
        for kind, data in files:
            file = f"kernels/{image['id']}.{kind}"
            (path / file).write_bytes(data)
            form = {'kind': kind, 'file': file, 'bytes': len(data),
                    'sha256': hashlib.sha256(data).hexdigest()}
            image['forms'].append(form | ({'isa': '7.0'} if kind == 'ptx' else {}))
        plan['images'].append(image)
    (path / 'plan.json').write_text(json.dumps(plan))
    return path

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Instructions that the main loop of an attention issues per HMMA, beside
FlashAttention-2's own kernel for the same tile.

  gpu_loop.py --compile=build/bin/headgate-compile

No GPU is needed, but ptxas and nvdisasm are (CUDA_HOME, PATH, or those of the
triton wheel in TRITON_PTXAS_PATH and TRITON_NVDISASM_PATH). FlashAttention-2's
figures are of its commit 0251105a, Flash_fwd_kernel_traits<D, rows, keys, 4>,
causal, even in neither direction, built by nvcc 13.0 for sm_80: its loop without
a mask, counted in the same way, with the copy of keys that lies outside.

Exit codes: 0 all within --limit times the peer's, 1 error, 3 one is not, 4
ptxas or nvdisasm is not on this machine.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import sass

# D, rows, keys, stages; the peer's instructions per HMMA, registers and bytes
# of spill stores.
TILES = [
    (64, 128, 64, 2, 4.83, 254, 0),
    (64, 128, 128, 1, 4.66, 255, 452),
    (128, 128, 64, 1, 3.65, 255, 448),
]

MODULE = """func.func @attend(
    %q: tensor<?x?x8xDxbf16> {routed.name = "q", routed.dims = ["B", "S"]},
    %k: tensor<?x?x8xDxbf16> {routed.name = "k", routed.dims = ["B", "T"]},
    %v: tensor<?x?x8xDxbf16> {routed.name = "v", routed.dims = ["B", "T"]})
    -> (tensor<?x?x8xDxbf16> {routed.name = "o", routed.dims = ["B", "S"]}) {
  %o, %lse = routed.attend %q, %k, %v causal
      : tensor<?x?x8xDxbf16>, tensor<?x?x8xDxbf16>, tensor<?x?x8xDxbf16>
  return %o : tensor<?x?x8xDxbf16>
}
"""


def compile_tile(options, folder, D, schedule):
    """The bundle of a dense causal attention with one schedule."""
    module, bundle = (os.path.join(folder, 'attend' + end) for end in ('.mlir', '.hgb'))
    with open(module, 'w', encoding='utf-8') as file:
        file.write(MODULE.replace('xDx', 'x%dx' % D))
    command = [options.compile, module, '-o', bundle, '--target=sm_80',
               '--schedule=attend*=' + json.dumps(schedule)]
    if options.ptxas:
        command.append('--ptxas=' + options.ptxas)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        sys.exit('%s\n%s' % (' '.join(command), done.stderr))
    return bundle


def cubin_of(bundle):
    """The only cubin's path and form; (None, None) where there is no ptxas."""
    with open(os.path.join(bundle, 'plan.json'), encoding='utf-8') as file:
        plan = json.load(file)
    for image in plan['images']:
        for form in image['forms']:
            if form['kind'] == 'cubin':
                return os.path.join(bundle, form['file']), form
    return None, None


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--compile', required=True, metavar='headgate-compile')
    p.add_argument('--ptxas', help='passed on')
    p.add_argument('--limit', type=float, default=1.03)
    p.add_argument('--mix', action='store_true', help='print the instructions, too')
    options = p.parse_args()
    nvdisasm = sass.find_nvdisasm()
    if not nvdisasm:
        print('nvdisasm is not on this machine', file=sys.stderr)
        return 4
    over = False
    print('| D, tile, stages | registers | spill bytes | per HMMA | peer | ratio |')
    print('|---|---|---|---|---|---|')
    for D, rows, keys, stages, peer, peer_registers, peer_spills in TILES:
        schedule = {'rows': rows, 'keys': keys, 'warps': 4, 'stages': stages}
        with tempfile.TemporaryDirectory() as folder:
            cubin, form = cubin_of(compile_tile(options, folder, D, schedule))
            if not cubin:
                print('ptxas is not on this machine', file=sys.stderr)
                return 4
            loop = sass.main_loop(sass.disassemble(nvdisasm, cubin))
        each = loop.instructions / loop.hmma
        over = over or each > options.limit * peer
        print('| D%d %dx%d, %d | %d (%d) | %d (%d) | %.2f | %.2f | %.3f |'
              % (D, rows, keys, stages, form['registers'], peer_registers, form['spillBytes'],
                 peer_spills, each, peer, each / peer))
        if options.mix:
            print('  '.join('%s %d' % pair for pair in loop.mix.most_common()))
    return 3 if over else 0


if __name__ == '__main__':
    sys.exit(main())

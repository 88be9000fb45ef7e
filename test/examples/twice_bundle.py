# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A bundle that any device from sm_80 on runs: y = 2 x, one element a thread."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'tools' / 'ptx'))
import gpu_bundle  # noqa: E402

PTX = """.version 7.0
.target sm_80
.address_size 64
.visible .entry twice(
\t.param .u64 twice_param_0,
\t.param .u64 twice_param_1,
\t.param .u32 twice_param_2
)
.reqntid 32
{
\t.reg .pred %p<2>;
\t.reg .f32 %f<3>;
\t.reg .b32 %r<6>;
\t.reg .b64 %rd<6>;
\tld.param.u64 %rd1, [twice_param_0];
\tld.param.u64 %rd2, [twice_param_1];
\tld.param.u32 %r1, [twice_param_2];
\tmov.u32 %r2, %ctaid.x;
\tmov.u32 %r3, %tid.x;
\tmad.lo.s32 %r4, %r2, 32, %r3;
\tsetp.ge.s32 %p1, %r4, %r1;
\t@%p1 bra END;
\tmul.wide.s32 %rd3, %r4, 4;
\tadd.s64 %rd4, %rd1, %rd3;
\tadd.s64 %rd5, %rd2, %rd3;
\tld.global.f32 %f1, [%rd4];
\tadd.f32 %f2, %f1, %f1;
\tst.global.f32 [%rd5], %f2;
END:
\tret;
}
"""


def write(directory):
    kernel = {
        'name': 'twice', 'parameters': ['x:ptr', 'y:ptr', 'N:i32'],
        'variants': [{'id': 'twice.0', 'image': 'twice.0', 'schedule': {},
                      'launches': [{'symbol': 'twice', 'block': 32, 'grid': ['cdiv(N,32)', '1', '1'],
                                    'arguments': ['x', 'y', 'N']}]}],
        'defaults': {'sm_80': ['twice.0']}}
    entry = {'name': 'twice', 'dims': {'S': [0, 4096], 'N': [0, 4096]},
             'inputs': [{'name': 'x', 'dtype': 'f32', 'shape': ['S', 'N']}],
             'outputs': [{'name': 'y', 'dtype': 'f32', 'shape': ['S', 'N']}],
             'steps': [{'kernel': 'twice', 'with': {'x': 'x', 'y': 'y', 'N': 'S*N'}}]}
    plan = {'format': 'headgate.plan', 'version': 1, 'kernels': [kernel], 'entries': [entry]}
    return gpu_bundle.write(directory, plan, {'twice.0': PTX})

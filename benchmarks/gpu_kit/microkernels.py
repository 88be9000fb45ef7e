# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels of one instruction family each, as bundles: what they give on a GPU is
what the simulator must give.

Each thread reads some words into %r0, %r1, ..., runs the body, and writes what
it left in %o0, %o1, ... . A block is one warp, unless `block` says otherwise.
"""
import hashlib
import json
from dataclasses import dataclass, field

BLOCKS = 8


@dataclass
class Microkernel:
    name: str
    takes: int  # words of a thread
    gives: int
    body: str
    rule: dict = field(default_factory=dict)  # arrays.difference
    draw: str = "bits"
    block: int = 32
    shared: int = 0  # bytes, as %base

    def ptx(self):
        lines = [f"ld.global.u32 %r{i}, [%in+{4 * i}];" for i in range(self.takes)]
        lines += [x.strip() for x in self.body.strip().splitlines()]
        lines += [f"st.global.u32 [%to+{4 * i}], %o{i};" for i in range(self.gives)]
        return _TEMPLATE.format(
            name=self.name, block=self.block, takes=4 * self.takes,
            gives=4 * self.gives, body="\n".join("\t" + x for x in lines),
            shared=f"\t.shared .align 16 .b8 memory[{self.shared}];\n"
            if self.shared else "",
            base="\tmov.u32 %base, memory;\n" if self.shared else "")

    @property
    def threads(self):
        return self.block * BLOCKS


_TEMPLATE = """.version 7.0
.target sm_80
.address_size 64
.visible .entry {name}(
\t.param .u64 {name}_param_0,
\t.param .u64 {name}_param_1
)
.reqntid {block}
{{
\t.reg .pred %p<8>;
\t.reg .b16 %h<16>;
\t.reg .b32 %r<32>, %o<32>, %t<32>, %base, %lane, %thread;
\t.reg .f32 %f<32>;
\t.reg .b64 %d<8>, %in, %to;
{shared}\tld.param.u64 %in, [{name}_param_0];
\tld.param.u64 %to, [{name}_param_1];
\tcvta.to.global.u64 %in, %in;
\tcvta.to.global.u64 %to, %to;
\tmov.u32 %lane, %tid.x;
\tmov.u32 %t31, %ctaid.x;
\tmad.lo.u32 %thread, %t31, {block}, %lane;
\tmul.wide.u32 %d7, %thread, {takes};
\tadd.u64 %in, %in, %d7;
\tmul.wide.u32 %d7, %thread, {gives};
\tadd.u64 %to, %to, %d7;
{base}{body}
\tret;
}}
"""

# The errors that the PTX ISA allows, one step of ours added; lg2's is absolute.
ULP = {"ex2": {"ulp": 3}, "lg2": {"ulp": 2, "near": 2.0 ** -22}, "rcp": {"ulp": 2},
       "rsqrt": {"ulp": 3}, "sqrt": {"ulp": 2}}


def _lines(pattern, *rows):
    return "\n".join(pattern.format(i=i, op=row) for i, row in enumerate(rows))


def _stage(words=1):
    """Each lane's words in shared memory, one after the other."""
    return "\n".join([
        f"mad.lo.u32 %t0, %lane, {4 * words}, %base;",
        *[f"st.shared.u32 [%t0+{4 * i}], %r{i};" for i in range(words)],
        "bar.sync 0;"])


_MMA = """mov.f32 %f0, 0f00000000;
mma.sync.aligned.m16n8k16.row.col.f32.{t}.{t}.f32 {{%f1, %f2, %f3, %f4}}, {{{a}}}, {{{b}}}, {{%f0, %f0, %f0, %f0}};
mov.b32 %o0, %f1;
mov.b32 %o1, %f2;
mov.b32 %o2, %f3;
mov.b32 %o3, %f4;"""


def _mma(type_, convert):
    """Whole numbers -8 to 7, of four bits each: sums that no order changes."""
    body = []
    for word in range(6):
        body += [f"shl.b32 %t0, %r{word}, 28;", "shr.s32 %t0, %t0, 28;",
                 f"shl.b32 %t1, %r{word}, 24;", "shr.s32 %t1, %t1, 28;",
                 "cvt.rn.f32.s32 %f10, %t0;", "cvt.rn.f32.s32 %f11, %t1;",
                 f"{convert} %t{10 + word}, %f11, %f10;"]
    return "\n".join(body) + "\n" + _MMA.format(
        t=type_, a="%t10, %t11, %t12, %t13", b="%t14, %t15")


MICROKERNELS = [
    Microkernel("integer", 2, 8, _lines(
        "{op} %o{i}, %r0, %r1;", "add.s32", "sub.s32", "mul.lo.s32", "mul.hi.s32",
        "mul.hi.u32", "min.s32", "max.u32", "xor.b32")),
    Microkernel("divide", 2, 4, "or.b32 %r1, %r1, 1;\n" + _lines(
        "{op} %o{i}, %r0, %r1;", "div.u32", "rem.u32", "div.s32", "rem.s32")),
    # Amounts of 32 and more are clamped.
    Microkernel("shift", 2, 5, "and.b32 %r1, %r1, 63;\n" + _lines(
        "{op} %o{i}, %r0, %r1;", "shl.b32", "shr.u32", "shr.s32")
        + "\nshf.l.wrap.b32 %o3, %r0, %r1, %r1;\nshf.r.clamp.b32 %o4, %r1, %r0, %r1;"),
    Microkernel("bits", 3, 6, """prmt.b32 %o0, %r0, %r1, %r2;
        lop3.b32 %o1, %r0, %r1, %r2, 0xe8;
        popc.b32 %o2, %r0;
        clz.b32 %o3, %r1;
        brev.b32 %o4, %r2;
        bfe.u32 %o5, %r0, 5, 9;"""),
    Microkernel("float", 3, 6, _lines("mov.b32 %f{i}, %r{i};", 0, 1, 2) + """
        add.rn.f32 %f3, %f0, %f1;
        mul.rn.f32 %f4, %f0, %f1;
        fma.rn.f32 %f5, %f0, %f1, %f2;
        sub.rn.ftz.f32 %f6, %f0, %f2;
        min.f32 %f7, %f0, %f1;
        max.f32 %f8, %f1, %f2;
        """ + _lines("mov.b32 %o{i}, %f{op};", 3, 4, 5, 6, 7, 8),
                rule={"ulp": 0}, draw="special"),
    Microkernel("float_divide", 2, 3, _lines("mov.b32 %f{i}, %r{i};", 0, 1) + """
        div.rn.f32 %f2, %f0, %f1;
        sqrt.rn.f32 %f3, %f0;
        rcp.rn.f32 %f4, %f1;
        """ + _lines("mov.b32 %o{i}, %f{op};", 2, 3, 4),
                rule={"ulp": 0}, draw="special"),
    *[Microkernel(name, 4, 4, "\n".join(
        f"mov.b32 %f{i}, %r{i};\n{op} %f{i}, %f{i};\nmov.b32 %o{i}, %f{i};"
        for i in range(4)), rule=ULP[name], draw="special")
      for name, op in (("ex2", "ex2.approx.ftz.f32"), ("lg2", "lg2.approx.f32"),
                       ("rcp", "rcp.approx.f32"),
                       ("rsqrt", "rsqrt.approx.f32"),
                       ("sqrt", "sqrt.approx.f32"))],
    Microkernel("compare", 2, 6, _lines("mov.b32 %f{i}, %r{i};", 0, 1) + "\n"
                + "\n".join(f"setp.{op} %p{i}, {a}0, {a}1;\n"
                            f"selp.b32 %o{i}, 1, 0, %p{i};"
                            for i, (op, a) in enumerate((
                                ("lt.f32", "%f"), ("geu.f32", "%f"),
                                ("num.f32", "%f"), ("neu.f32", "%f"),
                                ("lt.s32", "%r"), ("ls.u32", "%r")))),
                draw="special"),
    Microkernel("to_bf16", 2, 1, _lines("mov.b32 %f{i}, %r{i};", 0, 1)
                + "\ncvt.rn.bf16x2.f32 %o0, %f1, %f0;", draw="special"),
    Microkernel("to_f16", 2, 1, _lines("mov.b32 %f{i}, %r{i};", 0, 1)
                + "\ncvt.rn.f16x2.f32 %o0, %f1, %f0;", draw="special"),
    Microkernel("to_integer", 1, 3, """mov.b32 %f0, %r0;
        cvt.rni.s32.f32 %o0, %f0;
        cvt.rzi.u32.f32 %o1, %f0;
        cvt.rn.f32.s32 %f1, %r0;
        mov.b32 %o2, %f1;""", draw="special"),
    Microkernel("from_f16", 1, 2, """mov.b32 {%h0, %h1}, %r0;
        cvt.f32.f16 %f0, %h0;
        cvt.f32.f16 %f1, %h1;
        mov.b32 %o0, %f0;
        mov.b32 %o1, %f1;""", rule={"ulp": 0}),
    Microkernel("shuffle", 2, 4, """and.b32 %t0, %r1, 31;
        shfl.sync.bfly.b32 %o0, %r0, 5, 31, 0xffffffff;
        shfl.sync.up.b32 %o1, %r0, 3, 0, 0xffffffff;
        shfl.sync.down.b32 %o2, %r0, 7, 31, 0xffffffff;
        shfl.sync.idx.b32 %o3, %r0, %t0, 31, 0xffffffff;"""),
    Microkernel("vote", 1, 3, """setp.lt.s32 %p0, %r0, 0;
        vote.sync.ballot.b32 %o0, %p0, 0xffffffff;
        vote.sync.any.pred %p1, %p0, 0xffffffff;
        vote.sync.all.pred %p2, %p0, 0xffffffff;
        selp.b32 %o1, 1, 0, %p1;
        selp.b32 %o2, 1, 0, %p2;"""),
    Microkernel("reduce", 1, 5, _lines(
        "redux.sync.{op} %o{i}, %r0, 0xffffffff;", "add.s32", "min.s32",
        "max.u32", "and.b32", "xor.b32")),
    Microkernel("shared", 2, 2, _stage(2) + """
        and.b32 %t1, %r1, 31;
        mad.lo.u32 %t2, %t1, 8, %base;
        ld.shared.v2.u32 {%o0, %o1}, [%t2];""", shared=256),
    # Two warps: what one wrote the other reads.
    Microkernel("barrier", 1, 1, _stage() + """
        xor.b32 %t1, %lane, 32;
        mad.lo.u32 %t2, %t1, 4, %base;
        ld.shared.u32 %o0, [%t2];""", block=64, shared=256),
    Microkernel("ldmatrix", 4, 8, _stage(4) + """
        mad.lo.u32 %t1, %lane, 16, %base;
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%o0, %o1, %o2, %o3}, [%t1];
        ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%o4, %o5, %o6, %o7}, [%t1];""",
                shared=512),
    # 16 bytes a lane, of odd lanes only four: the rest is zero.
    Microkernel("copy", 4, 4, """mad.lo.u32 %t0, %lane, 16, %base;
        and.b32 %t1, %lane, 1;
        mad.lo.s32 %t2, %t1, -12, 16;
        cp.async.cg.shared.global [%t0], [%in], 16, %t2;
        cp.async.commit_group;
        cp.async.wait_group 0;
        bar.sync 0;
        xor.b32 %t3, %lane, 1;
        mad.lo.u32 %t4, %t3, 16, %base;
        ld.shared.v4.u32 {%o0, %o1, %o2, %o3}, [%t4];""", shared=512),
    Microkernel("atomic", 1, 2, """mov.u32 %t0, 0;
        setp.ne.s32 %p0, %lane, 0;
        @%p0 bra READY;
        st.shared.u32 [%base], %t0;
        st.shared.u32 [%base+4], %t0;
        READY:
        bar.sync 0;
        atom.shared.add.u32 %t1, [%base], %r0;
        atom.shared.max.u32 %t2, [%base+4], %r0;
        bar.sync 0;
        ld.shared.u32 %o0, [%base];
        ld.shared.u32 %o1, [%base+4];""", shared=8),
    # Lanes that leave early are no part of what comes after.
    Microkernel("divergence", 1, 1, """mov.u32 %o0, 0;
        and.b32 %t0, %r0, 15;
        AGAIN:
        setp.eq.s32 %p0, %t0, 0;
        @%p0 bra DONE;
        mad.lo.s32 %o0, %o0, 3, %t0;
        sub.s32 %t0, %t0, 1;
        bra AGAIN;
        DONE:
        xor.b32 %o0, %o0, %r0;"""),
    Microkernel("mma_bf16", 6, 4, _mma("bf16", "cvt.rn.bf16x2.f32")),
    Microkernel("mma_f16", 6, 4, _mma("f16", "cvt.rn.f16x2.f32")),
]


def write_bundle(kernel, folder):
    text, name = kernel.ptx(), kernel.name
    digest = hashlib.sha256(text.encode()).hexdigest()
    file = f"kernels/{name}-{digest[:8]}.ptx"
    plan = {
        "format": "headgate.plan", "version": 1,
        "producer": {"headgate": "gpu-kit"},
        "images": [{"id": name, "target": "sm_80", "forms": [
            {"kind": "ptx", "isa": "7.0", "file": file, "bytes": len(text),
             "sha256": digest}]}],
        "kernels": [{
            "name": name, "ir": "sha256:" + digest, "problem": {"op": name},
            "parameters": ["in:ptr:16", "out:ptr:16"], "bucket": [],
            "variants": [{"id": name + ".0", "image": name, "schedule": {},
                          "launches": [{"symbol": name, "block": kernel.block,
                                        "grid": [str(BLOCKS), "1", "1"],
                                        "arguments": ["in", "out"]}]}],
            "defaults": {"sm_80": [name + ".0"]}}],
        "entries": [{
            "name": name, "dims": {},
            "inputs": [{"name": "in", "dtype": "i32",
                        "shape": [kernel.threads, kernel.takes]}],
            "outputs": [{"name": "out", "dtype": "i32",
                         "shape": [kernel.threads, kernel.gives]}],
            "temporaries": [],
            "steps": [{"kernel": name, "with": {"in": "in", "out": "out"}}]}]}
    (folder / "kernels").mkdir(parents=True)
    (folder / file).write_text(text)
    (folder / "plan.json").write_text(json.dumps(plan, indent=1) + "\n")

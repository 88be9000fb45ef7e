# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A tiled matmul in Triton, as its tutorial has it; matmul-triton.ptx is what
Triton 3.9.0 makes of it for sm_80: python3 matmul-triton.py > matmul-triton.ptx
"""
import triton, triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
@triton.jit
def matmul(a,b,c,M,N,K,sam,sak,sbk,sbn,scm,scn,BM:tl.constexpr,BN:tl.constexpr,BK:tl.constexpr):
    pm=tl.program_id(0);pn=tl.program_id(1)
    om=pm*BM+tl.arange(0,BM);on=pn*BN+tl.arange(0,BN);ok=tl.arange(0,BK)
    ap=a+om[:,None]*sam+ok[None,:]*sak; bp=b+ok[:,None]*sbk+on[None,:]*sbn
    acc=tl.zeros((BM,BN),tl.float32)
    for k in range(0,tl.cdiv(K,BK)):
        x=tl.load(ap,mask=(om[:,None]<M)&(ok[None,:]<K-k*BK),other=0.0)
        y=tl.load(bp,mask=(on[None,:]<N)&(ok[:,None]<K-k*BK),other=0.0)
        acc=tl.dot(x,y,acc); ap+=BK*sak; bp+=BK*sbk
    tl.store(c+om[:,None]*scm+on[None,:]*scn,acc.to(tl.float16),mask=(om[:,None]<M)&(on[None,:]<N))
sig=dict(a='*fp16',b='*fp16',c='*fp16',M='i32',N='i32',K='i32',sam='i32',sak='constexpr',sbk='i32',sbn='constexpr',scm='i32',scn='constexpr',BM='constexpr',BN='constexpr',BK='constexpr')
src=ASTSource(fn=matmul,signature=sig,constexprs={'sak':1,'sbn':1,'scn':1,'BM':64,'BN':64,'BK':32},attrs={(0,):[['tt.divisibility',16]],(1,):[['tt.divisibility',16]],(2,):[['tt.divisibility',16]],(6,):[['tt.divisibility',16]],(8,):[['tt.divisibility',16]],(10,):[['tt.divisibility',16]]})
k=triton.compile(src,target=GPUTarget('cuda',80,32),options={'num_warps':4,'num_stages':3})
print(k.asm['ptx'])

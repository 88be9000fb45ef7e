# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""MoH-DiT (SkyworkAI/MoH): U shared heads and, of M more, the k that the router
chose; each head has its own key and value. Two-stage gates:

    a = 2 softmax(balance)
    shared head i: a_0 U softmax(shared)_i       routed head m: a_1 k p_m / sum of the chosen p
"""
from emit.routed import Layer
from emit.text import number


def emit(form):
    f = Layer(form)
    U, M, D = form.shared, form.experts, form.head_dim
    H = U + M
    q = f.rows('q', 'B', 'S', H, D)
    k, v = f.rows('k', 'B', 'T', H, D), f.rows('v', 'B', 'T', H, D)
    router = f.floats('router_logits', 'B', 'S', 1, M)
    shared = f.floats('shared_logits', 'B', 'S', U)
    balance = f.floats('balance_logits', 'B', 'S', 2)
    w_o = f.rows('w_o', form.dim, H * D) if form.out_proj else None
    b_o = f.rows('b_o', form.dim) if form.out_bias else None

    f.comment('the gates: both softmaxes are over all members, so they are upstream ops')
    a = softmax(f, balance, 'a')
    gs = scaled(f, a, 0, softmax(f, shared, 'g'), 'bsi', 2.0 * U, 'gs')
    experts, weights, probs = f.select(router, 'softmax_all', form.norm, form.weight_scale)
    ws = scaled(f, a, 1, weights, 'bsrj', 2.0, 'ws')

    f.comment('the shared heads, then the chosen of the pool: head U + e reads its own key')
    qs = f.slice(q, 2, 0, U, 'qs')
    os_, _ = f.attend(qs, k, v, kv_head='(h) -> (h)', hints=('os', 'lses'))
    qp = f.expand(f.slice(q, 2, U, M, 'qp'), 2, (1, M))
    qc = f.gather(qp, experts, 'qc')
    o, _ = f.attend(qc, k, v, kv_head='(r, j)[e] -> (e + %d)' % U, experts=experts, of=M)

    f.comment('every head at its place, 0 where it was not chosen')
    zs = f.combine('concat', os_, 'zs', gs)
    zr = f.combine('scatter', o, 'zr', ws, experts, M)
    z = f.concat(2, [zs, zr], 'cat')
    values = {'concat': z, 'idx': experts, 'probs': probs}
    values['scattered'] = lambda: f.expand(z, 2, (H, D), 'scattered')
    values['heads'] = lambda: f.attend(q, k, v, hints=('heads', 'all_lse'))[0]
    values['weights'] = lambda: f.concat(2, [gs, f.spread(experts, M, ws, '0.0')], 'gates')
    values['aux'] = lambda: f.balance_loss(probs, experts)
    if w_o:
        f.comment('the output projection')
        values['y'] = f.cast(f.contract('bsd,ed->bse', z, w_o, b_o), form.dtype)
    return f.give(values)


def softmax(f, x, hint):
    empty = f.empty(x.shape, 'f32')
    return f.op(hint, 'linalg.softmax dimension(2) ins(%s : %s) outs(%s : %s) -> %s'
                % (x, x.type, empty, empty.type, empty.type), x.shape, 'f32')


def scaled(f, a, stage, gates, letters, factor, hint):
    """factor * a[b, s, stage] * gates[b, s, ...]"""
    body = ['%%in_c = arith.constant %s : f32' % number(factor),
            '%in_a = arith.mulf %in0, %in_c : f32', '%in_g = arith.mulf %in_a, %in1 : f32',
            'linalg.yield %in_g : f32']
    empty = f.empty(gates.shape, 'f32')
    return f.generic(letters, [(a, 'bs%d' % stage), (gates, letters)], (empty, letters),
                     'p' * len(letters), body, hint)

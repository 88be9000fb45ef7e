# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""SwitchHead (RobertCsordas/switchhead): dense attention over H heads. Each head
mixes k of E value projections, chosen by the key token, and k of E output
projections, chosen by the query token; sigmoid weights, not normalised."""
from emit.routed import Layer


def emit(form):
    f = Layer(form)
    H, E, D, d = form.groups, form.experts, form.head_dim, form.dim
    x = f.rows('x', 'B', 'S', d)
    w_q, w_k = f.rows('w_q', H * D, d), f.rows('w_k', H * D, d)
    w_v, w_o = f.rows('w_v', H * E, d, D), f.rows('w_o', H * E, D, d)
    sel_v, sel_o = f.rows('sel_v', H * E, d), f.rows('sel_o', H * E, d)
    tables = f.rope_tables()

    f.comment('two choices for each token and head: of value and of output projections')
    chosen = {}
    for side, sel in (('v', sel_v), ('o', sel_o)):
        logits = f.contract('bsd,hed->bshe', x, f.expand(sel, 0, (H, E)),
                            hint='logits_' + side)
        hints = ['%s_%s' % (name, side) for name in ('experts', 'weights', 'probs')]
        chosen[side] = f.select(logits, 'sigmoid', form.norm, form.weight_scale, hints)
    (idx_v, weights_v, _), (idx_o, weights_o, _) = chosen['v'], chosen['o']

    f.comment('queries and keys are those of dense attention')
    q, k = [f.rope(f.cast(f.contract('bsd,hed->bshe', x, f.expand(w, 0, (H, D)), hint=n),
                          form.dtype), tables, n + 'r')
            for n, w in (('q', w_q), ('k', w_k))]
    v = f.linear(x, f.expand(w_v, 0, (H, E)), idx_v, 'v', transposed=False,
                 weights=weights_v, sum_='slots')
    o, _ = f.attend(q, k, v)
    y = f.linear(o, f.expand(w_o, 0, (H, E)), idx_o, 'y', transposed=False,
                 weights=weights_o, sum_='all')
    return f.give({'y': y, 'heads': o, 'v': v, 'idx_v': idx_v, 'idx_o': idx_o,
                   'weights_v': weights_v, 'weights_o': weights_o})

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention experts of LLaMA-MoE-v2 (OpenSparseLLMs): an expert is one key-value
head, u query heads and their output block; a token takes k of E. Routed
history: an expert's keys exist only for the tokens that chose it."""
from emit.routed import Layer


def emit(form):
    f = Layer(form)
    E, u, D, d = form.experts, form.heads_per_expert, form.head_dim, form.dim
    x, w_r = f.rows('x', 'B', 'S', d), f.rows('w_r', E, d)
    w_q, w_o = f.rows('w_q', E, u * D, d), f.rows('w_o', E, d, u * D)
    w_k, w_v = f.rows('w_k', E, D, d), f.rows('w_v', E, D, d)
    tables = f.rope_tables()

    f.comment('one competition of all experts; the router stays in f32 until the choice')
    logits = f.contract('bsd,red->bsre', x, f.expand(w_r, 0, (1, E)), hint='logits')
    experts, weights, probs = f.select(logits, 'softmax_all', form.norm, form.weight_scale)

    f.comment("each slot's rows by its expert's matrices")
    w_q, w_k, w_v, w_o = [f.expand(w, 0, (1, E)) for w in (w_q, w_k, w_v, w_o)]
    q = f.expand(f.linear(x, w_q, experts, 'q'), 4, (u, D))
    k, v = f.linear(x, w_k, experts, 'k'), f.linear(x, w_v, experts, 'v')
    q, k = f.rope(q, tables, 'qr'), f.rope(k, tables, 'kr')
    o, lse = f.attend(q, k, v, experts=experts, of=E, history=experts)
    y = f.linear(f.collapse(o, 4, 2), w_o, experts, 'y', weights=weights, sum_='all')

    values = {'y': y, 'router_logits': logits, 'idx': experts, 'weights': weights,
              'probs': probs}
    # The one group's dimension is not in the results.
    values['slots'] = lambda: f.collapse(o, 2, 2, 'slots')
    values['lse'] = lambda: f.collapse(lse, 2, 2, 'lses')
    values['aux'] = lambda: f.balance_loss(probs, experts)
    if {'rows', 'offsets', 'rank'} & set(form.results):
        f.comment('the slots sorted by expert')
        slots, values['offsets'], rank = f.dispatch(experts, E)
        values['rows'] = lambda: tokens(f, slots)
        values['rank'] = lambda: f.spread(experts, E, rank, '-1')
    return f.give(values)


def tokens(f, slots):
    """The token of each slot number."""
    body = ['%%in_k = arith.constant %d : i32' % f.form.topk,
            '%in_row = arith.floordivsi %in0, %in_k : i32', 'linalg.yield %in_row : i32']
    return f.generic('n', [(slots, 'n')], (slots, 'n'), 'p', body, 'rows')

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Grouped Query Experts (arXiv 2606.20945): in each of G groups a token takes k
of M query heads, which share the group's key-value head; one more head is
always on and attends to the mean of all key-value heads.

    gqe              y = Wo (slots ++ sum of w * slots ++ shared)
    hard_concat      y = Wo (slots)
    weighted_concat  y = Wo (p * slots)
"""
from emit.routed import Layer


def project(f, x):
    """q [B,S,G,M,D], k and v [B,S,G,D], q_shared [B,S,1,D], logits [B,S,G,M]
    from x and weights, which are stored as [out, in], the group outermost."""
    form = f.form
    G, M, D, d = form.groups, form.experts, form.head_dim, form.dim
    seen = {'q': (G, M, D), 'k': (G, D), 'v': (G, D), 'qs': (1, D)}
    if not form.shared:
        del seen['qs']
    flat = {n: G * M * D if n == 'q' else D if n == 'qs' else G * D for n in seen}
    w_r = f.rows('w_r', G * M, d)
    weights = {n: (f.rows('w_' + n, flat[n], d),
                   f.rows('b_' + n, flat[n]) if form.bias else None) for n in seen}

    def linear():
        f.comment('the router stays in f32 until the choice')
        logits = f.contract('bsd,gmd->bsgm', x, f.expand(w_r, 0, (G, M)), hint='logits')
        f.comment('queries of all experts, keys, values' +
                  (', the shared query' if form.shared else ''))
        rows = {}
        for name, (w, b) in weights.items():
            w = f.expand(w, 0, seen[name])
            b = f.expand(b, 0, seen[name]) if b else None
            spec = 'bsd,gmed->bsgme' if name == 'q' else 'bsd,hed->bshe'
            rows[name] = f.cast(f.contract(spec, x, w, b, name), form.dtype)
        return rows, logits

    return linear


def core(f):
    """The same from arguments that were projected elsewhere."""
    form = f.form
    G, M, D = form.groups, form.experts, form.head_dim
    T = 'S' if form.past or form.rope else 'T'
    rows = {'q': f.rows('q', 'B', 'S', G, M, D), 'k': f.rows('k', 'B', T, G, D),
            'v': f.rows('v', 'B', T, G, D)}
    logits = f.floats('router_logits', 'B', 'S', G, M)
    shared = f.rows('q_shared', 'B', 'S', D) if form.shared else None

    def see():
        if shared:
            rows['qs'] = f.expand(shared, 2, (1, D))
        return rows, logits

    return see


def emit(form):
    f = Layer(form)
    G, M, D = form.groups, form.experts, form.head_dim
    # All arguments first: what follows may ask for any extent.
    if form.level == 'layer':
        source = project(f, f.rows('x', 'B', 'S', form.dim))
    else:
        source = core(f)
    past = [f.rows(n, 'B', 'P', G, D) for n in ('past_k', 'past_v')] if form.past else []
    parts = G * form.topk + (1 if form.variant == 'gqe' else 0) + form.shared
    w_o = f.rows('w_o', form.dim, parts * D) if form.out_proj else None
    b_o = f.rows('b_o', form.dim) if form.out_bias else None
    mask, kv_start = masks(f)
    tables = f.rope_tables()
    rows, logits = source()

    values = {'router_logits': logits}
    f.comment('positions, then the keys and values of the past before the new')
    q = f.rope(rows['q'], tables, 'qr')
    k, v = f.rope(rows['k'], tables, 'kr'), rows['v']
    if past:
        k, v = f.concat(1, [past[0], k], 'kt'), f.concat(1, [past[1], v], 'vt')
        values |= {'k_cache': k, 'v_cache': v}

    f.comment('the routed heads')
    experts, weights, probs = f.select(logits, 'softmax_all', form.norm)
    values |= {'idx': experts, 'weights': weights, 'probs': probs}
    qc = f.gather(q, experts, 'qc')
    see = {'mask': f.collapse(mask, 1, 2) if mask else None, 'kv_start': kv_start}
    o, lse = f.attend(qc, k, v, kv_head='(g, j) -> (g)', **see)
    values |= {'slots': o, 'lse': lse}
    values['topk_p'] = lambda: weights if form.norm == 'none' else f.select(
        logits, 'softmax_all', hints=('e', 'topk_p', 'p'))[1]
    values['aux'] = lambda: f.balance_loss(probs, experts)
    values['dense_gqa'] = lambda: f.attend(
        q, k, v, kv_head='(g, m) -> (g)', hints=('dense', 'dense_lse'), **see)[0]

    weighted = weights if form.variant == 'weighted_concat' else None
    row = [f.combine('concat', o, 'slots', weighted)]
    if form.variant == 'gqe':
        row.append(f.combine('sum', o, 'renorm', weights))
        values['renorm'] = row[-1]
    if form.shared:
        f.comment('the shared head attends to the mean of the key-value heads')
        qs = f.rope(rows['qs'], tables, 'qsr')
        km, vm = f.mean_heads(k, 'km'), f.mean_heads(v, 'vm')
        os_, _ = f.attend(qs, km, vm, hints=('os', 'lses'), **see)
        row.append(f.combine('concat', os_, 'shared'))
        values['shared'] = row[-1]
    concat = values['concat'] = f.concat(2, row, 'cat') if len(row) > 1 else row[0]
    if w_o:
        f.comment('the output projection')
        values['y'] = f.cast(f.contract('bsd,ed->bse', concat, w_o, b_o), form.dtype)
    return f.give(values)


def masks(f):
    """attn_mask [B,1,S,T] and kv_start [B], where the form has them."""
    form = f.form
    T = 'S' if not form.past and (form.level == 'layer' or form.rope) else 'T'
    B = 1 if form.mask_shared else 'B'
    mask = f.argument('attn_mask', (B, 1, 'S', T), 'i1') if form.mask else None
    kv_start = f.argument('kv_start', ('B',), 'i32') if form.kv_start else None
    return mask, kv_start

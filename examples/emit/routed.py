# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ops of the `routed` dialect, and what every layer of it shares."""
import math

from emit.text import Function, Value, number, types


def clause(word, value):
    """` word(%v : type)`, or nothing."""
    return ' %s(%s : %s)' % (word, value, value.type) if value else ''


class Layer(Function):
    """A function made from a Form; each argument is named as its file."""

    def __init__(self, form):
        super().__init__('layer')
        self.form = form

    def rows(self, name, *shape):
        """An argument of the layer's element type."""
        return self.argument(name, shape, self.form.dtype)

    def floats(self, name, *shape):
        """An argument that is f32 in every layer."""
        return self.argument(name, shape, 'f32')

    # -- ops ------------------------------------------------------------------

    def select(self, logits, activation, norm='none', scale=1.0, hints=None):
        """experts, weights, probs"""
        form = self.form
        text = 'routed.select %s top %d %s' % (logits, form.topk, activation)
        if norm != 'none':
            text += ' norm %s' % norm
            if form.eps != 1e-9:
                text += ' eps %s' % number(form.eps)
        if scale != 1:
            text += ' scale %s' % number(scale)
        chosen = logits.shape[:3] + (form.topk,)
        return self.ops(hints or ('experts', 'weights', 'probs'),
                        '%s : %s' % (text, logits.type),
                        [(chosen, 'i32'), (chosen, 'f32'), (logits.shape, 'f32')])

    def gather(self, source, experts, hint):
        shape = source.shape[:3] + (experts.shape[3],) + source.shape[4:]
        return self.op(hint, 'routed.gather %s[%s] : %s'
                       % (source, experts, types(source, experts)),
                       shape, source.element)

    def linear(self, x, matrices, experts, hint, transposed=True, weights=None,
               sum_='none'):
        width = matrices.shape[2 if transposed else 3]
        shape = {'none': experts.shape, 'slots': experts.shape[:3],
                 'all': experts.shape[:2]}[sum_] + (width,)
        text = 'routed.linear %s, %s[%s]' % (x, matrices, experts)
        text += ' transposed' if transposed else ''
        text += clause('weights', weights)
        text += ' sum %s' % sum_ if sum_ != 'none' else ''
        return self.op(hint, '%s\n      : %s' % (text, types(x, matrices, experts)),
                       shape, x.element)

    def attend(self, query, key, value, kv_head=None, kv_start=None, mask=None,
               experts=None, of=None, history=None, hints=('o', 'lse')):
        """output, lse; causal and scale are the form's"""
        form = self.form
        text = 'routed.attend %s, %s, %s' % (query, key, value)
        text += ' causal' if form.causal else ''
        if not math.isclose(form.scale, form.head_dim ** -0.5, rel_tol=1e-6):
            text += ' scale %s' % number(form.scale)
        text += ' kv_head affine_map<%s>' % kv_head if kv_head else ''
        text += clause('kv_start', kv_start) + clause('mask', mask)
        if experts:
            text += ' experts(%s of %d : %s)' % (experts, of, experts.type)
        text += clause('history', history)
        shape = query.shape[:-1]
        return self.ops(hints, '%s\n      : %s' % (text, types(query, key, value)),
                        [(shape + value.shape[-1:], query.element), (shape, 'f32')])

    def combine(self, kind, source, hint, weights=None, experts=None, of=None):
        heads, width = source.shape[2:-1], source.shape[-1]
        if kind == 'sum':
            width *= math.prod(heads[len(weights.shape) - 2:])
        elif kind == 'scatter':
            width *= heads[0] * of * math.prod(heads[2:])
        else:
            width *= math.prod(heads)
        text = 'routed.combine %s %s' % (kind, source)
        if experts:
            text += ' experts(%s of %d : %s)' % (experts, of, experts.type)
        text += clause('weights', weights)
        return self.op(hint, '%s : %s' % (text, source.type),
                       source.shape[:2] + (width,), source.element)

    def mean_heads(self, source, hint):
        return self.op(hint, 'routed.mean_heads %s : %s' % (source, source.type),
                       source.shape[:2] + (1,) + source.shape[3:], source.element)

    def dispatch(self, experts, of):
        """slot numbers sorted by expert, offsets, rank"""
        b, s, r, k = experts.shape
        return self.ops(('slot_numbers', 'offsets', 'rank'),
                        'routed.dispatch %s of %d : %s' % (experts, of, experts.type),
                        [(('%s*%s*%d' % (b, s, r * k),), 'i32'),
                         (('%s*%d+1' % (b, r * of),), 'i32'),
                         (experts.shape, 'i32')])

    def balance_loss(self, probs, experts):
        text = 'routed.balance_loss %s, %s' % (probs, experts)
        text += ' normalized' if self.form.f_sums_to == '1' else ''
        return self.op('aux', '%s : %s' % (text, types(probs, experts)), (), 'f32')

    def spread(self, experts, of, values, other):
        """[B,S,of]: the value of the slot that chose the expert, or `other`."""
        element = values.element
        body = ['%in_m = linalg.index 2 : index',
                '%in_expert = arith.index_cast %in_m : index to i32',
                '%in_is = arith.cmpi eq, %in0, %in_expert : i32',
                '%%in_value = arith.select %%in_is, %%in1, %%out : %s' % element,
                'linalg.yield %%in_value : %s' % element]
        start = self.fill(other, experts.shape[:2] + (of,), element)
        return self.generic('bsmrj', [(experts, 'bsrj'), (values, 'bsrj')],
                            (start, 'bsm'), 'ppprr', body, 'spread')

    # -- positions ------------------------------------------------------------

    def rope_tables(self):
        """Arguments rope_cos and rope_sin, or nothing. The files hold each
        half twice; the op takes it once, from the position of the first row."""
        form = self.form
        if not form.rope:
            return []
        begin = form.rope_offset
        begin = begin if isinstance(begin, int) else self.extent(begin)
        tables = [self.floats('rope_' + name, 'L', form.rotate)
                  for name in ('cos', 'sin')]
        self.comment('the tables hold each half twice; the op takes it once')
        halves = [self.slice(t, 1, 0, form.rotate // 2, n)
                  for t, n in zip(tables, ('cos', 'sin'))]
        if not begin:
            return halves
        self.comment('row s of the new tokens has position %s + s' % begin)
        return [self.slice(t, 0, begin, 'S', n) for t, n in zip(halves, ('cos', 'sin'))]

    def rope(self, source, tables, hint):
        if not tables:
            return source
        cos, sin = tables
        return self.op(hint, 'routed.rope %s, %s, %s : %s'
                       % (source, cos, sin, types(source, cos)),
                       source.shape, source.element)

    # -- results --------------------------------------------------------------

    def give(self, values):
        """Ends the function with the results that the form asks for: its text,
        and the shapes of its arguments."""
        for name in self.form.results:
            value = values[name]
            self.result(name, value() if callable(value) else value)
        return self.text(), {name: value.shape for name, value in self.arguments}

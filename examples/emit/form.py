# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a layer is: read from the command line or from a case.json, checked."""
import dataclasses
import json
import math

VARIANTS = ('gqe', 'hard_concat', 'weighted_concat')
DTYPES = ('f32', 'bf16', 'f16')
SYSTEMS = ('gqe', 'moh-dit', 'switchhead', 'llama-moe-v2')

# The level each system is known at; GQE is known at both.
LEVELS = {'gqe': ('layer', 'core'), 'moh-dit': ('core',),
          'switchhead': ('layer',), 'llama-moe-v2': ('layer',)}

# What can be a result. At core level router_logits is an argument.
RESULTS = {
    'gqe': ('y', 'concat', 'slots', 'renorm', 'shared', 'idx', 'weights', 'topk_p',
            'probs', 'lse', 'aux', 'router_logits', 'k_cache', 'v_cache', 'dense_gqa'),
    'moh-dit': ('y', 'concat', 'scattered', 'heads', 'weights', 'idx', 'probs', 'aux'),
    'switchhead': ('y', 'heads', 'v', 'idx_v', 'idx_o', 'weights_v', 'weights_o'),
    'llama-moe-v2': ('y', 'slots', 'lse', 'idx', 'weights', 'probs', 'router_logits',
                     'rows', 'offsets', 'rank', 'aux'),
}


class FormError(Exception):
    """A layer that cannot be; the message says why."""


def need(condition, message):
    if not condition:
        raise FormError(message)


@dataclasses.dataclass
class Form:
    system: str
    level: str
    dim: int                   # d, width of x and y
    groups: int                # G of GQE, heads of SwitchHead
    experts: int               # M: of a group, of a head, or of the pool
    topk: int                  # k
    head_dim: int              # D
    variant: str = 'gqe'
    dtype: str = 'f32'
    shared: int = 1            # heads that are always on: GQE 0 or 1, MoH-DiT U
    heads_per_expert: int = 1  # u of LLaMA-MoE-v2
    norm: str = 'token'
    eps: float = 1e-9
    weight_scale: float = 1.0
    f_sums_to: str = 'k'
    scale: float = 0.0         # 0: 1 / sqrt(D)
    causal: bool = True
    mask: bool = False
    mask_shared: bool = False  # one mask for the whole batch
    past: bool = False
    kv_start: bool = False
    rope: bool = False
    rotate: int = 0            # components that rotate
    rope_offset: int | str = 0 # position of row 0: a number, or 'P', the past rows
    bias: bool = False         # of the projections of x
    out_proj: bool = True      # w_o
    out_bias: bool = False     # b_o
    results: tuple = ()

    def __post_init__(self):
        if not self.scale and self.head_dim > 0:
            self.scale = self.head_dim ** -0.5

    def check(self):
        """Raises FormError unless the layer exists."""
        need(self.system in SYSTEMS, "there is no system '%s'; known are %s"
             % (self.system, ', '.join(SYSTEMS)))
        need(self.level in LEVELS[self.system], "%s is emitted at level %s only, not '%s'"
             % (self.system, ' and '.join(LEVELS[self.system]), self.level))
        for name in ('dim', 'groups', 'experts', 'topk', 'head_dim', 'heads_per_expert'):
            need(getattr(self, name) >= 1, '%s must be at least 1, not %d'
                 % (name.replace('_', '-'), getattr(self, name)))
        for name in ('eps', 'scale', 'weight_scale'):
            need(math.isfinite(getattr(self, name)), '%s must be finite, not %s'
                 % (name.replace('_', '-'), getattr(self, name)))
        need(self.topk <= self.experts, 'a token cannot take %d experts of %d'
             % (self.topk, self.experts))
        need(self.norm in ('none', 'group', 'token'), "norm is none, group or token, "
             "not '%s'" % self.norm)
        need(self.f_sums_to in ('k', '1'), "f_sums_to is 'k' or '1', not '%s'"
             % self.f_sums_to)
        need(self.dtype in DTYPES, "there is no dtype '%s'; known are %s"
             % (self.dtype, ', '.join(DTYPES)))
        self.check_rope()
        if self.system == 'gqe':
            need(self.variant in VARIANTS, "gqe has no variant '%s'; known are %s"
                 % (self.variant, ', '.join(VARIANTS)))
            most = int(self.variant == 'gqe')
            need(0 <= self.shared <= most, '%s has at most %d shared heads, not %d'
                 % (self.variant, most, self.shared))
        if self.system == 'moh-dit':
            need(self.shared >= 1, 'moh-dit needs at least 1 shared head')
        self.check_results()

    def check_rope(self):
        if self.rope:
            need(self.rope_offset == 'P' or type(self.rope_offset) is int
                 and self.rope_offset >= 0,
                 'rope_offset is a position, not %s' % self.rope_offset)
            need(2 <= self.rotate <= self.head_dim and self.rotate % 2 == 0,
                 'RoPE rotates an even number of components, 2 to %d (the head '
                 'dim), not %d' % (self.head_dim, self.rotate))

    def check_results(self):
        known = list(RESULTS[self.system])
        if self.level == 'core' and 'router_logits' in known:
            known.remove('router_logits')
        if self.system == 'gqe':
            if not self.past:
                known = [n for n in known if n not in ('k_cache', 'v_cache')]
            if self.variant != 'gqe':
                known = [n for n in known if n not in ('renorm', 'shared')]
            elif not self.shared:
                known.remove('shared')
        if not self.out_proj:
            known.remove('y')
        need(self.results, 'a layer needs at least one result')
        for name in self.results:
            need(name in known, "this layer has no result '%s'; it can give %s"
                 % (name, ', '.join(known)))
        need(len(set(self.results)) == len(self.results), 'a result is named twice')


# -- case.json ----------------------------------------------------------------


class Case:
    """A case.json; every look-up that fails is a FormError."""

    def __init__(self, text):
        try:
            self.case = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise FormError('it is not JSON: %s' % error) from None
        need(isinstance(self.case, dict), 'it is not a JSON object')
        self.form, self.dims = self.table('form'), self.table('dims')
        self.inputs, self.expected = {}, []
        for name, tensor in self.table('tensors').items():
            need(isinstance(tensor, dict), "tensor '%s' is not an object" % name)
            shape = tensor.get('shape')
            need(isinstance(shape, list) and all(type(n) is int for n in shape),
                 "tensor '%s' has no shape" % name)
            need(tensor.get('role') in ('input', 'expected'),
                 "tensor '%s' has no role: input or expected" % name)
            if tensor['role'] == 'input':
                self.inputs[name] = shape
            else:
                self.expected.append(name)

    def table(self, name):
        value = self.case.get(name)
        need(isinstance(value, dict), "it has no object '%s'" % name)
        return value

    def dim(self, name):
        value = self.dims.get(name)
        need(type(value) is int, "its dims have no number '%s'" % name)
        return value

    def number(self, where, name, default):
        value = where.get(name)
        if value is None:
            return default
        need(type(value) in (int, float), "its '%s' is %s, not a number"
             % (name, json.dumps(value)))
        return value

    def extent(self, name, at):
        shape = self.inputs[name]
        need(len(shape) > at, "input '%s' is listed as %s: too few dimensions"
             % (name, shape))
        return shape[at]

    def has(self, name, flag=None):
        """Is the input listed? A form that says otherwise is refused."""
        listed = name in self.inputs
        if flag in self.form:
            said = self.form[flag] not in (None, False, 0)
            need(said == listed, "its form says %s = %s, but input '%s' is %slisted"
                 % (flag, json.dumps(self.form[flag]), name, '' if listed else 'not '))
        return listed


# Where a system keeps its sizes, beside k, D and dim.
DIMS = {'gqe': {'groups': 'G', 'experts': 'M'},
        'moh-dit': {'experts': 'routed_pool', 'shared': 'shared'},
        'switchhead': {'groups': 'H', 'experts': 'E'},
        'llama-moe-v2': {'experts': 'E', 'heads_per_expert': 'heads_per_expert'}}
NORMS = {'gqe': 'token', 'moh-dit': 'group', 'switchhead': 'none', 'llama-moe-v2': 'group'}
LAYOUTS = {'switchhead': {'w_q': 'out_in', 'w_k': 'out_in', 'sel_v': 'out_in',
                          'sel_o': 'out_in', 'w_v': 'in_out', 'w_o': 'in_out'}}


def case_form(text):
    """The Form of a case.json and the inputs it lists: {name: shape}."""
    case = Case(text)
    form = case.form
    system, variant = form.get('system'), form.get('variant', 'gqe')
    need(system in SYSTEMS, "its system %s is unknown; known are %s"
         % (json.dumps(system), ', '.join(SYSTEMS)))
    layout = form.get('weight_layout')
    need(layout in (None, LAYOUTS.get(system, 'out_in')),
         'weight_layout %s is not supported' % json.dumps(layout))
    sizes = {field: case.dim(name) for field, name in DIMS[system].items()}
    result = Form(
        system=system, level=form.get('level'), dim=case.dim('dim'), topk=case.dim('k'),
        head_dim=case.dim('D'), **({'groups': 1} | sizes), variant=variant,
        norm=form.get('norm', 'none'), eps=case.number(form, 'eps', 1e-9),
        f_sums_to=str(form.get('f_sums_to', 'k')),
        scale=case.number(case.case, 'scale', 0.0), causal=form.get('causal') is True,
        results=tuple(case.expected))
    if system == 'gqe':
        result.shared = case.number(form, 'shared', int(variant == 'gqe'))
    if system == 'moh-dit' and str(form.get('weight_scale', 'k')).startswith('k'):
        result.weight_scale = float(result.topk)  # the second stage is the system's
    else:
        result.weight_scale = case.number(form, 'weight_scale', 1.0)
    read_inputs(case, result)
    result.check()
    return result, case.inputs


def read_inputs(case, result):
    """What depends on which inputs the case lists."""
    result.mask = case.has('attn_mask', 'mask')
    result.past = case.has('past_k', 'past')
    result.kv_start = case.has('kv_start', 'kv_start')
    result.out_proj, result.out_bias = case.has('w_o'), case.has('b_o')
    result.bias = case.has('b_q')
    result.rope = case.has('rope_cos')
    offset = case.number(case.form, 'rope_offset', None)
    need(result.rope == (offset is not None),
         "its form says rope_offset = %s, but input 'rope_cos' is %slisted"
         % (json.dumps(offset), '' if result.rope else 'not '))
    if result.rope:
        result.rotate = case.extent('rope_cos', 1)
        past = case.extent('past_k', 1) if result.past else 0
        result.rope_offset = 'P' if result.past and offset == past else offset
    if result.mask:
        result.mask_shared = case.extent('attn_mask', 0) == 1 and case.dim('B') != 1


def check_inputs(arguments, inputs):
    """The function's arguments must be the case's inputs."""
    for name in inputs:
        need(name in arguments, "this layer takes no input '%s'" % name)
    for name, shape in arguments.items():
        need(name in inputs, "this layer needs an input '%s', which is not listed" % name)
        fits = len(shape) == len(inputs[name]) and all(
            isinstance(n, str) or n == m for n, m in zip(shape, inputs[name]))
        need(fits, "input '%s' is listed as %s, but the form makes it %s"
             % (name, inputs[name], '[%s]' % ', '.join(map(str, shape))))

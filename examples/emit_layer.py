#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints the module of a routed-attention layer: one function, @layer.

The layer is given by options, or by a golden case:

  emit_layer.py --groups 4 --experts 4 --topk 2 --head-dim 64 --dim 512 --rope
  emit_layer.py --from-case test/goldens/13_decode_q1/case.json --dtype bf16

Batch, tokens and keys (B, S, T) stay dynamic. Arguments and results are named
as the tensors of the cases:

  gqe layer    x, w_r, w_q, w_k, w_v, w_qs [out, in], --bias: b_q, b_k, b_v,
               b_qs, b_o; w_o
  gqe core     q [B,S,G,M,D], k and v [B,T,G,D], router_logits [B,S,G,M],
               q_shared [B,S,D]
  gqe options  --rope: rope_cos, rope_sin [L,D]; --mask: attn_mask [B,1,S,T];
               --past: past_k, past_v [B,P,G,D]; --kv-start: kv_start [B]
  moh-dit      q, k, v [B,S,H,D], router_logits, shared_logits, balance_logits
  switchhead   x, w_q, w_k, w_v, w_o, sel_v, sel_o
  llama-moe-v2 x, w_r, w_q, w_k, w_v, w_o

With --dtype bf16 or f16 all but logits, RoPE tables, probabilities, weights,
lse and aux are of that type. Exit codes: 0 done, 1 a bad case, 2 wrong usage.
"""
import argparse
import sys

from emit import form as forms
from emit import gqe, llama_moe_v2, moh_dit, switchhead
from emit.form import Form, FormError, need

EMITTERS = {'gqe': gqe.emit, 'moh-dit': moh_dit.emit, 'switchhead': switchhead.emit,
            'llama-moe-v2': llama_moe_v2.emit}

# What an option is where it is not given: sizes of GQE-250M, and of a small
# layer of the other systems.
DEFAULTS = {
    'gqe': {'dim': 1024, 'groups': 8, 'experts': 2, 'topk': 1, 'head_dim': 64},
    'moh-dit': {'experts': 8, 'topk': 3, 'head_dim': 72, 'shared': 16},
    'switchhead': {'dim': 412, 'groups': 2, 'experts': 5, 'topk': 3, 'head_dim': 76},
    'llama-moe-v2': {'dim': 512, 'experts': 8, 'topk': 2, 'head_dim': 64,
                     'heads_per_expert': 4},
}

# Options that only some systems have.
FOR = {'variant': ('gqe',), 'groups': ('gqe', 'switchhead'), 'shared': ('gqe', 'moh-dit'),
       'heads_per_expert': ('llama-moe-v2',),
       'weight_scale': ('moh-dit', 'switchhead', 'llama-moe-v2'),
       'rope': ('gqe', 'switchhead', 'llama-moe-v2'), 'bias': ('gqe', 'moh-dit'),
       'mask': ('gqe',), 'past': ('gqe',), 'kv_start': ('gqe',)}


def flag(name):
    return '--' + name.replace('_', '-')


def parser():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter,
                                argument_default=argparse.SUPPRESS, allow_abbrev=False)
    p.add_argument('--from-case', metavar='CASE.json',
                   help='take all of it from a case; only --dtype and --results go with it')
    p.add_argument('--dtype', choices=forms.DTYPES, help='f32 (default), bf16 or f16')
    p.add_argument('--results', metavar='NAME,...',
                   help="default: the case's expected tensors; without a case the "
                   'output, which is y, or concat at core level. Naming y at core '
                   'level adds the argument w_o')
    p.add_argument('--system', choices=forms.SYSTEMS, help='default gqe')
    p.add_argument('--variant', choices=forms.VARIANTS, help='of gqe (default gqe)')
    p.add_argument('--level', choices=('layer', 'core'),
                   help='from x and weights, or from projected rows (default: layer, '
                   'for moh-dit core)')
    p.add_argument('--dim', type=int, help='width of x and y')
    p.add_argument('--groups', '--heads', type=int,
                   help='groups of gqe, heads of switchhead')
    p.add_argument('--experts', type=int,
                   help='of a group, of a head, or (moh-dit) in the pool')
    p.add_argument('--topk', type=int, help='experts that a token takes in a group')
    p.add_argument('--head-dim', type=int, help='width of a head')
    p.add_argument('--shared', type=int,
                   help='heads that are always on (gqe: 0 or 1)')
    p.add_argument('--heads-per-expert', type=int, help='query heads (llama-moe-v2)')
    p.add_argument('--norm', choices=('none', 'group', 'token'),
                   help='what the weights are divided by the sum over')
    p.add_argument('--eps', type=float, help='the least sum that divides weights')
    p.add_argument('--weight-scale', type=float,
                   help='of the weights (llama-moe-v2, switchhead; moh-dit has k)')
    p.add_argument('--scale', type=float, help='of the scores (default 1/sqrt(D))')
    p.add_argument('--causal', action=argparse.BooleanOptionalAction,
                   help='default: yes, but not for moh-dit and not with --mask, which '
                   'holds the rule')
    p.add_argument('--rope', action='store_true', help='rotary positions, from tables')
    p.add_argument('--rotate', type=int, metavar='N',
                   help='components that rotate (default D, of switchhead half)')
    p.add_argument('--bias', action='store_true', help='biases on the projections')
    p.add_argument('--mask', action='store_true', help='an argument attn_mask')
    p.add_argument('--past', action='store_true', help='arguments past_k and past_v')
    p.add_argument('--kv-start', action='store_true', help='an argument kv_start')
    return p


def option_form(given):
    """The Form of the options that were given."""
    system = given.setdefault('system', 'gqe')
    for name in given:
        systems = FOR.get(name, forms.SYSTEMS)
        some = ' and '.join([', '.join(systems[:-1])] * (len(systems) > 1) + [systems[-1]])
        need(system in systems, '%s is for %s, not for %s' % (flag(name), some, system))
    need('rope' in given or 'rotate' not in given, '--rotate needs --rope')
    level = given.setdefault('level', forms.LEVELS[system][0])
    variant = given.get('variant', 'gqe')
    results = given.get('results')
    options = {'groups': 1} | DEFAULTS[system] | given
    options.setdefault('norm', forms.NORMS[system] if variant == 'gqe' else 'none')
    options.setdefault('causal', system != 'moh-dit' and not given.get('mask', False))
    if system == 'gqe':
        options.setdefault('shared', 1 if variant == 'gqe' else 0)
    elif system == 'moh-dit':
        options.setdefault('eps', 2.0 ** -23)  # of torch.finfo(float32)
        options.setdefault('weight_scale', float(options['topk']))
        heads = options['shared'] + options['experts']
        options.setdefault('dim', heads * options['head_dim'])
    D = options['head_dim']
    options.setdefault('rotate', D // 4 * 2 if system == 'switchhead' else D)
    options['out_proj'] = level == 'layer' or 'y' in (results or ())
    options['out_bias'] = options['out_proj'] and options.get('bias', False)
    options['results'] = results or (('y',) if options['out_proj'] else ('concat',))
    if options.get('past') and options.get('rope'):
        options['rope_offset'] = 'P'
    return Form(**options)


def from_options(given, usage):
    try:
        form = option_form(given)
        form.check()
    except FormError as error:
        usage(str(error))
    return EMITTERS[form.system](form)[0]


def from_case(path, given, usage):
    others = [flag(name) for name in given if name not in ('dtype', 'results')]
    if others:
        usage('a case gives all but --dtype and --results; leave out ' + ', '.join(others))
    with open(path, encoding='utf-8') as file:
        form, inputs = forms.case_form(file.read())
    for name, value in given.items():
        setattr(form, name, value)
    try:
        form.check()
    except FormError as error:
        usage(str(error))
    text, arguments = EMITTERS[form.system](form)
    forms.check_inputs(arguments, inputs)
    return text


def main(words):
    p = parser()
    given = vars(p.parse_args(words))
    if 'results' in given:
        given['results'] = tuple(given['results'].split(','))
    path = given.pop('from_case', None)
    if path is None:
        text = from_options(given, p.error)
    else:
        try:
            text = from_case(path, given, p.error)
        except (FormError, OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            print('error: %s: %s' % (path, why), file=sys.stderr)
            return 1
    sys.stdout.write(text)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What emit_layer.py prints, and what it refuses.

  emit_layer_test.py --opt=headgate-opt --goldens=DIR [unittest options]
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import pipeline

OPT = GOLDENS = ''


def emit(*words):
    return subprocess.run([sys.executable, '-B', pipeline.EMIT, *words], timeout=60,
                          capture_output=True, text=True, check=False)


def names(text):
    """routed.name of the arguments and of the results."""
    head, _, tail = text.partition('\n    -> (')
    found = [re.findall(r'routed.name = "(\w+)"', part) for part in (head, tail)]
    return found[0], found[1]


class Prints(unittest.TestCase):

    def module(self, *words):
        """The text, which headgate-opt must accept."""
        done = emit(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        opt = subprocess.run([OPT, '--verify-roundtrip'], input=done.stdout, timeout=60,
                             capture_output=True, text=True, check=False)
        self.assertEqual(opt.returncode, 0, opt.stderr)
        return done.stdout

    def test_defaults_of_every_system(self):
        for system, output in (('gqe', 'y'), ('moh-dit', 'concat'), ('switchhead', 'y'),
                               ('llama-moe-v2', 'y')):
            text = self.module('--system', system)
            self.assertIn('func.func @layer(', text)
            self.assertEqual(text.count('func.func'), 1)
            self.assertEqual(names(text)[1], [output])

    def test_arguments_follow_the_options(self):
        weights = ['x', 'w_r', 'w_q', 'w_k', 'w_v', 'w_qs', 'w_o']
        self.assertEqual(names(self.module())[0], weights)
        more = names(self.module('--bias', '--rope', '--mask', '--past', '--kv-start'))[0]
        self.assertEqual(set(more) - set(weights), {
            'b_q', 'b_k', 'b_v', 'b_qs', 'b_o', 'rope_cos', 'rope_sin', 'attn_mask',
            'past_k', 'past_v', 'kv_start'})

    def test_core_takes_rows_and_gives_concat(self):
        text = self.module('--level', 'core', '--bias')
        self.assertEqual(names(text), (['q', 'k', 'v', 'router_logits', 'q_shared'],
                                       ['concat']))

    def test_core_takes_w_o_where_y_is_asked_for(self):
        arguments, results = names(self.module('--level=core', '--results=y,idx', '--bias'))
        self.assertEqual(arguments[-2:], ['w_o', 'b_o'])
        self.assertEqual(results, ['y', 'idx'])

    def test_extents_stay_dynamic(self):
        text = self.module('--level=core', '--mask', '--past', '--head-dim=48',
                           '--results=concat,k_cache')
        self.assertIn('%q: tensor<?x?x8x2x48xf32> {routed.name = "q", '
                      'routed.dims = ["B", "S"]}', text)
        self.assertIn('%attn_mask: tensor<?x1x?x?xi1> {routed.name = "attn_mask", '
                      'routed.dims = ["B", "S", "T"]}', text)
        self.assertIn('routed.dims = ["B", "P+S"]', text)

    def test_a_mask_holds_the_causal_rule(self):
        self.assertIn(' causal', self.module())
        self.assertNotIn(' causal', self.module('--mask'))
        self.assertIn(' causal', self.module('--mask', '--causal'))
        self.assertNotIn(' causal', self.module('--no-causal'))

    # Logits, tables, probabilities, weights, lse and aux stay f32.
    def test_what_is_narrow(self):
        results = 'y,slots,renorm,shared,concat,probs,weights,topk_p,lse,aux,idx'
        text = self.module('--level=core', '--dtype=bf16', '--rope', '--past',
                           '--results=' + results)
        types = {name: element for element, name in
                 re.findall(r'(?:x|<)([a-z]+\d+)> \{routed.name = "(\w+)"', text)}
        wide = {n for n, element in types.items() if element == 'f32'}
        self.assertEqual(wide, {'router_logits', 'rope_cos', 'rope_sin', 'probs', 'weights',
                                'topk_p', 'lse', 'aux'})
        self.assertEqual({n for n, e in types.items() if e == 'bf16'}, {
            'q', 'k', 'v', 'q_shared', 'past_k', 'past_v', 'w_o', 'y', 'slots', 'renorm',
            'shared', 'concat'})

    # A case gives what it lists, in every element type, or a part of it.
    def test_cases(self):
        for case in sorted(os.listdir(GOLDENS)):
            path = os.path.join(GOLDENS, case, 'case.json')
            if not os.path.exists(path):
                continue
            with open(path, encoding='utf-8') as file:
                tensors = json.load(file)['tensors']
            inputs = {n for n in tensors if tensors[n]['role'] == 'input'}
            for dtype in ('f32', 'bf16'):
                arguments, results = names(
                    self.module('--from-case', path, '--dtype', dtype))
                self.assertEqual(set(arguments), inputs)
                self.assertEqual(results, [n for n in tensors if n not in inputs])
            self.assertEqual(names(emit('--from-case', path, '--results=y').stdout)[1], ['y'])


class Refuses(unittest.TestCase):

    def usage(self, message, *words):
        done = emit(*words)
        self.assertEqual((done.returncode, done.stdout), (2, ''), done.stderr)
        self.assertIn('error: ' + message, done.stderr)

    def test_sizes(self):
        self.usage('a token cannot take 5 experts of 4', '--experts=4', '--topk=5')
        self.usage('head-dim must be at least 1, not 0', '--head-dim=0')
        self.usage('groups must be at least 1, not -1', '--groups=-1')
        self.usage("argument --topk: invalid int value: 'two'", '--topk=two')
        self.usage('RoPE rotates an even number of components, 2 to 7 (the head dim), not 7',
                   '--head-dim=7', '--rope')
        self.usage('scale must be finite, not nan', '--scale=nan')
        self.usage('gqe has at most 1 shared heads, not 2', '--shared=2')
        self.usage('hard_concat has at most 0 shared heads, not 1', '--shared=1',
                   '--variant=hard_concat')
        self.usage('moh-dit needs at least 1 shared head', '--system=moh-dit', '--shared=0')

    def test_words(self):
        self.usage('argument --system: invalid choice', '--system=gqa')
        self.usage('argument --dtype: invalid choice', '--dtype=f64')
        self.usage('unrecognized arguments: --heads-per', '--heads-per=3')

    def test_options_that_do_not_fit(self):
        self.usage('--past is for gqe, not for switchhead', '--system=switchhead', '--past')
        self.usage('--rope is for gqe, switchhead and llama-moe-v2, not for moh-dit',
                   '--system=moh-dit', '--rope')
        self.usage('moh-dit is emitted at level core only', '--system=moh-dit', '--level=layer')
        self.usage('switchhead is emitted at level layer only', '--system=switchhead',
                   '--level=core')
        self.usage('--rotate needs --rope', '--rotate=4')

    def test_results(self):
        self.usage("this layer has no result 'z'; it can give y, concat,", '--results=y,z')
        self.usage("this layer has no result 'k_cache'", '--results=k_cache')
        self.usage("this layer has no result 'renorm'", '--variant=hard_concat',
                   '--results=renorm')
        self.usage("this layer has no result 'router_logits'", '--level=core',
                   '--results=router_logits')
        self.usage('a result is named twice', '--results=y,y')
        self.usage("this layer has no result ''", '--results=')

    def test_a_case_and_options(self):
        path = os.path.join(GOLDENS, '02_hard_concat', 'case.json')
        self.usage('a case gives all but --dtype and --results; leave out --groups, --rope',
                   '--from-case', path, '--groups=2', '--rope')
        self.usage("this layer has no result 'renorm'", '--from-case', path,
                   '--results=renorm')


class BadCases(unittest.TestCase):

    def bad(self, message, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'case.json')
            with open(path, 'wb') as file:
                file.write(text)
            done = emit('--from-case', path)
        self.assertEqual((done.returncode, done.stdout), (1, ''), done.stderr)
        self.assertTrue(done.stderr.startswith('error: ' + path), done.stderr)
        self.assertIn(message, done.stderr)

    def changed(self, message, name, change):
        """A golden case after `change`."""
        with open(os.path.join(GOLDENS, name, 'case.json'), encoding='utf-8') as file:
            case = json.load(file)
        change(case)
        self.bad(message, json.dumps(case).encode())

    def test_no_file(self):
        done = emit('--from-case', '/nowhere/case.json')
        self.assertEqual((done.returncode, done.stderr),
                         (1, 'error: /nowhere/case.json: No such file or directory\n'))

    def test_no_case(self):
        self.bad('it is not JSON', b'{')
        self.bad('it is not JSON', b'[' * 100000)
        self.bad('', b'\xff\xfe')
        self.bad('it is not a JSON object', b'[]')
        self.bad("it has no object 'form'", b'{}')
        self.bad("it has no object 'tensors'", b'{"form": {}, "dims": {}}')

    def test_wrong_values(self):
        case = '09_b2_bias_rope_layer'
        changes = [
            ('its system "gqa" is unknown', 'form', 'system', 'gqa'),
            ('its system [] is unknown', 'form', 'system', []),
            ("not 'tile'", 'form', 'level', 'tile'),
            ("gqe has no variant 'soft'", 'form', 'variant', 'soft'),
            ("norm is none, group or token", 'form', 'norm', 'l2'),
            ("its 'eps' is \"small\", not a number", 'form', 'eps', 'small'),
            ("f_sums_to is 'k' or '1'", 'form', 'f_sums_to', 2),
            ('weight_layout "in_out" is not supported', 'form', 'weight_layout', 'in_out'),
            ('a token cannot take 5 experts of 4', 'dims', 'k', 5),
            ("its dims have no number 'G'", 'dims', 'G', '2'),
            ("input 'w_r' is listed as [8, 24], but the form makes it [12, 24]", 'dims', 'G', 3),
        ]
        for message, table, key, value in changes:
            self.changed(message, case, lambda c: c[table].update({key: value}))

    def test_inputs_against_form(self):
        case = '13_decode_q1'
        self.changed("its form says mask = true, but input 'attn_mask' is not listed", case,
                     lambda c: c['form'].update(mask=True))
        self.changed("its form says rope_offset = null, but input 'rope_cos' is listed", case,
                     lambda c: c['form'].update(rope_offset=None))
        self.changed("rope_offset is a position, not -1", case,
                     lambda c: c['form'].update(rope_offset=-1))
        self.changed("this layer takes no input 'w_z'", case,
                     lambda c: c['tensors'].update(w_z={'role': 'input', 'shape': [2]}))
        self.changed("this layer needs an input 'q_shared', which is not listed", case,
                     lambda c: c['tensors'].pop('q_shared'))
        self.changed("input 'rope_cos' is listed as []: too few dimensions", case,
                     lambda c: c['tensors']['rope_cos'].update(shape=[]))
        self.changed("tensor 'q' has no shape", case, lambda c: c['tensors']['q'].pop('shape'))
        self.changed("tensor 'q' has no role", case,
                     lambda c: c['tensors']['q'].update(role='weight'))
        self.changed("this layer has no result 'noise'", case,
                     lambda c: c['tensors'].update(noise={'role': 'expected', 'shape': [2]}))


def main():
    global OPT, GOLDENS
    p = pipeline.argparse.ArgumentParser()
    p.add_argument('--opt', required=True)
    p.add_argument('--goldens', required=True)
    options, rest = p.parse_known_args()
    OPT, GOLDENS = options.opt, options.goldens
    unittest.main(argv=sys.argv[:1] + rest)


if __name__ == '__main__':
    main()

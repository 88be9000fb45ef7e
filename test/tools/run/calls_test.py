# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""headgate-run from the outside: entries, plans, bundles, devices, and what a
user may do wrong."""
import json
import os
import shutil

import case
from case import MIX, Case


class Calls(Case):

    def test_by_name(self):
        self.assertEqual(self.good(self.mix, *MIX),
                         'y = 2x3xf32=[10.5 11 11.5][0 0 0]\nn = i32=1\n')

    def test_by_position(self):
        values = [text.split('=', 2)[2] for text in MIX]
        self.assertEqual(
            self.good(self.mix, *['--input=' + value for value in values]),
            self.good(self.mix, *MIX))

    # The named ones first, then the others in order.
    def test_names_and_positions(self):
        self.assertEqual(
            self.good(self.mix, '--input=2x3xf32=1 2 3 4 5 6', MIX[2],
                      '--input=2xi1=1 0', '--input=f32=0.5'),
            self.good(self.mix, *MIX))

    def test_no_rows(self):
        self.assertEqual(
            self.good(self.mix, '--input=0x3xf32=', '--input=0xi1=',
                      '--input=0xi32=', '--input=f32=1'),
            'y = 0x3xf32=\nn = i32=0\n')

    def test_entry_must_be_chosen(self):
        done = self.bad(1, 'mix', self.bundle)
        self.assertIn('echo_f32', done.stderr)

    def test_unknown_entry(self):
        self.bad(1, 'mux', self.bundle, '--function=mux')

    def test_unknown_input(self):
        self.bad(1, "no input named 'shfit'; entry 'mix' has x, keep, shift, "
                 "scale (did you mean 'shift'?)", self.mix,
                 '--input=shfit=2xi32=1')

    def test_missing_input(self):
        self.bad(1, "input 'scale' is missing", self.mix, *MIX[:3])

    def test_repeated_input(self):
        self.bad(1, "input 'x' is given twice", self.mix, MIX[0], *MIX)

    def test_too_many_inputs(self):
        self.bad(1, "5 inputs are given, but entry 'mix' has x, keep, shift, "
                 "scale", self.mix, *MIX, '--input=f32=1')

    def test_wrong_shape(self):
        self.bad(1, "'x'", self.mix, '--input=x=2x4xf32=0', *MIX[1:])

    def test_wrong_rank(self):
        self.bad(1, "'x'", self.mix, '--input=x=6xf32=0', *MIX[1:])

    def test_dimensions_must_agree(self):
        self.bad(1, 'S is 2', self.mix, MIX[0], '--input=keep=3xi1=1', *MIX[2:])

    def test_nan_and_infinities_pass(self):
        self.assertEqual(self.echo('f32', '1x3xf32=nan -inf inf'),
                         'y = 1x3xf32=[nan -inf inf]')


class Plans(Case):

    def test_dry_run_runs_nothing(self):
        self.assertEqual(self.good(self.mix, *MIX, '--dry-run'), '')
        self.bad(1, "'x'", self.mix, '--input=2x4xf32=0', *MIX[1:], '--dry-run')

    def test_plan(self):
        text = self.good(self.mix, *MIX, '--print-plan', '--dry-run')
        self.assertIn('mix.0', text)
        self.assertIn('S', text)
        self.assertNotIn('y = ', text)
        self.assertTrue(self.good(self.mix, *MIX, '--print-plan')
                        .startswith(text))
        value = json.loads(self.good(self.mix, *MIX, '--print-plan', '--json'))
        self.assertIn('mix.0', value['plan'])

    # Without inputs: what can be called, and with what.
    def test_signatures(self):
        text = self.good(self.bundle, '--print-plan', '--dry-run')
        self.assertIn('mix(x: [S,3] f32, keep: [S] i1, shift: [S] i32, '
                      'scale: [] f32) -> (y: [S,3] f32, n: [] i32)', text)
        self.assertIn('echo_bf16(x: [S,3] bf16) -> (y: [S,3] bf16)', text)
        self.assertEqual(
            self.good(self.bundle, '--print-plan', '--dry-run',
                      '--function=echo_bf16'),
            'echo_bf16(x: [S,3] bf16) -> (y: [S,3] bf16)\n')
        self.bad(1, 'did you mean', self.bundle, '--print-plan', '--dry-run',
                 '--function=echo_bf61')

    def test_forced_variant(self):
        call = (self.bundle, '--function=part', '--input=5xf32=0',
                '--print-plan', '--dry-run')
        self.assertIn('part.full', self.good(*call))
        self.assertIn('part.hole',
                      self.good(*call, '--variant=part=part.hole'))
        self.bad(1, 'part.none', *call, '--variant=part=part.none')
        self.bad(1, 'parts', *call, '--variant=parts=part.hole')
        self.bad(1, "no image 'hast'", *call, '--image=hast')

    def test_tuned(self):
        self.good(self.mix, *MIX, '--tuned=none')
        self.bad(1, 'none.json', self.mix, *MIX, '--tuned=none.json')
        path = self.path('tuned.json')
        with open(path, 'w') as file:
            json.dump({'format': 'headgate.tuned', 'version': 1,
                       'devices': []}, file)
        self.good(self.mix, *MIX, '--tuned=' + path)
        with open(path, 'a') as file:
            file.write('}')
        self.bad(1, path + ': parse error', self.mix, *MIX, '--tuned=' + path)


class Bundles(Case):

    def test_ir_is_no_bundle(self):
        with open(self.path('gqe.mlir'), 'w') as file:
            file.write('func.func @f() { return }\n')
        self.bad(1, 'gqe.mlir is IR, not a bundle', 'gqe.mlir')

    def test_missing_bundle(self):
        self.bad(1, 'none.hgb', 'none.hgb')

    def test_folder_without_plan(self):
        os.makedirs(self.path('empty'), exist_ok=True)
        self.bad(1, 'plan.json', self.path('empty'))

    def damaged(self, change):
        folder = self.path('damaged.hgb')
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.mix, folder)
        change(folder)
        return folder

    def test_damaged_image(self):
        def change(folder):
            name = os.path.join(folder, os.path.relpath(self.image, self.bundle))
            with open(name, 'r+b') as file:
                file.seek(100)
                file.write(b'damage')
        self.bad(1, 'damaged', self.damaged(change), *MIX)

    def test_missing_image(self):
        def change(folder):
            os.remove(os.path.join(folder, os.path.relpath(self.image,
                                                           self.bundle)))
        self.bad(1, 'kernels/host-', self.damaged(change), *MIX)

    def test_damaged_plan(self):
        def change(folder):
            name = os.path.join(folder, 'plan.json')
            with open(name) as file:
                text = file.read()
            with open(name, 'w') as file:
                file.write(text.replace('"steps"', '"staps"'))
        self.bad(1, 'staps', self.damaged(change), *MIX)

    def test_cut_plan(self):
        def change(folder):
            with open(os.path.join(folder, 'plan.json'), 'r+') as file:
                file.truncate(1000)
        self.bad(1, 'plan.json', self.damaged(change), *MIX)


class Devices(Case):

    def test_host_threads(self):
        self.assertEqual(self.good(self.mix, *MIX, '--device=host:threads=2'),
                         self.good(self.mix, *MIX))

    def test_list(self):
        self.assertIn('host', self.good('--list_devices').split())

    def test_unknown_device(self):
        self.bad(2, 'tpu', self.mix, *MIX, '--device=tpu')
        self.bad(2, 'threads', self.mix, *MIX, '--device=host:threads=none')

    # A bundle without GPU code, a machine without a GPU or a build without the
    # device: whichever comes first, it is a sentence.
    def test_other_devices(self):
        for device in ('cuda', 'sim:sm_90a'):
            done = self.call(self.mix, *MIX, '--device=' + device)
            self.assertIn(done.returncode, (1, 4))
            self.assertIn('error: ', done.stderr)
            self.assertIn(device.split(':')[0], done.stderr)


class Usage(Case):

    def test_help(self):
        text = self.good('--help')
        for flag in ('--function', '--device', '--list_devices', '--input',
                     '--output', '--expected_output', '--atol', '--rtol',
                     '--variant', '--tuned', '--print-plan', '--dry-run',
                     '--check-unwritten', '--json', '--version', '--verbose',
                     '--quiet'):
            self.assertIn(flag, text)

    def test_version(self):
        self.assertRegex(self.good('--version'), r'^headgate-run \d+\.\d+\.\d+')

    def test_time_is_told_on_request(self):
        done = self.call(self.mix, *MIX, '-v')
        self.assertRegex(done.stderr, r'(?m)^ran mix .*\d (ns|us|ms|s)$')
        self.assertEqual(self.call(self.mix, *MIX).stderr, '')

    def test_wrong_flags(self):
        self.bad(2, 'BUNDLE')
        self.bad(2, '--inptu', self.mix, '--inptu=x')
        self.bad(2, 'second.hgb', self.mix, 'second.hgb')
        self.bad(2, '--atol', self.mix, '--expected_output=@y.npy', '--atol=-1')
        self.bad(2, '--atol', self.mix, '--expected_output=@y.npy', '--atol=x')
        self.bad(2, '--rtol', self.mix, '--rtol=1e-3')
        self.bad(2, '--variant', self.mix, '--variant=part')
        self.bad(2, 'twice', self.mix, '--variant=a=b', '--variant=a=c')
        self.bad(2, '--quiet', self.mix, '-v', '--quiet')
        self.bad(2, '--dry-run', self.mix, '--dry-run', '--output=-')
        self.bad(2, '@FILE.npy', self.mix, '--output=y.npy')

    def test_values_in_a_word_of_their_own(self):
        words = [word for text in MIX for word in text.split('=', 1)]
        self.assertEqual(self.good(*words, self.mix), self.good(self.mix, *MIX))


if __name__ == '__main__':
    case.main()

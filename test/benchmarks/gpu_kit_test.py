# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""benchmarks/gpu-kit.py: packs a small kit and runs it on the host and on the
simulator, with the binaries of this build.

  gpu_kit_test.py BUILD
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'benchmarks'))
from gpu_kit import arrays, microkernels, pack, recordings, run  # noqa: E402

BUILD = sys.argv[1]


def kit_command(script, *words, code=0):
    done = subprocess.run([sys.executable, '-B', str(script), *map(str, words)],
                          capture_output=True, text=True)
    assert done.returncode == code, '%s: exit code %d, not %d\n%s%s' % (
        words, done.returncode, code, done.stdout, done.stderr)
    return done.stdout


class Arrays(unittest.TestCase):
    def test_inputs_are_those_of_any_machine(self):
        self.assertEqual(arrays.draw('i32', (3,), 11, 'bits')[2],
                         [1942955373, -576632500, -1890763225])
        self.assertEqual(arrays.draw('bf16', (3,), 7)[2],
                         arrays.draw('bf16', (3,), 7)[2])
        for dtype in 'f32', 'f16', 'bf16':
            array = arrays.draw(dtype, (500,), 1)
            found = arrays.reals(array)
            self.assertTrue(all(0.125 <= abs(x) <= 2 for x in found))
            self.assertGreater(len(set(found)), 100)
            back = arrays.unpack(arrays.pack(array))
            self.assertEqual(arrays.difference(back, array, {}), '')

    def differ(self, a, b, rule, descr='<f4'):
        return arrays.difference((descr, (len(a),), a), (descr, (len(b),), b), rule)

    def test_differences(self):
        nan = float('nan')
        self.assertEqual(self.differ([1.0, nan], [1.0, nan], {}), '')
        self.assertIn('[1]: -0.0, expected 0.0', self.differ([1.0, -0.0], [1.0, 0.0], {}))
        near = {'rtol': 0.01, 'atol': 0.001}
        self.assertEqual(self.differ([1.009, 100.0], [1.0, 100.0], near), '')
        self.assertIn('1 of 2', self.differ([1.2, 100.0], [1.0, 100.0], near))
        self.assertIn('1 of 2', self.differ([nan, 100.0], [1.0, 100.0], near))
        self.assertIn('not', self.differ([1.0], [1.0, 2.0], {}))

    def test_steps(self):
        def differ(a, b, **rule):
            return self.differ([a], [b], rule, '<i4')
        one, nan = 0x3f800000, 0x7fc00000
        self.assertEqual(differ(one + 2, one, ulp=2), '')
        self.assertNotEqual(differ(one + 3, one, ulp=2), '')
        self.assertEqual(differ(1, -(1 << 31) + 1, ulp=2), '', 'across zero')
        self.assertEqual(differ(nan, 0x7fffffff, ulp=0), '')
        self.assertNotEqual(differ(nan, one, ulp=2), '')
        self.assertEqual(differ(one + 99, one, ulp=2, near=1e-4), '')


class Recordings(unittest.TestCase):
    """Of the simulator; and whatever GPUs gave, in test/recordings."""

    def replay(self, file, device):
        return recordings.replay(pathlib.Path(BUILD) / 'bin/headgate-run', file, device)

    def test_replay(self):
        tool = pathlib.Path(BUILD) / 'bin/headgate-run'
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            cases = recordings.make_microkernels(folder)
            made = recordings.record(tool, folder, cases, 'sim:sm_80', {})
            file = folder / 'made.json'
            file.write_text(json.dumps(made))
            count = len(microkernels.MICROKERNELS)
            self.assertEqual(self.replay(file, 'sim:sm_80,sched=random,async=random,seed=5'),
                             (count, []))
            out = made['cases']['micro/ldmatrix']['outputs']
            descr, shape, values = arrays.unpack(out['out'])
            values[9] ^= 1
            out['out'] = arrays.pack((descr, shape, values))
            made['cases']['micro/bits']['plan'] = 'another'
            file.write_text(json.dumps(made))
            found, wrong = self.replay(file, 'sim:sm_80')
        self.assertEqual((found, len(wrong)), (count, 2), wrong)
        self.assertIn('micro/bits: was recorded of another kernel', wrong[0])
        self.assertIn('micro/ldmatrix: out: 1 of 2048 elements differ, first [1, 1]', wrong[1])

    def test_recorded_on_gpus(self):
        for file in sorted((ROOT / 'test/recordings').glob('*.json')):
            count, wrong = self.replay(file, 'sim:sm_80')
            self.assertEqual(wrong, [])
            self.assertGreater(count, 0)


class Kit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which('dpkg'):
            raise unittest.SkipTest('packing needs dpkg')
        cls.folder = tempfile.TemporaryDirectory()
        cls.kit = pathlib.Path(cls.folder.name) / 'kit'
        # Cases 0 and 42 of each list.
        kit_command(ROOT / 'benchmarks/gpu-kit.py', 'pack', '-o', cls.kit, '--build', BUILD,
                    '--every=42', '--problems=dense64', '--recordings=gather,split')

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_kit(self, *words, out='result.json', code=0):
        """The results and the table."""
        out = self.kit / 'out' / out
        table = kit_command(self.kit / 'source/benchmarks/gpu-kit.py', 'run', '--build',
                            BUILD, '--out', out, *words, code=code)
        return json.loads(out.read_text()), table

    def edit(self, name, change):
        """Changes a file of the kit until the test ends."""
        file = self.kit / name
        old = file.read_text()
        file.write_text(change(old))
        self.addCleanup(file.write_text, old)

    def check_all(self, device, micro):
        result, table = self.run_kit('--device=' + device, out=device[:3] + '.json')
        stages = result['stages']
        self.assertEqual(list(stages), list(run.LIMITS))
        for name in ('manifest', 'environment', 'conformance', 'recordings', 'problems'):
            self.assertEqual(stages[name]['status'], 'passed', stages[name])
            self.assertIn(name, table)
        self.assertEqual(stages['build']['status'], 'skipped')
        self.assertIn('CUDA alone', stages['sanitizer']['why'])
        self.assertEqual(stages['recordings']['compared'], 2 + micro)
        self.assertIn(', 0 failures', stages['problems']['summary'])
        versus = stages['versus']
        if versus['status'] == 'skipped':
            self.assertIn('torch is not installed', versus['why'])
        else:
            self.assertEqual(versus['status'], 'passed', versus)
            self.assertIn('headgate', versus['problems'][0]['rows'])

    def test_all_on_the_host(self):
        self.check_all('host', 0)

    def test_all_on_the_simulator(self):
        self.check_all('sim:sm_80', len(microkernels.MICROKERNELS))

    def test_goes_on_where_it_stopped(self):
        first, _ = self.run_kit('--device=host', '--stages=manifest,environment')
        again, _ = self.run_kit('--device=host', '--resume', '--stages=environment,conformance')
        self.assertEqual(list(again['stages']), ['manifest', 'environment', 'conformance'])
        self.assertEqual(again['stages']['environment'], first['stages']['environment'])
        self.run_kit('--device=sim:sm_80', '--resume', '--stages=build', code=1)

    def test_what_waited_for_a_build_runs_after_it(self):
        stages = 'source/benchmarks/gpu_kit/stages.py'
        self.edit(stages, lambda text: text + (
            '\nSTAGES["build"] = lambda context: os._exit(1)\n'))
        result, _ = self.run_kit('--device=host', '--stages=build,recordings', code=1)
        self.assertEqual(result['stages']['recordings']['status'], 'waiting')
        self.doCleanups()
        result, _ = self.run_kit('--device=host', '--resume', '--stages=build,recordings')
        self.assertEqual(list(result['stages']), ['build', 'recordings'])
        self.assertEqual(result['stages']['recordings']['status'], 'passed')

    def test_never_longer_than_the_budget(self):
        result, table = self.run_kit('--device=host', '--budget=3', code=1)
        self.assertEqual({x['status'] for x in result['stages'].values()}, {'late'})
        self.assertIn('s were left', table)

    def test_a_damaged_kit_is_not_run(self):
        self.edit('recordings/cases.json', lambda text: text + ' ')
        result, _ = self.run_kit('--device=host', code=3)
        self.assertEqual(list(result['stages']), ['manifest'])
        self.assertIn('recordings/cases.json is damaged', result['stages']['manifest']['why'])

    def test_another_result_is_a_failed_check(self):
        def change(text):
            recorded = json.loads(text)
            output = recorded['cases']['gather']['outputs']['experts']
            descr, shape, values = arrays.unpack(output)
            values[0] ^= 1
            recorded['cases']['gather']['outputs']['experts'] = arrays.pack((descr, shape, values))
            return json.dumps(recorded)
        self.edit('recordings/sim.json', change)
        result, table = self.run_kit('--device=sim:sm_80', '--stages=recordings', code=3)
        self.assertIn('gather: experts: 1 of 228 elements differ, first [0, 0, 0, 0]',
                      result['stages']['recordings']['why'])
        self.assertIn('failed', table)

    def test_a_device_that_is_not_here(self):
        result, _ = self.run_kit('--device=cuda:99', code=4)
        self.assertIn('cuda:99', result['stages']['build']['why'])
        self.assertEqual(result['stages']['problems']['why'], 'the device is not here')

    def test_wrong_use(self):
        script = ROOT / 'benchmarks/gpu-kit.py'
        kit_command(script, 'run', '--kit', self.folder.name, code=1)
        kit_command(script, 'run', '--kit', self.kit, '--stages=nothing', code=1)
        kit_command(script, 'pack', '-o', self.folder.name, '--build', BUILD, code=1)
        kit_command(script, 'pack', '-o', self.kit.parent / 'new', '--build', '/nowhere', code=1)
        kit_command(script, 'pack', code=2)

    def test_a_stage_that_crashes_or_hangs(self):
        kit = self.kit
        stages = 'source/benchmarks/gpu_kit/stages.py'
        self.edit(stages, lambda text: text + (
            '\nSTAGES["environment"] = lambda context: os.kill(os.getpid(), 11)\n'
            'def hang(context):\n    context.save({"known": 1})\n    time.sleep(100)\n'
            'STAGES["conformance"] = hang\n'))
        self.edit('source/benchmarks/gpu_kit/run.py',
                  lambda text: text.replace('"conformance": 60', '"conformance": 5'))
        result, _ = self.run_kit('--device=host', '--stages=environment,conformance,recordings',
                                 code=1)
        stages = result['stages']
        self.assertEqual(stages['environment']['status'], 'broke')
        self.assertIn('exit code -11', stages['environment']['why'])
        self.assertEqual((stages['conformance']['status'], stages['conformance']['known']),
                         ('timeout', 1))
        self.assertEqual(stages['recordings']['status'], 'passed')
        self.assertEqual(list(kit.glob('out/*.tmp')), [])


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a layer to compared results: emit, compile, run, as a user does it."""
import argparse
import collections
import json
import math
import os
import shutil
import struct
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'test', 'tools', 'run'))
import npy  # noqa: E402

EXAMPLES = os.path.join(ROOT, 'examples')
EMIT = os.path.join(EXAMPLES, 'emit_layer.py')


class Failure(Exception):
    """What a command or a comparison said that the test does not accept."""


def parser(description):
    """The options that name the tools under test."""
    p = argparse.ArgumentParser(description=description,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--compile', required=True, metavar='headgate-compile')
    p.add_argument('--run', required=True, metavar='headgate-run')
    p.add_argument('--lowering', default='kernels', help='how the compiler makes kernels')
    p.add_argument('--gpu', help='run on the simulator of this target, sm_80')
    p.add_argument('--device', metavar='URI', help='run there instead, if it is on this machine')
    p.add_argument('--cuda-driver', metavar='LIBRARY', help='of a CUDA device')
    return p


def target_of(options):
    """What to compile for: by default this machine."""
    return options.gpu or 'host:native'


def device_flags(options):
    """headgate-run's device. Shared memory is as little aligned as a GPU may
    have it."""
    if not options.device:
        return ['--device=sim:%s,smem-base=min' % options.gpu] if options.gpu else []
    driver = ['--cuda-driver=' + options.cuda_driver] if options.cuda_driver else []
    return ['--device=' + options.device, *driver]


def require_device(options):
    """Ends the test with exit code 4 where the device is not on this machine."""
    # There is no such bundle; but that the device is absent is said before.
    done = subprocess.run((options.run, *device_flags(options), 'no-bundle'),
                          capture_output=True, text=True, check=False, timeout=60)
    if done.returncode == 4:
        print(done.stderr, end='')
        sys.exit(4)


def results_of(case, options):
    """What to ask of the layer of a case: a GPU has no kernel for the balance
    loss, which only training needs."""
    return [name for name in case.names('expected') if not (options.gpu and name == 'aux')]


def call(*words):
    """stdout of a command that must succeed."""
    done = subprocess.run(words, capture_output=True, text=True, check=False,
                          timeout=300, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failure('%s\nexit code %d\n%s%s' % (' '.join(words), done.returncode,
                                                 done.stdout, done.stderr))
    return done.stdout


def emit(*options):
    """The module that emit_layer.py prints."""
    return call(sys.executable, EMIT, *options)


def build(options, text, folder, target=None, more=()):
    """The bundle of a module, by default for the machine of the options."""
    module, bundle = (os.path.join(folder, 'layer' + end) for end in ('.mlir', '.hgb'))
    with open(module, 'w', encoding='utf-8') as file:
        file.write(text)
    call(options.compile, module, '-o', bundle, '--target=' + (target or target_of(options)),
         '--lowering=' + options.lowering, *more)
    return bundle


def plan_of(bundle):
    with open(os.path.join(bundle, 'plan.json'), encoding='utf-8') as file:
        return json.load(file)


def images_here(run, bundle):
    """The images of a bundle, one for each CPU level, that this machine runs."""
    def is_here(image):
        # Without inputs it fails; but what the CPU lacks is said before.
        done = subprocess.run((run, bundle, '--image=' + image), capture_output=True,
                              text=True, check=False, timeout=60)
        return 'this CPU lacks' not in done.stderr
    return [image['id'] for image in plan_of(bundle)['images'] if is_here(image['id'])]


class Case:
    """A folder with case.json, in.*.npy and out.*.npy."""

    def __init__(self, folder):
        self.folder, self.json = folder, os.path.join(folder, 'case.json')
        with open(self.json, encoding='utf-8') as file:
            self.description = json.load(file)

    def names(self, role):
        tensors = self.description['tensors']
        return [name for name in tensors if tensors[name]['role'] == role]

    def inputs(self, leave_out=()):
        return ['--input=%s=@%s' % (name, os.path.join(self.folder, 'in.%s.npy' % name))
                for name in self.names('input') if name not in leave_out]

    def expectations(self, names):
        return ['--expected_output=%s=@%s'
                % (name, os.path.join(self.folder, 'out.%s.npy' % name)) for name in names]

    def tolerance(self, name, dtype):
        """(atol, rtol) of a tensor where the layer's element type is dtype."""
        profiles = self.description['tolerance'][name]
        if profiles.get('exact'):
            return 0, 0
        if dtype == 'f16' and 'bf16' in profiles:
            # lib/Tolerance.cpp: bf16 takes 1/128 of the largest and 1.6e-2, f16
            # 1/1024 and 2e-3.
            return profiles['bf16']['atol'] / 8, profiles['bf16']['rtol'] / 8
        if dtype not in profiles:
            raise Failure("tensor '%s' has no %s tolerance" % (name, dtype))
        return profiles[dtype]['atol'], profiles[dtype]['rtol']

    def check(self, run, bundle, dtype, names=None, leave_out=(), flags=()):
        """Runs the bundle on the inputs and compares `names` (all expected
        tensors) under their own tolerances: a run for each tolerance, as the
        flags hold for all outputs of a run. Returns how many were compared."""
        groups = collections.defaultdict(list)
        for name in names or self.names('expected'):
            groups[self.tolerance(name, dtype)].append(name)
        for (atol, rtol), group in groups.items():
            call(run, bundle, *flags, *self.inputs(leave_out), '--atol=%r' % atol,
                 '--rtol=%r' % rtol, *self.expectations(group))
        return sum(map(len, groups.values()))


def to_bf16(x):
    """x rounded to the nearest bf16 number, ties to even."""
    bits = struct.unpack('<I', struct.pack('<f', x))[0]
    if math.isfinite(x):
        bits += 0x7fff + (bits >> 16 & 1)
    return struct.unpack('<f', struct.pack('<I', bits & 0xffff0000))[0]


class RoundedCase(Case):
    """A case whose inputs are rounded to bf16 numbers, and what lib/Reference
    makes of them: kernels and reference then read the same inputs."""

    def __init__(self, case, reference, folder):
        shutil.copy(case.json, folder)
        for name in case.names('input'):
            file = 'in.%s.npy' % name
            descr, shape, values = npy.read(os.path.join(case.folder, file))
            if descr == '<f4':
                values = [to_bf16(x) for x in values]
            npy.write(os.path.join(folder, file), descr, shape, values)
        call(reference, folder)
        super().__init__(folder)

    def tolerance(self, name, dtype):
        """As lib/Tolerance.cpp derives it; the case has those of f32."""
        profiles = self.description['tolerance'][name]
        if profiles.get('exact'):
            return 0, 0
        _, _, values = npy.read(os.path.join(self.folder, 'out.%s.npy' % name))
        largest = max((abs(x) for x in values if math.isfinite(x)), default=0)
        steps, rtol = {'bf16': (128, 1.6e-2), 'f16': (1024, 2e-3)}[dtype]
        return largest / steps, rtol

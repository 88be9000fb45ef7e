# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tests of headgate-run share: a bundle, a folder, and ways to say what
a call must give. Each test file runs as

  python3 NAME_test.py --tool=headgate-run --library=kernels.so [unittest options]
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import bundle
import npy

TOOL = LIBRARY = ''
NAN = float('nan')

MIX = ['--input=x=2x3xf32=1 2 3 4 5 6', '--input=keep=2xi1=1 0',
       '--input=shift=2xi32=10 20', '--input=scale=f32=0.5']


class Case(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.bundle = os.path.join(cls.folder, 't.hgb')
        cls.image = bundle.write(cls.bundle, LIBRARY)
        cls.mix = os.path.join(cls.folder, 'mix.hgb')
        bundle.write(cls.mix, LIBRARY, only='mix')

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def array(self, name, descr, shape, values, **options):
        npy.write(self.path(name), descr, shape, values, **options)
        return '@' + self.path(name)

    def call(self, *arguments):
        return subprocess.run([TOOL, *arguments], capture_output=True,
                              text=True, timeout=60, cwd=self.folder,
                              check=False)

    def good(self, *arguments):
        """What the call printed on stdout; it must succeed."""
        done = self.call(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def bad(self, code, message, *arguments):
        """The call must print `error: ...message...` and nothing else."""
        done = self.call(*arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertTrue(done.stderr.startswith('error: '), done.stderr)
        self.assertIn(message, done.stderr)
        if code != 3:
            self.assertEqual(done.stdout, '')
        return done

    def echo(self, dtype, value, *arguments):
        """Runs a copy of one input of `dtype`; stdout without its newline."""
        return self.good(self.bundle, '--function=echo_' + dtype,
                         '--input=' + value, *arguments)[:-1]

    def bad_echo(self, dtype, value, message, code=1):
        return self.bad(code, message, self.bundle, '--function=echo_' + dtype,
                        '--input=' + value)


def main():
    global TOOL, LIBRARY
    for argument in sys.argv[1:]:
        if argument.startswith('--tool='):
            TOOL = os.path.abspath(argument.split('=', 1)[1])
        elif argument.startswith('--library='):
            LIBRARY = os.path.abspath(argument.split('=', 1)[1])
    unittest.main(argv=[sys.argv[0]] + [
        a for a in sys.argv[1:]
        if not a.startswith(('--tool=', '--library='))])

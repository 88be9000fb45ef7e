# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What benchmarks/sass.py counts: the shortest turn of the loop with most HMMA."""
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'benchmarks'))
import sass  # noqa: E402


def code(text):
    """Lines as nvdisasm writes them, from instructions and labels."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return '\n'.join(line if line.endswith(':') else '        /*%04x*/   %s ;' % (16 * i, line)
                     for i, line in enumerate(lines))


class MainLoop(unittest.TestCase):

    # A turn that needs no mask jumps over it.
    def test_leaves_out_what_a_turn_may(self):
        loop = sass.main_loop(code("""
            MOV R1, c[0x0][0x28]
            .L_x_0:
            HMMA.16816.F32.BF16 R4, R8, R12, R4
            @!P0 BRA `(.L_x_1)
            FSEL R4, R4, -INF, P1
            FSEL R5, R5, -INF, P1
            .L_x_1:
            MUFU.EX2 R4, R4
            @P2 CALL.REL.NOINC `(.L_x_2)
            BRA `(.L_x_0)
            .L_x_2:
            EXIT"""))
        self.assertEqual((loop.instructions, loop.hmma), (5, 1))
        self.assertEqual(loop.mix['FSEL'], 0)

    # The mask may lie behind the loop, with a jump back that is no loop.
    def test_code_out_of_line(self):
        loop = sass.main_loop(code("""
            .L_x_0:
            HMMA.16816.F32.BF16 R4, R8, R12, R4
            @P0 BRA `(.L_x_2)
            .L_x_1:
            MUFU.EX2 R4, R4
            @P1 BRA `(.L_x_0)
            EXIT
            .L_x_2:
            FSEL R4, R4, -INF, P1
            BRA `(.L_x_1)"""))
        self.assertEqual((loop.instructions, loop.hmma), (4, 1))

    def test_takes_the_loop_with_most_hmma(self):
        one = "HMMA.16816.F32 R4, R8, R12, R4\n"
        loop = sass.main_loop(code(".L_x_0:\n%s@P0 BRA `(.L_x_0)\n.L_x_1:\n%s@P0 BRA `(.L_x_1)\nEXIT"
                                   % (one, 3 * one)))
        self.assertEqual((loop.instructions, loop.hmma), (4, 3))

    def test_no_loop(self):
        with self.assertRaises(sass.NoLoop):
            sass.main_loop(code("HMMA.16816.F32 R4, R8, R12, R4\nEXIT\n.L_x_0:\nBRA `(.L_x_0)"))


if __name__ == '__main__':
    unittest.main()

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The kit of gpu-kit.py: everything that a GPU machine without internet and
without our compiler needs to check and time Headgate.

    pack.py           makes the kit
    run.py            runs its stages, each in a child process with its own limit
    stages.py         what the stages do, timing apart
    versus.py         the stage that times us beside PyTorch
    recordings.py     outputs of the simulator and of a GPU, compared
    microkernels.py   one instruction family a kernel, recorded
    arrays.py         inputs by seed, comparisons; the standard library is enough
"""

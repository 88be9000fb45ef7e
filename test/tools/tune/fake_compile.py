#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stands for headgate-compile: writes bundles that only fake_bench.py reads.

The input is a JSON object: "problems" is what --emit=problems prints;
"compile" maps texts to what happens if --schedule has that text: "refuse",
"crash" or "hang"; "run" likewise to what fake_bench.py does with the bundle."""
import json
import os
import signal
import sys
import time


def main():
    source = json.load(open(sys.argv[1]))
    flags = sys.argv[2:]
    if '--emit=problems' in flags:
        print(json.dumps(source['problems']))
        return 0
    schedule = next((f.split('=', 2)[2] for f in flags
                     if f.startswith('--schedule=')), None)
    for text, what in source.get('compile', {}).items():
        if schedule and text in schedule:
            print('note: a schedule that this compiler has trouble with',
                  file=sys.stderr)
            if what == 'refuse':
                print('error: the schedule is not legal', file=sys.stderr)
                return 1
            if what == 'crash':
                os.kill(os.getpid(), signal.SIGABRT)
            time.sleep(1000)
    bundle = flags[flags.index('-o') + 1]
    os.makedirs(bundle, exist_ok=True)
    with open(os.path.join(bundle, 'fake.json'), 'w') as f:
        json.dump({'schedule': json.loads(schedule) if schedule else None,
                   'run': next((what for text, what
                                in source.get('run', {}).items()
                                if schedule and text in schedule), None)}, f)
    return 0


sys.exit(main())

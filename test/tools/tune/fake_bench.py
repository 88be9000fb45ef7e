#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stands for headgate-bench --worker: times are a function of the schedule.

Environment: FAKE_SLOWER names a file that holds a factor for all times, and
FAKE_PAUSE is how many seconds a request takes."""
import hashlib
import json
import os
import signal
import sys
import time


def time_of(schedule):
    """Nanoseconds; the fastest have few rows and many keys."""
    digest = hashlib.sha256(json.dumps(schedule, sort_keys=True).encode())
    noise = digest.digest()[0] / 256
    return 1e6 * (1 + 0.02 * schedule['rows'] + noise)


def read(bundle):
    return json.load(open(os.path.join(bundle, 'fake.json')))


def misbehave(what):
    if what == 'hang':
        time.sleep(1000)
    if what == 'crash':
        print('about to read address 0', file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == 'exit':
        sys.exit(9)
    if what == 'babble':
        print('this is no reply', flush=True)


def reply_to(request):
    bundles = [read(b) for b in request['bundles']]
    what = bundles[0]['run']
    misbehave(what)
    if what == 'garbage':
        return {'id': request['id'], 'result': 'correctness',
                'why': "output 'o' is wrong", 'samples': [],
                'error': {'maxAbs': 'nan', 'tolerance': 1e-4}}
    slower = os.environ.get('FAKE_SLOWER')
    factor = float(open(slower).read()) if slower else 1
    time.sleep(float(os.environ.get('FAKE_PAUSE', '0')))
    count = request['policy']['samples']
    return {'id': request['id'], 'result': 'correct',
            'samples': [[factor * time_of(b['schedule']) * (1 + i / 1e4)
                         for i in range(count)] for b in bundles]}


def main():
    print(json.dumps({'uri': 'fake', 'name': 'a fake', 'target': 'host',
                      'units': 2, 'features': []}), flush=True)
    for line in sys.stdin:
        print(json.dumps(reply_to(json.loads(line))), flush=True)


main()

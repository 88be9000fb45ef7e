# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tuning records for tests, as docs/records.md describes them."""
import json


class Records:
    """Lines of one session, each a second after the one before."""

    def __init__(self, session='node-1-1', hour='22', **key):
        self.lines, self.session, self.hour = [], session, hour
        self.key = {
            'ir': 'sha256:00', 'kernel': 'attend',
            'problem': {'op': 'attend', 'dtype': 'f32', 'D': 64, 'Dv': 64,
                        'heads': 8, 'keyHeads': 2, 'causal': True},
            'dims': {'B': 1, 'S': 2048, 'T': 2048}, 'routing': 'uniform:1',
            'target': 'host:x86-64-v3', 'device': 'A CPU', 'units': 2,
            'tools': {'headgate': '0.1.0', 'llvm': '22.1.8'}, 'policy': 1}
        self.key.update(key)
        self.add('session', command='headgate-tune layer.mlir', seed=1)

    def add(self, kind, schedule=None, **rest):
        record = {'record': 1, 'kind': kind}
        if schedule:
            record['key'] = {**self.key, 'schedule': schedule}
        record.update(rest)
        count = len(self.lines)
        when = f'2026-11-23T{self.hour}:{count // 60:02}:{count % 60:02}Z'
        self.lines.append({**record, 'session': self.session, 'when': when})

    def trial(self, schedule, median=None, result='correct', **rest):
        self.add('start', schedule)
        if median:
            rest['timeNs'] = {'median': median, 'p20': median * .99,
                              'p80': median * 1.01, 'n': 25}
        self.add('trial', schedule, result=result, **rest)

    def baseline(self, schedule, median):
        self.add('baseline', schedule, timeNs={
            'median': median, 'p20': median * .99, 'p80': median * 1.01,
            'n': 25})

    def final(self, schedule, median, ratio):
        self.add('final', schedule, result='correct', ratio={
            'value': ratio, 'low': ratio - .01, 'high': ratio + .01},
                 timeNs={'median': median, 'p20': median, 'p80': median,
                         'n': 30})

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(''.join(json.dumps(line) + '\n' for line in self.lines))


def typical(**options):
    """A search of some schedules with a bit of everything."""
    records = Records(**options)
    default = {'rows': 12, 'keys': 256, 'order': 'rows'}
    records.baseline(default, 2e6)
    records.trial(default, 2e6, baselineNs=2e6, predictedNs=1.8e6)
    records.trial({'rows': 8, 'keys': 256}, 1.6e6, baselineNs=2e6,
                  predictedNs=1.7e6, compileMs=400, stackBytes=4096,
                  error={'maxAbs': 1e-6, 'tolerance': 1e-4})
    records.trial({'rows': 6, 'keys': 256}, 1.61e6, baselineNs=2e6)
    records.trial({'rows': 4, 'keys': 128}, 3e6, baselineNs=2e6)
    records.trial({'rows': 14, 'keys': 128}, result='correctness',
                  why='o[0,3,1] is 7, expected 0.25, "tolerance" 1e-4\nmore',
                  error={'maxAbs': 'inf', 'tolerance': 1e-4},
                  reproducer='headgate-compile layer.mlir -o x.hgb')
    for rows in (99, 100):
        records.add('trial', {'rows': rows, 'keys': 128}, result='constraints',
                    why='(S1) rows is not in 1..14')
    records.add('start', {'rows': 2, 'keys': 512})
    records.baseline(default, 2.02e6)
    return records

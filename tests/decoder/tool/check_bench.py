"""Reads `tae bench --json` for 64x64 and 128x64: are the figures coherent?"""
import json
import sys

TIMES = ['min_ms', 'p10_ms', 'median_ms', 'p90_ms', 'max_ms']

lines = [json.loads(line) for line in sys.stdin]
assert [(row['width'], row['height']) for row in lines] == [(64, 64), (128, 64)]
for row in lines:
    times = [row[name] for name in TIMES]
    assert 0 < times[0] and times == sorted(times), times
    assert times[0] <= row['avg_ms'] <= times[-1], row
    assert row['threads'] == 2 and row['iterations'] == 3, row
    assert isinstance(row['warnings'], list), row
    assert row['peak_rss_mib'] > row['above_mib'] >= 0, row
    assert row['plan_mib'] > 0 and row['weights_mib'] > 0, row
    for ceiling in row['ceilings'].values():
        expected = row['gflops'] / ceiling['gops']
        assert abs(ceiling['share'] / expected - 1) < 1e-6, row
# Twice the pixels, twice the work of the direct algorithm.
work = [row['gflops'] * row['median_ms'] for row in lines]
assert abs(work[1] / work[0] - 2) < 1e-3, work

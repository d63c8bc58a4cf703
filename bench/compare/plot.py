"""plot.py RESULTS.json OUT.png: time, memory and error of every engine."""
import json
import sys

import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402

from engines import ENGINES  # noqa: E402

FIGURES = [('least', 1e3, 'time of a decode, ms'),
           ('above_mib', 1, 'memory above model and frame, MiB'),
           ('max_abs', 1, 'largest error of a value in 0..1')]


def draw(results, size, path):
    rows = results['sizes'][size]
    shown = sorted((engine for engine in ENGINES if engine.key in rows),
                   key=lambda engine: -rows[engine.key]['least'])
    labels = [engine.label for engine in shown]
    colors = ['tab:orange' if engine.kind == 'tae' else 'tab:gray'
              for engine in shown]
    chart, axes = plt.subplots(1, 3, figsize=(15, 0.34 * len(shown) + 1.6),
                               sharey=True)
    for axis, (key, scale, title) in zip(axes, FIGURES):
        values = [rows[engine.key][key] * scale for engine in shown]
        axis.barh(labels, values, color=colors)
        axis.set_title(title, fontsize=10)
        axis.set_xscale('log')
        axis.grid(axis='x', alpha=0.3)
        for y, value in enumerate(values):
            text = f'{value:.0f}' if value >= 100 else f'{value:.3g}'
            axis.annotate(' ' + text, (value, y), va='center', fontsize=8)
        axis.margins(x=0.18)
    chart.suptitle(f"{size}x{size}, {results['threads']} threads, "
                   f"{results['machine']}, {results['date']}", fontsize=10)
    chart.tight_layout()
    chart.savefig(path, dpi=90)


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        results = json.load(file)
    sizes = list(results['sizes'])
    draw(results, '1024' if '1024' in sizes else sizes[-1], sys.argv[2])


if __name__ == '__main__':
    main()

"""report.py RESULTS.jsonl FOLDER: tables of bench_ladder's figures on standard
output, and FOLDER/results.png, quality against time."""
import json
import sys

RUNGS = ['linear', 'builtin', 'stage1', 'stage2', 'stage3', 'full']


def read(path):
    """Pictures by (rung, scale), times by (rung, size)."""
    pictures, times = {}, {}
    with open(path, encoding='utf-8') as file:
        for line in file:
            row = json.loads(line)
            if row['figure'] == 'picture':
                pictures[row['rung'], row['scale']] = row
            else:
                times[row['rung'], row['size']] = row
    return pictures, times


def rungs_of(rows):
    return [rung for rung in RUNGS if any(key[0] == rung for key in rows)]


def table(head, rows):
    yield '| ' + ' | '.join(head) + ' |'
    yield '|' + ' --- |' * len(head)
    for row in rows:
        yield '| ' + ' | '.join(row) + ' |'
    yield ''


def picture_tables(pictures):
    latents = next(iter(pictures.values()))['latents']
    head = ['rung', 'share of MACs'] + [
        f'1/{scale}' for scale in (1, 2, 4, 8)] + ['SSIM 1/1']
    rows = []
    for rung in rungs_of(pictures):
        whole = pictures[rung, 1]
        row = [rung, f"{100 * whole['share']:.3g} %"]
        for scale in (1, 2, 4, 8):
            one = pictures[rung, scale]
            text = f"{one['psnr_median']:.1f} ({one['psnr_p10']:.1f})"
            row.append(text + (' *' if one['shrink'] > 1 else ''))
        rows.append(row + [f"{whole['ssim_median']:.3f}"])
    yield (f'PSNR in dB against means of the full picture, median (10th '
           f'percentile) of {latents} latents; * decoded larger and shrunk:')
    yield ''
    yield from table(head, rows)


def time_tables(times):
    sizes = sorted({size for _, size in times})
    rungs = rungs_of(times)
    threads = next(iter(times.values()))['threads']
    yield f'Median ms (ratio to full), {threads} threads:'
    yield ''
    yield from table(['rung'] + [str(size) for size in sizes], [
        [rung] + [
            f"{times[rung, size]['median_ms']:.1f} "
            f"({times[rung, size]['ratio']:.3f})"
            for size in sizes] for rung in rungs])
    yield 'Peak resident MiB above model, latent and frame:'
    yield ''
    yield from table(['rung'] + [str(size) for size in sizes], [
        [rung] + [f"{times[rung, size]['above_mib']:.1f}" for size in sizes]
        for rung in rungs])


def plot(pictures, times, path):
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    sizes = sorted({size for _, size in times})
    size = 1024 if 1024 in sizes else sizes[-1]
    top = 3 + max(row['psnr_median'] for (rung, scale), row in pictures.items()
                  if rung != 'full' and scale == 1)
    chart, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    for rung in rungs_of(times):
        ms = times[rung, size]['median_ms']
        row = pictures.get((rung, 1))
        if row is None:
            continue
        whole = rung == 'full'
        y = top if whole else row['psnr_median']
        left.plot(ms, y, 'o', color='tab:orange' if whole else 'tab:blue')
        label = f'{rung} (what is compared with)' if whole else rung
        left.annotate('  ' + label, (ms, y), va='center', fontsize=9,
                      ha='right' if whole else 'left')
        if not whole:
            left.plot([ms, ms], [row['psnr_p10'], y], color='tab:blue',
                      alpha=0.4)
    left.set_xscale('log')
    left.margins(x=0.25)
    left.set_xlabel(f'ms of a {size}x{size} picture')
    left.set_ylabel('PSNR in dB: median, down to the 10th percentile')
    for rung in rungs_of(times):
        right.plot(sizes, [times[rung, s]['median_ms'] for s in sizes],
                   marker='o', label=rung)
    right.set_xscale('log', base=2)
    right.set_yscale('log')
    right.set_xticks(sizes, [str(s) for s in sizes])
    right.set_xlabel('pixels a side')
    right.set_ylabel('ms')
    right.legend(fontsize=8)
    for axis in (left, right):
        axis.grid(alpha=0.3)
    chart.tight_layout()
    chart.savefig(path, dpi=90)


def main():
    pictures, times = read(sys.argv[1])
    lines = []
    if pictures:
        lines += picture_tables(pictures)
    if times:
        lines += time_tables(times)
    print('\n'.join(lines))
    if pictures and times:
        try:
            plot(pictures, times, sys.argv[2] + '/results.png')
        except ImportError:
            print('no plot: python3-matplotlib is not installed',
                  file=sys.stderr)


if __name__ == '__main__':
    main()

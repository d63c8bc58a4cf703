"""commits.py NAME_A NAME_B A B: files of `tae bench --json`, lines in turns."""
import json
import sys

import figures


def read(path):
    """{(width, height): [least milliseconds of each round]}"""
    rows = {}
    with open(path, encoding='utf-8') as file:
        for line in file:
            row = json.loads(line)
            rows.setdefault((row['width'], row['height']), []).append(
                row['min_ms'])
    return rows


def main():
    name_a, name_b, a, b = sys.argv[1:]
    ours, theirs = read(a), read(b)
    lines = []
    for size in sorted(ours.keys() & theirs.keys()):
        low, middle, high = figures.spread(ours[size], theirs[size])
        lines.append([f'{size[0]}x{size[1]}', f'{min(ours[size]):.2f}',
                      f'{min(theirs[size]):.2f}', f'{middle:.3f}',
                      f'{low:.3f} to {high:.3f}'])
    print(figures.table(['size', f'{name_a} ms', f'{name_b} ms', 'ratio',
                         'half of the rounds within'], lines))


if __name__ == '__main__':
    main()

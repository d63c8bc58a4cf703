#!/usr/bin/env python3
"""What a second thread gains or costs while the machine does other things.

usage: busy.py TAE [TAE...]   [--turns N] [--iters N] [--size N] [--variant V]

Runs `tae bench` with one and with two threads, of each program given (a new and
an old one, say), in turns, beside 0, 1 and 2 busy loops and 2 and 4 niced ones.
Prints medians over the turns, in ms, and how long two threads take beside one:
more than 1.00 means that the second thread costs time.
"""
import argparse
import json
import statistics
import subprocess
import sys

LOADS = ((0, 0), (1, 0), (2, 0), (2, 10), (4, 10))  # loops, their niceness


def bench(program, threads, options):
    command = [program, 'bench', '--variant', options.variant,
               '--size', str(options.size), '--threads', str(threads),
               '--iters', str(options.iters), '--json']
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         check=True, text=True).stdout
    return json.loads(out.strip().split('\n')[-1])['avg_ms']


def measure(options):
    times = {}
    for _ in range(options.turns):
        for program in options.programs:
            for threads in (1, 2):
                times.setdefault((program, threads), []).append(
                    bench(program, threads, options))
    return {key: statistics.median(values) for key, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('programs', nargs='+', metavar='TAE')
    parser.add_argument('--turns', type=int, default=5)
    parser.add_argument('--iters', type=int, default=10)
    parser.add_argument('--size', type=int, default=384)
    parser.add_argument('--variant', default='flux2')
    options = parser.parse_args()
    print(f'{"beside":>18} {"1 thread":>9} {"2 threads":>9} {"ratio":>6}  program')
    for count, nice in LOADS:
        loop = ['nice', '-n', str(nice), sys.executable, '-c', 'while True: pass']
        loops = [subprocess.Popen(loop) for _ in range(count)]
        try:
            medians = measure(options)
        finally:
            for process in loops:
                process.kill()
            for process in loops:
                process.wait()
        for program in options.programs:
            one, two = medians[program, 1], medians[program, 2]
            name = f'{count} loops, nice {nice}'
            print(f'{name:>18} {one:9.1f} {two:9.1f} {two / one:6.2f}  {program}',
                  flush=True)


if __name__ == '__main__':
    main()

"""Decodes one latent with every engine, in turns, and writes the tables.

  compare.py --weights FILE --folder DIR --build DIR [--sizes 512,1024]
             [--threads 2] [--rounds 5] [--only KEY,KEY]

run.sh installs and builds what this needs. Results: DIR/results.json and
DIR/results.md; plot.py draws them. Every engine is a process of its own that
decodes when it is asked to; a round asks each once.
"""
import argparse
import datetime
import glob
import json
import math
import os
import subprocess
import sys
import time

import numpy as np

import figures
from engines import ENGINES, MEMORY_GOAL, SPEED_GOALS, Setting, command_of

# Above this many pixels the engines do not fit into memory side by side: each
# is started for its turn, warmed up once, and ended.
TOGETHER = 1024 * 1024
QUIET_SECONDS = 2  # how long a turn waits for other processes to be done
KIB = 1024


class EngineFailed(Exception):
    pass


class Session:
    """A running engine; its words are those of engine_loop.h."""

    def __init__(self, engine, setting):
        command = command_of(engine, setting)
        if isinstance(command, str):
            raise EngineFailed(command)
        self.log = open(f'{setting.folder}/{engine.key}.log', 'w+',
                        encoding='utf-8')
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log, text=True, env={**os.environ, **dict(engine.env)})
        self.base_kib = self.answer()['kib']
        self.ask('run')  # warm-up: packing, first touch of memory

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.log.seek(0)
            words = self.log.read().strip().splitlines() or ['it said nothing']
            raise EngineFailed(words[-1])
        return json.loads(line)

    def ask(self, words):
        self.process.stdin.write(words + '\n')
        self.process.stdin.flush()
        return self.answer()

    def waited(self):
        """Seconds its threads spent runnable without a core, or 0."""
        total = 0
        for path in glob.glob(f'/proc/{self.process.pid}/task/*/schedstat'):
            try:
                with open(path, encoding='ascii') as file:
                    total += int(file.read().split()[1])
            except (OSError, IndexError):
                pass  # the thread has ended, or the kernel does not count
        return total * 1e-9

    def run(self):
        """(seconds, seconds waited for a core) of one decode."""
        wait_for_quiet(QUIET_SECONDS)
        before = self.waited()
        seconds = self.ask('run')['seconds']
        return seconds, self.waited() - before

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


def busy_share(seconds):
    """Of all cores' time during so many seconds."""
    def read():
        with open('/proc/stat', encoding='ascii') as file:
            times = [int(word) for word in file.readline().split()[1:9]]
        return times[3] + times[4], sum(times)
    idle, total = read()
    time.sleep(seconds)
    idle_after, total_after = read()
    return 1 - (idle_after - idle) / max(1, total_after - total)


def wait_for_quiet(limit):
    end = time.monotonic() + limit
    while busy_share(0.1) > 0.15 and time.monotonic() < end:
        pass


def measure_picture(session, engine, setting):
    """Memory and error of an engine that has run."""
    pixels = setting.size * setting.size
    peak = session.ask('memory')['kib']
    frame = pixels * 12 / KIB if engine.owns_frame else 0
    path = f'{setting.folder}/of_{engine.key}.f32'
    session.ask(f'save {path}')
    expected = np.fromfile(f'{setting.folder}/picture_{setting.size}.f32', '<f4')
    found = np.fromfile(path, '<f4').clip(0, 1)
    os.remove(path)
    error = np.abs(found.astype(np.float64) - expected)
    square = float((error ** 2).mean())
    return {'peak_mib': peak / KIB,
            'above_mib': max(0, peak - session.base_kib - frame) / KIB,
            'max_abs': float(error.max()), 'mae': float(error.mean()),
            'psnr': -10 * math.log10(square) if square > 0 else None}


class Contest:
    """All engines at one size."""

    def __init__(self, engines, setting):
        self.engines = list(engines)
        self.setting = setting
        self.sessions = {}
        self.runs = {engine.key: [] for engine in engines}
        self.rows = {}
        self.skipped = {}
        self.together = setting.size * setting.size <= TOGETHER

    def skip(self, engine, why):
        self.skipped[engine.key] = str(why)
        self.engines.remove(engine)
        print(f'  skipped: {engine.label}: {why}', flush=True)

    def turn(self, engine, last):
        try:
            session = self.sessions.get(engine.key)
            if session is None:
                session = Session(engine, self.setting)
                self.sessions[engine.key] = session
            self.runs[engine.key].append(session.run())
            if last:
                self.rows[engine.key] = measure_picture(session, engine,
                                                        self.setting)
            if last or not self.together:
                self.sessions.pop(engine.key).close()
        except (EngineFailed, OSError, ValueError) as why:
            self.skip(engine, why)

    def hold(self, rounds):
        for number in range(rounds):
            print(f'  {self.setting.size}: round {number + 1} of {rounds}',
                  flush=True)
            # Each round begins with another engine.
            shift = number % max(1, len(self.engines))
            for engine in self.engines[shift:] + self.engines[:shift]:
                self.turn(engine, last=number == rounds - 1)
        for key, row in self.rows.items():
            row.update(figures.summarise(self.runs[key]))
        return self.rows


def machine():
    with open('/proc/cpuinfo', encoding='ascii') as file:
        info = file.read()
    name = next((line.split(':')[1].strip() for line in info.splitlines()
                 if line.startswith('model name')), 'unknown')
    flags = [flag for flag in ('avx2', 'avx512_vnni', 'avx512_bf16', 'amx_bf16')
             if f' {flag}' in info]
    return f"{name}, {os.cpu_count()} cores, {' '.join(flags)}"


def report(results, sizes, labels):
    lines = [f"{results['machine']}; {results['date']}; "
             f"{results['threads']} threads; {results['command']}", '',
             figures.goal_table(SPEED_GOALS, MEMORY_GOAL, sizes,
                                results['sizes']), '',
             figures.time_table(labels, sizes, results['sizes']), '']
    for size in sizes:
        lines += [figures.quality_table(labels, size, results['sizes'][size]),
                  '']
    for key, why in results['skipped'].items():
        lines.append(f'- skipped: {labels[key]}: {why}')
    return '\n'.join(lines) + '\n'


def parse_words():
    parser = argparse.ArgumentParser()
    parser.add_argument('--weights', required=True)
    parser.add_argument('--folder', required=True)
    parser.add_argument('--build', required=True)
    parser.add_argument('--sizes', default='512,768,1024,1536,2048')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--only', default='')
    return parser.parse_args()


def main():
    words = parse_words()
    only = words.only.split(',') if words.only else []
    engines = [engine for engine in ENGINES if not only or engine.key in only]
    sizes = [int(size) for size in words.sizes.split(',')]
    results = {'machine': machine(), 'threads': words.threads,
               'date': datetime.datetime.utcnow().strftime('%Y-%m-%d %H:%M UTC'),
               'command': f'bench/compare/run.sh --sizes {words.sizes} --rounds '
                          f'{words.rounds} --threads {words.threads}',
               'sizes': {}, 'skipped': {}}
    folder = os.path.abspath(words.folder)
    labels = {engine.key: engine.label for engine in engines}
    for index, size in enumerate(sizes):
        setting = Setting(words.weights, folder, os.path.abspath(words.build),
                          f'{folder}/node_modules', size, words.threads)
        contest = Contest(engines, setting)
        results['sizes'][size] = contest.hold(words.rounds)
        results['skipped'].update(contest.skipped)
        with open(f'{folder}/results.json', 'w', encoding='utf-8') as file:
            json.dump(results, file, indent=1)
        text = report(results, sizes[:index + 1], labels)
        with open(f'{folder}/results.md', 'w', encoding='utf-8') as file:
            file.write(text)
    sys.stdout.write(text)


if __name__ == '__main__':
    main()

"""How an engine in Python talks to compare.py; see engine_loop.h."""
import json
import sys
import time


def status_kib(wanted):
    """A line of /proc/self/status, 'VmRSS' or 'VmHWM', in KiB."""
    with open('/proc/self/status', encoding='ascii') as status:
        for line in status:
            name, _, value = line.partition(':')
            if name == wanted:
                return int(value.split()[0])
    return 0


def say(**answer):
    print(json.dumps(answer), flush=True)


def serve(run):
    """run() decodes and returns a float32 array [3][height][width]."""
    say(ready=True, kib=status_kib('VmRSS'))
    picture = None
    for line in sys.stdin:
        word, _, rest = line.strip().partition(' ')
        if word == 'run':
            picture = None  # its memory serves the next one
            start = time.perf_counter()
            picture = run()
            say(seconds=time.perf_counter() - start)
        elif word == 'save':
            picture.astype('<f4').tofile(rest)
            say(saved=True)
        elif word == 'memory':
            say(kib=status_kib('VmHWM'))
        else:
            sys.exit(f'unknown word {word}')

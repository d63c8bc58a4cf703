"""A program that generates: sends steps of several generations through the tap
of examples/taps, and prints as JSON what a listener must have got from it.
    producer.py TAPS ADDRESS SEED GENERATIONS"""
import glob
import json
import os
import random
import sys
import time

import numpy

# Channels of some spaces, with and without weights or a decoder of their own.
SPACES = {"sd": 4, "sdxl": 4, "sd3": 16, "flux": 16, "flux2": 32, "wan21": 16}
SIDES = (8, 12, 16, 24, 32, 40)


def waited():
    """How long the threads of this process were ready to run and did not get a
    processor, in seconds: a busy machine, not a sender that blocks."""
    total = 0
    for path in glob.glob("/proc/self/task/*/schedstat"):
        with open(path) as file:
            total += int(file.read().split()[1])
    return total / 1e9


class Producer:
    def __init__(self, tap, seed):
        self.tap, self.random = tap, random.Random(seed)
        self.numbers = numpy.random.default_rng(seed)
        self.seed, self.longest, self.finals = seed, 0.0, []

    def send(self, latent, **metadata):
        waits, begin = waited(), time.perf_counter()
        self.tap.send(latent, **metadata)
        spent = time.perf_counter() - begin
        self.longest = max(self.longest, spent - (waited() - waits))

    def generation(self, number):
        space = self.random.choice(list(SPACES))
        shape = (self.random.choice((1, 1, 1, 3)), SPACES[space],
                 self.random.choice(SIDES), self.random.choice(SIDES))
        steps = self.random.randint(2, 8)
        name = "%d-%d" % (self.seed, number)
        clean = self.numbers.standard_normal(shape).astype("float16")
        for step in range(1, steps + 1):
            sigma = 1 - step / steps
            noise = self.numbers.standard_normal(shape).astype("float16")
            self.send(clean + numpy.float16(sigma) * noise, space=space,
                      gen=name, step=step, steps=steps, sigma=sigma,
                      prompt="a cat of %s" % space, final=step == steps)
            time.sleep(self.random.uniform(0.01, 0.1))
        self.finals.append(name)


def main():
    sys.path.insert(0, sys.argv[1])
    sys.dont_write_bytecode = True
    from tae_tap import Tap
    producer = Producer(Tap(sys.argv[2]), int(sys.argv[3]))
    # The first numbers of NumPy and the first look at /proc take their time.
    waited(), producer.numbers.standard_normal(8).astype("float16")
    for number in range(int(sys.argv[4])):
        producer.generation(number)
    producer.tap.close(timeout=120)
    print(json.dumps({"finals": producer.finals, "sent": producer.tap.sent,
                      "dropped": producer.tap.dropped,
                      "longest": producer.longest}))
    sys.stdout.flush()
    os._exit(0)  # what is delivered needs no farewell


if __name__ == "__main__":
    main()

"""Generations of changing sizes and spaces from several producers into a viewer,
a recording and the preview server with three browsers, for some minutes; some
are killed in between, and some send rubbish. Afterwards nothing may have grown,
no final latent may be missing, and no producer may have been blocked.
    soak.py MINUTES BUILD"""
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from browser import Browser
from measure import Watched

HERE = os.path.dirname(os.path.abspath(__file__))
TAPS = os.path.join(HERE, "..", "..", "examples", "taps")
PATIENCE = 120  # seconds that only what hangs will take
WARMING_UP = 20  # seconds under load before the first rest
PEERS_STAY = 32  # seconds; the server keeps 30 those that never connect
LONGEST_BLOCK = 0.005


class Failures(list):
    def say(self, text):
        print("FAILED: " + text, flush=True)
        self.append(text)


def connect(path):
    until = time.monotonic() + PATIENCE
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            return connection
        except OSError:
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def wait_for(condition, what):
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise AssertionError("not within %d s: %s" % (PATIENCE, what))
        time.sleep(0.05)


class Recording(threading.Thread):
    """Reads what a recording writes, and keeps the names of final latents."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.finals, self.latents, self.error = path, set(), 0, None

    def run(self):
        try:
            with open(self.path, "rb") as file:
                while length := file.read(8):
                    header = json.loads(file.read(struct.unpack("<Q", length)[0]))
                    said = header.pop("__metadata__", {})
                    (tensor,) = header.values()
                    file.read(tensor["data_offsets"][1])
                    self.latents += 1
                    if said.get("final") in ("1", "true", "True"):
                        self.finals.add(said.get("gen"))
        except Exception as error:
            self.error = error


class Soak:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.random, self.failures = random.Random(1), Failures()
        self.programs, self.watched = [], []
        self.longest, self.sent, self.finals = 0.0, 0, {}
        self.number = 0
        self.killed = 0

    def address(self, name):
        return os.path.join(self.folder, name + ".sock")

    def environment(self, weights):
        env = {**os.environ, "GST_PLUGIN_PATH": self.build + "/plugin",
               "GST_REGISTRY": self.folder + "/registry",
               "XDG_DATA_HOME": self.folder, "XDG_DATA_DIRS": self.folder}
        env["TAE_MODEL_PATH"] = os.environ.get("TAE_SOAK_WEIGHTS", "") \
            if weights else ""
        return env

    def launch(self, name, *words, weights=False, stdout=subprocess.DEVNULL):
        log = open(os.path.join(self.folder, name + ".log"), "ab")
        program = subprocess.Popen(words, env=self.environment(weights),
                                   stdout=stdout, stderr=log, text=True)
        log.close()
        self.programs.append(program)
        return program

    def pipeline(self, name, text, weights=False):
        program = self.launch(name, "gst-launch-1.0", "-q", "latentsrc",
                              "location=unix:" + self.address(name), "!",
                              *text.split(), weights=weights)
        connect(self.address(name)).close()
        return program

    def viewer(self, name, weights):
        return self.pipeline(name, "taedecode n-threads=1 max-size=512 ! "
                             "fakesink sync=false", weights)

    def start(self):
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        self.recording = Recording(fifo)
        self.recording.start()
        self.watch("viewer", self.viewer("viewer", weights=True))
        self.watch("recording", self.pipeline(
            "recording", "queue ! latentmux ! filesink buffer-mode=2 location=" + fifo))
        server = self.launch(
            "server", self.build + "/examples/preview-server/tae-preview-server",
            "--listen=127.0.0.1:0", "--latents=unix:" + self.address("server"),
            "--max-memory=16", "--max-generations=40", "--decoder=n-threads=1",
            stdout=subprocess.PIPE)
        line = server.stdout.readline()
        assert line.startswith("Open http://"), line
        self.host = line.split()[1].split("//")[1].rstrip("/")
        self.watch("server", server)
        self.victim = self.viewer("victim", weights=False)
        self.go, self.stop = threading.Event(), threading.Event()
        self.go.set()
        self.browsers = [Browser(self.host, i, self.go, self.stop)
                         for i in range(3)]
        for browser in self.browsers:
            browser.start()

    def watch(self, name, program):
        self.watched.append(Watched(name, program.pid))

    def producer(self, name, generations=2):
        self.number += 1
        program = subprocess.Popen(
            [sys.executable, "-B", os.path.join(HERE, "producer.py"), TAPS,
             "unix:" + self.address(name), str(self.number), str(generations)],
            stdout=subprocess.PIPE, text=True)
        program.name = name
        self.programs.append(program)
        return program

    def collect(self, program):
        """What a producer that was not killed says at its end."""
        text, _ = program.communicate(timeout=PATIENCE)
        self.programs.remove(program)
        if program.returncode != 0:
            return self.failures.say("a producer ended with %d"
                                     % program.returncode)
        said = json.loads(text)
        self.sent += said["sent"]
        self.longest = max(self.longest, said["longest"])
        if program.name != "victim":
            self.finals.setdefault(program.name, []).extend(said["finals"])

    def kill(self, program, number):
        program.send_signal(number)
        program.communicate(timeout=PATIENCE)
        self.programs.remove(program)
        self.killed += 1
        return program.returncode

    def rubbish(self, name):
        good = struct.pack("<Q", 90) + b'{"latent":{"dtype":"F16","shape":'
        with connect(self.address(name)) as connection:
            try:
                connection.sendall(self.random.choice((
                    self.random.randbytes(200), b"", good, b"\x93NUMPY\x09\x00",
                    struct.pack("<Q", 2**62), b"\2\0\0\0\0\0\0\0{}", b"GET /")))
            except OSError:
                pass  # it hung up on us

    def round(self):
        places = ["viewer", "recording", "server"]
        good = [self.producer(place) for place in places]
        doomed = self.producer(self.random.choice(places), generations=50)
        orphan = self.producer("victim")
        for place in places:
            self.rubbish(place)
        self.kill(doomed, signal.SIGKILL)
        how = self.random.choice((signal.SIGKILL, signal.SIGTERM,
                                  signal.SIGINT))
        self.kill(self.victim, how)
        self.victim = self.viewer("victim", weights=False)
        for program in (*good, orphan):
            self.collect(program)
        for watched in self.watched:
            watched.sample()
        self.check_finals()

    def check_finals(self):
        """Those that the recording and the server got, before they are old."""
        wanted = set(self.finals.get("recording", ()))
        wait_for(lambda: wanted <= self.recording.finals or
                 self.recording.error, "finals in the recording")
        names = set(self.finals.get("server", ())[-2:])
        browser = self.browsers[0]

        def finished():
            return names <= {g["name"] for g in browser.status()["generations"]
                             if g["state"] == "finished"}
        wait_for(finished, "finals %s at the server" % names)

    def check(self):
        for name, program in zip(("viewer", "recording", "server"),
                                 self.programs):
            if program.poll() is not None:
                self.failures.say("the %s ended with %d"
                                  % (name, program.returncode))
        if self.recording.error:
            self.failures.say("the recording: %r" % self.recording.error)
        for browser in self.browsers:
            if browser.trouble:
                self.failures.say("a browser, %d times: %s" % (
                    len(browser.trouble), browser.trouble[:3]))
        if self.longest > LONGEST_BLOCK:
            self.failures.say("a producer was blocked for %.1f ms, allowed "
                              "are %.0f" % (self.longest * 1e3,
                                            LONGEST_BLOCK * 1e3))

    def rest(self):
        """Lets all go that only waits for its time. The first rest is what
        later ones are compared with."""
        self.go.clear()
        if not self.watched[0].first_rest:
            time.sleep(PEERS_STAY)
            for watched in self.watched:
                watched.first_rest = watched.numbers()
        else:
            until = time.monotonic() + PATIENCE
            while any(w.grown_at_rest() for w in self.watched) and \
                    time.monotonic() < until:
                time.sleep(0.5)
        for watched in self.watched:
            for text in watched.grown_at_rest():
                self.failures.say(text)
            numbers = watched.numbers()
            print("%-10s at rest: %d descriptors, %d threads"
                  % (watched.name, numbers["fds"], numbers["threads"]))
        self.go.set()

    def report(self, rounds):
        for watched in self.watched:
            for text in watched.report():
                self.failures.say(text)
        finals = sum(map(len, self.finals.values()))
        print("%d rounds, %d latents sent, %d finals, none lost; %d programs "
              "killed; %d answers to browsers; longest block of a producer "
              "%.2f ms" % (rounds, self.sent, finals, self.killed,
                           sum(b.answers for b in self.browsers),
                           self.longest * 1e3))

    def run(self, seconds):
        self.start()
        until, rounds = time.monotonic() + WARMING_UP, 0
        while time.monotonic() < until and not self.failures:
            rounds += 1
            self.round()
            self.check()
        self.rest()
        until = time.monotonic() + seconds
        said = time.monotonic()
        while time.monotonic() < until and not self.failures:
            self.round()
            self.check()
            rounds += 1
            if time.monotonic() - said > 300:
                said = time.monotonic()
                print("after %.0f minutes:" % (
                    (seconds - (until - said)) / 60))
                self.rest()
                self.report(rounds)
                sys.stdout.flush()
        self.rest()
        self.stop.set()
        self.report(rounds)

    def end(self):
        for program in self.programs:
            if program.poll() is None:
                program.kill()
                program.communicate()
        if self.failures:
            for name in sorted(os.listdir(self.folder)):
                if name.endswith(".log"):
                    with open(os.path.join(self.folder, name)) as file:
                        print("== %s\n%s" % (name, file.read()[-2000:]))


def main():
    seconds, build = 60 * float(sys.argv[1]), os.path.abspath(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(build, folder)
        try:
            soak.run(seconds)
        except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
            soak.failures.say(repr(error))
        finally:
            soak.end()
    print("soak: %s" % ("FAILED" if soak.failures else "passed"))
    return 1 if soak.failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""Starts tae-preview-server, sends it generations and asks it over HTTP."""
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.parse

SERVER = os.environ["TAE_PREVIEW_SERVER"]
# Seconds that only what hangs will take, on the busiest machine.
PATIENCE = 300
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "..", "..", "..", "examples", "preview-server")


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Preview:
    """A running server; `with Preview() as preview`."""

    def __init__(self, *arguments, env=None, preexec_fn=None):
        self.folder = tempfile.TemporaryDirectory()
        self.socket = os.path.join(self.folder.name, "tae.sock")
        self.process = subprocess.Popen(
            [SERVER, "--listen=127.0.0.1:0", "--latents=unix:" + self.socket,
             *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **(env or {})}, preexec_fn=preexec_fn)
        line = self.process.stdout.readline()
        assert line.startswith("Open http://"), (
            line, self.process.communicate())
        self.url = line.split()[1].split("?")[0]
        self.host = urllib.parse.urlsplit(self.url).netloc

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=PATIENCE)
        self.folder.cleanup()
        assert self.process.returncode == 0, (self.process.returncode, err)

    def get(self, path, method="GET", headers=None, body=None):
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        reply = Reply(answer.status, answer.headers, answer.read())
        connection.close()
        return reply

    def status(self):
        return self.get("/status").json()

    @contextlib.contextmanager
    def stream(self, path, method="GET"):
        """An endless reply, to be read line by line or by bytes."""
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
        connection.request(method, path)
        with connection.getresponse() as answer:
            yield answer
        connection.close()

    def producer(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.socket)
        return connection

    def wait_for(self, condition, seconds=PATIENCE):
        """The first status that `condition` likes."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            status = self.status()
            if condition(status):
                return status
            time.sleep(0.05)
        raise AssertionError("not within %d s: %s" % (seconds, status))

    def finished(self, count):
        """Waits for so many finished generations; the newest comes first."""
        def done(status):
            return sum(g["state"] == "finished" and
                       g.get("picture") == g["came"] - 1
                       for g in status["generations"]) >= count
        return self.wait_for(done)["generations"]


def message(**metadata):
    """A latent of the stream: noise of a seed of its own, 16x16 for FLUX.2."""
    side = metadata.pop("side", 16)
    noise = random.Random(str(sorted(metadata.items())))
    data = struct.pack("<2048e", *(noise.gauss(0, 1) for _ in range(2048)))
    data *= side * side // 64
    batch = metadata.pop("batch", 1)  # of them, all the same
    said = {"space": "flux2", **{k: str(v) for k, v in metadata.items()}}
    header = json.dumps({"__metadata__": said, "latent": {
        "dtype": "F16", "shape": [batch, 32, side, side],
        "data_offsets": [0, batch * len(data)]}}).encode()
    return struct.pack("<Q", len(header)) + header + batch * data


def shaped(channels, height, width, **metadata):
    """A latent of any shape, of a space only where one is said."""
    size = 2 * channels * height * width
    header = json.dumps({
        "__metadata__": {k: str(v) for k, v in metadata.items()},
        "latent": {"dtype": "F16", "shape": [1, channels, height, width],
                   "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(size)


def send_run(preview, name, steps=4, pause=0.0, **metadata):
    """A whole generation; waits for each picture, so that none is dropped."""
    with preview.producer() as producer:
        for step in range(1, steps + 1):
            said = dict(metadata, gen=name, step=step, steps=steps,
                        sigma=1 - step / steps, final=int(step == steps))
            producer.sendall(message(**said))
            preview.wait_for(lambda status: any(
                g["name"] == name and g.get("step") == step and
                g.get("picture") == step - 1 for g in status["generations"]))
            time.sleep(pause)

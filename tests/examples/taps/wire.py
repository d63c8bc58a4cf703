"""A reader of the latent stream that shares no code with the taps, and the
listeners that the tests put at its other end."""
import json
import os
import socket
import struct
import sys
import tempfile
import threading
import time

TAPS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "..", "..", "..", "examples", "taps")
sys.path.insert(0, TAPS)
sys.dont_write_bytecode = True


class Message:
    """One message: metadata, dtype, shape, data (bytes)."""

    def __init__(self, header, data):
        header = json.loads(header.decode("utf-8"))
        self.metadata = header.pop("__metadata__")
        (tensor,) = header.values()
        self.dtype, self.shape = tensor["dtype"], tensor["shape"]
        begin, end = tensor["data_offsets"]
        size = {"F16": 2, "BF16": 2, "F32": 4}[self.dtype]
        for dim in self.shape:
            size *= dim
        assert begin == 0 and end == size == len(data), (self.shape, len(data))
        assert all(isinstance(v, str) for v in self.metadata.values())
        self.data = data

    def array(self):
        import numpy
        if self.dtype == "BF16":
            bits = numpy.frombuffer(self.data, "<u2").astype("<u4") << 16
            return bits.view("<f4").reshape(self.shape)
        kind = {"F16": "<f2", "F32": "<f4"}[self.dtype]
        return numpy.frombuffer(self.data, kind).reshape(self.shape)


def read_message(read):
    """`read(n)` gives n bytes, fewer at the end of the stream. None there."""
    prefix = read(8)
    if not prefix:
        return None
    (length,) = struct.unpack("<Q", prefix)
    assert length % 8 == 0 and length < 1 << 20, length
    header = read(length)
    assert header[:1] == b"{"
    ends = [v["data_offsets"][1] for k, v in json.loads(header).items()
            if k != "__metadata__"]
    data = read(max(ends))
    if len(data) < max(ends):
        return None
    return Message(header, data)


def read_file(path):
    messages = []
    with open(path, "rb") as stream:
        while True:
            message = read_message(stream.read)
            if message is None:
                return messages
            messages.append(message)


def temporary_address(test):
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    return "unix:" + os.path.join(folder.name, "tae.sock")


def temporary_file(test):
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    return os.path.join(folder.name, "run.safetensors")


# Seconds that only what hangs will take, on the busiest machine.
PATIENCE = 300.0


def temporary_port(test):
    """A TCP address that nobody else gets while the test runs, as its port
    stays bound. Who connects is refused until somebody listens there."""
    held = socket.socket()
    test.addCleanup(held.close)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return "tcp://127.0.0.1:%d" % held.getsockname()[1]


def tap_threads():
    return sum(t.name == "tae_tap" for t in threading.enumerate())


class Listener:
    """Accepts producers and reads all they send."""

    def __init__(self, address, pace=0.0):
        self.messages, self.connections = [], 0
        self._pace, self._stop, self._peers = pace, False, []
        if address.startswith("unix:"):
            self._server = socket.socket(socket.AF_UNIX)
            if os.path.exists(address[5:]):
                os.unlink(address[5:])
            self._server.bind(address[5:])
            self.address = address
        else:
            self._server = socket.socket()
            self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._server.bind(("127.0.0.1", int(address.rsplit(":", 1)[1])))
            self.address = "tcp://127.0.0.1:%d" % self._server.getsockname()[1]
        self._server.listen(4)
        self._server.settimeout(0.1)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop:
            try:
                peer, _ = self._server.accept()
            except socket.timeout:
                continue
            self.connections += 1
            self._peers.append(peer)
            threading.Thread(
                target=self._read, args=(peer,), daemon=True).start()

    def _read(self, peer):
        with peer, peer.makefile("rb") as stream:
            while True:
                message = read_message(stream.read)
                if message is None:
                    break
                self.messages.append(message)
                time.sleep(self._pace)

    def wait(self, count):
        """Waits for so many messages and returns them."""
        return self._wait(lambda: len(self.messages) >= count)

    def wait_for_step(self, step):
        """Waits until this step has come and returns all messages."""
        return self._wait(lambda: step in self.steps())

    def wait_for_finals(self, count):
        """Waits until so many generations have ended."""
        return self._wait(lambda: sum(
            m.metadata.get("final") == "1" for m in self.messages) >= count)

    def steps(self):
        return [int(m.metadata["step"]) for m in self.messages]

    def _wait(self, condition):
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, len(self.messages)
            time.sleep(0.005)
        return self.messages

    def close(self):
        self._stop = True
        self._thread.join(PATIENCE)
        for peer in self._peers:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it was closed before
        self._server.close()

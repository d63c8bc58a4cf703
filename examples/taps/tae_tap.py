"""Sends the latents of a diffusion run to a live preview.

    tap = Tap("unix:/tmp/tae.sock")
    tap.send(latents, space="sdxl", layout="nchw", step=3, steps=20)

One file for Python 3.8 or later that needs only torch or numpy. The run never
waits for the preview and never fails because of it. Addresses: unix:/path,
tcp://host:port, a file to append to, - for stdout. What is written:
decoder/io/LATENT_STREAM.md.
"""
import atexit
import collections
import json
import logging
import os
import socket
import struct
import sys
import threading
from urllib.parse import urlsplit

_DTYPES = {"float16": "F16", "bfloat16": "BF16", "float32": "F32"}


def quietly(function):
    """`function`, but its first error is logged and none is raised."""
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception:
            level = logging.DEBUG if wrapped.said else logging.WARNING
            wrapped.said = True
            logging.getLogger("tae_tap").log(
                level, "%s; the run goes on", function.__name__, exc_info=True)
    wrapped.said = False
    return wrapped


def _copy(tensor):
    """Returns a copy's (dtype, shape, bytes, CUDA event or None)."""
    if not hasattr(tensor, "detach"):  # numpy, or what converts to it
        import numpy
        host, event = numpy.array(tensor, order="C"), None
        if host.dtype.name not in _DTYPES:
            host = host.astype(numpy.float32)
        data = host.reshape(-1).view("uint8")
    else:
        torch, tensor = sys.modules["torch"], tensor.detach()
        if str(tensor.dtype)[len("torch."):] not in _DTYPES:
            tensor = tensor.float()
        # A copy from CUDA is only queued here; the thread waits for the event.
        cuda = tensor.is_cuda
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=cuda)
        host.copy_(tensor, non_blocking=cuda)
        event = cuda and torch.cuda.current_stream(tensor.device).record_event()
        data = host.reshape(-1).view(torch.uint8).numpy()
    return str(host.dtype).replace("torch.", ""), host.shape, data, event


class _Message:
    def __init__(self, tensor, metadata):
        dtype, shape, self.data, self.event = _copy(tensor)
        said = {key: str(int(value) if isinstance(value, bool) else value)
                [:4096].encode("utf-8", "replace").decode("utf-8")
                for key, value in metadata.items() if value is not None}
        text = json.dumps({"__metadata__": said, "latent": {
            "dtype": _DTYPES[dtype], "shape": list(shape),
            "data_offsets": [0, self.data.nbytes]}}).encode()
        text += b" " * (-len(text) % 8)
        self.header = struct.pack("<Q", len(text)) + text
        self.final = bool(metadata.get("final"))


class _Socket:
    def __init__(self, address):
        if address.startswith("unix:"):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(5)
            self._socket.connect(address[len("unix:"):])
        else:
            url = urlsplit(address)
            self._socket = socket.create_connection((url.hostname, url.port), 5)
        self.close = self._socket.close

    def write(self, parts):
        try:  # a listener says nothing: its end of stream means it hung up
            self._socket.setblocking(False)
            if not self._socket.recv(4096):
                raise ConnectionError("the listener hung up")
        except BlockingIOError:
            self._socket.settimeout(30)  # one that reads nothing is given up
        for part in parts:
            self._socket.sendall(part)


class _File:
    def __init__(self, address):
        where = (os.dup(1), "wb") if address == "-" else (address, "ab")
        self._file = open(*where, buffering=0)
        self.close = self._file.close

    def write(self, parts):
        size = os.fstat(self._file.fileno()).st_size
        try:
            for part in parts:
                while len(part):
                    part = part[self._file.write(part):]
        except OSError:  # a full disk: leave no torn message behind
            self._file.truncate(size)
            raise


class Tap:
    """Counts what it `sent` and `dropped`. `send` may come from any thread.

    One latent waits for the listener, and a newer one replaces it unless it was
    sent with final=True (the last four such are kept). A file gets every step.
    """

    def __init__(self, address="unix:/tmp/tae.sock"):
        self.sent = self.dropped = 0
        is_socket = address.startswith(("unix:", "tcp://"))
        self._open = lambda: (_Socket if is_socket else _File)(address)
        self._every = not is_socket and address != "-"
        self._waiting = collections.deque(maxlen=64 if self._every else 4)
        self._changed = threading.Condition()
        self._closing, self._thread = False, None
        atexit.register(self.close)

    @quietly
    def send(self, tensor, **metadata):
        """Hands over one latent (torch, numpy or alike) and returns at once.

        Metadata, all optional: space, layout, domain, pred, width, height,
        step, steps, sigma, sigma_next, timestep, final, gen, seed, prompt, fps.
        """
        message = _Message(tensor, metadata)
        with self._changed:
            if self._waiting and not (self._every or self._waiting[-1].final):
                self._waiting.pop()
                self.dropped += 1
            self.dropped += len(self._waiting) == self._waiting.maxlen
            self._waiting.append(message)
            if not self._thread:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def close(self, timeout=2.0):
        """Waits up to `timeout` seconds until all is delivered; then stops."""
        atexit.unregister(self.close)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join(timeout)

    def _run(self):
        sink, last_attempt = None, False
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return sink and sink.close()
                message = self._waiting[0]  # stays until it is delivered
            try:
                sink = sink or self._open()
                if message.event:
                    message.event.synchronize()
                sink.write((message.header, memoryview(message.data)))
            except Exception:
                sink = sink and sink.close()
                with self._changed:
                    if last_attempt:
                        return
                    last_attempt = self._changed.wait_for(
                        lambda: self._closing, timeout=0.25)
                continue
            with self._changed:
                self.sent += 1
                if message in self._waiting:
                    self._waiting.remove(message)
                else:  # replaced on its way, and there all the same
                    self.dropped -= 1

"""Sends the latents of a diffusion run to a live preview.

    tap = Tap("unix:/tmp/tae.sock")
    tap.send(latents, space="sdxl", layout="nchw", step=3, steps=20)

One file for Python 3.8 or later that needs only torch or numpy. The run never
waits for the preview and never fails because of it: `send` copies the tensor
and returns, a thread delivers the newest one to a listener that may be absent,
be slow, vanish and come back. Addresses: unix:/path, tcp://host:port, a file
to append to, - for stdout. Written are safetensors messages one after another:
length of the JSON header (8 bytes, little endian), header, the tensor's bytes.
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
_CONNECT_SECONDS = 5
_STALL_SECONDS = 30  # a listener that reads nothing for so long is given up
_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between attempts to connect


def _copy(tensor):
    """Returns a copy's (dtype, shape, bytes, CUDA event or None)."""
    if not hasattr(tensor, "detach"):  # numpy, or what converts to it
        import numpy
        host = numpy.array(tensor, order="C")
        if host.dtype.name not in _DTYPES:
            host = host.astype(numpy.float32)
        return host.dtype.name, host.shape, host.reshape(-1).view("uint8"), None
    torch = sys.modules["torch"]
    tensor = tensor.detach()
    if str(tensor.dtype).replace("torch.", "") not in _DTYPES:
        tensor = tensor.float()
    # A copy from CUDA is only queued here; the thread waits for the event.
    cuda, event = tensor.is_cuda, None
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=cuda)
    host.copy_(tensor, non_blocking=cuda)
    if cuda:
        event = torch.cuda.current_stream(tensor.device).record_event()
    dtype = str(host.dtype).replace("torch.", "")
    return dtype, host.shape, host.reshape(-1).view(torch.uint8).numpy(), event


def _text(value):
    """A metadata value as a string that is the same in every locale."""
    text = str(int(value) if isinstance(value, bool) else value)
    return text[:4096].encode("utf-8", "replace").decode("utf-8")


class _Message:
    def __init__(self, tensor, metadata):
        dtype, shape, self.data, self.event = _copy(tensor)
        header = {"__metadata__": {key: _text(value) for key, value
                                   in metadata.items() if value is not None},
                  "latent": {"dtype": _DTYPES[dtype], "shape": list(shape),
                             "data_offsets": [0, self.data.nbytes]}}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        self.header = struct.pack("<Q", len(text)) + text
        self.final = bool(metadata.get("final"))


class _Socket:
    def __init__(self, address):
        if address.startswith("unix:"):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(_CONNECT_SECONDS)
            try:
                self._socket.connect(address[len("unix:"):])
            except OSError:
                self._socket.close()
                raise
        else:
            url = urlsplit(address)
            self._socket = socket.create_connection(
                (url.hostname, url.port), _CONNECT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.close = self._socket.close

    def write(self, parts):
        try:  # a listener says nothing: its end of stream means it hung up
            self._socket.setblocking(False)
            if not self._socket.recv(4096):
                raise ConnectionError("the listener hung up")
        except BlockingIOError:
            pass
        self._socket.settimeout(_STALL_SECONDS)
        for part in parts:
            self._socket.sendall(part)


class _File:
    def __init__(self, address):
        if address == "-":
            self._fd = os.dup(1)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._fd = os.open(address, flags, 0o644)

    def write(self, parts):
        size = os.fstat(self._fd).st_size
        try:
            for part in parts:
                while len(part):
                    part = part[os.write(self._fd, part):]
        except OSError:  # a full disk: leave no torn message behind
            os.ftruncate(self._fd, size)
            raise

    def close(self):
        os.close(self._fd)


class Tap:
    """Counts what it `sent` and `dropped`. `send` may come from any thread.

    One latent waits for the listener, and a newer one replaces it unless it was
    sent with final=True (the last four such are kept). A file gets every step.
    """

    def __init__(self, address="unix:/tmp/tae.sock"):
        self.sent = self.dropped = 0
        self._address = address
        is_socket = address.startswith(("unix:", "tcp://"))
        self._open = _Socket if is_socket else _File
        self._every = not is_socket and address != "-"
        self._waiting = collections.deque(maxlen=64 if self._every else 4)
        self._changed = threading.Condition()
        self._closing = self._warned = False
        self._thread = None
        atexit.register(self.close)

    def send(self, tensor, **metadata):
        """Hands over one latent (torch, numpy or alike) and returns at once.

        Metadata, all optional: space, layout, domain, pred, width, height,
        step, steps, sigma, sigma_next, timestep, final, gen, seed, prompt, fps.
        """
        try:
            message = _Message(tensor, metadata)
            with self._changed:
                replace = not self._every and self._waiting
                if replace and not self._waiting[-1].final:
                    self._waiting.pop()
                    self.dropped += 1
                self.dropped += len(self._waiting) == self._waiting.maxlen
                self._waiting.append(message)
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._run, daemon=True)
                    self._thread.start()
                self._changed.notify_all()
        except Exception:  # the preview must never break the run
            if not self._warned:
                logging.getLogger("tae_tap").warning(
                    "a latent was not sent (said once)", exc_info=True)
            self._warned = True

    def close(self, timeout=2.0):
        """Waits up to `timeout` seconds until all is delivered; then stops."""
        atexit.unregister(self.close)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self):
        sink, pause, last_attempt = None, _PAUSE, False
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    break
            try:
                sink = sink or self._open(self._address)
                self._deliver(sink)
                pause = _PAUSE
            except Exception:
                sink = None
                if last_attempt:
                    break
                with self._changed:
                    last_attempt = self._changed.wait_for(
                        lambda: self._closing, pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        if sink:
            sink.close()

    def _deliver(self, sink):
        with self._changed:
            message = self._waiting.popleft()
        try:
            if message.event is not None:
                message.event.synchronize()
            sink.write((message.header, memoryview(message.data)))
            self.sent += 1
        except Exception:
            sink.close()
            with self._changed:  # once more over the next connection
                room = len(self._waiting) < self._waiting.maxlen
                if room and (message.final or not self._waiting):
                    self._waiting.appendleft(message)
                else:
                    self.dropped += 1
            raise

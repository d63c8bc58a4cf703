"""Sends the latents of a diffusion run to a live preview.

    tap = Tap()
    tap.send(latents, space="sdxl", layout="nchw", step=3, steps=20)

One file for Python 3.8 or later that needs only torch or numpy. The run never
waits for the preview and never fails because of it; what is wrong is logged
once. Addresses: unix: (the user's own socket), unix:/path, tcp://host:port,
name.safetensors or file:name to append to, - for stdout. What is written:
decoder/io/LATENT_STREAM.md.
"""
import atexit
import collections
import copy
import functools
import json
import logging
import os
import re
import socket
import stat
import struct
import sys
import threading
import time
import weakref

_DTYPES = {"float16": "F16", "bfloat16": "BF16", "float32": "F32"}
_log = logging.getLogger("tae_tap")


def quietly(function):
    """`function`, but its first error is logged and none is raised."""
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception:
            level = logging.DEBUG if wrapped.said else logging.WARNING
            wrapped.said = True
            _log.log(level, "%s; the run goes on", function.__name__,
                     exc_info=True)
    wrapped.said = False
    return wrapped


def _copy(tensor):
    """Returns a copy's (dtype, shape, bytes, CUDA event or None)."""
    torch = sys.modules.get("torch")
    if not isinstance(tensor, getattr(torch, "Tensor", ())):  # numpy or alike
        import numpy
        host, event = numpy.array(tensor, order="C"), None
        known = host.dtype.name if host.dtype.name in _DTYPES else "float32"
        if host.dtype.name != known or host.dtype.byteorder == ">":
            host = host.astype(known)
        data = host.reshape(-1).view("uint8")
    else:
        tensor = tensor.detach()
        if str(tensor.dtype)[len("torch."):] not in _DTYPES:
            tensor = tensor.float()
        # A copy from CUDA is only queued here; the thread waits for the event.
        cuda = tensor.is_cuda
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=cuda)
        host.copy_(tensor, non_blocking=cuda)
        event = cuda and torch.cuda.current_stream(tensor.device).record_event()
        data = host.reshape(-1).view(torch.uint8).numpy()
    return str(host.dtype).replace("torch.", ""), host.shape, data, event


def _text(value):
    if getattr(value, "ndim", 1) == 0:  # a number of torch or numpy
        value = value.item()
    value = str(int(value) if isinstance(value, bool) else value)
    return value[:4096].encode("utf-8", "replace").decode("utf-8")


class _Message:
    def __init__(self, tap, tensor, metadata):
        final = metadata.get("final")
        self.maybe = isinstance(final, str) and final == "maybe"
        self.final = bool(final) and not self.maybe
        self.due = time.monotonic() + 0.2 * self.maybe  # see Tap.finish
        self.tap, self.gen, self.started = tap, metadata.get("gen"), False
        self._said = {key: _text(value) for key, value in metadata.items()
                      if value is not None}
        dtype, self._shape, self.data, self.event = _copy(tensor)
        if not len(self._shape):
            raise ValueError("a number, None or the like is no latent")
        self._dtype = _DTYPES[dtype]

    def header(self):
        said = {**self._said, "final": _text(self.final)}
        if not self.final and "final" not in self._said:
            del said["final"]
        text = json.dumps({"__metadata__": said, "latent": {
            "dtype": self._dtype, "shape": list(self._shape),
            "data_offsets": [0, self.data.nbytes]}}).encode()
        text += b" " * (-len(text) % 8)
        return struct.pack("<Q", len(text)) + text


class _Unix:
    def __init__(self, path):
        if path == _own_socket():
            for part in os.path.dirname(path), path:
                if os.lstat(part).st_uid != os.geteuid():
                    raise PermissionError(part + " belongs to another user")
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(5)
            self._socket.connect(path)
        except OSError:
            self.close()
            raise

    def close(self):
        self._socket.close()

    def write(self, parts):
        try:  # a listener says nothing: its end of stream means it hung up
            self._socket.setblocking(False)
            if not self._socket.recv(4096):
                raise ConnectionError("the listener hung up")
        except BlockingIOError:
            self._socket.settimeout(30)  # one that reads nothing is given up
        for part in parts:
            self._socket.sendall(part)


class _Tcp(_Unix):
    def __init__(self, address):
        host, port = address.rstrip("/").rsplit(":", 1)
        host = host.strip("[]") or "localhost"  # any of its addresses
        self._socket = socket.create_connection((host, int(port)), 5)


class _File:
    def __init__(self, path):
        where = (os.dup(1), "wb") if path == "-" else (path, "ab")
        self._file = open(*where, buffering=0)
        self.close = self._file.close

    def write(self, parts):
        before = os.fstat(self._file.fileno())
        try:
            for part in parts:
                while len(part):
                    part = part[self._file.write(part):]
        except OSError:  # a full disk: leave no torn message behind
            if stat.S_ISREG(before.st_mode):
                self._file.truncate(before.st_size)
            raise


def _own_socket():
    """Where this user's listeners are unless somebody says otherwise."""
    user, folder = os.geteuid(), os.environ.get("XDG_RUNTIME_DIR")
    if not folder:
        folder = "/run/user/%d" % user
        if not os.path.isdir(folder) or os.stat(folder).st_uid != user:
            folder = "/tmp/tae-%d" % user
    return os.path.join(folder, "tae.sock")


def _understand(address):
    """What opens the address, and its argument."""
    text = os.fsdecode(address or "unix:")
    for start, kind in ("unix:", _Unix), ("tcp://", _Tcp), ("file:", _File):
        if text.startswith(start):
            text = text[len(start):]
            break
    else:
        is_socket = os.path.exists(text) and \
            stat.S_ISSOCK(os.stat(text).st_mode)
        kind = _File if text == "-" or text.endswith(".safetensors") else \
            _Unix if is_socket or text.endswith(".sock") else \
            re.fullmatch(r"(\[[\da-fA-F:.]+\]|[\w.-]*):\d+", text) and _Tcp
    if not kind:
        raise ValueError(
            "%r is none of unix:/path, tcp://host:port, name.safetensors and "
            "file:name" % text)
    if kind is _Unix and not hasattr(socket, "AF_UNIX"):
        raise ValueError(
            "this system has no Unix sockets: use tcp://host:port")
    return kind, text or (_own_socket() if kind is _Unix else text)


class _Sender:
    """The connection and the thread that all Taps of an address share."""

    def __init__(self, kind, where):
        self.key, self.every = (kind, where), kind is _File and where != "-"
        self.taps, self.said, self.sink = weakref.WeakSet(), False, None
        self.reset()

    def reset(self):
        """As it begins; in a forked child there is no thread any more."""
        self.waiting = collections.deque(maxlen=64 if self.every else 4)
        self.changed = threading.Condition()
        self.closing, self.thread = False, None
        self.hang_up()

    def hang_up(self):
        self.sink = self.sink and self.sink.close()

    def put(self, message):
        with self.changed:
            for old in self.waiting:
                old.due = 0
            if self.waiting and not (self.every or self.waiting[-1].final):
                self.waiting.pop().tap.dropped += 1
            if len(self.waiting) == self.waiting.maxlen:
                self.waiting.popleft().tap.dropped += 1
            self.waiting.append(message)
            if not self.thread:
                thread = threading.Thread(
                    target=self.run, name="tae_tap", daemon=True)
                thread.start()
                self.thread = thread
            self.changed.notify_all()

    def finish(self, message):
        with self.changed:
            if message in self.waiting and not message.started:
                message.final, message.due = True, 0
                return self.changed.notify_all()
            message = copy.copy(message)
            message.final, message.started = True, False
            self.put(message)

    def stop(self):
        with self.changed:
            self.closing = True
            self.changed.notify_all()

    def wait_for(self, tap, timeout):
        """Until nothing of this Tap waits and, at the end, the thread is done."""
        with self.changed:
            self.changed.wait_for(lambda: self.closing or all(
                message.tap is not tap for message in self.waiting), timeout)
        if self.closing and self.thread:
            self.thread.join(timeout)

    def next(self):
        """The message that is due; None at the end."""
        with self.changed:
            while self.waiting or not self.closing:
                left = self.waiting and self.waiting[0].due - time.monotonic()
                if self.waiting and (left <= 0 or self.closing):
                    self.waiting[0].started = True
                    return self.waiting[0]  # stays until it is delivered
                self.changed.wait(left or None)

    def run(self):
        last_attempt = False
        for message in iter(self.next, None):
            try:
                self.sink = self.sink or self.key[0](self.key[1])
                if message.event:
                    message.event.synchronize()
                self.sink.write((message.header(), memoryview(message.data)))
            except OSError as error:
                self.hang_up()
                self.complain(error)
                with self.changed:
                    if last_attempt:
                        return
                    last_attempt = self.changed.wait_for(
                        lambda: self.closing, timeout=0.25)
            except Exception as error:  # it would not do the next time either
                self.hang_up()
                self.complain(error)
                self.done(message, sent=0)
            else:
                self.done(message, sent=1)
        self.hang_up()

    def done(self, message, sent):
        with self.changed:
            message.tap.sent += sent
            if message in self.waiting:
                self.waiting.remove(message)
                message.tap.dropped += 1 - sent
            else:  # replaced on its way, and there all the same
                message.tap.dropped -= sent
            self.changed.notify_all()

    def complain(self, error):
        absent = not self.every and isinstance(
            error, (FileNotFoundError, ConnectionError, socket.timeout))
        if not absent and not self.said:
            self.said = True
            _log.warning("%s gets no latents: %r; the run goes on",
                         self.key[1], error)


_senders, _lock, _refused = {}, threading.Lock(), set()


def _after_fork():
    global _lock
    _lock = threading.Lock()
    for sender in _senders.values():
        sender.reset()


@atexit.register
def _at_exit():
    until = time.monotonic() + 2.0
    for sender in list(_senders.values()):
        for tap in list(sender.taps):
            tap.finish(only_maybe=True)
        sender.stop()
    for sender in list(_senders.values()):
        if sender.thread:
            sender.thread.join(max(0, until - time.monotonic()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Tap:
    """Counts what it `sent` and `dropped`. `send` may come from any thread.

    One latent waits for the listener, and a newer one replaces it unless it was
    sent with final=True (the last four such are kept). A file gets every step.
    The Taps of one address share a connection.
    """

    def __init__(self, address=None):
        self.sent, self.dropped, self._last, self._sender = 0, 0, None, None
        try:
            key = _understand(address)
            with _lock:
                if key not in _senders:
                    _senders[key] = _Sender(*key)
                self._sender = _senders[key]
                self._sender.taps.add(self)
        except Exception as error:
            if str(error) not in _refused:
                _refused.add(str(error))
                _log.warning("%s; nothing is sent", error)

    @quietly
    def send(self, tensor, **metadata):
        """Hands over one latent (torch, numpy or alike) and returns at once.

        Metadata, all optional: space, layout, domain, pred, width, height,
        step, steps, sigma, sigma_next, timestep, final, gen, seed, prompt, fps.
        Who does not know whether it is the last one says final="maybe".
        """
        if self._sender:
            message = _Message(self, tensor, metadata)
            self._last = None if message.final else message
            self._sender.put(message)

    @quietly
    def finish(self, gen=None, only_maybe=False):
        """Says that the latent sent last was the final one (of `gen`)."""
        last = self._last
        if last and self._sender and gen in (None, last.gen) and (
                last.maybe or not only_maybe):
            self._last = None
            self._sender.finish(last)

    @quietly
    def close(self, timeout=2.0):
        """Waits up to `timeout` seconds until all is delivered; then stops."""
        self.finish(only_maybe=True)
        sender, self._sender = self._sender, None
        if sender:
            with _lock:
                sender.taps.discard(self)
                if not sender.taps:
                    _senders.pop(sender.key, None)
                    sender.stop()
            sender.wait_for(self, timeout)

"""Asks tae-preview-server whether somebody pressed "Ask to stop".

    hint = StopHint("http://127.0.0.1:8080", gen=run)   # the gen that is sent
    for step in ...:
        if hint.stop:
            break

A thread asks, so the run never waits; without a server nobody wants it to stop.
diffusers: `pipe._interrupt = hint.stop` in the callback. Python's library is
all that it needs.
"""
import json
import threading
import urllib.parse
import urllib.request


class StopHint:
    """`stop` turns True once and stays so. `token`: the server's, if any."""

    def __init__(self, url, gen, token=None, every=1.0):
        self.stop = False
        self._request = urllib.request.Request(
            url.rstrip("/") + "/stop?" + urllib.parse.urlencode({"gen": gen}),
            headers={"Authorization": "Bearer " + token} if token else {})
        self._every, self._closed = every, threading.Event()
        threading.Thread(target=self._ask, daemon=True).start()

    def close(self):
        """Asks no more."""
        self._closed.set()

    def _ask(self):
        while not self.stop and not self._closed.wait(self._every):
            try:
                with urllib.request.urlopen(self._request, timeout=5) as reply:
                    self.stop = json.load(reply).get("stop") is True
            except (OSError, ValueError, AttributeError):
                pass  # no server, or something else: the run goes on

"""tae_tap.h in a C and in a C++ program: argument 1 and 2 are the programs."""
import os
import socket
import subprocess
import sys
import time
import unittest

import wire

_AT_ONCE = 20.0  # seconds; see test_tap.py
_PROGRAMS = []


class Native(unittest.TestCase):
    def start(self, program, address, steps, pause_us=0,
              close_s=wire.PATIENCE):
        return subprocess.Popen(
            [program, address, str(steps), str(pause_us), str(close_s)],
            stdout=subprocess.PIPE)

    def times(self, program):
        """(longest send, closing) in seconds."""
        out, _ = program.communicate(timeout=wire.PATIENCE)
        self.assertEqual(program.returncode, 0)
        return tuple(float(t) for t in out.split())

    def test_bytes_and_metadata(self):
        for name in _PROGRAMS:
            for address in wire.temporary_address(self), "tcp://127.0.0.1:0":
                listener = wire.Listener(address)
                self.addCleanup(listener.close)
                self.times(self.start(name, listener.address, 1))
                (message,) = listener.wait(1)
                self.assertEqual(message.dtype, "F32")
                self.assertEqual(message.shape, [1, 16, 128, 128])
                self.assertTrue((message.array() == 1).all())
                self.assertEqual(message.metadata, {
                    "space": "flux1", "layout": "nchw", "pred": "x0",
                    "gen": "7", "step": "1", "steps": "1", "final": "1",
                    "sigma": "0.25", "seed": str(2**64 - 1),
                    "prompt": 'a "cat"\n\\ \u732b'})

    def test_absent(self):
        for name in _PROGRAMS:
            for address in wire.temporary_address(self), wire.temporary_port(self):
                longest, closing = self.times(
                    self.start(name, address, 50, close_s=wire.PATIENCE))
                self.assertLess(longest, _AT_ONCE)
                self.assertLess(closing, wire.PATIENCE / 2)

    def test_never_reading(self):
        for name in _PROGRAMS:
            address = wire.temporary_address(self)
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(address[5:])
                server.listen(1)
                longest, closing = self.times(
                    self.start(name, address, 50, 2000, 0.5))
            self.assertLess(longest, _AT_ONCE)
            self.assertLess(closing, 0.5 + _AT_ONCE)

    def test_slow_gets_the_newest_and_the_final_one(self):
        for name in _PROGRAMS:
            listener = wire.Listener(wire.temporary_address(self), pace=0.1)
            self.addCleanup(listener.close)
            longest, _ = self.times(
                self.start(name, listener.address, 200, 3000, wire.PATIENCE))
            self.assertLess(longest, _AT_ONCE)
            listener.wait_for_step(200)
            steps = listener.steps()
            self.assertEqual(steps, sorted(set(steps)))
            self.assertLess(len(steps), 200)

    def test_vanishing_inside_a_message_and_coming_back(self):
        for name in _PROGRAMS:
            address = wire.temporary_address(self)
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(address[5:])
                server.listen(1)
                program = self.start(name, address, 10, 100000)
                peer, _ = server.accept()
                peer.recv(100000, socket.MSG_WAITALL)
                peer.close()
            time.sleep(0.2)
            listener = wire.Listener(address)
            self.addCleanup(listener.close)
            self.times(program)
            last = listener.wait_for_step(10)[-1]
            self.assertTrue((last.array() == 10).all())

    def test_file(self):
        for name in _PROGRAMS:
            path = wire.temporary_file(self)
            self.times(self.start(name, path, 3, 50000))
            self.times(self.start(name, path, 1))
            steps = [int(m.metadata["step"]) for m in wire.read_file(path)]
            # A slow disk may miss steps, never the last; the end is appended.
            last = steps.index(3)
            self.assertEqual(steps[:last], sorted(set(steps[:last])))
            self.assertEqual(steps[last:], [3, 1])


if __name__ == "__main__":
    _PROGRAMS = [os.path.abspath(name) for name in sys.argv[1:]]
    assert len(_PROGRAMS) == 2, "usage: test_native_tap.py PROGRAM PROGRAM"
    unittest.main(argv=sys.argv[:1])

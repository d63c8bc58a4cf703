"""tae_tap.h in a C and in a C++ program: argument 1 and 2 are the programs."""
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import wire

_AT_ONCE = 20.0  # seconds; see test_tap.py
_PROGRAMS = []


class Native(unittest.TestCase):
    def start(self, program, address, steps, pause_us=0,
              close_s=wire.PATIENCE, *mode, **keywords):
        return subprocess.Popen(
            [program, address, str(steps), str(pause_us), str(close_s), *mode],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, **keywords)

    def times(self, program, expected=0):
        """(longest send, closing) in seconds; what it said is in `said`."""
        out, self.said = program.communicate(timeout=wire.PATIENCE)
        self.assertEqual(program.returncode, expected, self.said)
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

    def test_a_forked_child_goes_on(self):
        for name in _PROGRAMS:
            listener = wire.Listener(wire.temporary_address(self))
            self.addCleanup(listener.close)
            program = self.start(
                name, listener.address, 2, 0, wire.PATIENCE, "fork")
            self.times(program)
            self.assertEqual(sorted(
                m.metadata["step"] for m in listener.wait(2)), ["1", "2"])
            self.assertEqual(listener.connections, 2)

    def test_signals(self):
        for name in _PROGRAMS:
            listener = wire.Listener(wire.temporary_address(self), pace=0.01)
            self.addCleanup(listener.close)
            self.times(self.start(
                name, listener.address, 30, 3000, wire.PATIENCE, "alarms"))
            listener.wait_for_step(30)
            self.assertEqual(self.said, "")

    def test_every_address_of_a_name_is_tried(self):
        for name in _PROGRAMS:
            for host in "tcp://localhost", "localhost", "", "[::ffff:127.0.0.1]":
                listener = wire.Listener("tcp://127.0.0.1:0")
                self.addCleanup(listener.close)
                port = listener.address.rsplit(":")[-1]
                self.times(self.start(name, host + ":" + port, 1))
                listener.wait(1)

    def test_the_users_own_socket_unless_it_is_somebody_elses(self):
        for name in _PROGRAMS:
            path = wire.temporary_address(self)[len("unix:"):]
            folder = os.path.dirname(path)
            environment = dict(os.environ, XDG_RUNTIME_DIR=folder)
            listener = wire.Listener("unix:" + path)
            self.addCleanup(listener.close)
            for address in "", "unix:":
                self.times(self.start(name, address, 1, env=environment))
            listener.wait(2)
            if os.getuid():  # who is not root has no folder of others
                continue
            for theirs in path, folder:
                os.chown(theirs, 12345, -1)
                self.times(self.start(
                    name, "", 3, 50000, 0.5, env=environment))
                self.assertEqual(
                    self.said.count("it belongs to another user"), 1)
                os.chown(theirs, 0, -1)
            self.assertEqual(listener.connections, 2)

    def test_the_path_of_a_socket_without_unix(self):
        for name in _PROGRAMS:
            listener = wire.Listener(wire.temporary_address(self))
            self.addCleanup(listener.close)
            self.times(self.start(name, listener.address[len("unix:"):], 1))
            listener.wait(1)

    def test_what_is_no_address_is_said_and_makes_no_file(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in _PROGRAMS:
                for address in "myfile", "http://127.0.0.1:80", "127.0.0.1":
                    self.times(self.start(name, address, 1, cwd=folder), 1)
                    self.assertIn(address + " is none of unix:/path",
                                  self.said)
            self.assertEqual(os.listdir(folder), [])

    def test_a_full_disk_leaves_no_torn_message(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1500000, 1500000))

        for name in _PROGRAMS:
            path = wire.temporary_file(self)
            self.times(self.start(name, path, 1))
            size = os.path.getsize(path)
            self.assertGreater(2 * size, 1500000)
            self.times(self.start(name, path, 3, 0, 1, preexec_fn=limit))
            self.assertEqual(self.said.count("File too large"), 1, self.said)
            self.assertEqual(os.path.getsize(path), size)

    def test_a_pipe_that_nobody_reads_any_more(self):
        for name in _PROGRAMS:
            path = wire.temporary_file(self)
            os.mkfifo(path)
            program = self.start(name, path, 10, 50000, 1)
            with open(path, "rb") as reader:
                reader.read(10)
            self.times(program)  # no SIGPIPE, and it does not wait for ever

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

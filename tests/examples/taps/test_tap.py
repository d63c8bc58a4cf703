"""tae_tap.Tap with numpy alone: framing, addresses, and every listener that a
run must survive. No test needs torch."""
import gc
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest
from unittest import mock

import numpy as np

import wire
import tae_tap

# A send copies 1 MiB and takes a lock: a fifth of a millisecond. One that
# waited for a listener that never comes or never reads would not return at all,
# so this is only for machines that stand still for a while.
_AT_ONCE = 20.0


def _latent(step=0, side=128):
    return np.full((1, 16, side, side), step, np.float32)


class Framing(unittest.TestCase):
    def setUp(self):
        self.listener = wire.Listener(wire.temporary_address(self))
        self.addCleanup(self.listener.close)
        self.tap = tae_tap.Tap(self.listener.address)
        self.addCleanup(self.tap.close)

    def test_every_byte_and_string_arrives(self):
        latent = np.arange(2 * 3 * 4, dtype=np.float16).reshape(1, 2, 3, 4)
        self.tap.send(latent, space="sd1", step=3, sigma=0.1, final=True,
                      seed=2**63, prompt='a "cat"\n\\ \u732b \udcff', fps=None)
        (message,) = self.listener.wait(1)
        self.assertEqual(message.dtype, "F16")
        np.testing.assert_array_equal(message.array(), latent)
        self.assertEqual(message.metadata, {
            "space": "sd1", "step": "3", "sigma": "0.1", "final": "1",
            "seed": str(2**63), "prompt": 'a "cat"\n\\ \u732b ?'})

    def test_strided_and_wide_arrays(self):
        latent = np.arange(24, dtype=np.float64).reshape(1, 2, 3, 4)
        self.tap.send(latent.transpose(0, 3, 1, 2), final=True)
        self.tap.send(latent[:, ::-1], final=True)
        first, second = self.listener.wait(2)[:2]
        self.assertEqual(first.dtype, "F32")
        np.testing.assert_array_equal(
            first.array(), latent.transpose(0, 3, 1, 2))
        np.testing.assert_array_equal(second.array(), latent[:, ::-1])

    def test_the_copy_is_taken_at_once(self):
        latent = _latent(1)
        self.tap.send(latent, final=True)
        latent[:] = 2
        self.assertEqual(self.listener.wait(1)[0].array().max(), 1)

    def test_a_long_prompt_leaves_the_header_small(self):
        self.tap.send(_latent(), prompt="\u732b" * 10**6, final=True)
        self.assertEqual(
            len(self.listener.wait(1)[0].metadata["prompt"]), 4096)

    def test_numbers_of_every_kind(self):
        latent = np.arange(24.0).reshape(1, 2, 3, 4)
        kinds = ">f4", ">f2", ">f8", "<i8", "u1", "bool", "<f8"
        for kind in kinds:
            self.tap.send(latent.astype(kind), step=np.int64(3), gen=kind,
                          sigma=np.float64(0.5), final=np.bool_(True))
            message = self.listener.wait_for_finals(
                1 + len(self.listener.messages))[-1]
            self.assertEqual(message.dtype, "F16" if kind == ">f2" else "F32")
            np.testing.assert_array_equal(
                message.array(), latent.astype(kind).astype("f4"))
            self.assertEqual(message.metadata, {
                "step": "3", "sigma": "0.5", "final": "1", "gen": kind})

    def test_a_batch_is_sent_whole(self):
        latent = np.arange(48, dtype="f4").reshape(2, 2, 3, 4)
        self.tap.send(latent, final=True)
        np.testing.assert_array_equal(
            self.listener.wait(1)[0].array(), latent)

    def test_what_is_no_tensor_is_reported_once_and_nothing_raised(self):
        tae_tap.Tap.send.said = False
        with self.assertLogs("tae_tap", "WARNING") as logs:
            self.tap.send()
            self.tap.send(None)
            self.tap.send(object())
            self.tap.send("text")
            self.tap.send(_latent(), step=mock.Mock(
                ndim=1, __str__=mock.Mock(side_effect=ValueError)))
        self.assertEqual(len(logs.records), 1)
        self.tap.send(_latent(7), final=True)
        self.assertEqual(self.listener.wait(1)[0].array().max(), 7)


class Listeners(unittest.TestCase):
    def timed_sends(self, tap, steps, pause=0.0, **metadata):
        """Sends latents 1 to `steps`, the last one final; the longest send."""
        longest = 0.0
        for step in range(1, steps + 1):
            latent = _latent(step)
            begin = time.monotonic()
            tap.send(latent, step=step, final=step == steps, **metadata)
            longest = max(longest, time.monotonic() - begin)
            time.sleep(pause)
        return longest

    def test_absent(self):
        tap = tae_tap.Tap(wire.temporary_address(self))
        self.assertLess(self.timed_sends(tap, 50), _AT_ONCE)
        begin = time.monotonic()
        tap.close(timeout=wire.PATIENCE)
        self.assertLess(time.monotonic() - begin, wire.PATIENCE / 2)
        self.assertEqual(tap.sent, 0)
        self.assertEqual(tap.dropped, 49)  # the final one still waited
        tap.send(_latent())  # after the end: nothing happens

    def test_late(self):
        address = wire.temporary_address(self)
        tap = tae_tap.Tap(address)
        self.addCleanup(tap.close)
        self.timed_sends(tap, 5)
        time.sleep(0.3)
        listener = wire.Listener(address)
        self.addCleanup(listener.close)
        listener.wait_for_step(5)
        # One may have been in its hand when the listener came; never more.
        self.assertLessEqual(len(listener.steps()), 2)

    def test_never_reading(self):
        address = wire.temporary_address(self)
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(address[5:])
        server.listen(1)
        tap = tae_tap.Tap(address)
        self.assertLess(self.timed_sends(tap, 50, 0.002), _AT_ONCE)
        begin = time.monotonic()
        tap.close(timeout=0.5)
        waited = time.monotonic() - begin
        self.assertGreater(waited, 0.4)
        self.assertLess(waited, 0.5 + _AT_ONCE)  # of the 30 s of a dead peer

    def test_slow_gets_the_newest_and_the_final_one(self):
        listener = wire.Listener("tcp://127.0.0.1:0", pace=0.1)
        self.addCleanup(listener.close)
        tap = tae_tap.Tap(listener.address)
        self.assertLess(self.timed_sends(tap, 300, 0.003), _AT_ONCE)
        tap.close(timeout=wire.PATIENCE)
        listener.wait(tap.sent)
        steps = listener.steps()
        self.assertEqual(steps, sorted(set(steps)))
        self.assertEqual(steps[-1], 300)
        self.assertLess(len(steps), 300)
        self.assertEqual(tap.sent + tap.dropped, 300)
        for message in listener.messages:
            self.assertTrue(
                (message.array() == int(message.metadata["step"])).all())

    def test_vanishing_inside_a_message_and_coming_back(self):
        address = wire.temporary_address(self)
        server = socket.socket(socket.AF_UNIX)
        server.bind(address[5:])
        server.listen(1)
        tap = tae_tap.Tap(address)
        self.addCleanup(tap.close)
        tap.send(_latent(1), step=1)
        peer, _ = server.accept()
        self.assertEqual(len(peer.recv(100000, socket.MSG_WAITALL)), 100000)
        peer.close()
        server.close()
        self.assertLess(self.timed_sends(tap, 3, 0.05), _AT_ONCE)
        listener = wire.Listener(address)
        self.addCleanup(listener.close)
        for message in listener.wait_for_step(3):  # whole, from its first byte
            self.assertTrue(
                (message.array() == int(message.metadata["step"])).all())

    def test_gone_between_two_steps(self):
        for address in wire.temporary_address(self), wire.temporary_port(self):
            listener = wire.Listener(address)
            tap = tae_tap.Tap(listener.address)
            self.addCleanup(tap.close)
            tap.send(_latent(1), step=1)
            listener.wait(1)
            listener.close()
            time.sleep(0.1)  # the end of the stream is on its way
            tap.send(_latent(2), step=2, final=True)
            again = wire.Listener(listener.address)
            self.addCleanup(again.close)
            self.assertEqual(again.wait(1)[0].metadata["step"], "2")

    def test_hanging_up_on_everyone_does_not_spin(self):
        address = wire.temporary_address(self)
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(address[5:])
        server.listen(16)
        server.settimeout(wire.PATIENCE)
        tap = tae_tap.Tap(address)
        self.addCleanup(tap.close)
        begin = time.monotonic()
        tap.send(_latent(), final=True)
        for _ in range(5):  # a quarter of a second between any two
            server.accept()[0].close()
        self.assertGreater(time.monotonic() - begin, 0.9)

    def test_close_delivers_the_final_one(self):
        listener = wire.Listener(wire.temporary_address(self), pace=0.02)
        self.addCleanup(listener.close)
        tap = tae_tap.Tap(listener.address)
        self.timed_sends(tap, 20)
        tap.close(timeout=wire.PATIENCE)
        listener.wait(tap.sent)
        self.assertEqual(listener.steps()[-1], 20)

    def test_the_last_one_of_who_does_not_know_it(self):
        listener = wire.Listener(wire.temporary_address(self))
        self.addCleanup(listener.close)
        tap = tae_tap.Tap(listener.address)
        self.addCleanup(tap.close)

        def send(step, final=False):
            tap.send(_latent(step), step=step, gen=step // 10, final=final)

        def came():
            return [(m.metadata["step"], m.metadata["final"])
                    for m in listener.messages]

        send(1, "maybe")
        tap.finish(7)  # says nothing of generation 0
        listener.wait(1)  # it does not wait for ever
        self.assertEqual(came(), [("1", "0")])
        send(2, "maybe")
        tap.finish(0)
        listener.wait(2)
        self.assertEqual(came()[1:], [("2", "1")])  # once, and as the final one
        send(3)
        listener.wait(3)
        tap.finish()  # it has gone: once more, and as the final one
        listener.wait(4)
        self.assertEqual(came()[2:], [("3", "0"), ("3", "1")])
        tap.finish()  # nothing new to say
        send(11, "maybe")
        tap.close(wire.PATIENCE)
        listener.wait(5)
        self.assertEqual(came()[4:], [("11", "1")])

    def test_finals_of_several_generations_are_all_kept(self):
        address = wire.temporary_address(self)
        tap = tae_tap.Tap(address)
        self.addCleanup(tap.close)
        for gen in range(3):
            self.timed_sends(tap, 3, gen=gen)
        listener = wire.Listener(address)
        self.addCleanup(listener.close)
        self.assertEqual([(m.metadata["gen"], m.metadata["step"])
                          for m in listener.wait(3)],
                         [("0", "3"), ("1", "3"), ("2", "3")])


class Program:
    def program(self, text, **keywords):
        """Runs this after `import numpy, tae_tap`; what it printed."""
        text = ("import sys; sys.path.insert(0, %r)\n"
                "import os, numpy, wire, tae_tap\n"
                "latent = numpy.ones((1, 4, 64, 64), 'f4')\n" % os.path.dirname(
                    os.path.abspath(__file__)) + text)
        return subprocess.run(
            [sys.executable, "-B", "-c", text], timeout=wire.PATIENCE,
            check=True, stderr=subprocess.PIPE, universal_newlines=True,
            **keywords).stderr


class Sharing(unittest.TestCase, Program):
    def setUp(self):
        self.listener = wire.Listener(wire.temporary_address(self))
        self.addCleanup(self.listener.close)

    def test_the_taps_of_an_address_have_one_thread_and_one_descriptor(self):
        def used():
            return wire.tap_threads(), len(os.listdir("/proc/self/fd"))

        first = tae_tap.Tap(self.listener.address)
        first.send(_latent(1), final=True)
        self.listener.wait(1)
        before, taps = used(), []
        for count in range(2, 31):
            taps.append(tae_tap.Tap(self.listener.address))
            taps[-1].send(_latent(count), final=True)
            self.listener.wait(count)
        self.assertEqual(self.listener.connections, 1)
        self.assertEqual(used(), before)
        for tap in taps:  # what one of them does is not what all do
            tap.close(wire.PATIENCE)
            self.assertEqual((tap.sent, tap.dropped), (1, 0))
        first.send(_latent(31), final=True)
        self.listener.wait(31)
        self.assertEqual(self.listener.connections, 1)
        first.close(wire.PATIENCE)
        self.assertEqual(used()[0], before[0] - 1)

    def test_what_nobody_holds_any_more_is_delivered_and_gone(self):
        before = wire.tap_threads()
        for count in range(1, 4):
            tae_tap.Tap(self.listener.address).send(_latent(1), final=True)
            self.listener.wait(count)
        gc.collect()
        tap = tae_tap.Tap(self.listener.address)
        tap.send(_latent(1), final=True)
        self.listener.wait(4)
        self.assertEqual(self.listener.connections, 1)
        tap.close(wire.PATIENCE)  # the only one left
        self.assertEqual(wire.tap_threads(), before)

    def test_a_forked_child_sends_too(self):
        self.program(
            "tap = tae_tap.Tap(%r)\n"
            "tap.send(latent, step=1, final=True)\n"
            "while not tap.sent: pass\n"
            "taken = tap._sender.changed, tae_tap._lock\n"
            "for lock in taken: lock.acquire()\n"  # as by another thread
            "child = os.fork()\n"
            "if not child:\n"
            "    tap.send(latent, step=2, final=True)\n"
            "    tap.close(%f)\n"
            "    os._exit(0)\n"
            "for lock in taken: lock.release()\n"
            "assert os.waitpid(child, 0)[1] == 0\n"
            "tap.send(latent, step=3, final=True)\n"
            "tap.close(%f)\n" % (
                self.listener.address, wire.PATIENCE, wire.PATIENCE))
        self.listener.wait(3)
        self.assertEqual(sorted(self.listener.steps()), [1, 2, 3])
        self.assertEqual(self.listener.connections, 2)

    def test_a_thread_that_cannot_start(self):
        tap = tae_tap.Tap(self.listener.address)
        with mock.patch("threading.Thread.start", side_effect=RuntimeError):
            tap.send(_latent(1), step=1, final=True)
        tap.send(_latent(2), step=2, final=True)
        self.listener.wait(2)
        with mock.patch("threading.Thread.start", side_effect=RuntimeError):
            other = tae_tap.Tap("tcp://127.0.0.1:9")
            other.send(_latent(1))
            other.close()
        tap.close()


class Addresses(unittest.TestCase, Program):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        tae_tap._refused.clear()

    def reaches(self, address, listener):
        tap = tae_tap.Tap(address)
        tap.send(_latent(1), final=True)
        self.assertEqual(listener.wait(1)[0].shape, [1, 16, 128, 128])
        tap.close(wire.PATIENCE)
        listener.close()

    def test_a_host_and_a_port_without_tcp(self):
        for host in "127.0.0.1", "localhost", "":
            listener = wire.Listener("tcp://127.0.0.1:0")
            self.reaches(host + ":" + listener.address.rsplit(":")[-1],
                         listener)

    def test_every_address_of_a_name_is_tried(self):
        listener = wire.Listener("tcp://127.0.0.1:0")
        port = int(listener.address.rsplit(":")[-1])
        names = [(socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("::1", port)),
                 (socket.AF_INET, socket.SOCK_STREAM, 0, "",
                  ("127.0.0.1", port))]
        with mock.patch("socket.getaddrinfo", return_value=names):
            self.reaches("tcp://localhost:%d" % port, listener)

    def test_the_path_of_a_socket_without_unix(self):
        for name in "tae.sock", "other":
            path = os.path.join(self.folder, name)
            self.reaches(path, wire.Listener("unix:" + path))
        path = os.path.join(self.folder, "late.sock")  # nobody listens yet
        tap = tae_tap.Tap(path)
        tap.send(_latent(1), final=True)
        self.reaches(path, wire.Listener("unix:" + path))
        tap.close()

    def test_only_what_is_named_so_becomes_a_file(self):
        one, other = (os.path.join(self.folder, n)
                      for n in ("run.safetensors", "run.bin"))
        for address, path in (one, one), ("file:" + other, other):
            tap = tae_tap.Tap(address)
            tap.send(_latent(1, 8))
            tap.close(wire.PATIENCE)
            self.assertEqual(len(wire.read_file(path)), 1)

    def test_what_is_no_address_is_said_once_and_makes_no_file(self):
        here = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, here)
        wrong = ("myfile", "/nonexistent/preview", "http://127.0.0.1:80",
                 "127.0.0.1", "tae", 5000, object(), ["unix:/x"])
        for address in wrong:
            with self.assertLogs("tae_tap", "WARNING") as logs:
                for _ in range(2):
                    tap = tae_tap.Tap(address)
                    tap.send(_latent(1))
                    tap.finish()
                    tap.close()
            self.assertEqual(len(logs.records), 1, address)
        self.assertEqual(os.listdir(self.folder), [])

    def test_without_an_address_it_is_the_users_own_socket(self):
        path = os.path.join(self.folder, "tae.sock")
        with mock.patch.dict(os.environ, XDG_RUNTIME_DIR=self.folder):
            for address in None, "", "unix:":
                self.reaches(address, wire.Listener("unix:" + path))

    def test_where_there_is_no_runtime_folder(self):
        run = "/run/user/%d" % os.geteuid()
        mine = types.SimpleNamespace(st_uid=os.geteuid())
        other = types.SimpleNamespace(st_uid=os.geteuid() + 1)
        for exists, owner, folder in (
                (True, mine, run), (True, other, "/tmp/tae-%d" % os.geteuid()),
                (False, mine, "/tmp/tae-%d" % os.geteuid())):
            with mock.patch.dict(os.environ), \
                    mock.patch("os.path.isdir", return_value=exists), \
                    mock.patch("os.stat", return_value=owner):
                os.environ.pop("XDG_RUNTIME_DIR", None)
                self.assertEqual(tae_tap._own_socket(), folder + "/tae.sock")

    def test_what_belongs_to_somebody_else_gets_nothing_and_says_so_once(self):
        path = os.path.join(self.folder, "tae.sock")
        listener = wire.Listener("unix:" + path)
        self.addCleanup(listener.close)
        lstat = os.lstat
        for somebodys in self.folder, path:
            def owners(name, of=somebodys):
                found = lstat(name)
                return types.SimpleNamespace(
                    st_uid=found.st_uid + (str(name) == of))
            with mock.patch.dict(os.environ, XDG_RUNTIME_DIR=self.folder), \
                    mock.patch("os.lstat", owners), \
                    self.assertLogs("tae_tap", "WARNING") as logs:
                tap = tae_tap.Tap()
                tap.send(_latent(1), final=True)
                tap.close(wire.PATIENCE)  # tries it twice
            self.assertEqual(tap.sent, 0)
            self.assertEqual(len(logs.records), 1)
            self.assertIn(somebodys + " belongs to another user",
                          logs.output[0])
        self.assertEqual(listener.connections, 0)

    def test_a_socket_that_may_not_be_opened_says_so_once(self):
        path = os.path.join(self.folder, "tae.sock")
        listener = wire.Listener("unix:" + path)
        self.addCleanup(listener.close)
        os.chmod(path, 0)
        os.chmod(self.folder, stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH)
        said = self.program(
            "if not os.getuid(): os.setuid(65534)\n"  # root may open all
            "tap = tae_tap.Tap('unix:' + %r)\n"
            "for step in range(3):\n"
            "    tap.send(latent, final=True)\n"
            "tap.close(%f)\n" % (path, wire.PATIENCE))
        self.assertEqual(said.count("PermissionError"), 1, said)
        self.assertIn(path, said)

    def test_a_system_without_unix_sockets(self):
        said = self.program(
            "import socket\n"
            "late = tae_tap.Tap('unix:/nonexistent')\n"
            "del socket.AF_UNIX, os.geteuid, os.register_at_fork\n"
            "for tap in late, tae_tap.Tap(), tae_tap.Tap('unix:/x'):\n"
            "    tap.send(latent, final=True)\n"
            "    tap.close()\n")
        self.assertEqual(said.count("no Unix sockets"), 1, said)
        self.assertNotIn("Traceback", said)

    def test_a_bad_port_and_an_unknown_name_are_said_once(self):
        for address in "tcp://127.0.0.1", "tcp://nobody.invalid:5000":
            with self.assertLogs("tae_tap", "WARNING") as logs:
                tap = tae_tap.Tap(address)
                for _ in range(3):
                    tap.send(_latent(1), final=True)
                tap.close(wire.PATIENCE)
            self.assertEqual(len(logs.records), 1, logs.output)
            self.assertEqual(tap.sent, 0)


class Files(unittest.TestCase, Program):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "run.safetensors")

    def test_every_step_is_appended(self):
        for run in range(2):
            tap = tae_tap.Tap(self.path)
            for step in range(1, 11):
                tap.send(_latent(step, 8), gen=run, step=step)
            tap.close()
        messages = wire.read_file(self.path)
        self.assertEqual([m.metadata["step"] for m in messages],
                         [str(s) for s in range(1, 11)] * 2)

    def test_standard_output_and_the_end_of_the_program(self):
        with open(self.path, "wb") as out:
            self.program(
                "tap = tae_tap.Tap('-')\n"
                "tap.send(latent, final=True)\n", stdout=out)
        (message,) = wire.read_file(self.path)  # delivered at exit
        self.assertEqual(message.shape, [1, 4, 64, 64])

    def test_a_full_disk_leaves_no_torn_message(self):
        said = self.program(
            "import resource\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))\n"
            "tap = tae_tap.Tap(%r)\n"
            "for step in range(1, 4):\n"
            "    tap.send(latent, step=step)\n"
            "tap.close()\n" % self.path)
        self.assertEqual(said.count("File too large"), 1, said)
        self.assertEqual(
            [m.metadata["step"] for m in wire.read_file(self.path)], ["1"])
        self.assertEqual(os.path.getsize(self.path) // 65536, 1)

    def test_a_pipe_that_closes_early_harms_nobody(self):
        text = ("import sys; sys.path.insert(0, %r)\n"
                "import numpy, tae_tap\n"
                "tap = tae_tap.Tap('-')\n"
                "for step in range(20):\n"
                "    tap.send(numpy.ones((1, 4, 64, 64), 'f4'))\n"
                "tap.close()\n" % wire.TAPS)
        program = subprocess.Popen([sys.executable, "-B", "-c", text],
                                   stdout=subprocess.PIPE)
        program.stdout.read(10)
        program.stdout.close()
        self.assertEqual(program.wait(timeout=wire.PATIENCE), 0)


if __name__ == "__main__":
    unittest.main()

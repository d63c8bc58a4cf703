"""tae_tap.Tap with numpy alone: framing, addresses, and every listener that a
run must survive. No test needs torch."""
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest

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

    def test_what_is_no_tensor_is_reported_once_and_nothing_raised(self):
        with self.assertLogs("tae_tap", "WARNING") as logs:
            self.tap.send(object())
            self.tap.send("text")
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


class Files(unittest.TestCase):
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

    def program(self, text, **keywords):
        text = "import sys; sys.path.insert(0, %r)\n" % wire.TAPS + text
        return subprocess.run([sys.executable, "-B", "-c", text],
                              timeout=wire.PATIENCE, **keywords)

    def test_standard_output_and_the_end_of_the_program(self):
        with open(self.path, "wb") as out:
            self.program(
                "import numpy, tae_tap\n"
                "tap = tae_tap.Tap('-')\n"
                "tap.send(numpy.ones((1, 4, 64, 64), 'f4'), final=True)\n",
                stdout=out, check=True)
        (message,) = wire.read_file(self.path)  # delivered at exit
        self.assertEqual(message.shape, [1, 4, 64, 64])

    def test_a_full_disk_leaves_no_torn_message(self):
        done = self.program(
            "import numpy, resource, time, tae_tap\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))\n"
            "tap = tae_tap.Tap(%r)\n"
            "for step in range(1, 4):\n"
            "    tap.send(numpy.ones((1, 4, 64, 64), 'f4'), step=step)\n"
            "tap.close()\n" % self.path)
        self.assertEqual(done.returncode, 0)
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

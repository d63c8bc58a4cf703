"""What the server answers, what it refuses, and what it survives."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from preview import (EXAMPLE, PATIENCE, Preview, SERVER, message, send_run,
                     shaped)
from sockets import used

sys.path.insert(0, EXAMPLE)
from stop_hint import StopHint  # noqa: E402


class Parts:
    """JPEGs of a multipart stream."""

    def __init__(self, stream):
        kind = stream.headers["Content-Type"]
        assert kind.startswith("multipart/x-mixed-replace; boundary="), kind
        self.boundary = b"--" + kind.split("=")[1].encode()
        self.stream, self.seen = stream, b""

    def take(self, count):
        pictures = []
        while len(pictures) < count:
            while self.seen.count(self.boundary) < 2:
                more = self.stream.read1(65536)
                assert more, "the stream ended"
                self.seen += more
            _, part, rest = self.seen.split(self.boundary, 2)
            head, picture = part.split(b"\r\n\r\n", 1)
            assert head.strip() == b"Content-Type: image/jpeg", head
            assert picture[:2] == b"\xff\xd8", picture[:80]
            assert picture[-4:] == b"\xff\xd9\r\n", picture[-80:]
            pictures.append(picture[:-2])
            self.seen = self.boundary + rest
        return pictures


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.preview = Preview()
        send_run(cls.preview, "first", steps=4, prompt="a \"fox\" \u2603", seed=7)
        cls.newest = cls.preview.finished(1)[0]

    @classmethod
    def tearDownClass(cls):
        cls.preview.__exit__()

    def test_status(self):
        status = self.preview.status()
        self.assertEqual(status["latents"]["address"],
                         "unix:" + self.preview.socket)
        generation = self.newest
        self.assertEqual(generation["prompt"], "a \"fox\" \u2603")
        self.assertEqual((generation["step"], generation["steps"]), (4, 4))
        self.assertEqual((generation["width"], generation["height"]),
                         (128, 128))
        self.assertEqual(generation["seed"], "7")
        self.assertGreater(generation["steps_per_second"], 0)

    def test_pictures_of_the_steps(self):
        path = "/generations/%d" % self.newest["id"]
        history = self.preview.get(path).json()["history"]
        self.assertEqual([step["step"] for step in history], [1, 2, 3, 4])
        self.assertEqual([step["sigma"] for step in history],
                         [0.75, 0.5, 0.25, 0.0])
        seen = set()
        for step in history:
            for name in ("picture.jpg", "thumbnail.jpg"):
                reply = self.preview.get(
                    "%s/steps/%d/%s" % (path, step["index"], name))
                self.assertEqual(reply.headers["Content-Type"], "image/jpeg")
                self.assertEqual(reply.body[:2], b"\xff\xd8")
                seen.add(reply.body)
        self.assertEqual(len(seen), 8)

    def test_snapshot_is_a_png_of_the_whole_picture(self):
        body = self.preview.get("/snapshot.png").body
        self.assertEqual(body[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">II", body[16:24]), (128, 128))

    def test_latents_come_back_as_they_were_sent(self):
        reply = self.preview.get("/generations/%d/latents.safetensors" %
                                 self.newest["id"])
        self.assertIn("attachment", reply.headers["Content-Disposition"])
        body, steps = reply.body, []
        while body:
            (length,) = struct.unpack("<Q", body[:8])
            header = json.loads(body[8:8 + length])
            steps.append(header["__metadata__"]["step"])
            (size,) = {v["data_offsets"][1] for k, v in header.items()
                       if k != "__metadata__"}
            data, body = body[8 + length:8 + length + size], \
                body[8 + length + size:]
            sent = message(gen="first", step=len(steps), steps=4, seed=7,
                           prompt="a \"fox\" \u2603",
                           sigma=1 - len(steps) / 4,
                           final=int(len(steps) == 4))
            self.assertTrue(sent.endswith(data))
        self.assertEqual(steps, ["1", "2", "3", "4"])

    def test_timelapse_plays(self):
        reply = self.preview.get("/generations/%d/timelapse.webm" %
                                 self.newest["id"])
        self.assertEqual(reply.headers["Content-Type"], "video/webm")
        path = os.path.join(self.preview.folder.name, "film.webm")
        with open(path, "wb") as film:
            film.write(reply.body)
        played = subprocess.run(
            ["gst-launch-1.0", "-v", "filesrc", "location=" + path, "!",
             "decodebin", "!", "videoconvert", "!", "fakesink",
             "silent=false"], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(played.returncode, 0, played.stderr)
        # Four steps and the last one held for two seconds, two a second.
        self.assertEqual(played.stdout.count("chain"), 8)
        self.assertIn("width=(int)128", played.stdout)

    def test_page_and_its_files(self):
        reply = self.preview.get("/")
        self.assertTrue(reply.body.startswith(b"<!doctype html>"))
        self.assertIn("script-src 'self'",
                      reply.headers["Content-Security-Policy"])
        for name in ("style.css", "app.js", "icon.svg"):
            self.assertEqual(self.preview.get("/" + name).status, 200, name)

    def test_stop(self):
        ask = "/stop?gen=stopped"
        self.assertEqual(self.preview.get(ask).json(), {"stop": False})
        send_run(self.preview, "stopped", steps=2)
        said = self.preview.get(ask).json()
        self.assertFalse(said["stop"])
        reply = self.preview.get("/stop?generation=%d" % said["generation"],
                                 method="POST")
        self.assertTrue(reply.json()["stop"])
        self.assertTrue(self.preview.get(ask).json()["stop"])
        self.assertFalse(self.preview.get("/stop?gen=first").json()["stop"])

    def test_stop_hint(self):
        hints = [StopHint(self.preview.url, gen, every=0.05)
                 for gen in ("hinted", "another", "a & b")]
        send_run(self.preview, "hinted", steps=2)
        self.assertFalse(any(hint.stop for hint in hints))
        self.preview.get("/stop", method="POST")
        until = time.monotonic() + PATIENCE
        while not hints[0].stop and time.monotonic() < until:
            time.sleep(0.02)
        self.assertEqual([hint.stop for hint in hints], [True, False, False])
        for hint in hints:
            hint.close()
        nobody = StopHint("http://127.0.0.1:9", "x", every=0.01)
        time.sleep(0.2)
        self.assertFalse(nobody.stop)
        nobody.close()

    def test_live_stream_and_events_follow(self):
        with self.preview.stream("/live.mjpg") as live, \
                self.preview.stream("/events") as events:
            parts = Parts(live)
            (first,) = parts.take(1)
            send_run(self.preview, "followed", steps=3)
            self.assertNotIn(first, parts.take(3))
            steps = []
            while len(steps) < 3:
                line = events.readline()
                self.assertTrue(line, "the events ended")
                if line.startswith(b"data:") and b"\"latest\"" in line:
                    latest = json.loads(line[5:])["latest"]
                    if latest["picture"]:
                        steps.append(latest["step"])
            self.assertEqual(steps, [1, 2, 3])

    def test_what_is_not_there(self):
        for path in ("/generations/0", "/generations/99999999999999999999",
                     "/generations/-1", "/generations/1/steps/77/picture.jpg",
                     "/generations/1/../../../etc/passwd", "/etc/passwd",
                     "/%2e%2e/%2e%2e/etc/passwd", "/generations/1%2fsteps",
                     "/" + "a/" * 500, "/x" * 2000):
            reply = self.preview.get(path)
            self.assertEqual(reply.status, 404, path)
            self.assertIn("error", reply.json())
        self.assertEqual(self.preview.get("/status", "POST").status, 405)
        self.assertEqual(self.preview.get("/status", "DELETE").status, 405)

    def test_other_sites_are_refused(self):
        for headers in ({"Host": "evil.example"},
                        {"Origin": "https://evil.example"},
                        {"Origin": "null"}):
            reply = self.preview.get("/status", headers=headers)
            self.assertEqual(reply.status, 403, headers)
        own = {"Origin": "http://" + self.preview.host}
        self.assertEqual(self.preview.get("/status", headers=own).status, 200)


class Token(unittest.TestCase):
    TOKEN = "0123456789abcdef"

    def test_needed_beyond_this_machine(self):
        for arguments in (["--listen=0.0.0.0:0"],
                          ["--listen=0.0.0.0:0", "--token=short"],
                          ["--listen=[::]:0"]):
            run = subprocess.run([SERVER, *arguments], capture_output=True,
                                 text=True, timeout=PATIENCE)
            self.assertEqual(run.returncode, 1)
            self.assertIn("--token", run.stderr)

    def test_asked_for(self):
        with Preview("--token=" + self.TOKEN) as preview:
            for path in ("/", "/status", "/live.mjpg", "/snapshot.png",
                         "/status?token=0123456789abcdee", "/app.js"):
                self.assertEqual(preview.get(path).status, 401, path)
            bearer = {"Authorization": "Bearer " + self.TOKEN}
            self.assertEqual(preview.get("/status", headers=bearer).status, 200)
            asked = preview.get("/?token=" + self.TOKEN)
            self.assertEqual((asked.status, asked.headers["Location"]),
                             (303, preview.url))
            cookie = asked.headers["Set-Cookie"]
            self.assertIn("HttpOnly", cookie)
            cookie = {"Cookie": "a=b; " + cookie.split(";")[0]}
            self.assertEqual(preview.get("/status", headers=cookie).status, 200)

    def test_from_the_environment(self):
        with Preview(env={"TAE_PREVIEW_TOKEN": self.TOKEN}) as preview:
            self.assertEqual(preview.get("/status").status, 401)


class Survives(unittest.TestCase):
    def test_a_producer_that_dies_and_one_that_sends_rubbish(self):
        with Preview() as preview:
            with preview.producer() as producer:
                producer.sendall(message(gen="torn", step=1, steps=9)[:-100])
            with preview.producer() as producer:
                producer.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
            with preview.producer() as producer:
                producer.sendall(message(gen="odd", space="no-such-space"))
            preview.wait_for(lambda s: s["latents"]["failures"] >= 3)
            send_run(preview, "after", steps=2)
            self.assertTrue(preview.status()["notices"])

    def test_a_latent_that_cannot_be_decoded(self):
        """It is told of, and its producer goes on."""
        with Preview("--decoder=max-pixels=65536") as preview:
            with preview.producer() as producer:
                producer.sendall(message(gen="large", side=64, step=1))
                preview.wait_for(lambda s: any("pixels" in n["text"]
                                               for n in s["notices"]))
                producer.sendall(message(gen="after", step=1, final=1))
                preview.wait_for(lambda s: any(
                    g["name"] == "after" and "picture" in g
                    for g in s["generations"]))
            self.assertFalse(any(n["error"]
                                 for n in preview.status()["notices"]))

    def test_shapes_and_spaces_in_turn(self):
        """Also those that no picture or no thumbnail can have."""
        shapes = [(32, 1, 1), (32, 1, 300), (32, 300, 1), (32, 512, 2),
                  (32, 2, 1024), (4, 7, 3), (16, 5, 9), (8, 4, 4), (3, 40, 40)]
        with Preview() as preview:
            with preview.producer() as producer:
                for turn in (0, 1):
                    for number, (channels, height, width) in enumerate(shapes):
                        producer.sendall(shaped(
                            channels, height, width,
                            gen="%d %d" % (turn, number), step=1, final=1))
                        preview.wait_for(
                            lambda s: s["latents"]["received"] +
                            s["latents"]["failures"] > turn * len(shapes)
                            + number)
                    producer.sendall(message(gen="after %d" % turn, step=1,
                                             final=1))
                    preview.wait_for(lambda s: any(
                        g["name"] == "after %d" % turn and "picture" in g
                        for g in s["generations"]))
            notices = preview.status()["notices"]
            self.assertFalse(any(n["error"] for n in notices), notices)

    def test_all_latents_are_kept_whatever_the_decoder_leaves_out(self):
        with Preview() as preview:
            with preview.producer() as producer:
                for step in range(1, 61):
                    producer.sendall(message(gen="fast", side=64, step=step,
                                             steps=60, final=int(step == 60)))
                    time.sleep(0.01)
                preview.finished(1)
            status = preview.status()
            history = preview.get("/generations/1").json()["history"]
            # On a busy machine some are lost before they are taken over.
            self.assertEqual(len(history) + status["latents"]["dropped"], 60)
            pictures = sum(step["picture"] for step in history)
            self.assertEqual(status["latents"]["skipped"],
                             len(history) - pictures)
            self.assertTrue(history[-1]["picture"])

    def test_latents_are_kept_on_disk_and_play(self):
        with tempfile.TemporaryDirectory() as folder:
            with Preview("--keep=" + folder) as preview:
                send_run(preview, "../../kept", steps=3)
                with preview.producer() as producer:  # a last picture, held
                    producer.sendall(message(gen="../../kept", step=3, steps=3,
                                             sigma=0.0, final=1))
                preview.wait_for(lambda s: s["latents"]["received"] == 4)
                download = preview.get("/generations/1/latents.safetensors")
            (name,) = os.listdir(folder)
            self.assertRegex(name, r"^\d{8}-\d{6}-1\.safetensors$")
            path = os.path.join(folder, name)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            self.assertEqual(os.path.getsize(path), len(download.body))
            played = subprocess.run(
                ["gst-launch-1.0", "-v", "latentsrc", "location=" + path, "!",
                 "taedecode", "!", "fakesink", "silent=false"],
                capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(played.returncode, 0, played.stderr)
            self.assertEqual(played.stdout.count("chain"), 3)

    def test_generations_of_earlier_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            with Preview("--keep=" + folder) as preview:
                send_run(preview, "one", steps=3, prompt="a fox",
                         seed=2**64 - 1)
                send_run(preview, "two", steps=2)
                preview.finished(2)
                latents = preview.get("/generations/1/latents.safetensors").body
            self.spoil(folder)
            with Preview("--keep=" + folder) as preview:
                status = preview.status()
                told = " ".join(n["text"] for n in status["notices"])
                for name in ("000001-7", "000002-7", "000003-7", "000004-7"):
                    self.assertIn("20200101-" + name, told)
                two, one, half = status["generations"]
                self.assertEqual(two["prompt"], "")
                self.assertEqual((one["name"], one["prompt"], one["seed"]),
                                 ("one", "a fox", str(2**64 - 1)))
                self.assertEqual((half["name"], half["came"], half["state"]),
                                 ("one", 2, "stalled"))
                self.assertTrue(all(g["past"] for g in (one, two, half)))
                self.assertEqual((one["step"], one["steps"], one["sigma"],
                                  one["width"], one["state"]),
                                 (3, 3, 0, 128, "finished"))
                self.assertEqual(status["memory"]["bytes"], 0)
                path = "/generations/%d" % one["id"]
                self.assertEqual(
                    preview.get(path + "/latents.safetensors").body, latents)
                seen = self.pictures(preview, path, 3)
                self.assertEqual(len(seen), 6)
                png = preview.get(path + "/snapshot.png").body
                self.assertEqual(struct.unpack(">II", png[16:24]), (128, 128))
                # A producer that goes on under the same name begins anew.
                with preview.producer() as producer:
                    for step in (1, 2):
                        producer.sendall(message(gen="one", step=step, steps=2))
                        preview.wait_for(
                            lambda s: [s["generations"][0][key] for key in
                                       ("came", "past")] == [step, False])
                for name in os.listdir(folder):
                    os.unlink(os.path.join(folder, name))
                for what in ("latents.safetensors", "snapshot.png",
                             "steps/0/picture.jpg"):
                    reply = preview.get("/generations/%d/%s" % (two["id"], what))
                    self.assertIn(reply.status, (404, 500), what)

    def pictures(self, preview, path, count):
        history = preview.get(path).json()["history"]
        self.assertEqual([s["picture"] for s in history], [True] * count)
        seen = set()
        for step in history:
            for name in ("picture.jpg", "thumbnail.jpg"):
                reply = preview.get("%s/steps/%d/%s" % (path, step["index"],
                                                        name))
                self.assertEqual(reply.status, 200, reply.body)
                self.assertEqual(reply.body[:2], b"\xff\xd8")
                seen.add(reply.body)
        return seen

    def spoil(self, folder):
        """Files that are no generations, and one that is half of one."""
        (first, _) = sorted(os.listdir(folder))
        with open(os.path.join(folder, first), "rb") as file:
            whole = file.read()
        huge = struct.pack("<Q", 1 << 60) + b"{}"
        for number, data in enumerate((whole[:-10], b"", b"rubbish" * 999,
                                       huge), 1):
            name = "20200101-%06d-7.safetensors" % number
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        os.symlink("/etc/passwd",
                   os.path.join(folder, "20200101-000009-7.safetensors"))
        with open(os.path.join(folder, "mine.safetensors"), "w") as file:
            file.write("mine")

    def test_a_film_is_better_than_what_was_shown(self):
        with tempfile.TemporaryDirectory() as folder:
            with Preview("--decoder=scale=1/2", "--keep=" + folder) as preview:
                send_run(preview, "small", steps=3)
                preview.finished(1)
                film = "/generations/1/timelapse.webm"
                self.assertEqual(preview.status()["generations"][0]["width"], 64)
                self.assertEqual(
                    self.film(preview, film + "?from=pictures"), (64, 7))
                self.assertEqual(self.film(preview, film), (128, 7))
            with Preview("--keep=" + folder) as preview:
                self.assertEqual(self.film(preview, film), (128, 7))
                self.assertEqual(
                    preview.get(film + "?from=pictures").status, 404)

    def film(self, preview, path):
        """Width and number of its pictures."""
        reply = preview.get(path)
        self.assertEqual(reply.status, 200, reply.body)
        file = os.path.join(preview.folder.name, "film.webm")
        with open(file, "wb") as webm:
            webm.write(reply.body)
        played = subprocess.run(
            ["gst-launch-1.0", "-v", "filesrc", "location=" + file, "!",
             "decodebin", "!", "fakesink", "silent=false"],
            capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(played.returncode, 0, played.stderr)
        width = re.search(r"video/x-raw.*width=\(int\)(\d+)", played.stdout)
        return int(width.group(1)), played.stdout.count("chain")

    def test_who_asks_for_a_film_may_hang_up(self):
        with Preview() as preview:
            send_run(preview, "film", steps=8, side=32)
            preview.finished(1)
            host, port = preview.host.split(":")
            for path in ("timelapse.webm", "timelapse.webm?from=pictures"):
                with socket.create_connection((host, int(port))) as peer:
                    peer.sendall(("GET /generations/1/%s HTTP/1.1\r\n"
                                  "Host: localhost\r\n\r\n" % path).encode())
            preview.wait_for(lambda s: s["films"] == 0)
            self.assertEqual(self.film(preview, "/generations/1/timelapse.webm"),
                             (256, 12))

    def test_numbers_that_are_none(self):
        with Preview() as preview:
            sent = bytearray(message(gen="nan", step=1, steps=1, final=1))
            sent[-2:] = b"\x00\x7e"
            with preview.producer() as producer:
                producer.sendall(bytes(sent))
                preview.finished(1)
            history = preview.get("/generations/1").json()["history"]
            self.assertEqual(history[0]["nonfinite"], 1)

    def test_pictures_that_get_better(self):
        with Preview("--decoder=anytime=true") as preview:
            with preview.producer() as producer:
                producer.sendall(message(gen="any", step=1, steps=2))
                preview.wait_for(lambda s: s["generations"] and
                                 s["generations"][0].get("version", 0) > 1)
                producer.sendall(message(gen="any", step=2, steps=2, final=1))
                preview.finished(1)
            history = preview.get("/generations/1").json()["history"]
            self.assertEqual([s["step"] for s in history], [1, 2])

    def test_two_sizes_at_a_time(self):
        with Preview() as preview:
            with preview.producer() as one, preview.producer() as two:
                for step in (1, 2, 3):
                    for peer, side in ((one, 16), (two, 24)):
                        name = "side %d" % side
                        peer.sendall(message(gen=name, side=side, step=step,
                                             steps=3, final=int(step == 3)))
                        preview.wait_for(lambda s: any(
                            g["name"] == name and g.get("picture") == step - 1
                            for g in s["generations"]))
            sizes = {g["name"]: g["width"] for g in preview.finished(2)}
            self.assertEqual(sizes, {"side 16": 128, "side 24": 192})

    def test_viewers_that_read_nothing_hold_up_nobody(self):
        with Preview() as preview:
            host = preview.host.split(":")
            idle = []
            for path in ["/live.mjpg"] * 5 + ["/events"] * 5:
                peer = socket.create_connection((host[0], int(host[1])))
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                peer.sendall(("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" %
                              path).encode())
                idle.append(peer)
            with preview.stream("/live.mjpg") as live:
                send_run(preview, "seen by one", steps=20)
                self.assertEqual(len(Parts(live).take(20)), 20)
            for peer in idle:
                peer.close()

    def test_malformed_and_huge_requests(self):
        with Preview() as preview:
            host = preview.host.split(":")
            for request in (b"\x00" * 100, b"GET\r\n\r\n",
                            b"GET / HTTP/9.9\r\n\r\n",
                            b"GET /" + b"a" * 2000000 + b" HTTP/1.1\r\n\r\n",
                            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 500000,
                            b"GET /status?" + b"a=b&" * 10000 +
                            b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                            b"POST /stop HTTP/1.1\r\nHost: localhost\r\n"
                            b"Content-Length: 99999999999\r\n\r\n" +
                            b"z" * 3000000):
                with socket.create_connection((host[0], int(host[1]))) as peer:
                    peer.settimeout(5)
                    try:
                        peer.sendall(request)
                        peer.shutdown(socket.SHUT_WR)
                        while peer.recv(65536):
                            pass
                    except OSError:
                        pass  # it hung up, which is an answer
                self.assertEqual(preview.get("/status").status, 200)

    def test_half_requests_lock_out_nobody(self):
        """More of them than there are places, each a byte further from time to
        time, while others ask; and their time is up whatever they send."""
        with Preview() as preview:
            host, port = preview.host.split(":")
            begin = (b"GET /status HTTP/1.1\r\nX: ",
                     b"POST /webrtc/0 HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Length: 60000\r\n\r\n",
                     b"POST /webrtc/0 HTTP/1.1\r\nHost: localhost\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", b"")
            half = []
            with preview.stream("/events") as events:
                events.readline()
                for number in range(300):
                    peer = socket.create_connection((host, int(port)))
                    peer.sendall(begin[number % len(begin)])
                    half.append(peer)
                self.assertEqual(preview.get("/status").status, 200)
                until = time.monotonic() + PATIENCE
                while half and time.monotonic() < until:
                    half = [peer for peer in half if self.dribble(peer)]
                    self.assertEqual(preview.get("/status").status, 200)
                    time.sleep(1)
                self.assertEqual(half, [])
                # Who is served stays.
                send_run(preview, "seen", steps=1)
                while b'"seen"' not in events.readline():
                    pass
            self.assertLess(preview.status()["viewers"]["connections"], 4)

    def test_a_download_that_is_not_read_ends(self):
        """A byte from time to time keeps no place for ever."""
        with Preview() as preview:
            with preview.producer() as producer:
                producer.sendall(message(gen="large", side=256, batch=4, step=1,
                                         final=1))
            preview.finished(4)
            host, port = preview.host.split(":")
            peers = []
            for number in range(16):
                peer = socket.socket()
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                peer.connect((host, int(port)))
                peer.sendall(b"GET /generations/1/latents.safetensors HTTP/1.1"
                             b"\r\nHost: localhost\r\n\r\n")
                self.assertTrue(peer.recv(1))
                peers.append(peer)
            path = "/generations/2/latents.safetensors"
            self.assertEqual(preview.get(path).status, 503)
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                for peer in peers:
                    try:
                        peer.recv(1)
                    except OSError:
                        pass
                if preview.get(path).status == 200:
                    break
                time.sleep(5)
            self.assertEqual(preview.get(path).status, 200)
            for peer in peers:
                peer.close()

    def dribble(self, peer):
        """Whether the server still listens to it."""
        try:
            peer.setblocking(False)
            if not peer.recv(4096):
                raise ConnectionError("closed")
        except BlockingIOError:
            pass
        except OSError:
            peer.close()
            return False
        try:
            peer.send(b"a")
        except OSError:
            peer.close()
            return False
        return True

    def test_more_connections_than_are_kept(self):
        with Preview() as preview:
            host = preview.host.split(":")
            peers = [socket.create_connection((host[0], int(host[1])))
                     for _ in range(300)]
            for peer in peers:
                peer.close()
            preview.wait_for(
                lambda s: s["viewers"]["connections"] < 10)

    def test_both_signals_end_it_with_viewers_attached(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Preview() as preview:
                with preview.stream("/live.mjpg"), \
                        preview.stream("/events") as events:
                    events.readline()
                    preview.process.send_signal(number)
                    self.assertEqual(preview.process.wait(PATIENCE), 0)
                self.assertFalse(os.path.exists(preview.socket))

    def test_an_address_that_is_taken(self):
        with Preview() as preview:
            run = subprocess.run([SERVER, "--listen=" + preview.host],
                                 capture_output=True, text=True,
                                 timeout=PATIENCE)
            self.assertEqual(run.returncode, 1)
            self.assertIn("cannot listen there", run.stderr)

    def test_options_that_cannot_be(self):
        for arguments, word in ((["--decoder=no-such=1"], "no-such"),
                                (["--decoder=nice=many"], "many"),
                                (["--decoder=nice=77"], "77"),
                                (["--decoder=nice"], "NAME=VALUE"),
                                (["--listen=here"], "HOST:PORT"),
                                (["--listen=127.0.0.1:99999"], "HOST:PORT"),
                                (["--latents=tcp://10.0.0.1:1"], "allow"),
                                (["--max-memory=1"], "--max-memory"),
                                (["surplus"], "surplus")):
            run = subprocess.run([SERVER, "--listen=127.0.0.1:0", *arguments],
                                 capture_output=True, text=True,
                                 timeout=PATIENCE)
            self.assertEqual(run.returncode, 1, arguments)
            self.assertIn(word, run.stderr)

    def test_each_item_of_a_batch_is_a_generation(self):
        with Preview() as preview:
            with preview.producer() as producer:
                for step in (1, 2):
                    producer.sendall(message(gen="four", prompt="a fox", side=8,
                                             step=step, steps=2, batch=4,
                                             final=int(step == 2)))
                    status = preview.wait_for(
                        lambda s: sum(g.get("picture") == step - 1
                                      for g in s["generations"]) == 4)
                producer.sendall(message(gen="one", side=8, step=1, final=1))
                preview.wait_for(lambda s: len(s["generations"]) == 5)
            items = preview.finished(5)
            self.assertNotIn("items", items[0])
            self.assertEqual([(g["item"], g["items"]) for g in items[:0:-1]],
                             [(i, 4) for i in range(4)])
            self.assertEqual({(g["name"], g["prompt"], g["came"], g["width"],
                               g["batch"]) for g in items[1:]},
                             {("four", "a fox", 2, 64, items[-1]["id"])})
            self.assertEqual(status["latents"]["failures"], 0)
            for generation in items[1:]:
                path = "/generations/%d/" % generation["id"]
                body = preview.get(path + "latents.safetensors").body
                (length,) = struct.unpack("<Q", body[:8])
                said = json.loads(body[8:8 + length])
                self.assertEqual(said["latent"]["shape"], [1, 32, 8, 8])
                self.assertEqual(said["__metadata__"]["item"],
                                 str(generation["item"]))
                self.assertEqual(said["__metadata__"]["gen"], "four")
            film = self.film(preview, "/generations/%d/timelapse.webm" %
                             items[-1]["id"])
            self.assertEqual(film, (64, 6))

    def test_the_socket_of_the_user_is_the_default(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o700)
            server = subprocess.Popen(
                [SERVER, "--listen=127.0.0.1:0"], stdout=subprocess.PIPE,
                text=True, env={**os.environ, "XDG_RUNTIME_DIR": folder})
            with server:
                server.stdout.readline()
                said = server.stdout.readline()
                path = os.path.join(folder, "tae.sock")
                self.assertIn("unix:" + path, said)
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
                server.send_signal(signal.SIGTERM)
            self.assertEqual(server.returncode, 0)

    def test_producers_are_counted_and_idle_ones_make_room(self):
        with Preview() as preview:
            idle = [preview.producer() for _ in range(16)]
            preview.wait_for(lambda s: s["latents"]["connected"] == 16)
            send_run(preview, "seventeenth", steps=2)
            latents = preview.wait_for(
                lambda s: s["latents"]["evicted"] == 1)["latents"]
            self.assertEqual(latents["connections"], 17)
            for peer in idle:
                peer.close()
            preview.wait_for(lambda s: s["latents"]["connected"] == 0)

    def test_no_object_of_gstreamer_is_left_at_the_end(self):
        tracer = {"GST_TRACERS": "leaks", "GST_DEBUG": "GST_TRACER:7",
                  "GST_DEBUG_NO_COLOR": "1"}
        preview = Preview(env=tracer)
        send_run(preview, "one", steps=2)
        with preview.producer() as producer:
            producer.sendall(message(gen="four", step=1, final=1, batch=4))
        preview.finished(5)
        for path in ("/generations/1/timelapse.webm", "/snapshot.png",
                     "/generations/2/timelapse.webm?from=pictures"):
            self.assertEqual(preview.get(path).status, 200)
        preview.process.send_signal(signal.SIGTERM)
        _, told = preview.process.communicate(timeout=PATIENCE)
        preview.folder.cleanup()
        self.assertEqual(preview.process.returncode, 0)
        self.assertIn("object-alive.class", told)  # the tracer was there
        left = [line for line in told.splitlines() if "object-alive, type-name="
                in line and "new format" not in line]
        self.assertEqual(left, [])

    def test_generations_hold_no_descriptors(self):
        with Preview("--max-generations=1000") as preview:
            for number in range(30):
                send_run(preview, "run %d" % number, steps=1,
                         side=8 * (1 + number % 3))
                if number == 5:
                    before = used(preview.process.pid)[0]
            self.assertEqual(len(preview.finished(30)), 30)
            self.assertLessEqual(used(preview.process.pid)[0], before + 4)

    def test_notes_of_the_elements_reach_the_page(self):
        """Each once, however often it is said."""
        with Preview() as preview, preview.stream("/events") as events:
            for name in ("one", "two"):
                with preview.producer() as producer:
                    producer.sendall(message(gen=name, step=1, final=1,
                                             pred="x"))
                preview.wait_for(lambda s: any(
                    g["name"] == name and "picture" in g
                    for g in s["generations"]))
            with preview.producer() as producer:
                producer.sendall(message(gen="bad", space="no-such-space"))
            preview.wait_for(
                lambda s: any("no-such-space" in n["text"]
                              for n in s["notices"]))
            texts = [n["text"] for n in preview.status()["notices"]]
            self.assertEqual(len(texts), len(set(texts)))
            self.assertTrue(any("sigma" in text for text in texts), texts)
            self.assertTrue(any("built-in" in text for text in texts), texts)
            while True:  # and without asking
                line = events.readline()
                self.assertTrue(line, "the events ended")
                if b"no-such-space" in line and b"built-in" in line:
                    break

    def test_it_ends_while_films_are_made(self):
        with Preview() as preview:
            send_run(preview, "film", steps=3, side=128)
            host, port = preview.host.split(":")
            peers = []
            for path in ("timelapse.webm", "timelapse.webm?from=pictures",
                         "snapshot.png"):
                peer = socket.create_connection((host, int(port)))
                peer.sendall(("GET /generations/1/%s HTTP/1.1\r\n"
                              "Host: localhost\r\n\r\n" % path).encode())
                peers.append(peer)
            preview.wait_for(lambda s: s["films"] > 0)
            preview.process.send_signal(signal.SIGTERM)
            self.assertEqual(preview.process.wait(PATIENCE), 0)
            for peer in peers:
                peer.close()

    def test_oldest_generations_go(self):
        with Preview("--max-generations=2") as preview:
            for name in ("a", "b", "c"):
                send_run(preview, name, steps=2)
            names = [g["name"] for g in preview.finished(2)]
            self.assertEqual(names, ["c", "b"])
            self.assertEqual(preview.get("/generations/1").status, 404)
            self.assertEqual(preview.status()["memory"]["evicted"], 1)


if __name__ == "__main__":
    sys.exit(unittest.main())

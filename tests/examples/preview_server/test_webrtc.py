"""WebRTC: what the server makes of offers and answers, and the page in headless
Chromium. Skipped where GStreamer's elements for it are missing, and the page
where the browser is."""
import itertools
import json
import os
import resource
import socket
import sys
import time
import unittest

from demo_runs import demo_messages
from preview import PATIENCE, Preview, message
from sockets import listening, used
from webdriver import Browser, Missing

# How far the big picture is from the one at a URL: the mean difference of their
# colours, 8x8 of them, from 0 to 255; and how wide the video is.
DISTANCE = """
const [url] = arguments;
const video = document.querySelector('.frame video');
if (!video || !video.videoWidth) return done(null);
const image = new Image();
image.src = url;
const colours = (source) => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 8;
  const context = canvas.getContext('2d');
  context.drawImage(source, 0, 0, 8, 8);
  return context.getImageData(0, 0, 8, 8).data;
};
image.decode().then(() => {
  const a = colours(video), b = colours(image);
  let sum = 0;
  a.forEach((value, i) => sum += Math.abs(value - b[i]));
  done([sum / (a.length * 3 / 4), video.videoWidth]);
}, () => done(null));
"""


# Of an answer: what ours must have, of somebody who never comes.
GOOD = "a=ice-ufrag:abcd\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s" % (
    "x" * 24, ":".join(["AB"] * 32))


def offered():
    with Preview() as preview:
        return preview.status()["webrtc"]["offered"]


def setUpModule():
    if not offered():
        print("SKIPPED: GStreamer's webrtcbin, nicesrc or vp8enc is missing")
        sys.exit(77)


class Signalling(unittest.TestCase):
    def setUp(self):
        self.preview = Preview()
        self.addCleanup(lambda: self.preview.__exit__())

    def lines(self):
        """A held invitation."""
        stream = self.preview.stream("/webrtc", method="POST")
        reply = stream.__enter__()
        self.addCleanup(stream.__exit__, None, None, None)
        return reply

    def offer(self):
        """The first line that says something."""
        lines = self.lines()
        while True:
            line = lines.readline()
            self.assertTrue(line, "no offer came")
            if line.strip():
                return json.loads(line)

    def answer(self, name, body):
        return self.preview.get("/webrtc/" + name, method="POST", body=body)

    def test_an_offer_names_this_machine_alone(self):
        offer = self.offer()
        hosts = [line.split()[4] for line in offer["sdp"].splitlines()
                 if line.startswith("a=candidate:")]
        self.assertEqual(set(hosts), {"127.0.0.1"})
        self.assertIn("VP8/90000", offer["sdp"])
        self.assertEqual(self.preview.status()["viewers"]["webrtc"], 1)

    def test_answers_that_are_none(self):
        offer = self.offer()
        good = GOOD
        for sdp in ("", "v=0", "\0" * 1000, "m=video 9 x 96\r\n" * 3000,
                    "m=video 0 x 96\r\n" + good,
                    good, "m=video 9 x 96\r\n" + good.replace("AB:", "AX:"),
                    "m=video 9 x 96\r\n" + good.replace("abcd", "a b\r\ncd")):
            reply = self.answer(offer["id"], json.dumps({"sdp": sdp}))
            self.assertEqual(reply.status, 400, sdp[:80])
        for body in (b"", b"[]", b"{}", b'{"sdp": 1}', b"\xff" * 1000,
                     b"[" * 60000, b"x" * 200000):
            self.assertEqual(self.answer(offer["id"], body).status, 400)
        for name in ("0", "x" * 32, "..x"):
            self.assertEqual(self.answer(name, b"{}").status, 404)
        self.assertEqual(self.preview.get("/webrtc").status, 405)
        # One that is well-formed, of somebody who never comes.
        body = json.dumps({"sdp": "m=video 9 x 96\r\n" + good})
        self.assertEqual(self.answer(offer["id"], body).status, 200)
        self.assertEqual(self.answer(offer["id"], body).status, 409)

    def test_who_goes_away_is_forgotten(self):
        with self.preview.stream("/webrtc", method="POST") as lines:
            lines.readline()
            self.assertEqual(self.preview.status()["viewers"]["webrtc"], 1)
        self.preview.wait_for(lambda s: s["viewers"]["webrtc"] == 0)

    def test_peers_that_are_gone_leave_nothing(self):
        """Half of them go before their offer is there. TAE_OFFERS=1000 is the
        long run; a leak of one descriptor a peer shows in 60."""
        count = int(os.environ.get("TAE_OFFERS", "60"))
        self.load_and_leave(8)  # what is opened once and kept
        before = used(self.preview.process.pid)
        self.load_and_leave(count)
        # Threads take a moment to end after their peer is gone.
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            after = used(self.preview.process.pid)
            if after[0] <= before[0] + 3 and after[1] <= before[1] + 2:
                break
            time.sleep(0.1)
        print("descriptors, threads, kB: %s; after %d offers: %s" %
              (before, count, after), file=sys.stderr)
        self.assertLessEqual(after[0], before[0] + 3)
        self.assertLessEqual(after[1], before[1] + 2)
        self.assertLess(after[2] - before[2], 4096 + 16 * count)

    def load_and_leave(self, count):
        host, port = self.preview.host.split(":")
        for number in range(count):
            with socket.create_connection((host, int(port)), PATIENCE) as page:
                page.sendall(b"POST /webrtc HTTP/1.1\r\nHost: localhost\r\n"
                             b"Content-Length: 0\r\n\r\n")
                said = b""
                while number % 2 == 0 and b'"sdp"' not in said:
                    more = page.recv(65536)
                    self.assertTrue(more, said)
                    said += more
                while number % 2 and not said:
                    said = page.recv(1)
            if number % 8 == 7:
                self.preview.wait_for(lambda s: s["viewers"]["webrtc"] == 0)
        self.preview.wait_for(lambda s: s["viewers"]["webrtc"] == 0)

    def test_nothing_listens_but_what_was_asked_for(self):
        port = int(self.preview.host.split(":")[1])
        process = self.preview.process.pid
        page = ("tcp", "127.0.0.1", port)
        self.assertEqual(listening(process), {page})
        offers = [self.offer() for _ in range(3)]
        ports = {("udp", "127.0.0.1", int(line.split()[5]))
                 for offer in offers for line in offer["sdp"].splitlines()
                 if line.startswith("a=candidate:")}
        self.assertEqual(len(ports), 3)
        self.assertEqual(listening(process), {page} | ports)

    def test_video_comes_to_the_address_of_the_page_alone(self):
        token = "0123456789abcdef"
        with Preview("--listen=0.0.0.0:0", "--token=" + token) as preview:
            port = int(preview.host.split(":")[1])
            preview.host = "127.0.0.1:%d" % port
            with preview.stream("/webrtc?token=" + token,
                                method="POST") as lines:
                while not lines.readline().strip():
                    pass
                sockets = listening(preview.process.pid)
            self.assertIn(("tcp", "0.0.0.0", port), sockets)
            self.assertEqual({s[:2] for s in sockets},
                             {("tcp", "0.0.0.0"), ("udp", "127.0.0.1")})

    def test_who_never_connects_is_sent_away(self):
        for answered in (False, True):
            lines = self.lines()
            offer = {}
            while not offer:
                offer = json.loads(lines.readline().strip() or b"{}")
            if answered:
                body = json.dumps({"sdp": "m=video 9 x 96\r\n" + GOOD})
                self.assertEqual(self.answer(offer["id"], body).status, 200)
            # The reply ends, whoever goes on listening.
            rest = lines.read().split()
            self.assertEqual([json.loads(line) for line in rest],
                             [{"end": True}])
            self.preview.wait_for(lambda s: s["viewers"]["webrtc"] == 0)

    def test_few_descriptors(self):
        """Peers are refused, and nothing else."""
        limit = {"preexec_fn": lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (200, 200))}
        with Preview(**limit) as preview:
            streams = []
            for _ in range(40):
                stream = preview.stream("/webrtc", method="POST")
                reply = stream.__enter__()
                streams.append(stream)
                if reply.status == 503:
                    said = json.loads(reply.read())["error"]
                    break
            self.assertIn("descriptors", said)
            for _ in range(200):
                stream = preview.stream("/live.mjpg")
                try:
                    if stream.__enter__().status != 200:
                        break
                except OSError:
                    break  # it closes what it cannot serve
                streams.append(stream)
            with preview.producer() as producer:
                producer.sendall(message(gen="still there", step=1, steps=1))
                time.sleep(0.2)
            for stream in streams:
                stream.__exit__(None, None, None)
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                try:
                    names = [g["name"] for g in preview.status()["generations"]
                             if "picture" in g]
                    if names == ["still there"]:
                        break
                except OSError:
                    pass
                time.sleep(0.1)
            self.assertEqual(names, ["still there"])

    def test_no_more_than_so_many(self):
        codes = [self.lines().status for _ in range(20)]
        self.assertEqual(codes, [200] * 16 + [503] * 4)

    def test_not_offered(self):
        with Preview("--no-webrtc") as preview:
            self.assertFalse(preview.status()["webrtc"]["offered"])
            self.assertEqual(preview.get("/webrtc", method="POST").status, 404)


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            with Browser():
                pass
        except Missing as missing:
            raise unittest.SkipTest(str(missing))

    def setUp(self):
        self.preview = Preview()
        self.addCleanup(lambda: self.preview.__exit__())
        self.browser = Browser()
        self.addCleanup(self.browser.__exit__)
        self.browser.open(self.preview.url)
        self.producer = self.preview.producer()
        self.addCleanup(self.producer.close)

    def steps(self, name, size):
        """Sends a generation that never ends, two pictures in turn that are
        nothing like each other; yields the URL of each when it is there."""
        pair = [demo_messages(pattern, 4, name, name, size, endless=True)[-1]
                for pattern in ("still-life", "landscape")]
        for step, sent in enumerate(itertools.cycle(pair)):
            self.producer.sendall(sent)
            status = self.preview.wait_for(lambda s: any(
                g["name"] == name and g.get("picture") == step
                for g in s["generations"]))
            number = next(g["id"] for g in status["generations"]
                          if g["name"] == name)
            yield "generations/%d/steps/%d/picture.jpg" % (number, step)

    def shows(self, url, width):
        """Whether the video has this picture, waiting some time for it."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            seen = self.browser.run_async(DISTANCE, url)
            if seen and seen[0] < 6 and seen[1] == width:
                return True
            time.sleep(0.05)
        return False

    def follow(self, name, size, count):
        """Until the video showed so many steps of it, each as it came. A busy
        machine may take long to connect, and may lose a connection."""
        until = time.monotonic() + 2 * PATIENCE
        shown = 0
        for url in self.steps(name, size):
            shown += self.shows(url, size)
            if shown == count:
                return
            self.assertLess(time.monotonic(), until,
                            "%s: %d pictures" % (name, shown))

    def wait_for_label(self, text):
        self.browser.wait(
            "document.getElementById('transport').innerText === '%s'" % text)

    def test_pictures_come_and_sizes_change(self):
        self.follow("small", 256, 6)
        self.wait_for_label("WebRTC")
        self.end("small", 256)
        self.follow("large", 384, 6)
        folder = os.environ.get("TAE_SCREENSHOTS")
        if folder:
            self.browser.screenshot(os.path.join(folder, "webrtc.png"))
        # Whoever wants MJPEG gets it, and the other one back.
        switch = "document.getElementById('transport').click()"
        self.browser.run(switch)
        self.browser.wait("!document.querySelector('.frame video')")
        self.wait_for_label("MJPEG")
        self.browser.wait("document.querySelector('.frame img.stream').src")
        self.preview.wait_for(lambda s: s["viewers"]["webrtc"] == 0)
        self.browser.run(switch)
        self.end("large", 384)
        self.follow("again", 256, 2)
        self.assertEqual(self.browser.complaints(), [])

    def end(self, name, size):
        sent = message(gen=name, step=1000, final=1, side=size // 8)
        self.producer.sendall(sent)
        self.preview.wait_for(lambda s: any(
            g["name"] == name and g["state"] == "finished"
            for g in s["generations"]))


if __name__ == "__main__":
    unittest.main()

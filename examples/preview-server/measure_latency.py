#!/usr/bin/env python3
"""How soon a latent is on the screen, by MJPEG and by WebRTC: sends a demo
generation, three steps a second, and watches the page in headless Chromium.

    GST_PLUGIN_PATH=build/release/plugin examples/preview-server/measure_latency.py \\
        build/release/examples/preview-server/tae-preview-server [SIZE [STEPS]]

Columns: milliseconds from a latent's last byte to the animation frame in which
the page's pixels are nearer to the new picture than to the one before, the
median and the 9th of ten; kilobytes that a viewer gets for a picture; processor
time of the server for a picture, everything included, with no viewer and one.
"""
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "examples",
                                "preview_server"))
os.environ["TAE_PREVIEW_SERVER"] = sys.argv[1]
from demo_runs import demo_messages  # noqa: E402
from measure_viewers import processor_seconds  # noqa: E402
from preview import Preview  # noqa: E402
from webdriver import Browser  # noqa: E402

PAUSE = 1 / 3

# What the big picture looks like, 16x16 pixels, in each animation frame in which
# that is new: [milliseconds since 1970, colours].
WATCH = """
window.seen = [];
const canvas = document.createElement('canvas');
canvas.width = canvas.height = 16;
const context = canvas.getContext('2d', {willReadFrequently: true});
window.colours = (source) => {
  context.drawImage(source, 0, 0, 16, 16);
  return [...context.getImageData(0, 0, 16, 16).data];
};
let before = '';
const look = () => {
  requestAnimationFrame(look);
  const shown = document.querySelector('.frame video') ||
      document.querySelector('.frame img.stream');
  if (!shown) return;
  const now = window.colours(shown);
  if (now.join() === before) return;
  before = now.join();
  window.seen.push([performance.timeOrigin + performance.now(), now]);
};
look();
"""

# The colours of the pictures at some URLs, and how many bytes they have.
PICTURES = """
Promise.all(arguments[0].map(async (url) => {
  const reply = await fetch(url);
  const bytes = await reply.blob();
  return [window.colours(await createImageBitmap(bytes)), bytes.size];
})).then(done);
"""

# Bytes that came by WebRTC so far.
RECEIVED = """
Promise.all((window.peers || []).map((peer) => peer.getStats())).then((all) =>
  done(all.flatMap((stats) => [...stats.values()])
      .filter((said) => said.type === 'inbound-rtp')
      .reduce((sum, said) => sum + said.bytesReceived +
          said.headerBytesReceived, 0)));
"""

# Before the page makes any.
KEEP_PEERS = """
window.peers = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...all) { super(...all); window.peers.push(this); }
};
"""


def label(browser):
    return browser.run("return document.getElementById('transport').innerText")


def send(producer, messages):
    """Returns when each one was sent, in milliseconds since 1970."""
    times = []
    for message in messages:
        producer.sendall(message)
        times.append(1000 * time.time())
        time.sleep(PAUSE)
    return times


def distance(a, b):
    return sum(abs(x - y) for x, y in zip(a, b))


def delays(sent, seen, pictures):
    """Of each picture but the first one, until it was seen; those that the next
    one overtook have none."""
    for i in range(1, len(sent)):
        end = sent[i + 1] if i + 1 < len(sent) else 1e300
        for time_seen, colours in seen:
            if sent[i] < time_seen < end and \
                    distance(colours, pictures[i]) < \
                    distance(colours, pictures[i - 1]):
                yield time_seen - sent[i]
                break


def processor_of(preview, act):
    before = processor_seconds(preview.process.pid)
    result = act()
    return result, 1000 * (processor_seconds(preview.process.pid) - before)


def measure(messages, transport):
    with Preview() as preview, Browser() as browser, \
            preview.producer() as producer:
        _, alone = processor_of(preview, lambda: send(producer, messages))
        browser.devtools("Page.addScriptToEvaluateOnNewDocument",
                         source=KEEP_PEERS)
        browser.open(preview.url)
        browser.wait("document.querySelector('.tile')")
        browser.run("localStorage.setItem('transport', '%s')" %
                    transport.lower())
        while label(browser) != transport:
            send(producer, messages[:2])
        browser.run(WATCH)
        send(producer, messages[:3])
        begin = browser.run_async(RECEIVED)
        first = len(preview.get("/generations/1").json()["history"])
        sent, one = processor_of(preview, lambda: send(producer, messages))
        received = browser.run_async(RECEIVED) - begin
        seen = browser.run("return window.seen")
        shown = [i for i, step in enumerate(
            preview.get("/generations/1").json()["history"][first:])
            if step["picture"]]
        found = browser.run_async(PICTURES, [
            "generations/1/steps/%d/picture.jpg" % (first + i) for i in shown])
        times = list(delays([sent[i] for i in shown], seen,
                            [colours for colours, _ in found]))
    count = len(messages)
    size = received or sum(size for _, size in found)
    print("%-9s %7.0f %7.0f %10.1f %8.1f %8.1f   (%d of %d seen)" % (
        transport, statistics.median(times), sorted(times)[9 * len(times) // 10],
        size / 1000 / count, alone / count, one / count, len(times), count - 1),
        flush=True)


def main():
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 512
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 24
    messages = demo_messages("still-life", steps, "measured", "", size,
                             endless=True)
    print("           median  9th of       kB  ms cpu: nobody, one")
    for transport in ("MJPEG", "WebRTC"):
        measure(messages, transport)


if __name__ == "__main__":
    main()

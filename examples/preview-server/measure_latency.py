#!/usr/bin/env python3
"""How soon a latent is on the screen, by MJPEG and by WebRTC: sends pictures
that differ, three a second, and watches the page in headless Chromium.

    GST_PLUGIN_PATH=build/release/plugin examples/preview-server/measure_latency.py \\
        build/release/examples/preview-server/tae-preview-server [SIZE [COUNT]]

Columns: milliseconds from a latent's last byte to the animation frame in which
the page's pixels are the new ones, the median and the 9th of ten; processor
time of the server for a picture, everything included. The last column has four
viewers instead of one; the browser takes no more connections.
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
from measure_viewers import Viewer, processor_seconds  # noqa: E402
from preview import Preview  # noqa: E402
from webdriver import Browser  # noqa: E402

PAUSE = 1 / 3

# When the big picture's colours changed, in milliseconds since 1970.
WATCH = """
window.changes = [];
const canvas = document.createElement('canvas');
canvas.width = canvas.height = 4;
const context = canvas.getContext('2d', {willReadFrequently: true});
let before = null;
const look = () => {
  requestAnimationFrame(look);
  const shown = document.querySelector('.frame video') ||
      document.querySelector('.frame img.stream');
  if (!shown) return;
  context.drawImage(shown, 0, 0, 4, 4);
  const now = context.getImageData(0, 0, 4, 4).data;
  const differ = before && now.some((c, i) => Math.abs(c - before[i]) > 24);
  if (differ) window.changes.push(performance.timeOrigin + performance.now());
  if (differ || !before) before = now;
};
look();
"""

# One more viewer by WebRTC, as the page does it.
JOIN = """
(async () => {
  const reply = await fetch('webrtc', {method: 'POST'});
  const reader = reply.body.getReader();
  let text = '';
  while (!text.includes('}'))
    text += new TextDecoder().decode((await reader.read()).value);
  const offer = JSON.parse(text);
  const peer = new RTCPeerConnection();
  const video = document.createElement('video');
  video.muted = true;
  peer.ontrack = (event) => {
    video.srcObject = new MediaStream([event.track]);
    video.play();
  };
  (window.joined ||= []).push(peer, reader, video);
  await peer.setRemoteDescription({type: 'offer', sdp: offer.sdp});
  await peer.setLocalDescription();
  await fetch('webrtc/' + offer.id, {method: 'POST',
      body: JSON.stringify({sdp: peer.localDescription.sdp})});
})().then(() => done(true), (error) => done(String(error)));
"""


def label(browser):
    return browser.run("return document.getElementById('transport').innerText")


def send(producer, pair, count):
    """Returns when each one was sent, in milliseconds since 1970."""
    times = []
    for i in range(count):
        producer.sendall(pair[i % 2])
        times.append(1000 * time.time())
        time.sleep(PAUSE)
    return times


def cost(preview, producer, pair, count):
    before = processor_seconds(preview.process.pid)
    send(producer, pair, count)
    return 1000 * (processor_seconds(preview.process.pid) - before) / count


def join(preview, browser, transport, count):
    for _ in range(count):
        if transport == "WebRTC":
            assert browser.run_async(JOIN) is True
        else:
            host, port = preview.host.split(":")
            Viewer((host, int(port)), slow=False).start()


def measure(pair, transport, count):
    with Preview() as preview, Browser() as browser, \
            preview.producer() as producer:
        alone = cost(preview, producer, pair, count)
        browser.open(preview.url)
        browser.wait("document.querySelector('.tile')")
        browser.run("localStorage.setItem('transport', '%s')" %
                    transport.lower())
        while label(browser) != transport:
            send(producer, pair, 2)
        browser.run(WATCH)
        send(producer, pair, 4)
        browser.run("window.changes = []")
        begin = processor_seconds(preview.process.pid)
        sent = send(producer, pair, count)
        one = processor_seconds(preview.process.pid) - begin
        seen = browser.run("return window.changes")
        delays = [min([t - s for t in seen if t > s], default=9e9)
                  for s in sent]
        join(preview, browser, transport, 3)
        send(producer, pair, 6)
        four = cost(preview, producer, pair, count)
    print("%-9s %7.0f %7.0f %15.1f %9.1f %9.1f" % (
        transport, statistics.median(delays),
        sorted(delays)[9 * len(delays) // 10], alone, 1000 * one / count, four),
        flush=True)


def main():
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 512
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 40
    pair = [demo_messages(pattern, 4, "measured", "", size, endless=True)[-1]
            for pattern in ("still-life", "landscape")]
    print("           median  9th of  ms cpu a picture: nobody  one  four")
    for transport in ("MJPEG", "WebRTC"):
        measure(pair, transport, count)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""From a latent's last byte sent to its picture with the viewer, in ms.

    GST_PLUGIN_PATH=build/release/plugin \
        bench/latency.py [SIZE [ROUNDS [OUTLET...]]]

A picture and its mirror image are sent in turns, through the same socket that
programs use; the viewer of each outlet runs on this machine and notices the
turn. Least, median and largest of ROUNDS (20), decoding included, for pictures
of SIZE (512) pixels by the decoder that taedecode finds.
Needs python3-numpy and python3-gst-1.0; rtsp also what examples/outlets/rtsp.py
needs.
"""
import functools
import http.server
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

import gi
import numpy
gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EYE = ("videoconvert ! videoscale ! video/x-raw,format=GRAY8,width=64,height=64"
       " ! appsink name=eye emit-signals=true sync=false")
# What follows `latentsrc ! taedecode !`, and what the viewer runs.
OUTLETS = {
    "window": (EYE.replace("sync=false", "sync=true"), ""),
    "progress": ("progressoverlay ! " + EYE.replace("sync=false", "sync=true"),
                 ""),
    "mjpeg": ("jpegenc ! multipartmux ! tcpserversink port=8591",
              "tcpclientsrc port=8591 ! multipartdemux ! jpegdec ! " + EYE),
    "rtp": ("video/x-raw,format=I420 ! vp8enc deadline=1 keyframe-max-dist=10 "
            "! rtpvp8pay ! udpsink host=127.0.0.1 port=8592",
            "udpsrc port=8592 caps=application/x-rtp,media=video,"
            "clock-rate=90000,encoding-name=VP8 ! rtpvp8depay ! vp8dec ! "
            + EYE),
    "rtsp": ("", "rtspsrc location=rtsp://127.0.0.1:8593/tae latency=0 ! "
             "rtpvp8depay ! vp8dec ! " + EYE),
    # Ten pictures a second whenever steps come, so that segments end by the
    # clock; a player starts three segments behind.
    "hls": ("imagefreeze is-live=true allow-replace=true ! "
            "video/x-raw,format=I420,framerate=10/1 ! "
            "x264enc tune=zerolatency key-int-max=10 ! h264parse ! "
            "hlssink2 target-duration=1 location={folder}/%05d.ts "
            "playlist-location={folder}/live.m3u8",
            "souphttpsrc location=http://127.0.0.1:8595/live.m3u8 ! hlsdemux ! "
            "tsdemux ! h264parse ! avdec_h264 ! "
            + EYE.replace("sync=false", "sync=true")),
}


def Message(latent, number):
    """One message of the latent stream."""
    payload = latent.astype("<f2").tobytes()
    header = json.dumps({
        "__metadata__": {"space": "flux2", "final": "true", "step": "1",
                         "gen": str(number)},
        "latent": {"dtype": "F16", "shape": [1, *latent.shape],
                   "data_offsets": [0, len(payload)]}}).encode()
    return struct.pack("<Q", len(header)) + header + payload


def DemoLatent(size):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "latent")
        subprocess.run(
            f"gst-launch-1.0 -q latentsrc num-buffers=1 steps=1 width={size} "
            f"height={size} pattern=landscape ! video/x-latent,format=F16LE ! "
            f"filesink location={path}", shell=True, check=True)
        return numpy.fromfile(path, "<f2").reshape(32, size // 8, size // 8)


class Eye:
    """Notices when the brighter half of the picture changes."""

    def __init__(self, pipeline):
        self.upright = None
        self.turned = threading.Event()
        pipeline.get_by_name("eye").connect("new-sample", self.OnSample)

    def OnSample(self, sink):
        buffer = sink.emit("pull-sample").get_buffer()
        picture = numpy.frombuffer(
            buffer.extract_dup(0, buffer.get_size()), numpy.uint8)
        upper, lower = picture.reshape(2, -1).mean(axis=1)
        if abs(upper - lower) > 8 and (upper > lower) != self.upright:
            self.upright = upper > lower
            self.turned.set()
        return Gst.FlowReturn.OK


def Connect(address):
    for _ in range(200):
        try:
            producer = socket.socket(socket.AF_UNIX)
            producer.connect(address)
            return producer
        except OSError:
            time.sleep(0.05)
    sys.exit("latency.py: nobody listens at " + address)


def Times(eye, address, messages, rounds):
    producer = Connect(address)
    times = []
    for i in range(rounds + 3):
        eye.turned.clear()
        # A program's steps do not come by the clock.
        time.sleep(0.2 + 0.1 * ((i * 7) % 10) / 10)
        producer.sendall(messages[i % 2])
        begin = time.monotonic()
        if not eye.turned.wait(20):
            continue  # a viewer that was not there yet
        if i >= 3:
            times.append(1000 * (time.monotonic() - begin))
    producer.close()
    return times


class Files(http.server.SimpleHTTPRequestHandler):
    """Any web server."""

    def log_message(self, *arguments):
        pass


def Serve(folder):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 8595), functools.partial(Files, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def WaitForPlaylist(folder, address, message):
    """A picture goes round until three segments lie there."""
    producer = Connect(address)
    producer.sendall(message)
    while not os.path.exists(folder + "/00003.ts"):
        time.sleep(0.1)
    producer.close()


def Measure(name, messages, rounds):
    server_end, viewer_end = OUTLETS[name]
    with tempfile.TemporaryDirectory() as folder:
        address = os.path.join(folder, "tae.sock")
        pipelines, server, files = [], None, None
        if name == "rtsp":
            server = subprocess.Popen(
                [sys.executable, ROOT + "/examples/outlets/rtsp.py",
                 "unix:" + address, "8593"], stdout=subprocess.DEVNULL)
            time.sleep(2)
        else:
            pipelines.append(Gst.parse_launch(
                f"latentsrc location=unix:{address} ! taedecode ! "
                + server_end.format(folder=folder)))
            pipelines[0].set_state(Gst.State.PLAYING)
            time.sleep(0.5)
        if name == "hls":
            files = Serve(folder)
            WaitForPlaylist(folder, address, messages[0])
        if viewer_end:
            pipelines.append(Gst.parse_launch(viewer_end))
            pipelines[-1].set_state(Gst.State.PLAYING)
        times = Times(Eye(pipelines[-1]), address, messages, rounds)
        for pipeline in reversed(pipelines):
            pipeline.set_state(Gst.State.NULL)
        if server:
            server.kill()
            server.wait()
        if files:
            files.shutdown()
            files.server_close()
    return times


def main():
    Gst.init(None)
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    latent = DemoLatent(size)
    pictures = (latent, latent[:, ::-1])
    messages = [Message(numpy.ascontiguousarray(picture), i)
                for i, picture in enumerate(pictures)]
    print("outlet   least median largest (ms)")
    for name in sys.argv[3:] or OUTLETS:
        times = Measure(name, messages, rounds)
        if not times:
            print(f"{name:8} nothing came")
            continue
        print(f"{name:8} {min(times):5.0f} {statistics.median(times):6.0f} "
              f"{max(times):7.0f}", flush=True)


if __name__ == "__main__":
    main()

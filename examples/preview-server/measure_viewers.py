#!/usr/bin/env python3
"""What viewers cost: sends latents to tae-preview-server as fast as it decodes
them, while nobody, one, ten, and ten and three that read nothing look at it.

    GST_PLUGIN_PATH=build/release/plugin examples/preview-server/measure_viewers.py \\
        build/release/examples/preview-server/tae-preview-server [SIZE [SECONDS]]

Columns: pictures decoded a second; processor time of the whole server for a
picture, sending them out included; how many of the decoded pictures the slowest
reading viewer got; memory of the server. Then three latents a second: the
median time from a latent's last byte to the whole picture at the last of the
reading viewers, decoding included.
"""
import http.client
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

VIEWERS = ((0, 0), (1, 0), (10, 0), (10, 3))


def demo_latents(size, folder):
    """Messages of one generation of the demo; all but the last step."""
    path = os.path.join(folder, "run.safetensors")
    subprocess.run(["gst-launch-1.0", "-q", "latentsrc", "num-buffers=27",
                    "width=%d" % size, "height=%d" % size, "!", "latentmux",
                    "!", "filesink", "location=" + path], check=True)
    with open(path, "rb") as file:
        data = file.read()
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + length])
        end = 8 + length + max(v["data_offsets"][1] for k, v in header.items()
                               if k != "__metadata__")
        for key in ("step", "steps"):
            header["__metadata__"].pop(key, None)
        header["__metadata__"]["gen"] = "measured"
        text = json.dumps(header).encode()
        yield struct.pack("<Q", len(text)) + text + data[8 + length:end]
        data = data[end:]


class Viewer(threading.Thread):
    """Reads the live pictures; a slow one asks for them and reads nothing."""

    def __init__(self, host, slow):
        super().__init__(daemon=True)
        self.pictures, self.slow, self.last = 0, slow, 0.0
        self.peer = socket.create_connection(host)
        self.peer.sendall(b"GET /live.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def run(self):
        while not self.slow:
            data = self.peer.recv(1 << 20)
            if not data:
                return
            more = data.count(b"Content-Type: image/jpeg")
            if more:  # the head of the next part: this one is complete
                self.pictures += more
                self.last = time.monotonic()


def get(host, path):
    connection = http.client.HTTPConnection(*host)
    connection.request("GET", path)
    reply = json.load(connection.getresponse())
    connection.close()
    return reply


def processor_seconds(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    with open("/proc/%d/statm" % pid) as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20


def latency(producer, messages, viewers):
    """Milliseconds from a latent to its picture; None without viewers."""
    times = []
    for message in messages[:20]:
        time.sleep(1 / 3)
        before = [viewer.pictures for viewer in viewers]
        producer.sendall(message)
        sent = time.monotonic()
        while time.monotonic() < sent + 5 and any(
                viewer.pictures == count
                for viewer, count in zip(viewers, before)):
            time.sleep(0.0005)
        times += [viewer.last - sent for viewer in viewers]
    worst = [max(times[i:i + len(viewers)])
             for i in range(0, len(times), len(viewers) or 1)]
    return 1000 * statistics.median(worst) if worst else None


def measure(server, messages, fast, slow, seconds):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tae.sock")
        process = subprocess.Popen(
            [server, "--listen=127.0.0.1:0", "--latents=unix:" + path],
            stdout=subprocess.PIPE, text=True)
        try:
            line = process.stdout.readline()
            host = ("127.0.0.1", int(line.rstrip("/\n").rsplit(":", 1)[1]))
            producer = socket.socket(socket.AF_UNIX)
            producer.connect(path)
            going = threading.Event()

            def produce():
                while not going.is_set():
                    for message in messages:
                        producer.sendall(message)
                        time.sleep(0.002)

            sender = threading.Thread(target=produce, daemon=True)
            sender.start()
            time.sleep(1)
            viewers = [Viewer(host, i >= fast) for i in range(fast + slow)]
            for viewer in viewers:
                viewer.start()
            time.sleep(0.5)
            seen = [viewer.pictures for viewer in viewers]
            begin = get(host, "/status")["decoder"]["decoded"]
            cpu, clock = processor_seconds(process.pid), time.monotonic()
            time.sleep(seconds)
            pictures = get(host, "/status")["decoder"]["decoded"] - begin
            clock = time.monotonic() - clock
            cpu = processor_seconds(process.pid) - cpu
            got = [viewer.pictures - before for viewer, before
                   in zip(viewers, seen) if not viewer.slow]
            memory = resident_mib(process.pid)
            going.set()
            sender.join()
            time.sleep(1)
            delay = latency(producer, messages,
                            [viewer for viewer in viewers if not viewer.slow])
        finally:
            process.terminate()
            process.wait()
    least = "%3.0f %%" % (100 * min(got) / pictures) if got else "    –"
    print("%7d %5d %11.1f %12.1f %9s %6d %11s" % (
        fast, slow, pictures / clock, 1000 * cpu / pictures, least, memory,
        "%.0f" % delay if delay else "–"), flush=True)


def main():
    server = sys.argv[1]
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 512
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    with tempfile.TemporaryDirectory() as folder:
        messages = list(demo_latents(size, folder))
    print("viewers  slow  pictures/s  ms cpu/pict.  least got   MiB  "
          "ms to viewer")
    for fast, slow in VIEWERS:
        measure(server, messages, fast, slow, seconds)


if __name__ == "__main__":
    main()

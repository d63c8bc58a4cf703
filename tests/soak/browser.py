"""What a browser does with the preview server, over and over: the page and its
files, events, live pictures, stills, latents, films, and WebRTC that it breaks
off; and now and then rubbish."""
import http.client
import json
import random
import socket
import threading

PAGE = ("/", "/app.js", "/dom.js", "/style.css", "/model.js", "/icon.svg")
ANSWER = ("m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:abcd\r\na=ice-pwd:%s"
          "\r\na=fingerprint:sha-256 %s\r\n" % ("x" * 24, ":".join(["AB"] * 32)))


class Browser(threading.Thread):
    def __init__(self, host, seed, go, stop):
        super().__init__(daemon=True)
        self.go = go
        self.host, self.random, self.stop = host, random.Random(seed), stop
        self.rounds, self.answers, self.trouble = 0, 0, []

    def run(self):
        doings = (self.look, self.events, self.live, self.gallery, self.film,
                  self.webrtc, self.rubbish)
        while not self.stop.is_set():
            self.go.wait()
            doing = self.random.choice(doings)
            try:
                doing()
            except (OSError, http.client.HTTPException) as error:
                if not self.stop.is_set():
                    self.trouble.append("%s: %r" % (doing.__name__, error))
            self.rounds += 1
            self.stop.wait(self.random.uniform(0, 0.3))

    def ask(self, path, method="GET", body=None, most=None):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, body=body)
            reply = connection.getresponse()
            self.answers += 1
            return reply.status, reply.read(most)
        finally:
            connection.close()

    def status(self):
        return json.loads(self.ask("/status")[1])

    def look(self):
        for path in PAGE:
            self.ask(path)

    def events(self):
        self.ask("/events", most=self.random.choice((1, 2000, 20000)))

    def live(self):
        self.ask("/live.mjpg", most=self.random.choice((1, 5000, 50000)))

    def gallery(self):
        for generation in self.status()["generations"][:4]:
            base = "/generations/%d" % generation["id"]
            for path in ("", "/steps/0/thumbnail.jpg", "/steps/0/picture.jpg",
                         "/latents.safetensors"):
                self.ask(base + path)
        self.ask("/snapshot.png")

    def film(self):
        generations = self.status()["generations"]
        if generations:
            number = self.random.choice(generations[:3])["id"]
            how = self.random.choice(("", "?from=pictures"))
            self.ask("/generations/%d/timelapse.webm%s" % (number, how),
                     most=self.random.choice((None, 1)))

    def webrtc(self):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request("POST", "/webrtc")
            reply = connection.getresponse()
            self.answers += 1
            if reply.status != 200 or self.random.random() < 0.3:
                return
            line = b"\n"
            while line == b"\n":
                line = reply.readline()
            name = json.loads(line).get("id", "gone") if line else "gone"
            self.ask("/webrtc/" + name, "POST", json.dumps({"sdp": ANSWER}))
        finally:
            connection.close()

    def rubbish(self):
        host, port = self.host.rsplit(":", 1)
        with socket.create_connection((host, int(port)), 60) as connection:
            connection.sendall(self.random.choice((
                b"GET / HTTP/1.1\r\nX: ", b"\0" * 500, b"POST /webrtc/0 HTTP/1."
                b"1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n{",
                self.random.randbytes(300))))

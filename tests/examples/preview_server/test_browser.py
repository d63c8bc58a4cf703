"""The page in headless Chromium: a generation is sent, and the page is used as
a person would. TAE_SCREENSHOTS names a folder for pictures of the page."""
import os
import socket
import sys
import tempfile
import time
import unittest

from demo_runs import demo_messages
from preview import Preview
from webdriver import Browser, Missing

STEPS = 12

# The colours of the big picture, 8x8 of them: what a person would see.
SEEN = """
const shown = [...document.querySelectorAll('.frame img')].filter(
    (i) => !i.hidden && !i.classList.contains('glow') && i.naturalWidth);
const image = shown.at(-1);
if (!image) return '';
const canvas = document.createElement('canvas');
canvas.width = canvas.height = 8;
const context = canvas.getContext('2d');
context.drawImage(image, 0, 0, 8, 8);
return context.getImageData(0, 0, 8, 8).data.join();
"""

# Whether that is the picture at a URL.
SHOWS = """
const [seen, url] = arguments;
const image = new Image();
image.src = url;
image.decode().then(() => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 8;
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0, 8, 8);
  done(context.getImageData(0, 0, 8, 8).data.join() === seen);
});
"""

PLAYS = """
const video = document.createElement('video');
video.muted = true;
video.src = document.querySelector('#downloads a').href;
video.onerror = () => done(['error', video.error.message]);
let times = [];
video.ontimeupdate = () => {
  times.push(video.currentTime);
  if (video.currentTime > 0.5)
    done([video.duration, video.videoWidth, video.videoHeight]);
};
video.play();
"""


def setUpModule():
    try:
        with Browser():
            pass
    except Missing as missing:
        print("SKIPPED: %s" % missing)
        sys.exit(77)


class Page(unittest.TestCase):
    def setUp(self):
        # Pictures as they are, to be compared: those of WebRTC are near them.
        self.preview = Preview("--no-webrtc")
        self.addCleanup(lambda: self.preview.__exit__())

    def browse(self, **options):
        browser = Browser(**options)
        self.addCleanup(browser.__exit__)
        browser.open(self.preview.url)
        return browser

    def shot(self, browser, name):
        folder = os.environ.get("TAE_SCREENSHOTS")
        if folder:
            browser.screenshot(os.path.join(folder, name + ".png"))

    def send(self, producer, name, step, message):
        producer.sendall(message)
        self.preview.wait_for(lambda status: any(
            g["name"] == name and g.get("picture", -1) >= step - 1
            for g in status["generations"]))

    def send_all(self, name, pattern, prompt):
        with self.preview.producer() as producer:
            for step, message in enumerate(
                    demo_messages(pattern, STEPS, name, prompt), 1):
                self.send(producer, name, step, message)

    def test_a_generation_from_noise_to_film(self):
        browser = self.browse()
        browser.wait("!document.getElementById('empty').hidden")
        self.assertIn(self.preview.socket,
                      browser.run("return document.body.innerText"))
        self.shot(browser, "empty")

        bars, pictures = [], []
        messages = demo_messages("still-life", STEPS, "run", "four spheres")
        with self.preview.producer() as producer:
            for step, message in enumerate(messages, 1):
                self.send(producer, "run", step, message)
                browser.wait("document.getElementById('facts').innerText"
                             ".includes('%d / %d')" % (step, STEPS))
                self.shows(browser, step)
                bars.append(float(browser.run(
                    "return document.getElementById('bar')"
                    ".getAttribute('aria-valuenow')")))
                pictures.append(browser.run(SEEN))
                if step == STEPS // 2:
                    browser.open(self.preview.url)  # somebody who comes late
                    browser.wait("document.querySelector('.tile')")
                    self.shows(browser, step)
                    self.shot(browser, "running")
        self.assertEqual(bars, sorted(set(bars)))
        self.assertEqual(bars[-1], 100)
        self.assertEqual(len(set(pictures)), STEPS)
        browser.wait("document.getElementById('state').innerText === "
                     "'finished'")
        self.assertEqual(browser.run(
            "return document.getElementById('title').innerText"),
            "four spheres")
        self.scrub(browser)
        self.shot(browser, "finished")
        for line in ("sigma", "change"):
            self.assertGreater(browser.run(
                "return document.querySelector('#plot path.%s').getBBox()"
                ".width" % line), 200)
        self.film(browser)
        self.assertEqual(browser.complaints(), [])

    def shows(self, browser, step):
        """Waits until the big picture is that of a step, and of no other."""
        url = "generations/1/steps/%d/picture.jpg" % (step - 1)
        until = time.monotonic() + 300
        while not browser.run_async(SHOWS, browser.run(SEEN), url):
            self.assertLess(time.monotonic(), until, "step %d" % step)
            time.sleep(0.05)

    def scrub(self, browser):
        browser.wait("document.querySelectorAll('#film img').length === %d"
                     % STEPS)
        browser.run("document.querySelectorAll('#film button')[2].click()")
        browser.wait("document.getElementById('facts').innerText"
                     ".includes('3 / %d')" % STEPS)
        self.shows(browser, 3)
        browser.run("const s = document.getElementById('scrub'); s.value = 7;"
                    "s.dispatchEvent(new Event('input'))")
        browser.wait("document.getElementById('facts').innerText"
                     ".includes('8 / %d')" % STEPS)
        self.shows(browser, 8)
        browser.run("document.body.dispatchEvent(new KeyboardEvent('keydown',"
                    "{key: 'ArrowLeft', bubbles: true}))")
        browser.wait("document.getElementById('facts').innerText"
                     ".includes('7 / %d')" % STEPS)
        browser.run("document.getElementById('play').click()")
        browser.wait("document.getElementById('facts').innerText"
                     ".includes('%d / %d')" % (STEPS, STEPS))
        self.shows(browser, STEPS)

    def film(self, browser):
        length, width, height = browser.run_async(PLAYS)
        self.assertEqual((width, height), (256, 256))
        self.assertGreater(length, 5)

    def test_two_at_a_time_side_by_side_and_stopped(self):
        browser = self.browse()
        runs = {name: demo_messages(pattern, STEPS, name, prompt)
                for name, pattern, prompt in
                (("one", "still-life", "four spheres on a table"),
                 ("two", "landscape", "a sunset behind mountains"))}
        producers = {name: self.preview.producer() for name in runs}
        for step in range(1, 9):
            for name, messages in runs.items():
                self.send(producers[name], name, step, messages[step - 1])
        browser.wait("document.querySelectorAll('.tile').length === 2")
        browser.wait("[...document.querySelectorAll('.still')].every("
                     "(i) => i.naturalWidth === 256)")
        self.shot(browser, "two")
        browser.run("document.querySelectorAll('.frame')[1].click()")
        browser.wait("document.getElementById('title').innerText === "
                     "'four spheres on a table'")
        browser.run("document.querySelectorAll('.frame')[0].click()")
        browser.wait("document.getElementById('title').innerText === "
                     "'a sunset behind mountains'")
        browser.run("document.getElementById('stop').click()")
        browser.wait("document.getElementById('stop').disabled")
        self.assertTrue(self.preview.get("/stop?gen=two").json()["stop"])
        self.assertFalse(self.preview.get("/stop?gen=one").json()["stop"])
        for producer in producers.values():
            producer.close()

    def test_past_generations_are_chosen_and_compared(self):
        for name, pattern in (("a", "still-life"), ("b", "landscape"),
                              ("c", "still-life")):
            self.send_all(name, pattern, "prompt of " + name)
        for width, height, dark in ((1400, 1000, False), (1400, 1000, True),
                                    (390, 844, False), (390, 844, True)):
            browser = self.browse(width=width, height=height, dark=dark)
            browser.wait("document.querySelectorAll('.card').length === 3")
            browser.run("document.querySelectorAll('.card .open')[1].click()")
            browser.wait("document.getElementById('title').innerText === "
                         "'prompt of b'")
            browser.run("document.querySelectorAll('.card input')[2].click()")
            browser.wait("document.querySelectorAll('.tile').length === 2")
            # Nothing is wider than the screen.
            self.assertLessEqual(browser.run(
                "return document.documentElement.scrollWidth"), width)
            background = browser.run(
                "return getComputedStyle(document.body).backgroundColor")
            light = int(background.split("(")[1].split(",")[0])
            self.assertEqual(light < 128, dark, background)
            time.sleep(0.5)
            self.shot(browser, "past_%d_%s" %
                      (width, "dark" if dark else "light"))
            browser.run("document.getElementById('golive').click()")
            browser.wait("document.querySelectorAll('.tile').length === 1")
            self.assertEqual(browser.complaints(), [])

    def test_generations_of_earlier_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            self.preview.__exit__()
            self.preview = Preview("--no-webrtc", "--keep=" + folder)
            for name, pattern in (("a", "still-life"), ("b", "landscape")):
                self.send_all(name, pattern, "prompt of " + name)
            self.preview.finished(2)
            self.preview.__exit__()
            self.preview = Preview("--no-webrtc", "--keep=" + folder)
            browser = self.browse()
            browser.wait("document.querySelectorAll('.card').length === 2")
            browser.wait("[...document.querySelectorAll('.card img')]"
                         ".every((i) => i.naturalHeight === 144)")
            browser.run("document.querySelectorAll('.card .open')[1].click()")
            browser.wait("document.getElementById('title').innerText === "
                         "'prompt of a'")
            self.shows(browser, STEPS)
            self.scrub(browser)
            browser.wait("[...document.querySelectorAll('#film img')]"
                         ".every((i) => i.naturalHeight === 144)")
            self.shot(browser, "earlier")
            self.film(browser)
            self.assertEqual(browser.complaints(), [])

    def test_the_server_goes_and_comes_back(self):
        held = socket.socket()  # so that nobody else gets the port meanwhile
        self.addCleanup(held.close)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        listen = "--listen=127.0.0.1:%d" % held.getsockname()[1]
        self.preview.__exit__()
        self.preview = Preview(listen)
        browser = self.browse()
        browser.wait("document.getElementById('link').innerText === "
                     "'connected'")
        self.preview.__exit__()
        browser.wait("document.getElementById('link').innerText === 'offline'")
        self.preview = Preview("--no-webrtc", listen)
        browser.wait("document.getElementById('link').innerText === "
                     "'connected'")

    def test_texts_of_producers_are_texts(self):
        evil = "<img src=x onerror=document.title='got'><script>alert(1)"
        self.send_all("evil", "landscape", evil)
        browser = self.browse()
        browser.wait("document.getElementById('title').innerText !== ''")
        time.sleep(0.5)
        self.assertEqual(browser.run(
            "return document.getElementById('title').textContent"), evil)
        self.assertEqual(browser.run(
            "return document.querySelectorAll('img[src=x]').length"), 0)
        self.assertNotEqual(browser.run("return document.title"), "got")


if __name__ == "__main__":
    unittest.main()

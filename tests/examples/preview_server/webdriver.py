"""Headless Chromium by the WebDriver protocol, with nothing but Python's own
library. What is missing raises Missing, so that a test can say it was skipped."""
import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request


class Missing(Exception):
    pass


class Browser:
    def __init__(self, width=1400, height=1000, dark=False):
        driver = shutil.which("chromedriver")
        chromium = shutil.which("chromium")
        if not driver or not chromium:
            raise Missing("chromium and chromium-driver are not installed")
        self._profile = tempfile.TemporaryDirectory()
        self._driver = subprocess.Popen(
            [driver, "--port=0"], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self._url = None
        for line in self._driver.stdout:
            port = re.search(r"successfully on port (\d+)", line)
            if port:
                self._url = "http://127.0.0.1:%s/session" % port.group(1)
                break
        options = {"binary": chromium, "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--force-device-scale-factor=1",
            "--user-data-dir=" + self._profile.name,
            "--window-size=%d,%d" % (width, height)]}
        made = self._call("POST", "", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "timeouts": {"script": 300000, "pageLoad": 300000},
            "goog:loggingPrefs": {"browser": "ALL"}}}})
        self._url += "/" + made["sessionId"]
        self.devtools("Emulation.setDeviceMetricsOverride", width=width,
                      height=height, deviceScaleFactor=1, mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme",
             "value": "dark" if dark else "light"}])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._call("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait()
            self._driver.stdout.close()
            self._profile.cleanup()

    def _call(self, method, path, body=None):
        request = urllib.request.Request(
            self._url + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=600) as reply:
            return json.load(reply)["value"]

    def devtools(self, command, **parameters):
        return self._call("POST", "/goog/cdp/execute",
                          {"cmd": command, "params": parameters})

    def open(self, url):
        self._call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """The value that the script returns."""
        return self._call("POST", "/execute/sync",
                          {"script": script, "args": list(arguments)})

    def run_async(self, script, *arguments):
        """The value that the script gives to its last argument, `done`."""
        return self._call("POST", "/execute/async", {
            "script": "const done = arguments[arguments.length - 1];" + script,
            "args": list(arguments)})

    def wait(self, expression, seconds=300):
        """Until the expression is true; returns its value."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            value = self.run("return " + expression)
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError("not within %d s: %s" % (seconds, expression))

    def screenshot(self, path, whole=False):
        shot = self.devtools("Page.captureScreenshot", format="png",
                             captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def complaints(self):
        """What the page's console said of errors."""
        log = self._call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in log
                if entry["level"] == "SEVERE"]

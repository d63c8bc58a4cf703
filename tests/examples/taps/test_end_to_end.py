"""From a program's callback to pixels: stand-ins run towards latents whose
picture is known, and the elements decode what the taps sent."""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np
import stand_ins
import test_comfyui_tap
import wire

try:
    import torch
except ImportError:
    torch = None

_SHARED = os.environ.get("TAE_SHARED", "")
_FLUX2 = "golden/flux2_astronaut_512", "weights/taef2_decoder"
_FLUX1 = "golden/flux1_seeded_320x192", "golden/flux1_seeded_decoder"
_SD = "golden/sd_seeded_320x192", "golden/sd_seeded_decoder"


def _golden(name):
    """The latent [1, C, H, W] and its picture [height, width, 3] as bytes."""
    with open(os.path.join(_SHARED, name + ".safetensors"), "rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
        data = stream.read()

    def tensor(key, kind):
        begin, end = header[key]["data_offsets"]
        values = np.frombuffer(data[begin:end], kind)
        return values.reshape(header[key]["shape"])

    picture = np.rint(tensor("image", "<f4")[0] * 255).astype(np.uint8)
    return tensor("latent", "<f2"), picture.transpose(1, 2, 0)


# Programs: each sends a run that ends at `clean` to `address`.


def _diffusers(name, scheduler=stand_ins.FlowScheduler, steps=4):
    def run(clean, address):
        import diffusers_tap
        height, width = 8 * clean.shape[2], 8 * clean.shape[3]
        target = torch.from_numpy(clean.copy())
        if name.startswith("Flux"):
            target = stand_ins.pack(target)
        callback = diffusers_tap.TaeCallback(address)
        stand_ins.pipeline(name, scheduler(torch, steps))(
            target, torch.randn(target.shape).half(), height, width, callback)
        return callback._tap
    return run


def _comfyui(*classes):
    def run(clean, address):
        preview = stand_ins.latent_preview_module()
        package = test_comfyui_tap._load(preview, address)
        x0 = clean.astype(np.float32)
        if classes == ("Flux2",):
            b, c, h, w = x0.shape
            x0 = x0.reshape(b, c, h // 2, 2, w // 2, 2).transpose(
                0, 1, 3, 5, 2, 4).reshape(b, 4 * c, h // 2, w // 2)
        callback = preview.prepare_callback(stand_ins.comfy_model(*classes), 3)
        for step in range(3):
            callback(step, x0 * (step + 1) / 3, x0, 3)
        return package._tap
    return run


def _mflux(aliases, name):
    def run(clean, address):
        import test_mflux_tap
        callback = test_mflux_tap.mflux_tap.TaeCallback(address)
        config = stand_ins.mflux_config(
            aliases, name, 2, 8 * clean.shape[3], 8 * clean.shape[2])
        values = stand_ins.pack(clean.astype(np.float32))
        if "z-image" in name.lower():
            values = clean.swapaxes(0, 1)
        said = dict(seed=1, prompt="", latents=stand_ins.MlxArray(values),
                    config=config)
        callback.call_before_loop(canny_image=None, depth_image=None, **said)
        for t in range(2):
            callback.call_in_loop(t=t, time_steps=None, **said)
        return callback._tap
    return run


_RUNS = {
    "diffusers FLUX.2": (_diffusers("Flux2Pipeline"), *_FLUX2),
    "diffusers FLUX.1": (_diffusers("FluxPipeline"), *_FLUX1),
    "diffusers Z-Image": (_diffusers("ZImagePipeline"), *_FLUX1),
    "diffusers SD": (_diffusers("StableDiffusionPipeline"), *_SD),
    "ComfyUI FLUX.2": (_comfyui("Flux2"), *_FLUX2),
    "ComfyUI FLUX.1": (_comfyui("SD3", "Flux"), *_FLUX1),
    "ComfyUI SD": (_comfyui("SD15"), *_SD),
    "mflux FLUX.2": (_mflux(["flux2-klein"], "black-forest-labs/FLUX.2"),
                     *_FLUX2),
    "mflux FLUX.1": (_mflux(["dev"], "black-forest-labs/FLUX.1-dev"), *_FLUX1),
    "mflux Z-Image": (_mflux(["z-image"], "Tongyi-MAI/Z-Image"), *_FLUX1),
}


@unittest.skipUnless(os.path.isdir(_SHARED), "no TAE_SHARED")
@unittest.skipUnless(shutil.which("gst-launch-1.0"), "no gst-launch-1.0")
@unittest.skipUnless(torch, "no torch")
class EndToEnd(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.frames = os.path.join(folder.name, "frames")
        self.path = os.path.join(folder.name, "latents.safetensors")

    def tail(self, weights):
        return ["taedecode", "post-messages=true", "model-file=" + os.path.join(
            _SHARED, weights + ".safetensors"), "!", "video/x-raw,format=RGB",
                "!", "filesink", "buffer-mode=unbuffered",
                "location=" + self.frames]

    def read_frames(self, picture):
        """All frames, as integers, [count] pictures of that shape."""
        height, width, _ = picture.shape
        stride = (3 * width + 3) // 4 * 4
        with open(self.frames, "rb") as stream:
            data = np.frombuffer(stream.read(), np.uint8)
        self.assertEqual(data.size % (height * stride), 0)
        rows = data.reshape(-1, height, stride)[:, :, :3 * width]
        return rows.reshape(-1, *picture.shape).astype(int)

    def check_last_frame(self, picture):
        error = np.abs(self.read_frames(picture)[-1] - picture)
        self.assertLess(error.mean(), 0.5)
        self.assertLessEqual(error.max(), 6)

    def wait_for_frame(self, picture):
        """Until the newest frame in the file is this picture."""
        until = time.monotonic() + wire.PATIENCE
        while True:
            try:
                return self.check_last_frame(picture)
            except (AssertionError, IndexError):  # none, half, or another one
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def test_what_was_sent_decodes_to_the_known_picture(self):
        for name, (run, golden, weights) in _RUNS.items():
            with self.subTest(name):
                clean, picture = _golden(golden)
                if os.path.exists(self.path):
                    os.unlink(self.path)
                run(clean, self.path).close()
                last = wire.read_file(self.path)[-1]
                self.assertEqual(last.metadata["final"], "1")
                self.play(weights)
                self.check_last_frame(picture)

    def play(self, weights):
        subprocess.run(
            ["gst-launch-1.0", "-q", "filesrc", "location=" + self.path, "!",
             "latentparse", "!", *self.tail(weights)], check=True,
            timeout=wire.PATIENCE)

    def test_noisy_steps_show_the_picture_that_they_aim_at(self):
        flux, sd = "Flux2Pipeline", "StableDiffusionPipeline"
        # Heun's and PNDM's first two latents have the same sigma.
        for name, scheduler, alone, golden, weights in (
                (flux, stand_ins.FlowScheduler, 1, *_FLUX2),
                (sd, stand_ins.VeScheduler, 1, *_SD),
                (sd, stand_ins.HeunScheduler, 2, *_SD),
                (sd, stand_ins.DdimScheduler, 1, *_SD),
                (sd, stand_ins.DpmScheduler, 1, *_SD),
                (sd, stand_ins.PndmScheduler, 2, *_SD),
                (sd, stand_ins.EulerAncestralScheduler, 0, *_SD),
                (sd, stand_ins.LcmScheduler, 0, *_SD),
                (sd, stand_ins.TCDScheduler, 0, *_SD),
                (sd, stand_ins.SdeDpmScheduler, 0, *_SD)):
            with self.subTest(scheduler.__name__):
                clean, picture = _golden(golden)
                if os.path.exists(self.path):
                    os.unlink(self.path)
                _diffusers(name, scheduler, steps=8)(clean, self.path).close()
                self.play(weights)
                frames = self.read_frames(picture)
                self.assertGreaterEqual(len(frames), 8)
                error = ((frames - picture) ** 2).mean(axis=(1, 2, 3))
                psnr = 10 * np.log10(255 ** 2 / np.maximum(error, 1e-3))
                self.assertTrue((psnr[:alone] < 25).all(), str(psnr.round(1)))
                self.assertGreater(psnr[alone:].min(), 40, str(psnr.round(1)))

    def test_live(self):
        for name, (run, golden, weights) in _RUNS.items():
            with self.subTest(name):
                clean, picture = _golden(golden)
                address = wire.temporary_address(self)
                watcher = subprocess.Popen(
                    ["gst-launch-1.0", "-m", "-e", "latentsrc",
                     "location=" + address, "!", *self.tail(weights)],
                    stdout=subprocess.PIPE, text=True)
                self.addCleanup(watcher.stdout.close)
                self.addCleanup(watcher.kill)
                self.wait_for_listener(address, watcher)
                tap = run(clean, address)
                tap.close(timeout=wire.PATIENCE)
                self.assertGreaterEqual(tap.sent, 1)
                for said in watcher.stdout:
                    if "final=(boolean)true" in said:  # decoded, and soon
                        break
                self.wait_for_frame(picture)  # written
                watcher.send_signal(signal.SIGINT)
                self.assertEqual(watcher.wait(timeout=wire.PATIENCE), 0)
                self.check_last_frame(picture)

    def wait_for_listener(self, address, watcher):
        """A socket is there a moment before anybody listens at it."""
        with socket.socket(socket.AF_UNIX) as caller:
            while caller.connect_ex(address[len("unix:"):]) != 0:
                self.assertIsNone(watcher.poll(), "the watcher ended")
                time.sleep(0.02)


if __name__ == "__main__":
    program = unittest.main(exit=False)
    skipped = program.result.skipped
    for test, reason in skipped:
        print("SKIPPED: %s: %s" % (test, reason))
    if not program.result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if len(skipped) == program.result.testsRun else 0)

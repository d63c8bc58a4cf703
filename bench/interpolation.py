#!/usr/bin/env python3
"""How smooth is slow motion, linear or spherical?

    GST_PLUGIN_PATH=build/release/plugin bench/interpolation.py [SOURCE [FPS]]

SOURCE is a piece of gst-launch-1.0 that gives latents; default: a demo of 20
steps, 512 pixels. Each step of it becomes FPS / 10 frames, which are measured:

  spread  standard deviation of the latent half way between two steps, over the
          mean of those at the two steps: 1 = none lost
  detail  the same for what a Laplacian sees in the decoded picture
  uneven  standard deviation of the change from frame to frame inside a step,
          over its mean: 0 = every frame moves the picture as far as the last
  jump    change at a step (from the last frame before it to the first one
          after), over the mean change inside the steps beside it: 1 = no jerk

Medians over steps. Needs numpy.
"""
import os
import subprocess
import sys
import tempfile

import numpy

DEMO = ("latentsrc num-buffers=20 steps=20 width=512 height=512 "
        "pattern=landscape")
STEPS_A_SECOND = 10  # the source's, from a demo or a recording


def Run(pipeline):
    """The bytes of a pipeline's end, and the size in the caps before it."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bytes")
        text = subprocess.run(
            ["gst-launch-1.0", "-v", *pipeline.split(), "!", "filesink",
             "location=" + path],
            check=True, stdout=subprocess.PIPE, text=True).stdout
        caps = [line for line in text.splitlines()
                if "filesink" in line and "caps =" in line][-1]
        with open(path, "rb") as file:
            return file.read(), caps


def Field(caps, name):
    return int(caps.split(name + "=(int)")[1].split(",")[0].split(";")[0])


def Latents(source, tween):
    data, caps = Run(source + " ! " + tween)
    shape = [Field(caps, name)
             for name in ("channels", "latent-height", "latent-width")]
    return numpy.frombuffer(data, "<f2").astype(numpy.float32).reshape(
        [-1] + shape)


def Frames(source, tween):
    data, caps = Run(source + " ! " + tween +
                     " ! taedecode ! video/x-raw,format=GRAY8")
    height, width = Field(caps, "height"), Field(caps, "width")
    return numpy.frombuffer(data, numpy.uint8).astype(numpy.float32).reshape(
        -1, height, width)


def Detail(frame):
    centre = frame[1:-1, 1:-1]
    return numpy.std(4 * centre - frame[:-2, 1:-1] - frame[2:, 1:-1] -
                     frame[1:-1, :-2] - frame[1:-1, 2:])


def Between(values, a_step):
    """value at each midpoint over the mean of its steps"""
    half = a_step // 2
    return [values[i + half] / ((values[i] + values[i + a_step]) / 2)
            for i in range(0, len(values) - a_step, a_step)]


def Evenness(frames, a_step):
    change = numpy.abs(numpy.diff(frames, axis=0)).mean(axis=(1, 2))
    steps = [change[i:i + a_step]
             for i in range(0, len(change) - a_step + 1, a_step)]
    uneven = [numpy.std(step) / numpy.mean(step) for step in steps]
    jump = [abs(numpy.log(b[0] / a[-1])) for a, b in zip(steps, steps[1:])]
    return uneven, [numpy.exp(value) for value in jump]


def Measure(source, fps, method):
    a_step = fps // STEPS_A_SECOND
    tween = (f"latentinterpolate method={method} ! "
             f"video/x-latent,format=F16LE,framerate={fps}/1")
    latents = Latents(source, tween)
    frames = Frames(source, tween)
    uneven, jump = Evenness(frames, a_step)
    return [numpy.median(column) for column in (
        Between([latent.std() for latent in latents], a_step),
        Between([Detail(frame) for frame in frames], a_step), uneven, jump)]


def main():
    source = sys.argv[1] if len(sys.argv) > 1 else DEMO
    fps = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    print("method     spread detail uneven jump")
    for method in ("linear", "spherical"):
        print("%-10s %6.4f %6.3f %6.3f %4.2f" %
              (method, *Measure(source, fps, method)))


if __name__ == "__main__":
    main()

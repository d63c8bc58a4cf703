#!/usr/bin/env python3
"""Writes a generation as latents, one raw F16 file a step: seeded noise that
becomes a picture along a rectified flow, x = (1 - s) x0 + s eps.

x0 is the tensor `latent` of a safetensors file ([1, C, H, W], F16), or a
drawing put into FLUX.2's space with the least-norm inverse of a linear
latent-to-RGB table. Prints `channels width height`.
"""
import argparse
import json
import math
import pathlib
import random
import re
import struct


def read_latent(path):
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    entry = json.loads(data[8:8 + length])["latent"]
    if entry["dtype"] != "F16" or len(entry["shape"]) != 4:
        raise SystemExit(f"{path}: latent is {entry['dtype']} "
                         f"{entry['shape']}, expected F16 [1, C, H, W]")
    begin, end = entry["data_offsets"]
    payload = data[8 + length + begin:8 + length + end]
    values = struct.unpack(f"<{len(payload) // 2}e", payload)
    return entry["shape"][1:], list(values)


def flux2_table():
    """The linear table of FLUX.2 and its bias, as the library compiles it."""
    source = (pathlib.Path(__file__).resolve().parent.parent /
              "decoder/model/linear_tables.cc").read_text()
    number = r"-?\d+\.?\d*(?=f)"
    flat = [float(v) for v in re.findall(
        number, re.search(r"kFlux2\[\] = \{(.*?)\};", source, re.S)[1])]
    bias = [float(v) for v in re.findall(
        number, re.search(r"kFlux2, \{(.*?)\}", source)[1])]
    return [flat[i:i + 3] for i in range(0, len(flat), 3)], bias


def draw(x, y):
    """Colour in -1..1 of a point in the unit square: a sun over hills."""
    hill = 0.62 + 0.07 * math.sin(7 * x) + 0.03 * math.sin(17 * x + 1)
    if y > hill:
        shade = (y - hill) / (1 - hill)
        return (-0.5 + 0.3 * shade, 0.1 - 0.5 * shade, -0.6)
    if math.hypot(x - 0.68, y - 0.32) < 0.14:
        return (0.9, 0.75, 0.2)
    return (-0.3 + y, 0.1 + 0.6 * y, 0.8 - 0.3 * y)


def drawn_latent(table, bias, height, width):
    """min |z| with table^T z + bias = rgb: z = F (F^T F)^-1 (rgb - bias)."""
    gram = [[sum(row[i] * row[j] for row in table) for j in range(3)]
            for i in range(3)]
    (a, b, c), (d, e, f), (g, h, i) = gram
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    inverse = [[(e * i - f * h) / det, (c * h - b * i) / det,
                (b * f - c * e) / det],
               [(f * g - d * i) / det, (a * i - c * g) / det,
                (c * d - a * f) / det],
               [(d * h - e * g) / det, (b * g - a * h) / det,
                (a * e - b * d) / det]]
    spread = [[sum(row[k] * inverse[k][j] for k in range(3))
               for j in range(3)] for row in table]
    points = [[v - o for v, o in zip(draw(x / width, y / height), bias)]
              for y in range(height) for x in range(width)]
    return [s[0] * p[0] + s[1] * p[1] + s[2] * p[2]
            for s in spread for p in points]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--latent", help="safetensors file of the last step")
    parser.add_argument("--steps", type=int, default=28)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    if args.latent:
        shape, clean = read_latent(args.latent)
    else:
        table, bias = flux2_table()
        shape = (len(table), 64, 64)
        clean = drawn_latent(table, bias, 64, 64)
    rng = random.Random(args.seed)
    noise = [rng.gauss(0, 1) for _ in clean]
    folder = pathlib.Path(args.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for step in range(args.steps):
        sigma = 1 - (step + 1) / args.steps
        values = [(1 - sigma) * a + sigma * b for a, b in zip(clean, noise)]
        (folder / f"step_{step:03d}.f16").write_bytes(
            struct.pack(f"<{len(values)}e", *values))
    print(shape[0], shape[2], shape[1])


main()

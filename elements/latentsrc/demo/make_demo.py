#!/usr/bin/env python3
"""Draws the demo's pictures and encodes them: make_demo.py ENCODER.pth OUT.

OUT is a latent stream (decoder/io/LATENT_STREAM.md) of 8-bit FLUX.2 latents,
1x32x64x64 each, which the build embeds. ENCODER.pth is TAEF2's encoder. With
DECODER.pth as a third argument the decoded pictures are written beside OUT.
"""
import json
import struct
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SIDE = 512


class Pool(nn.Module):
    def __init__(self, weights, name):
        super().__init__()
        self.w = [weights[f"{name}.pool.{i}"] for i in
                  ("0.weight", "1.weight", "1.bias", "3.weight")]

    def forward(self, x):
        y = F.conv2d(x, self.w[0])
        y = F.relu(F.group_norm(y, 4, self.w[1], self.w[2]))
        return x + F.conv2d(y, self.w[3])


def block(weights, name, x):
    if f"{name}.pool.0.weight" in weights:
        x = Pool(weights, name)(x)
    y = x
    for i in (0, 2, 4):
        y = F.conv2d(y, weights[f"{name}.conv.{i}.weight"],
                     weights[f"{name}.conv.{i}.bias"], padding=1)
        if i < 4:
            y = F.relu(y)
    return F.relu(y + x)


def run(weights, x, decoder=False):
    """Walks the layers by the indices of their names."""
    last = max(int(k.split(".")[0]) for k in weights)
    if decoder:
        x = 3 * torch.tanh(x / 3)
    for i in range(last + 1):
        if f"{i}.conv.0.weight" in weights:
            x = block(weights, str(i), x)
        elif f"{i}.weight" in weights:
            down = not decoder and i in (2, 6, 10)
            x = F.conv2d(x, weights[f"{i}.weight"], weights.get(f"{i}.bias"),
                         padding=1, stride=2 if down else 1)
        elif decoder and i == 2:
            x = F.relu(x)
        elif decoder and i in (6, 11, 16):
            x = F.interpolate(x, scale_factor=2)
    return x


def mix(a, b, t):
    return a * (1 - t[..., None]) + np.asarray(b) * t[..., None]


def noise(rng, cells, octaves=5):
    out = np.zeros((SIDE, SIDE))
    for o in range(octaves):
        grid = torch.from_numpy(rng.normal(size=(1, 1, cells << o, cells << o)))
        out += F.interpolate(grid, size=(SIDE, SIDE), mode="bicubic",
                             align_corners=True)[0, 0].numpy() / 2 ** o
    return out


def landscape(rng):
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    img = mix(np.broadcast_to([.16, .24, .52], (SIDE, SIDE, 3)),
              [.99, .62, .36], np.clip(y / .58, 0, 1) ** 1.5)
    sun = np.hypot(x - .66, y - .40)
    img = mix(img, [1, .86, .55], .75 * np.exp(-(sun / .16) ** 2))
    img = mix(img, [1, .97, .86], np.clip((.062 - sun) * 150, 0, 1))
    clouds = np.clip(noise(rng, 3) * .45 - .05, 0, .6) * np.clip(1 - y * 1.6, 0, 1)
    img = mix(img, [1, .84, .78], clouds)
    for k, (base, height, color) in enumerate([
            (.60, .22, [.50, .38, .52]), (.66, .18, [.30, .26, .44]),
            (.74, .13, [.15, .20, .29])]):
        ridge = noise(rng, 3 + k)[0]
        rocks = noise(rng, 12) * .05
        top = base - height * np.abs(ridge)[None] * .7
        img = mix(img, np.clip(np.array(color) + rocks[..., None], 0, 1),
                  np.clip((y - top) * 220, 0, 1))
    lake = np.clip((y - .78) * 300, 0, 1)
    mirror = img[np.clip((2 * .78 * SIDE - np.arange(SIDE)).astype(int), 0,
                         SIDE - 1)]
    ripple = 1 + .12 * np.sin(y * 420 + 6 * noise(rng, 4))
    img = mix(img, np.clip(mirror * .72 * ripple[..., None] + [.0, .02, .05], 0,
                           1), lake)
    return img


def still_life(rng):
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    img = mix(np.broadcast_to([.13, .19, .24], (SIDE, SIDE, 3)),
              [.34, .44, .47], np.exp(-((x - .3) ** 2 + (y - .2) ** 2) * 4))
    grain = noise(rng, 2, 4) * .5 + np.sin(y * 260 + noise(rng, 3) * 4) * .4
    wood = np.clip(np.array([.52, .32, .18]) + grain[..., None] * .05, 0, 1)
    img = mix(img, wood, np.clip((y - .62) * 200, 0, 1))
    for cx, cy, r, color in [(.33, .52, .19, [.86, .22, .16]),
                             (.67, .55, .155, [.95, .70, .16]),
                             (.50, .70, .12, [.20, .50, .80]),
                             (.82, .73, .09, [.40, .68, .30])]:
        shade = np.exp(-(((x - cx - .05) / (r * 1.25)) ** 2 +
                         ((y - cy - r * .9) / (r * .33)) ** 2))
        img = img * (1 - .62 * shade[..., None])
        d = np.hypot(x - cx, y - cy) / r
        nz = np.sqrt(np.clip(1 - d ** 2, 0, 1))
        light = np.clip((-(x - cx) / r * .5 - (y - cy) / r * .62 + nz * .62), 0, 1)
        skin = np.array(color) * (.18 + .85 * light[..., None])
        skin = skin + .06 * np.clip((y - cy) / r, 0, 1)[..., None] * [1, .7, .4]
        skin = mix(skin, [1, 1, 1], np.clip(light, 0, 1) ** 40 * .9)
        img = mix(img, np.clip(skin, 0, 1), np.clip((1 - d) * r * SIDE, 0, 1))
    return img


def message(z, name):
    """One 8-bit message, each channel scaled on its own."""
    z = z.double().numpy()
    low, high = z.min((2, 3)), z.max((2, 3))
    scale = (high - low) / 255
    data = np.rint((z - low[..., None, None]) / scale[..., None, None])
    join = lambda v: " ".join(f"{x:.6g}" for x in v.ravel())
    head = json.dumps({
        "__metadata__": {"space": "flux2", "pred": "x0", "title": name,
                         "quant_scale": join(scale), "quant_offset": join(low)},
        "latent": {"dtype": "U8", "shape": list(z.shape),
                   "data_offsets": [0, z.size]}}).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + data.astype(np.uint8).tobytes()


def main():
    encoder = {k: v.float() for k, v in torch.load(sys.argv[1]).items()}
    rng = np.random.default_rng(7)
    pictures = {"landscape": landscape(rng), "still life": still_life(rng)}
    out = b""
    for name, picture in pictures.items():
        x = torch.from_numpy(np.clip(picture, 0, 1)).float()
        x = x.permute(2, 0, 1)[None]
        with torch.no_grad():
            z = run(encoder, x)
            out += message(z, name)
            if len(sys.argv) > 3:
                decoder = {k: v.float() for k, v in
                           torch.load(sys.argv[3]).items()}
                back = run(decoder, z, decoder=True).clamp(0, 1)
                print(name, "PSNR", float(-10 * torch.log10(
                    ((back - x) ** 2).mean())), "std", float(z.std()))
                from PIL import Image
                both = torch.cat([x, back], 3)[0].permute(1, 2, 0) * 255
                Image.fromarray(both.round().byte().numpy()).save(
                    f"{sys.argv[2]}.{name.replace(' ', '_')}.png")
    with open(sys.argv[2], "wb") as file:
        file.write(out)


main()

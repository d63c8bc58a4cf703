#!/usr/bin/env python3
"""Writes the right pictures of networks with seeded weights, computed in float64.

usage: make_seeded_golden.py OUT_FOLDER         (needs numpy and torch; seconds)

Element i of tensor T (row-major) is (u / 2^53 * 2 - 1) * spread(T), rounded to
half floats, where u is the upper 53 bits of splitmix64(fnv1a64(T) + i) and the
spread is sqrt(3 gain / fan_in); biases have spread 0.05 (the last one is 0.5).
tests/support/seeded_tensors.h makes the same numbers, so that only latents and
pictures are stored.
"""
import json
import struct
import sys

import numpy as np
import torch
from torch.nn import functional as F

M = (1 << 64) - 1


def fnv1a(text):
    h = 0xcbf29ce484222325
    for b in text.encode():
        h = (h ^ b) * 0x100000001b3 & M
    return h


def uniform(name, count):
    with np.errstate(over='ignore'):
        z = np.uint64(fnv1a(name)) + np.arange(count, dtype=np.uint64)
        z = z + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / 2.0 ** 53 * 2 - 1


def half(values, shape):
    return values.astype(np.float16).reshape(shape)


def tensor(name, shape, gain):
    fan = int(np.prod(shape[1:]))
    values = uniform(name, int(np.prod(shape))) * np.sqrt(3 * gain / fan)
    return torch.from_numpy(half(values, shape).astype(np.float64))


def bias(name, count, value=None):
    values = uniform(name, count) * 0.05 if value is None else np.full(count, value)
    return torch.from_numpy(half(values, (count,)).astype(np.float64))


def conv(x, name, out, gain, with_bias=True, value=None):
    weight = tensor(f'{name}.weight', (out, x.shape[1], 3, 3), gain)
    return F.conv2d(x, weight, bias(f'{name}.bias', out, value) if with_bias else None,
                    padding=1)


def pool(x, name):
    wide = F.conv2d(x, tensor(f'{name}.0.weight', (256, 64, 1, 1), 1.0))
    gamma = torch.from_numpy(half(1 + 0.1 * uniform(f'{name}.1.weight', 256),
                                  (256,)).astype(np.float64))
    wide = F.relu(F.group_norm(wide, 4, gamma, bias(f'{name}.1.bias', 256)))
    return x + F.conv2d(wide, tensor(f'{name}.3.weight', (64, 256, 1, 1), 0.3))


def block(x, layer, with_pool):
    if with_pool:
        x = pool(x, f'{layer}.pool')
    y = F.relu(conv(x, f'{layer}.conv.0', 64, 2))
    y = F.relu(conv(y, f'{layer}.conv.2', 64, 2))
    return F.relu(conv(y, f'{layer}.conv.4', 64, 0.3) + x)


def double(x):
    return F.interpolate(x, scale_factor=2, mode='nearest')


def taesd(x, with_pool=False):
    x = F.relu(conv(torch.tanh(x / 3) * 3, '1', 64, 2))
    layer = 3
    for stage in range(3):
        for _ in range(3):
            x = block(x, layer, with_pool and stage == 0)
            layer += 1
        x = conv(double(x), str(layer + 1), 64, 1.0, with_bias=False)
        layer += 2
    x = block(x, layer, False)
    return conv(x, str(layer + 1), 3, 0.05, value=0.5)


def builtin(x):
    x = F.relu(conv(torch.tanh(x / 3) * 3, '1', 64, 2))
    x = block(block(x, 3, True), 4, True)
    x = F.relu(conv(double(x), '6', 64, 2))
    return F.pixel_shuffle(conv(x, '8', 48, 0.05, value=0.5), 4)


def linear(x):
    weight = tensor('0.weight', (3, x.shape[1], 1, 1), 0.3)
    rgb = F.conv2d(x, weight, bias('0.bias', 3))
    return (F.interpolate(rgb, scale_factor=8, mode='nearest') + 1) / 2


CASES = {  # name: network, channels, height and width of the latent
    'taesd_c4': (taesd, 4, 7, 9),
    'taesd_c16': (taesd, 16, 3, 30),
    'taesd_c32_pool': (lambda x: taesd(x, True), 32, 9, 7),
    'builtin_c32': (builtin, 32, 6, 11),
    'linear_c16': (linear, 16, 5, 7),
}


def save(path, tensors):
    head, at = {}, 0
    for name, t in tensors.items():
        head[name] = {'dtype': {'float16': 'F16', 'float32': 'F32'}[str(t.dtype)],
                      'shape': list(t.shape), 'data_offsets': [at, at + t.nbytes]}
        at += t.nbytes
    text = json.dumps(head, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        for t in tensors.values():
            file.write(np.ascontiguousarray(t).tobytes())


def main():
    for name, (network, channels, height, width) in CASES.items():
        shape = (1, channels, height, width)
        latent = half(2 * uniform(name + '.latent', int(np.prod(shape))), shape)
        with torch.no_grad():
            image = network(torch.from_numpy(latent.astype(np.float64)))
        image = image.clamp(0, 1).numpy()
        print(f'{name}: {image.shape}, from {image.min():.3f} to {image.max():.3f}, '
              f'deviation {image.std():.3f}')
        save(f'{sys.argv[1]}/{name}.safetensors',
             {'latent': latent, 'image': image.astype(np.float32)})


if __name__ == '__main__':
    main()

"""Writes generations as a sampler would make them, each ending at a known latent.

  trajectories.py OUT.safetensors STEPS LATENT.safetensors...

Euler's method, STEPS steps of flow matching on FLUX's shifted schedule, over the
exact velocity field of a Gaussian whose mean and power spectrum are those of the
latent, channel for channel. The network's best guess in that field is Wiener's
filter: coarse shapes come first, fine ones last, as in real runs. The noise to
begin with is the whitened latent, from which the exact flow leads to it. What is
written are the sampler's noisy latents (pred=x) with their sigmas, as F16: a
stream of decoder/io/LATENT_STREAM.md, one generation for each latent. Needs
numpy.
"""
import json
import struct
import sys

import numpy as np


def read_latent(path):
    """[C][H][W] floats of the tensor "latent" [1, C, H, W], and the space."""
    with open(path, 'rb') as file:
        header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
        start, data = file.tell(), header['latent']
        begin, end = data['data_offsets']
        file.seek(start + begin)
        types = {'F16': '<f2', 'F32': '<f4'}
        values = np.frombuffer(file.read(end - begin), types[data['dtype']])
    space = header.get('__metadata__', {}).get('variant', '')
    return values.astype(np.float64).reshape(data['shape'][1:]), space


def spectrum(latent):
    """Power of each frequency: mean over rings of equal frequency, [C][H][W]."""
    height, width = latent.shape[1:]
    power = np.abs(np.fft.fft2(latent)) ** 2 / (height * width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    ring = np.round(radius * min(height, width)).astype(int)
    counts = np.bincount(ring.ravel())
    rings = [np.bincount(ring.ravel(), plane.ravel()) / np.maximum(counts, 1)
             for plane in power]
    return np.array(rings)[:, ring] + 1e-6


def trajectory(latent, steps):
    """Yields (sigma, x) from the first step done to the last."""
    t = np.linspace(1, 0, steps + 1)
    sigmas = 3 * t / (1 + 2 * t)
    mean = latent.mean(axis=(1, 2), keepdims=True)
    power = spectrum(latent - mean)
    x = np.fft.ifft2(np.fft.fft2(latent - mean) / np.sqrt(power)).real
    for now, after in zip(sigmas[:-1], sigmas[1:]):
        gain = (1 - now) * power / ((1 - now) ** 2 * power + now ** 2)
        centred = np.fft.fft2(x - (1 - now) * mean)
        x0 = mean + np.fft.ifft2(gain * centred).real
        x = x + (after - now) * (x - x0) / now
        yield after, x


def message(x, metadata):
    data = x.astype('<f2').tobytes()
    header = json.dumps({
        '__metadata__': {k: str(v) for k, v in metadata.items()},
        'latent': {'dtype': 'F16', 'shape': [1, *x.shape],
                   'data_offsets': [0, len(data)]}}).encode()
    return struct.pack('<Q', len(header)) + header + data


def main(out, steps, *paths):
    with open(out, 'wb') as file:
        for path in paths:
            latent, space = read_latent(path)
            for step, (sigma, x) in enumerate(trajectory(latent, int(steps)), 1):
                file.write(message(x, {
                    'space': space, 'layout': 'nchw', 'pred': 'x', 'gen': path,
                    'step': step, 'steps': steps, 'sigma': sigma,
                    'final': str(step == int(steps)).lower()}))


if __name__ == '__main__':
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])

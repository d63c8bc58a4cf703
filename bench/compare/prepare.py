"""Makes what all engines read: latents, float64 pictures, ONNX files.

  prepare.py SHARED WEIGHTS FOLDER SIZE...

For each SIZE (square, pixels): latent_SIZE.f32 and picture_SIZE.f32, raw
little-endian floats in the order channels, height, width, and decoder_SIZE.onnx
of that fixed shape. Latents are golden ones of SHARED, mirrored or cut to size;
without SHARED they are seeded noise. What is there already is kept.
"""
import os
import sys

import numpy as np
import torch

from network import CHANNELS, load_tensors, read_net

GOLDEN = {512: 'flux2_astronaut_512', 768: 'flux2_wall_768'}
BAND = 64  # rows of a convolution at a time: float64 im2col is large


def golden_tensor(shared, side, name):
    """'latent' or 'image' of the golden case of that many pixels."""
    path = os.path.join(shared, 'golden', GOLDEN[side] + '.safetensors')
    return load_tensors(path, name)[''][0].numpy()


def latent_of(shared, size):
    """[32][size / 8][size / 8] floats that halves hold exactly."""
    side = size // 8
    if not os.path.isdir(os.path.join(shared or '-', 'golden')):
        values = np.random.default_rng(1).standard_normal((CHANNELS, side, side))
        return values.astype(np.float16).astype(np.float32)
    tile = golden_tensor(shared, 768 if size % 768 == 0 else 512, 'latent')
    while tile.shape[1] < side:
        tile = np.concatenate([tile, tile[:, ::-1]], axis=1)
        tile = np.concatenate([tile, tile[:, :, ::-1]], axis=2)
    return np.ascontiguousarray(tile[:, :side, :side])


def convolve_in_bands(module):
    """The same 3x3 convolution, with little memory for its columns."""
    whole = type(module).forward

    def forward(x):
        rows = x.shape[2]
        padded = torch.nn.functional.pad(x, (0, 0, 1, 1))
        return torch.cat([whole(module, padded[:, :, y:min(y + BAND, rows) + 2])
                          [:, :, 1:-1] for y in range(0, rows, BAND)], dim=2)
    module.forward = forward


def picture_of(net, latent):
    """[3][size][size] floats in 0..1, computed in float64."""
    exact = net.double()
    for module in exact.modules():
        if isinstance(module, torch.nn.Conv2d) and module.kernel_size == (3, 3):
            convolve_in_bands(module)
    # GroupNorm of networks.py works in float32; its parent does not.
    for module in exact.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.forward = torch.nn.GroupNorm.forward.__get__(module)
    picture = exact(torch.from_numpy(latent)[None].double())[0]
    return picture.clamp(0, 1).numpy().astype(np.float32)


def check_golden(shared, size, picture):
    if size in GOLDEN and os.path.isdir(os.path.join(shared or '-', 'golden')):
        error = np.abs(picture - golden_tensor(shared, size, 'image')).max()
        if error > 1e-5:
            sys.exit(f'prepare.py: {size}: {error} away from the golden image')


def prepare(shared, weights, folder, size):
    latent_path = os.path.join(folder, f'latent_{size}.f32')
    picture_path = os.path.join(folder, f'picture_{size}.f32')
    onnx_path = os.path.join(folder, f'decoder_{size}.onnx')
    latent = latent_of(shared, size)
    latent.tofile(latent_path)
    if not os.path.exists(picture_path):
        print(f'{size}: picture in float64', flush=True)
        picture = picture_of(read_net(weights), latent)
        check_golden(shared, size, picture)
        picture.tofile(picture_path)
    if not os.path.exists(onnx_path):
        print(f'{size}: ONNX file', flush=True)
        torch.onnx.export(read_net(weights),
                          torch.from_numpy(latent)[None], onnx_path,
                          opset_version=16, input_names=['latent'],
                          output_names=['picture'])


def main():
    shared, weights, folder, *sizes = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    with torch.no_grad():
        for size in sizes:
            prepare(shared, weights, folder, int(size))


if __name__ == '__main__':
    main()

"""PSNR of decoders against the teacher on the held-out crops, and a sheet.

  evaluate.py --data DIR --formats latent_formats.json [--variant flux2]
              [--sheet sheet.png] [--fit] [--heads FILE --tae TAE]
              builtin_flux2.safetensors...

Prints the median and the 10th percentile for the clean and for the degraded
latents. The sheet's columns: linear table, first decoder, teacher, photo.
--fit adds linear maps fitted by least squares on the training crops, --heads
the exits of the teacher's decoder that heads.py trained.
"""
import argparse
import json
import os
import struct

import numpy as np
import torch
from PIL import Image

import heads
import networks


def architecture_of(path):
    with open(path, 'rb') as file:
        size, = struct.unpack('<Q', file.read(8))
        metadata = json.loads(file.read(size))['__metadata__']
    return metadata['architecture'].removeprefix('builtin-')


def network_decoder(path):
    tensors = networks.load_tensors(path)
    channels = tensors['1.weight'].shape[1]
    net = networks.student_decoder(architecture_of(path), channels)
    net.load_state_dict(tensors)

    def decode(latents):
        with torch.no_grad():
            return net(torch.from_numpy(latents)).numpy()

    return decode


def exit_decoders(path, tae):
    """{name: decoder} of the exits after each stage."""
    parts = heads.trunk_parts(networks.load_teacher_decoder(tae))

    def exit_decoder(stage):
        head = heads.make_head(stage).eval()
        head.load_state_dict(networks.load_tensors(path, 'stage%d.' % stage))

        def decode(latents):
            with torch.no_grad():
                x = torch.from_numpy(latents)
                for part in parts[:stage]:
                    x = part(x)
                return head(x).numpy()

        return decode

    return {'exit after stage %d' % stage: exit_decoder(stage)
            for stage in heads.STAGES}


def table_decoder(formats, variant):
    """The published linear table: one colour for each latent pixel."""
    with open(formats) as file:
        table = json.load(file)['spaces'][variant]['latent_rgb'][0]
    factors, bias = np.array(table['factors']), np.array(table['bias'])

    def decode(latents):
        rgb = np.einsum('nchw,cr->nrhw', latents, factors)
        rgb = (rgb + bias[:, None, None] + 1) / 2
        return rgb.repeat(8, 2).repeat(8, 3)

    return decode


def windows(latents, side):
    """[n, c * side * side + 1, h, w]: each pixel's window and a one."""
    reach = side // 2
    padded = np.pad(latents, ((0, 0), (0, 0), (reach,) * 2, (reach,) * 2))
    height, width = latents.shape[2:]
    parts = [padded[:, :, y:y + height, x:x + width]
             for y in range(side) for x in range(side)]
    return np.concatenate(parts + [np.ones_like(latents[:, :1])], 1)


def patches(pictures, side):
    """[n, 3 * side * side, h, w] of side x side pixels for each latent."""
    n, colours, height, width = pictures.shape
    cut = pictures.reshape(n, colours, height // side, side, width // side,
                           side)
    return cut.transpose(0, 1, 3, 5, 2, 4).reshape(
        n, -1, height // side, width // side)


def fitted_decoder(data, side, per_pixel):
    """Least squares of the teacher's picture on side x side latents."""
    latents, targets = data['latent'], data['target']
    square = cross = 0
    for i in range(0, len(latents), 16):
        rows = windows(latents[i:i + 16].astype(np.float32), side)
        goal = patches(targets[i:i + 16].astype(np.float32).clip(0, 1), 8)
        rows = rows.transpose(0, 2, 3, 1).reshape(-1, rows.shape[1])
        goal = goal.transpose(0, 2, 3, 1).reshape(len(rows), 3, 64)
        if not per_pixel:
            goal = goal.mean(2, keepdims=True)
        square = square + (rows.T @ rows).astype(np.float64)
        cross = cross + (rows.T @ goal.reshape(len(rows), -1))
    ridge = 1e-4 * np.trace(square) / len(square) * np.eye(len(square))
    factors = np.linalg.solve(square + ridge, cross)

    def decode(latents):
        flat = np.einsum('nkhw,ko->nohw', windows(latents, side), factors,
                         optimize=True)
        if not per_pixel:
            return flat.repeat(8, 2).repeat(8, 3)
        return torch.pixel_shuffle(torch.from_numpy(flat), 8).numpy()

    return decode, factors


def psnr(output, target):
    error = (output.clip(0, 1) - target.clip(0, 1))**2
    return -10 * np.log10(error.mean((1, 2, 3)) + 1e-12)


def all_psnr(decode, data):
    return np.concatenate([
        psnr(decode(data['latent'][i:i + 8].astype(np.float32)),
             data['target'][i:i + 8].astype(np.float32))
        for i in range(0, len(data['latent']), 8)])


def figures(name, values, early):
    for kind, chosen in (('clean', ~early), ('degraded', early)):
        print('%-28s %-9s median %.2f dB, 10th percentile %.2f dB (%d crops)' %
              (name, kind, np.median(values[chosen]),
               np.percentile(values[chosen], 10), chosen.sum()), flush=True)


def sheet(path, decoders, data, chosen):
    rows = []
    for i in chosen:
        latent = data['latent'][i:i + 1].astype(np.float32)
        cells = [decode(latent)[0] for decode in decoders]
        cells += [data['target'][i], data['photo'][i].transpose(2, 0, 1) / 255]
        rows.append(np.concatenate(
            [cell.astype(np.float32).clip(0, 1) for cell in cells], 2))
    picture = np.concatenate(rows, 1).transpose(1, 2, 0)
    Image.fromarray((picture * 255).round().astype(np.uint8)).save(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--variant', default='flux2')
    parser.add_argument('--data', required=True)
    parser.add_argument('--formats', required=True)
    parser.add_argument('--sheet')
    parser.add_argument('--fit', action='store_true')
    parser.add_argument('--heads')
    parser.add_argument('--tae')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('models', nargs='+')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = dict(np.load(os.path.join(options.data, 'held.npz')))
    early = np.char.endswith(data['name'], '~')
    decoders = {os.path.basename(path): network_decoder(path)
                for path in options.models}
    decoders['published table'] = table_decoder(options.formats,
                                                options.variant)
    if options.heads:
        decoders.update(exit_decoders(options.heads, options.tae))
    if options.fit:
        train = dict(np.load(os.path.join(options.data, 'train.npz')))
        for side in (1, 3):
            for per_pixel in (False, True):
                name = 'fit %dx%d, %s' % (
                    side, side, '64 pixels' if per_pixel else '1 colour')
                decoders[name] = fitted_decoder(train, side, per_pixel)[0]
    for name, decode in decoders.items():
        values = all_psnr(decode, data)
        figures(name, values, early)
        if name == os.path.basename(options.models[0]):
            order = np.argsort(values)
    if options.sheet:
        first = decoders[os.path.basename(options.models[0])]
        chosen = order[np.linspace(0, len(order) - 1, 14).astype(int)]
        sheet(options.sheet, [decoders['published table'], first], data,
              chosen)


if __name__ == '__main__':
    main()

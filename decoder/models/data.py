"""Makes the training and held-out crops: latents and the teacher's pictures.

  data.py --tae taef2.safetensors --images DIR --out DIR [--variant flux2]

DIR of images holds Debian packages unpacked with `dpkg-deb -x` (the list is in
builtin_flux2.md). Out come train.npz and held.npz: `latent` [n, C, 32, 32] and
`target` [n, 3, 256, 256], fp16, `photo` (8 bit) and `name`; and the latents
alone, one after another, for `tae fit`. A file (with its
variants of other sizes or shades) is wholly on one side, by a hash of its name.
"""
import argparse
import hashlib
import os
import re

import numpy as np
import torch
from PIL import Image

import networks

Image.MAX_IMAGE_PIXELS = None


def group_of(path):
    """One name for all sizes and shades of a picture."""
    found = re.search(r'/share/wallpapers/([^/]+)/', path)
    stem = os.path.splitext(os.path.basename(path))[0].lower()
    stem = re.sub(r'(_by_.*|[-_ ]*\d.*|[-_](l|d|left|right|mirror|flip))$', '',
                  stem)
    return found.group(1).lower() if found else stem or path


def digest(text):
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def files_by_side(root):
    """{'train': {group: [path]}, 'held': ...}; a quarter is held out."""
    sides = {'train': {}, 'held': {}}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if (not re.search(r'\.(jpe?g|png|webp)$', name, re.I) or
                    os.path.getsize(path) < 40000 or 'screenshot' in name):
                continue
            group = group_of(path)
            side = 'held' if digest(group) % 4 == 0 else 'train'
            sides[side].setdefault(group, []).append(path)
    return sides


def crops_of(path, count, crop, generator):
    """Up to count crops, each of another scale, half of them mirrored."""
    image = Image.open(path)
    if image.mode in ('RGBA', 'LA', 'P'):
        image = image.convert('RGBA')
        paper = Image.new('RGBA', image.size,
                          tuple(generator.integers(0, 256, 3)) + (255,))
        image = Image.alpha_composite(paper, image)
    image = image.convert('RGB')
    if min(image.size) < crop:
        return
    for _ in range(count):
        most = min(min(image.size), 1100)
        short = int(generator.uniform(min(crop * 1.2, most), most))
        scale = short / min(image.size)
        size = [max(crop, round(s * scale)) for s in image.size]
        resized = image.resize(size, Image.BICUBIC, reducing_gap=2)
        x, y = [generator.integers(0, s - crop + 1) for s in size]
        cut = resized.crop((x, y, x + crop, y + crop))
        if generator.random() < .5:
            cut = cut.transpose(Image.FLIP_LEFT_RIGHT)
        yield np.asarray(cut)


def degrade(latent, generator):
    """What a preview sees early: a blurred x0 estimate or a noisy latent."""
    noise = torch.from_numpy(
        generator.standard_normal(latent.shape).astype(np.float32))
    if generator.random() < .6:
        sigma = generator.uniform(.4, 2.5)
        reach = torch.arange(-6, 7, dtype=torch.float32)
        taps = torch.exp(-.5 * (reach / sigma)**2)
        taps = (taps / taps.sum()).expand(latent.shape[1], 1, -1)
        padded = torch.nn.functional.pad(latent, (6,) * 4, mode='reflect')
        groups = latent.shape[1]
        blurred = torch.conv2d(padded, taps[:, :, None], groups=groups)
        blurred = torch.conv2d(blurred, taps[..., None], groups=groups)
        return blurred + generator.uniform(0, .15) * noise
    amount = generator.uniform(.05, .5)
    return (1 - amount) * latent + amount * noise


class Teacher:
    """TAE encoder (bf16) and decoder (fp32, or bf16 where that suffices)."""

    def __init__(self, path):
        encoder = networks.load_tensors(path, 'encoder.layers.')
        layout = torch.channels_last
        self.encoder = networks.teacher_encoder(encoder).to(
            memory_format=layout)
        self.decoder = networks.load_teacher_decoder(path).to(
            memory_format=layout)

    def encode(self, images):
        with torch.no_grad(), torch.cpu.amp.autocast():
            return self.encoder(images).float()

    def decode(self, latents, fast):
        with torch.no_grad(), torch.cpu.amp.autocast(enabled=fast):
            return self.decoder(latents).float()


def make_side(groups, counts, teacher, fast, options):
    """Yields rows (latent, target, photo, name) of one side."""
    for group in sorted(groups, key=digest):
        generator = np.random.default_rng(digest(group) + options.seed)
        paths = sorted(groups[group])
        path = paths[generator.integers(len(paths))]
        count = counts['stamps' if 'tuxpaint' in path else 'pictures']
        for photo in crops_of(path, count, options.crop, generator):
            image = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None]
            latent = teacher.encode(image.float() / 255)
            yield latent, teacher.decode(latent, fast), photo, group
            if generator.random() < .25:
                early = degrade(latent, generator)
                yield early, teacher.decode(early, fast), photo, group + '~'


def save(path, rows):
    latents, targets, photos, names = zip(*rows)
    np.savez(path, latent=torch.cat(latents).numpy().astype(np.float16),
             target=torch.cat(targets).numpy().astype(np.float16),
             photo=np.stack(photos), name=np.array(names))
    with open(path.replace('.npz', '_latents.npy'), 'wb') as file:
        for latent in latents:
            np.save(file, latent.numpy().astype(np.float16))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--variant', default='flux2')
    parser.add_argument('--tae', required=True)
    parser.add_argument('--images', required=True)
    parser.add_argument('--out', required=True)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--crop', type=int, default=256, help='pixels a side')
    parser.add_argument('--train-crops', type=int, nargs=2, default=(6, 1),
                        help='crops of a picture, of a tuxpaint stamp')
    parser.add_argument('--held-crops', type=int, nargs=2, default=(5, 1))
    parser.add_argument('--sides', nargs='+', default=('train', 'held'))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    teacher = Teacher(options.tae)
    sides = files_by_side(options.images)
    for side in options.sides:
        counts = dict(zip(('pictures', 'stamps'),
                          getattr(options, side + '_crops')))
        rows = list(make_side(sides[side], counts, teacher, side == 'train',
                              options))
        save(os.path.join(options.out, side + '.npz'), rows)
        print(options.variant, side, len(rows), 'crops of',
              len({row[3].rstrip('~') for row in rows}), 'files', flush=True)


if __name__ == '__main__':
    main()

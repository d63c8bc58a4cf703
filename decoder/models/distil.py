"""Distils a small decoder from a TAE decoder, on crops that data.py made.

  distil.py --tae taef2.safetensors --data DIR... --out
            builtin_flux2.safetensors [--variant flux2] [--architecture shuffle4] [--steps 4000]

Stage 1 begins with the teacher's own weights where the shapes are equal. The
file is written at every report, so that a run can be watched and stopped.
"""
import argparse
import copy
import os
import re
import time

import numpy as np
import torch

import networks

LAYOUT = torch.channels_last


def teacher_start(student, tae):
    """Copies the teacher's first conv and blocks where names and shapes fit."""
    mine = student.state_dict()
    for name, value in networks.load_tensors(tae, 'decoder.layers.').items():
        index, rest = name.split('.', 1)
        name = '%d.%s' % (int(index) + 1, rest)  # upstream counts the clamp
        if re.match(r'[1345]\.', name) and name in mine:
            if mine[name].shape == value.shape:
                mine[name].copy_(value)


def picture_loss(output, target):
    """Per crop: L1 and squared error, what is clamped away counts a tenth."""
    clamped = output.clamp(0, 1)
    error = (clamped + .1 * (output - clamped) - target).abs()
    return (error + 8 * error**2).mean((1, 2, 3))


class Sampler:
    """Crops in proportion to the root of their last loss (hard ones more)."""

    def __init__(self, count, generator):
        self.loss = np.full(count, np.nan)
        self.generator = generator

    def draw(self, batch):
        if np.isnan(self.loss).any():
            unseen = np.flatnonzero(np.isnan(self.loss))
            chosen = self.generator.permutation(unseen)[:batch]
            if len(chosen) == batch:
                return chosen
        weight = np.sqrt(np.nan_to_num(self.loss, nan=1) + .005)
        return self.generator.choice(len(weight), batch, False,
                                     weight / weight.sum())


def rate(step_share, peak):
    """Warm-up for 2 % of the run, then a cosine down to nothing."""
    return peak * min(1, step_share / .02) * .5 * (
        1 + np.cos(np.pi * min(1, step_share)))


def pause(quiet):
    """Waits while the file quiet exists."""
    while quiet and os.path.exists(quiet):
        time.sleep(.5)


def train(student, data, options):
    """Yields (seconds, step, mean loss, averaged student) now and then."""
    generator = np.random.default_rng(options.seed)
    latents = torch.from_numpy(data['latent'])
    targets = torch.from_numpy(data['target'])
    average = copy.deepcopy(student)
    optimizer = torch.optim.Adam(student.parameters(), betas=(.9, .99))
    sampler, losses, start = Sampler(len(latents), generator), [], time.time()
    for step in range(1, options.steps + 1):
        pause(options.quiet)
        chosen = sampler.draw(options.batch)
        z = latents[chosen].float().contiguous(memory_format=LAYOUT)
        target = targets[chosen].float().clamp(0, 1)
        for group in optimizer.param_groups:
            group['lr'] = rate(step / options.steps, options.rate)
        with torch.cpu.amp.autocast(enabled=not options.fp32):
            output = student(z)
        loss = picture_loss(output.float(), target)
        optimizer.zero_grad()
        loss.mean().backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), .5)
        optimizer.step()
        sampler.loss[chosen] = loss.detach().numpy()
        losses.append(loss.mean().item())
        keep = min(options.keep, step / (step + 20))
        with torch.no_grad():
            for mean, now in zip(average.parameters(), student.parameters()):
                mean.lerp_(now, 1 - keep)
        if step % 200 == 0 or step == options.steps:
            yield time.time() - start, step, np.mean(losses[-200:]), average


def load(folders):
    """The crops of all folders: latents and the teacher's pictures."""
    parts = [np.load(os.path.join(folder, 'train.npz')) for folder in folders]
    return {key: np.concatenate([part[key] for part in parts])
            for key in ('latent', 'target')}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--variant', default='flux2')
    parser.add_argument('--tae', required=True)
    parser.add_argument('--data', required=True, nargs='+',
                        help='folders with a train.npz of data.py each')
    parser.add_argument('--out', required=True)
    parser.add_argument('--start', help='go on from this file')
    parser.add_argument('--architecture', default='shuffle4',
                        choices=sorted(networks.STUDENTS))
    parser.add_argument('--steps', type=int, default=4000)
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--rate', type=float, default=1e-3)
    parser.add_argument('--keep', type=float, default=.998,
                        help='of the moving average of the weights, per step')
    parser.add_argument('--fp32', action='store_true')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--quiet', help='pause while this file exists')
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    data = load(options.data)
    channels = data['latent'].shape[1]
    student = networks.student_decoder(options.architecture, channels)
    if options.start:
        student.load_state_dict(networks.load_tensors(options.start))
    else:
        teacher_start(student, options.tae)
    student = student.to(memory_format=LAYOUT)
    metadata = {'architecture': 'builtin-' + options.architecture,
                'space': options.variant, 'latent_channels': str(channels)}
    for seconds, step, loss, average in train(student, data, options):
        print('%5.0f s %6d steps, loss %.5f' % (seconds, step, loss), flush=True)
        networks.save_tensors(options.out, average.state_dict(), metadata)


if __name__ == '__main__':
    main()

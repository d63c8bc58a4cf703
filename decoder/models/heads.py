"""Trains exits of a TAE decoder: after stage 1, 2 and 3 a small head that makes
the picture at once. On crops that data.py made; the decoder itself is frozen.

  heads.py --tae taef2.safetensors --data DIR --out heads_flux2.safetensors
"""
import argparse
import copy
import os
import time

import numpy as np
import torch
from torch import nn

import distil
import networks

STAGES = (1, 2, 3)


def make_head(stage):
    """conv 64 -> 64, ReLU, conv 64 -> 3 k^2, pixel shuffle by k; stage 1 is
    upsampled before, so that k is never more than 4."""
    k = 2 if stage == 3 else 4
    before = [nn.Upsample(scale_factor=2)] if stage == 1 else []
    return nn.Sequential(*before, networks.conv(64, 64), nn.ReLU(),
                         networks.conv(64, 3 * k * k), nn.PixelShuffle(k))


def trunk_parts(decoder):
    """The decoder's layers, cut before each of its three upsamplings."""
    parts, part = [], []
    for layer in decoder:
        if isinstance(layer, nn.Upsample):
            parts.append(nn.Sequential(*part))
            part = []
        part.append(layer)
    return parts


def features(parts, latents):
    outputs, x = [], latents
    with torch.no_grad(), torch.cpu.amp.autocast():
        for part in parts:
            x = part(x)
            outputs.append(x)
    return outputs


def save(path, heads, variant):
    tensors = {
        'stage%d.%s' % (stage, name): value
        for stage, head in zip(STAGES, heads)
        for name, value in head.state_dict().items()}
    networks.save_tensors(path, tensors, {
        'architecture': 'heads', 'space': variant})


def train(parts, heads, data, options):
    """Yields (seconds, step, mean loss of each head, averaged heads)."""
    generator = np.random.default_rng(options.seed)
    latents = torch.from_numpy(data['latent'])
    targets = torch.from_numpy(data['target'])
    averages = copy.deepcopy(heads)
    optimizer = torch.optim.Adam(heads.parameters(), betas=(.9, .99))
    sampler, losses = distil.Sampler(len(latents), generator), []
    start = time.time()
    for step in range(1, options.steps + 1):
        chosen = sampler.draw(options.batch)
        z = latents[chosen].float().contiguous(memory_format=distil.LAYOUT)
        target = targets[chosen].float().clamp(0, 1)
        for group in optimizer.param_groups:
            group['lr'] = distil.rate(step / options.steps, options.rate)
        inputs = features(parts, z)
        with torch.cpu.amp.autocast():
            outputs = [head(x) for head, x in zip(heads, inputs)]
        loss = [distil.picture_loss(o.float(), target) for o in outputs]
        optimizer.zero_grad()
        sum(l.mean() for l in loss).backward()
        optimizer.step()
        sampler.loss[chosen] = loss[1].detach().numpy()
        losses.append([l.mean().item() for l in loss])
        keep = min(options.keep, step / (step + 20))
        with torch.no_grad():
            for mean, now in zip(averages.parameters(), heads.parameters()):
                mean.lerp_(now, 1 - keep)
        if step % 100 == 0 or step == options.steps:
            yield (time.time() - start, step, np.mean(losses[-100:], 0),
                   averages)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--variant', default='flux2')
    parser.add_argument('--tae', required=True)
    parser.add_argument('--data', required=True)
    parser.add_argument('--out', required=True)
    parser.add_argument('--steps', type=int, default=1500)
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--rate', type=float, default=2e-3)
    parser.add_argument('--keep', type=float, default=.995)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    decoder = networks.load_teacher_decoder(options.tae)
    parts = trunk_parts(decoder.to(memory_format=distil.LAYOUT))
    heads = nn.ModuleList(map(make_head, STAGES)).to(
        memory_format=distil.LAYOUT)
    data = np.load(os.path.join(options.data, 'train.npz'))
    for seconds, step, loss, average in train(parts, heads, data, options):
        print('%5.0f s %6d steps, loss %s' % (
            seconds, step, ' '.join('%.5f' % l for l in loss)), flush=True)
        save(options.out, average, options.variant)


if __name__ == '__main__':
    main()

"""The networks of the TAESD family that distillation needs, in plain torch.

Tensor names are upstream's Sequential indices (`1.weight`, `3.conv.0.weight`),
and files are safetensors, read and written here without another library.
"""
import json
import re
import struct

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

DTYPES = {'F16': np.float16, 'F32': np.float32}


def load_tensors(path, prefix=''):
    """Tensors (float32) of a safetensors file whose names begin with prefix."""
    with open(path, 'rb') as file:
        size, = struct.unpack('<Q', file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    header.pop('__metadata__', None)
    return {
        name[len(prefix):]: torch.from_numpy(
            np.frombuffer(data[slice(*row['data_offsets'])],
                          DTYPES[row['dtype']]).astype(np.float32).reshape(
                              row['shape']))
        for name, row in header.items() if name.startswith(prefix)
    }


def save_tensors(path, tensors, metadata):
    """Writes tensors as fp16 safetensors, in name order, 8-byte aligned."""
    header, chunks, offset = {'__metadata__': metadata}, [], 0
    for name in sorted(tensors):
        values = tensors[name].detach().cpu().numpy().astype('<f2')
        chunks.append(values.tobytes())
        header[name] = {'dtype': 'F16', 'shape': list(values.shape),
                        'data_offsets': [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + b''.join(chunks))


class SoftClamp(nn.Module):
    def forward(self, x):
        return torch.tanh(x / 3) * 3


class GroupNorm(nn.GroupNorm):
    """In float32 also under autocast, which torch 1.13 does not do itself."""

    def forward(self, x):
        return super().forward(x.float())


def conv(inputs, outputs, **options):
    return nn.Conv2d(inputs, outputs, 3, padding=1, **options)


class Block(nn.Module):
    """relu(conv(relu(conv(relu(conv x)))) + x), after x += pool(x) if asked."""

    def __init__(self, width=64, pool=False):
        super().__init__()
        self.conv = nn.Sequential(conv(width, width), nn.ReLU(),
                                  conv(width, width), nn.ReLU(),
                                  conv(width, width))
        self.pool = nn.Sequential(
            nn.Conv2d(width, 4 * width, 1, bias=False),
            GroupNorm(4, 4 * width), nn.ReLU(inplace=True),
            nn.Conv2d(4 * width, width, 1, bias=False)) if pool else None

    def forward(self, x):
        if self.pool is not None:
            x = x + self.pool(x)
        return F.relu(self.conv(x) + x)


def teacher_decoder(tensors):
    """The full 8x decoder; whether it has pools is read from the names."""
    def stage(pool=False):
        return [Block(pool=pool) for _ in range(3)]

    def climb():
        return [nn.Upsample(scale_factor=2), conv(64, 64, bias=False)]

    channels = tensors['1.weight'].shape[1]
    net = nn.Sequential(SoftClamp(), conv(channels, 64), nn.ReLU(),
                        *stage('3.pool.0.weight' in tensors), *climb(),
                        *stage(), *climb(), *stage(), *climb(),
                        Block(), conv(64, 3))
    net.load_state_dict(tensors)
    return net.eval()


def load_teacher_decoder(path):
    """From a combined file, whose index is one less than upstream's."""
    return teacher_decoder({
        re.sub(r'^\d+', lambda m: str(int(m[0]) + 1), name): value
        for name, value in load_tensors(path, 'decoder.layers.').items()})


def teacher_encoder(tensors):
    def stage(count=3, pool=False):
        return [Block(pool=pool) for _ in range(count)]

    def descend():
        return conv(64, 64, stride=2, bias=False)

    channels = tensors['14.weight'].shape[0]
    net = nn.Sequential(conv(3, 64), *stage(1), descend(), *stage(),
                        descend(), *stage(), descend(),
                        *stage(pool='11.pool.0.weight' in tensors),
                        conv(64, channels))
    net.load_state_dict(tensors)
    return net.eval()


# The decoders that can be distilled: what follows SoftClamp, conv C -> 64,
# ReLU. 'pool' and 'block' are Block with and without pool, 'up' is nearest x2
# and a conv without bias and a ReLU; a shuffle head ends every one.
STUDENTS = {
    'shuffle8': ['pool', 'pool', 'pool', 'shuffle8'],
    'shuffle8-plain': ['block', 'block', 'block', 'block', 'shuffle8'],
    'shuffle4': ['pool', 'pool', 'up', 'shuffle4'],
    'shuffle4-plain': ['block', 'block', 'up', 'shuffle4'],
}


def student_decoder(architecture, channels):
    """A small decoder; output pixels are 8 x latent, RGB in [0, 1]."""
    layers = [SoftClamp(), conv(channels, 64), nn.ReLU()]
    for kind in STUDENTS[architecture]:
        if kind in ('pool', 'block'):
            layers.append(Block(pool=kind == 'pool'))
        elif kind == 'up':
            layers += [nn.Upsample(scale_factor=2), conv(64, 64), nn.ReLU()]
        else:
            side = int(kind[-1])
            layers += [conv(64, 3 * side * side), nn.PixelShuffle(side)]
    return nn.Sequential(*layers)


def multiply_adds(net, channels):
    """Multiply-adds of a decoder for one latent pixel."""
    total, side = 0, 16
    x, scale, hooks = torch.zeros(1, channels, side, side), side * side, []

    def count(module, _, output):
        nonlocal total
        total += module.weight[0].numel() * output.numel() // scale

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(count))
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return total

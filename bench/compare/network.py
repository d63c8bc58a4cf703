"""The FLUX.2 decoder in PyTorch, from a .safetensors or a .pth file."""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '../../decoder/models'))
from networks import load_tensors, teacher_decoder  # noqa: E402

CHANNELS = 32  # of the latent


def read_net(path):
    if not path.endswith('.pth'):
        return teacher_decoder(load_tensors(path))
    tensors = torch.load(path, map_location='cpu')
    return teacher_decoder({name: value.float()
                            for name, value in tensors.items()})

"""PyTorch as an engine of compare.py.

  torch_engine.py WEIGHTS LATENT SIZE THREADS PRECISION    f32 or bf16

The fast set-up: channels_last, GroupNorm in float32 (in bf16 alone it costs
the picture 40 dB). compare.py lets malloc keep its memory.
"""
import sys

import numpy as np
import torch

from engine_loop import serve
from network import CHANNELS, read_net


def main():
    weights, latent_path, size, threads, precision = sys.argv[1:6]
    torch.set_num_threads(int(threads))
    dtype = torch.bfloat16 if precision == 'bf16' else torch.float32
    net = read_net(weights).to(dtype).to(memory_format=torch.channels_last)
    for module in net.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.float()
            module.register_forward_hook(lambda m, i, out: out.to(dtype))
    side = int(size) // 8
    latent = torch.from_numpy(
        np.fromfile(latent_path, '<f4').reshape(1, CHANNELS, side, side))

    def run():
        x = latent.to(dtype).to(memory_format=torch.channels_last)
        return net(x)[0].clamp_(0, 1).float().numpy()

    with torch.inference_mode():
        serve(run)


if __name__ == '__main__':
    main()

"""An mflux run, live: model.callbacks.register(TaeCallback())."""
import time

import mlx.core as mx
import numpy as np

from tae_tap import Tap, quietly

_SPACES = {"ideogram": "ideogram4", "klein": "flux2", "flux.2": "flux2",
           "ernie": "flux2", "z-image": "flux1", "qwen": "wan21",
           "krea-2": "wan21", "flux.1": "flux1"}  # others: space="..."


class TaeCallback:
    def __init__(self, address=None, **metadata):
        self._tap, self._given, self._gen = Tap(address), metadata, None

    def call_before_loop(self, seed=None, prompt=None, latents=None,
                         config=None, *_, **__):
        self._gen = time.time_ns()
        self._send(None, seed, prompt, latents, config)

    def call_in_loop(self, t=None, seed=None, prompt=None, latents=None,
                     config=None, *_, **__):
        self._send(t, seed, prompt, latents, config)

    @quietly
    def _send(self, t, seed, prompt, latents, config):
        step = config.init_time_step if t is None else t + 1
        model, steps = config.model_config, config.num_inference_steps
        name = " ".join([*model.aliases, model.model_name]).lower()
        space = next((_SPACES[n] for n in _SPACES if n in name), None)
        latents = np.array(latents.astype(mx.float32))  # numpy has no bf16
        if latents.ndim == 4 and latents.shape[1] == 1:
            latents = latents.swapaxes(0, 1)  # Z-Image: [16, 1, H, W]
        sigmas = (config.scheduler.sigmas.tolist()[step:] + [None, None])[:2]
        layout = "packed" if latents.ndim == 3 else \
            "packed-nchw" if latents.shape[1] == 128 else "nchw"  # ERNIE
        if space == "ideogram4":  # its schedule is not the scheduler's
            sigmas, layout = [None, None], "packed-ideogram4"
        self._tap.send(latents, **{**dict(
            space=space, layout=layout, domain="sampler", pred="x", step=step,
            steps=steps, final=step == steps, sigma=sigmas[0],
            sigma_next=sigmas[1], width=config.width, height=config.height,
            gen=self._gen, seed=seed, prompt=prompt), **self._given})

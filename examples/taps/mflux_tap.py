"""An mflux run, live: model.callbacks.register(TaeCallback()).

Knows FLUX.1, FLUX.2, Z-Image, Qwen-Image, Krea 2, ERNIE-Image and Ideogram 4
by the model's name.
"""
import logging
import time

import mlx.core as mx
import numpy as np

from tae_tap import Tap

_SPACES = (("ideogram", "ideogram4"), ("klein", "flux2"), ("flux.2", "flux2"),
           ("ernie", "flux2"), ("z-image", "flux1"), ("qwen", "wan21"),
           ("krea-2", "wan21"), ("flux.1", "flux1"))


class TaeCallback:
    def __init__(self, address="unix:/tmp/tae.sock", **metadata):
        self._tap, self._given = Tap(address), metadata

    def call_before_loop(self, seed, prompt, latents, config, **_):
        self._gen = time.time_ns()
        self._send(config.init_time_step, seed, prompt, latents, config)

    def call_in_loop(self, t, seed, prompt, latents, config, time_steps, **_):
        self._send(t + 1, seed, prompt, latents, config)

    def _send(self, step, seed, prompt, latents, config):
        try:
            model = config.model_config
            name = " ".join([*model.aliases, model.model_name]).lower()
            space = next((s for part, s in _SPACES if part in name), None)
            latents = np.array(latents.astype(mx.float32))  # numpy has no bf16
            if latents.ndim == 4 and latents.shape[1] == 1:
                latents = latents.swapaxes(0, 1)  # Z-Image: [16, 1, H, W]
            sigmas, layout = config.scheduler.sigmas.tolist(), "nchw"
            if latents.ndim == 3:
                layout = "packed"
            elif latents.shape[1] == 128:
                layout = "packed-nchw"  # ERNIE-Image
            if space == "ideogram4":  # its schedule is not the scheduler's
                sigmas, layout = [], "packed-ideogram4"
            sigma, sigma_next = (sigmas[step:] + [None, None])[:2]
            self._tap.send(latents, **{**dict(
                space=space, layout=layout, domain="sampler", pred="x",
                width=config.width, height=config.height, step=step,
                steps=config.num_inference_steps, sigma=sigma, gen=self._gen,
                sigma_next=sigma_next, final=step == config.num_inference_steps,
                seed=seed, prompt=prompt), **self._given})
        except Exception:
            logging.getLogger("tae_tap").warning("no preview", exc_info=True)

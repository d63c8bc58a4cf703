"""A diffusers run, live: pipe(prompt, callback_on_step_end=TaeCallback()).

Knows the space of FLUX.1, FLUX.2, SD, SDXL, SD3, Qwen-Image and Z-Image by the
pipeline's class; for others say TaeCallback(space=...). A latent goes with the
noise level it has after the step: flow matching's, or k-diffusion's sigma for
SD and SDXL, to whose scale the latents of DDIM, DPM++ and the like are brought.
"""
import logging
import math
import sys
import time

from tae_tap import Tap

_SPACES = (("Flux2", "flux2"), ("Flux", "flux1"), ("StableDiffusionXL", "sdxl"),
           ("StableDiffusion3", "sd3"), ("StableDiffusion", "sd1"),
           ("QwenImage", "wan21"), ("ZImage", "flux1"))


class TaeCallback:
    def __init__(self, address="unix:/tmp/tae.sock", **metadata):
        self._tap, self._given = Tap(address), metadata

    def __call__(self, pipe, index, timestep, tensors):
        try:
            latents = tensors["latents"][:1]
            if index == 0:  # the only time that waits for the device
                self._begin(pipe, latents, float(timestep), sys._getframe(1))
            sigma, sigma_next = (self._levels[index + 1:] + [None, None])[:2]
            if self._scaled and sigma is not None:
                latents = latents.float() * math.sqrt(1 + sigma * sigma)
            self._tap.send(
                latents, step=index + 1, final=index + 1 == pipe.num_timesteps,
                sigma=sigma, sigma_next=sigma_next, **self._common)
        except Exception:
            logging.getLogger("tae_tap").warning("no preview", exc_info=True)
        return tensors

    def _begin(self, pipe, latents, timestep, frame):
        name, layout, size = type(pipe).__name__, "nchw", {}
        if latents.ndim == 3:
            while frame.f_locals.get("self") is not pipe:
                frame = frame.f_back  # only the call knows the size
            layout, side = "packed", 2 * pipe.vae_scale_factor
            size = {key: frame.f_locals[key] // side * side
                    for key in ("width", "height")}
        space = next((s for n, s in _SPACES if name.startswith(n)), None)
        self._common = {
            "space": space, "layout": layout, "domain": "sampler", "pred": "x",
            "gen": time.time_ns(), "steps": pipe.num_timesteps,
            **size, **self._given}
        scheduler = pipe.scheduler
        first = scheduler.timesteps.tolist().index(timestep)
        self._levels = _levels(scheduler)[first:]
        self._scaled = (getattr(scheduler, "init_noise_sigma", 0) == 1 and
                        not scheduler.config.get("use_flow_sigmas"))


def _levels(scheduler):
    """Noise levels before each step and after the last; [] if unknown."""
    if hasattr(scheduler, "sigmas"):
        return [float(sigma) for sigma in scheduler.sigmas]
    if not hasattr(scheduler, "alphas_cumprod"):
        return []
    alphas = scheduler.alphas_cumprod.cpu()[scheduler.timesteps.long().cpu()]
    last = float(getattr(scheduler, "final_alpha_cumprod", 1))
    return [math.sqrt(1 / alpha - 1) for alpha in [*alphas.tolist(), last]]

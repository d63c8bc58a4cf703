"""A diffusers run, live: pipe(prompt, callback_on_step_end=TaeCallback())."""
import time
import traceback

from tae_tap import Tap, quietly

_SPACES = (("Flux2", "flux2"), ("Flux", "flux1"), ("StableDiffusionXL", "sdxl"),
           ("StableDiffusion3", "sd3"), ("StableDiffusion", "sd1"),
           ("QwenImage", "wan21"), ("ZImage", "flux1"))  # others: space="..."


class TaeCallback:
    def __init__(self, address="unix:/tmp/tae.sock", **metadata):
        self._tap, self._given = Tap(address), metadata

    def __call__(self, pipe, index, timestep, tensors):
        self._send(pipe, index, timestep, tensors["latents"])
        return tensors

    @quietly
    def _send(self, pipe, index, timestep, x):
        if index == 0:  # the only time that waits for the device
            name, said = type(pipe).__name__, {"layout": "nchw"}
            if x.ndim == 3:  # tokens: only the call knows their size
                call = next(f.f_locals for f, _ in traceback.walk_stack(None)
                            if f.f_locals.get("self") is pipe)
                said = {k: call[k] // 16 * 16 for k in ("width", "height")}
            space = next((s for n, s in _SPACES if name.startswith(n)), None)
            self._said = {"layout": "packed", **said, "space": space,
                          "gen": time.time_ns(), "steps": pipe.num_timesteps,
                          "domain": "sampler", "pred": "x", **self._given}
            self._noise = quietly(_noise)(pipe.scheduler, timestep) or []
        sigma, after = (self._noise[index + 1:] + [None, None])[:2]
        if sigma and getattr(pipe.scheduler, "init_noise_sigma", 0) == 1 \
                and not pipe.scheduler.config.get("use_flow_sigmas"):
            x = x.float() * (1 + sigma ** 2) ** 0.5  # it had VP's scale
        self._tap.send(x[:1], step=index + 1, sigma=sigma, sigma_next=after,
                       final=index + 1 == pipe.num_timesteps, **self._said)


def _noise(scheduler, timestep):
    """The levels before each step, from the first that was done."""
    steps, done = scheduler.timesteps, getattr(scheduler, "step_index", None)
    first = done - 1 if done else steps.tolist().index(float(timestep))
    if hasattr(scheduler, "sigmas"):
        return scheduler.sigmas[first:].tolist()
    alphas = scheduler.alphas_cumprod.cpu()[steps[first:].long().cpu()].tolist()
    alphas.append(float(getattr(scheduler, "final_alpha_cumprod", 1)))
    return [(1 / alpha - 1) ** 0.5 for alpha in alphas]

"""A diffusers run, live: pipe(prompt, callback_on_step_end=TaeCallback())."""
import functools
import time
import traceback
import types

from tae_tap import Tap, quietly

_SPACES = (("Flux2", "flux2"), ("ErnieImage", "flux2"), ("Flux", "flux1"),
           ("ZImage", "flux1"), ("Chroma", "flux1"), ("HiDream", "flux1"),
           ("StableDiffusionXL", "sdxl"), ("Kolors", "sdxl"),
           ("StableDiffusion3", "sd3"), ("StableDiffusion", "sd1"),
           ("QwenImage21", "qwen_image21"), ("QwenImage", "wan21"),
           ("Krea2", "wan21"), ("Wan", "wan21"), ("Sana", "sana"),
           ("LTX2", "ltx2"))  # others: space="..."


class TaeCallback:
    _before = None, None, None, 0  # the last run: id, prompt, gen, steps

    def __init__(self, address=None, **metadata):
        self._tap, self._given, self._said = Tap(address), metadata, None

    def __call__(self, pipe=None, index=None, timestep=None, tensors=None, *_):
        self._send(pipe, index, timestep, tensors)
        return {} if tensors is None else tensors

    @quietly
    def _send(self, pipe, index, timestep, tensors):
        call = next((f.f_locals for f, _ in traceback.walk_stack(None)
                     if f.f_locals.get("self") is pipe), {})
        x = tensors["latents"] if "latents" in tensors else call["latents"]
        if index == 0 or not self._said:
            self._begin(pipe, timestep, x, call)
        sigma, after = (self._noise[index + 1:] + [None, None])[:2]
        last = index + 1 == getattr(pipe, "num_timesteps", None)
        said = dict(sigma=sigma, sigma_next=after, pred="x")
        x0 = quietly(_x0)(pipe.scheduler, self._seen, x, call,
                          (self._noise[index:] + [None])[0])
        if "pred" not in self._given and x0 is not None:
            x, said = (x if last else x0), {"pred": "x0"}
        elif sigma and getattr(pipe.scheduler, "init_noise_sigma", 0) == 1 \
                and not pipe.scheduler.config.get("use_flow_sigmas"):
            x = x.float() * (1 + sigma ** 2) ** 0.5  # it had VP's scale
        if x.ndim == 5:  # of a clip its first picture: receivers take no clips
            x = x[:, :, 0]
        self._tap.send(x, **{**said, **self._said}, step=self._done + index + 1,
                       final=last and self._ends)
        if not last:
            self._seen = _watch(pipe.scheduler)

    def _begin(self, pipe, timestep, x, call):
        """What stays the same in a run."""
        steps, prompt = getattr(pipe, "num_timesteps", None), call.get("prompt")
        self._seen, self._done, gen = {}, 0, time.time_ns()
        # A refiner goes on with what another pipeline made of the same prompt.
        image = getattr(call.get("image"), "shape", ())
        other, same, old, done = TaeCallback._before
        if prompt and prompt == same and other != id(pipe) and (
                call.get("denoising_start") or image[1:2] == x.shape[1:2]):
            gen, self._done = old, done
        self._ends = not call.get("denoising_end") and \
            call.get("output_type") != "latent"
        TaeCallback._before = id(pipe), prompt, gen, self._done + (steps or 0)
        if steps:
            steps = len(pipe.scheduler.timesteps) \
                if call.get("denoising_end") else self._done + steps
        name = type(pipe).__name__
        space = next((s for n, s in _SPACES if name.startswith(n)), None)
        layout = {3: "packed", 4: "nchw", 5: "nchw"}.get(x.ndim)
        if space == "flux2" and x.ndim == 4 and x.shape[1] == 128:
            layout = "packed-nchw"
        self._said = {"layout": layout, "space": space, "gen": gen,
                      "steps": steps, "domain": "sampler"}
        if x.ndim == 3 and "width" in call:  # only the call knows their size
            self._said.update((k, call[k] // 16 * 16)
                              for k in ("width", "height") if call.get(k))
        self._said.update(self._given)
        # The only time that waits for the device.
        self._noise = quietly(_noise)(pipe.scheduler, timestep) or []


def _noise(scheduler, timestep):
    """The levels before each step, from the first that was done."""
    steps, done = scheduler.timesteps, getattr(scheduler, "step_index", None)
    first = done - 1 if done else steps.tolist().index(float(timestep))
    if hasattr(scheduler, "sigmas"):
        return scheduler.sigmas[first:].tolist()
    alphas = scheduler.alphas_cumprod.cpu()[steps[first:].long().cpu()].tolist()
    alphas.append(float(getattr(scheduler, "final_alpha_cumprod", 1)))
    return [(1 / alpha - 1) ** 0.5 for alpha in alphas]


def _watch(scheduler):
    """Returns where the scheduler's next step leaves its estimate of x0, which
    the pipelines throw away. The hook is gone after that step."""
    seen, method = {}, type(scheduler).step
    if "step" in vars(scheduler):  # somebody else's hook: leave it
        return seen

    @functools.wraps(method)  # pipelines look at its signature
    def step(self, *args, **keywords):
        if getattr(vars(self).get("step"), "__func__", None) is step:
            del self.step
        at = getattr(self, "step_index", None)
        output = method(self, *args, **keywords)
        quietly(_see)(self, seen, at, output, *args, **keywords)
        return output

    scheduler.step = types.MethodType(step, scheduler)
    return seen


def _see(scheduler, seen, at, output, model_output, timestep, sample, **_):
    kind = type(scheduler).__name__
    for name in "pred_original_sample", "denoised":
        seen["x0"] = getattr(output, name, seen.get("x0"))
    if isinstance(output, tuple) and len(output) > 1 and "TCD" not in kind:
        seen["x0"] = output[1]
    elif "FlowMatchLCM" in kind or "AncestralRF" in kind or \
            scheduler.config.get("stochastic_sampling"):
        sigma = scheduler.sigmas[at or 0]
        seen["x0"] = sample.float() - sigma * model_output.float()


def _x0(scheduler, seen, x, call, sigma):
    """What the step that was done took for the picture; None if unknown."""
    config, x0 = scheduler.config, seen.pop("x0", None)
    algorithm = str(config.get("algorithm_type"))
    if algorithm.endswith("++") or algorithm == "data_prediction" or \
            getattr(scheduler, "predict_x0", False):
        x0 = scheduler.model_outputs[-1]
    if x0 is None and sigma and {"latent_model_input", "noise_pred"} <= set(call):
        # A UNet's input has VP's scale, whatever the scheduler's is.
        unet = call["latent_model_input"][:len(x), :x.shape[1]].float()
        said, scale = call["noise_pred"].float(), (1 + sigma ** 2) ** 0.5
        x0 = {"epsilon": lambda: unet * scale - sigma * said,
              "v_prediction": lambda: (unet - sigma * said) / scale,
              }.get(config.get("prediction_type"), lambda: None)()
    return x0 if getattr(x0, "shape", None) == x.shape else None

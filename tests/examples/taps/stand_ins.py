"""Programs that call the taps as diffusers, ComfyUI and mflux do: the same
names, signatures, shapes and dtypes, without their models. The denoiser knows
the picture, so every trajectory ends at `clean`.

Read in diffusers 58eb52c0, Comfy-Org/ComfyUI a125cd84 (Flux2: hiddenswitch
2e667071) and mflux 97ac5e62."""
import math
import types

import numpy as np


class FlowScheduler:
    """FlowMatchEulerDiscreteScheduler: sigmas has one entry more than
    timesteps; step_index grows with every step."""

    def __init__(self, torch, steps):
        self.config = {"num_train_timesteps": 1000}
        sigmas = torch.linspace(1.0, 1.0 / steps, steps)
        sigmas = 3 * sigmas / (1 + 2 * sigmas)
        self.timesteps = sigmas * 1000
        self.sigmas = torch.cat([sigmas, torch.zeros(1)])
        self.step_index = None

    def start(self, clean, noise):
        return noise

    def step(self, clean, t, sample):
        self.step_index = self.step_index or 0
        now, after = self.sigmas[self.step_index:self.step_index + 2]
        velocity = (sample.float() - clean.float()) / now
        self.step_index += 1
        return (sample.float() + (after - now) * velocity).to(sample.dtype)


class VeScheduler(FlowScheduler):
    """EulerDiscreteScheduler: x = x0 + sigma * noise, sigma up to 14.6."""

    def __init__(self, torch, steps):
        super().__init__(torch, steps)
        self.sigmas = torch.cat(
            [torch.linspace(14.6, 0.3, steps), torch.zeros(1)])
        self.timesteps = torch.linspace(999, 1, steps)
        self.init_noise_sigma = self.sigmas.max()

    def start(self, clean, noise):
        return clean + noise * self.sigmas[0]


class DdimScheduler:
    """DDIMScheduler: no sigmas, no step_index; x = a x0 + sqrt(1-a^2) noise."""

    def __init__(self, torch, steps):
        self.config = {"num_train_timesteps": 1000, "set_alpha_to_one": False}
        betas = torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000) ** 2
        self.alphas_cumprod = torch.cumprod(1 - betas, 0)
        self.final_alpha_cumprod = self.alphas_cumprod[0]
        self.init_noise_sigma = 1.0
        self.ratio = 1000 // steps
        self.timesteps = torch.arange(steps - 1, -1, -1) * self.ratio + 1

    def alpha(self, t):
        return self.alphas_cumprod[t] if t >= 0 else self.final_alpha_cumprod

    def start(self, clean, noise):
        alpha = self.alpha(int(self.timesteps[0]))
        return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise

    def step(self, clean, t, sample):
        now, after = self.alpha(int(t)), self.alpha(int(t) - self.ratio)
        noise = (sample - now.sqrt() * clean) / (1 - now).sqrt()
        return after.sqrt() * clean + (1 - after).sqrt() * noise


class HeunScheduler(VeScheduler):
    """HeunDiscreteScheduler: every step but the last is done twice, the second
    time from where the first began; both end at the same sigma."""

    def __init__(self, torch, steps):
        super().__init__(torch, steps)
        s, t = self.sigmas, self.timesteps
        self.sigmas = torch.cat(
            [s[:1], s[1:-1].repeat_interleave(2), s[-1:]])
        self.timesteps = torch.cat([t[:1], t[1:].repeat_interleave(2)])
        self.before = None

    def step(self, clean, t, sample):
        if self.before is not None:
            at, sample = self.step_index, self.before
            self.before = None
            self.step_index += 1
            slope = (sample - clean) / self.sigmas[at - 1]
            return sample + (self.sigmas[at] - self.sigmas[at - 1]) * slope
        self.before = sample
        return super().step(clean, t, sample)


class DpmScheduler(DdimScheduler):
    """DPMSolverMultistepScheduler: sigmas and step_index, yet x has VP's
    scale, x = (x0 + sigma noise) / sqrt(1 + sigma^2)."""

    def __init__(self, torch, steps):
        super().__init__(torch, steps)
        alphas = self.alphas_cumprod[self.timesteps]
        self.sigmas = torch.cat([(1 / alphas - 1).sqrt(), torch.zeros(1)])
        self.step_index = None

    def step(self, clean, t, sample):
        self.step_index = (self.step_index or 0) + 1
        if self.step_index == len(self.timesteps):
            return clean
        return super().step(clean, t, sample)


class PndmScheduler(DdimScheduler):
    """PNDMScheduler without Runge-Kutta steps, as SD has it: the second
    timestep comes twice, and its first visit does the first step again."""

    def __init__(self, torch, steps):
        super().__init__(torch, steps)
        t = self.timesteps
        self.timesteps = torch.cat([t[:2], t[1:]])
        self.calls = 0

    def step(self, clean, t, sample):
        self.calls += 1
        if self.calls == 1:
            self.first = sample
        if self.calls == 2:
            t, sample = self.timesteps[0], self.first
        return super().step(clean, t, sample)


class EulerAncestralScheduler(VeScheduler):
    """EulerAncestralDiscreteScheduler: takes the noise that the UNet predicts;
    new noise comes with every step. step() hands out its estimate of x0 too."""

    def __init__(self, torch, steps):
        super().__init__(torch, steps)
        self.config["prediction_type"] = "epsilon"

    def scale_model_input(self, sample, t):
        sigma = self.sigmas[self.step_index or 0]
        return sample / (sigma ** 2 + 1) ** 0.5

    def noise_in(self, clean, t, sample):
        return (sample - clean) / self.sigmas[self.step_index or 0]

    def step(self, model_output, t, sample, generator=None, return_dict=True):
        self.step_index = self.step_index or 0
        now, after = self.sigmas[self.step_index:self.step_index + 2]
        x0 = sample.float() - now * model_output
        up = (after ** 2 * (now ** 2 - after ** 2) / now ** 2) ** 0.5
        down = (after ** 2 - up ** 2) ** 0.5
        sample = x0 + (sample - x0) / now * down + \
            up * model_output.new_empty(sample.shape).normal_()
        self.step_index += 1
        if not return_dict:
            return sample, x0
        return types.SimpleNamespace(prev_sample=sample,
                                     pred_original_sample=x0)


class LcmScheduler(DdimScheduler):
    """LCMScheduler: every step but the last goes all the way to x0, and adds
    new noise. The scale is VP's."""

    def __init__(self, torch, steps):
        super().__init__(torch, steps)
        self.config["prediction_type"] = "epsilon"
        self.timesteps = torch.arange(steps, 0, -1) * (1000 // steps) - 1
        self.step_index = None

    def scale_model_input(self, sample, t):
        return sample

    def noise_in(self, clean, t, sample):
        alpha = self.alpha(int(t))
        return (sample - alpha.sqrt() * clean) / (1 - alpha).sqrt()

    def x0_of(self, model_output, t, sample):
        alpha = self.alpha(int(t))
        return (sample - (1 - alpha).sqrt() * model_output) / alpha.sqrt()

    def noised(self, x0, t):
        noise, alpha = x0.new_empty(x0.shape).normal_(), self.alpha(int(t))
        return alpha.sqrt() * x0 + (1 - alpha).sqrt() * noise

    def step(self, model_output, t, sample, generator=None, return_dict=True):
        denoised = sample = self.x0_of(model_output, t, sample)
        self.step_index = (self.step_index or 0) + 1
        if self.step_index < len(self.timesteps):
            sample = self.noised(denoised, self.timesteps[self.step_index])
        if not return_dict:
            return sample, denoised
        return types.SimpleNamespace(prev_sample=sample, denoised=denoised)


class TCDScheduler(LcmScheduler):
    """TCDScheduler: what comes second from its step() has noise in it."""

    def step(self, model_output, t, sample, eta=0.3, generator=None,
             return_dict=True):
        sample, x0 = super().step(model_output, t, sample, return_dict=False)
        noised = self.noised(x0, 300)
        if not return_dict:
            return sample, noised
        return types.SimpleNamespace(prev_sample=sample,
                                     pred_noised_sample=noised)


class SdeDpmScheduler(LcmScheduler):
    """DPMSolverMultistepScheduler as "DPM++ SDE": step() hands out nothing but
    the sample; what it took for x0 is in model_outputs."""

    def __init__(self, torch, steps):
        super().__init__(torch, steps)
        self.config["algorithm_type"] = "sde-dpmsolver++"
        self.model_outputs = [None, None]

    def step(self, model_output, t, sample, generator=None, return_dict=True):
        sample, x0 = super().step(model_output, t, sample, return_dict=False)
        self.model_outputs = [self.model_outputs[1], x0]
        if not return_dict:
            return (sample,)
        return types.SimpleNamespace(prev_sample=sample)


class Pipeline:
    """The loop that every diffusers pipeline has, with its locals."""

    vae_scale_factor = 8

    def __init__(self, scheduler):
        self.scheduler = scheduler

    @property
    def num_timesteps(self):
        return self._num_timesteps

    def __call__(self, clean, noise, height, width, callback_on_step_end,
                 callback_on_step_end_tensor_inputs=("latents",)):
        latents = self.scheduler.start(clean, noise)
        timesteps = self.scheduler.timesteps
        self._num_timesteps = len(timesteps)
        for i, t in enumerate(timesteps):
            latents_dtype = latents.dtype
            latents = self.scheduler.step(clean, t, latents).to(latents_dtype)
            callback_kwargs = {}
            for k in callback_on_step_end_tensor_inputs:
                callback_kwargs[k] = locals()[k]
            callback_outputs = callback_on_step_end(
                self, i, t, callback_kwargs)
            latents = callback_outputs.pop("latents", latents)
        return latents


class UnetPipeline(Pipeline):
    """StableDiffusionXLPipeline's loop, with classifier-free guidance: the
    UNet gets both halves at once, the scheduler one. `latents` of the
    Img2Img pipelines come in as `image`."""

    def __call__(self, clean, latents, height=None, width=None,
                 callback_on_step_end=None, prompt=None, image=None,
                 denoising_start=None, denoising_end=None, output_type="pil",
                 callback_on_step_end_tensor_inputs=("latents",),
                 return_dict=True):
        torch_cat = __import__("torch").cat
        timesteps = self.scheduler.timesteps
        if image is not None:
            latents = image
        else:
            latents = self.scheduler.start(clean, latents)
        first = int((denoising_start or 0) * len(timesteps))
        if denoising_start:
            self.scheduler.step_index = first
        timesteps = timesteps[first:int(
            (denoising_end or 1) * len(timesteps))]
        self._num_timesteps = len(timesteps)
        for i, t in enumerate(timesteps):
            latent_model_input = torch_cat([latents] * 2)
            latent_model_input = self.scheduler.scale_model_input(
                latent_model_input, t)
            noise_pred = torch_cat(
                [self.scheduler.noise_in(clean, t, latents)] * 2)
            noise_pred_uncond, noise_pred_text = noise_pred.chunk(2)
            noise_pred = noise_pred_uncond + 7.5 * (
                noise_pred_text - noise_pred_uncond)
            if return_dict:
                latents = self.scheduler.step(
                    noise_pred, t, latents).prev_sample
            else:
                latents = self.scheduler.step(
                    noise_pred, t, latents, return_dict=False)[0]
            callback_kwargs = {}
            for k in callback_on_step_end_tensor_inputs:
                callback_kwargs[k] = locals()[k]
            callback_outputs = callback_on_step_end(
                self, i, t, callback_kwargs)
            latents = callback_outputs.pop("latents", latents)
        return latents


def pipeline(name, scheduler, base=None):
    unet = hasattr(scheduler, "scale_model_input")
    base = base or (UnetPipeline if unet else Pipeline)
    return type(name, (base,), {})(scheduler)


def pack(latent):
    """[B, C, H, W] to FLUX.1's tokens [B, H/2 * W/2, 4C]."""
    b, c, h, w = latent.shape
    latent = latent.reshape(b, c, h // 2, 2, w // 2, 2)
    axes = 0, 2, 4, 1, 3, 5
    permute = getattr(latent, "permute", None)
    latent = permute(*axes) if permute else latent.transpose(axes)
    return latent.reshape(b, h // 2 * (w // 2), 4 * c)


def latent_preview_module():
    """ComfyUI's latent_preview, of which custom nodes wrap a function."""
    module = types.ModuleType("latent_preview")
    module.calls = []

    def prepare_callback(model, steps, x0_output_dict=None):
        def callback(step, x0, x, total_steps):
            if x0_output_dict is not None:
                x0_output_dict["x0"] = x0
            module.calls.append((step, total_steps))
        return callback

    module.prepare_callback = prepare_callback
    return module


def comfy_model(*format_classes):
    """A ModelPatcher whose latent format has these classes, the last first."""
    base = object
    for name in format_classes:
        base = type(name, (base,), {})
    inner = types.SimpleNamespace(latent_format=base())
    return types.SimpleNamespace(model=inner)


class MlxArray:
    """The few things of mlx.core.array that a callback can do with a bf16
    array: numpy cannot read one before astype(float32)."""

    def __init__(self, values, dtype="bfloat16"):
        self._values, self.dtype = np.asarray(values, np.float32), dtype

    def astype(self, dtype):
        return MlxArray(self._values, dtype)

    def tolist(self):
        return self._values.tolist()

    def __array__(self, dtype=None, copy=None):
        if self.dtype != "float32":
            raise RuntimeError("Item size 2 for PEP 3118 buffer format string")
        return np.array(self._values, dtype)


def mlx_modules():
    core = types.ModuleType("mlx.core")
    core.float32 = "float32"
    package = types.ModuleType("mlx")
    package.core = core
    return {"mlx": package, "mlx.core": core}


def mflux_config(aliases, model_name, steps, width, height):
    sigmas = [1.0 - i / steps for i in range(steps)] + [0.0]
    return types.SimpleNamespace(
        model_config=types.SimpleNamespace(
            aliases=aliases, model_name=model_name),
        init_time_step=0, num_inference_steps=steps, width=width,
        height=height, scheduler=types.SimpleNamespace(
            sigmas=MlxArray(sigmas, "float32")))


def ve_sigma(alpha):
    return math.sqrt(1 / alpha - 1)

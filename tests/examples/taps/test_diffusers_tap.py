"""The diffusers callback, called as the pipelines call it, on real tensors."""
import sys
import unittest

import wire

try:
    import torch
except ImportError:
    print("SKIPPED: torch is missing (Debian: python3-torch)")
    sys.exit(77)

import diffusers_tap
import numpy as np
import stand_ins
import tae_tap

# pipeline class, latent channels, packed, dtype, what the stream must say
_FAMILIES = [
    ("FluxPipeline", 16, True, torch.bfloat16, "flux1"),
    ("Flux2Pipeline", 32, True, torch.bfloat16, "flux2"),
    ("Flux2KleinPipeline", 32, True, torch.bfloat16, "flux2"),
    ("StableDiffusion3Pipeline", 16, False, torch.float16, "sd3"),
    ("QwenImagePipeline", 16, True, torch.bfloat16, "wan21"),
    ("ZImagePipeline", 16, False, torch.float32, "flux1"),
]
_WIRE = {torch.bfloat16: "BF16", torch.float16: "F16", torch.float32: "F32"}


def _run(test, name, scheduler, clean, noise, width, height, **metadata):
    """Runs a pipeline with the callback; returns its result and messages."""
    path = wire.temporary_address(test)[len("unix:"):]  # a file: every step
    callback = diffusers_tap.TaeCallback(path, **metadata)
    result = stand_ins.pipeline(name, scheduler)(
        clean, noise, height, width, callback)
    callback._tap.close()
    return result, wire.read_file(path)


def _x0(before, after):
    """The receiver's formula for two successive latents."""
    s, t = (float(m.metadata["sigma"]) for m in (before, after))
    return (s * after.array() - t * before.array()) / (s - t)


class Diffusers(unittest.TestCase):
    def test_flow_families(self):
        for name, channels, packed, dtype, space in _FAMILIES:
            with self.subTest(name):
                torch.manual_seed(1)
                clean = torch.randn(2, channels, 8, 12)
                noise = torch.randn(2, channels, 8, 12)
                if packed:
                    clean, noise = map(stand_ins.pack, (clean, noise))
                scheduler = stand_ins.FlowScheduler(torch, 5)
                result, messages = _run(
                    self, name, scheduler, clean.to(dtype), noise.to(dtype),
                    width=103, height=64, seed=7)  # 103: the pipeline rounds
                self.check(messages, scheduler, space, packed)
                self.assertEqual(messages[0].dtype, _WIRE[dtype])
                np.testing.assert_array_equal(
                    messages[-1].array(), result[:1].float().numpy())
                if dtype == torch.float32:
                    np.testing.assert_allclose(
                        _x0(*messages[1:3]), clean[:1].numpy(), atol=1e-4)

    def check(self, messages, scheduler, space, packed):
        self.assertEqual(len(messages), 5)
        for i, message in enumerate(messages):
            said = dict(message.metadata)
            self.assertEqual(float(said.pop("sigma")),
                             float(scheduler.sigmas[i + 1]))
            if i < 4:
                self.assertEqual(float(said.pop("sigma_next")),
                                 float(scheduler.sigmas[i + 2]))
            self.assertEqual(said.pop("gen"), messages[0].metadata["gen"])
            size = {"width": "96", "height": "64"} if packed else {}
            self.assertEqual(said, {
                "space": space, "layout": "packed" if packed else "nchw",
                "domain": "sampler", "pred": "x", "step": str(i + 1),
                "steps": "5", "final": str(int(i == 4)), "seed": "7", **size})
            self.assertEqual(message.shape[0], 1)

    def test_ve_scheduler_of_sdxl(self):
        clean, noise = torch.randn(2, 1, 4, 8, 8)
        scheduler = stand_ins.VeScheduler(torch, 6)
        _, messages = _run(self, "StableDiffusionXLPipeline", scheduler,
                           clean, noise, 64, 64)
        self.assertEqual(messages[0].metadata["space"], "sdxl")
        self.assertAlmostEqual(float(messages[0].metadata["sigma"]), 11.74, 2)
        np.testing.assert_allclose(
            _x0(*messages[2:4]), clean.numpy(), atol=1e-4)

    def test_ddim_of_sd_is_brought_to_the_scale_of_its_sigma(self):
        clean, noise = torch.randn(2, 1, 4, 8, 8)
        scheduler = stand_ins.DdimScheduler(torch, 10)
        _, messages = _run(self, "StableDiffusionPipeline", scheduler,
                           clean, noise, 64, 64)
        self.assertEqual(messages[0].metadata["space"], "sd1")
        for i, t in enumerate([801, 701, 601, 501, 401, 301, 201, 101, 1, -1]):
            self.assertAlmostEqual(float(messages[i].metadata["sigma"]),
                                   stand_ins.ve_sigma(scheduler.alpha(t)), 5)
        for pair in zip(messages, messages[1:]):
            np.testing.assert_allclose(_x0(*pair), clean.numpy(), atol=1e-4)

    def test_dpm_keeps_vp_scale_beside_its_sigmas(self):
        clean, noise = torch.randn(2, 1, 4, 8, 8)
        scheduler = stand_ins.DpmScheduler(torch, 6)
        _, messages = _run(self, "StableDiffusionXLPipeline", scheduler,
                           clean, noise, 64, 64)
        self.assertEqual([float(m.metadata["sigma"]) for m in messages],
                         scheduler.sigmas[1:].tolist())
        for pair in zip(messages, messages[1:]):
            np.testing.assert_allclose(_x0(*pair), clean.numpy(), atol=1e-4)

    def test_heun_and_pndm_visit_a_sigma_twice(self):
        for scheduler, calls, same in (
                (stand_ins.HeunScheduler(torch, 4), 7, (0, 2, 4)),
                (stand_ins.PndmScheduler(torch, 10), 11, (0,))):
            with self.subTest(type(scheduler).__name__):
                clean, noise = torch.randn(2, 1, 4, 8, 8)
                _, messages = _run(self, "StableDiffusionPipeline", scheduler,
                                   clean, noise, 64, 64)
                self.assertEqual(len(messages), calls)
                self.assertEqual(messages[-1].metadata["final"], "1")
                for i, pair in enumerate(zip(messages, messages[1:])):
                    sigmas = [m.metadata["sigma"] for m in pair]
                    self.assertEqual(sigmas[0] == sigmas[1], i in same)
                    if i not in same:
                        np.testing.assert_allclose(
                            _x0(*pair), clean.numpy(), atol=2e-4)

    def test_image_to_image_starts_inside_the_schedule(self):
        clean, noise = torch.randn(2, 1, 16, 8, 8)
        scheduler = stand_ins.FlowScheduler(torch, 8)
        scheduler.step_index = 4  # as it is after the first step
        everything = scheduler.timesteps
        pipe = stand_ins.pipeline("StableDiffusion3Img2ImgPipeline", scheduler)
        path = wire.temporary_address(self)[len("unix:"):]
        callback = diffusers_tap.TaeCallback(path)
        pipe._num_timesteps = 5
        for i, t in enumerate(everything[3:]):
            callback(pipe, i, t, {"latents": noise})
        callback._tap.close()
        self.assertEqual(
            [float(m.metadata["sigma"]) for m in wire.read_file(path)],
            [float(s) for s in scheduler.sigmas[4:]])

    def test_two_runs_are_two_generations(self):
        path = wire.temporary_address(self)[len("unix:"):]
        callback = diffusers_tap.TaeCallback(path)
        for _ in range(2):
            clean, noise = torch.randn(2, 1, 4, 8, 8)
            stand_ins.pipeline(
                "StableDiffusionXLPipeline", stand_ins.VeScheduler(torch, 2))(
                    clean, noise, 64, 64, callback)
        callback._tap.close()
        gens = [m.metadata["gen"] for m in wire.read_file(path)]
        self.assertEqual(gens[0], gens[1])
        self.assertEqual(gens[2], gens[3])
        self.assertNotEqual(gens[0], gens[2])

    def test_a_scheduler_that_tells_nothing_still_gives_a_picture(self):
        clean, noise = torch.randn(2, 1, 4, 8, 8)
        scheduler = stand_ins.DdimScheduler(torch, 4)
        step = scheduler.step
        scheduler.step = lambda *a: step(*a)
        alphas, scheduler.__dict__["alphas"] = scheduler.alphas_cumprod, None
        scheduler.alpha = lambda t: alphas[max(t, 0)]
        del scheduler.alphas_cumprod
        _, messages = _run(self, "SomePipeline", scheduler, clean, noise,
                           64, 64, space="sd1")
        self.assertEqual(len(messages), 4)
        self.assertNotIn("sigma", messages[0].metadata)
        self.assertEqual(messages[0].metadata["space"], "sd1")

    def test_the_tensors_go_back_and_no_error_goes_out(self):
        callback = diffusers_tap.TaeCallback("unix:/nonexistent/tae.sock")
        tensors = {"latents": torch.zeros(1, 4, 8, 8)}
        with self.assertLogs("tae_tap", "WARNING"):
            self.assertIs(callback(object(), 0, 1, tensors), tensors)

    def test_every_dtype_of_torch(self):
        path = wire.temporary_address(self)[len("unix:"):]
        tap = tae_tap.Tap(path)
        latent = torch.randn(1, 4, 6, 10)
        for dtype in [*_WIRE, torch.float64]:
            tap.send(latent.to(dtype).permute(0, 1, 3, 2).requires_grad_())
        tap.close()
        messages = wire.read_file(path)
        self.assertEqual([m.dtype for m in messages],
                         ["BF16", "F16", "F32", "F32"])
        for message, dtype in zip(messages, _WIRE):
            np.testing.assert_array_equal(
                message.array(),
                latent.to(dtype).float().permute(0, 1, 3, 2).numpy())


if __name__ == "__main__":
    unittest.main()

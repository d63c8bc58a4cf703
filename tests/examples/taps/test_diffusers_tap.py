"""The diffusers callback, called as the pipelines call it, on real tensors."""
import copy
import inspect
import itertools
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
    path = wire.temporary_file(test)  # a file: every step
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
                    messages[-1].array(), result.float().numpy())
                if dtype == torch.float32:
                    np.testing.assert_allclose(
                        _x0(*messages[1:3]), clean.numpy(), atol=1e-4)

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
            self.assertEqual(message.shape[0], 2)  # the whole batch

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
        path = wire.temporary_file(self)
        callback = diffusers_tap.TaeCallback(path)
        pipe._num_timesteps = 5
        for i, t in enumerate(everything[3:]):
            callback(pipe, i, t, {"latents": noise})
        callback._tap.close()
        self.assertEqual(
            [float(m.metadata["sigma"]) for m in wire.read_file(path)],
            [float(s) for s in scheduler.sigmas[4:]])

    def test_two_runs_are_two_generations(self):
        path = wire.temporary_file(self)
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
        diffusers_tap.TaeCallback._send.said = False
        with self.assertLogs("tae_tap", "WARNING") as logs:
            self.assertIs(callback(object(), 0, 1, tensors), tensors)
            self.assertIs(callback(object(), 1, 1, tensors), tensors)
        self.assertEqual(len(logs.records), 1)

    def test_no_argument_ends_the_run(self):
        pipe = stand_ins.pipeline("FluxPipeline",
                                  stand_ins.FlowScheduler(torch, 2))
        right = pipe, 0, 1000.0, {"latents": torch.zeros(1, 24, 64)}
        wrong = (None, object(), "x", -1, 2.5, {}, {"latents": None},
                 {"latents": "x"}, {"latents": torch.zeros(())},
                 {"latents": torch.zeros(1, 4, 8, 8, device="meta")},
                 {"latents": torch.zeros(4, 4).to_sparse()})
        callback = diffusers_tap.TaeCallback(wire.temporary_file(self))
        tried = 0
        with self.assertLogs("tae_tap", "DEBUG"):
            for count in range(4):
                callback(*right[:count])  # the others are missing
            for place, value in itertools.product(range(4), wrong):
                given = [*right]
                given[place] = value
                tried += 1
                back = callback(*given)
                if given[3] is None:
                    self.assertEqual(back, {})  # the pipelines pop from it
                else:
                    self.assertIs(back, given[3])
        self.assertEqual(tried, 44)

    def test_latents_that_the_callback_did_not_ask_for(self):
        scheduler = stand_ins.FlowScheduler(torch, 2)
        path = wire.temporary_file(self)
        callback = diffusers_tap.TaeCallback(path)
        stand_ins.pipeline("StableDiffusion3Pipeline", scheduler)(
            *torch.randn(2, 1, 16, 8, 8), 64, 64, callback,
            callback_on_step_end_tensor_inputs=("noise",))
        callback._tap.close()
        self.assertEqual(
            [m.metadata["step"] for m in wire.read_file(path)], ["1", "2"])

    def test_schedulers_that_add_noise_send_their_estimate(self):
        tried = 0
        for kind, return_dict in itertools.product(
                (stand_ins.EulerAncestralScheduler, stand_ins.LcmScheduler,
                 stand_ins.TCDScheduler, stand_ins.SdeDpmScheduler),
                (True, False)):
            with self.subTest(kind.__name__, return_dict=return_dict):
                scheduler, (clean, noise) = kind(torch, 5), torch.randn(
                    2, 2, 4, 8, 8)
                path = wire.temporary_file(self)
                callback = diffusers_tap.TaeCallback(path)
                step = scheduler.step
                result = stand_ins.pipeline(
                    "StableDiffusionXLPipeline", scheduler)(
                        clean, noise, 64, 64, callback,
                        return_dict=return_dict)
                callback._tap.close()
                self.assertNotIn("step", vars(scheduler))  # the hook is gone
                self.assertEqual(scheduler.step, step)
                messages = wire.read_file(path)
                self.assertEqual(len(messages), 5)
                for message in messages:
                    self.assertEqual(message.metadata["pred"], "x0")
                    self.assertNotIn("sigma", message.metadata)
                    np.testing.assert_allclose(
                        message.array(), clean.numpy(), atol=2e-3)
                np.testing.assert_array_equal(
                    messages[-1].array(), result.numpy())
                tried += 1
        self.assertEqual(tried, 8)

    def test_the_steps_of_a_flow_that_adds_noise(self):
        class FlowMatchLCMScheduler(stand_ins.FlowScheduler):
            def step(self, model_output, t, sample, return_dict=True):
                clean, self.step_index = model_output, self.step_index or 0
                now, after = self.sigmas[self.step_index:self.step_index + 2]
                model_output.copy_((sample - clean) / now)
                x0 = sample - now * model_output
                self.step_index += 1
                return (1 - after) * x0 + after * torch.randn(sample.shape)

        clean, noise = torch.randn(2, 1, 16, 8, 8)
        path = wire.temporary_file(self)
        callback = diffusers_tap.TaeCallback(path)
        scheduler = FlowMatchLCMScheduler(torch, 4)
        pipe = stand_ins.pipeline("StableDiffusion3Pipeline", scheduler)
        pipe._num_timesteps, latents = 4, noise
        for i, t in enumerate(scheduler.timesteps):
            latents = scheduler.step(clean.clone(), t, latents)
            callback(pipe, i, t, {"latents": latents})
        callback._tap.close()
        messages = wire.read_file(path)
        self.assertEqual([m.metadata["pred"] for m in messages],
                         ["x", "x0", "x0", "x0"])
        for message in messages[1:]:
            np.testing.assert_allclose(
                message.array(), clean.numpy(), atol=1e-4)

    def test_a_run_that_is_broken_off_leaves_the_scheduler_as_it_was(self):
        scheduler = stand_ins.EulerAncestralScheduler(torch, 4)
        pipe = stand_ins.pipeline("StableDiffusionXLPipeline", scheduler)
        callback = diffusers_tap.TaeCallback(wire.temporary_file(self))

        def break_off(*arguments):
            callback(*arguments)
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            pipe(*torch.randn(2, 1, 4, 8, 8), 64, 64, break_off)
        for one in scheduler, copy.deepcopy(scheduler):
            self.assertEqual(  # pipelines ask for eta and generator
                inspect.signature(one.step),
                inspect.signature(
                    stand_ins.EulerAncestralScheduler(torch, 4).step))
            index = one.step_index
            one.step(torch.zeros(1, 4, 8, 8), None, torch.zeros(1, 4, 8, 8))
            self.assertEqual(one.step_index, index + 1)
            self.assertNotIn("step", vars(one))

    def test_a_hook_of_somebody_else_stays(self):
        scheduler = stand_ins.EulerAncestralScheduler(torch, 4)
        own, calls = scheduler.step, []
        scheduler.step = hook = lambda *a, **k: calls.append(1) or own(*a, **k)
        _, messages = _run(self, "StableDiffusionXLPipeline", scheduler,
                           *torch.randn(2, 1, 4, 8, 8), 64, 64)
        self.assertIs(scheduler.step, hook)
        self.assertEqual((len(calls), len(messages)), (4, 4))

    def base_and_refiner(self, prompts, **said):
        """What a base pipeline and a refiner send; `said` to the base."""
        path = wire.temporary_file(self)
        clean, noise = torch.randn(2, 1, 4, 8, 8)
        start = said.pop("denoising_start", None)
        base = stand_ins.pipeline("StableDiffusionXLPipeline",
                                  stand_ins.EulerAncestralScheduler(torch, 10))
        refiner = stand_ins.pipeline(
            "StableDiffusionXLImg2ImgPipeline",
            stand_ins.EulerAncestralScheduler(torch, 10))
        latents = base(clean, noise, prompt=prompts[0], **said,
                       callback_on_step_end=diffusers_tap.TaeCallback(path))
        callback = diffusers_tap.TaeCallback(path)
        refiner(clean, None, prompt=prompts[1], image=latents,
                denoising_start=start, callback_on_step_end=callback)
        callback._tap.close()
        return [m.metadata for m in wire.read_file(path)]

    def test_base_and_refiner_of_a_prompt_are_one_generation(self):
        for said, steps in (
                (dict(denoising_end=0.8, denoising_start=0.8), 10),
                (dict(output_type="latent"), 20)):
            with self.subTest(said):
                messages = self.base_and_refiner(["a cat", "a cat"], **said)
                self.assertEqual(len({m["gen"] for m in messages}), 1)
                self.assertEqual([int(m["step"]) for m in messages],
                                 list(range(1, steps + 1)))
                self.assertEqual([m["final"] for m in messages],
                                 ["0"] * (steps - 1) + ["1"])
                self.assertEqual(messages[-1]["steps"], str(steps))

    def test_another_prompt_is_another_generation(self):
        messages = self.base_and_refiner(["a cat", "a dog"])
        self.assertEqual(len({m["gen"] for m in messages}), 2)
        self.assertEqual([int(m["step"]) for m in messages],
                         [*range(1, 11)] * 2)

    def test_thirty_callbacks_share_a_connection(self):
        listener = wire.Listener(wire.temporary_address(self))
        self.addCleanup(listener.close)
        threads, callbacks = wire.tap_threads(), []
        for _ in range(30):  # as the README has it: a new one for each picture
            callbacks.append(diffusers_tap.TaeCallback(listener.address))
            stand_ins.pipeline(
                "StableDiffusionXLPipeline", stand_ins.VeScheduler(torch, 2))(
                    *torch.randn(2, 1, 4, 8, 8), 64, 64, callbacks[-1])
            listener.wait_for_finals(len(callbacks))
        self.assertEqual(wire.tap_threads(), threads + 1)
        self.assertEqual(listener.connections, 1)
        for callback in callbacks:
            callback._tap.close()
        self.assertEqual(wire.tap_threads(), threads)

    def test_clips_and_pictures_of_models_for_clips(self):
        for name, shape, sent, layout, space in (
                ("WanPipeline", (2, 16, 5, 8, 8), [2, 16, 8, 8], "nchw",
                 "wan21"),
                ("WanPipeline", (1, 16, 1, 8, 8), [1, 16, 8, 8], "nchw",
                 "wan21"),
                ("ErnieImagePipeline", (2, 128, 4, 6), [2, 128, 4, 6],
                 "packed-nchw", "flux2")):
            with self.subTest(name, shape=shape):
                _, messages = _run(
                    self, name, stand_ins.FlowScheduler(torch, 2),
                    *torch.randn(2, *shape), 64, 64)
                self.assertEqual(messages[0].shape, sent)
                self.assertEqual(messages[0].metadata["layout"], layout)
                self.assertEqual(messages[0].metadata["space"], space)

    def test_every_dtype_of_torch(self):
        path = wire.temporary_file(self)
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

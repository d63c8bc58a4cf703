"""The mflux callback, called as mflux's GenerationContext does, all arguments
by name."""
import sys
import unittest
from unittest import mock

import numpy as np
import stand_ins
import wire

with mock.patch.dict(sys.modules, stand_ins.mlx_modules()):
    import mflux_tap

_MODELS = [  # aliases, name, shape, space, layout, shape as sent
    (["dev"], "black-forest-labs/FLUX.1-dev", (1, 24, 64), "flux1", "packed",
     [1, 24, 64]),
    (["krea-dev", "dev-krea"], "black-forest-labs/FLUX.1-Krea-dev",
     (1, 24, 64), "flux1", "packed", [1, 24, 64]),
    (["flux2-klein-4b"], "black-forest-labs/FLUX.2-klein-4B", (1, 24, 128),
     "flux2", "packed", [1, 24, 128]),
    (["z-image-turbo"], "Tongyi-MAI/Z-Image-Turbo", (16, 1, 8, 12), "flux1",
     "nchw", [1, 16, 8, 12]),
    (["qwen-image", "qwen"], "Qwen/Qwen-Image", (1, 24, 64), "wan21", "packed",
     [1, 24, 64]),
    (["krea-2", "krea2"], "krea/Krea-2-Turbo", (1, 16, 8, 12), "wan21", "nchw",
     [1, 16, 8, 12]),
    (["ernie-image"], "baidu/ERNIE-Image", (1, 128, 4, 6), "flux2",
     "packed-nchw", [1, 128, 4, 6]),
    (["ideogram4"], "ideogram-ai/ideogram-4-fp8", (1, 24, 128), "ideogram4",
     "packed-ideogram4", [1, 24, 128]),
]


class Mflux(unittest.TestCase):
    def run_model(self, aliases, name, shape, steps=3):
        path = wire.temporary_file(self)
        callback = mflux_tap.TaeCallback(path)
        config = stand_ins.mflux_config(aliases, name, steps, 96, 64)
        latents = stand_ins.MlxArray(
            np.random.default_rng(2).normal(size=shape))
        callback.call_before_loop(
            seed=5, prompt="a cat", latents=latents, config=config,
            canny_image=None, depth_image=None)
        for t in range(steps):
            callback.call_in_loop(t=t, seed=5, prompt="a cat", latents=latents,
                                  config=config, time_steps=None)
        callback._tap.close()
        return latents.astype("float32"), wire.read_file(path)

    def test_models(self):
        for aliases, name, shape, space, layout, sent in _MODELS:
            with self.subTest(name):
                latents, messages = self.run_model(aliases, name, shape)
                self.assertEqual(len(messages), 4)  # the first noise too
                message = messages[2]
                self.assertEqual(message.shape, sent)
                np.testing.assert_array_equal(
                    message.array(), np.array(latents).reshape(sent))
                message.metadata.pop("gen")
                sigmas = {} if space == "ideogram4" else {
                    "sigma": repr(float(np.float32(1 - 2 / 3))),
                    "sigma_next": "0.0"}
                self.assertEqual(message.metadata, {
                    "space": space, "layout": layout, "domain": "sampler",
                    "pred": "x", "width": "96", "height": "64", "step": "2",
                    "steps": "3", "final": "0", "seed": "5",
                    "prompt": "a cat", **sigmas})
                self.assertEqual([m.metadata["final"] for m in messages],
                                 ["0", "0", "0", "1"])

    def test_no_error_goes_out(self):
        callback = mflux_tap.TaeCallback("unix:/nonexistent/tae.sock")
        with self.assertLogs("tae_tap", "WARNING"):
            callback.call_in_loop(t=0, seed=1, prompt="", latents=None,
                                  config=None, time_steps=None, denoised=None)


if __name__ == "__main__":
    unittest.main()

"""The ComfyUI package, loaded and called as ComfyUI does. numpy arrays stand
in for its tensors; the tap takes both."""
import importlib.util
import os
import sys
import types
import unittest
from unittest import mock

import numpy as np
import stand_ins
import wire


def _load(latent_preview, address):
    """Loads the package as ComfyUI's load_custom_node does."""
    folder = os.path.realpath(os.path.join(wire.TAPS, "comfyui_tae_tap"))
    name = folder.replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(
        name, os.path.join(folder, "__init__.py"))
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(sys.modules, {"latent_preview": latent_preview}), \
            mock.patch.dict(os.environ, {"TAE_TAP": address}):
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return module


class ComfyUi(unittest.TestCase):
    def setUp(self):
        self.path = wire.temporary_file(self)
        self.preview = stand_ins.latent_preview_module()
        self.package = _load(self.preview, self.path)

    def sample(self, model, shape, steps=2):
        """A sampler's calls; returns what was sent."""
        x0 = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        output = {}
        callback = self.preview.prepare_callback(model, steps, output)
        for step in range(steps):
            callback(step, x0, x0 + 1, steps)
        self.assertIs(output["x0"], x0)
        return x0

    def messages(self):
        self.package._tap.close()
        return wire.read_file(self.path)

    def test_it_is_a_node_package(self):
        self.assertEqual(self.package.NODE_CLASS_MAPPINGS, {})

    def test_x0_goes_out_and_the_previewer_goes_on(self):
        x0 = self.sample(stand_ins.comfy_model("SD3", "Flux"), (2, 16, 8, 12))
        self.assertEqual(self.preview.calls, [(0, 2), (1, 2)])
        first, last = self.messages()
        np.testing.assert_array_equal(first.array(), x0)  # the whole batch
        gen = first.metadata.pop("gen")
        self.assertEqual(gen, last.metadata["gen"])
        self.assertEqual(first.metadata, {
            "space": "flux1", "layout": "nchw", "domain": "sampler",
            "pred": "x0", "step": "1", "steps": "2", "final": "0"})
        self.assertEqual(last.metadata["final"], "1")

    def test_spaces_by_class_and_by_base_class(self):
        self.sample(stand_ins.comfy_model("SD15"), (1, 4, 8, 8), 1)
        self.sample(
            stand_ins.comfy_model("Wan21", "Wan22"), (1, 48, 1, 8, 8), 1)
        self.sample(stand_ins.comfy_model("SDXL", "MyOwn"), (1, 4, 8, 8), 1)
        self.assertEqual([m.metadata["space"] for m in self.messages()],
                         ["sd1", "wan22", "sdxl"])

    def test_flux2_is_a_grid_of_patches(self):
        self.sample(stand_ins.comfy_model("Flux2"), (1, 128, 4, 6), 1)
        (message,) = self.messages()
        self.assertEqual(message.metadata["layout"], "packed-nchw")
        self.assertEqual(message.shape, [1, 128, 4, 6])

    def test_of_a_clip_the_first_picture(self):
        x0 = self.sample(stand_ins.comfy_model("Wan21"), (2, 16, 5, 8, 8), 1)
        (message,) = self.messages()
        np.testing.assert_array_equal(message.array(), x0[:, :, 0])
        self.assertEqual(message.metadata["layout"], "nchw")

    def test_a_picture_of_a_model_for_clips(self):
        x0 = self.sample(stand_ins.comfy_model("Wan21"), (2, 16, 1, 8, 8), 1)
        (message,) = self.messages()
        np.testing.assert_array_equal(message.array(), x0[:, :, 0])
        self.assertEqual(message.metadata["layout"], "nchw")

    def test_of_a_nested_tensor_the_picture(self):
        nested = types.SimpleNamespace(
            tensors=[np.ones((1, 128, 2, 4, 4), "f4"),
                     np.zeros((1, 8, 9), "f4")])
        callback = self.preview.prepare_callback(
            stand_ins.comfy_model("LTXV", "LTXAV"), 1)
        callback(0, nested, nested, 1)
        (message,) = self.messages()
        self.assertEqual(message.metadata["space"], "ltx2")
        self.assertEqual(message.shape, [1, 128, 4, 4])

    def test_only_the_end_of_the_sampler_is_final(self):
        # k-diffusion's dpm_adaptive goes on after the steps that were said,
        # dpm_fast calls back less often, and a run may be interrupted.
        for calls in 3, 5, 2:
            with self.subTest(calls=calls):
                self.setUp()
                callback = self.preview.prepare_callback(
                    stand_ins.comfy_model("SD15"), 3)
                for step in range(calls):
                    callback(step, np.full((1, 4, 8, 8), step, "f4"), None, 3)
                del callback  # as when the sampler returns
                messages = self.messages()
                self.assertRegex("".join(m.metadata["final"]
                                         for m in messages), "^0+1$")
                self.assertEqual(sorted({m.metadata["step"] for m in messages}),
                                 [str(s + 1) for s in range(calls)])
                self.assertEqual(messages[-1].array().max(), calls - 1)
                self.assertEqual(len({m.metadata["gen"] for m in messages}), 1)

    def test_no_argument_ends_the_run(self):
        for arguments in ((), (None,), (0, None, None), ("x",) * 4,
                          (0, None, None, None), (0, object(), None, 3)):
            callback = self.preview.prepare_callback(
                stand_ins.comfy_model("SD15"), 3)
            self.preview.calls.clear()
            with self.assertLogs("tae_tap", "DEBUG"):
                try:
                    callback(*arguments)
                except TypeError as error:  # that of ComfyUI's own callback
                    self.assertIn("callback() missing", str(error))
                else:
                    self.assertEqual(len(self.preview.calls), 1)

    def test_sound_is_not_sent_and_no_error_goes_out(self):
        self.sample(stand_ins.comfy_model("StableAudio1"), (1, 64, 1024), 1)
        callback = self.preview.prepare_callback(
            stand_ins.comfy_model("SD15"), 1)
        with self.assertLogs("tae_tap", "WARNING"):
            callback(0, None, None, 1)
        self.assertEqual(self.preview.calls[-1], (0, 1))
        self.package._tap.close()
        self.assertFalse(os.path.exists(self.path))


if __name__ == "__main__":
    unittest.main()

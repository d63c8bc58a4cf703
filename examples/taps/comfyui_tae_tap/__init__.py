"""ComfyUI custom node package: what every sampler is making goes to a preview.

Copy the folder into custom_nodes/ (cp -rL, it holds a link to tae_tap.py). The
environment variable TAE_TAP changes the address from the user's own socket.
"""
import os
import time
import weakref

import latent_preview

from .tae_tap import Tap, quietly

NODE_CLASS_MAPPINGS = {}  # without it ComfyUI takes no package
_SPACES = {
    "SD15": "sd1", "SDXL": "sdxl", "SDXL_Playground_2_5": "sdxl_playground25",
    "SD3": "sd3", "Flux": "flux1", "Flux2": "flux2", "Wan21": "wan21",
    "Wan22": "wan22", "HunyuanVideo": "hunyuan_video", "LTXV": "ltxv",
    "HunyuanVideo15": "hunyuan_video15", "HunyuanImage21": "hunyuan_image21",
    "LTXAV": "ltx2", "Mochi": "mochi1", "Cosmos1CV8x8x8": "cosmos1"}
_tap = Tap(os.environ.get("TAE_TAP"))
_prepare_callback = latent_preview.prepare_callback


@quietly
def _send(model, gen, step, x0, x, steps, *_):
    names = [c.__name__ for c in type(model.model.latent_format).__mro__]
    space = next((_SPACES[n] for n in names if n in _SPACES), None)
    if space is None:
        return
    x0 = getattr(x0, "tensors", [x0])[0]  # video with sound: the picture first
    if x0.ndim == 5:  # of a clip its first picture: receivers take no clips
        x0 = x0[:, :, 0]
    layout = "packed-nchw" if space == "flux2" else "nchw"
    # Some samplers end before the last step or go on after it.
    _tap.send(x0, space=space, layout=layout, domain="sampler", pred="x0",
              gen=gen, step=step + 1, steps=steps if step < steps else None,
              final="maybe" if step + 1 == steps else False)


def _tapped_prepare_callback(model, *args, **kwargs):
    callback, gen = _prepare_callback(model, *args, **kwargs), time.time_ns()

    def tapped(*args, **kwargs):
        _send(model, gen, *args, **kwargs)
        return callback(*args, **kwargs)

    weakref.finalize(tapped, _tap.finish, gen)  # when the sampler lets it go
    return tapped


latent_preview.prepare_callback = _tapped_prepare_callback

"""The numpy example against what gst-launch-1.0 makes of the same numbers."""
import os
import subprocess
import sys
import tempfile

try:
    import numpy
    import gi
    gi.require_version("Gst", "1.0")
    from gi.repository import Gst
    Gst.Caps.from_string  # the overrides of python3-gst-1.0 come with Gst
except (ImportError, ValueError) as why:
    print("skipped:", why)
    sys.exit(77)

sys.path.insert(0, sys.argv[1])
from numpy_decoder import Decoder  # noqa: E402


def Launch(latent):
    with tempfile.TemporaryDirectory() as folder:
        raw = os.path.join(folder, "latent")
        rgb = os.path.join(folder, "picture")
        data = latent.astype("<f2").tobytes()
        with open(raw, "wb") as file:
            file.write(data)
        c, h, w = latent.shape
        subprocess.run(
            f"gst-launch-1.0 -q filesrc location={raw} blocksize={len(data)} "
            f"! video/x-latent,format=F16LE,channels={c},latent-height={h},"
            f"latent-width={w},framerate=1/1 ! taedecode variant=flux2 ! "
            f"video/x-raw,format=RGB ! filesink location={rgb}",
            shell=True, check=True)
        return numpy.fromfile(rgb, numpy.uint8).reshape(8 * h, 8 * w, 3)


decoder = Decoder("flux2")
random = numpy.random.default_rng(1)
for shape in ((32, 8, 12), (32, 6, 4), (32, 6, 4)):
    latent = random.normal(size=shape).astype(numpy.float32)
    picture = decoder(latent)
    assert picture.dtype == numpy.uint8, picture.dtype
    assert picture.std() > 5, picture.std()
    assert (picture == Launch(latent)).all()
batch = numpy.stack([random.normal(size=(32, 4, 3)) for _ in range(3)])
pictures = decoder(batch)
assert pictures.shape == (3, 32, 24, 3), pictures.shape  # rows of 72 bytes
for latent, picture in zip(batch, pictures):
    assert (picture == Launch(latent)).all()

refused = 0
for shape, kind in (((7, 4, 4), RuntimeError), ((32, 4), ValueError),
                    ((32, 0, 4), ValueError), ((0, 32, 4, 4), ValueError),
                    ((1, 1, 32, 4, 4), ValueError), ((), ValueError)):
    try:
        decoder(numpy.zeros(shape, numpy.float32))
    except kind as error:
        refused += 1
        if shape == (7, 4, 4):
            assert "channels" in str(error), error
    again = decoder(batch[0])  # what was refused does not end it
    assert (again == pictures[0]).all()
assert refused == 6, refused
wide = random.normal(size=(32, 4, 5))  # rows of 120 bytes
assert (decoder(wide) == Launch(wide)).all()
decoder.close()

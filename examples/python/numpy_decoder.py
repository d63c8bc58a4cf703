"""A numpy latent to a numpy picture, through GStreamer (python3-gst-1.0)."""
import gi
import numpy
gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402
Gst.init(None)


class Decoder:
    """decoder = Decoder("flux2"); picture = decoder(latent)"""

    def __init__(self, variant):
        self.pipeline = Gst.parse_launch(
            f"appsrc name=latents ! taedecode variant={variant} ! "
            "video/x-raw,format=RGB ! appsink name=pictures sync=false")
        self.latents = self.pipeline.get_by_name("latents")
        self.pictures = self.pipeline.get_by_name("pictures")
        self.pipeline.set_state(Gst.State.PLAYING)

    def __call__(self, latent):
        """[channels, h, w] to [height, width, 3] bytes"""
        fields = "channels={},latent-height={},latent-width={}"
        caps = "video/x-latent,format=F16LE," + fields.format(*latent.shape)
        buffer = Gst.Buffer.new_wrapped(latent.astype("<f2").tobytes())
        self.latents.emit("push-sample", Gst.Sample.new(
            buffer, Gst.Caps.from_string(caps), None, None))
        sample = self.pictures.emit("try-pull-sample", 60 * Gst.SECOND)
        if sample is None:
            raise RuntimeError(self.pipeline.bus.pop_filtered(
                Gst.MessageType.ERROR).parse_error())
        size = sample.get_caps().get_structure(0)
        data = sample.get_buffer().extract_dup(0, sample.get_buffer().get_size())
        return numpy.frombuffer(data, numpy.uint8).reshape(
            size["height"], size["width"], 3)

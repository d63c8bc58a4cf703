"""A numpy latent to a numpy picture, through GStreamer (python3-gst-1.0)."""
import gi
import numpy
gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402
Gst.init(None)


class Decoder:
    """decoder = Decoder("flux2"); picture = decoder(latent)

    A latent that is refused raises ValueError or RuntimeError, and the decoder
    goes on with the next one.
    """

    def __init__(self, variant):
        self.variant = variant
        self._start()

    def _start(self):
        self.pipeline = Gst.parse_launch(
            f"appsrc name=latents ! taedecode variant={self.variant} ! "
            "video/x-raw,format=RGB ! appsink name=pictures sync=false")
        self.latents = self.pipeline.get_by_name("latents")
        self.pictures = self.pipeline.get_by_name("pictures")
        self.pipeline.set_state(Gst.State.PLAYING)

    def __call__(self, latent):
        """[channels, h, w] to [height, width, 3] bytes; a batch
        [n, channels, h, w] to [n, height, width, 3]"""
        latent = numpy.asarray(latent)
        if latent.ndim == 4:
            if not len(latent):
                raise ValueError("a batch of no latents")
            return numpy.stack([self(one) for one in latent])
        if latent.ndim != 3 or 0 in latent.shape:
            raise ValueError(f"a latent of shape {latent.shape} instead of "
                             "[channels, h, w] or [n, channels, h, w]")
        fields = "channels={},latent-height={},latent-width={}"
        caps = Gst.Caps.from_string(
            "video/x-latent,format=F16LE," + fields.format(*latent.shape))
        buffer = Gst.Buffer.new_wrapped(latent.astype("<f2").tobytes())
        self.latents.emit("push-sample", Gst.Sample.new(
            buffer, caps, None, None))
        return self._picture(self.pictures.emit(
            "try-pull-sample", 60 * Gst.SECOND))

    def _picture(self, sample):
        if sample is None:
            error = self.pipeline.bus.timed_pop_filtered(
                Gst.SECOND, Gst.MessageType.ERROR)
            self.close()
            self._start()  # an error is a pipeline's last word
            raise RuntimeError(*error.parse_error() if error else (
                "there was no picture for a minute",))
        size = sample.get_caps().get_structure(0)
        height, width = size["height"], size["width"]
        data = sample.get_buffer().extract_dup(0, sample.get_buffer().get_size())
        rows = numpy.frombuffer(data, numpy.uint8).reshape(height, -1)
        return rows[:, :3 * width].reshape(height, width, 3)

    def close(self):
        self.pipeline.set_state(Gst.State.NULL)

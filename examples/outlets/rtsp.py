#!/usr/bin/env python3
"""The pictures of running generations as RTSP, for VLC, NVRs and the like.

    rtsp.py [ADDRESS [PORT]]      unix: and 8554; 0: any free port

Watch at rtsp://127.0.0.1:PORT/tae; any number of viewers share one decoder. It
listens for latents while somebody watches, and shows black until they come.
Debian: python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good.
"""
import sys

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

SIZE = 768  # pixels; a viewer has to know it before the first picture

# The compositor gives ten frames a second, whenever steps come.
PIPELINE = """( videotestsrc pattern=black is-live=true !
    video/x-raw,format=I420,width={size},height={size},framerate=10/1 !
  compositor name=frame sink_1::sizing-policy=keep-aspect-ratio
    sink_1::width={size} sink_1::height={size} ! videoconvert !
  vp8enc deadline=1 target-bitrate=4000000 keyframe-max-dist=20 !
  rtpvp8pay name=pay0
  latentsrc location="{address}" ! taedecode ! videoconvert ! frame.sink_1 )"""


def main():
    Gst.init(None)
    address = sys.argv[1] if len(sys.argv) > 1 else "unix:"
    port = sys.argv[2] if len(sys.argv) > 2 else "8554"
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service=port)
    factory = GstRtspServer.RTSPMediaFactory(
        shared=True, launch=PIPELINE.format(size=SIZE, address=address))
    server.get_mount_points().add_factory("/tae", factory)
    if server.attach(None) == 0:
        sys.exit(f"rtsp.py: cannot listen at 127.0.0.1:{port}")
    print(f"rtsp://127.0.0.1:{server.get_bound_port()}/tae", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()

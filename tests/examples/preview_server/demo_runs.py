"""Generations with pictures in them, from latentsrc's demo."""
import json
import os
import struct
import subprocess
import tempfile


def demo_messages(pattern, steps, name, prompt, size=256, endless=False):
    """The messages of a generation, `name` in place of the demo's own. Endless:
    they say no step, so that any number of them is one generation."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.safetensors")
        subprocess.run(
            ["gst-launch-1.0", "-q", "latentsrc", "num-buffers=%d" % steps,
             "steps=%d" % steps, "pattern=" + pattern, "width=%d" % size,
             "height=%d" % size, "!", "latentmux", "!", "filesink",
             "location=" + path], check=True, timeout=300)
        with open(path, "rb") as file:
            data = file.read()
    messages = []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + length])
        header["__metadata__"].update(gen=name, prompt=prompt)
        if endless:
            for key in ("step", "steps", "final"):
                header["__metadata__"].pop(key, None)
        end = max(entry["data_offsets"][1] for key, entry in header.items()
                  if key != "__metadata__")
        payload = data[8 + length:8 + length + end]
        data = data[8 + length + end:]
        text = json.dumps(header).encode()
        messages.append(struct.pack("<Q", len(text)) + text + payload)
    return messages

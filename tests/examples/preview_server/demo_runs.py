"""Generations with pictures in them, from latentsrc's demo."""
import json
import os
import struct
import subprocess
import tempfile


def demo_messages(pattern, steps, name, prompt, size=256):
    """The messages of a generation, `name` in place of the demo's own."""
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
        end = max(entry["data_offsets"][1] for key, entry in header.items()
                  if key != "__metadata__")
        payload = data[8 + length:8 + length + end]
        data = data[8 + length + end:]
        text = json.dumps(header).encode()
        messages.append(struct.pack("<Q", len(text)) + text + payload)
    return messages

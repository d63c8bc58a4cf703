"""make_latent.py FILE SHAPE [KEY=VALUE | smooth | noise | dtype=F64 |
image=SIDE | @TENSOR ...]: a safetensors message of numbers that differ from
latent to latent."""
import json
import math
import random
import struct
import sys

path, shape = sys.argv[1], [int(n) for n in sys.argv[2].split(",")]
words = sys.argv[3:]
names = [word[1:] for word in words if word[0] == "@"] or ["latent"]
said = dict(word.split("=", 1) for word in words if "=" in word)
dtype = said.pop("dtype", "F32")
image = int(said.pop("image", 0))
count = math.prod(shape)
if "smooth" in words:  # [1, height, width, channels], as a picture varies
    height, width, channels = shape[1:]
    values = [1.5 * math.sin(x / 7 + c) * math.cos(y / 9 - 2 * c) + 0.1 * c
              for y in range(height) for x in range(width)
              for c in range(channels)]
elif "noise" in words:
    random.seed(1)
    values = [random.gauss(0, 1) for _ in range(count)]
else:
    values = [math.sin(i * i % 1009) for i in range(min(count, 1 << 16))]
    values = (values * (count // len(values) + 1))[:count]
data = struct.pack("<%d%s" % (count, "d" if dtype == "F64" else "f"), *values)
header = {"__metadata__": said} if said else {}
header[names[0]] = {"dtype": dtype, "shape": shape,
                    "data_offsets": [0, len(data)]}
for name in names[1:]:
    header[name] = {"dtype": "F32", "shape": [0],
                    "data_offsets": [len(data), len(data)]}
if image:  # a grey picture beside it, of this side
    pixels = 3 * image * image
    data += struct.pack("<%df" % pixels, *[0.5] * pixels)
    header["image"] = {"dtype": "F32", "shape": [1, 3, image, image],
                       "data_offsets": [len(data) - 4 * pixels, len(data)]}
text = json.dumps(header).encode()
with open(path, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)

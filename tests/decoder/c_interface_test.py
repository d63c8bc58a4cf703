"""c_interface_test.py LIBRARY TAE: tae/tae.h through ctypes gives the picture
that `tae decode` gives."""
import ctypes
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

LIBRARY, TAE = sys.argv[1:3]
CHANNELS, HEIGHT, WIDTH = 32, 6, 4
OK, INVALID_ARGUMENT = 0, 1
RGB, PRECISION_AUTO, F32, NCHW, SAMPLER = 0, 0, 2, 0, 0
NO_WEIGHTS = {"TAE_MODEL_PATH": "", "XDG_DATA_HOME": "/nonexistent",
              "XDG_DATA_DIRS": "/nonexistent", "HOME": "/nonexistent"}


def open_library():
    library = ctypes.CDLL(LIBRARY)
    library.tae_last_error.restype = ctypes.c_char_p
    library.tae_open.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int,
                                 ctypes.POINTER(ctypes.c_void_p)]
    library.tae_prepare.argtypes = [ctypes.c_void_p] + [ctypes.c_int] * 4
    library.tae_decode.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int,
        ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p),
        ctypes.POINTER(ctypes.c_ssize_t)]
    library.tae_close.argtypes = [ctypes.c_void_p]
    return library


def latent_bytes():
    values = [(i * 37 % 101) / 50 - 1 for i in range(CHANNELS * HEIGHT * WIDTH)]
    return struct.pack(f"<{len(values)}f", *values)


def pixels_of_png(data):
    """The RGB bytes of an 8-bit PNG without interlacing (W3C PNG, section 9)."""
    at, width, height, packed = 8, 0, 0, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", body)
        packed += body if kind == b"IDAT" else b""
        at += 12 + size
    raw, rows, above = zlib.decompress(packed), [], bytes(3 * width)
    for start in range(0, len(raw), 3 * width + 1):
        row = bytearray(raw[start + 1:start + 1 + 3 * width])
        for i, b in enumerate(above):
            a, c = (row[i - 3], above[i - 3]) if i >= 3 else (0, 0)
            paeth = min((a, b, c), key=lambda value: abs(a + b - c - value))
            row[i] = (row[i] + (0, a, b, (a + b) // 2, paeth)[raw[start]]) % 256
        rows.append(bytes(row))
        above = rows[-1]
    assert len(rows) == height
    return b"".join(rows)


def by_the_tool(latent):
    """The pixels of `tae decode`, through its PNG."""
    header = json.dumps({
        "__metadata__": {"space": "flux2"},
        "latent": {"dtype": "F32", "shape": [1, CHANNELS, HEIGHT, WIDTH],
                   "data_offsets": [0, len(latent)]}}).encode()
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "latent.safetensors")
        source.write_bytes(struct.pack("<Q", len(header)) + header + latent)
        target = pathlib.Path(folder, "picture.png")
        subprocess.run([TAE, "decode", source, "-o", target], check=True,
                       env={**os.environ, **NO_WEIGHTS})
        return pixels_of_png(target.read_bytes())


class CInterface(unittest.TestCase):
    def setUp(self):
        os.environ.update(NO_WEIGHTS)
        self.library = open_library()

    def test_decodes_what_the_tool_decodes(self):
        decoder = ctypes.c_void_p()
        self.assertEqual(
            self.library.tae_open(b"flux2", None, 0, ctypes.byref(decoder)), OK,
            self.library.tae_last_error())
        self.assertEqual(self.library.tae_prepare(
            decoder, HEIGHT, WIDTH, RGB, PRECISION_AUTO), OK)
        rows, columns = HEIGHT * 8, WIDTH * 8
        picture = ctypes.create_string_buffer(rows * columns * 3)
        latent = latent_bytes()
        planes = (ctypes.c_void_p * 1)(ctypes.addressof(picture))
        strides = (ctypes.c_ssize_t * 1)(columns * 3)
        self.assertEqual(self.library.tae_decode(
            decoder, latent, len(latent), F32, NCHW, SAMPLER, planes, strides),
            OK, self.library.tae_last_error())
        self.library.tae_close(decoder)
        self.assertEqual(picture.raw, by_the_tool(latent))

    def test_an_error_is_a_status_and_a_sentence(self):
        decoder = ctypes.c_void_p()
        self.assertEqual(self.library.tae_open(
            b"flux9", None, 0, ctypes.byref(decoder)), INVALID_ARGUMENT)
        self.assertIsNone(decoder.value)
        self.assertIn(b"flux9", self.library.tae_last_error())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

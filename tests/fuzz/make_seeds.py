#!/usr/bin/env python3
"""Writes the first inputs of the fuzz targets that have none: small, right
ones, from which a fuzzer learns what the formats look like.
    make_seeds.py FOLDER"""
import io
import json
import os
import struct
import sys
import zipfile


def safetensors(tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, dtype, shape, payload in tensors:
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(payload)]}
        data += payload
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def latent(channels=4, batch=1, dtype="F16", **metadata):
    size = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8, "U8": 1}[dtype]
    payload = b"\x10\x24\x00\x00\x00\x00\xb0\x3f"[:size] * (
        batch * channels * 4)
    return safetensors([("latent", dtype, [batch, channels, 2, 2], payload)],
                       metadata)


def npy(descr="<f2", shape=(1, 4, 2, 2), size=2):
    text = ("{'descr': '%s', 'fortran_order': False, 'shape': %s, }"
            % (descr, shape))
    text += " " * (-(len(text) + 11) % 64) + "\n"
    count = 1
    for dim in shape:
        count *= dim
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) +
            text.encode() + b"\x00\x24\x00\x00\x00\x00\xb0\x3f"[:size] * count)


def npz(**arrays):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(name + ".npy"), array)
    return file.getvalue()


RUN = dict(space="sd", gen="a", prompt="a cat", step="1", steps="4",
           sigma="0.5", sigma_next="0.25", timestep="999", seed="7", fps="2",
           final="true", pred="x0", domain="sampler", layout="nchw",
           width="16", height="16")
CAPS = ("video/x-latent, format=(string)%s, channels=(int)%d, "
        "latent-width=(int)4, latent-height=(int)2, variant=(string)%s%s")
TENSORS = ("other/tensors, format=(string)static, num_tensors=(int)1, "
           "types=(string)%s, dimensions=(string)%s, "
           "framerate=(fraction)0/1")
ANSWER = ("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
          "a=group:BUNDLE video0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
          "c=IN IP4 0.0.0.0\r\na=mid:video0\r\na=ice-ufrag:abcd\r\n"
          "a=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 " +
          ":".join(["AB"] * 32) + "\r\na=setup:%s\r\na=recvonly\r\n%s")
CANDIDATE = ("a=candidate:1 1 UDP 2015363327 127.0.0.1 40000 typ host\r\n")


def latentfile():
    many = safetensors([("step_%d" % i, "F16", [1, 4, 2, 2], b"\0" * 32)
                        for i in range(3)])
    yield bytes([0]) + latent(**RUN)
    yield bytes([0]) + latent(batch=3) + latent(dtype="F64")
    yield bytes([0]) + many
    yield bytes([1]) + npy() + npy("<f4", (4, 2, 2), 4)
    yield bytes([2]) + npz(latents_2x2=npy("<f4", (4, 2, 2), 4),
                           latents_flipped_2x2=npy("<f4", (4, 2, 2), 4),
                           original_size_2x2=npy("<i8", (2,), 8))
    yield bytes([3]) + safetensors(
        [("latent_tensor", "F32", [1, 4, 2, 2], b"\0" * 64),
         ("latent_format_version_0", "F32", [0], b"")])
    yield bytes([4]) + b"version https://git-lfs.github.com/spec/v1\n"
    yield bytes([5]) + b"<!doctype html><html>"


def tool():
    yield b"\0FILE --tensors\n" + latent(**RUN)
    yield b"\1FILE -o out.png --method linear --variant sd\n" + latent()
    yield b"\1FILE -o out.png --index all --rung full\n" + latent(batch=2)
    yield b"\1FILE -o o --index 0 --domain vae --layout nchw\n" + latent()
    yield b"\2FILE --check\n" + latent(32, space="flux2")
    yield b"\2FILE --table --misses\n" + latent(space="sd")
    yield b"\3FILE --json --check --precision f32\n" + safetensors(
        [("latent", "F16", [1, 4, 2, 2], b"\0" * 32),
         ("image", "F16", [1, 3, 16, 16], b"\0" * 1536)], {"variant": "sd"})
    yield b"\4FILE --method linear\n" + latent(space="sd") * 2
    yield b"\5FILE --thresholds 0.05,0.1 --steps\n" + latent(**RUN) * 3


def weights():
    for which in range(8):
        for edit in (b"\0", b"\1\1" + bytes([which]), b"\1\2\0\3\2"):
            yield bytes([which | 32]) + edit + bytes(range(1, 40))


def caps():
    raw = b"\nvideo/x-raw, format=(string){ RGB, I420, NV12 }"
    for fmt, channels, variant, more in (
            ("F16LE", 4, "sd", ""), ("F32LE", 32, "flux2", ""),
            ("BF16LE", 16, "flux", ", layout=(string)nhwc, pred=(string)x"),
            ("F16LE", 4, "sdxl", ", batch=(int)3, framerate=(fraction)10/1"),
            ("F16LE", 32, "flux2", ", layout=(string)packed, width=(int)32, "
             "height=(int)16, domain=(string)vae")):
        yield (CAPS % (fmt, channels, variant, more)).encode() + raw
    yield (TENSORS % ("float16", "4:2:32:1")).encode() + raw
    yield (TENSORS % ("float32", "4:2:4:1")).encode() + (
        b"\nvideo/x-raw, width=(int)640, height=(int)480")


def parse():
    yield b"\0" + latent(**RUN) * 2
    yield b"\3" + latent(32, space="flux2") + latent(batch=2, space="sd")
    yield b"\7" + npy() + npy("|u1", (4, 2, 2), 1)
    yield b"\xff" + latent(space="sd")[:-7]


def metadata():
    yield "\n".join("%s=%s" % pair for pair in RUN.items()).encode()
    yield b"space=FLUX.2-dev\nquant_scale=1\nquant_offset=0\nsigma=nan\nstep=-1"
    yield b"space=stabilityai/sdxl-turbo\nfps=1/0\nseed=18446744073709551616"


def npy_header():
    for one in (npy(), npy("<f4", (4, 2, 2), 4), npy("|u1", (4, 2, 2), 1),
                npy(">f2"), npy("<f8", (1, 4, 2, 2), 8)):
        yield one[10:]


def answer():
    yield (ANSWER % ("active", "")).encode()
    yield (ANSWER % ("passive", CANDIDATE * 2)).encode()
    yield json.dumps({"sdp": ANSWER % ("active", CANDIDATE)}).encode()


def access():
    yield b"127.0.0.1:8080\nhttp://127.0.0.1:8080\n\na=b; tae_preview_token=x"
    yield b"[::1]:1\nnull\nBearer 0123456789abcdef\n\n0123456789abcdef"
    yield b"localhost\n\n\n\n\n/generations/12/steps/3"


def http():
    host = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    for path in (b"/", b"/status", b"/events", b"/live.mjpg?generation=1",
                 b"/generations/1", b"/generations/1/steps/0/picture.jpg",
                 b"/generations/1/latents.safetensors", b"/snapshot.png",
                 b"/generations/1/timelapse.webm?from=pictures",
                 b"/stop?gen=a"):
        yield b"GET " + path + host + b"\r\n"
    yield (b"POST /stop?generation=1" + host +
           b"Origin: http://127.0.0.1\r\nContent-Length: 0\r\n\r\n")
    yield (b"POST /webrtc/0123" + host + b"Cookie: tae_preview_token=x\r\n"
           b"Authorization: Bearer x\r\nContent-Length: 11\r\n\r\n"
           b'{"sdp":"a"}')
    yield b"HEAD /status" + host + b"Range: bytes=0-4\r\n\r\n"
    yield (b"POST /stop" + host + b"Transfer-Encoding: chunked\r\n\r\n"
           b"2\r\nab\r\n0\r\n\r\n")


def past():
    yield latent(**RUN) * 2
    yield latent(**{**RUN, "gen": "b\u00ff", "prompt": "\ud83d\ude00"})
    yield latent(space="sd", gen="c") + latent(batch=2, space="sd", gen="c")


def main():
    seeds = dict(latentfile=latentfile, tool=tool, weights=weights, caps=caps,
                 parse=parse, metadata=metadata, npy=npy_header, answer=answer, access=access,
                 http=http, past=past)
    for name, inputs in seeds.items():
        folder = os.path.join(sys.argv[1], name)
        os.makedirs(folder, exist_ok=True)
        for number, data in enumerate(inputs()):
            with open(os.path.join(folder, "seed-%02d" % number), "wb") as file:
                file.write(data)


if __name__ == "__main__":
    main()

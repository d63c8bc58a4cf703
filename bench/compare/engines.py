"""The engines that compare.py knows, and the goals set on their ratios."""
import dataclasses
import os

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = '/usr/bin/python3'  # Debian's, which sees Debian's python3-torch

# glibc keeps freed memory: without it page faults double PyTorch's time.
KEPT_MALLOC = {'MALLOC_MMAP_THRESHOLD_': '4294967296',
               'MALLOC_TRIM_THRESHOLD_': '17179869184',
               'MALLOC_TOP_PAD_': '268435456'}


def isa(name):
    """Holds oneDNN, PyTorch's too, and PyTorch's own loops to an ISA."""
    return {'ONEDNN_MAX_CPU_ISA': name, 'DNNL_MAX_CPU_ISA': name,
            'ATEN_CPU_CAPABILITY': 'avx2'}


NO_AMX = isa('AVX512_CORE_BF16')


@dataclasses.dataclass(frozen=True)
class Engine:
    key: str
    label: str
    kind: str  # tae, torch, onednn or onnx
    precision: str
    extra: str = ''  # tae: the pinned instruction set
    env: tuple = ()
    owns_frame: bool = False  # its own memory holds the frame of floats


def tae(key, label, precision, pin=''):
    return Engine(key, label, 'tae', precision, pin)


def torch(key, label, precision, env=()):
    return Engine(key, label, 'torch', precision,
                  env=tuple({**KEPT_MALLOC, **dict(env)}.items()),
                  owns_frame=True)


def onednn(key, label, precision, env=()):
    return Engine(key, label, 'onednn', precision, env=tuple(dict(env).items()),
                  owns_frame=True)


ENGINES = [
    tae('tae-f16', 'tae f16 (default)', 'f16'),
    tae('tae-int8', 'tae int8', 'int8'),
    tae('tae-bf16', 'tae bf16', 'bf16'),
    tae('tae-f32', 'tae f32', 'f32'),
    tae('tae-f16-vnni', 'tae f16, avx512vnni', 'f16', 'avx512vnni'),
    tae('tae-int8-vnni', 'tae int8, avx512vnni', 'int8', 'avx512vnni'),
    tae('tae-f32-avx512', 'tae f32, avx512', 'f32', 'avx512'),
    tae('tae-f16-avx2', 'tae f16, avx2', 'f16', 'avx2'),
    tae('tae-blas', 'tae f32 on OpenBLAS', 'blas'),
    torch('torch-bf16', 'PyTorch bf16', 'bf16'),
    torch('torch-bf16-noamx', 'PyTorch bf16, no AMX', 'bf16', NO_AMX),
    torch('torch-f32', 'PyTorch fp32', 'f32'),
    torch('torch-f32-avx2', 'PyTorch fp32, AVX2', 'f32', isa('AVX2')),
    onednn('onednn-bf16', 'oneDNN bf16', 'bf16'),
    onednn('onednn-bf16-noamx', 'oneDNN bf16, no AMX', 'bf16', NO_AMX),
    onednn('onednn-f32', 'oneDNN fp32', 'f32'),
    Engine('ort-f32', 'ONNX Runtime fp32', 'onnx', 'f32', owns_frame=True),
]

# (what, ours, the fastest of these peers, at least, aim)
FLOATS = ('torch-f32', 'onednn-f32', 'ort-f32')
SPEED_GOALS = [
    ('f16 : fastest peer, no AMX on either side', 'tae-f16-vnni',
     ('torch-bf16-noamx', 'onednn-bf16-noamx', *FLOATS), 2.6, 3.4),
    ('f16 : fastest peer, AMX on both sides', 'tae-f16',
     ('torch-bf16', 'onednn-bf16', *FLOATS), 2.6, 3.4),
    ('f16 : ONNX Runtime fp32, no AMX', 'tae-f16-vnni', ('ort-f32',), 5.3, 7),
    ('f16 : ONNX Runtime fp32', 'tae-f16', ('ort-f32',), 5.3, 7),
    ('f32 : ONNX Runtime fp32, no AMX', 'tae-f32-avx512', ('ort-f32',), 3.5, 4),
    ('f32 : ONNX Runtime fp32', 'tae-f32', ('ort-f32',), 3.5, 4),
    ('int8 : ONNX Runtime fp32, no AMX', 'tae-int8-vnni', ('ort-f32',), 8, 11),
    ('int8 : ONNX Runtime fp32', 'tae-int8', ('ort-f32',), 8, 11),
    ('f16 on AVX2 : PyTorch fp32 on AVX2', 'tae-f16-avx2',
     ('torch-f32-avx2',), 3, 4.5),
]
MEMORY_GOAL = ('memory, ONNX Runtime : f16', 'tae-f16', ('ort-f32',), 80, 120)


@dataclasses.dataclass(frozen=True)
class Setting:
    weights: str
    folder: str   # of prepare.py
    build: str    # with bench/tae_engine
    modules: str  # node_modules
    size: int
    threads: int


def command_of(engine, setting):
    """The words that start the engine, or a sentence why it is skipped."""
    latent = f'{setting.folder}/latent_{setting.size}.f32'
    size, threads = str(setting.size), str(setting.threads)
    words = [setting.weights, latent, size, threads, engine.precision]
    if engine.kind == 'tae':
        program = f'{setting.build}/bench/tae_engine'
        command = [program, *words, engine.extra]
    elif engine.kind == 'onednn':
        program = f'{setting.build}/bench/onednn_engine'
        command = [program, *words]
    elif engine.kind == 'torch':
        program = PYTHON
        command = [program, f'{HERE}/torch_engine.py', *words]
    else:
        program = f'{setting.modules}/onnxruntime-node'
        model = f'{setting.folder}/decoder_{setting.size}.onnx'
        if not os.path.exists(model):
            return f'{model} is not there'
        command = ['node', f'{HERE}/onnx_engine.cjs', program, model, latent,
                   size, threads]
    if not os.path.exists(program):
        return f'{program} is not there'
    return command

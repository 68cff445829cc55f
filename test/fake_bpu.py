# Copyright 2026 The yolo12_ros Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Compiles the stand-in for libdnn, writes models for it, and the checks that backends share."""
import contextlib
import ctypes
from pathlib import Path
import shutil
import subprocess
import sys

import numpy as np
import oracle
import pytest
from recorded_heads import GRIDS, load_heads, reference, STREET
from yolo12_ros.postprocess import HeadFormat, pair_heads, PostProcessor, Settings

SOURCE = Path(__file__).parent / 'fake_libdnn' / 'fake_libdnn.c'
PYTHON_BINDINGS = Path(__file__).parent / 'fake_hobot_dnn'
TYPES = {'int8': 8, 'float16': 10, 'int16': 11, 'float32': 13, 'int32': 14}
NV12, NV12_SEPARATE = 1, 2
BOX_FIRST = (1, 0, 3, 2, 5, 4)
# a black picture for a model of 640 x 640, one of 64 x 64
BLANK, SMALL = np.zeros(640 * 960, np.uint8), np.zeros(64 * 96, np.uint8)


def compile_library(folder, *flags):
    """Compile the stand-in into a folder; returns its path."""
    compiler = shutil.which('cc') or shutil.which('gcc')
    if compiler is None:
        pytest.skip('no C compiler for the stand-in of libdnn')
    library = Path(folder) / 'libdnn.so'
    subprocess.run([compiler, '-O1', '-shared', '-fPIC', '-pthread', *flags, str(SOURCE),
                    '-o', str(library)], check=True)
    return library


@pytest.fixture(scope='session')
def library(tmp_path_factory):
    """Return the path of the compiled stand-in."""
    return str(compile_library(tmp_path_factory.mktemp('libdnn')))


@pytest.fixture
def stand_in(library, monkeypatch):
    """Let open_model find the stand-in; returns it, for its counters and for lifting hangs."""
    monkeypatch.setenv('YOLO12_LIBDNN', library)
    dll = ctypes.CDLL(library)
    yield dll
    dll.fakeLiftHang(0)


@pytest.fixture
def python_bindings():
    """Make the fake hobot_dnn and hbm_runtime importable."""
    # A patch of its own: the test's is then undone first, and brings no module back.
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PYTHON_BINDINGS))
        yield
    for name in ('hbm_runtime', 'hobot_dnn.pyeasy_dnn', 'hobot_dnn', 'fake_model'):
        sys.modules.pop(name, None)


def write_model(path, tensors, scales=None, size=(640, 640), delay_ms=0, padding=0,
                input_type=NV12, order=None, extra=()):
    """
    Write a model file (and its tensors beside it) that answers with fixed heads.

    tensors: (1, H, W, C) each.  scales: as many, None for float.  padding: bytes after the
    channels of each cell.  order: in which the outputs come.  extra: more lines, such as 'hang'.
    """
    path = Path(path)
    lines = ['FAKEDNN1', f'model {path.stem}', f'delay_ms {delay_ms}', *extra,
             input_line(size, input_type)]
    scales = scales or [None] * len(tensors)
    for i in order or range(len(tensors)):
        lines.append(_output(path, f'output{i}', tensors[i], scales[i], padding))
    path.write_text('\n'.join(lines) + '\n')
    return path


def write_echo(path, size, input_type=NV12, extra=()):
    """Write a model that answers with the picture the BPU sees, int8 (1, 1, H * 3 / 2, W)."""
    width, height = size
    path.write_text('\n'.join([
        'FAKEDNN1', *extra, input_line(size, input_type),
        f'output name=o type=8 layout=0 shape=1,1,{height * 3 // 2},{width} echo=1']) + '\n')
    return path


def input_line(size, input_type=NV12):
    """Return the line of an input as the board describes it."""
    width, height = size
    return (f'input name=images type={input_type} layout=2 shape=1,3,{height},{width} '
            f'stride=0,0,0,0 bytes={-(-width // 16) * 16 * height * 3 // 2}')


def small_heads():
    """Return six tensors of a 64 x 64 model with two classes."""
    generator = np.random.default_rng(1)
    return [generator.normal(0, 1, (1, g, g, c)).astype(np.float32)
            for g in (8, 4, 2) for c in (2, 64)]


@contextlib.contextmanager
def outputs_of(model, picture=BLANK):
    """Run one picture; gives the outputs as they are, which lie in the slot."""
    slot = model.acquire(1)
    slot.input[:] = picture
    model.submit(slot)
    yield model.wait(slot, 5)
    model.release(slot)


def check_recording(model, image_id, int32):
    """Compare the detections of a recording, served by a model, with the reference."""
    with outputs_of(model) as outputs:
        found = detections(model, outputs, HeadFormat())
    expected = reference()[image_id]['s32_thr25' if int32 else 'thr25']
    oracle.assert_same(found, list(zip(expected['score'], expected['cls'],
                                       expected['xyxy_net'])), 0.01, 1e-5)


def recording_with_64_classes(int32):
    """Return (tensors, scales, expected detections): class and box tensors have one shape."""
    tensors, scales = load_heads(STREET, int32)
    # the classes that the picture has, so that some are left
    tensors[::2] = [np.ascontiguousarray(t[..., :64]) for t in tensors[::2]]
    levels = [(640 // g, 2 * i, 2 * i + 1, None, scales[2 * i + 1]) for i, g in enumerate(GRIDS)]
    expected = oracle.detect(tensors, levels, 16, 0.25, 0.7, 300)
    assert len(expected) > 10
    return tensors, scales, expected


def check_64_classes(model, expected, output_order):
    """Compare the detections of recording_with_64_classes."""
    form = HeadFormat(class_num=64, output_order=output_order)
    with outputs_of(model) as outputs:
        oracle.assert_same(detections(model, outputs, form), expected)


def detections(model, outputs, form):
    """Decode."""
    heads, _ = pair_heads(model.outputs, model.input_size, form)
    return PostProcessor(heads, form, Settings(0.25, 0.7, 300))(outputs)


def check_two_requests_do_not_mix(model, size):
    """Compare what two slots of an echoing model give with what was put in."""
    pictures = [random_picture(size, seed) for seed in (1, 2)]
    slots = [model.acquire(1) for _ in pictures]
    for slot, picture in zip(slots, pictures):
        slot.input[:] = picture
        model.submit(slot)
    outputs = [model.wait(slot, 5)[0] for slot in slots]
    for output, picture in zip(outputs, pictures):
        np.testing.assert_array_equal(output.view(np.uint8).reshape(-1), picture)
    for slot in slots:
        model.release(slot)


def random_picture(size, seed):
    """Return NV12 noise."""
    return np.random.default_rng(seed).integers(0, 256, size[0] * size[1] * 3 // 2, np.uint8)


def _output(path, name, tensor, scales, padding):
    _, rows, columns, channels = tensor.shape
    item = tensor.dtype.itemsize
    cell = channels * item + padding
    assert cell % item == 0, 'padding must be whole elements'
    padded = np.full((rows, columns, cell), 0x7f, np.uint8)
    padded[:, :, :channels * item] = tensor.reshape(rows, columns, channels).view(np.uint8)
    data = path.with_name(f'{path.stem}_{name}.raw')
    padded.tofile(data)
    strides = (rows * columns * cell, columns * cell, cell, item)
    line = (f'output name={name} type={TYPES[tensor.dtype.name]} layout=0 '
            f'shape={",".join(map(str, tensor.shape))} '
            f'aligned=1,{rows},{columns},{cell // item} '
            f'stride={",".join(map(str, strides))} data={data.name}')
    if scales is not None:
        line += f' quanti=2 axis=3 scale={",".join(repr(float(s)) for s in np.ravel(scales))}'
    return line

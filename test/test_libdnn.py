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

"""libdnn's binding against a stand-in with the vendor's ABI: decoding, description, memory."""
import ctypes
import gc
import subprocess
import sys

from fake_bpu import (BLANK, BOX_FIRST, check_64_classes, check_recording,
                      check_two_requests_do_not_mix, input_line, library, NV12, NV12_SEPARATE,
                      outputs_of, random_picture, recording_with_64_classes, SMALL, small_heads,
                      stand_in, TYPES, write_echo, write_model)
import numpy as np
import pytest
from recorded_heads import CROWD, IMAGE_IDS, load_heads
from yolo12_ros.backends import libdnn_abi as abi, open_model
from yolo12_ros.errors import BackendError, ModelError

pytestmark = pytest.mark.usefixtures('stand_in')
__all__ = ['library', 'stand_in']       # fixtures


@pytest.mark.parametrize('int32', [False, True])
@pytest.mark.parametrize('padding', [0, 64])
@pytest.mark.parametrize('order', [None, BOX_FIRST])
@pytest.mark.parametrize('image_id', IMAGE_IDS)
def test_recorded_heads_give_the_reference(tmp_path, image_id, order, padding, int32):
    tensors, scales = load_heads(image_id, int32)
    path = write_model(tmp_path / 'model.bin', tensors, scales, padding=padding, order=order)
    with open_model(path) as model:
        check_recording(model, image_id, int32)


@pytest.mark.parametrize('int32, order, output_order', [
    (False, None, None), (False, BOX_FIRST, BOX_FIRST), (True, None, None),
    (True, BOX_FIRST, None)])
def test_64_classes(tmp_path, int32, order, output_order):
    tensors, scales, expected = recording_with_64_classes(int32)
    path = write_model(tmp_path / 'model.bin', tensors, scales, order=order)
    with open_model(path) as model:
        check_64_classes(model, expected, output_order)


def test_description(tmp_path):
    heads = small_heads()
    with open_model(write_model(tmp_path / 'tiny.bin', heads, size=(64, 64))) as model:
        assert (model.name, model.backend) == ('tiny', 'libdnn 1.24.5_(fake)')
        assert (model.input_size, model.limits) == ((64, 64), '')
        assert [o.shape for o in model.outputs] == [t.shape for t in heads]
        assert [o.name for o in model.outputs] == [f'output{i}' for i in range(6)]
        assert all(o.dtype == np.float32 and o.scales is None for o in model.outputs)


@pytest.mark.parametrize('dtype', TYPES)
@pytest.mark.parametrize('padding', [0, 32])
def test_output_types(tmp_path, dtype, padding):
    tensor = (np.arange(2 * 3 * 4) - 9).reshape(1, 2, 3, 4).astype(dtype)
    path = write_model(tmp_path / 'm.bin', [tensor], [[0.5]], (64, 64), padding=padding)
    with open_model(path) as model, outputs_of(model, SMALL) as (output,):
        assert output.dtype == model.outputs[0].dtype == dtype
        assert output.strides[2] == 4 * tensor.itemsize + padding
        np.testing.assert_array_equal(output, tensor)


def test_scales_are_copies(tmp_path):
    tensors, scales = load_heads(CROWD, int32=True)
    model = open_model(write_model(tmp_path / 'model.bin', tensors, scales))
    kept = [o.scales for o in model.outputs]
    model.close()
    for scale, expected in zip(kept, scales):
        assert (scale is None) == (expected is None)
        if expected is not None:
            np.testing.assert_array_equal(scale, expected)


OUTPUT = 'output name=o type=14 layout=0 shape=1,2,2,4 '


@pytest.mark.parametrize('line, expected', [
    ('quanti=0', None), ('quanti=2 scale=0.25', [0.25]), ('quanti=1 shift=3', [0.125]),
    ('quanti=1 axis=3 shift=0,1,2,31', [1, 0.5, 0.25, 2.0**-31]),
    ('quanti=2 axis=3 scale=1,2,3,4 zp=0,0,0,0', [1, 2, 3, 4])])
def test_quantisation(tmp_path, line, expected):
    path = tmp_path / 'm.bin'
    path.write_text(f'FAKEDNN1\n{input_line((64, 64))}\n{OUTPUT}{line}\n')
    with open_model(path) as model:
        scales = model.outputs[0].scales
        assert scales is None if expected is None else scales.tolist() == expected
        assert expected is None or scales.dtype == np.float32


@pytest.mark.parametrize('line, words', [
    ('quanti=2 axis=3 scale=1,2,3,4 zp=0,0,1,0', 'output o has zero points'),
    ('quanti=2 axis=1 scale=1,2', 'has 2 scales along axis 1'),
    ('quanti=2 axis=2 scale=1,2,3,4', 'has 4 scales along axis 2')])
def test_quantisation_that_cannot_be_used(tmp_path, line, words):
    path = tmp_path / 'm.bin'
    path.write_text(f'FAKEDNN1\n{input_line((64, 64))}\n{OUTPUT}{line}\n')
    with pytest.raises(ModelError, match=words):
        open_model(path)


@pytest.mark.parametrize('width', [64, 60, 34])
@pytest.mark.parametrize('input_type', [NV12, NV12_SEPARATE])
def test_the_picture_reaches_the_bpu(tmp_path, width, input_type):
    """Also where its rows have to be padded; a forgotten flush would fail here."""
    with open_model(write_echo(tmp_path / 'm.bin', (width, 32), input_type)) as model:
        for seed in range(3):
            picture = random_picture((width, 32), seed)
            with outputs_of(model, picture) as (seen,):
                np.testing.assert_array_equal(seen.view(np.uint8).reshape(-1), picture)


def test_requests_do_not_mix(tmp_path):
    with open_model(write_echo(tmp_path / 'm.bin', (64, 64), extra=['delay_ms 5'])) as model:
        check_two_requests_do_not_mix(model, (64, 64))


def test_an_nhwc_input(tmp_path):
    path = tmp_path / 'm.bin'
    line = input_line((60, 32)).replace('layout=2 shape=1,3,32,60', 'layout=0 shape=1,32,60,3')
    path.write_text(f'FAKEDNN1\n{line}\noutput name=o type=8 layout=0 shape=1,1,48,60 echo=1\n')
    picture = random_picture((60, 32), 1)
    with open_model(path) as model, outputs_of(model, picture) as (seen,):
        assert model.input_size == (60, 32)
        np.testing.assert_array_equal(seen.view(np.uint8).reshape(-1), picture)


@pytest.mark.parametrize('input_type', [NV12, NV12_SEPARATE])
def test_nothing_is_copied(tmp_path, input_type):
    """The input is BPU memory, outputs are read-only views on it, the same ones each time."""
    path = write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64), input_type=input_type)
    with open_model(path) as model:
        slot = model.acquire()
        assert slot.input.ctypes.data == slot.input.base.memory.sys.virAddr
        assert slot.input.shape == (64 * 96,) and slot.input.dtype == np.uint8
        model.submit(slot)
        outputs = model.wait(slot, 1)
        addresses = [o.ctypes.data for o in outputs]
        assert addresses == [o.base.memory.sys.virAddr for o in outputs]
        assert not any(o.flags.writeable for o in outputs)
        model.submit(slot)
        assert [o.ctypes.data for o in model.wait(slot, 1)] == addresses


def test_a_view_keeps_its_memory_alive(tmp_path, stand_in):
    model = open_model(write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64)))
    with outputs_of(model, SMALL) as outputs:
        view = outputs[0]
    del outputs
    model.close()
    gc.collect()
    assert stand_in.fakeLiveAllocs() == 1
    np.testing.assert_array_equal(view, small_heads()[0])
    del view
    assert stand_in.fakeLiveAllocs() == 0


def test_the_structures_have_the_layout_of_the_header():
    sizes = {abi.SysMem: 24, abi.TensorShape: 36, abi.QuantiShift: 16, abi.QuantiScale: 32,
             abi.TensorProperties: 176, abi.Tensor: 272, abi.InferCtrlParam: 32}
    offsets = {
        abi.SysMem: {'phyAddr': 0, 'virAddr': 8, 'memSize': 16},
        abi.TensorShape: {'dimensionSize': 0, 'numDimensions': 32},
        abi.QuantiShift: {'shiftLen': 0, 'shiftData': 8},
        abi.QuantiScale: {'scaleLen': 0, 'scaleData': 8, 'zeroPointLen': 16, 'zeroPointData': 24},
        abi.TensorProperties: {
            'validShape': 0, 'alignedShape': 36, 'tensorLayout': 72, 'tensorType': 76,
            'shift': 80, 'scale': 96, 'quantiType': 128, 'quantizeAxis': 132,
            'alignedByteSize': 136, 'stride': 140},
        abi.Tensor: {'sysMem': 0, 'properties': 96},
        abi.InferCtrlParam: {'bpuCoreId': 0, 'dspCoreId': 4, 'priority': 8, 'more': 12,
                             'customId': 16, 'reserved1': 24, 'reserved2': 28}}
    for struct, size in sizes.items():
        assert ctypes.sizeof(struct) == size
        assert {name: getattr(struct, name).offset for name, _ in struct._fields_} == \
            offsets[struct]


def test_bytes_behind_the_structures_stay_intact(tmp_path):
    """Libdnn reads and writes its structures to their end and no further."""
    canary = b'\x5c' * 64
    with open_model(write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64))) as model:
        slot = model.acquire()
        guarded = {}
        for owner, name in ((slot, '_outputs'), (slot, '_control'), (slot._picture, 'tensor')):
            struct = getattr(owner, name)
            guarded[name] = bytearray(bytes(struct) + canary)
            setattr(owner, name, type(struct).from_buffer(guarded[name]))
        for _ in range(3):
            model.submit(slot)
            np.testing.assert_array_equal(model.wait(slot, 1)[1], small_heads()[1])
    assert all(memory.endswith(canary) for memory in guarded.values())


def test_priority_and_core_reach_libdnn(tmp_path, library):
    """In a process of its own: the stand-in reads the name of its log once."""
    path = write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64))
    code = ('import sys, numpy as np; from yolo12_ros.backends import open_model; '
            'model = open_model(sys.argv[1], priority=77, core=1); '
            'model.infer(np.zeros(64 * 96, np.uint8)); model.close()')
    log = tmp_path / 'log.txt'
    done = subprocess.run([sys.executable, '-c', code, str(path)], capture_output=True, text=True,
                          env={'YOLO12_LIBDNN': library, 'FAKE_DNN_TRACE': str(log),
                               'PYTHONPATH': ':'.join(p or '.' for p in sys.path)})
    assert done.returncode == 0, done.stderr
    assert 'Infer task_in=(nil) ctrl{bpu=1 dsp=0 prio=77 more=0 custom=0 r=0,0}' in log.read_text()


def test_a_process_that_does_not_close_ends_cleanly(tmp_path, library):
    """With an inference in flight, too."""
    path = write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64), delay_ms=200)
    code = ('import sys; from yolo12_ros.backends import open_model; '
            'model = open_model(sys.argv[1]); slot = model.acquire(); model.submit(slot)')
    log = tmp_path / 'log.txt'
    done = subprocess.run([sys.executable, '-c', code, str(path)], capture_output=True, text=True,
                          env={'YOLO12_LIBDNN': library, 'FAKE_DNN_TRACE': str(log),
                               'PYTHONPATH': ':'.join(p or '.' for p in sys.path)})
    assert (done.returncode, done.stderr) == (0, '')
    calls = log.read_text()
    assert 'Infer ' in calls and 'FreeMem' not in calls     # the BPU may still be writing


def test_a_wrong_picture_is_refused(tmp_path):
    with open_model(write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64))) as model:
        with pytest.raises(BackendError, match='takes 6144 bytes of NV12, got 614400'):
            model.infer(BLANK)
        with pytest.raises(BackendError, match='float32'):
            model.infer(SMALL.astype(np.float32))

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

"""pyeasy_dnn's backend against a fake with the traps of the real one."""
import re
import sys
import types

from fake_bpu import (BLANK, BOX_FIRST, check_64_classes, check_recording,
                      check_two_requests_do_not_mix, input_line, NV12_SEPARATE, outputs_of,
                      python_bindings, random_picture, recording_with_64_classes, SMALL,
                      small_heads, write_echo, write_model)
import numpy as np
import pytest
from recorded_heads import CROWD, load_heads, STREET
from yolo12_ros.backends import open_model
from yolo12_ros.errors import BackendError, ModelError

__all__ = ['python_bindings']       # a fixture


@pytest.fixture(autouse=True)
def pyeasy_dnn(python_bindings):
    """Return the fake; nothing may have leaked or overflown."""
    from hobot_dnn import pyeasy_dnn
    for record in (pyeasy_dnn.leaked, pyeasy_dnn.overflows, pyeasy_dnn.calls):
        record.clear()
    yield pyeasy_dnn
    assert not pyeasy_dnn.leaked and not pyeasy_dnn.overflows


def opened(path, **options):
    return open_model(path, 'pyeasy_dnn', **options)


@pytest.mark.parametrize('int32', [False, True])
@pytest.mark.parametrize('order', [None, BOX_FIRST])
@pytest.mark.parametrize('image_id', [CROWD, STREET])
def test_recorded_heads_give_the_reference(tmp_path, image_id, order, int32):
    tensors, scales = load_heads(image_id, int32)
    path = write_model(tmp_path / 'model.bin', tensors, scales, order=order)
    with opened(path) as model:
        check_recording(model, image_id, int32)


@pytest.mark.parametrize('int32, order, output_order', [
    (False, None, None), (False, BOX_FIRST, BOX_FIRST), (True, BOX_FIRST, None)])
def test_64_classes(tmp_path, int32, order, output_order):
    tensors, scales, expected = recording_with_64_classes(int32)
    with opened(write_model(tmp_path / 'm.bin', tensors, scales, order=order)) as model:
        check_64_classes(model, expected, output_order)


def test_description(tmp_path, pyeasy_dnn):
    path = write_model(tmp_path / 'tiny.bin', small_heads(), size=(64, 64))
    with opened(path, priority=7, core=1, model_name='tiny') as model:
        assert (model.name, model.backend) == ('tiny', 'pyeasy_dnn')
        assert model.input_size == (64, 64)
        assert 'overlap' in model.limits and 'timeout' in model.limits
        model.infer(SMALL)
    assert pyeasy_dnn.calls == [(1, 7)]


def test_scales_are_copies(tmp_path, pyeasy_dnn):
    """What the library gives is a view on its own memory."""
    tensors, scales = load_heads(CROWD, int32=True)
    with opened(write_model(tmp_path / 'm.bin', tensors, scales)) as model:
        for tensor in model._model.outputs:
            tensor.properties.scale_data[:] = 0
        np.testing.assert_array_equal(model.outputs[1].scales, scales[1])
        assert model.outputs[0].scales is None


def test_requests_do_not_mix(tmp_path):
    """Although the second overwrites the memory of the first."""
    with opened(write_echo(tmp_path / 'm.bin', (64, 32))) as model:
        check_two_requests_do_not_mix(model, (64, 32))


@pytest.mark.parametrize('layout, shape', [('2', '1,3,32,64'), ('0', '1,32,64,3')])
def test_input_layouts(tmp_path, layout, shape):
    path = tmp_path / 'm.bin'
    line = input_line((64, 32)).replace('layout=2 shape=1,3,32,64', f'layout={layout} '
                                        f'shape={shape}')
    path.write_text(f'FAKEDNN1\n{line}\noutput name=o type=8 shape=1,1,48,64 echo=1\n')
    picture = random_picture((64, 32), 3)
    with opened(path) as model, outputs_of(model, picture) as (seen,):
        assert model.input_size == (64, 32)
        np.testing.assert_array_equal(seen.view(np.uint8).reshape(-1), picture)


@pytest.mark.parametrize('line, error, words', [
    (input_line((60, 32), NV12_SEPARATE), BackendError, '60x32 NV12_SEPARATE: pyeasy_dnn does'),
    (input_line((64, 32)).replace('type=1', 'type=4'), ModelError, 'type RGB: expected one NV12'),
    ('', ModelError, '0 inputs'),
    *[(f'{input_line((64, 32))}\noutput name=o {line}', error, words) for line, error, words in [
        ('type=10 shape=1,2,2,4', BackendError, 'float16 (1, 2, 2, 4), which pyeasy_dnn'),
        ('type=9 shape=1,2,2,4', BackendError, 'output o is uint8'),
        ('type=13 shape=1,8', BackendError, 'it knows four dimensions'),
        ('type=8 shape=1,2,2,80', BackendError, 'rows of 80 bytes, which the BPU pads'),
        ('type=14 shape=1,2,2,255', BackendError, 'rows of 1020 bytes'),
        ('type=11 shape=1,2,2,68', BackendError, 'rows of 136 bytes'),
        ('type=14 shape=1,2,2,64 quanti=2 axis=3 scale=1,2', ModelError, 'has 2 scales')]],
])
def test_models_that_cannot_be_used(tmp_path, line, error, words):
    path = tmp_path / 'm.bin'
    path.write_text(f'FAKEDNN1\n{line}\n')
    with pytest.raises(error, match=re.escape(words)):
        opened(path)


def test_a_broken_file(tmp_path):
    """The SystemError itself says nothing; its cause does."""
    path = tmp_path / 'm.bin'
    path.write_text('ONNX')
    with pytest.raises(ModelError, match='m.bin cannot be loaded by pyeasy_dnn: hbDNNInit'):
        opened(path)


def test_an_unknown_model_name(tmp_path):
    path = write_model(tmp_path / 'tiny.bin', small_heads(), size=(64, 64))
    with pytest.raises(ModelError, match=r"1 models \(tiny\), none is named 'n'"):
        opened(path, model_name='n')


def test_a_failed_inference(tmp_path):
    path = write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64), extra=['fail_infer 1'])
    with opened(path) as model:
        for _ in range(3):
            with pytest.raises(BackendError, match='pyeasy_dnn: forward execution failed.'):
                model.infer(SMALL)


@pytest.mark.parametrize('picture', [
    BLANK, SMALL[:-1], SMALL.astype(np.float32), np.repeat(SMALL, 2)[::2]])
def test_the_picture_is_checked_before_the_call(tmp_path, pyeasy_dnn, picture):
    """The real one would write past its memory, or read on in the old picture."""
    with opened(write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64))) as model:
        with pytest.raises(BackendError, match='takes 6144 contiguous bytes of NV12, got '):
            model.run(picture)
    assert not pyeasy_dnn.calls


def test_the_other_name_of_the_package(tmp_path, monkeypatch, pyeasy_dnn):
    monkeypatch.setitem(sys.modules, 'hobot_dnn', None)
    monkeypatch.delitem(sys.modules, 'hobot_dnn.pyeasy_dnn')
    other = types.ModuleType('hobot_dnn_rdkx5')
    other.__path__ = []
    monkeypatch.setitem(sys.modules, 'hobot_dnn_rdkx5', other)
    monkeypatch.setitem(sys.modules, 'hobot_dnn_rdkx5.pyeasy_dnn', pyeasy_dnn)
    with opened(write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64))) as model:
        assert model.backend == 'pyeasy_dnn'


def test_without_the_library(tmp_path, monkeypatch):
    for name in ('hobot_dnn', 'hobot_dnn_rdkx5'):
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, f'{name}.pyeasy_dnn', raising=False)
    with pytest.raises(BackendError) as e:
        opened(write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64)))
    for words in ('hobot_dnn', 'hobot_dnn_rdkx5', 'deb hobot-spdev', 'NumPy below 2'):
        assert words in str(e.value)

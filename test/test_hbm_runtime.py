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

"""hbm_runtime's backend against a fake with the traps of the real one."""
import re
import threading
import time

from fake_bpu import (BLANK, BOX_FIRST, check_64_classes, check_recording,
                      check_two_requests_do_not_mix, input_line, NV12_SEPARATE, python_bindings,
                      recording_with_64_classes, SMALL, small_heads, write_echo, write_model)
import numpy as np
import pytest
from recorded_heads import CROWD, load_heads, STREET
from yolo12_ros.backends import open_model
from yolo12_ros.errors import BackendError, ModelError

__all__ = ['python_bindings']       # a fixture


@pytest.fixture(autouse=True)
def hbm_runtime(python_bindings):
    """Return the fake; nothing may have ended the process."""
    import hbm_runtime
    hbm_runtime.killed.clear()
    yield hbm_runtime
    assert not hbm_runtime.killed


def opened(path, **options):
    return open_model(path, 'hbm_runtime', **options)


@pytest.mark.parametrize('int32', [False, True])
@pytest.mark.parametrize('padding', [0, 64])
@pytest.mark.parametrize('order', [None, BOX_FIRST])
@pytest.mark.parametrize('image_id', [CROWD, STREET])
def test_recorded_heads_give_the_reference(tmp_path, image_id, order, padding, int32):
    tensors, scales = load_heads(image_id, int32)
    path = write_model(tmp_path / 'model.bin', tensors, scales, padding=padding, order=order)
    with opened(path) as model:
        check_recording(model, image_id, int32)


@pytest.mark.parametrize('int32, order, output_order', [
    (False, None, None), (False, BOX_FIRST, BOX_FIRST), (True, BOX_FIRST, None)])
def test_64_classes(tmp_path, int32, order, output_order):
    tensors, scales, expected = recording_with_64_classes(int32)
    with opened(write_model(tmp_path / 'm.bin', tensors, scales, order=order)) as model:
        check_64_classes(model, expected, output_order)


def test_description(tmp_path):
    path = write_model(tmp_path / 'tiny.bin', small_heads(), size=(64, 64))
    with opened(path, priority=7, core=1, model_name='tiny') as model:
        assert (model.name, model.backend) == ('tiny', 'hbm_runtime 3.0.9_(fake)')
        assert model.input_size == (64, 64)
        for lost in ('overlap', 'timeout', 'priority', 'ends the process'):
            assert lost in model.limits
        assert '\n' not in model.limits


def test_requests_do_not_mix(tmp_path):
    with opened(write_echo(tmp_path / 'm.bin', (64, 32))) as model:
        check_two_requests_do_not_mix(model, (64, 32))


def test_requests_of_several_threads_queue(tmp_path):
    """The library refuses a second run at a time."""
    path = write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64), delay_ms=2)
    failures = []

    def work():
        try:
            for _ in range(5):
                model.infer(SMALL)
        except BackendError as e:
            failures.append(e)
    with opened(path) as model:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures


def test_the_limits_are_true(tmp_path):
    """The fake holds the GIL as the real one does, so a timeout comes when all is over."""
    path = write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64), delay_ms=100)
    with opened(path) as model:
        start = time.monotonic()
        try:
            model.infer(SMALL, 0.01)
        except BackendError as e:
            assert 'did not finish' in str(e)
        assert time.monotonic() - start > 0.09


@pytest.mark.parametrize('line, error, words', [
    (input_line((300, 32)), BackendError, '300x32 NV12: hbm_runtime only runs NV12 whose width'),
    (input_line((64, 32), NV12_SEPARATE), BackendError, '64x32 NV12_SEPARATE'),
    (input_line((64, 32)).replace('type=1', 'type=4'), ModelError, 'type RGB: expected one NV12'),
    (f'{input_line((64, 32))}\n{input_line((64, 32)).replace("images", "second")}', ModelError,
     '2 inputs'),
    ('', ModelError, '0 inputs'),
    *[(f'{input_line((64, 32))}\noutput name=o {line}', error, words) for line, error, words in [
        ('type=9 layout=0 shape=1,2,2,4', ModelError, 'output o is of type U8'),
        ('type=14 shape=1,2,2,4 quanti=1 shift=3', BackendError, 'is quantised by SHIFT'),
        ('type=14 shape=1,2,2,4 quanti=2 scale=1 zp=5', ModelError, 'zero points'),
        ('type=14 shape=1,2,2,4 quanti=2 axis=1 scale=1,2', ModelError, 'along axis 1')]],
])
def test_models_that_cannot_be_used(tmp_path, line, error, words):
    path = tmp_path / 'm.bin'
    path.write_text(f'FAKEDNN1\n{line}\n')
    with pytest.raises(error, match=re.escape(words)):
        opened(path)


def test_a_broken_file(tmp_path):
    path = tmp_path / 'm.bin'
    path.write_text('ONNX')
    with pytest.raises(ModelError, match='m.bin cannot be loaded by hbm_runtime: hbDNNInit'):
        opened(path)


def test_an_unknown_model_name(tmp_path):
    path = write_model(tmp_path / 'tiny.bin', small_heads(), size=(64, 64))
    with pytest.raises(ModelError, match=r"1 models \(tiny\), none is named 'n'"):
        opened(path, model_name='n')


@pytest.mark.parametrize('picture', [
    BLANK, SMALL[:-1], SMALL.astype(np.float32), np.repeat(SMALL, 2)[::2]])
def test_the_picture_is_checked_before_the_call(tmp_path, picture):
    """What libdnn refuses would end the process."""
    with opened(write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64))) as model:
        with pytest.raises(BackendError, match='takes 6144 contiguous bytes of NV12, got '):
            model.run(picture)


@pytest.mark.parametrize('error', [ImportError('no'), OSError('libhbucp.so: cannot open')])
def test_without_the_library(tmp_path, monkeypatch, error):
    """Also the wheel of another board, which is found but cannot be loaded."""
    def find_spec(name, *_):
        if name == 'hbm_runtime':
            raise error
    monkeypatch.delitem(__import__('sys').modules, 'hbm_runtime')
    monkeypatch.setattr('sys.meta_path', [type('Finder', (), {
        'find_spec': staticmethod(find_spec)}), *__import__('sys').meta_path])
    with pytest.raises(BackendError, match=f'hbm_runtime cannot be imported .{error}.: it comes'):
        opened(write_model(tmp_path / 'm.bin', small_heads(), size=(64, 64)))

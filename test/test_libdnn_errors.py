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

"""Each error code at each call, libraries that must be refused, models that cannot be used."""
import gc
import re

from fake_bpu import (compile_library, input_line, library, NV12_SEPARATE, SMALL, stand_in,
                      write_model)
import numpy as np
import pytest
from yolo12_ros.backends import libdnn, libdnn_abi
from yolo12_ros.errors import BackendError, ConfigError, InferenceTimeout, ModelError

__all__ = ['library', 'stand_in']       # fixtures
HEADS = [np.zeros((1, 2, 2, c), np.float32) for c in (2, 64)]
CODES = {
    -6000001: 'INVALID_ARGUMENT', -6000002: 'INVALID_MODEL',
    -6000003: 'MODEL_NUMBER_EXCEED_LIMIT', -6000004: 'INVALID_PACKED_DNN_HANDLE',
    -6000005: 'INVALID_DNN_HANDLE', -6000006: 'CAN_NOT_OPEN_FILE', -6000007: 'OUT_OF_MEMORY',
    -6000008: 'TIMEOUT', -6000009: 'TASK_NUM_EXCEED_LIMIT',
    -6000010: 'TASK_BATCH_SIZE_EXCEED_LIMIT', -6000011: 'INVALID_TASK_HANDLE',
    -6000012: 'RUN_TASK_FAILED', -6000013: 'MODEL_IS_RUNNING', -6000014: 'INCOMPATIBLE_MODEL',
    -6000015: 'API_USE_ERROR', -6000016: 'MULTI_PROGRESS_USE_ERROR',
    -6000129: 'INVALID_ARGUMENT', -6000130: 'OUT_OF_MEMORY', -6000131: 'REGISTER_MEM_FAILED',
    -7: 'unknown code'}
FILE_AT_FAULT = (-6000001, -6000002, -6000003, -6000006, -6000014)


def model_file(tmp_path, *extra):
    return write_model(tmp_path / 'model.bin', HEADS, size=(64, 64), extra=extra)


def failure(model):
    """Return (type, text) of what an inference raises; the error itself would keep the slot."""
    with pytest.raises(BackendError) as e:
        model.infer(SMALL, 1)
    return e.type, str(e.value)


def check(text, code, function):
    """Compare a message with what it has to say."""
    meaning = libdnn_abi.ERRORS.get(code, ('', 'see hb_dnn_status.h'))[1]
    for words in (str(code), CODES[code], meaning, f'{function} failed', 'libdnn: '):
        assert words in text


@pytest.mark.parametrize('code', CODES)
def test_codes_at_load(tmp_path, library, code):
    path = model_file(tmp_path, f'fail_load {code}')
    with pytest.raises((ModelError, BackendError)) as e:
        libdnn.open_file(path, library=library)
    assert isinstance(e.value, ModelError) == (code in FILE_AT_FAULT)
    assert str(path) in str(e.value)
    check(str(e.value), code, 'hbDNNInitializeFromFiles')


@pytest.mark.parametrize('line, function, code', [
    (line, function, code) for line, function in [
        ('fail_infer {}', 'hbDNNInfer'), ('fail_wait {}', 'hbDNNWaitTaskDone'),
        ('fail_clean {}', 'hbSysFlushMem'), ('fail_invalidate {}', 'hbSysFlushMem'),
        ('fail_alloc {}', 'hbSysAllocCachedMem'), ('fail_alloc {} 2', 'hbSysAllocCachedMem')]
    for code in CODES if (line, code) != ('fail_wait {}', -6000008)])   # which is no failure
def test_codes_of_a_request(tmp_path, library, stand_in, code, line, function):
    """Neither task nor memory is left, and what comes after fails in the same way."""
    with libdnn.open_file(model_file(tmp_path, line.format(code)), library=library) as model:
        for _ in range(40 if code == -6000012 else 2):      # more than there can be tasks
            kind, text = failure(model)
            assert not issubclass(kind, InferenceTimeout)
            check(text, code, function)
        assert stand_in.fakeLiveTasks() == 0
    gc.collect()
    assert stand_in.fakeLiveAllocs() == 0


def test_a_library_without_texts(tmp_path):
    """As that of the X3 generation, which has no hbDNNGetErrorDesc."""
    library = compile_library(tmp_path, '-DFAKE_WITHOUT_DESC')
    with libdnn.open_file(model_file(tmp_path, 'fail_infer -6000012'), library=library) as model:
        assert failure(model)[1] == (
            'hbDNNInfer failed: RUN_TASK_FAILED (-6000012): the inference failed on the BPU or in '
            'a CPU operator')


@pytest.mark.parametrize('flag, words', [
    ('-DFAKE_S100', 'another generation (RDK S100'),
    ('-DFAKE_VERSION="2.1.0"', 'version 2.1.0: expected 1.x'),
    ('-DFAKE_VERSION="11.0"', 'version 11.0: expected 1.x'),
    ('-DFAKE_VERSION=""', 'version unknown: expected 1.x'),
    ('-DFAKE_WITHOUT_FLUSH', 'lacks hbSysFlushMem'),
])
def test_foreign_libraries_are_refused(tmp_path, flag, words):
    path = compile_library(tmp_path, flag)
    with pytest.raises(BackendError, match=re.escape(words)) as e:
        libdnn_abi.Library(path)
    assert str(path) in str(e.value)


def test_the_guard_leaves_without_a_model(tmp_path, stand_in):
    """A description that makes no sense is found before memory is allocated by it."""
    library = compile_library(tmp_path, '-DFAKE_LARGER_PROPERTIES')
    with pytest.raises(BackendError, match='describes input 0 with more bytes than'):
        libdnn.open_file(model_file(tmp_path), library=library)


PICTURE = input_line((64, 64))


@pytest.mark.parametrize('lines, error, words', [
    (PICTURE.replace('bytes=6144', 'bytes=6143'), BackendError, '6143 bytes for 64x64 NV12'),
    (PICTURE.replace('type=1', 'type=4'), ModelError, 'type RGB: expected one NV12 '
     'picture: compile the model with hb_mapper'),
    (PICTURE.replace('type=1', 'type=13').replace(' stride=0,0,0,0 bytes=6144', ''), ModelError,
     'an input of type F32'),
    (f'{PICTURE}\n{PICTURE}', ModelError, '2 inputs: expected one'),
    ('', ModelError, '0 inputs: expected one'),
    (PICTURE.replace('1,3,64,64', '1,3,63,64'), ModelError, '(1, 3, 63, 64): expected'),
    (PICTURE.replace('1,3,64,64', '1,4,64,64'), ModelError, '(1, 4, 64, 64): expected'),
    (PICTURE.replace('1,3,64,64', '64,64'), ModelError, '(64, 64): expected'),
    (PICTURE.replace('layout=2', 'layout=7'), BackendError, 'the layout 7'),
    (PICTURE.replace('type=1', 'type=19'), BackendError, 'the type 19'),
    (PICTURE.replace('1,3,64,64', '1,3,64,0'), BackendError, 'the shape (1, 3, 64, 0)'),
    *[(f'{PICTURE}\noutput name=o {line}', error, words) for line, error, words in [
        ('type=6 shape=1,2,2,8', ModelError, 'output o is of type S4: expected F32'),
        ('type=8 layout=1 shape=1,2,2,8', ModelError, "in the BPU's own layout (NHCW)"),
        ('type=9 shape=1,2,2,8', ModelError, 'output o is of type U8'),
        ('type=16 shape=1,2,2,8', ModelError, 'output o is of type F64'),
        ('type=13 shape=1,2,2,8 stride=64,64,32,8', BackendError, 'strides (64, 64, 32, 8)'),
        ('type=13 shape=1,2,2,8 stride=64,32,16,4', BackendError, 'strides (64, 32, 16, 4)'),
        ('type=13 shape=1,2,2,8 bytes=127', BackendError, '127 bytes for (1, 2, 2, 8)'),
        ('type=14 shape=1,2,2,8 quanti=3', BackendError, 'the quantisation 3'),
        ('type=14 shape=1,2 quanti=2 scale=1,2,3', BackendError, '3 scales'),
    ]],
])
def test_models_that_cannot_be_used(tmp_path, library, stand_in, lines, error, words):
    path, models = tmp_path / 'model.bin', stand_in.fakeLiveModels()
    path.write_text(f'FAKEDNN1\n{lines}\n')
    with pytest.raises(error, match=re.escape(words)):
        libdnn.open_file(path, library=library)
    assert (stand_in.fakeLiveAllocs(), stand_in.fakeLiveModels()) == (0, models)


@pytest.mark.parametrize('options', [{'priority': 256}, {'priority': -1}, {'core': 3}])
def test_options_out_of_range(tmp_path, library, options):
    with pytest.raises(ConfigError, match='expected 0 to 255 and 0, 1 or 2'):
        libdnn.open_file(model_file(tmp_path), library=library, **options)


def test_a_core_that_is_not_there(tmp_path, library):
    with libdnn.open_file(model_file(tmp_path), library=library, core=2) as model:
        assert 'hbDNNInfer failed: INVALID_ARGUMENT' in failure(model)[1]


def test_model_name(tmp_path, library):
    path = model_file(tmp_path)
    for wanted in ('', 'model'):
        with libdnn.open_file(path, library=library, model_name=wanted) as model:
            assert model.name == 'model'
    with pytest.raises(ModelError, match=r'1 models \(model\), none is named .other.: set '):
        libdnn.open_file(path, library=library, model_name='other')


@pytest.mark.parametrize('content, words', [
    ('', 'INVALID_MODEL'), ('ONNX', 'INVALID_MODEL'),
    (f'FAKEDNN1\n{PICTURE}\noutput name=o type=13 shape=1,1 data=gone.raw', 'CAN_NOT_OPEN_FILE')])
def test_broken_files(tmp_path, library, content, words):
    path = tmp_path / 'broken.bin'
    path.write_text(content)
    with pytest.raises(ModelError, match=f'broken.bin cannot be loaded: .*{words}'):
        libdnn.open_file(path, library=library)


def test_separate_planes_on_a_board_that_gives_no_memory(tmp_path, library, stand_in):
    path = write_model(tmp_path / 'm.bin', HEADS, size=(60, 32), input_type=NV12_SEPARATE,
                       extra=['fail_alloc -6000130 1'])
    with libdnn.open_file(path, library=library) as model:
        assert 'out of BPU memory' in failure(model)[1]
    gc.collect()
    assert stand_in.fakeLiveAllocs() == 0


def test_no_library():
    with pytest.raises(BackendError, match='/nowhere/libdnn.so: .*deb hobot-dnn'):
        libdnn_abi.Library('/nowhere/libdnn.so')

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

"""Which backend runs a .bin, and what is said when none can."""
import sys

from fake_bpu import (compile_library, input_line, library, python_bindings, SMALL, small_heads,
                      stand_in, write_model)
import numpy as np
import pytest
from yolo12_ros.backends import open_model
from yolo12_ros.errors import BackendError, ModelError

__all__ = ['library', 'python_bindings', 'stand_in']        # fixtures
BINDINGS = ('hbm_runtime', 'hobot_dnn', 'hobot_dnn_rdkx5')


@pytest.fixture
def path(tmp_path):
    """Return a small model."""
    return write_model(tmp_path / 'small.bin', small_heads(), size=(64, 64))


@pytest.fixture
def hide(monkeypatch):
    """Return a function that makes modules impossible to import."""
    def hidden(*names):
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)
            monkeypatch.delitem(sys.modules, f'{name}.pyeasy_dnn', raising=False)
    return hidden


def no_libdnn(monkeypatch):
    monkeypatch.setenv('YOLO12_LIBDNN', '/nowhere/libdnn.so')


def run(path, backend='auto', **options):
    """Return the name of the backend after one inference."""
    with open_model(path, backend, **options) as model:
        np.testing.assert_array_equal(model.infer(SMALL)[1], small_heads()[1])
        return model.backend.split()[0]


def test_the_order(path, stand_in, python_bindings, monkeypatch, hide):
    """Libdnn first, then hbm_runtime, then pyeasy_dnn."""
    options = {'slots': 3, 'priority': 1, 'core': 1, 'model_name': 'small'}
    assert run(path, **options) == 'libdnn'
    no_libdnn(monkeypatch)
    assert run(path, **options) == 'hbm_runtime'
    hide('hbm_runtime')
    assert run(path, **options) == 'pyeasy_dnn'


@pytest.mark.parametrize('backend', ['libdnn', 'hbm_runtime', 'pyeasy_dnn'])
def test_a_backend_by_name(path, stand_in, python_bindings, backend):
    assert run(path, backend) == backend


def test_the_library_by_option(path, library, monkeypatch):
    """It goes before the environment variable."""
    no_libdnn(monkeypatch)
    assert run(path, library=library) == 'libdnn'


@pytest.mark.parametrize('flag', ['-DFAKE_S100', '-DFAKE_VERSION="2.0.1"', '-DFAKE_WITHOUT_FLUSH',
                                  '-DFAKE_LARGER_PROPERTIES'])
def test_a_libdnn_that_is_refused_leads_to_the_next(tmp_path, path, python_bindings, flag):
    """As on an image whose libdnn is newer than this package."""
    refused = compile_library(tmp_path, flag)
    assert run(path, library=refused) == 'hbm_runtime'


def test_a_model_that_hbm_runtime_would_run_wrongly(tmp_path, python_bindings, monkeypatch):
    no_libdnn(monkeypatch)
    path = tmp_path / 'm.bin'
    path.write_text(f'FAKEDNN1\n{input_line((60, 32))}\noutput name=o type=13 shape=1,2,2,4\n')
    with open_model(path) as model:
        assert model.backend == 'pyeasy_dnn'


def test_a_file_at_fault_is_not_tried_elsewhere(tmp_path, stand_in, python_bindings):
    path = tmp_path / 'broken.bin'
    path.write_bytes(b'\0' * 100)
    with pytest.raises(ModelError, match=r'broken.bin cannot be loaded: hbDNNInitializeFromFiles '
                       r'failed: INVALID_MODEL \(-6000002\)'):
        open_model(path)


def test_on_a_pc(path, monkeypatch, hide):
    """Each backend says what it lacks, and the way out is named."""
    no_libdnn(monkeypatch)
    hide(*BINDINGS)
    with pytest.raises(BackendError) as e:
        open_model(path)
    lines = str(e.value).splitlines()
    assert lines[0] == 'no backend can run small.bin:'
    assert lines[1].startswith('  libdnn: libdnn cannot be loaded: /nowhere/libdnn.so: ')
    assert lines[2].startswith('  hbm_runtime: hbm_runtime cannot be imported (')
    assert lines[3].startswith('  pyeasy_dnn: pyeasy_dnn cannot be imported (')
    assert lines[4:] == ['a .bin model runs on the BPU of an RDK X5 only; on a PC use the .onnx '
                         'that it was compiled from']
    with pytest.raises(BackendError) as e:
        open_model(path, 'libdnn')
    assert 'hbm_runtime' not in str(e.value) and '.onnx' in str(e.value)


def test_on_a_pc_as_it_is(path, monkeypatch):
    """Without any preparation: this machine has no BPU either."""
    monkeypatch.delenv('YOLO12_LIBDNN', raising=False)
    from yolo12_ros.backends.libdnn_abi import Library
    try:
        Library()
    except BackendError as e:
        assert 'deb hobot-dnn' in str(e)
    else:
        pytest.skip('this machine has a libdnn')
    with pytest.raises(BackendError, match='(?s)no backend can run small.bin.*use the .onnx'):
        open_model(path)

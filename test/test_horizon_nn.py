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
"""The backend for D-Robotics' simulator, against a stand-in with the real one's attributes."""
import sys
from types import ModuleType

import numpy as np
import pytest

from yolo12_ros.backends import open_model
from yolo12_ros.errors import BackendError, ModelError
from yolo12_ros.images import Nv12Image

PICTURE = np.random.default_rng(0).integers(0, 256, (32, 64, 3)).astype(np.uint8)


class HB_ONNXRuntime:       # noqa: N801 (the vendor's name)
    """Gives back its input: as horizon_tc_ui 1.24.3 describes an NV12 model's quantised ONNX."""

    input_names, input_types, layout = ['images'], [3], ['NHWC']
    input_shapes = [['?', 32, 64, 3]]
    output_names, output_types = ['output0', 'output1'], [1, 1]
    output_shapes = [[1, 4, 8, 5], [1, 4, 8, 64]]

    def __init__(self, model_file):
        self._text = open(model_file).read()
        if self._text:
            raise RuntimeError('no model')

    def run(self, output_names, input_info):
        assert output_names == self.output_names
        (name, value), = input_info.items()
        assert name == 'images' and value.dtype == np.int8 and value.shape == (1, 32, 64, 3)
        return [value.astype(np.float32), np.zeros(1, np.float32)]


@pytest.fixture
def simulator(monkeypatch):
    """Install the stand-in; returns its class."""
    module = ModuleType('horizon_tc_ui')
    module.HB_ONNXRuntime = type('HB_ONNXRuntime', (HB_ONNXRuntime,), {})
    monkeypatch.setitem(sys.modules, 'horizon_tc_ui', module)
    return module.HB_ONNXRuntime


@pytest.fixture
def path(tmp_path):
    """Return a file that the stand-in takes."""
    (tmp_path / 'x_quantized_model.onnx').touch()
    return tmp_path / 'x_quantized_model.onnx'


def test_nv12_becomes_yuv444_less_128(simulator, path):
    nv12 = Nv12Image.from_bgr(PICTURE)
    with open_model(path, 'horizon_nn') as model:
        got = model.infer(np.frombuffer(nv12.tobytes(), np.uint8))[0][0]
        assert model.input_size == (64, 32) and 'simulator' in model.limits
        assert [(o.name, o.shape, o.dtype, o.scales) for o in model.outputs] == [
            ('output0', (1, 4, 8, 5), np.float32, None),
            ('output1', (1, 4, 8, 64), np.float32, None)]
    for row, column in ((0, 0), (7, 12), (31, 63)):
        expected = [nv12.y[row, column], *nv12.uv[row // 2, column // 2]]
        assert list(got[row, column] + 128) == expected


@pytest.mark.parametrize('changed, words', [
    ({'input_types': [1]}, 'expected one input int8'),
    ({'input_types': [3, 3]}, 'expected one input int8'),
    ({'layout': ['NCHW']}, 'input_type_rt nv12'),
    ({'input_shapes': [['?', 31, 64, 3]]}, 'H and W even'),
    ({'output_types': [1, 6]}, 'expected float32 outputs')])
def test_models_that_cannot_serve(simulator, path, monkeypatch, changed, words):
    for name, value in changed.items():
        monkeypatch.setattr(simulator, name, value)
    with pytest.raises(ModelError, match=words):
        open_model(path, 'horizon_nn')


def test_a_broken_file(simulator, path):
    path.write_text('text')
    with pytest.raises(ModelError, match='cannot be loaded by horizon_tc_ui: no model'):
        open_model(path, 'horizon_nn')


def test_a_model_of_hb_mapper_goes_from_onnxruntime_to_the_simulator(simulator, tmp_path):
    onnx = pytest.importorskip('onnx', reason='onnx is not installed')
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    value = onnx.helper.make_tensor_value_info('x', onnx.TensorProto.INT8, [1])
    node = onnx.helper.make_node('HzSQuantizedPreprocess', ['x'], ['y'], domain='horizon')
    graph = onnx.helper.make_graph([node], 'g', [value], [
        onnx.helper.make_tensor_value_info('y', onnx.TensorProto.FLOAT, [1])])
    onnx.save(onnx.helper.make_model(graph, ir_version=6, opset_imports=[
        onnx.helper.make_opsetid('', 11), onnx.helper.make_opsetid('horizon', 1)]),
        str(tmp_path / 'q.onnx'))
    simulator.__init__ = lambda self, model_file: None
    with open_model(tmp_path / 'q.onnx') as model:
        assert model.backend == 'horizon_nn'


def test_without_the_simulator(path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'horizon_tc_ui', None)
    with pytest.raises(BackendError, match='in the wheel rdkx5-yolo-mapper for Python 3.10'):
        open_model(path, 'horizon_nn')

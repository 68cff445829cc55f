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

"""
pyeasy_dnn, the vendor's older Python binding, as the last resort.

It reads as many bytes as its memory has, whatever it is given, and reports every failure as a
SystemError; so everything is checked here before the call.  Its properties `alignedShape` and
`validShape` are never touched: each access leaks, and gives an address, not a shape.
"""
import importlib
from typing import List

import numpy as np

from . import TensorInfo
from .bpu import (channel_scales, check_input_type, check_picture, chosen_model, output_type,
                  picture_size)
from .threaded import ThreadedModel
from ..errors import BackendError, ModelError

MODULES = ('hobot_dnn', 'hobot_dnn_rdkx5')
# Its C code sets an exception and still returns a value, so Python raises SystemError from it.
FAILURES = (SystemError, RuntimeError, TypeError)
# Its names: ours.  Other types it copies as if they were int8.
TYPES = {'int8': 'S8', 'int16': 'S16', 'int32': 'S32', 'float32': 'F32'}
# Bytes that a row of a quantised output can have without padding, after whole 256s.
_UNPADDED = (0, 16, 32, 64, 128)


def open_file(path, slots: int = 2, priority: int = 0, core: int = 0, model_name: str = '',
              library=None) -> 'PyeasyModel':
    """
    Open a .bin file with one NV12 input; only the first model of a file can be reached.

    priority: 0 to 255.  core: 0 any, 1 the first.  library is libdnn's and has no effect here.

    Raises BackendError without pyeasy_dnn and for a model that it would run wrongly, ModelError
    when the file is at fault.
    """
    dnn = _import()
    try:
        models = dnn.load(str(path))
    except FAILURES as e:
        raise ModelError(f'{path} cannot be loaded by pyeasy_dnn: {e.__cause__ or e}') from e
    chosen_model(path, [models[0].name], model_name)
    return PyeasyModel(path, models[0], slots, priority, core)


class PyeasyModel(ThreadedModel):
    """A model; the worker thread copies the outputs out before the next inference."""

    limits = ('pyeasy_dnn stops all of Python during an inference: nothing overlaps and a timeout '
              'cannot interrupt it')

    def __init__(self, path, model, slots: int, priority: int, core: int):
        inputs = model.inputs
        kind = inputs[0].properties.tensor_type if inputs else ''
        check_input_type(str(path), len(inputs), kind)
        self.name = model.name
        self.backend = 'pyeasy_dnn'
        self.input_size = width, height = picture_size(str(path), inputs[0].properties.shape)
        if kind != 'NV12' and width % 16:
            raise BackendError(f'the input of {path} is {width}x{height} {kind}: pyeasy_dnn does '
                               'not pad the rows of separate planes to 16 bytes')
        self.outputs = tuple(_describe(path, output) for output in model.outputs)
        self._model = model
        self._options = {'core_id': core, 'priority': priority}
        super().__init__(slots)

    def run(self, nv12: np.ndarray) -> List[np.ndarray]:
        """Infer uint8 (W * H * 3 / 2,) NV12."""
        check_picture(f'pyeasy_dnn model {self.name}', nv12, self.input_size)
        try:
            tensors = self._model.forward(nv12, **self._options)
            return [np.asarray(tensor.buffer) for tensor in tensors]    # a copy each
        except FAILURES as e:
            raise BackendError(f'pyeasy_dnn: {e.__cause__ or e}') from e


def _import():
    reasons = []
    for name in MODULES:
        try:
            return importlib.import_module(f'{name}.pyeasy_dnn')
        except (ImportError, OSError) as e:     # OSError: its wheel installs where it cannot load
            reasons.append(str(e))
    raise BackendError(f'pyeasy_dnn cannot be imported ({"; ".join(reasons)}): it comes with the '
                       'RDK X5 (deb hobot-spdev), for Python 3.10 and NumPy below 2')


def _describe(path, output) -> TensorInfo:
    where, properties = f'{path}: output {output.name}', output.properties
    shape = tuple(properties.shape)
    if len(shape) != 4 or properties.tensor_type not in TYPES:
        raise BackendError(f'{where} is {properties.tensor_type} {shape}, which pyeasy_dnn copies '
                           f'wrongly: it knows four dimensions of {", ".join(TYPES)}')
    dtype = output_type(where, TYPES[properties.tensor_type])
    if dtype.kind == 'f':
        return TensorInfo(output.name, shape, dtype)
    if shape[-1] * dtype.itemsize % 256 not in _UNPADDED:
        raise BackendError(f'{where} has rows of {shape[-1] * dtype.itemsize} bytes, which the '
                           'BPU pads and pyeasy_dnn reads as if it did not')
    return TensorInfo(output.name, shape, dtype,
                      channel_scales(where, shape, properties.scale_data))

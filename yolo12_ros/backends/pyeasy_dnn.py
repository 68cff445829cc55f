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
The vendor's pyeasy_dnn, the last resort.

It checks nothing: a buffer of a wrong size is a heap overflow, so sizes are checked here.  Never
read alignedShape and validShape of its properties: each access leaks.
"""
import importlib
from typing import List

import numpy as np

from . import TensorInfo
from .threaded import ThreadedModel
from ..errors import BackendError, ModelError

MODULES = ('hobot_dnn', 'hobot_dnn_rdkx5')
# All failures arrive as SystemError with the real one as its cause.
FAILURES = (SystemError, RuntimeError, TypeError)
DTYPES = ('int8', 'int16', 'int32', 'float32')
# Bytes of the innermost dimension of quantised outputs are padded to 256 k + one of these.
_UNPADDED = (0, 16, 32, 64, 128)


def open_file(path, slots: int = 2, model_name: str = '') -> 'PyeasyModel':
    """
    Open a .bin with an NV12 input.

    Raises BackendError without the library, ModelError for a file that it cannot serve.
    """
    dnn = _import()
    try:
        models = dnn.load(str(path))
    except FAILURES as e:
        raise ModelError(f'{path} cannot be loaded by pyeasy_dnn: {e.__cause__ or e}') from e
    model = models[0]
    if model_name and model.name != model_name:
        raise ModelError(f'{path} holds the model {model.name!r}, not {model_name!r}: correct '
                         '"model_name"')
    return PyeasyModel(path, model, slots)


class PyeasyModel(ThreadedModel):
    """The first model of a file; input and output memory is one set, so requests queue."""

    limits = 'pyeasy_dnn holds Python during inference: no overlap, no timeout'

    def __init__(self, path, model, slots: int):
        self.name = model.name
        self.backend = 'pyeasy_dnn, BPU'
        self._model = model
        properties = model.inputs[0].properties
        shape = tuple(properties.shape)
        if len(model.inputs) != 1 or properties.tensor_type not in ('NV12', 'NV12_SEPARATE'):
            raise ModelError(f'{path} has {len(model.inputs)} inputs, the first of type '
                             f'{properties.tensor_type}: compile it with one input and '
                             'input_type_rt nv12')
        height, width = shape[2:] if properties.layout == 'NCHW' else shape[1:3]
        self.input_size = width, height
        self.outputs = tuple(_describe(path, output) for output in model.outputs)
        super().__init__(slots)

    def run(self, nv12: np.ndarray) -> List[np.ndarray]:
        """Infer uint8 (W * H * 3 / 2,) NV12."""
        width, height = self.input_size
        if nv12.dtype != np.uint8 or nv12.shape != (width * height * 3 // 2,) or \
                not nv12.flags.c_contiguous:
            raise BackendError(f'pyeasy_dnn takes contiguous uint8 ({width * height * 3 // 2},), '
                               f'got {nv12.dtype} {nv12.shape}')
        try:
            # buffer is a copy; the next forward overwrites what a tensor would return
            return [np.asarray(tensor.buffer).reshape(info.shape)
                    for tensor, info in zip(self._model.forward(nv12), self.outputs)]
        except FAILURES as e:
            raise BackendError(f'pyeasy_dnn: {e.__cause__ or e}') from e


def _import():
    reasons = []
    for name in MODULES:
        try:
            return importlib.import_module(f'{name}.pyeasy_dnn')
        except (ImportError, OSError) as e:     # OSError: the wheel installs anywhere
            reasons.append(str(e))
    raise BackendError(f'pyeasy_dnn cannot be imported ({"; ".join(reasons)}): it comes with the '
                       'RDK X5 system image')


def _describe(path, output) -> TensorInfo:
    properties = output.properties
    dtype, shape = properties.dtype, tuple(properties.shape)
    if dtype not in DTYPES:
        raise ModelError(f'{path}: output {output.name} is {dtype}, which pyeasy_dnn returns '
                         f'wrongly: expected {", ".join(DTYPES)}')
    innermost = shape[-1] * np.dtype(dtype).itemsize
    if dtype != 'float32' and innermost % 256 not in _UNPADDED:
        raise ModelError(f'{path}: output {output.name} {shape} {dtype} has padded rows, which '
                         'pyeasy_dnn reads wrongly: use libdnn, or leave its Dequantize node in')
    scales = np.array(properties.scale_data, np.float32, copy=True).reshape(-1)
    return TensorInfo(output.name, shape, np.dtype(dtype), scales if scales.size else None)

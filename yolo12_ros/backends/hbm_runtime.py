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
The vendor's hbm_runtime, for boards whose libdnn our own binding refuses.

An invalid argument kills the process there, so everything is checked before the call.
"""
from typing import List

import numpy as np

from . import TensorInfo
from .threaded import ThreadedModel
from ..errors import BackendError, ModelError


def open_file(path, slots: int = 2, model_name: str = '') -> 'HbmRuntimeModel':
    """
    Open a .bin with an NV12 input.

    Raises BackendError without hbm_runtime, ModelError for a file that it cannot serve.
    """
    try:
        from hbm_runtime import HB_HBMRuntime
    except (ImportError, OSError) as e:     # OSError: the wheel of another board
        raise BackendError(f'hbm_runtime cannot be imported ({e}): it comes with RDK OS 3.5 and '
                           'later') from e
    try:
        runtime = HB_HBMRuntime(str(path))
    except (RuntimeError, ValueError, TypeError, OSError) as e:
        raise ModelError(f'{path} cannot be loaded by hbm_runtime: {e}') from e
    return HbmRuntimeModel(path, runtime, slots, model_name)


class HbmRuntimeModel(ThreadedModel):
    """One model; requests queue, since a second run() at a time is refused."""

    limits = ('hbm_runtime holds Python during inference: no overlap, no timeout, no priority, '
              'and a failed inference goes unnoticed or ends the process')

    def __init__(self, path, runtime, slots: int, model_name: str):
        names = list(runtime.model_names)
        if (model_name or names[0]) not in names or (not model_name and len(names) != 1):
            raise ModelError(f'{path} holds the models {names}: set "model_name" to one of them')
        self.name = model_name or names[0]
        self._runtime = runtime
        inputs = list(runtime.input_names[self.name])
        shape = tuple(runtime.input_shapes[self.name][inputs[0]])
        if len(inputs) != 1 or len(shape) != 4 or 3 not in (shape[1], shape[3]):
            raise ModelError(f'{path} has the inputs {inputs}, the first {shape}: expected one '
                             'NV12 picture')
        height, width = shape[2:] if shape[1] == 3 else shape[1:3]
        if width % 16 or height % 2:
            raise ModelError(f'{path}: the input is {width}x{height}; hbm_runtime feeds pictures '
                             'wrongly whose width is no multiple of 16')
        self._input = inputs[0]
        self.input_size = width, height
        self.backend = f'hbm_runtime {getattr(runtime, "version", lambda: "")()}, BPU'.strip()
        grey = np.full(width * height * 3 // 2, 128, np.uint8)
        self._output_names = list(runtime.output_names[self.name])
        # The arrays of a first run say what no description says for sure: the dtype.
        self.outputs = tuple(
            TensorInfo(name, tuple(array.shape), array.dtype, self._scales(name))
            for name, array in zip(self._output_names, self.run(grey)))
        super().__init__(slots)

    def _scales(self, name: str):
        quantisation = self._runtime.output_quants[self.name][name]
        scale = np.array(getattr(quantisation, 'scale', ()), np.float32).reshape(-1)
        zero_point = np.array(getattr(quantisation, 'zero_point', ()))
        if zero_point.any():
            raise ModelError(f'output {name} is quantised with zero points, which are not '
                             'supported')
        return scale if scale.size else None

    def run(self, nv12: np.ndarray) -> List[np.ndarray]:
        """Infer uint8 (W * H * 3 / 2,) NV12."""
        width, height = self.input_size
        if nv12.dtype != np.uint8 or nv12.shape != (width * height * 3 // 2,):
            raise BackendError(f'hbm_runtime takes uint8 ({width * height * 3 // 2},), got '
                               f'{nv12.dtype} {nv12.shape}')
        picture = np.ascontiguousarray(nv12)
        outputs = self._runtime.run({self._input: picture})[self.name]
        return [outputs[name] for name in self._output_names]

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
hbm_runtime, the vendor's Python binding of RDK OS 3.5 and later: for a libdnn that ours refuses.

What it does not check kills the process or gives a skewed picture, so it is checked here before
the call.
"""
from typing import List

import numpy as np

from . import TensorInfo
from .bpu import (channel_scales, check_input_type, check_picture, chosen_model, output_type,
                  picture_size)
from .threaded import ThreadedModel
from ..errors import BackendError, ModelError


def open_file(path, slots: int = 2, priority: int = 0, core: int = 0, model_name: str = '',
              library=None) -> 'HbmRuntimeModel':
    """
    Open a .bin file with one NV12 input.

    model_name: of a file that packs several.  priority, core and library are libdnn's; this
    binding takes no notice of them.

    Raises BackendError without hbm_runtime and for a model that it would run wrongly, ModelError
    when the file is at fault.
    """
    try:
        from hbm_runtime import HB_HBMRuntime
    except (ImportError, OSError) as e:     # OSError: a library that it needs is missing
        raise BackendError(f'hbm_runtime cannot be imported ({e}): it comes with RDK OS 3.5.0 and '
                           'later, for Python 3.10; the one on PyPI is for another board') from e
    try:
        runtime = HB_HBMRuntime(str(path))
    except Exception as e:                  # pybind11 gives what C++ throws many types
        raise ModelError(f'{path} cannot be loaded by hbm_runtime: {e}') from e
    name = chosen_model(path, list(runtime.model_names), model_name)
    return HbmRuntimeModel(path, runtime, name, slots)


class HbmRuntimeModel(ThreadedModel):
    """A model; its outputs are new BPU memory each time, freed with the arrays."""

    limits = ('hbm_runtime stops all of Python during an inference: nothing overlaps, a timeout '
              'cannot interrupt it, priority and core have no effect, and a failed inference '
              'returns old data or ends the process')

    def __init__(self, path, runtime, name: str, slots: int):
        self.name = name
        version = getattr(runtime, 'version', None)
        self.backend = f'hbm_runtime {version()}' if callable(version) else 'hbm_runtime'
        self._runtime = runtime
        inputs = list(runtime.input_names[name])
        kind = _last_word(runtime.input_dtypes[name][inputs[0]]) if inputs else ''
        check_input_type(str(path), len(inputs), kind)
        self._input = inputs[0]
        self.input_size = width, height = \
            picture_size(str(path), runtime.input_shapes[name][self._input])
        if kind != 'NV12' or width % 16:
            raise BackendError(f'the input of {path} is {width}x{height} {kind}: hbm_runtime only '
                               'runs NV12 whose width is a multiple of 16, others come out skewed')
        self.outputs = tuple(_describe(path, runtime, name, output)
                             for output in runtime.output_names[name])
        super().__init__(slots)

    def run(self, nv12: np.ndarray) -> List[np.ndarray]:
        """Infer uint8 (W * H * 3 / 2,) NV12."""
        check_picture(f'hbm_runtime model {self.name}', nv12, self.input_size)
        outputs = self._runtime.run({self.name: {self._input: nv12}})[self.name]
        return [outputs[info.name] for info in self.outputs]


def _describe(path, runtime, model: str, name: str) -> TensorInfo:
    where = f'{path}: output {name}'
    shape = tuple(runtime.output_shapes[model][name])
    dtype = output_type(where, _last_word(runtime.output_dtypes[model][name]))
    quantisation = runtime.output_quants[model][name]
    kind = _last_word(quantisation.quant_type)
    if dtype.kind == 'f' or kind == 'NONE':
        return TensorInfo(name, shape, dtype)
    if kind != 'SCALE':
        raise BackendError(f'{where} is quantised by {kind}, whose factors hbm_runtime does not '
                           'give')
    return TensorInfo(name, shape, dtype,
                      channel_scales(where, shape, quantisation.scale, quantisation.axis,
                                     quantisation.zero_point))


def _last_word(member) -> str:
    """Return the name of a member of one of its enumerations, such as hbDNNDataType.F32."""
    return str(getattr(member, 'name', member)).rpartition('.')[2]

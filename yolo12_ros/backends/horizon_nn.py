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
D-Robotics' simulator for the quantised ONNX that hb_mapper writes beside a .bin.

It has the integers of the compiled model, on any x86: what quantisation costs, without a board.
"""
from pathlib import Path
from typing import List

import numpy as np

from . import TensorInfo
from .bpu import picture_size
from .threaded import ThreadedModel
from ..errors import BackendError, ModelError
from ..images import nv12_planes

_INT8, _FLOAT = 3, 1        # of ONNX's TensorProto.DataType


def open_file(path, slots: int = 2, threads: int = 0) -> 'HorizonModel':
    """
    Open a ..._quantized_model.onnx whose input at run time is NV12.

    threads: of other backends.  Raises BackendError without the simulator, ModelError for a file
    that cannot serve.
    """
    try:
        from horizon_tc_ui import HB_ONNXRuntime
    except ImportError as e:
        raise BackendError(f"D-Robotics' simulator is not installed ({e}): it comes with "
                           'hb_mapper, in the wheel rdkx5-yolo-mapper for Python 3.10') from e
    try:
        session = HB_ONNXRuntime(model_file=str(path))
    except Exception as e:      # it has no base of its own
        raise ModelError(f'{path} cannot be loaded by horizon_tc_ui: {e}') from e
    return HorizonModel(Path(path), session, slots)


class HorizonModel(ThreadedModel):
    """A session with one input, int8 (N, H, W, 3): YUV 4:4:4 less 128, as of NV12 on the BPU."""

    backend = 'horizon_nn'
    limits = "D-Robotics' simulator: the results of the compiled model, not its speed"

    def __init__(self, path: Path, session, slots: int):
        shape = tuple(session.input_shapes[0])
        if list(session.input_types) != [_INT8] or session.layout[0] != 'NHWC':
            raise ModelError(f'{path}: expected one input int8 (1, H, W, 3), got types '
                             f'{session.input_types}, shapes {session.input_shapes}: give the '
                             '..._quantized_model.onnx of a model with input_type_rt nv12')
        if any(kind != _FLOAT for kind in session.output_types):
            raise ModelError(f'{path}: expected float32 outputs, got {session.output_types}')
        self.name = path.stem
        self.input_name = session.input_names[0]
        self.input_size = picture_size(str(path), (1, *shape[1:]))
        self.outputs = tuple(
            TensorInfo(name, tuple(shape), np.dtype(np.float32))
            for name, shape in zip(session.output_names, session.output_shapes))
        self._session = session
        super().__init__(slots)

    def run(self, nv12: np.ndarray) -> List[np.ndarray]:
        """Infer uint8 (W * H * 3 / 2,) NV12."""
        y, uv = nv12_planes(nv12, self.input_size)
        yuv = np.dstack([y, uv.repeat(2, axis=0).repeat(2, axis=1)]) ^ 128      # less 128, as int8
        return self._session.run([o.name for o in self.outputs],
                                 {self.input_name: yuv.view(np.int8)[np.newaxis]})

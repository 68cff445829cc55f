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
ONNX Runtime: the same NV12 input and the same heads as on the BPU, on any PC.

The session takes RGB 0..1 in NCHW, so the picture goes from NV12 to RGB here, as the BPU does it.
"""
import json
from typing import Dict, List

import cv2
import numpy as np

from . import TensorInfo
from .threaded import ThreadedModel
from ..errors import BackendError, ModelError
from ..images import nv12_to_rgb

# Metadata of the .onnx: JSON {output name: [scale, ...]} for integer outputs.
SCALES_KEY = 'yolo12_ros.scales'
# Metadata of a model that `yolo12 quantize` made: what it is not.
ESTIMATE_KEY = 'yolo12_ros.estimate'


def open_file(path, slots: int = 2, threads: int = 0) -> 'OnnxModel':
    """
    Open an .onnx file on the CPU.

    threads: of ONNX Runtime, 0 for one a core.  Raises BackendError without onnxruntime and for
    a model of hb_mapper's, ModelError for a file that cannot serve.
    """
    try:
        import onnxruntime
    except ImportError as e:
        raise BackendError(f'onnxruntime is not installed ({e}): pip install onnxruntime') from e
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, ['CPUExecutionProvider'])
    except Exception as e:      # onnxruntime's exceptions have no common base of their own
        if 'horizon:' in str(e):
            raise BackendError(f"{path} has operators of D-Robotics' tools") from e
        raise ModelError(f'{path} cannot be loaded by onnxruntime: {e}') from e
    return OnnxModel(path, session, f'onnxruntime {onnxruntime.__version__}, CPU', slots)


class OnnxModel(ThreadedModel):
    """A session with one input, float32 (1, 3, H, W) RGB 0..1, H and W even."""

    def __init__(self, path, session, backend: str, slots: int):
        inputs = session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        fixed = len(shape) == 4 and all(isinstance(n, int) for n in shape)
        if not fixed or shape[:2] != [1, 3] or inputs[0].type != 'tensor(float)':
            raise ModelError(f'{path}: expected one input float32 (1, 3, H, W) of fixed size, got '
                             f'{[(i.name, i.type, i.shape) for i in inputs]}')
        if shape[2] % 2 or shape[3] % 2:
            raise ModelError(f'{path}: the input is {shape[3]}x{shape[2]}, NV12 needs even sides')
        self.name = path.stem
        self.backend = backend
        self.input_size = shape[3], shape[2]
        self.outputs = _describe(path, session)
        self.limits = session.get_modelmeta().custom_metadata_map.get(ESTIMATE_KEY, '')
        self._session = session
        self.input_name = inputs[0].name
        super().__init__(slots)

    def run(self, nv12: np.ndarray) -> List[np.ndarray]:
        """Infer uint8 (W * H * 3 / 2,) NV12."""
        return self.run_rgb(nv12_to_rgb(nv12, self.input_size))

    def run_rgb(self, rgb: np.ndarray) -> List[np.ndarray]:
        """Infer uint8 (H, W, 3) RGB, to compare with what NV12 costs."""
        blob = cv2.dnn.blobFromImage(rgb, 1 / 255)
        return self._session.run([o.name for o in self.outputs], {self.input_name: blob})


def _describe(path, session):
    scales = _scales(path, session.get_modelmeta().custom_metadata_map.get(SCALES_KEY, '{}'))
    outputs = []
    for o in session.get_outputs():
        if not all(isinstance(n, int) for n in o.shape):
            raise ModelError(f'{path}: output {o.name} has the shape {o.shape}: export the model '
                             'with a fixed input size')
        kind = o.type[7:-1]         # of 'tensor(kind)'
        try:
            dtype = np.dtype({'float': 'float32', 'double': 'float64'}.get(kind, kind))
        except TypeError as e:
            raise ModelError(f'{path}: output {o.name} is {o.type}: expected numbers') from e
        outputs.append(TensorInfo(o.name, tuple(o.shape), dtype, scales.get(o.name)))
    return tuple(outputs)


def _scales(path, text: str) -> Dict[str, np.ndarray]:
    """Return the scales by output name.  Raises ModelError."""
    try:
        return {name: np.array(values, np.float32).reshape(-1)
                for name, values in json.loads(text).items()}
    except (AttributeError, TypeError, ValueError) as e:
        raise ModelError(f'{path}: its metadata {SCALES_KEY} must be JSON '
                         f'{{output name: [scale, ...]}}: {e}') from e

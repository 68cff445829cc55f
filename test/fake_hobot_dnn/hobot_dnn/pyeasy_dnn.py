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
A fake pyeasy_dnn with the traps of the real one.

Failures are SystemErrors with the real error as their cause; nothing is checked; strides are
ignored; one memory for all requests; alignedShape and validShape are addresses that leak.
"""
import ctypes

from fake_model import DTYPES, FakeModel
import numpy as np

leaked = []         # what alignedShape and validShape have allocated
overflows = []      # sizes of inputs that did not fit: the real one writes past its memory
calls = []          # (core_id, priority) of each forward


def _system_error(name):
    return SystemError(f'<built-in method {name}> returned a result with an exception set')


class TensorProperties:
    """Description of a tensor."""

    def __init__(self, tensor):
        self._tensor = tensor
        kind = tensor.type
        self.tensor_type = DTYPES.get(kind, kind)
        self.dtype = DTYPES.get(kind, 'uint8')
        self.layout = tensor.layout
        self.shape = tensor.shape

    @property
    def scale_data(self):
        """Return a view on the library's memory."""
        return self._tensor.scale

    @property
    def alignedShape(self):
        """Return the address of a structure that nobody frees."""
        leaked.append((ctypes.c_int32 * 9)(*self._tensor.shape))
        return ctypes.addressof(leaked[-1])

    validShape = alignedShape


class pyDNNTensor:
    """A tensor whose memory the next forward overwrites."""

    def __init__(self, tensor):
        self._tensor = tensor
        self.name = tensor.name
        self.properties = TensorProperties(tensor)

    @property
    def buffer(self):
        """Return a copy of as many bytes as the valid shape has, padding or not."""
        dtype = {'S16': 'int16', 'S32': 'int32', 'F32': 'float32'}.get(self._tensor.type, 'int8')
        shape = self._tensor.shape[:4]
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return self._tensor.memory[:size].copy().view(dtype).reshape(shape)


class Model:
    """A model; one set of memory."""

    def __init__(self, path):
        self._fake = FakeModel(path)
        self.name = self._fake.name
        self.estimate_latency = 100

    @property
    def inputs(self):
        """Return new wrappers each time."""
        return [pyDNNTensor(t) for t in self._fake.inputs]

    @property
    def outputs(self):
        """Return new wrappers each time."""
        return [pyDNNTensor(t) for t in self._fake.outputs]

    def forward(self, arg, core_id=0, priority=0):
        """Run: `size` bytes are copied, whatever their type; anything else keeps the old input."""
        calls.append((core_id, priority))
        if isinstance(arg, np.ndarray):
            memory = self._fake.inputs[0].memory
            if arg.size > memory.size:
                overflows.append(arg.size)
            count = min(arg.size, memory.size)
            memory[:count] = np.frombuffer(ctypes.string_at(arg.ctypes.data, count), np.uint8)
        if 'fail_infer' in self._fake.fails:
            raise _system_error('forward') from RuntimeError('forward execution failed.')
        self._fake.run()
        return self.outputs


def load(model_file):
    """Load a file or a list of files; one model each."""
    files = model_file if isinstance(model_file, list) else [model_file]
    if not all(isinstance(f, str) for f in files):
        raise _system_error('load') from TypeError('model_file must be str')
    try:
        return [Model(f) for f in files]
    except (OSError, ValueError):
        raise _system_error('load') from RuntimeError('hbDNNInitializeFromFiles failed')

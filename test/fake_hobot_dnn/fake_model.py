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

"""Reads the stand-in's model files for the fakes of the vendor's Python bindings."""
import ctypes
from pathlib import Path

import numpy as np

TYPES = ('Y', 'NV12', 'NV12_SEPARATE', 'YUV444', 'RGB', 'BGR', 'S4', 'U4', 'S8', 'U8', 'F16',
         'S16', 'U16', 'F32', 'S32', 'U32', 'F64', 'S64', 'U64')
DTYPES = {'S8': 'int8', 'U8': 'uint8', 'F16': 'float16', 'S16': 'int16', 'F32': 'float32',
          'S32': 'int32'}
LAYOUTS = {0: 'NHWC', 2: 'NCHW', 255: 'NONE'}
QUANTISATIONS = ('NONE', 'SHIFT', 'SCALE')


class FakeTensor:
    """A tensor: its description and its memory, uint8."""

    def __init__(self, line, folder):
        values = dict(word.split('=', 1) for word in line.split())
        self.name = values['name']
        self.type = TYPES[int(values['type'])]
        self.layout = LAYOUTS[int(values.get('layout', 255))]
        self.shape = tuple(map(int, values['shape'].split(',')))
        self.scale = np.array([float(v) for v in values.get('scale', '').split(',') if v],
                              np.float32)
        self.zero_point = np.array([int(v) for v in values.get('zp', '').split(',') if v], int)
        self.quantisation = QUANTISATIONS[int(values.get('quanti', 0))]
        self.axis = int(values.get('axis', 0))
        self.echo = values.get('echo') == '1'
        self.strides = tuple(map(int, values['stride'].split(','))) if 'stride' in values else \
            np.empty(self.shape, DTYPES[self.type]).strides
        size = int(values.get('bytes', self.strides[0] * self.shape[0]))
        self.data = np.fromfile(folder / values['data'], np.uint8) if 'data' in values else \
            np.zeros(size, np.uint8)
        self.memory = np.full(size, 0xa5, np.uint8)


class FakeModel:
    """A model file."""

    def __init__(self, path):
        lines = Path(path).read_text().splitlines()
        if lines[:1] != ['FAKEDNN1']:
            raise ValueError('not a model')
        settings = dict(line.split(None, 1) for line in lines[1:] if ' ' in line)
        self.name = settings.get('model', 'fake')
        self.delay = int(settings.get('delay_ms', 0)) / 1000
        self.fails = {key: int(value) for key, value in settings.items()
                      if key.startswith('fail_')}
        self.inputs, self.outputs = (
            [FakeTensor(line[len(kind):], Path(path).parent) for line in lines
             if line.startswith(kind)] for kind in ('input ', 'output '))

    def run(self):
        """Fill the outputs, with the GIL held for as long as it takes."""
        ctypes.PyDLL(None).usleep(int(self.delay * 1e6))
        for output in self.outputs:
            data = self.inputs[0].memory if output.echo else output.data
            output.memory[:] = data[:output.memory.size]

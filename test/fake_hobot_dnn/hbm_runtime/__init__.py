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
A fake hbm_runtime with the traps of the real one of the X5.

An argument that libdnn refuses ends the process (here: is noted); a failed wait goes unnoticed;
one run at a time; priority and core are ignored; outputs are views by stride.
"""
import enum
import threading

from fake_model import DTYPES, FakeModel, QUANTISATIONS, TYPES
import numpy as np

killed = []         # arguments that would have ended the process

hbDNNDataType = enum.Enum('hbDNNDataType', TYPES)
hbDNNQuantiType = enum.Enum('hbDNNQuantiType', QUANTISATIONS)


class QuantParams:
    """How a tensor is quantised."""

    def __init__(self, tensor):
        self.quant_type = hbDNNQuantiType[tensor.quantisation]
        self.axis = tensor.axis
        self.scale = tensor.scale
        self.zero_point = tensor.zero_point


class HB_HBMRuntime:
    """One model; descriptions are dictionaries by model and tensor."""

    def __init__(self, model_file):
        if not isinstance(model_file, (str, list)):
            raise TypeError('incompatible constructor arguments')
        try:
            self._fake = FakeModel(model_file)
        except (OSError, ValueError):
            raise RuntimeError('hbDNNInitializeFromFiles failed') from None
        self._busy = threading.Lock()
        name = self._fake.name
        self.model_names, self.model_count = [name], 1
        for side in ('input', 'output'):
            tensors = getattr(self._fake, side + 's')
            for what, value in (('shapes', lambda t: list(t.shape)),
                                ('dtypes', lambda t: hbDNNDataType[t.type]),
                                ('quants', QuantParams), ('strides', lambda t: list(t.strides))):
                setattr(self, f'{side}_{what}', {name: {t.name: value(t) for t in tensors}})
            setattr(self, f'{side}_names', {name: [t.name for t in tensors]})

    @staticmethod
    def version():
        """Return the version."""
        return '3.0.9_(fake)'

    def run(self, arg):
        """Run {model: {input: array}}."""
        if not self._busy.acquire(blocking=False):
            raise RuntimeError('run() already in use')
        try:
            source, = self._fake.inputs
            array = arg[self._fake.name][source.name]
            if array.nbytes != source.memory.size or source.shape[3] % 16:
                killed.append(array.shape)
                raise RuntimeError('the real one has ended the process by now')
            source.memory[:] = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
            if 'fail_wait' not in self._fake.fails:
                self._fake.run()
            return {self._fake.name: {t.name: self._view(t) for t in self._fake.outputs}}
        finally:
            self._busy.release()

    @staticmethod
    def _view(tensor):
        memory = tensor.memory.copy()
        return np.ndarray(tensor.shape, DTYPES[tensor.type], memory, strides=tensor.strides)

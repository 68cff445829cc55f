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
libdnn, the BPU library of the RDK X5, by ctypes.

ctypes releases the GIL in every call, so Python runs on while the BPU works; several requests may
be in flight, each can be timed out, and outputs are read where they lie.  The vendor's Python
bindings offer none of this.
"""
import ctypes as c
import math
import os
import time
from typing import List, Optional
import warnings

import numpy as np

from . import Model
from .bpu import check_input_type, chosen_model, picture_size, TYPES
from .libdnn_abi import DnnError, InferCtrlParam, Library
from .libdnn_slots import DnnSlot, Picture
from .libdnn_tensors import describe_output, dimensions, read_tensors
from ..errors import BackendError, ConfigError, InferenceTimeout, ModelError

# Codes of hbDNNInitializeFromFiles that say that the file is at fault, not the library.
_FILE_AT_FAULT = (-6000001, -6000002, -6000003, -6000006, -6000014)
# Seconds of one call that waits: signals are handled and a close is noticed in between.
_PIECE = 0.2
# Seconds that close waits for tasks in flight, all together.
_CLOSE_WAIT = 0.5


def open_file(path, slots: int = 2, priority: int = 0, core: int = 0, model_name: str = '',
              library: Optional[str] = None) -> 'DnnModel':
    """
    Open a .bin file with one NV12 input (or NV12_SEPARATE).

    priority: 0 to 255, 255 preempts.  core: 0 any, 1 the first; the X5 has one.  model_name: of a
    file that packs several.  library: path of libdnn, None for the environment variable
    YOLO12_LIBDNN or the usual places.

    Raises BackendError when libdnn is missing or of another generation, ModelError when the file
    is at fault, ConfigError for an option out of range.
    """
    if not 0 <= priority <= 255 or core not in (0, 1, 2):
        raise ConfigError(f'priority {priority}, core {core}: expected 0 to 255 and 0, 1 or 2')
    dnn = Library(library)
    packed = _load(dnn, path)
    try:
        name, handle = _choose(dnn, packed, path, model_name)
        control = InferCtrlParam(bpuCoreId=core, priority=priority)
        return DnnModel(dnn, packed, handle, path, name, slots, control)
    except BaseException:
        dnn.dll.hbDNNRelease(packed)
        raise


def _load(dnn: Library, path) -> c.c_void_p:
    packed = c.c_void_p()
    try:
        dnn.check('hbDNNInitializeFromFiles', c.byref(packed),
                  (c.c_char_p * 1)(os.fsencode(path)), 1)
    except DnnError as e:
        error = ModelError if e.code in _FILE_AT_FAULT else BackendError
        raise error(f'{path} cannot be loaded: {e}') from e
    return packed


def _choose(dnn: Library, packed, path, wanted: str):
    """Return (name, handle) of one of the models in a file."""
    names, count, handle = c.POINTER(c.c_char_p)(), c.c_int32(), c.c_void_p()
    dnn.check('hbDNNGetModelNameList', c.byref(names), c.byref(count), packed)
    name = chosen_model(path, [n.decode(errors='surrogateescape')
                               for n in names[:count.value]], wanted)
    dnn.check('hbDNNGetModelHandle', c.byref(handle), packed,
              name.encode(errors='surrogateescape'))
    return name, handle


class DnnModel(Model):
    """
    A model on the BPU.

    Outputs are read-only views on BPU memory.  They stay readable for as long as they are
    referenced, but the next request of their slot overwrites them.
    """

    def __init__(self, library: Library, packed, handle, path, name: str, slots: int,
                 control: InferCtrlParam):
        super().__init__(slots)
        inputs = read_tensors(library, handle, 'Input')
        check_input_type(str(path), len(inputs), TYPES[inputs[0][1].tensorType] if inputs else '')
        self._input = inputs[0][1]
        outputs = read_tensors(library, handle, 'Output')
        self.name = name
        self.backend = f'libdnn {library.version}'
        self.input_size = picture_size(str(path), dimensions(self._input.validShape))
        self.outputs = tuple(describe_output(path, *output) for output in outputs)
        self._output_properties = [properties for _, properties in outputs]
        self._library, self._packed, self._handle = library, packed, handle
        self._control = control
        self._every: List[DnnSlot] = []

    def _make_slot(self) -> DnnSlot:
        picture = Picture(self._library, self._input, self.input_size)
        slot = DnnSlot(self._library, self._handle, picture,
                       list(zip(self.outputs, self._output_properties)), self._control)
        self._every.append(slot)
        return slot

    def _start(self, slot: DnnSlot) -> None:
        slot.start()

    def _finish(self, slot: DnnSlot, timeout: Optional[float]) -> List[np.ndarray]:
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        left = _PIECE if timeout is None else timeout
        # at least 1 ms: libdnn takes 0 for for ever
        while not slot.poll(max(1, math.ceil(1000 * min(left, _PIECE)))):
            left = deadline - time.monotonic()
            if left <= 0:
                raise InferenceTimeout(
                    f'inference of {self.name} did not finish in {timeout:g} s')
        return list(slot.output_views)

    def _free_slot(self, slot: DnnSlot) -> None:
        self._every.remove(slot)

    def _shut_down(self) -> None:
        deadline = time.monotonic() + _CLOSE_WAIT
        running = [slot for slot in self._every if not slot.close(deadline)]
        for slots in (self._every, self._free, self._late):
            slots.clear()
        if running:
            warnings.warn(f'{len(running)} inferences of {self.name} did not end: their memory '
                          'and the model stay loaded until the process exits', stacklevel=3)
        else:
            self._library.check('hbDNNRelease', self._packed)

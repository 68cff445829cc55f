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

"""Requests of libdnn: BPU memory, the arrays on it, and the life of a task."""
import ctypes as c
import threading
import time
from typing import List, Sequence, Set, Tuple
import weakref

import numpy as np

from . import Slot, TensorInfo
from .bpu import TYPES
from .libdnn_abi import (FLUSH_CLEAN, FLUSH_INVALIDATE, InferCtrlParam, Library, SysMem, Tensor,
                         TensorProperties, TIMEOUT)
from .libdnn_tensors import strides
from ..errors import BackendError

_PLANE_ALIGNMENT = 16       # bytes: rows and addresses of separate planes

# Slots that the BPU may read or write.  Being in here keeps their memory alive, also when nobody
# else knows them any more; a task that never ends stays here, since freeing would be worse.
_in_flight: Set['DnnSlot'] = set()


class Memory:
    """Cached BPU memory, freed when neither this object nor an array on it is left."""

    def __init__(self, library: Library, size: int):
        self.sys = SysMem()
        self._library = library
        library.check('hbSysAllocCachedMem', c.byref(self.sys), size)
        free = weakref.finalize(self, library.dll.hbSysFreeMem, c.byref(self.sys))
        free.atexit = False     # the process gives it back by itself; the BPU may still write

    def array(self, shape: Sequence[int], dtype, steps=None, readonly: bool = False) -> np.ndarray:
        """Return a view from the start on, with strides `steps` in bytes, which keeps it alive."""
        return np.asarray(_Window(self, {
            'version': 3, 'shape': tuple(shape), 'typestr': np.dtype(dtype).str,
            'strides': steps, 'data': (self.sys.virAddr, readonly)}))

    def part(self, offset: int, size: int) -> SysMem:
        """Return the description of some bytes of it, to pass to libdnn."""
        return SysMem(self.sys.phyAddr + offset, self.sys.virAddr + offset, size)

    def flush(self, direction: int) -> None:
        """Make CPU and BPU see the same bytes; direction: FLUSH_CLEAN or FLUSH_INVALIDATE."""
        self._library.check('hbSysFlushMem', c.byref(self.sys), direction)


class _Window:
    """What numpy makes a view of, and keeps as its base."""

    def __init__(self, memory: Memory, interface: dict):
        self.memory = memory
        self.__array_interface__ = interface


class Picture:
    """
    The NV12 input of a slot.

    pixels: uint8 (W * H * 3 / 2,), directly on BPU memory unless rows have to be aligned there
    (separate planes of a width that is no multiple of 16).
    """

    def __init__(self, library: Library, properties: TensorProperties, size: Tuple[int, int]):
        width, height = size
        separate = TYPES[properties.tensorType] == 'NV12_SEPARATE'
        row = -(-width // _PLANE_ALIGNMENT) * _PLANE_ALIGNMENT if separate else width
        self._memory = Memory(library, max(properties.alignedByteSize, row * height * 3 // 2))
        self._rows = self._memory.array((height * 3 // 2, width), np.uint8, (row, 1))
        count = width * height * 3 // 2
        self._staged = row != width
        self.pixels = np.zeros(count, np.uint8) if self._staged else \
            self._memory.array((count,), np.uint8)
        self.tensor = Tensor(properties=properties)
        # tells libdnn that rows are not padded to the width that the BPU would like
        self.tensor.properties.alignedShape = properties.validShape
        self.tensor.sysMem[0] = self._memory.part(0, self._memory.sys.memSize)
        if separate:
            across = 3 if properties.validShape.dimensionSize[1] == 3 else 2
            self.tensor.properties.alignedShape.dimensionSize[across] = row
            self.tensor.sysMem[0] = self._memory.part(0, row * height)
            self.tensor.sysMem[1] = self._memory.part(row * height, row * height // 2)

    def hand_over(self) -> None:
        """Make the pixels visible to the BPU."""
        if self._staged:
            self._rows[:] = self.pixels.reshape(self._rows.shape)
        self._memory.flush(FLUSH_CLEAN)


class DnnSlot(Slot):
    """
    Memory and task of one request; the lock keeps two threads off one task.

    output_views: read-only views by stride on BPU memory, valid from the end of a task to the
    next start.
    """

    def __init__(self, library: Library, handle, picture: Picture,
                 outputs: Sequence[Tuple[TensorInfo, TensorProperties]],
                 control: InferCtrlParam):
        super().__init__(picture.pixels)
        self._library, self._handle, self._control = library, handle, control
        self._picture = picture
        self._memories: List[Memory] = []
        self.output_views: List[np.ndarray] = []
        self._outputs = (Tensor * len(outputs))()
        for tensor, (info, properties) in zip(self._outputs, outputs):
            memory = Memory(library, properties.alignedByteSize)
            tensor.properties = properties
            tensor.sysMem[0] = memory.sys
            self._memories.append(memory)
            self.output_views.append(
                memory.array(info.shape, info.dtype, strides(properties), readonly=True))
        self._lock = threading.Lock()
        self._task = None
        self._closed = False

    def start(self) -> None:
        """Hand the picture to the BPU and return.  Raises BackendError."""
        with self._lock:
            if self._closed or self in _in_flight:
                raise BackendError('the model is closed' if self._closed else
                                   'this slot is in flight: wait for it first')
            self._picture.hand_over()
            task = c.c_void_p()             # has to be NULL
            outputs = c.cast(self._outputs, c.POINTER(Tensor))
            _in_flight.add(self)
            try:
                self._library.check('hbDNNInfer', c.byref(task), c.byref(outputs),
                                    c.byref(self._picture.tensor), self._handle,
                                    c.byref(self._control))
            except BackendError:
                _in_flight.discard(self)
                raise
            self._task = task

    def poll(self, milliseconds: int) -> bool:
        """Wait up to `milliseconds`, at least 1; return whether it ended.  Raises BackendError."""
        with self._lock:
            if self._closed or self._task is None:
                raise BackendError('the model was closed' if self._closed else
                                   'this slot was not submitted: submit it first')
            code = self._library.dll.hbDNNWaitTaskDone(self._task, milliseconds)
            if code == TIMEOUT:
                return False
            try:
                if code:
                    raise self._library.error('hbDNNWaitTaskDone', code)
                for memory in self._memories:
                    memory.flush(FLUSH_INVALIDATE)
            finally:
                self._end()
            return True

    def close(self, deadline: float) -> bool:
        """
        Let no task start any more and give up one that does not end.

        deadline: time.monotonic() to wait for it.  Returns False if the BPU may still be writing:
        then the memory is never freed.
        """
        self._closed = True                 # first: lets a thread that waits leave the lock
        with self._lock:
            if self._task is None:
                return True
            left = max(1, int(1000 * (deadline - time.monotonic())))
            if self._library.dll.hbDNNWaitTaskDone(self._task, left) != TIMEOUT:
                self._end()
                return True
            self._library.dll.hbDNNReleaseTask(self._task)  # it stops in the background
            self._task = None
            return False

    def _end(self) -> None:
        """Release a task that has ended; if that fails, nothing is left to be done about it."""
        self._library.dll.hbDNNReleaseTask(self._task)
        self._task = None
        _in_flight.discard(self)

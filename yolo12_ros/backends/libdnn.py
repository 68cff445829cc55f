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
The BPU of the RDK X5 through libdnn's C library.

The GIL is released while the BPU works, several requests may be in flight, each with a timeout,
and input and output lie in BPU memory: nothing is copied here.
"""
import ctypes
from ctypes import byref, c_char_p, c_int32, c_void_p, POINTER
import math
import os
import time
from typing import List, Optional, Tuple
import warnings
import weakref

import numpy as np

from . import libdnn_abi as abi, Model, Slot, TensorInfo
from ..errors import BackendError, InferenceTimeout, ModelError

_PIECE_MS = 500             # of a long wait, so that signals are handled in between
_CLOSE_SECONDS = 1.0        # that close() gives late inferences to end
_leaked: List[object] = []  # memory that the BPU may still write to


def open_file(path, slots: int = 2, priority: int = 0, core: int = 0, model_name: str = '',
              library: Optional[str] = None) -> 'LibdnnModel':
    """
    Open a .bin with an NV12 input.

    priority: 0..255, larger first, 255 preempts.  core: 0 any, 1 the first.  model_name: inside
    the file, '' for the only one.  library: path of libdnn.so; YOLO12_LIBDNN names it, too.

    Raises BackendError for the library, ModelError for the file.
    """
    if not 0 <= priority <= 255:
        raise BackendError(f'priority is {priority}: expected 0 to 255')
    return LibdnnModel(abi.Library(library), path, slots, model_name,
                       abi.InferCtrlParam(bpuCoreId=core, priority=priority))


class BpuMemory:
    """Cached BPU memory; freed when neither this object nor a view of it is left."""

    def __init__(self, library: abi.Library, size: int):
        self.sys_mem = abi.SysMem()
        self._library = library
        library.call('hbSysAllocCachedMem', byref(self.sys_mem), size)
        # A copy: libdnn gets the address of ours.  At exit the system frees it all by itself.
        copy = abi.SysMem.from_buffer_copy(self.sys_mem)
        weakref.finalize(self, library.hbSysFreeMem, copy).atexit = False

    def flush(self, direction: int) -> None:
        """Write the CPU's cache back (FLUSH_CLEAN) or forget it (FLUSH_INVALIDATE)."""
        self._library.call('hbSysFlushMem', byref(self.sys_mem), direction)

    def view(self, shape, dtype, strides=None, writable: bool = False) -> np.ndarray:
        """Return an array on this memory, which it keeps alive."""
        return np.asarray(_View(self, tuple(shape), np.dtype(dtype), strides, writable))


class _View:
    """NumPy's array interface for a piece of BpuMemory; arrays keep it as their base."""

    def __init__(self, memory: BpuMemory, shape, dtype, strides, writable: bool):
        self._memory = memory
        self.__array_interface__ = {
            'version': 3, 'data': (memory.sys_mem.virAddr, not writable), 'shape': shape,
            'typestr': dtype.str, 'strides': strides}


class LibdnnSlot(Slot):
    """
    Input and output tensors of one request.

    input: for NV12 the BPU's own memory; for NV12_SEPARATE a staging buffer, since the planes lie
    apart and their rows are padded to 16 bytes.
    """

    def __init__(self, model: 'LibdnnModel'):
        library, (width, height) = model.library, model.input_size
        self.task = c_void_p()
        self.inputs, self.outputs = (abi.Tensor * 1)(), (abi.Tensor * len(model.outputs))()
        self.inputs[0].properties = model.input_properties
        size = width * height * 3 // 2
        if model.input_properties.tensorType == abi.NV12_SEPARATE:
            self.planes = self._separate_planes(library, width, height)
            super().__init__(np.zeros(size, np.uint8))
        else:
            # The picture is tight: without this libdnn would expect rows padded to 16.
            shape = self.inputs[0].properties
            shape.alignedShape = shape.validShape
            memory = BpuMemory(library, max(size, shape.alignedByteSize))
            self.inputs[0].sysMem[0] = memory.sys_mem
            self.input_memories, self.planes = [memory], []
            super().__init__(memory.view((size,), np.uint8, writable=True))
        self.output_memories, self.views = [], []
        for tensor, properties, info in zip(self.outputs, model.output_properties, model.outputs):
            tensor.properties = properties
            memory = BpuMemory(library, properties.alignedByteSize)
            tensor.sysMem[0] = memory.sys_mem
            self.output_memories.append(memory)
            self.views.append(memory.view(info.shape, info.dtype,
                                          tuple(properties.stride[:len(info.shape)])))

    def _separate_planes(self, library, width: int, height: int) -> List[np.ndarray]:
        stride = -(-width // 16) * 16
        shape = self.inputs[0].properties.alignedShape
        shape.dimensionSize[3 if self.inputs[0].properties.tensorLayout == abi.LAYOUT_NCHW
                            else 2] = stride
        self.input_memories = [BpuMemory(library, stride * height),
                               BpuMemory(library, stride * height // 2)]
        for i, memory in enumerate(self.input_memories):
            self.inputs[0].sysMem[i] = memory.sys_mem
        return [memory.view((rows, width), np.uint8, (stride, 1), writable=True)
                for memory, rows in zip(self.input_memories, (height, height // 2))]

    def write_planes(self) -> None:
        """Copy the staging buffer to the separate planes, if they are separate."""
        start = 0
        for plane in self.planes:
            plane[...] = self.input[start:start + plane.size].reshape(plane.shape)
            start += plane.size


class LibdnnModel(Model):
    """A model on the BPU; see open_file."""

    def __init__(self, library: abi.Library, path, slots: int, model_name: str,
                 control: abi.InferCtrlParam):
        super().__init__(slots)
        self.library = library
        self.backend = f'libdnn {library.version}, BPU'
        self._control = control
        self._packed, self._handle = c_void_p(), c_void_p()
        files = (c_char_p * 1)(os.fsencode(path))
        code = library.hbDNNInitializeFromFiles(byref(self._packed), files, 1)
        if code:
            raise ModelError(f'{path} cannot be loaded by libdnn: {library.describe(code)}')
        try:
            self.name = self._choose(path, model_name)
            self.input_properties, self.input_size = self._describe_input(path)
            self.output_properties, self.outputs = self._describe_outputs(path)
        except BaseException:
            library.hbDNNRelease(self._packed)
            raise

    def _choose(self, path, wanted: str) -> str:
        """Open the model inside the file and return its name."""
        names, count = POINTER(c_char_p)(), c_int32()
        self.library.call('hbDNNGetModelNameList', byref(names), byref(count), self._packed)
        found = [names[i].decode(errors='replace') for i in range(count.value)]
        if (wanted and wanted not in found) or (not wanted and len(found) != 1):
            raise ModelError(f'{path} holds the models {found}: set "model_name" to one of them'
                             + (f', not {wanted!r}' if wanted else ''))
        name = wanted or found[0]
        self.library.call('hbDNNGetModelHandle', byref(self._handle), self._packed, name.encode())
        return name

    def _describe_input(self, path) -> Tuple[abi.TensorProperties, Tuple[int, int]]:
        count = c_int32()
        self.library.call('hbDNNGetInputCount', byref(count), self._handle)
        properties = self.library.properties('hbDNNGetInputTensorProperties', self._handle, 0)
        check_properties(properties)
        if count.value != 1 or properties.tensorType not in (abi.NV12, abi.NV12_SEPARATE):
            raise ModelError(f'{path} has {count.value} inputs, the first of tensor type '
                             f'{properties.tensorType}: compile it with one input and '
                             'input_type_rt nv12')
        dims = properties.validShape.dims()
        nchw = properties.tensorLayout == abi.LAYOUT_NCHW
        height, width = dims[2:] if nchw else dims[1:3]
        if height % 2 or width % 2:
            raise ModelError(f'{path}: the input is {width}x{height}, NV12 needs even sides')
        return properties, (width, height)

    def _describe_outputs(self, path):
        count = c_int32()
        self.library.call('hbDNNGetOutputCount', byref(count), self._handle)
        properties = [self.library.properties('hbDNNGetOutputTensorProperties', self._handle, i)
                      for i in range(count.value)]
        infos = []
        for i, p in enumerate(properties):
            name = abi.text_of(self.library, 'hbDNNGetOutputName', self._handle, i)
            check_properties(p)
            if p.tensorType not in abi.DTYPES:
                raise ModelError(f'{path}: output {name} has tensor type {p.tensorType}: expected '
                                 f'{", ".join(abi.DTYPES.values())}')
            infos.append(TensorInfo(name, p.validShape.dims(),
                                    np.dtype(abi.DTYPES[p.tensorType]), scales_of(p, name)))
        return properties, tuple(infos)

    def _make_slot(self) -> LibdnnSlot:
        return LibdnnSlot(self)

    def _start(self, slot: LibdnnSlot) -> None:
        slot.write_planes()
        for memory in slot.input_memories:
            memory.flush(abi.FLUSH_CLEAN)
        slot.task = c_void_p()
        outputs = ctypes.cast(slot.outputs, POINTER(abi.Tensor))
        self.library.call('hbDNNInfer', byref(slot.task), byref(outputs), slot.inputs,
                          self._handle, byref(self._control))

    def _finish(self, slot: LibdnnSlot, timeout: Optional[float]) -> List[np.ndarray]:
        if not slot.task:
            raise BackendError(f'model {self.name}: wait without a submitted request')
        code = self._wait(slot.task, timeout)
        if code == abi.TIMEOUT:
            raise InferenceTimeout(f'inference of {self.name} did not finish in {timeout:g} s')
        try:
            if code:
                raise BackendError(f'inference of {self.name} failed: hbDNNWaitTaskDone: '
                                   f'{self.library.describe(code)}')
            for memory in slot.output_memories:
                memory.flush(abi.FLUSH_INVALIDATE)
        finally:
            self.library.hbDNNReleaseTask(slot.task)
            slot.task = c_void_p()
        return slot.views

    def _wait(self, task: c_void_p, timeout: Optional[float]) -> int:
        """Wait in pieces; libdnn takes 0 ms for ever, so 1 ms is the shortest."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left_ms = (deadline - time.monotonic()) * 1e3
            code = self.library.hbDNNWaitTaskDone(task, max(1, math.ceil(min(left_ms, _PIECE_MS))))
            if code != abi.TIMEOUT or time.monotonic() >= deadline:
                return code

    def _shut_down(self) -> None:
        deadline = time.monotonic() + _CLOSE_SECONDS
        while self._late and time.monotonic() < deadline:
            self._reclaim()
        self._free.clear()
        if self._late:
            # The BPU may still write there: better lost than freed under it.
            _leaked.extend(self._late)
            warnings.warn(f'{len(self._late)} inferences of {self.name} never ended: their memory '
                          'and the model are left to the system', RuntimeWarning, stacklevel=3)
            return
        self.library.call('hbDNNRelease', self._packed)


def scales_of(properties: abi.TensorProperties, name: str) -> Optional[np.ndarray]:
    """
    Return a copy of the scales, float32 (channels,) or (1,), None for outputs that have none.

    Raises ModelError for zero points, which no YOLO model for the X5 has.
    """
    if properties.quantiType == abi.QUANTI_SHIFT:
        shifts = properties.shift.shiftData[:properties.shift.shiftLen]
        return np.float32([1 / (1 << shift) for shift in shifts])
    if properties.quantiType != abi.QUANTI_SCALE:
        return None
    scale = properties.scale
    if any(scale.zeroPointData[:scale.zeroPointLen] if scale.zeroPointLen else ()):
        raise ModelError(f'output {name} is quantised with zero points, which are not supported')
    return np.float32(scale.scaleData[:scale.scaleLen])


def check_properties(p: abi.TensorProperties) -> None:
    """Refuse properties that cannot be true; then the ABI is another.  Raises BackendError."""
    dims = p.validShape.dims()
    wrong = None
    if not 1 <= p.validShape.numDimensions <= 8 or min(dims) < 1:
        wrong = f'shape {dims}'
    elif not 0 <= p.tensorType <= 18 or p.tensorLayout not in (0, 1, 2, 255):
        wrong = f'type {p.tensorType}, layout {p.tensorLayout}'
    elif p.quantiType not in (abi.QUANTI_NONE, abi.QUANTI_SHIFT, abi.QUANTI_SCALE):
        wrong = f'quantisation {p.quantiType}'
    elif p.tensorType in abi.IMAGE_TYPES:
        if len(dims) != 4 or p.alignedByteSize < dims[1] * dims[2] * dims[3] // 2:
            wrong = f'{p.alignedByteSize} bytes for a picture {dims}'
    elif p.tensorType in abi.DTYPES:
        strides = p.stride[:len(dims)]
        if strides[-1] != np.dtype(abi.DTYPES[p.tensorType]).itemsize or \
                list(strides) != sorted(strides, reverse=True) or \
                strides[0] * dims[0] > p.alignedByteSize:
            wrong = f'strides {list(strides)} for {dims} in {p.alignedByteSize} bytes'
    if wrong:
        raise BackendError(f'libdnn describes a tensor impossibly ({wrong}): its ABI is not that '
                           'of the RDK X5')

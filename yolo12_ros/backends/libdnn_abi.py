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
The C ABI of libdnn on the RDK X5 (hb_dnn.h 1.23 and 1.24): structures, functions, error codes.

Names of fields are the header's.  Sizes are checked at import, the library itself at load.
"""
import ctypes
from ctypes import byref, c_char_p, c_float, c_int32, c_int64, c_int8, c_uint32, c_uint64, \
    c_uint8, c_void_p, POINTER
import os
from typing import Dict, Optional

from ..errors import BackendError

LIBRARY_VARIABLE = 'YOLO12_LIBDNN'
LIBRARIES = ('libdnn.so', '/usr/lib/libdnn.so', '/usr/hobot/lib/libdnn.so')

NV12, NV12_SEPARATE = 1, 2
IMAGE_TYPES = range(0, 6)       # Y, NV12, NV12_SEPARATE, YUV444, RGB, BGR
LAYOUT_NHWC, LAYOUT_NCHW = 0, 2
QUANTI_NONE, QUANTI_SHIFT, QUANTI_SCALE = 0, 1, 2
FLUSH_INVALIDATE, FLUSH_CLEAN = 1, 2
# hbDNNDataType: NumPy dtype, of those that a head can have
DTYPES = {8: 'int8', 10: 'float16', 11: 'int16', 13: 'float32', 14: 'int32'}

TIMEOUT = -6000008
ERRORS: Dict[int, str] = {
    -6000001: 'HB_DNN_INVALID_ARGUMENT',
    -6000002: 'HB_DNN_INVALID_MODEL',
    -6000003: 'HB_DNN_MODEL_NUMBER_EXCEED_LIMIT',
    -6000004: 'HB_DNN_INVALID_PACKED_DNN_HANDLE',
    -6000005: 'HB_DNN_INVALID_DNN_HANDLE',
    -6000006: 'HB_DNN_CAN_NOT_OPEN_FILE',
    -6000007: 'HB_DNN_OUT_OF_MEMORY',
    TIMEOUT: 'HB_DNN_TIMEOUT',
    -6000009: 'HB_DNN_TASK_NUM_EXCEED_LIMIT',
    -6000010: 'HB_DNN_TASK_BATCH_SIZE_EXCEED_LIMIT',
    -6000011: 'HB_DNN_INVALID_TASK_HANDLE',
    -6000012: 'HB_DNN_RUN_TASK_FAILED',
    -6000013: 'HB_DNN_MODEL_IS_RUNNING',
    -6000014: 'HB_DNN_INCOMPATIBLE_MODEL',
    -6000015: 'HB_DNN_API_USE_ERROR',
    -6000016: 'HB_DNN_MULTI_PROGRESS_USE_ERROR',
    -6000129: 'HB_SYS_INVALID_ARGUMENT',
    -6000130: 'HB_SYS_OUT_OF_MEMORY',
    -6000131: 'HB_SYS_REGISTER_MEM_FAILED',
}


class SysMem(ctypes.Structure):
    """Memory that the BPU can reach."""

    _fields_ = [('phyAddr', c_uint64), ('virAddr', c_void_p), ('memSize', c_uint32)]


class TensorShape(ctypes.Structure):
    """Up to eight dimensions."""

    _fields_ = [('dimensionSize', c_int32 * 8), ('numDimensions', c_int32)]

    def dims(self):
        """Return the dimensions as a tuple."""
        return tuple(self.dimensionSize[:self.numDimensions])


class QuantiShift(ctypes.Structure):
    """Value = integer / 2 ** shift."""

    _fields_ = [('shiftLen', c_int32), ('shiftData', POINTER(c_uint8))]


class QuantiScale(ctypes.Structure):
    """Value = (integer - zero point) * scale."""

    _fields_ = [('scaleLen', c_int32), ('scaleData', POINTER(c_float)),
                ('zeroPointLen', c_int32), ('zeroPointData', POINTER(c_int8))]


class TensorProperties(ctypes.Structure):
    """What a tensor looks like; stride in bytes."""

    _fields_ = [('validShape', TensorShape), ('alignedShape', TensorShape),
                ('tensorLayout', c_int32), ('tensorType', c_int32), ('shift', QuantiShift),
                ('scale', QuantiScale), ('quantiType', c_int32), ('quantizeAxis', c_int32),
                ('alignedByteSize', c_int32), ('stride', c_int32 * 8)]


class Tensor(ctypes.Structure):
    """A tensor and where it lies."""

    _fields_ = [('sysMem', SysMem * 4), ('properties', TensorProperties)]


class InferCtrlParam(ctypes.Structure):
    """How to run a task; all zero is the default."""

    _fields_ = [('bpuCoreId', c_int32), ('dspCoreId', c_int32), ('priority', c_int32),
                ('more', c_int32), ('customId', c_int64), ('reserved1', c_int32),
                ('reserved2', c_int32)]


for _struct, _size in ((SysMem, 24), (TensorShape, 36), (QuantiShift, 16), (QuantiScale, 32),
                       (TensorProperties, 176), (Tensor, 272), (InferCtrlParam, 32)):
    assert ctypes.sizeof(_struct) == _size, f'{_struct.__name__} is not {_size} bytes'

_HANDLE, _HANDLE_OUT = c_void_p, POINTER(c_void_p)
FUNCTIONS = {
    'hbDNNInitializeFromFiles': (_HANDLE_OUT, POINTER(c_char_p), c_int32),
    'hbDNNRelease': (_HANDLE,),
    'hbDNNGetModelNameList': (POINTER(POINTER(c_char_p)), POINTER(c_int32), _HANDLE),
    'hbDNNGetModelHandle': (_HANDLE_OUT, _HANDLE, c_char_p),
    'hbDNNGetInputCount': (POINTER(c_int32), _HANDLE),
    'hbDNNGetOutputCount': (POINTER(c_int32), _HANDLE),
    'hbDNNGetInputName': (POINTER(c_char_p), _HANDLE, c_int32),
    'hbDNNGetOutputName': (POINTER(c_char_p), _HANDLE, c_int32),
    'hbDNNGetInputTensorProperties': (c_void_p, _HANDLE, c_int32),
    'hbDNNGetOutputTensorProperties': (c_void_p, _HANDLE, c_int32),
    'hbDNNInfer': (_HANDLE_OUT, POINTER(POINTER(Tensor)), POINTER(Tensor), _HANDLE,
                   POINTER(InferCtrlParam)),
    'hbDNNWaitTaskDone': (_HANDLE, c_int32),
    'hbDNNReleaseTask': (_HANDLE,),
    'hbSysAllocCachedMem': (POINTER(SysMem), c_uint32),
    'hbSysFreeMem': (POINTER(SysMem),),
    'hbSysFlushMem': (POINTER(SysMem), c_int32),
}


class Library:
    """
    A libdnn that passed the guard.

    version: its text, such as '1.24.5_(3.15.55 HBRT)'.  call(name, ...) raises BackendError with
    the code's name and text.  Raises BackendError when there is no usable library.
    """

    def __init__(self, path: Optional[str] = None):
        self._dll = _find(path or os.environ.get(LIBRARY_VARIABLE))
        self._guard()

    def __getattr__(self, name: str):
        return getattr(self._dll, name)

    def call(self, name: str, *arguments) -> None:
        """Call a function that returns an error code."""
        code = getattr(self._dll, name)(*arguments)
        if code:
            raise BackendError(f'{name} failed: {self.describe(code)}')

    def describe(self, code: int) -> str:
        """Return number, name and, where the library has it, text of an error code."""
        text = f'{code} ({ERRORS.get(code, "unknown error code")})'
        if hasattr(self._dll, 'hbDNNGetErrorDesc'):
            said = self._dll.hbDNNGetErrorDesc(c_int32(code))
            text += f': {said.decode(errors="replace")}' if said else ''
        return text

    def properties(self, function: str, model: c_void_p, index: int) -> TensorProperties:
        """
        Read a tensor's properties.

        Raises BackendError when the library writes past the structure that we know.
        """
        size = ctypes.sizeof(TensorProperties)
        canary = b'\xc3' * 64
        buffer = ctypes.create_string_buffer(b'\0' * size + canary, size + len(canary))
        self.call(function, ctypes.addressof(buffer), model, index)
        if buffer.raw[size:] != canary:
            raise BackendError('libdnn writes larger tensor properties than this version knows: '
                               'its ABI is not that of the RDK X5')
        return TensorProperties.from_buffer_copy(buffer.raw[:size])

    def _guard(self) -> None:
        """Refuse libraries of other boards and unknown versions before anything is called."""
        if hasattr(self._dll, 'hbDNNInferV2'):
            raise BackendError('this libdnn is of the S100 generation (it has hbDNNInferV2), not '
                               'that of the RDK X5')
        missing = [name for name in (*FUNCTIONS, 'hbDNNGetVersion')
                   if not hasattr(self._dll, name)]
        if missing:
            raise BackendError(f'this libdnn lacks {", ".join(missing)}')
        for name, types in FUNCTIONS.items():
            function = getattr(self._dll, name)
            function.argtypes, function.restype = types, c_int32
        self._dll.hbDNNGetVersion.restype = c_char_p
        if hasattr(self._dll, 'hbDNNGetErrorDesc'):
            self._dll.hbDNNGetErrorDesc.restype = c_char_p
        self.version = (self._dll.hbDNNGetVersion() or b'').decode(errors='replace')
        if not self.version.startswith('1.'):
            raise BackendError(f'libdnn {self.version!r} is unknown: expected version 1.x')


def _find(path: Optional[str]) -> ctypes.CDLL:
    reasons = []
    for name in [path] if path else LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError as e:
            reasons.append(str(e))
    raise BackendError(f'libdnn.so cannot be loaded ({reasons[0]}): it comes with the RDK X5 '
                       'system image, package hobot-dnn')


def text_of(library: Library, function: str, model: c_void_p, index: int) -> str:
    """Return the name of an input or output."""
    name = c_char_p()
    library.call(function, byref(name), model, index)
    return (name.value or b'').decode(errors='replace')

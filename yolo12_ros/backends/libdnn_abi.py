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
The C ABI of libdnn 1.x (hb_dnn.h of the RDK X5): structures, functions, error codes, guard.

LP64 only.  Written from the layout of the vendor's public headers 1.23.8 to 1.24.5.
"""
import ctypes as c
import os
from typing import Optional

from ..errors import BackendError

# Where the RDK's images have it, after the loader's own path.  Nothing has to be preloaded.
PLACES = ('libdnn.so', '/usr/lib/libdnn.so', '/usr/hobot/lib/libdnn.so')
# Names another file: odd installs, and the stand-in of the tests.
LIBRARY_VARIABLE = 'YOLO12_LIBDNN'

MAX_DIMENSIONS = 8
NATIVE = 1                                  # NHCW, the BPU's own
LAYOUTS = (0, NATIVE, 2, 255)               # NHWC, NHCW, NCHW, none
QUANTI_NONE, QUANTI_SHIFT, QUANTI_SCALE = 0, 1, 2
FLUSH_INVALIDATE, FLUSH_CLEAN = 1, 2        # before the CPU reads, after it wrote
TIMEOUT = -6000008

# code: (name, meaning)
ERRORS = {
    -6000001: ('INVALID_ARGUMENT', 'an argument is not valid'),
    -6000002: ('INVALID_MODEL', 'the file is not a valid model'),
    -6000003: ('MODEL_NUMBER_EXCEED_LIMIT', 'too many models are loaded'),
    -6000004: ('INVALID_PACKED_DNN_HANDLE', 'the handle of the model file is not valid'),
    -6000005: ('INVALID_DNN_HANDLE', 'the handle of the model is not valid'),
    -6000006: ('CAN_NOT_OPEN_FILE', 'the file cannot be opened'),
    -6000007: ('OUT_OF_MEMORY', 'out of memory'),
    TIMEOUT: ('TIMEOUT', 'the task did not finish in time'),
    -6000009: ('TASK_NUM_EXCEED_LIMIT', 'too many tasks at the same time (32)'),
    -6000010: ('TASK_BATCH_SIZE_EXCEED_LIMIT', 'too many models in one task'),
    -6000011: ('INVALID_TASK_HANDLE', 'the handle of the task is not valid'),
    -6000012: ('RUN_TASK_FAILED', 'the inference failed on the BPU or in a CPU operator'),
    -6000013: ('MODEL_IS_RUNNING', 'the model is still running'),
    -6000014: ('INCOMPATIBLE_MODEL', 'the model was compiled for another board or version'),
    -6000015: ('API_USE_ERROR', 'functions were called in a wrong order'),
    -6000016: ('MULTI_PROGRESS_USE_ERROR', 'another process uses the BPU in relay mode'),
    -6000129: ('SYS_INVALID_ARGUMENT', 'an argument of a memory function is not valid'),
    -6000130: ('SYS_OUT_OF_MEMORY', 'out of BPU memory'),
    -6000131: ('SYS_REGISTER_MEM_FAILED', 'BPU memory could not be registered'),
}


class SysMem(c.Structure):
    """BPU memory (hbSysMem)."""

    _fields_ = [('phyAddr', c.c_uint64), ('virAddr', c.c_void_p), ('memSize', c.c_uint32)]


class TensorShape(c.Structure):
    """Dimensions of a tensor (hbDNNTensorShape)."""

    _fields_ = [('dimensionSize', c.c_int32 * MAX_DIMENSIONS), ('numDimensions', c.c_int32)]


class QuantiShift(c.Structure):
    """Quantisation by a power of two (hbDNNQuantiShift): value = integer / 2**shift."""

    _fields_ = [('shiftLen', c.c_int32), ('shiftData', c.POINTER(c.c_uint8))]


class QuantiScale(c.Structure):
    """Quantisation by scale (hbDNNQuantiScale): value = (integer - zero point) * scale."""

    _fields_ = [('scaleLen', c.c_int32), ('scaleData', c.POINTER(c.c_float)),
                ('zeroPointLen', c.c_int32), ('zeroPointData', c.POINTER(c.c_int8))]


class TensorProperties(c.Structure):
    """Description of a tensor (hbDNNTensorProperties); stride is in bytes."""

    _fields_ = [('validShape', TensorShape), ('alignedShape', TensorShape),
                ('tensorLayout', c.c_int32), ('tensorType', c.c_int32),
                ('shift', QuantiShift), ('scale', QuantiScale), ('quantiType', c.c_int32),
                ('quantizeAxis', c.c_int32), ('alignedByteSize', c.c_int32),
                ('stride', c.c_int32 * MAX_DIMENSIONS)]


class Tensor(c.Structure):
    """Memory and description of a tensor (hbDNNTensor); a second memory for split planes."""

    _fields_ = [('sysMem', SysMem * 4), ('properties', TensorProperties)]


class InferCtrlParam(c.Structure):
    """How to run a task (hbDNNInferCtrlParam); zeros are the default."""

    _fields_ = [('bpuCoreId', c.c_int32), ('dspCoreId', c.c_int32), ('priority', c.c_int32),
                ('more', c.c_int32), ('customId', c.c_int64), ('reserved1', c.c_int32),
                ('reserved2', c.c_int32)]


_P = c.POINTER
_HANDLE, _COUNT, _TEXT = c.c_void_p, _P(c.c_int32), _P(c.c_char_p)
# name: argument types; each returns int32, 0 for success
FUNCTIONS = {
    'hbDNNInitializeFromFiles': (_P(_HANDLE), _TEXT, c.c_int32),
    'hbDNNRelease': (_HANDLE,),
    'hbDNNGetModelNameList': (_P(_TEXT), _COUNT, _HANDLE),
    'hbDNNGetModelHandle': (_P(_HANDLE), _HANDLE, c.c_char_p),
    'hbDNNGetInputCount': (_COUNT, _HANDLE),
    'hbDNNGetOutputCount': (_COUNT, _HANDLE),
    'hbDNNGetInputName': (_TEXT, _HANDLE, c.c_int32),
    'hbDNNGetOutputName': (_TEXT, _HANDLE, c.c_int32),
    'hbDNNGetInputTensorProperties': (_P(TensorProperties), _HANDLE, c.c_int32),
    'hbDNNGetOutputTensorProperties': (_P(TensorProperties), _HANDLE, c.c_int32),
    'hbDNNInfer': (_P(_HANDLE), _P(_P(Tensor)), _P(Tensor), _HANDLE, _P(InferCtrlParam)),
    'hbDNNWaitTaskDone': (_HANDLE, c.c_int32),
    'hbDNNReleaseTask': (_HANDLE,),
    'hbSysAllocCachedMem': (_P(SysMem), c.c_uint32),
    'hbSysFreeMem': (_P(SysMem),),
    'hbSysFlushMem': (_P(SysMem), c.c_int32),
}


class DnnError(BackendError):
    """A function of libdnn returned an error; `code` is what it returned."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = code


class Library:
    """
    A loaded libdnn of the version this module describes.

    path: a file, or None for LIBRARY_VARIABLE or the usual places.  Raises BackendError when
    there is none, or one of another generation: the S100's library has the same file name and
    other structures, so calling it would corrupt memory.
    """

    def __init__(self, path: Optional[str] = None):
        path = path or os.environ.get(LIBRARY_VARIABLE)
        self.dll = _load([os.fspath(path)] if path else PLACES)
        self.version = self._guard(self.dll._name)
        for name, arguments in FUNCTIONS.items():
            function = getattr(self.dll, name)
            function.argtypes, function.restype = arguments, c.c_int32
        self._describe = getattr(self.dll, 'hbDNNGetErrorDesc', None)
        if self._describe:
            self._describe.argtypes, self._describe.restype = (c.c_int32,), c.c_char_p

    def check(self, function: str, *arguments) -> None:
        """Call a function; raise DnnError if it fails."""
        code = getattr(self.dll, function)(*arguments)
        if code:
            raise self.error(function, code)

    def error(self, function: str, code: int) -> DnnError:
        """Return the error for a code that a function returned."""
        name, meaning = ERRORS.get(code, ('unknown code', 'see hb_dnn_status.h'))
        own = self._describe(code) if self._describe else None
        said = f'; libdnn: {own.decode(errors="replace")}' if own else ''
        return DnnError(code, f'{function} failed: {name} ({code}): {meaning}{said}')

    def _guard(self, path: str) -> str:
        """Return the version, or raise BackendError for a library that must not be called."""
        missing = [name for name in ('hbDNNGetVersion', *FUNCTIONS)
                   if not hasattr(self.dll, name)]
        if hasattr(self.dll, 'hbDNNInferV2') or 'hbDNNInfer' in missing:
            raise BackendError(f'{path} is of another generation (RDK S100 or S600): its '
                               'structures differ; expected the 1.x of an RDK X5')
        if missing:
            raise BackendError(f'{path} lacks {", ".join(missing)}: expected libdnn 1.x of an '
                               'RDK X5')
        self.dll.hbDNNGetVersion.restype = c.c_char_p
        version = (self.dll.hbDNNGetVersion() or b'').decode(errors='replace')
        if not version.startswith('1.'):
            raise BackendError(f'{path} is version {version or "unknown"}: expected 1.x, the only '
                               'one whose structures are known')
        return version


def _load(places) -> c.CDLL:
    reasons = []
    for place in places:
        try:
            return c.CDLL(place)
        except OSError as e:
            reasons.append(str(e))
    raise BackendError(f'libdnn cannot be loaded: {"; ".join(dict.fromkeys(reasons))}: it comes '
                       'with the RDK X5 (deb hobot-dnn)')

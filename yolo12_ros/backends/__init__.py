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
Inference backends: a model file becomes a Model that takes NV12 and gives raw head tensors.

Backends do not decode.  Each is one file, imported when a model needs it.
"""
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
import importlib
from pathlib import Path
import threading
import time
from typing import List, Optional, Sequence, Tuple

import numpy as np

from ..errors import BackendError, InferenceTimeout, ModelError

# file suffix: backends by preference; each is a module here with open_file(path, slots, **options)
BACKENDS = {'.bin': ('libdnn', 'hbm_runtime', 'pyeasy_dnn'), '.onnx': ('onnx', 'horizon_nn')}


@dataclass(frozen=True)
class TensorInfo:
    """
    An output of a model.

    shape: as the data lies, (1, rows, columns, channels) for a head.  dtype: of the elements.
    scales: float32 (channels,) or (1,) where integer * scale is the value, None for float outputs.
    """

    name: str
    shape: Tuple[int, ...]
    dtype: np.dtype
    scales: Optional[np.ndarray] = None


class Slot:
    """The buffers of one request: write `input`, uint8 (W * H * 3 / 2,) NV12, then submit."""

    def __init__(self, buffer: np.ndarray):
        self.input = buffer
        self.running = False


class Model(ABC):
    """
    A loaded model with a pool of slots, each one request in flight.

    name: of the model.  backend: library and version, for the log.  limits: what the backend
    cannot do or the model is not, for the log, or ''.  input_size: (width, height).  input_name:
    '' if not known.  outputs: descriptions.

    acquire -> write slot.input -> submit -> wait -> read the outputs -> release.  Safe to use from
    several threads as long as each slot is in the hands of one.  Results of different slots come
    in any order.
    """

    name: str
    backend: str
    limits: str = ''
    input_size: Tuple[int, int]
    input_name: str = ''
    outputs: Tuple[TensorInfo, ...]

    # A slot whose inference is late may still be written to, so it is replaced by a fresh one;
    # this many at most, since a library that hangs would otherwise eat all memory.
    MAX_LATE = 4

    def __init__(self, slots: int):
        self._slots = slots
        self._made = 0
        self._free: deque = deque()
        self._late: List[Slot] = []
        self._changed = threading.Condition()
        self._closed = False

    def acquire(self, timeout: Optional[float] = None) -> Slot:
        """
        Return a free slot; wait for one up to `timeout` seconds, for ever if None.

        Raises InferenceTimeout when none got free, BackendError when the model is closed.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self._closed:
                self._reclaim()
                if self._free:
                    return self._free.popleft()
                if self._made < self._slots + min(len(self._late), self.MAX_LATE):
                    slot = self._make_slot()
                    self._made += 1
                    return slot
                left = 0.05 if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    raise InferenceTimeout(
                        f'no free slot: {self._slots} requests are in flight and '
                        f'{len(self._late)} late ones have not come back')
                self._changed.wait(min(left, 0.05))
        raise BackendError(f'model {self.name} is closed')

    def submit(self, slot: Slot) -> None:
        """Start the inference of slot.input and return at once.  Raises BackendError."""
        if self._closed:
            raise BackendError(f'model {self.name} is closed')
        self._start(slot)
        slot.running = True

    def wait(self, slot: Slot, timeout: Optional[float] = None) -> List[np.ndarray]:
        """
        Return the outputs in the order of `outputs`; they live until the slot is released.

        Raises InferenceTimeout after `timeout` seconds (wait may be called again), BackendError
        when the inference failed.
        """
        try:
            outputs = self._finish(slot, timeout)
        except InferenceTimeout:
            raise
        except BackendError:            # not BaseException: after Ctrl-C the inference still runs
            slot.running = False
            raise
        slot.running = False
        return outputs

    def release(self, slot: Slot) -> None:
        """Give a slot back; one whose inference still runs is set aside until it ends."""
        with self._changed:
            if not self._closed:        # else its buffers go with it
                (self._late if slot.running else self._free).append(slot)
            self._changed.notify_all()

    def infer(self, nv12: np.ndarray, timeout: Optional[float] = None) -> List[np.ndarray]:
        """Run one picture, uint8 (W * H * 3 / 2,) NV12, and return copies of the outputs."""
        nv12 = np.asarray(nv12).reshape(-1)
        slot = self.acquire(timeout)
        try:
            if nv12.dtype != np.uint8 or nv12.size != slot.input.size:
                raise BackendError(f'model {self.name} takes {slot.input.size} bytes of NV12, '
                                   f'got {nv12.size} elements of {nv12.dtype}')
            slot.input[:] = nv12
            self.submit(slot)
            return [np.array(o) for o in self.wait(slot, timeout)]
        finally:
            self.release(slot)

    def close(self) -> None:
        """
        Free everything; safe to call twice.

        Who still waits for a slot gets its outputs or BackendError.
        """
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._shut_down()

    def __enter__(self) -> 'Model':
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _reclaim(self) -> None:
        """Move late slots whose inference has ended to the free ones, or drop a surplus one."""
        for slot in list(self._late):
            try:
                self.wait(slot, 0)
            except InferenceTimeout:
                continue
            except BackendError:
                pass                    # it failed, but it ended
            self._late.remove(slot)
            if self._made > self._slots:
                self._made -= 1
                self._free_slot(slot)
            else:
                self._free.append(slot)

    @abstractmethod
    def _make_slot(self) -> Slot:
        """Allocate the buffers of one request."""

    @abstractmethod
    def _start(self, slot: Slot) -> None:
        """Start an inference; called with the slot in the caller's hands."""

    @abstractmethod
    def _finish(self, slot: Slot, timeout: Optional[float]) -> List[np.ndarray]:
        """Wait for the inference; timeout 0 only looks.  Raises InferenceTimeout."""

    def _free_slot(self, slot: Slot) -> None:
        """Free the buffers of a slot that is not running."""

    @abstractmethod
    def _shut_down(self) -> None:
        """Free slots and model; inferences that still run must not touch freed memory."""


def open_model(path, backend: str = 'auto', slots: int = 2, **options) -> Model:
    """
    Open a model file.

    backend: 'auto' tries those of BACKENDS for the file's suffix in turn.  slots: requests that
    may be in flight.  options: passed on to the backend (see its open_file).

    Raises ModelError for the file, BackendError naming what each backend lacks.
    """
    path = Path(path)
    candidates = BACKENDS.get(path.suffix.lower())
    if candidates is None:
        raise ModelError(f'{path}: model files end in {" or ".join(BACKENDS)}, got '
                         f'{path.suffix or "no suffix"!r}; `yolo12 export` makes an .onnx from a '
                         'checkpoint')
    if backend != 'auto' and backend not in candidates:
        raise BackendError(f'backend {backend!r} cannot run {path.name}: use auto or '
                           f'{", ".join(candidates)}')
    if not path.is_file():
        raise ModelError(f'model file {path} does not exist: check "model_file"')
    missing = []
    for name in candidates if backend == 'auto' else [backend]:
        try:
            module = importlib.import_module(f'{__name__}.{name}')
            return module.open_file(path, slots, **options)
        except BackendError as e:
            missing.append(f'  {name}: {e}')
    raise BackendError(_nothing_runs(path, missing))


def _nothing_runs(path: Path, reasons: Sequence[str]) -> str:
    lines = [f'no backend can run {path.name}:', *reasons]
    if path.suffix.lower() == '.bin':
        lines.append('a .bin model runs on the BPU of an RDK X5 only; on a PC use the .onnx '
                     'that it was compiled from')
    return '\n'.join(lines)

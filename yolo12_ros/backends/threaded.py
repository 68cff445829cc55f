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

"""Base of backends whose library only knows a blocking call: a worker thread makes it."""
from abc import abstractmethod
import queue
import threading
from typing import List, Optional, Set

import numpy as np

from . import Model, Slot
from ..errors import BackendError, InferenceTimeout


class ThreadedSlot(Slot):
    """A request of a blocking backend."""

    def __init__(self, size: int):
        super().__init__(np.zeros(size, np.uint8))
        self.done = threading.Event()
        self.outputs: List[np.ndarray] = []
        self.error: Optional[Exception] = None


class ThreadedModel(Model):
    """
    Runs `run` in one daemon thread, in the order of submission.

    Overlap and timeouts are as good as the library's call is at releasing the GIL.
    """

    def __init__(self, slots: int):
        super().__init__(slots)
        self._requests: queue.SimpleQueue = queue.SimpleQueue()
        self._unfinished: Set[ThreadedSlot] = set()
        self._worker = threading.Thread(target=self._work, name='inference', daemon=True)
        self._worker.start()

    @abstractmethod
    def run(self, nv12: np.ndarray) -> List[np.ndarray]:
        """Infer one NV12 picture; the arrays returned belong to the caller."""

    def _make_slot(self) -> ThreadedSlot:
        w, h = self.input_size
        return ThreadedSlot(w * h * 3 // 2)

    def _start(self, slot: ThreadedSlot) -> None:
        slot.done.clear()
        slot.error = None
        with self._changed:     # nothing may come behind what ends the worker
            if self._closed:
                raise BackendError(f'model {self.name} is closed')
            self._unfinished.add(slot)
            self._requests.put(slot)

    def _finish(self, slot: ThreadedSlot, timeout: Optional[float]) -> List[np.ndarray]:
        if not slot.done.wait(timeout):
            raise InferenceTimeout(f'inference of {self.name} did not finish in {timeout:g} s')
        if slot.error is not None:
            raise BackendError(f'inference of {self.name} failed: {slot.error}') from slot.error
        return slot.outputs

    def _work(self) -> None:
        for slot in iter(self._requests.get, None):
            try:
                slot.outputs = self.run(slot.input)
            except Exception as e:      # whatever the library throws belongs to this request
                slot.error = e
            self._unfinished.discard(slot)      # first: whoever waits may submit it again at once
            slot.done.set()

    def _shut_down(self) -> None:
        self._requests.put(None)
        self._worker.join(timeout=1.0)  # a hung library must not hang us; the thread is a daemon
        for slot in list(self._unfinished):     # nor who waits for it
            slot.error = BackendError('the model was closed meanwhile')
            slot.done.set()

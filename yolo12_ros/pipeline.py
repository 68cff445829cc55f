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
Frames in flight: the newest frame of each camera wins, results leave in order, drops are counted.

Two threads: one decodes, letterboxes and submits, the other waits, postprocesses and hands over,
so that both work on other frames while the accelerator is busy.
"""
from collections import deque
from dataclasses import dataclass, field
import threading
import time
import traceback
from typing import Any, Callable, Deque, Dict, Optional, Sequence, Tuple

from .backends import Slot
from .detections import Detections
from .detector import Detector
from .errors import ImageError, InferenceTimeout, Yolo12Error
from .images import Nv12Image
from .letterbox import Letterbox
from .pace import Pace
from .timing import Statistics


@dataclass
class Frame:
    """
    One picture on its way.

    camera: whose it is.  header: travels untouched.  decode: turns the message into NV12; called
    outside the caller's thread.  received: time.monotonic() of its arrival.  image, detections and
    times (seconds by stage) are filled in on the way.
    """

    camera: str
    header: Any
    decode: Callable[[], Nv12Image]
    received: float = field(default_factory=time.monotonic)
    image: Optional[Nv12Image] = None
    detections: Optional[Detections] = None
    times: Dict[str, float] = field(default_factory=dict)


@dataclass
class _Request:
    frame: Frame
    slot: Slot
    letterbox: Letterbox
    submitted: float


class Mailbox:
    """
    The newest frame of each camera; cameras are served in turn.

    Not thread-safe: the pipeline holds its lock.
    """

    def __init__(self, cameras: Sequence[str]):
        self._turn: Deque[str] = deque(cameras)
        self._frames: Dict[str, Frame] = {}

    def put(self, frame: Frame) -> bool:
        """Store a frame; True if an older one of the same camera had to go."""
        replaced = frame.camera in self._frames
        self._frames[frame.camera] = frame
        return replaced

    def take(self) -> Frame:
        """Return the frame of the camera that waited longest for its turn."""
        camera = next(c for c in self._turn if c in self._frames)
        self._turn.remove(camera)
        self._turn.append(camera)
        return self._frames.pop(camera)

    def __len__(self) -> int:
        return len(self._frames)


class Pipeline:
    """
    Runs a detector over the frames of several cameras.

    on_result(frame) and on_failure(frame, error) are called from the pipeline's threads, results
    of one camera in the order of their arrival; what they raise ends neither thread.  An inference
    that takes longer than `timeout` seconds is given up and its slot replaced; the next frame is
    tried on a fresh one.

    statistics: by camera; events received, processed, dropped, failed_image, failed_timeout,
    failed_inference, failed_output.  failures_in_row: inferences that failed since the last
    good one.
    """

    STOP_SECONDS = 2.0      # launch kills a node that takes longer than 5 s to end

    def __init__(self, detector: Detector, cameras: Sequence[str],
                 on_result: Callable[[Frame], None],
                 on_failure: Callable[[Frame, Exception], None], timeout: float):
        self.statistics = {camera: Statistics() for camera in cameras}
        self.failures_in_row = 0
        self._detector = detector
        self._on_result = on_result
        self._on_failure = on_failure
        self._timeout = timeout
        self._mailbox = Mailbox(cameras)
        self._requests: Deque[_Request] = deque()
        self._pace = Pace()
        self._running = False
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._feed, name='feed', daemon=True),
                         threading.Thread(target=self._collect, name='collect', daemon=True)]

    def start(self) -> None:
        """Start the threads."""
        self._running = True
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """
        Finish what is in flight, as far as it does within STOP_SECONDS, and end the threads.

        One that waits for an inference that hangs is left behind: closing the model frees it.
        """
        with self._changed:
            self._running = False
            self._changed.notify_all()
        end = time.monotonic() + self.STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def put(self, frame: Frame) -> None:
        """Hand in a frame; returns at once."""
        statistics = self.statistics[frame.camera]
        statistics.count('received')
        with self._changed:
            if self._mailbox.put(frame):
                statistics.count('dropped')
            self._changed.notify_all()

    def _feed(self) -> None:
        while self._wait_for_frame():
            try:
                slot = self._detector.model.acquire(self._timeout)
            except Exception as e:      # a thread that dies would silence the node
                self._fail(self._take(), e)
                continue
            frame = self._take()
            try:
                request = self._submit(frame, slot)
            except Exception as e:      # a thread that dies would silence the node
                self._detector.model.release(slot)
                self._fail(frame, e)
                continue
            with self._changed:
                self._requests.append(request)
                self._changed.notify_all()

    def _wait_for_frame(self) -> bool:
        """Wait until there is a frame and it is time to take it; False at the end."""
        with self._changed:
            while self._running:
                delay = self._pace.delay(time.monotonic()) if len(self._mailbox) else None
                if delay == 0.0:
                    return True
                self._changed.wait(delay)
        return False

    def _take(self) -> Frame:
        with self._changed:
            return self._mailbox.take()

    def _submit(self, frame: Frame, slot: Slot) -> _Request:
        start = time.monotonic()
        try:
            frame.image = frame.decode()
            decoded = time.monotonic()
            letterbox = self._detector.preprocess(frame.image, slot.input)
        except Yolo12Error:
            raise
        except Exception as e:          # OpenCV's, say: the picture is to blame, not the model
            raise ImageError(f'{type(e).__name__}: {e}') from e
        placed = time.monotonic()
        self._detector.model.submit(slot)
        frame.times.update(decode=decoded - start, letterbox=placed - decoded)
        with self._changed:
            self._pace.prepared(placed - start)
            self._pace.submitted(placed)
        return _Request(frame, slot, letterbox, placed)

    def _collect(self) -> None:
        while True:
            with self._changed:
                while not self._requests:
                    if not self._running and not self._threads[0].is_alive():
                        return
                    self._changed.wait(0.1)
                request = self._requests.popleft()
            self._finish(request)

    def _finish(self, request: _Request) -> None:
        frame, model = request.frame, self._detector.model
        try:
            try:
                outputs = model.wait(request.slot, self._timeout)
            except BaseException:
                self._inference_ended(completed=False)
                raise
            inferred = self._inference_ended()
            frame.detections = self._detector.postprocess(outputs, request.letterbox)
            with self._changed:
                self.failures_in_row = 0
        except Exception as e:          # a thread that dies would silence the node
            model.release(request.slot)
            self._fail(frame, e)
            return
        model.release(request.slot)
        frame.times.update(infer=inferred - request.submitted,
                           postprocess=time.monotonic() - inferred)
        self._hand_over(frame)

    def _inference_ended(self, completed: bool = True) -> float:
        now = time.monotonic()
        with self._changed:
            self._pace.finished(now, completed)
            self._changed.notify_all()
        return now

    def _hand_over(self, frame: Frame) -> None:
        statistics = self.statistics[frame.camera]
        try:
            self._on_result(frame)
        except Exception as e:          # a thread that dies would silence the node
            statistics.count('failed_output')
            self._tell(frame, e)
            return
        frame.times['latency'] = time.monotonic() - frame.received
        for stage, seconds in frame.times.items():
            statistics.add_time(stage, seconds)
        statistics.count('processed')

    def _fail(self, frame: Frame, error: Exception) -> None:
        cause, counts = _cause(error)
        self.statistics[frame.camera].count(cause)
        with self._changed:
            self.failures_in_row += counts
        self._tell(frame, error)

    def _tell(self, frame: Frame, error: Exception) -> None:
        try:
            self._on_failure(frame, error)
        except Exception:               # a thread that dies would silence the node
            traceback.print_exc()


def _cause(error: Exception) -> Tuple[str, int]:
    """Return (event to count, 1 if the inference is to blame)."""
    if isinstance(error, ImageError):
        return 'failed_image', 0
    if isinstance(error, InferenceTimeout):
        return 'failed_timeout', 1
    return 'failed_inference', 1

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

"""One measurement of `yolo12 perf`: frames through the pipeline, and when each stage ran."""
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import itertools
import threading
import time
from typing import Any, Callable, Dict, List, Optional

import cv2

from .picture_detector import TIMEOUT
from .progress import Progress
from ..detector import Detector
from ..errors import Yolo12Error
from ..pipeline import Frame, Pipeline
from ..render import draw
from ..timing import STAGES

CAMERA = 'perf'
WARM_UP = 3         # results that do not count
_PATIENCE = 10.0    # seconds without a frame
# where a stage runs: the pipeline's two threads, the accelerator, the thread that draws
TRACKS = {'decode': 'feed', 'letterbox': 'feed', 'infer': 'inference', 'postprocess': 'collect',
          'publish': 'collect', 'render': 'render'}


@dataclass(frozen=True)
class Span:
    """A stage of a frame: start and end by time.monotonic()."""

    stage: str
    frame: int
    start: float
    end: float


class Measurement:
    """
    Runs a detector's pipeline and keeps the spans of its stages.

    in_flight: the model's slots, for the tables.  render: draw and encode each picture that the
    drawing thread has time for.  topic: a FrameTopic, or None.

    times: milliseconds by stage, latency among them.  seconds: between the first and the last
    result.  counts: the pipeline's.  arrivals: what the topic's frames were like, or None.
    """

    def __init__(self, detector: Detector, in_flight: int, render: bool, topic=None):
        self.in_flight = in_flight
        self.spans: List[Span] = []
        self.times: Dict[str, List[float]] = {stage: [] for stage in STAGES}
        self.seconds = 0.0
        self.counts: Dict[str, int] = {}
        self.arrivals: Optional[Dict[str, Any]] = None
        self._detector = detector
        self._topic = topic
        self._ends: List[float] = []
        self._error: Optional[Exception] = None
        self._taken = threading.Semaphore(1)
        self._results = itertools.count()
        self._drawer = ThreadPoolExecutor(1, 'render') if render else None
        self._drawing = None
        self._pipeline = Pipeline(detector, [CAMERA], self._on_result, self._on_failure,
                                  TIMEOUT)

    @property
    def rate(self) -> float:
        """Return results a second."""
        return (len(self._ends) - 1) / self.seconds

    def measure(self, decoders: List[Callable], seconds: float, rate: float = 0.0) -> None:
        """
        Run for some seconds.

        decoders: give the pictures, in turn; unused with a topic.  rate: frames a second, 0 for
        as fast as they are taken.  Raises what the first frame that failed raised.
        """
        self._pipeline.start()
        try:
            with Progress(0, f'{self.in_flight} in flight') as progress:
                if self._topic is not None:
                    self._listen(seconds, progress)
                else:
                    self._feed(itertools.cycle(decoders), seconds, rate, progress)
        finally:
            self._pipeline.stop()
            if self._drawer is not None:
                self._drawer.shutdown()
        if self._error is not None:
            raise self._error
        if len(self._ends) < 2:
            raise Yolo12Error(f'only {len(self._ends)} results in {seconds:g} s besides the first '
                              f'{WARM_UP}, which do not count: raise --seconds')
        self.seconds = self._ends[-1] - self._ends[0]
        self.counts = self._pipeline.statistics[CAMERA].totals()

    def _feed(self, decoders, seconds: float, rate: float, progress: Progress) -> None:
        start = time.monotonic()
        for number, decode in enumerate(decoders):
            if rate:
                time.sleep(max(0.0, start + number / rate - time.monotonic()))
            elif not self._taken.acquire(timeout=_PATIENCE):
                raise Yolo12Error(f'no frame was taken for {_PATIENCE:g} s: the inference hangs')
            if self._error is not None or time.monotonic() - start >= seconds:
                return
            self._pipeline.put(Frame(CAMERA, None, lambda decode=decode: self._decode(decode)))
            progress.advance()

    def _decode(self, decode):
        self._taken.release()       # the mailbox is empty: the next frame may come
        return decode()

    def _listen(self, seconds: float, progress: Progress) -> None:
        def on_frame(header, decode):
            self._pipeline.put(Frame(CAMERA, header, decode))
            progress.advance()
        self.arrivals = self._topic.listen(on_frame, seconds, _PATIENCE)

    def _on_result(self, frame: Frame) -> None:
        """Keep the spans; the pipeline measured the stages one right after the other."""
        number, end = next(self._results), time.monotonic()
        spans = []
        for stage in ('postprocess', 'infer', 'letterbox', 'decode'):
            spans.append(Span(stage, number, end - frame.times[stage], end))
            end -= frame.times[stage]
        if self._topic is not None:
            start = time.monotonic()
            self._topic.publish(frame, self._detector.config.labels)
            spans.append(Span('publish', number, start, time.monotonic()))
        if self._drawer is not None and (self._drawing is None or self._drawing.done()):
            self._drawing = self._drawer.submit(self._draw, number, frame)
        if number >= WARM_UP:
            now = time.monotonic()
            self._ends.append(now)
            self._keep(spans)
            self.times['latency'].append((now - frame.received) * 1e3)

    def _draw(self, number: int, frame: Frame) -> None:
        start = time.monotonic()
        picture = frame.image.to_bgr()
        draw(picture, frame.detections, self._detector.config.labels)
        cv2.imencode('.jpg', picture, (cv2.IMWRITE_JPEG_QUALITY, 80))
        if number >= WARM_UP:
            self._keep([Span('render', number, start, time.monotonic())])

    def _keep(self, spans: List[Span]) -> None:
        self.spans += spans
        for span in spans:
            self.times[span.stage].append((span.end - span.start) * 1e3)

    def _on_failure(self, frame: Frame, error: Exception) -> None:
        self._error = self._error or error
        self._taken.release()

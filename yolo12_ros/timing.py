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

"""Stage times and rates over a sliding window, and counters; safe to use from several threads."""
from collections import Counter, deque
from dataclasses import dataclass
import threading
import time
from typing import Dict

import numpy as np

# The one list of stage names: diagnostics, perfs and `yolo12 perf` use them.
STAGES = ('decode', 'letterbox', 'infer', 'postprocess', 'render', 'publish', 'latency')


@dataclass(frozen=True)
class StageSummary:
    """Times of one stage in milliseconds."""

    count: int
    mean: float
    p50: float
    p95: float
    p99: float


def summarise(milliseconds) -> StageSummary:
    """Summarise the times of one stage; all zero if there are none."""
    if not len(milliseconds):
        return StageSummary(0, 0.0, 0.0, 0.0, 0.0)
    p50, p95, p99 = np.percentile(milliseconds, (50, 95, 99))
    return StageSummary(len(milliseconds), float(np.mean(milliseconds)), float(p50), float(p95),
                        float(p99))


class Statistics:
    """
    Durations by stage, events by name, and the rate of each event.

    window: how many of the newest samples of a stage count; rates cover the last 5 s.
    """

    RATE_SECONDS = 5.0

    def __init__(self, window: int = 300):
        self._window = window
        self._times: Dict[str, deque] = {}
        self._stamps: Dict[str, deque] = {}
        self._counts: Counter = Counter()
        self._lock = threading.Lock()

    def add_time(self, stage: str, seconds: float) -> None:
        """Record one duration."""
        with self._lock:
            self._times.setdefault(stage, deque(maxlen=self._window)).append(seconds)

    def count(self, event: str) -> None:
        """Count an event: 'received', 'dropped', 'processed', 'failed_timeout', ..."""
        with self._lock:
            self._counts[event] += 1
            self._stamps.setdefault(event, deque(maxlen=1000)).append(time.monotonic())

    def totals(self) -> Dict[str, int]:
        """Return all counters."""
        with self._lock:
            return dict(self._counts)

    def recent(self, event: str) -> int:
        """Return how often the event was counted over the last seconds."""
        with self._lock:
            since = time.monotonic() - self.RATE_SECONDS
            return sum(t >= since for t in self._stamps.get(event, ()))

    def rate(self, event: str) -> float:
        """Return events per second over the last seconds, 0.0 while there are none."""
        with self._lock:
            now = time.monotonic()
            recent = [t for t in self._stamps.get(event, ()) if t >= now - self.RATE_SECONDS]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) / max(now - recent[0], 1e-9)

    def summary(self, stage: str) -> StageSummary:
        """Return the times of one stage over the window."""
        with self._lock:
            samples = np.array(self._times.get(stage, ()), np.float64) * 1e3
        return summarise(samples)

    def stages(self) -> Dict[str, StageSummary]:
        """Return the summary of every stage that has samples, in the order of STAGES."""
        return {stage: self.summary(stage) for stage in STAGES if stage in self._times}

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

"""When the pipeline takes its next frame."""
from collections import deque
from typing import Deque


class Pace:
    """
    When to take the next frame, so that it is submitted just before the accelerator runs dry.

    Taking it earlier would gain nothing and make the result older.  The guess is cautious: the
    shortest of the last inferences, the longest of the last preparations.
    """

    def __init__(self):
        self._inferences: Deque[float] = deque(maxlen=8)
        self._preparations: Deque[float] = deque(maxlen=8)
        self._in_flight = 0
        self._busy_since = 0.0

    def prepared(self, seconds: float) -> None:
        """Note how long decoding and letterboxing took."""
        self._preparations.append(seconds)

    def submitted(self, now: float) -> None:
        """Note a submission."""
        if not self._in_flight:
            self._busy_since = now
        self._in_flight += 1

    def finished(self, now: float, completed: bool = True) -> None:
        """Note the end of the oldest request."""
        if completed:
            self._inferences.append(now - self._busy_since)
        self._busy_since = now
        self._in_flight -= 1

    def delay(self, now: float) -> float:
        """Return the seconds to wait before the next frame should be taken, 0 for none."""
        if not self._in_flight or not self._inferences or not self._preparations:
            return 0.0
        inference = min(self._inferences)
        busy_until = self._busy_since + self._in_flight * inference
        lead = max(self._preparations) + 0.002 + 0.1 * inference
        return max(0.0, busy_until - lead - now)

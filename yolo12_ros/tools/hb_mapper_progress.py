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

"""How far hb_mapper makertbin is, from the lines it prints."""
import re

from .hb_mapper_log import message
from .progress import Progress

# (what a line begins with, percent done there).  Shares as recorded for YOLO12n with 50 pictures:
# calibration two thirds of 28 minutes, compilation one third, the rest seconds.
_MARKS = (
    ('Start Model Convert', 0), ('num of calibration data', 1), ('End to prepare', 1),
    ('End to optimize', 2), ('End to calibrate', 65), ('End to quantize', 66),
    ('End to compile', 98), ('End to Horizon NN', 99), ('End Model Convert', 100))
_COMPILE = 66, 98
_BAR = re.compile(r'\[[=>#. -]*\]\s*(\d{1,3}) ?%')     # of hbdk-cc, while it compiles


class MapperProgress:
    """A progress bar in percent that follows a log; a context manager, call line() for each."""

    def __init__(self, label: str):
        self._progress = Progress(100, label, rates=False)
        self._stage = ''

    def __enter__(self) -> 'MapperProgress':
        self._progress.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._progress.__exit__(*error)

    def line(self, line: str) -> None:
        """Follow one line."""
        text, _ = message(line)
        percent = next((p for mark, p in _MARKS if text.startswith(mark)), 0)
        bar = _BAR.search(text)
        if bar and self._stage.startswith('compile'):
            low, high = _COMPILE
            percent = low + (high - low) * min(100, int(bar[1])) // 100
        if text.startswith('Start to '):
            self._stage = text[len('Start to '):].rstrip('.')
        self._progress.advance(max(0, percent - self._progress.done), self._stage)

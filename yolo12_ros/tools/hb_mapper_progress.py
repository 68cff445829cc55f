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
from pathlib import Path
import re
import threading

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
    """
    A progress bar in percent that follows a run; a context manager, call line() for each line.

    log: file that hb_mapper writes, followed too, once a second: it may print nothing for ten
    minutes while it calibrates, and some versions write to the file only.
    """

    def __init__(self, label: str, log: Path):
        self._progress = Progress(100, label, rates=False)
        self._log = log
        self._stage = ''
        self._seen = 0      # bytes of the log
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name='progress', daemon=True)

    def __enter__(self) -> 'MapperProgress':
        self._progress.__enter__()
        self._ticker.start()
        return self

    def __exit__(self, *error) -> None:
        self._end.set()
        self._ticker.join()
        self._follow()
        self._progress.__exit__(*error)

    def line(self, line: str) -> None:
        """Follow one line; one that was seen before changes nothing."""
        text, _ = message(line)
        with self._lock:
            percent = next((p for mark, p in _MARKS if text.startswith(mark)), 0)
            bar = _BAR.search(text)
            if bar and self._stage.startswith('compile'):
                low, high = _COMPILE
                percent = low + (high - low) * min(100, int(bar[1])) // 100
            if text.startswith('Start to '):
                self._stage = text[len('Start to '):].rstrip('.')
            self._progress.advance(max(0, percent - self._progress.done), self._stage)

    def _tick(self) -> None:
        while not self._end.wait(1.0):
            self._follow()
            with self._lock:
                self._progress.advance(0, self._stage)

    def _follow(self) -> None:
        """Follow the whole lines that the log file has got meanwhile."""
        try:
            with self._log.open('rb') as file:
                file.seek(self._seen)
                new = file.read()
        except OSError:     # not there yet
            return
        whole = new[:new.rfind(b'\n') + 1]
        self._seen += len(whole)
        for line in whole.decode('utf-8', 'replace').splitlines():
            self.line(line)

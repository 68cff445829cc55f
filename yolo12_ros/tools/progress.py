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

"""A progress bar on stderr: redrawn on a terminal, a line now and then anywhere else."""
import shutil
import sys
import time

_REDRAW = 0.1       # seconds between two drawings on a terminal
_LINE = 10.0        # seconds between two lines elsewhere
_BAR = 24           # characters


class Progress:
    """
    Counts steps of a long job, with rate and time left; a context manager.

    total: steps, 0 if unknown.  label: what is being done.  rates: False where steps take
    different times, so that "per second" and "left" would mislead.
    """

    def __init__(self, total: int, label: str, stream=None, rates: bool = True):
        self.done = 0
        self._total = total
        self._label = label
        self._rates = rates
        self._stream = sys.stderr if stream is None else stream
        self._terminal = not self._stream.closed and self._stream.isatty()
        self._text = ''
        self._start = self._shown = time.monotonic()

    def __enter__(self) -> 'Progress':
        return self

    def __exit__(self, kind, *_) -> None:
        if self._terminal:
            self._write('\r\x1b[K')
        seconds = time.monotonic() - self._start
        state = 'stopped at ' if kind else ''
        self._write(f'{self._label}: {state}{self._count()} in {_duration(seconds)}\n')

    def advance(self, n: int = 1, text: str = '') -> None:
        """Count n more steps, or none to show another text only."""
        self.done += n
        self._text = text
        now = time.monotonic()
        if now - self._shown >= (_REDRAW if self._terminal else _LINE):
            self._shown = now
            self._write(f'\r{self._line(now)}\x1b[K' if self._terminal else self._line(now) + '\n')

    def _line(self, now: float) -> str:
        parts = [f'{self._label}: {self._bar()}{self._count()}']
        elapsed = now - self._start
        if self._rates and self.done and elapsed > 0:
            rate = self.done / elapsed
            parts.append(f'{rate:.3g}/s')
            if self.done < self._total:
                parts.append(f'{_duration((self._total - self.done) / rate)} left')
        elif not self._rates:
            parts.append(_duration(elapsed))
        line = ', '.join(parts) + (f'  {self._text}' if self._text else '')
        return line[:shutil.get_terminal_size().columns - 1] if self._terminal else line

    def _bar(self) -> str:
        if not self._terminal or not self._total:
            return ''
        full = min(_BAR, _BAR * self.done // self._total)
        return f'[{"#" * full}{"." * (_BAR - full)}] '

    def _count(self) -> str:
        return f'{self.done}/{self._total}' if self._total else str(self.done)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):   # a closed stderr must not end the job
            pass


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f'{seconds:.1f} s'
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{seconds:02} h' if hours else f'{minutes}:{seconds:02} min'

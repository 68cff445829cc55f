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
"""The progress bar: plain lines off a terminal, one redrawn line on it."""
import io

import pytest

from yolo12_ros.tools import progress
from yolo12_ros.tools.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Replace the clock by a settable one."""
    now = [0.0]
    monkeypatch.setattr(progress.time, 'monotonic', lambda: now[0])
    return now


def test_off_a_terminal_a_short_job_is_one_line(clock):
    stream = io.StringIO()
    with Progress(3, 'pictures', stream) as bar:
        for _ in range(3):
            clock[0] += 1
            bar.advance()
    assert stream.getvalue() == 'pictures: 3/3 in 3.0 s\n'


def test_off_a_terminal_a_long_job_speaks_every_ten_seconds(clock):
    stream = io.StringIO()
    with Progress(100, 'pictures', stream) as bar:
        for _ in range(25):
            clock[0] += 1
            bar.advance(text='a.jpg')
    lines = stream.getvalue().splitlines()
    assert lines == ['pictures: 10/100, 1/s, 1:30 min left  a.jpg',
                     'pictures: 20/100, 1/s, 1:20 min left  a.jpg',
                     'pictures: 25/100 in 25.0 s']
    assert '\r' not in stream.getvalue()


def test_a_terminal_sees_bar_rate_and_time_left(clock):
    stream = Terminal()
    with Progress(8, 'pictures', stream) as bar:
        clock[0] += 2
        bar.advance(2, 'b.jpg')
    assert '[######..................] 2/8, 1/s, 6.0 s left  b.jpg' in stream.getvalue()
    assert stream.getvalue().endswith('pictures: 2/8 in 2.0 s\n')


def test_a_line_fits_the_terminal(clock, monkeypatch):
    monkeypatch.setenv('COLUMNS', '40')
    stream = Terminal()
    with Progress(8, 'pictures', stream) as bar:
        clock[0] += 2
        bar.advance(1, 'a/very/long/name' * 10)
    drawn = stream.getvalue().split('\r')[1].replace('\x1b[K', '')
    assert len(drawn) == 39


def test_unknown_total_and_no_rates(clock):
    stream = io.StringIO()
    with Progress(0, 'frames', stream, rates=False) as bar:
        clock[0] += 11
        bar.advance()
    assert stream.getvalue().splitlines() == ['frames: 1, 11.0 s', 'frames: 1 in 11.0 s']


def test_an_error_passes_and_is_seen(clock):
    stream = io.StringIO()
    with pytest.raises(KeyError):
        with Progress(5, 'pictures', stream) as bar:
            bar.advance()
            raise KeyError
    assert stream.getvalue() == 'pictures: stopped at 1/5 in 0.0 s\n'


def test_a_closed_stream_does_not_end_the_job():
    stream = io.StringIO()
    stream.close()
    with Progress(1, 'pictures', stream) as bar:
        bar.advance()
    assert bar.done == 1


@pytest.mark.parametrize('seconds, text', [
    (0.04, '0.0 s'), (59.94, '59.9 s'), (60, '1:00 min'), (3599, '59:59 min'),
    (3600, '1:00:00 h'), (40271, '11:11:11 h')])
def test_durations(seconds, text):
    assert progress._duration(seconds) == text

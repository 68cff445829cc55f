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

"""Stage times, counters and rates."""
import threading

import numpy as np
import pytest
from yolo12_ros import timing
from yolo12_ros.timing import STAGES, StageSummary, Statistics


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that a test sets by hand: clock[0] = seconds."""
    now = [1000.0]
    monkeypatch.setattr(timing.time, 'monotonic', lambda: now[0])
    return now


def test_summary():
    """Milliseconds, with percentiles as NumPy computes them."""
    statistics = Statistics()
    seconds = np.random.default_rng(0).uniform(0.001, 0.1, 50)
    for s in seconds:
        statistics.add_time('infer', s)
    got = statistics.summary('infer')
    p50, p95, p99 = np.percentile(seconds * 1e3, (50, 95, 99))
    expected = (50, seconds.mean() * 1e3, p50, p95, p99)
    assert (got.count, got.mean, got.p50, got.p95, got.p99) == pytest.approx(expected)


def test_summary_of_one_and_of_none():
    """Nothing divides by zero."""
    statistics = Statistics()
    assert statistics.summary('infer') == StageSummary(0, 0.0, 0.0, 0.0, 0.0)
    statistics.add_time('infer', 0.25)
    assert statistics.summary('infer') == StageSummary(1, 250.0, 250.0, 250.0, 250.0)


def test_window_slides():
    """Old samples leave."""
    statistics = Statistics(window=10)
    for s in [100.0] * 5 + [1.0] * 10:
        statistics.add_time('infer', s)
    assert statistics.summary('infer') == StageSummary(10, *[1000.0] * 4)


def test_stages_come_in_the_order_of_the_list():
    """Only those that have samples."""
    statistics = Statistics()
    for stage in ('publish', 'infer', 'decode'):
        statistics.add_time(stage, 0.001)
    assert list(statistics.stages()) == ['decode', 'infer', 'publish']
    assert len(set(STAGES)) == len(STAGES)


def test_counters():
    """Counters never slide."""
    statistics = Statistics(window=2)
    for _ in range(5):
        statistics.count('received')
    statistics.count('dropped')
    assert statistics.totals() == {'received': 5, 'dropped': 1}


@pytest.mark.parametrize('hz', [1, 10, 30, 400])
def test_rate_of_a_steady_stream(clock, hz):
    """Within five per cent, also where a window holds more events than are kept."""
    statistics = Statistics()
    for _ in range(hz * 12):
        clock[0] += 1 / hz
        statistics.count('processed')
    assert statistics.rate('processed') == pytest.approx(hz, rel=0.05)


def test_rate_falls_to_zero_when_a_stream_stops(clock):
    """It does not keep the last value."""
    statistics = Statistics()
    for _ in range(100):
        clock[0] += 0.1
        statistics.count('processed')
    clock[0] += 2
    assert 5 < statistics.rate('processed') < 8
    clock[0] += 10
    assert statistics.rate('processed') == 0.0


def test_rate_needs_two_events(clock):
    """One event has no rate, and none has neither."""
    statistics = Statistics()
    assert statistics.rate('processed') == 0.0
    statistics.count('processed')
    assert statistics.rate('processed') == 0.0


def test_threads_lose_no_count():
    """Readers and writers run at once."""
    statistics = Statistics()

    def work():
        for _ in range(500):
            statistics.count('received')
            statistics.add_time('infer', 0.001)
            statistics.stages()
            statistics.rate('received')

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statistics.totals()['received'] == 2000
    assert statistics.summary('infer').count == 300

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

"""What /diagnostics says, and that it says OK again."""
import threading

from diagnostic_msgs.msg import DiagnosticArray
import graph    # noqa: F401  skips where ROS is absent
import pytest
from std_srvs.srv import SetBool

from yolo12_ros import timing
from yolo12_ros.ros.diagnostics import Diagnostics, ERROR, OK, WARN
from yolo12_ros.timing import Statistics

CAMERA = {'watchdog_period': 1.5}


class Stub:
    """Stands in for Pipeline and ImageInput."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def describe(self):
        return '/image (a type)'


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that a test sets by hand: clock[0] = seconds."""
    now = [1000.0]
    monkeypatch.setattr(timing.time, 'monotonic', lambda: now[0])
    return now


class Reporting:
    """Diagnostics of a pipeline that does what a test wants."""

    def __init__(self, cameras=('camera',)):
        self.statistics = {name: Statistics() for name in cameras}
        self.pipeline = Stub(failures_in_row=0, statistics=self.statistics)
        self.inputs = {name: Stub(quiet_seconds=0.0, last_warning='') for name in cameras}
        self.diagnostics = Diagnostics('yolo12', 'fake 1.0', self.pipeline, self.inputs, 5.0, 3)

    def of(self, component, enabled=True):
        """Return (level, text, values) of a component."""
        from builtin_interfaces.msg import Time
        message = self.diagnostics.message(Time(sec=5), enabled)
        assert message.header.stamp.sec == 5
        status, = [s for s in message.status if s.name == f'yolo12: {component}']
        assert status.hardware_id == 'fake 1.0'
        return status.level, status.message, {v.key: v.value for v in status.values}


def test_inference_fails_and_recovers():
    it = Reporting()
    for failures, level in ((0, OK), (1, WARN), (2, WARN), (3, ERROR), (50, ERROR), (0, OK)):
        it.pipeline.failures_in_row = failures
        found = it.of('inference')
        assert found[0] == level and (str(failures) in found[1]) == bool(failures)


def test_input_is_quiet_and_recovers():
    it = Reporting()
    assert it.of('input')[:2] == (OK, 'images arrive')
    it.inputs['camera'].quiet_seconds = 5.5
    assert it.of('input')[:2] == (WARN, 'no image')
    it.inputs['camera'].last_warning = 'it has no publisher'
    assert it.of('input')[:2] == (WARN, 'it has no publisher')
    assert it.of('input', enabled=False)[:2] == (OK, 'disabled')
    it.inputs['camera'].quiet_seconds = 0.1
    assert it.of('input')[0] == OK


@pytest.mark.parametrize('event, component', [
    ('failed_image', 'input'), ('failed_timeout', 'output'), ('failed_inference', 'output'),
    ('failed_output', 'output')])
def test_failures_make_a_warning_until_they_are_over(clock, event, component):
    it = Reporting()
    it.statistics['camera'].count(event)
    assert it.of(component)[0] == WARN
    clock[0] += Statistics.RATE_SECONDS + 0.1
    level, _, values = it.of(component)
    assert level == OK
    assert values['unusable' if component == 'input' else f'failed: {event[7:]}'] == '1'


def test_counts_and_times(clock):
    it = Reporting()
    statistics = it.statistics['camera']
    for _ in range(11):
        statistics.count('received')
        statistics.count('processed')
        clock[0] += 0.1
    for _ in range(4):
        statistics.count('dropped')
    statistics.add_time('infer', 0.040)
    statistics.add_time('decode', 0.002)
    _, _, values = it.of('input')
    assert values['received'] == '11' and values['dropped for a newer frame'] == '4'
    assert float(values['rate']) == pytest.approx(9.1, abs=0.1)
    assert values['topic'] == '/image (a type)'
    assert it.of('output')[2]['published'] == '11'
    assert it.of('inference')[2] == {'decode mean ms': '2.00', 'decode p95 ms': '2.00',
                                     'infer mean ms': '40.00', 'infer p95 ms': '40.00'}


def test_each_camera_has_its_own_counts():
    it = Reporting(('left', 'right'))
    for _ in range(7):
        it.statistics['left'].count('received')
    it.statistics['right'].add_time('infer', 0.010)
    assert it.of('input left')[2]['received'] == '7'
    assert it.of('input right')[2]['received'] == '0'
    assert list(it.of('inference')[2]) == ['right infer mean ms', 'right infer p95 ms']
    assert it.of('output left')[0] == it.of('output right')[0] == OK


def test_counting_from_several_threads():
    statistics = Statistics()
    threads = [threading.Thread(target=lambda: [statistics.count('x') for _ in range(500)])
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statistics.totals()['x'] == 2000 and statistics.recent('x') <= 2000


def test_the_node_reports(camera):
    levels = {}

    def on_message(message):
        for status in message.status:
            levels[status.name[8:]] = status.level, status.message
        assert message.header.stamp.sec > 1_600_000_000
    subscription = camera.node.create_subscription(DiagnosticArray, '/diagnostics', on_message, 10)
    camera.until(lambda: levels.get('input') == (OK, 'images arrive'), publish=camera.detect)
    assert levels['inference'] == (OK, 'running') and levels['output'] == (OK, 'running')
    camera.call('enable', SetBool, SetBool.Request(data=False))
    camera.until(lambda: levels['input'] == (OK, 'disabled'))
    camera.call('enable', SetBool, SetBool.Request(data=True))
    camera.until(lambda: levels['input'][0] == WARN)        # nothing is published
    assert 'is silent' in levels['input'][1] or levels['input'][1] == 'no image'
    camera.until(lambda: levels['input'][0] == OK, publish=camera.detect)
    camera.node.destroy_subscription(subscription)

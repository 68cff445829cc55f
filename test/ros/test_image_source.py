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
"""The image source: what it publishes, once and looping, and in step with the results."""
import time

import cv2
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from graph import DETECTIONS, NODE, SOURCE
import numpy as np
import pytest
import rclpy
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from yolo12_ros.ros.messages import image_to_nv12


@pytest.fixture
def folder(tmp_path):
    """Return a folder with five pictures of different grey."""
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for i in range(5):
        cv2.imwrite(str(folder / f'{i}.png'), np.full((36, 50, 3), 40 * i, np.uint8))
    return folder


@pytest.mark.parametrize('encoding, message_type', [
    ('nv12', Image), ('bgr8', Image), ('jpeg', CompressedImage)])
def test_a_folder_once(client, start, folder, encoding, message_type):
    images = client.collect(message_type, '/image')
    source = start(SOURCE, source=folder, encoding=encoding, loop='false', rate=20.0,
                   frame_id='front')
    before = time.time()
    client.until(lambda: len(images) == 5)
    assert source.wait() == 0
    levels = [int(image_to_nv12(m).to_bgr()[5, 5].mean()) for m in images]
    np.testing.assert_allclose(levels, [0, 40, 80, 120, 160], atol=3)
    stamps = [m.header.stamp.sec + 1e-9 * m.header.stamp.nanosec for m in images]
    assert stamps == sorted(stamps) and abs(stamps[0] - before) < 20
    assert np.median(np.diff(stamps)) == pytest.approx(1 / 20, rel=0.5)
    assert {m.header.frame_id for m in images} == {'front'}
    if encoding != 'jpeg':
        assert {(m.width, m.height, m.encoding) for m in images} == {(50, 36, encoding)}


def test_a_jpeg_file_is_published_as_it_is(client, start, tmp_path):
    path = tmp_path / 'x.jpg'
    cv2.imwrite(str(path), np.full((32, 32, 3), 90, np.uint8))
    images = client.collect(CompressedImage, '/image')
    source = start(SOURCE, source=path, encoding='jpeg')
    client.until(lambda: len(images) >= 2, process=source)      # it loops
    assert bytes(images[0].data) == path.read_bytes()
    assert images[0].format == 'jpeg'


def test_a_video_at_its_own_rate(client, start, tmp_path):
    path = str(tmp_path / 'video.avi')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'MJPG'), 25.0, (48, 32))
    for i in range(10):
        writer.write(np.full((32, 48, 3), 20 * i, np.uint8))
    writer.release()
    images = client.collect(Image, '/image')
    start(SOURCE, source=path, loop='false')
    client.until(lambda: len(images) == 10)
    stamps = [m.header.stamp.sec + 1e-9 * m.header.stamp.nanosec for m in images]
    assert np.median(np.diff(stamps)) == pytest.approx(1 / 25, rel=0.5)


def test_in_step_with_the_results_nothing_is_lost(client, start, tiny, folder):
    node = start(NODE, config_file=tiny)
    found = client.collect(Detection2DArray, DETECTIONS)
    source = start(SOURCE, source=folder, loop='false', rate=1000.0, wait_for=DETECTIONS,
                   result_subscribers=2)    # ours, too
    client.until(lambda: len(found) == 5, process=node)
    assert source.wait() == 0 and len(found) == 5


def test_a_password_stays_out_of_log_and_topics(client, start):
    states = client.collect(DiagnosticArray, '/diagnostics')
    source = start(SOURCE, source='rtsp://admin:s3cret@127.0.0.1:5999/x')
    client.until(lambda: any('127.0.0.1:5999/x' in s.message for m in states for s in m.status),
                 process=source)
    assert 's3cret' not in source.log + str(states)


def test_the_topic_of_results_may_be_remapped(client, start, tiny, folder):
    start(NODE, config_file=tiny)
    images = client.collect(Image, '/image')
    source = start(SOURCE, '--ros-args', '-r', f'/res:={DETECTIONS}', '--', source=folder,
                   loop='false', rate=1000.0, wait_for='/res')
    client.until(lambda: len(images) == 5)
    assert source.wait() == 0


@pytest.mark.parametrize('parameters, words', [
    ({'source': '/nowhere.jpg'}, '/nowhere.jpg does not exist'),
    ({'source': '/dev/video99'}, '/dev/video99 cannot be opened as a camera'),
    ({'source': '/etc/hostname'}, 'cannot be opened as a video'),
    ({'source': '/', 'encoding': 'nv99'}, "encoding is 'nv99': expected one of nv12"),
    ({'source': '/', 'reliability': 'some'}, "reliability is 'some': expected one of reliable"),
    ({'source': '/', 'rate': '-5.0'}, 'rate is -5.0: expected 0 or more'),
    ({'source': '/', 'rate': 'fast'}, "rate is 'fast': expected a number"),
    ({'source': '/', 'loop': 1}, 'loop is 1: expected true or false'),
    ({'source': '/', 'topic': "'a b'"}, "topic is 'a b': expected the name of a topic"),
    ({}, 'the source does not exist: give a picture'),
    ({'source': 99}, '99 cannot be opened as a camera'),
])
def test_errors(start, parameters, words):
    source = start(SOURCE, **parameters)
    assert source.wait() == 1
    assert words in source.log and 'Traceback' not in source.log


def test_stops_at_once_while_it_waits_for_a_result(client, start, folder):
    images = client.collect(Image, '/image')
    client.node.create_publisher(Detection2DArray, '/never', 1)
    source = start(SOURCE, source=folder, wait_for='/never')
    client.until(lambda: images, process=source)
    assert source.stop() == 0 and len(images) == 1


def test_the_thread_ends_at_once_while_it_waits_for_a_result(client, folder):
    from rclpy.parameter import Parameter
    from yolo12_ros.ros.image_source import ImageSource
    images = client.collect(Image, '/image')
    client.node.create_publisher(Detection2DArray, '/never', 1)
    node = ImageSource(parameter_overrides=[Parameter('source', value=str(folder)),
                                            Parameter('wait_for', value='/never')])
    client.until(lambda: images, lambda: rclpy.spin_once(node, timeout_sec=0))
    node.destroy_node()         # waits 3 s for the thread, a result has 10
    assert not node._thread.is_alive()


def test_an_error_while_the_last_frames_leave_ends_it(client, folder, monkeypatch):
    from rclpy.parameter import Parameter
    from yolo12_ros.ros.image_source import ImageSource
    monkeypatch.setattr(rclpy.publisher.Publisher, 'wait_for_all_acked', lambda *_: 1 / 0)
    images = client.collect(Image, '/image')
    node = ImageSource(parameter_overrides=[
        Parameter('source', value=str(folder)), Parameter('loop', value=False)])
    client.until(lambda: len(images) == 5 and node.finished.is_set())
    assert 'ZeroDivisionError' in str(node.error)
    node.destroy_node()


def test_stops_on_a_signal(client, start, folder):
    source = start(SOURCE, source=folder, rate=50.0)
    images = client.collect(Image, '/image')
    client.until(lambda: images, process=source)
    assert source.stop(times=2) == 0 and 'Traceback' not in source.log


def test_an_integer_is_a_rate_too(client, start, folder):
    images = client.collect(Image, '/image')
    source = start(SOURCE, source=folder, rate=20)
    client.until(lambda: len(images) >= 3, process=source)


def test_a_picture_that_breaks_off_the_loop(client, start, folder):
    (folder / '2.png').write_text('no picture')
    images = client.collect(Image, '/image')
    source = start(SOURCE, source=folder, rate=20.0, loop='false')
    client.until(lambda: len(images) == 2)
    assert source.wait() == 1
    assert '2.png is not a picture that OpenCV can read' in source.log


def test_a_source_without_frames_is_an_error(client, monkeypatch):
    from rclpy.parameter import Parameter
    from yolo12_ros.ros import image_source

    class Empty:
        live, rate = False, 30.0

        def frames(self):
            return iter(())
    monkeypatch.setattr(image_source, 'open_source', lambda *_: Empty())
    node = image_source.ImageSource(parameter_overrides=[Parameter('source', value='x.avi')])
    assert node.finished.wait(5)
    assert 'x.avi holds no frame' in str(node.error)
    node.destroy_node()


def test_a_broken_stream_is_in_the_diagnostics_until_it_runs_again(client):
    from rclpy.parameter import Parameter
    from yolo12_ros.ros import image_source
    real, states = image_source.open_source, []

    class Stream:
        live, rate = True, 30.0

        def __init__(self, on_state, stopped):
            self.on_state, self.stopped = on_state, stopped

        def frames(self):
            for text in ('stream x gives no frames: try 1', 'try 2', ''):
                self.on_state(text)
                while text and not self.stopped() and \
                        (DiagnosticStatus.WARN, text) not in states:
                    time.sleep(0.01)
            while not self.stopped():
                time.sleep(0.01)
            return
            yield
    client.node.create_subscription(
        DiagnosticArray, '/diagnostics', lambda m: states.append(
            (m.status[0].level, m.status[0].message)), 10)
    image_source.open_source = lambda name, on_state, stopped: Stream(on_state, stopped)
    try:
        node = image_source.ImageSource(
            parameter_overrides=[Parameter('source', value='rtsp://x')])
    finally:
        image_source.open_source = real

    def spin():
        import rclpy
        rclpy.spin_once(node, timeout_sec=0.02)
    client.until(lambda: (DiagnosticStatus.WARN, 'try 2') in states, spin)
    client.until(lambda: states[-1] == (DiagnosticStatus.OK, 'running'), spin)
    node.destroy_node()
    assert node.error is None

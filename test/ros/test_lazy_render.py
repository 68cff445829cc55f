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
"""Nothing is drawn or encoded while nobody looks; in this process, so that it can be counted."""
import time

import graph    # noqa: F401  skips where ROS is absent
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from yolo12_ros.detections import Detections
from yolo12_ros.images import Nv12Image
from yolo12_ros.pipeline import Frame
from yolo12_ros.ros import output
from yolo12_ros.timing import Statistics


@pytest.fixture
def counted(client, monkeypatch):
    """Return (publish a frame, names of the calls that drawing made)."""
    calls = []
    for name in ('draw', 'encode_jpeg', 'picture_to_message'):
        real = getattr(output, name)
        monkeypatch.setattr(output, name, lambda *a, f=real, n=name: (calls.append(n), f(*a))[1])
    camera = output.CameraOutput(client.node, '~', ['cat'], Statistics())

    def publish():
        frame = Frame('camera', Header(), None)
        frame.image = Nv12Image.from_bgr(np.zeros((32, 32, 3), np.uint8))
        frame.detections = Detections.empty()
        camera.publish(frame)
    yield publish, calls, camera
    camera.close()


def test_nobody_looks(counted):
    publish, calls, _ = counted
    for _ in range(20):
        publish()
    time.sleep(0.2)
    assert calls == []


@pytest.mark.parametrize('message_type, topic, expected', [
    (CompressedImage, 'render/compressed', {'draw', 'encode_jpeg'}),
    (Image, 'render', {'draw', 'picture_to_message'})])
def test_only_what_is_looked_at(counted, client, message_type, topic, expected):
    publish, calls, _ = counted
    pictures = client.collect(message_type, f'/test_client/{topic}')
    client.until(lambda: pictures, publish)
    assert set(calls) == expected


def test_rate_limit(counted, client):
    publish, calls, camera = counted
    camera.max_rate = 5.0
    pictures = client.collect(CompressedImage, '/test_client/render/compressed')
    client.until(lambda: pictures, publish)
    start, before = time.monotonic(), calls.count('draw')
    while time.monotonic() - start < 1.0 or calls.count('draw') - before < 2:
        assert time.monotonic() - start < 20, 'it draws no more'
        publish()
        time.sleep(0.01)
    assert calls.count('draw') - before <= 5 * (time.monotonic() - start) + 1

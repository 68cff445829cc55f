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
from graph import DETECTIONS, NODE, SOURCE
import numpy as np
import pytest
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
    client.until(lambda: len(images) == 5, process=source)
    assert source.wait() == 0
    levels = [int(image_to_nv12(m).to_bgr()[5, 5].mean()) for m in images]
    np.testing.assert_allclose(levels, [0, 40, 80, 120, 160], atol=3)
    stamps = [m.header.stamp.sec + 1e-9 * m.header.stamp.nanosec for m in images]
    assert stamps == sorted(stamps) and abs(stamps[0] - before) < 20
    assert np.diff(stamps).mean() == pytest.approx(1 / 20, abs=0.02)
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
    source = start(SOURCE, source=path, loop='false')
    client.until(lambda: len(images) == 10, process=source)
    stamps = [m.header.stamp.sec + 1e-9 * m.header.stamp.nanosec for m in images]
    assert np.diff(stamps).mean() == pytest.approx(1 / 25, abs=0.015)


def test_in_step_with_the_results_nothing_is_lost(client, start, tiny, folder):
    node = start(NODE, config_file=tiny)
    found = client.collect(Detection2DArray, DETECTIONS)
    source = start(SOURCE, source=folder, loop='false', rate=1000.0, wait_for=DETECTIONS)
    client.until(lambda: len(found) == 5, process=node)
    assert source.wait() == 0 and len(found) == 5


@pytest.mark.parametrize('parameters, words', [
    ({'source': '/nowhere.jpg'}, '/nowhere.jpg does not exist'),
    ({'source': '/dev/video99'}, '/dev/video99 cannot be opened as a camera'),
    ({'source': '/etc/hostname'}, 'cannot be opened as a video'),
    ({'source': '/', 'encoding': 'nv99'}, "encoding is 'nv99': expected one of nv12"),
])
def test_errors(start, parameters, words):
    source = start(SOURCE, **parameters)
    assert source.wait() == 1
    assert words in source.log and 'Traceback' not in source.log


def test_stops_on_a_signal(client, start, folder):
    source = start(SOURCE, source=folder, rate=50.0)
    images = client.collect(Image, '/image')
    client.until(lambda: images, process=source)
    assert source.stop(times=2) == 0 and 'Traceback' not in source.log

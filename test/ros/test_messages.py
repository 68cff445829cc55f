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
"""Detections, pictures and labels as messages; image messages as NV12."""
import array

import graph    # noqa: F401  skips where ROS is absent
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from yolo12_ros.detections import Detections
from yolo12_ros.images import Nv12Image
from yolo12_ros.ros import messages

HEADER = Header(frame_id='camera')
HEADER.stamp.sec, HEADER.stamp.nanosec = 12, 34


def some(n):
    boxes = np.float32([[i, 2 * i, 10.5 + i, 20 + 3 * i] for i in range(n)]).reshape(n, 4)
    return Detections(boxes, np.linspace(0.9, 0.3, n, dtype=np.float32),
                      np.arange(n, dtype=np.int32) % 3)


@pytest.mark.parametrize('n', [0, 1, 20])
def test_detections(n):
    found = some(n)
    message = messages.detections_to_message(found, HEADER, ['a', 'b', 'c'])
    assert message.header == HEADER and len(message.detections) == n
    for i, detection in enumerate(message.detections):
        assert detection.header == HEADER
        box, hypothesis = detection.bbox, detection.results[0].hypothesis
        assert hypothesis.class_id == 'abc'[i % 3]
        assert hypothesis.score == pytest.approx(float(found.scores[i]))
        x1, y1, x2, y2 = found.boxes[i]
        assert (box.center.position.x, box.center.position.y) == \
            pytest.approx(((x1 + x2) / 2, (y1 + y2) / 2))
        assert (box.size_x, box.size_y, box.center.theta) == pytest.approx((x2 - x1, y2 - y1, 0))


@pytest.mark.parametrize('size', [(64, 48), (63, 47), (1, 1)])
def test_pictures_survive_the_round_trip(size):
    picture = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    image = Nv12Image.from_bgr(picture)
    back = messages.image_to_nv12(messages.nv12_to_message(image, HEADER))
    np.testing.assert_array_equal(back.y, image.y)
    np.testing.assert_array_equal(back.uv, image.uv)
    message = messages.picture_to_message(picture, HEADER)
    assert (message.width, message.height, message.step) == (*size, 3 * size[0])
    np.testing.assert_array_equal(messages.image_to_nv12(message).y, image.y)


@pytest.mark.parametrize('make', [
    lambda p: messages.nv12_to_message(Nv12Image.from_bgr(p), HEADER),
    lambda p: messages.picture_to_message(p, HEADER),
    lambda p: messages.jpeg_to_message(messages.encode_jpeg(p, 80), HEADER)])
def test_data_is_an_array_of_bytes(make):
    # anything else is checked byte by byte by Humble's setters
    message = make(np.zeros((16, 16, 3), np.uint8))
    assert isinstance(message.data, array.array) and message.data.typecode == 'B'
    assert message.header == HEADER


def test_nv12_planes_are_views_of_the_message():
    message = messages.nv12_to_message(Nv12Image.from_bgr(np.zeros((48, 64, 3), np.uint8)),
                                       HEADER)
    data = np.frombuffer(message.data, np.uint8)
    image = messages.image_to_nv12(message)
    assert np.shares_memory(image.y, data) and np.shares_memory(image.uv, data)


def test_jpeg_in_both_message_types():
    jpeg = messages.encode_jpeg(np.full((32, 32, 3), 90, np.uint8), 90)
    in_image = Image(encoding='jpeg', data=messages.byte_array(jpeg))
    for message in (in_image, messages.jpeg_to_message(jpeg, HEADER),
                    CompressedImage(format='png', data=messages.byte_array(jpeg))):
        assert messages.image_to_nv12(message).size == (32, 32)


def test_label_info():
    message = messages.label_message(['cat', 'dog'], 0.25, 'config.json', HEADER)
    assert [c.class_name for c in message.class_map] == ['cat', 'dog']


def test_vision_info_where_vision_msgs_is_4_0(monkeypatch):
    import vision_msgs.msg
    monkeypatch.delattr(vision_msgs.msg, 'LabelInfo')
    message = messages.label_message(['cat'], 0.25, 'config.json', HEADER)
    assert type(message).__name__ == 'VisionInfo' and message.database_location == 'config.json'

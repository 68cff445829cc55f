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
"""The node's input: type and QoS follow the publisher, in any order, and silence is explained."""
import cv2
from graph import BEST_EFFORT, BOX, corners, DETECTIONS, image, NODE, RELIABLE, SCORE, SOURCE
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String
from vision_msgs.msg import Detection2DArray

from yolo12_ros.ros.messages import encode_jpeg, jpeg_to_message


def check_dog(message, header):
    """Check that the one dog was found, with the header untouched."""
    assert message.header == header
    detection, = message.detections
    assert detection.header == header
    assert detection.results[0].hypothesis.class_id == 'dog'
    assert detection.results[0].hypothesis.score == pytest.approx(SCORE, abs=1e-6)
    np.testing.assert_allclose(corners(detection), BOX, atol=1e-3)
    assert detection.id == ''


@pytest.mark.parametrize('qos', [RELIABLE, BEST_EFFORT], ids=['reliable', 'best_effort'])
@pytest.mark.parametrize('first', ['node', 'publisher'])
def test_any_reliability_in_any_order(client, start, tiny, qos, first):
    node = start(NODE, config_file=tiny) if first == 'node' else None
    if node:
        node.wait_for('waiting for a publisher')
    publisher = client.node.create_publisher(Image, '/image', qos)
    node = node or start(NODE, config_file=tiny)
    found = client.collect(Detection2DArray, DETECTIONS)
    sent = []

    def publish():
        sent.append(image(client))
        publisher.publish(sent[-1])
    client.until(lambda: found, publish, process=node)
    header = next(m.header for m in sent if m.header.stamp == found[0].header.stamp)
    check_dog(found[0], header)
    node.wait_for(f'Image, {"reliable" if qos is RELIABLE else "best_effort"}')


def test_compressed_then_raw_on_the_same_topic(client, start, tiny):
    node = start(NODE, config_file=tiny)
    found = client.collect(Detection2DArray, DETECTIONS)
    publisher = client.node.create_publisher(CompressedImage, '/image', 1)
    jpeg = encode_jpeg(np.full((64, 64, 3), 90, np.uint8), 90)
    client.until(lambda: found, lambda: publisher.publish(
        jpeg_to_message(jpeg, image(client).header)), process=node)
    client.node.destroy_publisher(publisher)
    node.wait_for('CompressedImage')
    publisher = client.node.create_publisher(Image, '/image', 1)
    found.clear()
    client.until(lambda: found, lambda: publisher.publish(image(client)), process=node)


def test_a_restarted_camera_with_other_qos(client, start, tiny):
    node = start(NODE, config_file=tiny)
    found = client.collect(Detection2DArray, DETECTIONS)
    for qos in (RELIABLE, BEST_EFFORT):
        publisher = client.node.create_publisher(Image, '/image', qos)
        found.clear()
        client.until(lambda: found, lambda p=publisher: p.publish(image(client)), process=node)
        client.node.destroy_publisher(publisher)


class TestWatchdog:
    """Silence is explained once, by its cause."""

    def test_no_publisher(self, start, tiny):
        node = start(NODE, config_file=tiny, watchdog_period=0.5)
        node.wait_for('no image for')
        assert 'it has no publisher' in node.log

    def test_wrong_type(self, client, start, tiny):
        client.node.create_publisher(String, '/image', 1)
        node = start(NODE, config_file=tiny, watchdog_period=0.5)
        client.until(lambda: 'its type is std_msgs/msg/String' in node.log, process=node)

    def test_silent_publisher(self, client, start, tiny):
        client.node.create_publisher(Image, '/image', 1)
        node = start(NODE, config_file=tiny, watchdog_period=0.5)
        client.until(lambda: 'test_client is silent' in node.log, process=node)

    def test_two_types(self, client, start, tiny, tmp_path):
        cv2.imwrite(str(tmp_path / 'grey.jpg'), np.full((64, 64, 3), 90, np.uint8))
        start(SOURCE, source=tmp_path / 'grey.jpg', encoding='jpeg')
        client.node.create_publisher(Image, '/image', 1)
        node = start(NODE, config_file=tiny, watchdog_period=0.5, image_transport='raw')
        client.until(lambda: 'CompressedImage from /image_source' in node.log, process=node)
        assert 'two types share this topic' in node.log

    def test_wrong_reliability(self, client, start, tiny):
        client.node.create_publisher(Image, '/image', BEST_EFFORT)
        node = start(NODE, config_file=tiny, watchdog_period=0.5, image_reliability='reliable')
        client.until(lambda: 'the QoS does not match' in node.log, process=node)

    def test_publisher_gone_and_back(self, client, start, tiny):
        node = start(NODE, config_file=tiny, watchdog_period=0.5)
        found = client.collect(Detection2DArray, DETECTIONS)
        publisher = client.node.create_publisher(Image, '/image', 1)
        client.until(lambda: found, lambda: publisher.publish(image(client)), process=node)
        client.node.destroy_publisher(publisher)
        client.until(lambda: 'its publisher has gone' in node.log, process=node)
        said = node.log.count('no image for')
        client.spin(1.5)
        assert node.log.count('no image for') == said
        publisher = client.node.create_publisher(Image, '/image', 1)
        client.until(lambda: 'images arrive on /image' in node.log,
                     lambda: publisher.publish(image(client)), process=node)

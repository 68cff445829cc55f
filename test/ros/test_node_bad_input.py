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
"""Frames that cannot be used: one clear error each, and the node goes on."""
from graph import DETECTIONS, image, NODE
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from yolo12_ros.ros.messages import byte_array, encode_jpeg, jpeg_to_message

GREY = np.full((64, 64, 3), 90, np.uint8)
RAW = {
    'truncated': ({'data': byte_array(bytes(100))}, 'the frame is truncated: it has 100 bytes'),
    'step': ({'step': 10}, 'step is 10, expected at least 64'),
    'encoding': ({'encoding': 'nv99'}, "'nv99'"),
    'no pixels': ({'width': 0, 'height': 0}, 'image of 0x0 pixels'),
    'huge': ({'width': 20000, 'height': 20000, 'step': 20000}, 'truncated'),
    'depth': ({'encoding': '32FC1', 'step': 256, 'data': byte_array(bytes(64 * 256))},
              "'32FC1' cannot be turned into a colour picture"),
}
JPEG = {
    'cut off': (bytes(encode_jpeg(GREY, 90))[:-60], 'end marker is missing'),
    'not a picture': (b'hello', 'neither JPEG nor PNG'),
    'empty': (b'', 'starts with nothing'),
    'corrupt': (b'\xff\xd8' + bytes(200) + b'\xff\xd9', 'corrupt'),
}


WITHOUT_AI_MSGS = """
import sys
sys.modules.update({'ai_msgs': None, 'ai_msgs.msg': None})
from yolo12_ros.ros import node
sys.exit(node.main())
"""


@pytest.fixture
def detect(client, start, tiny):
    """Return a function that sends bad messages, then a good one, and returns the node's log."""
    def run(message_type, bad, good, program=NODE):
        node = start(program, config_file=tiny)
        found = client.collect(Detection2DArray, DETECTIONS)
        publisher = client.node.create_publisher(message_type, '/image', 1)
        client.until(lambda: '[ERROR]' in node.log, lambda: publisher.publish(bad()),
                     process=node)
        for _ in range(5):
            publisher.publish(bad())
            client.spin(0.05)
        found.clear()
        client.until(lambda: found, lambda: publisher.publish(good()), process=node)
        assert len(found[0].detections) == 1
        return node.log
    return run


@pytest.mark.parametrize('name', RAW)
def test_bad_image(detect, client, name):
    if name == 'depth':
        pytest.importorskip('cv_bridge', reason='cv_bridge is not installed')
    fields, words = RAW[name]

    def bad():
        message = image(client)
        for field, value in fields.items():
            setattr(message, field, value)
        return message
    log = detect(Image, bad, lambda: image(client))
    assert log.count('[ERROR]') == 1 and words in log and 'Traceback' not in log


def test_a_bad_image_where_ai_msgs_is_missing(detect, client, tmp_path):
    """rclpy takes one severity for each line of code that logs."""
    (tmp_path / 'without.py').write_text(WITHOUT_AI_MSGS)
    log = detect(Image, lambda: Image(encoding='nv99'), lambda: image(client),
                 tmp_path / 'without.py')
    assert 'ai_msgs is not installed' in log and log.count('[ERROR]') == 1


@pytest.mark.parametrize('name', JPEG)
def test_bad_jpeg(detect, client, name):
    data, words = JPEG[name]
    log = detect(CompressedImage, lambda: jpeg_to_message(data, image(client).header),
                 lambda: jpeg_to_message(encode_jpeg(GREY, 90), image(client).header))
    assert log.count('[ERROR]') == 1 and words in log and 'Traceback' not in log


def bad_step(client):
    message = image(client)
    message.step = 10
    return message


def test_bad_frames_are_counted(client, start, tiny):
    node = start(NODE, config_file=tiny, log_period=0.5)
    publisher = client.node.create_publisher(Image, '/image', 1)
    client.until(lambda: ' failed' in node.log and ', 0 failed' not in node.log.split('\n')[-2],
                 lambda: publisher.publish(bad_step(client)), process=node)


@pytest.mark.parametrize('encoding, channels, dtype', [
    ('bayer_rggb8', 1, np.uint8), ('mono16', 1, np.uint16), ('8UC3', 3, np.uint8)])
def test_encodings_of_cv_bridge(encoding, channels, dtype):
    pytest.importorskip('cv_bridge', reason='cv_bridge is not installed')
    from yolo12_ros.ros.messages import image_to_nv12
    value = 100 if dtype == np.uint8 else 100 * 257
    pixels = np.full((16, 16, channels), value, dtype)
    message = Image(width=16, height=16, encoding=encoding, step=16 * channels * dtype().itemsize,
                    data=byte_array(pixels))
    bgr = image_to_nv12(message).to_bgr()
    assert bgr.shape == (16, 16, 3) and abs(int(bgr[8, 8].mean()) - 100) <= 3


def test_without_cv_bridge(monkeypatch):
    import sys

    from yolo12_ros.errors import ImageError
    from yolo12_ros.ros.messages import image_to_nv12
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    with pytest.raises(ImageError, match='needs cv_bridge, which is not installed'):
        image_to_nv12(Image(width=2, height=2, encoding='mono16', step=4,
                            data=byte_array(bytes(8))))


def test_garbage_that_differs_is_said_once(client, start, tiny):
    node = start(NODE, config_file=tiny)
    generator = np.random.default_rng(3)
    publisher = client.node.create_publisher(CompressedImage, '/image', 1)
    sent = [0]

    def publish():
        sent[0] += 1
        publisher.publish(jpeg_to_message(generator.bytes(40), image(client).header))
    client.until(lambda: '[ERROR]' in node.log, publish, process=node)
    sent[0] = 0
    client.until(lambda: sent[0] > 20, publish, process=node)
    assert 'neither JPEG nor PNG' in node.log and node.log.count('[ERROR]') == 1, node.log

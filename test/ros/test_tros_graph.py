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
"""
The TROS graph off the board: what its packages publish feeds what our launch file starts.

Topics, types, QoS and field habits are those of hobot_usb_cam, mipi_cam, hobot_codec and
hobot_image_publisher; the pairing is that of websocket.
"""
import json
from pathlib import Path

import cv2
from graph import NODE
from launch_stub import describe, ros_arguments
import numpy as np
import pytest
from rclpy.qos import qos_profile_sensor_data, QoSProfile
from recorded_heads import CROWD, image_path, MODEL, reference
from sensor_msgs.msg import CompressedImage, Image
from test_launch import board      # noqa: F401  a fixture
from test_node_end_to_end import iou
from vision_msgs.msg import Detection2DArray

from yolo12_ros.images import Nv12Image
from yolo12_ros.labels import COCO_NAMES
from yolo12_ros.ros.messages import byte_array, jpeg_to_message
from yolo12_ros.ros.recorder import rows

hbm = pytest.importorskip('hbm_img_msgs.msg', reason='hbm_img_msgs is not installed')
ai = pytest.importorskip('ai_msgs.msg', reason='ai_msgs is not installed')

LAUNCH = Path(__file__).resolve().parents[2] / 'launch' / 'yolo12.launch.py'


class Picture:
    """The picture in each form that TROS publishes."""

    def __init__(self):
        self.jpeg = image_path(CROWD).read_bytes()
        self.nv12 = Nv12Image.from_bgr(cv2.imread(str(image_path(CROWD))))
        self.width, self.height = self.nv12.size

    def codec_image(self, header, step=None):
        """Return an Image of mipi_cam or hobot_codec; hobot_image_publisher leaves step 0."""
        return Image(header=header, width=self.width, height=self.height, encoding='nv12',
                     step=self.width if step is None else step,
                     data=byte_array(self.nv12.tobytes()))

    def usb_jpeg(self, header):
        """Return the CompressedImage of hobot_usb_cam."""
        return jpeg_to_message(self.jpeg, header)

    def shared(self, header, step):
        """Return an HbmMsg1080P; old bytes follow the encoding's name."""
        message = hbm.HbmMsg1080P(index=3, time_stamp=header.stamp, width=self.width,
                                  height=self.height, step=step,
                                  data_size=self.width * self.height * 3 // 2)
        message.encoding = np.frombuffer(b'nv12\0\0\0\0old\0', np.uint8).copy()
        data = np.zeros(6220800, np.uint8)
        data[:message.data_size] = np.frombuffer(self.nv12.tobytes(), np.uint8)
        message.data = data
        return message


# who publishes: (launch arguments, message type, topic, QoS, how the message is made)
PUBLISHERS = {
    'hobot_usb_cam, JPEG': (
        {'camera': 'none'}, CompressedImage, '/image', QoSProfile(depth=100),
        lambda p, h: p.usb_jpeg(h)),
    'hobot_usb_cam and hobot_codec': (
        {'camera': 'usb'}, Image, '/image_nv12', QoSProfile(depth=5),
        lambda p, h: p.codec_image(h)),
    'hobot_usb_cam and hobot_codec, shared memory': (
        {'camera': 'usb', 'transport': 'shared_mem'}, hbm.HbmMsg1080P, '/hbmem_img',
        qos_profile_sensor_data, lambda p, h: p.shared(h, p.width)),
    'mipi_cam': (
        {'camera': 'mipi'}, Image, '/image_raw', QoSProfile(depth=5),
        lambda p, h: p.codec_image(h)),
    'mipi_cam, shared memory': (
        {'camera': 'mipi', 'transport': 'shared_mem'}, hbm.HbmMsg1080P, '/hbmem_img',
        qos_profile_sensor_data, lambda p, h: p.shared(h, p.width)),
    'hobot_image_publisher': (
        {'camera': 'none', 'image_topic': '/image_raw'}, Image, '/image_raw',
        QoSProfile(depth=10), lambda p, h: p.codec_image(h, step=0)),
    'hobot_image_publisher, shared memory': (
        {'camera': 'image', 'image': '/pictures/a.jpg', 'transport': 'shared_mem'},
        hbm.HbmMsg1080P, '/hbmem_img', qos_profile_sensor_data, lambda p, h: p.shared(h, 0)),
}


@pytest.fixture
def launched(start, board, tmp_path, monkeypatch):      # noqa: F811
    """Return a function that starts the node as the launch file would."""
    image_path(CROWD)       # skips where the data is absent
    config = tmp_path / 'config.json'
    config.write_text(json.dumps({'model_file': str(MODEL), 'score_threshold': 0.25,
                                  'nms_threshold': 0.7, 'nms_top_k': 300}))

    def run(**given):
        node = describe(LAUNCH, config_file=str(config), **given).nodes[-1]
        monkeypatch.undo()      # the real ament prefix again
        return start(NODE, *ros_arguments(node, tmp_path), '--')
    return run


def publish(client, publisher, make, sent):
    """Publish a picture stamped now."""
    from std_msgs.msg import Header
    header = Header(stamp=client.node.get_clock().now().to_msg(), frame_id='default_cam')
    sent.append((header.stamp.sec, header.stamp.nanosec))
    publisher.publish(make(header))


@pytest.mark.parametrize('name', PUBLISHERS)
def test_each_publisher_gives_the_reference(client, launched, name, capsys):
    given, message_type, topic, qos, make = PUBLISHERS[name]
    picture, sent = Picture(), []
    publisher = client.node.create_publisher(message_type, topic, qos)
    node = launched(**given)
    found = client.collect(Detection2DArray, '/yolo12/detections')
    client.until(lambda: found, lambda: publish(client, publisher, lambda h: make(picture, h),
                                                sent), process=node, seconds=40)
    assert (found[0].header.stamp.sec, found[0].header.stamp.nanosec) in sent
    expected, detections = reference()[CROWD]['thr25'], rows(found[0])
    overlaps = [max((iou(box, b) for n, _, b in detections if n == COCO_NAMES[c]), default=0.0)
                for c, score, box in zip(expected['cls'], expected['score'], expected['xyxy'])
                if score >= 0.4]
    with capsys.disabled():
        print(f'\n{name}: {sum(o >= 0.6 for o in overlaps)} of {len(overlaps)}')
    assert min(overlaps) >= 0.6


def test_the_web_page_can_pair_every_shown_frame(client, launched):
    picture, sent = Picture(), []
    camera = client.node.create_publisher(Image, '/image_raw', QoSProfile(depth=5))
    encoder = client.node.create_publisher(CompressedImage, '/image', QoSProfile(depth=5))
    node = launched(camera='mipi', web='tros')
    images = client.collect(CompressedImage, '/image', QoSProfile(depth=10))
    targets = client.collect(ai.PerceptionTargets, '/hobot_dnn_detection', QoSProfile(depth=10))

    def both(header):
        encoder.publish(picture.usb_jpeg(header))
        return picture.codec_image(header)
    client.until(lambda: len(targets) >= 10, lambda: publish(client, camera, both, sent),
                 process=node, seconds=40)
    client.spin(0.5)
    shown = {(m.header.stamp.sec, m.header.stamp.nanosec) for m in images}
    smart = [(m.header.stamp.sec, m.header.stamp.nanosec) for m in targets]
    assert len(set(smart)) == len(smart) and set(smart) <= shown

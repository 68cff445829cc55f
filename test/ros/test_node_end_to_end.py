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
"""Real pictures and a real model, two processes over DDS: the detections are the reference's."""
import json
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from recorded_heads import IMAGE_IDS, image_path, MODEL, need_data, reference

rclpy = pytest.importorskip('rclpy', reason='rclpy is not installed')
messages = pytest.importorskip('vision_msgs.msg', reason='vision_msgs is not installed')

from sensor_msgs.msg import CompressedImage, Image                          # noqa: E402
from std_msgs.msg import Header                                            # noqa: E402

from yolo12_ros.images import Nv12Image                                     # noqa: E402
from yolo12_ros.labels import COCO_NAMES                                    # noqa: E402
from yolo12_ros.ros.messages import jpeg_to_message, nv12_to_message, \
    picture_to_message                                                      # noqa: E402
from yolo12_ros.ros.recorder import rows                                    # noqa: E402


@pytest.fixture(scope='module')
def node(tmp_path_factory):
    """Run the node with the shared model on three topics, one for each encoding."""
    need_data()
    folder = tmp_path_factory.mktemp('end_to_end')
    config = folder / 'config.json'
    config.write_text(json.dumps({
        'model_file': str(MODEL), 'dnn_Parser': 'yolov12', 'score_threshold': 0.25,
        'nms_threshold': 0.7, 'nms_top_k': 300}))
    log = folder / 'node.log'
    process = subprocess.Popen(
        [sys.executable, '-m', 'yolo12_ros.ros.node', '--ros-args', '-p',
         f'config_file:={config}', '-p', 'image_topics:=[/nv12, /bgr8, /jpeg]'],
        stdout=log.open('w'), stderr=subprocess.STDOUT)
    yield log
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0, log.read_text()


@pytest.fixture(scope='module')
def graph(node):
    """Return a function that has one message detected."""
    rclpy.init()
    client = rclpy.create_node('end_to_end')
    publishers = {name: client.create_publisher(kind, f'/{name}', 1) for name, kind in
                  (('nv12', Image), ('bgr8', Image), ('jpeg', CompressedImage))}
    found = []
    for name in publishers:
        client.create_subscription(messages.Detection2DArray, f'/yolo12/{name}/detections',
                                   found.append, 10)

    def detect(encoding, message):
        end = time.monotonic() + 30
        found.clear()
        while time.monotonic() < end:
            publishers[encoding].publish(message)
            until = time.monotonic() + 1
            while time.monotonic() < until:
                rclpy.spin_once(client, timeout_sec=0.05)
                for result in found:
                    if result.header == message.header:     # else of an earlier try
                        return result
        raise AssertionError(f'no detections within 30 s; the node said\n{node.read_text()}')
    yield detect
    client.destroy_node()
    rclpy.try_shutdown()


def message_of(encoding, bgr, header, jpeg=None):
    if encoding == 'nv12':
        return nv12_to_message(Nv12Image.from_bgr(bgr), header)
    if encoding == 'bgr8':
        return picture_to_message(bgr, header)
    return jpeg_to_message(jpeg or cv2.imencode('.jpg', bgr)[1], header)


def header_of(number):
    header = Header(frame_id=f'camera_{number}')
    header.stamp.sec, header.stamp.nanosec = 1_700_000_000 + number, 123_456_789
    return header


def iou(a, b):
    """Return the intersection over union of two xyxy boxes."""
    x, y = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0, x) * max(0, y)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


@pytest.mark.parametrize('encoding', ['nv12', 'bgr8', 'jpeg'])
def test_reference_detections(graph, encoding, capsys):
    overlaps = []
    for number, image_id in enumerate(IMAGE_IDS):
        path, header = image_path(image_id), header_of(number)
        result = graph(encoding, message_of(encoding, cv2.imread(str(path)), header,
                                            path.read_bytes()))
        assert result.header == header
        assert all(d.header == header for d in result.detections)
        found = rows(result)
        expected = reference()[image_id]['thr25']
        for class_id, score, box in zip(expected['cls'], expected['score'], expected['xyxy']):
            if score >= 0.4:
                same = [iou(box, b) for name, _, b in found if name == COCO_NAMES[class_id]]
                overlaps.append(max(same, default=0.0))
    matched = sum(o >= 0.9 for o in overlaps)
    with capsys.disabled():
        print(f'\n{encoding}: {matched} of {len(overlaps)} reference detections at IoU 0.9, '
              f'{sum(o >= 0.6 for o in overlaps)} at IoU 0.6')
    assert matched >= 0.95 * len(overlaps) and min(overlaps) >= 0.6


@pytest.mark.parametrize('encoding', ['nv12', 'bgr8', 'jpeg'])
def test_grey_picture_gives_an_empty_array(graph, encoding):
    header = header_of(99)
    result = graph(encoding, message_of(encoding, np.full((480, 640, 3), 127, np.uint8), header))
    assert len(result.detections) == 0 and result.header == header

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
"""Processes of the graph under test, and a client that waits for what they publish."""
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from fake_bpu import write_model
import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('vision_msgs.msg', reason='vision_msgs is not installed')

from rclpy.qos import QoSProfile, ReliabilityPolicy     # noqa: E402
from sensor_msgs.msg import Image                       # noqa: E402
from std_msgs.msg import Header                         # noqa: E402

from yolo12_ros.ros.messages import byte_array          # noqa: E402

LIMIT = 20.0        # seconds that anything may take
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


class Process:
    """A module of the package, or a script, as a process with ROS parameters and a log."""

    def __init__(self, folder, target, *arguments, environment=None, ros=True, **parameters):
        command = [sys.executable, *(['-m', target] if not str(target).endswith('.py')
                                     else [str(target)]), *arguments, *['--ros-args'] * ros]
        for name, value in parameters.items():
            command += ['-p', f'{name}:={value}']
        self.path = Path(folder) / f'{time.monotonic_ns()}.log'
        self._process = subprocess.Popen(
            command, stdout=self.path.open('w'), stderr=subprocess.STDOUT, cwd=folder,
            env={**os.environ, **(environment or {})})
        self.pid = self._process.pid

    @property
    def log(self):
        """Return what it wrote so far."""
        return self.path.read_text()

    @property
    def exit_code(self):
        """Return the exit code, None while it runs."""
        return self._process.poll()

    def wait(self, seconds=LIMIT):
        """Wait for its end and return the exit code."""
        return self._process.wait(seconds)

    def wait_for(self, text, count=1):
        """Wait until the log has a text."""
        end = time.monotonic() + LIMIT
        ended = False
        while self.log.count(text) < count:
            assert time.monotonic() < end and not ended, f'{text!r} did not come:\n{self.log}'
            ended = self.exit_code is not None      # its log is read once more
            time.sleep(0.02)

    def stop(self, number=signal.SIGINT, times=1):
        """Send a signal and return the exit code; kill it if it hangs."""
        for _ in range(times):
            if self.exit_code is None:
                self._process.send_signal(number)
                time.sleep(0.05 if times > 1 else 0)
        try:
            return self.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f'did not stop within 10 s:\n{self.log}')


class Client:
    """A node of the test's own."""

    def __init__(self):
        rclpy.init()
        self.node = rclpy.create_node('test_client')

    def close(self):
        """Leave the graph."""
        self.node.destroy_node()
        rclpy.try_shutdown()

    def collect(self, message_type, topic, qos=10):
        """Subscribe; returns the list that messages are appended to."""
        messages = []
        self.node.create_subscription(message_type, topic, messages.append, qos)
        return messages

    def until(self, condition, publish=None, message='', process=None, seconds=LIMIT):
        """Spin until a condition holds; publish() is called about 20 times a second meanwhile."""
        end, due, ended = time.monotonic() + seconds, 0.0, 0
        while not condition():
            log = process.log if process else ''
            assert time.monotonic() < end, f'{message or condition} never came true\n{log}'
            ended += process is not None and process.exit_code is not None
            assert ended < 50, f'the process ended\n{log}'     # what it sent was looked at
            if publish and time.monotonic() >= due:
                publish()
                due = time.monotonic() + 0.05
            rclpy.spin_once(self.node, timeout_sec=0.02)

    def spin(self, seconds):
        """Spin for some seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            rclpy.spin_once(self.node, timeout_sec=0.02)


# The box that the stand-in sees in every picture, in pixels of its 64 x 64 input.
BOX = (20.0, 20.0, 36.0, 36.0)
SCORE = 1 / (1 + np.exp(-3.0))
LABELS = ('cat', 'dog')


def tiny_heads():
    """Return heads with one dog."""
    heads = [np.full((1, g, g, c), v, np.float32)
             for g in (8, 4, 2) for c, v in ((2, -20), (64, 0))]
    heads[0][0, 3, 3, 1] = 3.0
    heads[1][0, 3, 3, 1::16] = 50.0     # each distance is one cell
    return heads


def write_tiny_model(folder, **options):
    """Write a stand-in model with a configuration; returns the configuration's path."""
    folder = Path(folder)
    write_model(folder / 'tiny.bin', tiny_heads(), size=(64, 64), **options)
    (folder / 'labels.txt').write_text('\n'.join(LABELS))
    return write_config(folder / 'tiny.json')


def write_config(path, **values):
    """Write a configuration for the tiny model, with some values replaced."""
    path.write_text(json.dumps({
        'model_file': 'tiny.bin', 'class_num': 2, 'cls_names_list': 'labels.txt',
        'score_threshold': 0.25, 'nms_threshold': 0.7, 'nms_top_k': 300, **values}))
    return path


def image(client, width=64, height=64):
    """Return an nv12 Image, of the size of the tiny model unless told otherwise, stamped now."""
    return Image(header=Header(stamp=client.node.get_clock().now().to_msg(), frame_id='camera'),
                 width=width, height=height, encoding='nv12', step=width,
                 data=byte_array(np.full(width * height * 3 // 2, 128, np.uint8)))


def corners(detection):
    """Return x1, y1, x2, y2 of a Detection2D."""
    x, y = detection.bbox.center.position.x, detection.bbox.center.position.y
    half = detection.bbox.size_x / 2, detection.bbox.size_y / 2
    return x - half[0], y - half[1], x + half[0], y + half[1]


DETECTIONS = '/yolo12/detections'
NODE = 'yolo12_ros.ros.node'
SOURCE = 'yolo12_ros.ros.image_source'

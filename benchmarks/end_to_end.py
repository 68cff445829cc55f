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
The node from image message to detections: its own cost by step, then whole processes over DDS.

Needs ROS 2.  A stand-in takes the accelerator's place: it sleeps 1 ms and gives recorded heads.
"""
import argparse
from functools import partial
import subprocess
import sys
import time

import measure  # first: it sets the thread counts
import heads
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from yolo12_ros.backends import TensorInfo
from yolo12_ros.backends.threaded import ThreadedModel
from yolo12_ros.config import load_config
from yolo12_ros.detector import Detector
from yolo12_ros.images import Nv12Image
from yolo12_ros.render import draw
from yolo12_ros.ros import node as yolo12_node
from yolo12_ros.ros.messages import (detections_to_message, encode_jpeg, image_to_nv12,
                                     jpeg_to_message, nv12_to_message)

CONFIG = measure.ROOT / 'config' / 'yolo12n_onnx.json'


class StandIn(ThreadedModel):
    """A model of 640x640 that takes `seconds` and always sees the crowd."""

    def __init__(self, seconds, slots=2):
        self.name, self.backend, self.input_size = 'stand_in', 'stand-in', (640, 640)
        self._seconds = seconds
        self._heads = heads.load('crowd')[0]
        self.outputs = tuple(TensorInfo(f'output{i}', t.shape, t.dtype)
                             for i, t in enumerate(self._heads))
        super().__init__(slots)

    def run(self, nv12):
        """Take the time of an inference."""
        time.sleep(self._seconds)
        return self._heads


def camera_message(width, height):
    """Return an nv12 Image."""
    rng = np.random.default_rng(2)
    picture = rng.integers(0, 256, (height, width, 3), np.uint8)
    return nv12_to_message(Nv12Image.from_bgr(picture), Header(frame_id='camera'))


def cost_table(report, args, width, height):
    """Measure each step that the node takes for a frame, without inference and DDS."""
    message, config = camera_message(width, height), load_config(CONFIG)
    detector = Detector(StandIn(0), config)
    slot = detector.model.acquire()
    image = image_to_nv12(message)
    letterbox = detector.preprocess(image, slot.input)
    outputs = detector.model.run(None)
    found = detector.postprocess(outputs, letterbox)
    picture = image.to_bgr()
    in_path = {'decode': partial(image_to_nv12, message),
               'letterbox': partial(detector.preprocess, image, slot.input),
               'postprocess': partial(detector.postprocess, outputs, letterbox),
               'build the message': partial(detections_to_message, found, message.header,
                                            config.labels)}
    drawn = {'render: to BGR': image.to_bgr,
             'render: draw': partial(draw, picture, found, config.labels),
             'render: JPEG': lambda: jpeg_to_message(encode_jpeg(picture, 80), message.header)}
    times = measure.interleaved({**in_path, **drawn}, args.rounds, warm=False)
    total = sum(np.median(times[name]) for name in in_path)
    render = sum(np.median(times[name]) for name in drawn)
    report.table(f'steps of the node, {width}x{height} NV12, {len(found)} detections', times,
                 'postprocess', [f'in the path of a detection: {total:.2f} ms a frame',
                                 f'in the render thread, if somebody looks: {render:.2f} ms'])


class Listener(Node):
    """Counts results and how old they are when they come."""

    def __init__(self, render):
        super().__init__('listener')
        self.latencies = []
        qos = QoSProfile(depth=50)
        self.create_subscription(Detection2DArray, '/yolo12/detections', self._on_result, qos)
        if render:
            self.create_subscription(CompressedImage, '/yolo12/render/compressed',
                                     lambda message: None, qos)

    def _on_result(self, message):
        stamp = message.header.stamp
        self.latencies.append(time.time() - stamp.sec - stamp.nanosec * 1e-9)


def run_camera(rate, width, height):
    """Publish until killed; print how many frames at the end of each second."""
    rclpy.init()
    node = Node('camera')
    publisher = node.create_publisher(Image, '/image', QoSProfile(depth=5))
    message, count, start = camera_message(width, height), 0, time.monotonic()
    while True:
        now = time.time()
        message.header.stamp.sec = int(now)
        message.header.stamp.nanosec = int(now % 1 * 1e9)
        publisher.publish(message)
        count += 1
        time.sleep(max(0.0, start + count / rate - time.monotonic()))


def run_node(milliseconds):
    """Run the node with the stand-in as its model."""
    yolo12_node.open_model = lambda path, backend, slots, **options: StandIn(milliseconds / 1e3,
                                                                             slots)
    yolo12_node.main(['--ros-args', '-p', f'config_file:={CONFIG}', '-p', 'log_period:=1.0'])


def over_dds(report, rate, seconds, title, size, render=False):
    """Run camera, node and listener as processes; report results a second and latency."""
    def process(*role):
        return subprocess.Popen([sys.executable, __file__, *map(str, role)],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    node = process('--node', 1)
    camera = process('--camera', rate, *size)
    rclpy.init()
    listener = Listener(render)
    try:
        spin(listener, lambda: len(listener.latencies) > 20, 30.0)
        spin(listener, lambda: False, 1.0)
        listener.latencies.clear()
        start = time.monotonic()
        spin(listener, lambda: False, seconds)
        per_second = len(listener.latencies) / (time.monotonic() - start)
    finally:
        listener.destroy_node()
        rclpy.shutdown()
        for child in (camera, node):
            child.terminate()
        log = node.communicate()[0]
        camera.communicate()
    if not listener.latencies:
        raise RuntimeError(f'no results came; the node said:\n{log}')
    rates = [line.split(': ', 1)[1] for line in log.splitlines() if 'dropped for newer' in line]
    report.table(f'{title}: {size[0]}x{size[1]} NV12 at {rate} Hz, 1 ms stand-in',
                 {'latency': np.array(listener.latencies) * 1e3}, 'latency',
                 [f'{per_second:.0f} results a second, latency p95 '
                  f'{np.percentile(listener.latencies, 95) * 1e3:.1f} ms',
                  f'the node says: {rates[-1] if rates else "nothing"}'])


def spin(node, done, seconds):
    """Spin until done() or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not done():
        rclpy.spin_once(node, timeout_sec=0.05)


def main():
    """Run all tables, or one of the processes that they need."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('--node', type=float)
    parser.add_argument('--camera', type=float, nargs=3)
    role, rest = parser.parse_known_args()
    if role.node is not None:
        return run_node(role.node)
    if role.camera:
        return run_camera(role.camera[0], *map(int, role.camera[1:]))
    sys.argv[1:] = rest
    args = measure.arguments(__doc__.splitlines()[1], 200, pinned=False)
    report = measure.Report('End to end')
    seconds = 1.0 if args.quick else 8.0
    over_dds(report, 400, seconds, 'as fast as it goes', (640, 480))
    over_dds(report, 30, seconds, 'one camera', (640, 480))
    over_dds(report, 30, seconds, 'one camera, with a render subscriber', (1280, 720), render=True)
    measure.pin()
    cost_table(report, args, 1280, 720)
    report.write(args.json)


if __name__ == '__main__':
    main()

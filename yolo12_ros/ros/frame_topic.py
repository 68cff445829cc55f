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

"""A live image topic for `yolo12 perf`: its frames, rate and delay, and somewhere to publish."""
from functools import partial
import time
from typing import Any, Callable, Dict, List

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from vision_msgs.msg import Detection2DArray

from .image_input import ImageInput
from .messages import detections_to_message, image_to_nv12
from ..errors import ConfigError
from ..pipeline import Frame


class FrameTopic:
    """Subscribes to images as the node does, and publishes on ~/detections."""

    def __init__(self, topic: str):
        self._context = rclpy.Context()
        self._context.init()
        self._node = Node('yolo12_perf', context=self._context)
        self._executor = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._publisher = self._node.create_publisher(Detection2DArray, '~/detections',
                                                      QoSProfile(depth=10))
        self._input = ImageInput(self._node, topic, 'auto', 'auto', self._on_message, 5.0)
        self._on_frame: Callable = lambda header, decode: None
        self._arrivals: List[float] = []
        self._delays: List[float] = []

    def listen(self, on_frame: Callable, seconds: float, patience: float) -> Dict[str, Any]:
        """
        Call on_frame(header, decode) for each image, for some seconds from the first one on.

        Returns rate, intervals and delays (now - stamp), as `ros2 topic hz` and `delay` give them.
        Raises ConfigError when there is no image for `patience` seconds.
        """
        self._on_frame = on_frame
        self._arrivals, self._delays = [], []
        start = time.monotonic()
        while not self._arrivals or time.monotonic() - self._arrivals[0] < seconds:
            self._executor.spin_once(timeout_sec=0.1)
            if time.monotonic() - (self._arrivals or [start])[-1] > patience:
                raise ConfigError(f'no image on {self._input.topic} for {patience:g} s: '
                                  f'{self._input.last_warning or self._input.describe()}')
        return self._statistics()

    def publish(self, frame: Frame, labels) -> None:
        """Publish the detections of a frame."""
        self._publisher.publish(detections_to_message(frame.detections, frame.header, labels))

    def close(self) -> None:
        """Leave the network."""
        self._input.destroy()
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def _on_message(self, message) -> None:
        stamp = message.header.stamp
        self._arrivals.append(time.monotonic())
        self._delays.append(time.time() - stamp.sec - stamp.nanosec * 1e-9)
        self._on_frame(message.header, partial(image_to_nv12, message))

    def _statistics(self) -> Dict[str, Any]:
        intervals = np.diff(self._arrivals) * 1e3 if len(self._arrivals) > 1 else np.zeros(1)
        delays = np.array(self._delays) * 1e3
        mean = float(intervals.mean())
        return {'topic': self._input.topic, 'images': len(delays),
                'rate': 1e3 / mean if mean else 0.0, 'interval_min': float(intervals.min()),
                'interval_max': float(intervals.max()), 'interval_std': float(intervals.std()),
                'delay_mean': float(delays.mean()), 'delay_max': float(delays.max())}

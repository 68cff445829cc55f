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

"""One camera's publishers: detections at once, drawn pictures in a thread of their own."""
from pathlib import Path
import threading
import time
from typing import Optional, Sequence

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from .messages import detections_to_message, encode_jpeg, jpeg_to_message, picture_to_message
from .perception import PerceptionOutput
from ..pipeline import Frame
from ..render import draw
from ..timing import Statistics


class CameraOutput:
    """
    Publishes one camera's results under `prefix` ('~' or '~/NAME').

    Nothing is drawn or encoded while nobody subscribes.  max_rate (pictures a second, 0: no limit)
    and jpeg_quality may be assigned any time; perception, if set, publishes too.  dump: write each
    drawn picture to the current folder.
    """

    def __init__(self, node: Node, prefix: str, labels: Sequence[str], statistics: Statistics,
                 dump: bool = False):
        qos, overriding = QoSProfile(depth=10), QoSOverridingOptions.with_default_policies()

        def publisher(message_type, name):
            return node.create_publisher(message_type, f'{prefix}/{name}', qos,
                                         qos_overriding_options=overriding)

        self.perception: Optional[PerceptionOutput] = None
        self.max_rate = 0.0
        self.jpeg_quality = 80
        self._detections = publisher(Detection2DArray, 'detections')
        self._render = publisher(Image, 'render')
        self._render_jpeg = publisher(CompressedImage, 'render/compressed')
        self._labels = labels
        self._statistics = statistics
        self._dump = dump
        self._node = node
        self._last_render = float('-inf')
        self._pending: Optional[Frame] = None
        self._changed = threading.Condition()
        self._running = True
        self._thread = threading.Thread(target=self._draw_frames, name='render', daemon=True)
        self._thread.start()

    def publish(self, frame: Frame) -> None:
        """Publish the detections of a frame, and have it drawn if somebody looks."""
        start = time.monotonic()
        self._detections.publish(
            detections_to_message(frame.detections, frame.header, self._labels))
        if self.perception is not None:
            self.perception.publish(frame)
        frame.times['publish'] = time.monotonic() - start
        due = not self.max_rate or (start - self._last_render) * self.max_rate >= 1
        if due and self._is_watched():
            self._last_render = start
            with self._changed:
                self._pending = frame           # the newest wins here, too
                self._changed.notify()

    @property
    def topic(self) -> str:
        """Return the resolved name of the detections' topic."""
        return self._detections.topic_name

    @property
    def is_subscribed(self) -> bool:
        """Return whether anybody listens to detections or drawn pictures."""
        return bool(self._detections.get_subscription_count() or self._is_watched())

    def close(self) -> None:
        """End the drawing thread."""
        with self._changed:
            self._running = False
            self._changed.notify()
        self._thread.join(2.0)

    def _is_watched(self) -> bool:
        return bool(self._dump or self._render_jpeg.get_subscription_count()
                    or self._render.get_subscription_count())

    def _draw_frames(self) -> None:
        while True:
            with self._changed:
                while self._running and self._pending is None:
                    self._changed.wait()
                if not self._running:
                    return
                frame, self._pending = self._pending, None
            try:
                self._draw(frame)
            except Exception as e:      # a thread that dies would silence the topic
                if self._node.context.ok():
                    self._node.get_logger().error(f'cannot draw: {e}', throttle_duration_sec=10.0)

    def _draw(self, frame: Frame) -> None:
        start = time.monotonic()
        picture = frame.image.to_bgr()
        draw(picture, frame.detections, self._labels)
        if self._render.get_subscription_count():
            self._render.publish(picture_to_message(picture, frame.header))
        if self._dump or self._render_jpeg.get_subscription_count():
            jpeg = encode_jpeg(picture, self.jpeg_quality)
            self._render_jpeg.publish(jpeg_to_message(jpeg, frame.header))
            if self._dump:
                Path(dump_name(frame.header)).write_bytes(jpeg)
        self._statistics.add_time('render', time.monotonic() - start)


def dump_name(header) -> str:
    """Return the file name that dnn_node_example gives a drawn picture."""
    frame_id = header.frame_id.replace('/', '_')
    return f'render_{frame_id}_{header.stamp.sec}_{header.stamp.nanosec}.jpeg'

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

"""The node `image_source`: a camera for machines without one."""
import sys
import threading
import time
from typing import List, Optional

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from .messages import encode_jpeg, jpeg_to_message, nv12_to_message, picture_to_message
from .parameters import declare_leniently, topic_name
from .process import run_node
from ..errors import ConfigError, ImageError, Yolo12Error
from ..images import Nv12Image
from ..sources import open_source, SourceFrame, without_password

ENCODINGS = ('nv12', 'bgr8', 'jpeg')
# name, default, description
PARAMETERS = (
    ('source', '', 'picture, folder, video, device (/dev/video0) or stream (rtsp://...)'),
    ('topic', '/image', 'topic to publish on'),
    ('encoding', 'nv12', 'nv12 or bgr8 (Image), jpeg (CompressedImage)'),
    ('rate', 0.0, 'frames a second; 0: as the source has it'),
    ('loop', True, 'begin again at the end; false: publish once, then exit'),
    ('frame_id', 'camera', 'frame_id of the headers'),
    ('reliability', 'reliable', 'reliable or best_effort'),
    ('wait_for', '', 'topic of results: publish the next frame when one with the same stamp came'),
    ('result_subscribers', 1, 'subscriptions of wait_for to wait for at the start, with our own'),
)
RESULT_TYPES = {'vision_msgs/msg/Detection2DArray': Detection2DArray,
                'sensor_msgs/msg/CompressedImage': CompressedImage}
RESULT_TIMEOUT = 10.0


class ImageSource(Node):
    """
    Publishes frames with stamps of the node's clock from a thread of its own.

    Raises Yolo12Error when the source cannot be opened.
    """

    def __init__(self, **options):
        super().__init__('image_source', **options)
        self._values = {row[0]: declare_leniently(self, *row) for row in PARAMETERS}
        self._check()
        self.finished = threading.Event()
        self.error: Optional[Yolo12Error] = None
        self._published = 0
        self._state = ''
        self._result_stamp = None
        self._result = threading.Condition()
        self._source = open_source(self._values['source'], self._on_state, self.finished.is_set)
        qos = QoSProfile(depth=5, reliability=ReliabilityPolicy[
            self._values['reliability'].upper()])
        message_type = CompressedImage if self._values['encoding'] == 'jpeg' else Image
        self._publisher = self.create_publisher(message_type, self._values['topic'], qos)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.create_timer(1.0, self._publish_diagnostics)
        self._thread = threading.Thread(target=self._run, name='frames', daemon=True)
        self._thread.start()

    def destroy_node(self) -> None:
        """Stop the thread, then the node."""
        self.finished.set()
        with self._result:
            self._result.notify_all()
        self._thread.join(3.0)
        super().destroy_node()

    def _check(self) -> None:
        choices = {'encoding': ENCODINGS, 'reliability': ('reliable', 'best_effort')}
        for name, allowed in choices.items():
            if self._values[name] not in allowed:
                raise ConfigError(f'parameter {name} is {self._values[name]!r}: expected one of '
                                  f'{", ".join(allowed)}')
        if not 0 <= self._values['rate'] < float('inf'):
            raise ConfigError(f'parameter rate is {self._values["rate"]}: expected 0 or more')
        for name in ('topic', 'wait_for'):
            if name == 'topic' or self._values[name]:
                topic_name(self, name, self._values[name])

    def _run(self) -> None:
        try:
            try:
                self._publish_frames()
            finally:
                self._let_leave()
        except Yolo12Error as e:
            self.error = e
        except Exception as e:      # the thread's last word must reach the terminal
            self.error = Yolo12Error(f'{type(e).__name__}: {e}')
        self.finished.set()

    def _let_leave(self) -> None:
        """Wait until the subscribers have the last frames, unless a signal came."""
        end = time.monotonic() + 5
        # Asked again and again, for waiting would hold the GIL.
        while not self.finished.wait(0.05) and time.monotonic() < end and \
                not self._publisher.wait_for_all_acked(Duration()):
            pass
        self.finished.wait(0.5)             # best effort acknowledges nothing

    def _publish_frames(self) -> None:
        if not self._values['loop'] or self._values['wait_for']:
            self._wait_for_subscriber()
        period = 1 / (self._values['rate'] or self._source.rate)
        paced = not self._source.live or self._values['rate'] > 0
        due = time.monotonic()
        while not self.finished.is_set():
            frame = None
            for frame in self._source.frames():
                if paced and self._source.live and time.monotonic() < due:
                    continue                # a live source does not wait for us
                if paced:
                    self.finished.wait(max(0.0, due - time.monotonic()))
                due = max(due + period, time.monotonic() - period)
                if self.finished.is_set():
                    return
                self._publish(frame)
            if frame is None and not self.finished.is_set():
                raise ImageError(f'{without_password(self._values["source"])} holds no frame')
            if not self._values['loop']:
                return

    def _publish(self, frame: SourceFrame) -> None:
        stamp = self.get_clock().now().to_msg()
        header = Header(stamp=stamp, frame_id=self._values['frame_id'])
        encoding = self._values['encoding']
        if encoding == 'nv12':
            message = nv12_to_message(Nv12Image.from_bgr(frame.bgr), header)
        elif encoding == 'bgr8':
            message = picture_to_message(frame.bgr, header)
        else:
            message = jpeg_to_message(frame.jpeg or encode_jpeg(frame.bgr, 95), header)
        self._publisher.publish(message)
        self._published += 1
        if self._values['wait_for']:
            self._wait_for_result(stamp)

    def _wait_for_subscriber(self) -> None:
        topic, results = self._values['topic'], self._values['wait_for']
        wanted = self._values['result_subscribers'] if results else 0
        since, said = time.monotonic(), False
        while not self.finished.wait(0.05):
            if self._publisher.get_subscription_count() and self._listens_to(results) and (
                    not wanted
                    or self.count_subscribers(self.resolve_topic_name(results)) >= wanted):
                self.finished.wait(1.0 if wanted else 0)    # until the publishers know of all
                return
            if time.monotonic() - since > 5 and not said:
                said = True
                self.get_logger().warning(f'waiting for a subscriber of {topic}'
                                          + (f', a publisher of {results} and {wanted} '
                                             'subscribers of it' if results else ''))

    def _listens_to(self, topic: str) -> bool:
        """Subscribe to the results as soon as they have a publisher."""
        if not topic or self._result_stamp is not None:
            return True
        for publisher in self.get_publishers_info_by_topic(topic):
            message_type = RESULT_TYPES.get(publisher.topic_type)
            if message_type:
                self._result_stamp = (0, 0)
                self.create_subscription(message_type, topic, self._on_result, 10)
                return True
        return False

    def _on_result(self, message) -> None:
        with self._result:
            self._result_stamp = (message.header.stamp.sec, message.header.stamp.nanosec)
            self._result.notify()

    def _wait_for_result(self, stamp) -> None:
        wanted = (stamp.sec, stamp.nanosec)
        with self._result:
            if not self._result.wait_for(lambda: self._result_stamp == wanted
                                         or self.finished.is_set(), RESULT_TIMEOUT):
                self.get_logger().warning(f'no result on {self._values["wait_for"]} within '
                                          f'{RESULT_TIMEOUT:g} s: going on')

    def _on_state(self, text: str) -> None:
        if text and not self._state:
            self.get_logger().warning(text)
        elif self._state and not text:
            self.get_logger().info('the stream runs again')
        self._state = text

    def _publish_diagnostics(self) -> None:
        status = DiagnosticStatus(
            level=DiagnosticStatus.WARN if self._state else DiagnosticStatus.OK,
            name=f'{self.get_name()}: source', message=self._state or 'running',
            hardware_id=without_password(self._values['source']),
            values=[KeyValue(key='published', value=str(self._published))])
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def _spin(node: ImageSource) -> None:
    while not node.finished.is_set():
        rclpy.spin_once(node, timeout_sec=0.1)
    if node.error is not None:
        raise node.error


def main(args: Optional[List[str]] = None) -> int:
    """Publish until the end of the source, SIGINT or SIGTERM; exit code 1 on an error."""
    return run_node('yolo12_image_source', ImageSource, args, _spin)


if __name__ == '__main__':
    sys.exit(main())

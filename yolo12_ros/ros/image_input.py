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

"""One camera's subscription: type and QoS from its publishers, a watchdog that names causes."""
import time
from typing import Any, Callable, Optional, Sequence

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import (HistoryPolicy, QoSCompatibility, qos_check_compatible, QoSProfile,
                       ReliabilityPolicy)
from sensor_msgs.msg import CompressedImage, Image

from ..errors import ConfigError

# type name in the graph: message class
IMAGE_TYPES = {'sensor_msgs/msg/Image': Image,
               'sensor_msgs/msg/CompressedImage': CompressedImage}
TRANSPORTS = {'auto': tuple(IMAGE_TYPES), 'raw': ('sensor_msgs/msg/Image',),
              'compressed': ('sensor_msgs/msg/CompressedImage',),
              'shared_mem': ('hbm_img_msgs/msg/HbmMsg1080P',)}
_UNNAMED = '_NODE_NAME_UNKNOWN_'     # what rcl says until discovery has brought the name


class ImageInput:
    """
    Subscribes to a topic as its publishers offer it, and again when they change.

    topic: not yet remapped, for rclpy does that.  transport: a key of TRANSPORTS.  reliability:
    'auto' (reliable if every publisher is), or fixed.  callback(message): called in the executor's
    thread.  watchdog_period: seconds without a message before one warning that names the cause.
    """

    def __init__(self, node: Node, topic: str, transport: str, reliability: str,
                 callback: Callable[[Any], None], watchdog_period: float):
        self.topic = node.resolve_topic_name(topic)     # as it is called in the graph
        self._topic = topic
        self.type_name: Optional[str] = None
        self.reliability: Optional[ReliabilityPolicy] = None
        self.last_warning = ''
        self._node = node
        self._types = TRANSPORTS[transport]
        self._wanted_reliability = reliability
        self._callback = callback
        self._period = watchdog_period
        self._quiet_since = time.monotonic()
        self._received = False
        self._subscription = None
        self._message_types = _message_types(self._types)
        if len(self._types) == 1:
            self._subscribe(self._types[0], self._choose_reliability([]))
        self._timer = node.create_timer(0.2, self._look,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def quiet_seconds(self) -> float:
        """Return the seconds since the last message, or since the start."""
        return time.monotonic() - self._quiet_since

    def describe(self) -> str:
        """Return topic, type and QoS for the log."""
        if self._subscription is None:
            return f'{self.topic} (waiting for a publisher)'
        return f'{self.topic} ({self.type_name}, {self.reliability.name.lower()}, depth 1)'

    def destroy(self) -> None:
        """Remove subscription and timer."""
        self._node.destroy_timer(self._timer)
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)

    def _look(self) -> None:
        """Follow the publishers, and watch for silence."""
        publishers = self._node.get_publishers_info_by_topic(self._topic)
        offered = [p.topic_type for p in publishers if p.topic_type in self._types]
        if offered:     # what is read already goes on, whatever else appears on the topic
            type_name = self.type_name if self.type_name in offered else offered[0]
            same = [p for p in publishers if p.topic_type == type_name]
            reliability = self._choose_reliability(same)
            if (type_name, reliability) != (self.type_name, self.reliability):
                self._subscribe(type_name, reliability)
                self._node.get_logger().info(f'subscribed to {self.describe()}')
        unnamed = any(p.node_name == _UNNAMED for p in publishers)
        if self.quiet_seconds > self._period + unnamed:
            self._warn(silence_cause(self.topic, publishers, self._types, self.type_name,
                                     self.reliability, self._received))

    def _choose_reliability(self, publishers) -> ReliabilityPolicy:
        if self._wanted_reliability != 'auto':
            return ReliabilityPolicy[self._wanted_reliability.upper()]
        reliable = publishers and all(
            p.qos_profile.reliability == ReliabilityPolicy.RELIABLE for p in publishers)
        return ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT

    def _subscribe(self, type_name: str, reliability: ReliabilityPolicy) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        qos = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=reliability)
        self._subscription = self._node.create_subscription(
            self._message_types[type_name], self._topic, self._on_message, qos)
        self.type_name, self.reliability = type_name, reliability

    def _on_message(self, message) -> None:
        if self.last_warning:
            self._node.get_logger().info(f'images arrive on {self.topic}')
            self.last_warning = ''
        self._received = True
        self._quiet_since = time.monotonic()
        self._callback(message)

    def _warn(self, cause: str) -> None:
        if cause != self.last_warning:
            self.last_warning = cause
            self._node.get_logger().warning(
                f'no image for {self.quiet_seconds:.0f} s on {self.topic}: {cause}')


def silence_cause(topic: str, publishers: Sequence[Any], types: Sequence[str],
                  subscribed_type: Optional[str], reliability: Optional[ReliabilityPolicy],
                  received: bool) -> str:
    """
    Return the sentence that says why no image comes, and what to do.

    publishers: TopicEndpointInfo.  types: those that would do.  reliability: of the subscription.
    received: whether an image ever came.
    """
    if not publishers:
        gone = 'its publisher has gone' if received else 'it has no publisher'
        return f'{gone}: start the camera, or choose another topic (see `ros2 topic list`)'
    fitting = [p for p in publishers if p.topic_type in types]
    if not fitting:
        found = ', '.join(sorted({p.topic_type for p in publishers}))
        return (f'its type is {found}, but {" or ".join(types)} is needed: set image_transport '
                'or is_shared_mem_sub, or choose another topic')
    if len({p.topic_type for p in publishers}) > 1:
        found = ', '.join(f'{p.topic_type} from {_owner(p)}' for p in publishers)
        return (f'two types share this topic ({found}), {subscribed_type} is read and silent: '
                'give each a topic of its own')
    ours = QoSProfile(depth=1, reliability=reliability)
    reasons = [reason for p in fitting for compatible, reason
               in [qos_check_compatible(p.qos_profile, ours)]
               if compatible == QoSCompatibility.ERROR]
    if len(reasons) == len(fitting):
        return f'the QoS does not match ({reasons[0].strip()}): set image_reliability to auto'
    names = ', '.join(_owner(p) for p in fitting)
    return f'the publisher {names} is silent: look at its log and at `ros2 topic hz {topic}`'


def _owner(publisher) -> str:
    if publisher.node_name == _UNNAMED:
        return 'of an unknown node'
    return f'{publisher.node_namespace.rstrip("/")}/{publisher.node_name}'


def _message_types(names: Sequence[str]):
    types = {name: IMAGE_TYPES[name] for name in names if name in IMAGE_TYPES}
    if 'hbm_img_msgs/msg/HbmMsg1080P' in names:
        try:
            from hbm_img_msgs.msg import HbmMsg1080P
        except ImportError as e:
            raise ConfigError('is_shared_mem_sub is 1, but hbm_img_msgs is not installed: '
                              'sudo apt install tros-humble-hbm-img-msgs, or set it to 0') from e
        types['hbm_img_msgs/msg/HbmMsg1080P'] = HbmMsg1080P
    return types

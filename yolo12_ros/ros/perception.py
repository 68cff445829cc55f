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

"""ai_msgs/PerceptionTargets, so that the TROS websocket and other TROS consumers keep working."""
import time
from typing import Sequence

from builtin_interfaces.msg import Time
import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import RegionOfInterest

from ..pipeline import Frame
from ..timing import Statistics

# perf name after the model's name: stages that it covers, in dnn_node_example's order
PERFS = (('preprocess', ('decode', 'letterbox')), ('predict_infer', ('infer',)),
         ('predict_parse', ()), ('postprocess', ('postprocess',)))


class PerceptionOutput:
    """
    Publishes one PerceptionTargets for each frame, empty ones too, stamped as the image.

    model_name: the prefix of the perfs.  Raises ImportError without ai_msgs.
    """

    def __init__(self, node: Node, topic: str, model_name: str, labels: Sequence[str],
                 statistics: Statistics):
        from ai_msgs.msg import PerceptionTargets
        self._publisher = node.create_publisher(PerceptionTargets, topic, QoSProfile(depth=10))
        self._model_name = model_name
        self._labels = labels
        self._statistics = statistics

    def publish(self, frame: Frame) -> None:
        """Publish the result of a frame."""
        if self._publisher.get_subscription_count():
            self._publisher.publish(targets_message(
                frame, self._labels, self._model_name, self._statistics.rate('processed')))


def targets_message(frame: Frame, labels: Sequence[str], model_name: str, rate: float):
    """
    Return a PerceptionTargets: one Target with one Roi for each detection.

    rate: results a second, 0 before it is known.  Boxes are integers inside the picture.
    """
    from ai_msgs.msg import PerceptionTargets
    message = PerceptionTargets(header=frame.header)
    message.fps = min(round(rate), 32767) if rate > 0 else -1
    message.perfs = _perfs(frame, model_name)
    found = frame.detections
    corners = pixel_corners(found.boxes, frame.image.size)
    message.targets = [_target(labels[class_id], box, score) for box, score, class_id in
                       zip(corners.tolist(), found.scores.tolist(), found.class_ids.tolist())]
    return message


def pixel_corners(boxes: np.ndarray, size) -> np.ndarray:
    """Return integer corners, int64 (N, 4), clipped to a (width, height) picture."""
    return np.clip(np.rint(boxes), 0, np.array(size * 2)).astype(np.int64)


def _target(name: str, box, score: float):
    from ai_msgs.msg import Roi, Target
    x1, y1, x2, y2 = box
    roi = Roi(type=name, confidence=score,
              rect=RegionOfInterest(x_offset=x1, y_offset=y1, width=x2 - x1, height=y2 - y1))
    return Target(type=name, rois=[roi])


def _perfs(frame: Frame, model_name: str):
    """Return the five perfs, one after the other, the last over all; in wall-clock time."""
    now = time.time()
    begin = start = now - (time.monotonic() - frame.received)
    perfs = []
    for name, stages in PERFS:
        seconds = sum(frame.times.get(stage, 0.0) for stage in stages)
        perfs.append(_perf(f'{model_name}_{name}', start, seconds))
        start += seconds
    return [*perfs, _perf(f'{model_name}_pipeline', begin, now - begin)]


def _perf(name: str, start: float, seconds: float):
    from ai_msgs.msg import Perf
    return Perf(type=name, stamp_start=_stamp(start), stamp_end=_stamp(start + seconds),
                time_ms_duration=seconds * 1e3)


def _stamp(seconds: float) -> Time:
    whole = int(seconds)
    return Time(sec=whole, nanosec=int((seconds - whole) * 1e9))

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

"""Messages in and out: needs ROS 2."""
from functools import partial

import measure  # first: it sets the thread counts
import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import (BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesis,
                             ObjectHypothesisWithPose)

from yolo12_ros.detections import Detections
from yolo12_ros.labels import COCO_NAMES
from yolo12_ros.ros.messages import byte_array, detections_to_message, image_to_nv12


def random_detections(n):
    """Return n detections."""
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 500, (n, 2)).astype(np.float32)
    boxes = np.hstack([corners, corners + rng.uniform(5, 100, (n, 2)).astype(np.float32)])
    scores = np.sort(rng.uniform(0.25, 1, n).astype(np.float32))[::-1]
    return Detections(boxes, scores, rng.integers(0, 80, n).astype(np.int32))


def usual_message(found, header):
    """Return a Detection2DArray, built with nested constructors as usual."""
    message = Detection2DArray(header=header)
    for (x1, y1, x2, y2), score, class_id in zip(found.boxes, found.scores, found.class_ids):
        box = BoundingBox2D()
        box.center.position.x = float(x1 + x2) / 2
        box.center.position.y = float(y1 + y2) / 2
        box.size_x, box.size_y = float(x2 - x1), float(y2 - y1)
        hypothesis = ObjectHypothesis(class_id=COCO_NAMES[class_id], score=float(score))
        message.detections.append(Detection2D(
            header=header, bbox=box,
            results=[ObjectHypothesisWithPose(hypothesis=hypothesis)]))
    return message


def nv12_message(width, height):
    """Return an nv12 Image."""
    return Image(height=height, width=width, encoding='nv12', step=width,
                 data=byte_array(np.full(width * height * 3 // 2, 128, np.uint8)))


def usual_planes(message):
    """Return the planes of an nv12 message, copied as usual."""
    data = np.array(message.data, np.uint8)
    rows = data.reshape(message.height * 3 // 2, message.width)
    return rows[:message.height].copy(), rows[message.height:].copy()


def check_agreement(a, b):
    """Compare two Detection2DArrays; RuntimeError if they differ."""
    for x, y in zip(a.detections, b.detections):
        (p, q), (h, k) = (x.bbox, y.bbox), (x.results[0].hypothesis, y.results[0].hypothesis)
        values = np.array([[v.center.position.x, v.center.position.y, v.size_x, v.size_y]
                           for v in (p, q)])
        same = h.class_id == k.class_id and abs(h.score - k.score) < 1e-6
        if not same or np.abs(values[0] - values[1]).max() > 1e-3 or x.header != y.header:
            raise RuntimeError(f'the messages differ: {x} and {y}')
    if len(a.detections) != len(b.detections):
        raise RuntimeError('the messages have different lengths')


def main():
    """Run all tables."""
    args = measure.arguments(__doc__, 300)
    report = measure.Report('Message conversion')
    header = Header(frame_id='camera')
    for n in (0, 20, 100):
        found = random_detections(n)
        calls = {'ours': partial(detections_to_message, found, header, COCO_NAMES),
                 'usual way': partial(usual_message, found, header)}
        check_agreement(calls['ours'](), calls['usual way']())
        report.table(f'{n} detections to a Detection2DArray',
                     measure.interleaved(calls, args.rounds), 'ours')
    for width, height in ((1920, 1080), (640, 480)):
        message = nv12_message(width, height)
        calls = {'ours': partial(image_to_nv12, message),
                 'usual way': partial(usual_planes, message)}
        report.table(f'nv12 message {width}x{height} to planes',
                     measure.interleaved(calls, args.rounds), 'ours')
    report.write(args.json)


if __name__ == '__main__':
    main()

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

"""Detections and pictures to messages, image messages to NV12."""
import array
from typing import List, Sequence

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from ..detections import Detections
from ..errors import ImageError
from ..images import decode_compressed, decode_image, ENCODINGS, Nv12Image


def byte_array(data) -> array.array:
    """
    Return array('B') with a copy of a buffer.

    Humble's message setters check anything else byte by byte: 1.4 s for a 1080p picture.
    """
    result = array.array('B')
    result.frombytes(memoryview(data).cast('B'))
    return result


def image_to_nv12(msg) -> Nv12Image:
    """
    Turn a sensor_msgs Image or CompressedImage into NV12; planes of an nv12 message are views.

    Encodings outside our own table go through cv_bridge.  Raises ImageError.
    """
    if isinstance(msg, CompressedImage):
        return decode_compressed(msg.data)
    if msg.encoding.strip().lower() in ENCODINGS:
        return decode_image(msg.encoding, msg.width, msg.height, msg.step, msg.data)
    return _through_cv_bridge(msg)


# Grey of 8 or 16 bits, and 8UC3, which says nothing of colours: BGR then, OpenCV's order.
_TAKEN_AS_THEY_ARE = ('mono16', '8UC1', '8UC3')


def _through_cv_bridge(msg: Image) -> Nv12Image:
    try:
        from cv_bridge import CvBridge
        from cv_bridge.core import CvBridgeError
    except ImportError as e:
        raise ImageError(f'encoding {msg.encoding!r} needs cv_bridge, which is not installed: '
                         'use one of ' + ', '.join(ENCODINGS)) from e
    if msg.width < 1 or msg.height < 1 or len(msg.data) < msg.height * msg.step:
        raise ImageError(f'{msg.encoding} image of {msg.width}x{msg.height}, step {msg.step}, has '
                         f'{len(msg.data)} bytes: it is empty or truncated')
    wanted = 'passthrough' if msg.encoding in _TAKEN_AS_THEY_ARE else 'bgr8'
    try:
        picture = CvBridge().imgmsg_to_cv2(msg, wanted)
    except (CvBridgeError, cv2.error, ValueError, TypeError, KeyError) as e:
        raise ImageError(f'encoding {msg.encoding!r} cannot be turned into a colour picture '
                         f'({e}): use one of {", ".join(ENCODINGS)}, or one that cv_bridge '
                         'converts to bgr8') from e
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    if picture.ndim == 2:
        return decode_image('mono8', msg.width, msg.height, 0, np.ascontiguousarray(picture))
    return Nv12Image.from_bgr(np.ascontiguousarray(picture))


def detections_to_message(detections: Detections, header: Header,
                          labels: Sequence[str]) -> Detection2DArray:
    """
    Return a Detection2DArray; the header is the image's own, in the array and in each element.

    Boxes are centre and size in source pixels, class_id is the class name.
    """
    boxes = detections.boxes.astype(np.float64)
    sizes = boxes[:, 2:] - boxes[:, :2]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    rows = zip(centres.tolist(), sizes.tolist(), detections.scores.tolist(),
               detections.class_ids.tolist())
    return Detection2DArray(header=header, detections=[
        _detection(header, centre, size, labels[class_id], score)
        for centre, size, score, class_id in rows])


def _detection(header, centre: List[float], size: List[float], name: str,
               score: float) -> Detection2D:
    message = Detection2D(header=header)
    box = message.bbox
    box.center.position.x, box.center.position.y = centre
    box.size_x, box.size_y = size
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id = name
    result.hypothesis.score = score
    message.results.append(result)
    return message


def picture_to_message(bgr: np.ndarray, header: Header) -> Image:
    """Return a bgr8 Image of a uint8 (H, W, 3) picture."""
    height, width = bgr.shape[:2]
    return Image(header=header, height=height, width=width, encoding='bgr8', is_bigendian=0,
                 step=3 * width, data=byte_array(np.ascontiguousarray(bgr)))


def nv12_to_message(image: Nv12Image, header: Header) -> Image:
    """Return an nv12 Image; `height` counts the picture's rows, chroma rows follow them."""
    width, height = image.size
    return Image(header=header, height=height, width=width, encoding='nv12', is_bigendian=0,
                 step=width + width % 2, data=byte_array(image.tobytes()))


def jpeg_to_message(jpeg, header: Header) -> CompressedImage:
    """Return a CompressedImage of a JPEG file in memory."""
    return CompressedImage(header=header, format='jpeg', data=byte_array(jpeg))


def encode_jpeg(bgr: np.ndarray, quality: int) -> np.ndarray:
    """Return a JPEG file, uint8 (N,), of a uint8 (H, W, 3) picture; quality 1..100."""
    return cv2.imencode('.jpg', bgr, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]


def label_message(labels: Sequence[str], threshold: float, config_file: str, header: Header):
    """Return a LabelInfo, or a VisionInfo where vision_msgs 4.0 is installed."""
    try:
        from vision_msgs.msg import LabelInfo, VisionClass
    except ImportError:
        from vision_msgs.msg import VisionInfo
        return VisionInfo(header=header, method='YOLO12', database_location=config_file)
    return LabelInfo(header=header, threshold=threshold, class_map=[
        VisionClass(class_id=i, class_name=name) for i, name in enumerate(labels)])

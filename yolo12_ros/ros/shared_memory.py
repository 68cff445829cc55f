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

"""TROS's hbm_img_msgs/HbmMsg1080P: fixed-size frames without a header."""
import numpy as np
from std_msgs.msg import Header

from ..errors import ImageError
from ..images import decode_image, ENCODINGS, Nv12Image


def encoding_name(raw) -> str:
    """
    Return the encoding of uint8[12].

    Publishers copy only the name into reused memory, so what follows a known name is old bytes.
    Raises ImageError.
    """
    text = bytes(bytearray(raw)).split(b'\0')[0].decode('ascii', 'replace').lower()
    fitting = [name for name in ENCODINGS if text.startswith(name)]
    if not fitting:
        raise ImageError(f'encoding {text!r} is not supported: use one of {", ".join(ENCODINGS)}')
    return max(fitting, key=len)


def hbm_to_nv12(msg) -> Nv12Image:
    """
    Return the picture of an HbmMsg1080P; nv12 planes are views on the message.

    data_size may exceed the picture (aligned codec buffers); step is 0 or stale with some
    publishers, so it counts only if it is possible.  Raises ImageError.
    """
    name = encoding_name(msg.encoding)
    size = min(int(msg.data_size), len(msg.data))
    data = np.asarray(msg.data, np.uint8)[:size]
    width, height, step = int(msg.width), int(msg.height), int(msg.step)
    rows = height * 3 // 2 if name == 'nv12' else height
    if not (step >= ENCODINGS[name][0](width) and step * rows <= size):
        step = 0
    return decode_image(name, width, height, step, data)


def hbm_header(msg) -> Header:
    """Return stamp and, as dnn_node_example does, the running number as frame_id."""
    return Header(stamp=msg.time_stamp, frame_id=str(msg.index))

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

"""dnn_node_example's feedback mode: a local file, detected once."""
from functools import partial
from pathlib import Path
import time
from typing import Any, Callable, Dict

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from ..config import find_file
from ..errors import ConfigError
from ..images import decode_file, decode_image, Nv12Image

_PATIENCE = 10.0    # seconds that the picture waits for somebody to listen


def decoder(values: Dict[str, Any]) -> Callable[[], Nv12Image]:
    """
    Return what decodes the parameter `image`.

    values: of the parameters image, image_type, image_width and image_height.  Raises ConfigError
    if they are wrong or the file is not there.
    """
    path, places = find_file(values['image'], Path.cwd())
    if path is None:
        raise ConfigError(f'feed_type is 0, but image {values["image"]!r} does not exist; looked '
                          f'for {", ".join(map(str, places))}')
    if values['image_type'] == 0:
        return partial(decode_file, path)
    if not (values['image_width'] and values['image_height']):
        raise ConfigError('image_type is 1 (raw nv12): set image_width and image_height')
    return lambda: decode_image('nv12', values['image_width'], values['image_height'], 0,
                                path.read_bytes())


def when_heard(node: Node, is_heard: Callable[[], bool], put: Callable[[], None]) -> None:
    """Call put() once: as soon as is_heard() is true, or after some seconds."""
    since = time.monotonic()

    def look() -> None:
        if is_heard() or time.monotonic() - since > _PATIENCE:
            timer.cancel()
            put()
    timer = node.create_timer(0.1, look, clock=Clock(clock_type=ClockType.STEADY_TIME))

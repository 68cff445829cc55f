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

"""Draws boxes and labels on a picture."""
from typing import Sequence, Tuple

import cv2
import numpy as np

from .detections import Detections

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def colour(class_id: int) -> Tuple[int, int, int]:
    """Return the BGR colour of a class: hues a golden angle apart, so that neighbours differ."""
    hue = int(class_id * 137.508) % 180
    pixel = cv2.cvtColor(np.uint8([[[hue, 200, 255]]]), cv2.COLOR_HSV2BGR)[0, 0]
    return tuple(int(v) for v in pixel)


def draw(picture: np.ndarray, detections: Detections, labels: Sequence[str]) -> None:
    """
    Draw on a uint8 (H, W, 3) BGR picture, in place.

    detections: in pixels of the picture.  labels: name by class id.  Line and text sizes follow
    the picture's size; the best score is drawn last, on top.
    """
    height, width = picture.shape[:2]
    thickness = max(1, round(min(width, height) / 400))
    size = max(0.4, min(width, height) / 1000)
    for i in reversed(range(len(detections))):
        x1, y1, x2, y2 = (int(v) for v in detections.boxes[i].round())
        class_id = int(detections.class_ids[i])
        name = labels[class_id] if class_id < len(labels) else str(class_id)
        box_colour = colour(class_id)
        cv2.rectangle(picture, (x1, y1), (x2, y2), box_colour, thickness)
        text = f'{name} {detections.scores[i]:.2f}'
        (text_width, text_height), below = cv2.getTextSize(text, _FONT, size, thickness)
        left = max(0, min(x1, width - text_width))
        bottom = y1 if y1 >= text_height + below else max(y1, 0) + text_height + below
        cv2.rectangle(picture, (left, bottom - text_height - below),
                      (left + text_width, bottom), box_colour, cv2.FILLED)
        cv2.putText(picture, text, (left, bottom - below // 2), _FONT, size, (0, 0, 0),
                    thickness, cv2.LINE_AA)

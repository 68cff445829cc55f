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

"""Which boxes of two results are the same object."""
from typing import List, Tuple

import numpy as np

from ..detections import Detections


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the overlap of boxes (N, 4) and (M, 4), xyxy, as float (N, M), 0..1."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b)]
    union = areas[0][:, None] + areas[1][None, :] - common
    return common / np.maximum(union, 1e-9)


def match(a: Detections, b: Detections, threshold: float = 0.5) -> List[Tuple[int, int, float]]:
    """
    Pair detections of the same class, the best overlap first, each at most once.

    Returns [(index in a, index in b, IoU)]; IoU is at least `threshold`.
    """
    overlap = iou(a.boxes, b.boxes) * (a.class_ids[:, None] == b.class_ids[None, :])
    pairs = []
    for _ in range(min(overlap.shape)):
        i, j = (int(n) for n in np.unravel_index(overlap.argmax(), overlap.shape))
        best = float(overlap[i, j])
        if best < max(threshold, 1e-9):
            break
        pairs.append((i, j, best))
        overlap[i], overlap[:, j] = -1, -1
    return pairs

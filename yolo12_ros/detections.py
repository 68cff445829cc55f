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

"""The result of one frame."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Detections:
    """
    Boxes of one frame, sorted by falling score.

    boxes: float32 (N, 4), x1 y1 x2 y2 in pixels; a pixel's left edge is its index.
    scores: float32 (N,), 0..1.
    class_ids: int32 (N,), 0..class_num - 1.
    """

    boxes: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray

    @classmethod
    def empty(cls) -> 'Detections':
        """Return no detections."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))

    def __len__(self) -> int:
        return len(self.scores)

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

"""Box rows of the surviving anchors to boxes (distribution focal loss)."""
import math
from typing import Sequence

import numpy as np

from .heads import Head


class BoxDecoder:
    """
    Decodes box rows to xyxy in model pixels.

    Each of the four distances (left, top, right, bottom) from the cell's centre is the expectation
    of a softmax over reg_max bins, in cells (Generalized Focal Loss, arXiv:2006.04388); with
    reg_max 1 it is the value itself.
    """

    def __init__(self, heads: Sequence[Head], reg_max: int):
        self._reg_max = reg_max
        # softmax's denominator and numerator in one product
        self._moments = np.stack([np.ones(reg_max), np.arange(reg_max)], 1).astype(np.float32)
        self._centres = np.concatenate([_centres(h) for h in heads])
        self._signed_strides = np.concatenate(
            [np.full((h.grid[0] * h.grid[1], 4), h.stride, np.float32) for h in heads])
        self._signed_strides[:, :2] *= -1

    def __call__(self, rows: np.ndarray, anchors: np.ndarray) -> np.ndarray:
        """
        Return float32 (K, 4) xyxy in model pixels, NaN for a row that is not finite.

        rows: float32 (K, 4 * reg_max).  anchors: intp (K,), counted through all heads in turn.
        """
        distances = self._distances(rows)
        return self._centres[anchors] + distances * self._signed_strides[anchors]

    def _distances(self, rows: np.ndarray) -> np.ndarray:
        if not math.isfinite(rows.sum()):
            rows = np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows, np.float32(np.nan))
        if self._reg_max == 1:
            return rows
        bins = rows.reshape(-1, self._reg_max)
        # One maximum for all rows is enough unless a row lies so far below it that exp underflows.
        weights = bins - bins.max()
        moments = np.exp(weights, out=weights) @ self._moments
        if not moments[:, 0].min() > 1e-25:     # NaN, too
            moments = np.exp(bins - bins.max(axis=1, keepdims=True)) @ self._moments
        return (moments[:, 1] / moments[:, 0]).reshape(-1, 4)


def _centres(head: Head) -> np.ndarray:
    """Return the cell centres x, y, x, y in model pixels, float32 (rows * columns, 4)."""
    rows, columns = head.grid
    y, x = np.mgrid[:rows, :columns].reshape(2, -1)
    return ((np.stack([x, y, x, y], 1) + 0.5) * head.stride).astype(np.float32)

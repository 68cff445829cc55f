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

"""Finds the anchors whose best class reaches the threshold, without a sigmoid over all of them."""
import math
from typing import List, Optional, Tuple

import numpy as np

from .heads import Head

# Up to about this many hits it is faster to jump from one to the next anchor than to list all.
_JUMPS = 128
_NONE = np.empty(0, np.intp)


def logit(probability: float) -> float:
    """Return log(p / (1 - p)); -inf for 0, the first value whose float64 sigmoid is 1 for 1."""
    if probability <= 0:
        return -math.inf
    p = min(probability, 1 - 2**-53)
    return math.log(p / (1 - p))


def just_below(probability: float) -> float:
    """Return a little less than the logit, so that float32 cannot round a hit away."""
    value = logit(probability)
    return value - 1e-5 * max(1.0, abs(value))


class CandidateFinder:
    """Finds the surviving rows of one head's class tensor; keeps a mask: one for each thread."""

    def __init__(self, head: Head, class_num: int):
        rows, columns = head.grid
        self._scales = head.class_scales
        self._classes = class_num
        self._mask = bytearray(rows * columns * class_num)
        self._hit = np.frombuffer(self._mask, np.bool_).reshape(1, rows, columns, class_num)
        self._was_empty = False

    def anchors(self, tensor: np.ndarray, least: float) -> np.ndarray:
        """
        Return the indices of anchors that have a class logit of at least `least`.

        tensor: (1, rows, columns, class_num), of any strides.  Returns intp (K,), rising.
        Rounding may add anchors just below.
        """
        raw = np.float32(least) if self._scales is None else self._quantised(least, tensor.dtype)
        # The maximum costs less than a mask: worth a look where the last frame had nothing.
        if self._was_empty and raw.size == 1 and tensor.max() < raw:
            return _NONE
        np.greater_equal(tensor, raw, out=self._hit)
        found: List[int] = []
        classes, find = self._classes, self._mask.find
        at = find(1)
        self._was_empty = at < 0
        for _ in range(_JUMPS):
            if at < 0:
                return np.array(found, np.intp)
            anchor = at // classes
            found.append(anchor)
            at = find(1, (anchor + 1) * classes)
        hits = np.flatnonzero(self._hit) // classes
        return hits[np.diff(hits, prepend=-1) > 0]

    def _quantised(self, least: float, dtype) -> np.ndarray:
        """Return the raw integers (channels,) or (1,) whose value is at most `least`."""
        info = np.iinfo(dtype)
        raw = np.floor(least / self._scales.astype(np.float64))
        return np.clip(raw, info.min, info.max).astype(dtype)


def dequantised_rows(tensor: np.ndarray, anchors: np.ndarray,
                     scales: Optional[np.ndarray]) -> np.ndarray:
    """
    Take rows of a head.

    tensor: (1, rows, columns, channels), padded strides allowed.  anchors: intp (K,).
    Returns a new float32 (K, channels).
    """
    _, _, columns, channels = tensor.shape
    if tensor.strides[1] == columns * tensor.strides[2]:
        rows = tensor.reshape(-1, channels).take(anchors, axis=0)   # reshape is a view here
    else:
        rows = tensor[0, anchors // columns, anchors % columns]
    if scales is None:
        return rows.astype(np.float32, copy=False)
    return rows.astype(np.float32) * scales


def best_class(values: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """
    Return (class ids intp (K,), scores float64 (K,)) of class logits float32 (K, class_num).

    Values that are not finite count as absent; the score is NaN where none is left.
    """
    ids = values.argmax(axis=1)
    best = values[np.arange(len(ids)), ids]
    if not math.isfinite(best.sum()):       # the sum is not finite if one value is not
        values = np.where(np.isfinite(values), values, np.float32(-np.inf))
        ids = values.argmax(axis=1)
        best = values[np.arange(len(ids)), ids]
        best[np.isneginf(best)] = np.nan
    return ids, sigmoid(best)


def all_classes(values: np.ndarray, threshold: float):
    """
    Return each class of class logits (K, class_num) whose score is at least `threshold`.

    Returns (places in values intp (N,), class ids intp (N,), scores float64 (N,)).
    """
    of, ids = np.nonzero(values >= just_below(threshold))
    logits = values[of, ids]
    scores = sigmoid(logits)
    keep = np.isfinite(logits) & (scores >= threshold)
    return of[keep], ids[keep], scores[keep]


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), float64; -inf gives 0.  The caller ignores overflows."""
    return 1 / (1 + np.exp(-values.astype(np.float64)))

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
from typing import Optional, Tuple

import numpy as np

# Up to about this many anchors it is faster to jump from hit to hit than to list all hits.
_JUMPS = 128


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
    """
    The class tensor of one head: which rows survive, and what they hold.

    class_scales: see Head.  mask: a bytearray of at least rows * columns * class_num bytes, which
    several finders may share when they are used in turn.
    """

    def __init__(self, class_scales: Optional[np.ndarray], mask: bytearray):
        self._scales = class_scales
        self._mask = mask

    def anchors(self, tensor: np.ndarray, threshold: float) -> np.ndarray:
        """
        Return the indices of anchors with a class value at or just below logit(threshold).

        tensor: (1, rows, columns, class_num), of any strides.  Returns intp (K,), rising.
        The caller compares the exact score; this only must not miss one.
        """
        classes, n = tensor.shape[3], tensor.size
        hit = np.frombuffer(self._mask, np.bool_, n).reshape(tensor.shape)
        np.greater_equal(tensor, self._raw_threshold(tensor.dtype, threshold), out=hit)
        found, find = [], self._mask.find
        at = find(1, 0, n)
        while at >= 0 and len(found) < _JUMPS:
            anchor = at // classes
            found.append(anchor)
            at = find(1, (anchor + 1) * classes, n)
        if at < 0:
            return np.array(found, np.intp)
        anchors = np.flatnonzero(hit) // classes
        return anchors[np.flatnonzero(np.diff(anchors, prepend=-1))]

    def _raw_threshold(self, dtype, threshold: float):
        value = just_below(threshold)
        if self._scales is None:
            return np.float32(value)
        info = np.iinfo(dtype)
        raw = np.floor(value / self._scales.astype(np.float64))
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
    if not np.isfinite(best).all():
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

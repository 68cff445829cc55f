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

"""Class-wise non-maximum suppression."""
from typing import Optional

import cv2
import numpy as np

# Pixels beyond which position is of no importance: one wild box must not eat all precision.
_FAR = np.float32(1e5)
# Up to this many boxes OpenCV's comparison of all with all is faster than a search for neighbours.
_FEW = 300
# So many of the best boxes are looked at first; more only if too few of these are kept.
_BEST = 1000
# Pairs of neighbours: more are left to OpenCV, and so many are compared at once.
_MANY_PAIRS, _AT_ONCE = 1 << 20, 1 << 12


def nms(boxes: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, threshold: float,
        top_k: int) -> np.ndarray:
    """
    Keep the best boxes; of two boxes of one class with IoU > threshold only the better stays.

    boxes: (K, 4) xyxy.  scores: (K,) >= 0.  class_ids: (K,).  top_k: the most boxes that are kept,
    of all classes together.  Returns intp (N,), by falling score, equal scores in given order.
    """
    order = np.argsort(-scores, kind='stable')
    best = max(_BEST, 4 * top_k)
    while True:     # a weaker box never changes what becomes of a better one
        part = order[:best]
        kept = _kept(boxes[part], class_ids[part], threshold)
        if len(kept) >= top_k or best >= len(order):
            return part[kept[:top_k]]
        best = len(order)


def _kept(xyxy: np.ndarray, class_ids: np.ndarray, threshold: float) -> np.ndarray:
    """Return which of the boxes, the best first, are kept: intp, rising."""
    if not len(xyxy):
        return np.empty(0, np.intp)
    np.minimum(np.maximum(xyxy, -_FAR, out=xyxy), _FAR, out=xyxy)
    # Classes are moved apart, so that boxes of different ones never meet.
    apart = class_ids * (xyxy[:, ::2].max() - xyxy[:, ::2].min() + 1.0)
    xywh = xyxy.astype(np.float64)
    # A box that is empty or inside out (reg_max 1) overlaps nothing; OpenCV needs some area.
    xywh[:, 2:] = np.maximum(xywh[:, 2:] - xywh[:, :2], 1e-6)
    xywh[:, 0] += apart
    kept = _by_neighbours(xywh, threshold) if len(xyxy) > _FEW else None
    return _by_opencv(xywh, threshold) if kept is None else kept


def _by_opencv(xywh: np.ndarray, threshold: float) -> np.ndarray:
    """Return which of the boxes, the best first, are kept: intp, rising."""
    falling = np.arange(len(xywh), 0, -1, dtype=np.float32)     # it compares float32 only
    kept = cv2.dnn.NMSBoxes(xywh, falling, 0.0, threshold)
    return np.asarray(kept, np.intp).reshape(-1)                # kept is () when empty


def _by_neighbours(xywh: np.ndarray, threshold: float) -> Optional[np.ndarray]:
    """Return which of the boxes, the best first, are kept: intp, rising; None for a throng."""
    pairs = _overlapping(xywh, threshold)
    if pairs is None:
        return None
    better, worse = pairs.min(axis=0), pairs.max(axis=0)
    in_turn = better.argsort(kind='stable')
    dropped = bytearray(len(xywh))
    for b, w in zip(better[in_turn].tolist(), worse[in_turn].tolist()):
        if not dropped[b]:
            dropped[w] = 1
    return np.flatnonzero(np.frombuffer(dropped, np.uint8) == 0)


def _overlapping(xywh: np.ndarray, threshold: float) -> Optional[np.ndarray]:
    """
    Return the pairs of boxes with IoU > threshold, intp (2, N), or None if there are too many.

    IoU > t needs an overlap wider than t times either box.  So of two such boxes the right one
    starts within (1 - t) times the left one's width; in a list sorted by left edge these are the
    next few.
    """
    by_left = xywh[:, 0].argsort(kind='stable')
    left, top, width, height = xywh[by_left].T.copy()
    edges = left, top, left + width, top + height, width * height
    ends = left.searchsorted(left + (1 - threshold) * width * (1 + 1e-9), 'right')
    counts = np.maximum(ends - np.arange(len(left)) - 1, 0)
    totals = counts.cumsum()
    if totals[-1] > _MANY_PAIRS:
        return None
    pairs = [np.empty((2, 0), np.intp)]
    cuts = totals.searchsorted(np.arange(0, totals[-1] + _AT_ONCE, _AT_ONCE), 'right')
    for first, last in zip(cuts, cuts[1:]):     # in portions, which stay in the cache
        a = np.arange(first, last).repeat(counts[first:last])
        b = np.arange(len(a)) + (ends - totals)[first:last].repeat(counts[first:last]) \
            + (totals[first] - counts[first])
        overlapping = _iou(edges, a, b) > threshold
        pairs.append(by_left[np.stack([a[overlapping], b[overlapping]])])
    return np.concatenate(pairs, axis=1)


def _iou(edges, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the IoU of the boxes at places a and b; those at b do not start left of a."""
    left, top, right, bottom, area = edges
    w = np.minimum(right[a], right[b]) - left[b]
    h = np.minimum(bottom[a], bottom[b]) - np.maximum(top[a], top[b])
    common = np.maximum(w, 0) * np.maximum(h, 0)
    return common / (area[a] + area[b] - common)

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

"""
The shared postprocessing: raw heads of YOLO12 (YOLOv8, YOLO11) to boxes in model pixels.

Knows no ROS, no accelerator and no configuration file, so that anyone can use it alone.
"""
from dataclasses import dataclass
import math
from typing import FrozenSet, Optional, Sequence

import numpy as np

from .candidates import all_classes, best_class, CandidateFinder, dequantised_rows, just_below
from .dfl import BoxDecoder
from .heads import Head, HeadFormat, pair_heads
from .nms import nms
from ..detections import Detections
from ..errors import ConfigError

__all__ = ['Head', 'HeadFormat', 'pair_heads', 'PostProcessor', 'Settings']


@dataclass(frozen=True)
class Settings:
    """
    What may change from frame to frame.

    score_threshold: 0..1, a score equal to it is kept.  nms_threshold: IoU 0..1, above it the
    weaker box of a class goes.  nms_top_k: the most boxes kept.  classes: class ids to keep, None
    for all.  multi_label: each class above the threshold gives a box, not only the best one
    (COCO's usual protocol).  Raises ConfigError.
    """

    score_threshold: float = 0.25
    nms_threshold: float = 0.7
    nms_top_k: int = 300
    classes: Optional[FrozenSet[int]] = None
    multi_label: bool = False

    def __post_init__(self):
        """Check the ranges."""
        for name in ('score_threshold', 'nms_threshold'):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f'{name} is {getattr(self, name)}: expected 0 to 1')
        if self.nms_top_k < 1:
            raise ConfigError(f'nms_top_k is {self.nms_top_k}: expected at least 1')


class PostProcessor:
    """
    Raw outputs of one model to detections; keeps its buffers, so use one for each thread.

    heads: from pair_heads.  settings: replaced as a whole, any time, by assigning to `settings`.
    """

    def __init__(self, heads: Sequence[Head], form: HeadFormat, settings: Settings = Settings()):
        self.settings = settings
        self._heads = tuple(heads)
        sizes = [h.grid[0] * h.grid[1] for h in heads]
        self._first_anchors = np.cumsum([0, *sizes[:-1]])
        self._finders = [CandidateFinder(h, form.class_num) for h in heads]
        self._class_rows = _Joiner(form.class_num)
        self._box_rows = _Joiner(4 * form.reg_max)
        self._decode = BoxDecoder(heads, form.reg_max)

    def __call__(self, outputs: Sequence[np.ndarray]) -> Detections:
        """
        Decode one frame.

        outputs: the model's tensors in its own order, (1, rows, columns, channels) each; only
        read, padded strides are fine.  Returns Detections in model pixels, not clipped.
        """
        with np.errstate(over='ignore', invalid='ignore'):  # of values that are then dropped
            return self._decoded(outputs, self.settings)

    def _decoded(self, outputs, settings: Settings) -> Detections:
        logit = just_below(settings.score_threshold)
        levels = [finder.anchors(outputs[head.class_index], logit)
                  for head, finder in zip(self._heads, self._finders)]
        if not any(map(len, levels)):
            return Detections.empty()
        rows = [self._rows(level, anchors, outputs) for level, anchors in enumerate(levels)]
        anchors, class_rows, box_rows = zip(*rows)
        anchors = np.concatenate(anchors)
        class_rows, box_rows = self._class_rows(class_rows), self._box_rows(box_rows)
        of, ids, scores = _chosen(class_rows, settings)
        if not len(of):
            return Detections.empty()
        boxes = self._decode(box_rows, anchors)[of]
        # sum: not finite if one is not; the second look is for frames that have such a box only
        if not math.isfinite(boxes.sum()):
            finite = np.isfinite(boxes).all(axis=1)
            boxes, ids, scores = boxes[finite], ids[finite], scores[finite]
        kept = nms(boxes, scores, ids, settings.nms_threshold, settings.nms_top_k)
        return Detections(boxes[kept], scores[kept].astype(np.float32), ids[kept].astype(np.int32))

    def _rows(self, level: int, anchors: np.ndarray, outputs):
        """Return anchors counted through all heads, class rows and box rows of one head."""
        head = self._heads[level]
        return (anchors + self._first_anchors[level],
                dequantised_rows(outputs[head.class_index], anchors, head.class_scales),
                dequantised_rows(outputs[head.box_index], anchors, head.box_scales))


class _Joiner:
    """Joins rows in a buffer that it keeps: a large new array costs more than filling it."""

    def __init__(self, channels: int):
        self._buffer = np.empty((256, channels), np.float32)

    def __call__(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Return the float32 rows one after another, valid until the next call."""
        n = sum(map(len, parts))
        if n > len(self._buffer):
            self._buffer = np.empty((2 * n, self._buffer.shape[1]), np.float32)
        return np.concatenate(parts, out=self._buffer[:n])


def _chosen(class_rows: np.ndarray, settings: Settings):
    """
    Return what becomes a box: places in class_rows, class ids and exact scores.

    class_rows: float32 (K, class_num) logits.
    """
    if settings.multi_label:
        of, ids, scores = all_classes(class_rows, settings.score_threshold)
    else:
        ids, scores = best_class(class_rows)
        of = np.flatnonzero(scores >= settings.score_threshold)
        ids, scores = ids[of], scores[of]
    if settings.classes is not None:
        keep = np.isin(ids, list(settings.classes))
        of, ids, scores = of[keep], ids[keep], scores[keep]
    return of, ids, scores

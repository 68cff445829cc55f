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

"""An oracle for the postprocessing: one cell, one class, one box at a time, in float64."""
import math

import numpy as np

from yolo12_ros.backends import TensorInfo


def decode(outputs, levels, reg_max, threshold, multi_label=False, classes=None):
    """
    Return the candidates [(score, class id, (x1, y1, x2, y2))] in the order of anchors.

    levels: (stride, class output, box output, class scales, box scales) in the order of strides.
    """
    found = []
    for stride, class_index, box_index, class_scales, box_scales in levels:
        class_tensor, box_tensor = outputs[class_index], outputs[box_index]
        for row in range(class_tensor.shape[1]):
            for column in range(class_tensor.shape[2]):
                logits = _real(class_tensor[0, row, column], class_scales)
                labels = _labels(logits, threshold, multi_label)
                if classes is not None:
                    labels = [(s, c) for s, c in labels if c in classes]
                if not labels:
                    continue
                box = _box(_real(box_tensor[0, row, column], box_scales), reg_max, row, column,
                           stride)
                if box is not None:
                    found += [(s, c, box) for s, c in labels]
    return found


def detect(outputs, levels, reg_max, threshold, iou_threshold, top_k, **options):
    """Return the candidates that a textbook class-wise NMS keeps, best first."""
    return nms(decode(outputs, levels, reg_max, threshold, **options), iou_threshold, top_k)


def nms(candidates, iou_threshold, top_k):
    """Keep the best; suppress what overlaps a kept box of its class by more than the threshold."""
    kept = []
    for candidate in sorted(candidates, key=lambda c: -c[0]):
        if all(candidate[1] != k[1] or iou(candidate[2], k[2]) <= iou_threshold for k in kept):
            kept.append(candidate)
    return kept[:top_k]


def iou(a, b):
    """Return intersection over union; boxes without area overlap nothing."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def score(logit):
    """Return the sigmoid."""
    return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


def assert_same(got, expected, box_tolerance=1e-3, score_tolerance=1e-6):
    """Compare Detections with [(score, class id, box)]; equal scores may come in any order."""
    assert len(got) == len(expected)
    assert got.boxes.dtype == got.scores.dtype == np.float32 and got.class_ids.dtype == np.int32
    assert got.boxes.shape == (len(got), 4)
    assert (np.diff(got.scores) <= 0).all()
    left = list(range(len(got)))
    for wanted, class_id, box in expected:
        match = next((i for i in left if got.class_ids[i] == class_id
                      and abs(got.scores[i] - wanted) <= score_tolerance
                      and np.abs(got.boxes[i] - box).max() <= box_tolerance), None)
        assert match is not None, f'class {class_id}, score {wanted}, {box} is not among them'
        left.remove(match)
        assert abs(got.scores[len(expected) - len(left) - 1] - wanted) <= score_tolerance


def random_heads(rng, input_size, strides, class_num, reg_max, class_kind='float32',
                 box_kind='float32', box_first=False):
    """
    Return (tensors, descriptions, levels) of a model with random outputs.

    class_kind, box_kind: a dtype; integers get a scale for each channel, or a single one where
    the kind ends in '/1'.
    """
    tensors, infos, levels = [], [], []
    for stride in strides:
        grid = input_size[1] // stride, input_size[0] // stride
        classes = rng.normal(-3, 2, (1, *grid, class_num))
        boxes = rng.normal(0, 2, (1, *grid, 4 * reg_max))
        if reg_max == 1:
            boxes = abs(boxes) + 0.1
        pair = [('class', *_quantise(rng, classes, class_kind)),
                ('box', *_quantise(rng, boxes, box_kind))]
        first = len(tensors)
        for kind, tensor, scales in pair[::-1] if box_first else pair:
            infos.append(TensorInfo(f'{kind}{stride}', tensor.shape, tensor.dtype, scales))
            tensors.append(tensor)
        levels.append((stride, first + box_first, first + (not box_first),
                       pair[0][2], pair[1][2]))
    return tensors, infos, levels


def _quantise(rng, values, kind):
    dtype, _, single = kind.partition('/')
    if np.dtype(dtype).kind == 'f':
        return values.astype(dtype), None
    channels = 1 if single else values.shape[-1]
    scales = np.abs(values).max() / np.iinfo(dtype).max * rng.uniform(1, 1.5, channels)
    if dtype == 'int32':
        scales *= 2 ** 14               # about 17 bits, as the BPU's heads have
    scales = scales.astype(np.float32)
    return np.round(values / scales.astype(np.float64)).astype(dtype), scales


def _real(row, scales):
    """Return a row as floats; `scales` is None, one for all or one for each channel."""
    if scales is None:
        return [float(v) for v in row]
    return [int(q) * float(scales[i % len(scales)]) for i, q in enumerate(row)]


def _labels(logits, threshold, multi_label):
    """Return [(score, class id)]; values that are not finite are absent."""
    scores = [(score(x), i) for i, x in enumerate(logits) if math.isfinite(x)]
    if not multi_label and scores:
        best = max(logits[i] for _, i in scores)
        scores = [(s, i) for s, i in scores if logits[i] == best][:1]
    return [(s, i) for s, i in scores if s >= threshold]


def _box(values, reg_max, row, column, stride):
    if not all(map(math.isfinite, values)):
        return None
    distances = []
    for side in range(4):
        bins = values[side * reg_max:(side + 1) * reg_max]
        weights = [math.exp(v - max(bins)) for v in bins]
        distances.append(bins[0] if reg_max == 1 else
                         sum(i * w for i, w in enumerate(weights)) / sum(weights))
    left, top, right, bottom = distances
    x, y = column + 0.5, row + 0.5
    return ((x - left) * stride, (y - top) * stride, (x + right) * stride, (y + bottom) * stride)

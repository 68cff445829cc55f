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
The usual way with NumPy and OpenCV, to measure against: what published scripts for such boards do.

Correct, vectorised, and written without thought of what could be left out.
"""
import cv2
import numpy as np

try:
    from scipy.special import softmax
except ImportError:
    def softmax(x, axis):
        """Return the softmax, as scipy does."""
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)


class UsualPostProcess:
    """
    Maximum over all anchors, softmax, one NMSBoxes a class.

    scales: one array (64,) for each level with integer boxes, else None.  lean: call NMSBoxes for
    the classes that are there only; the published scripts call it for all.
    """

    def __init__(self, threshold, nms_threshold=0.7, class_num=80, scales=(None, None, None),
                 strides=(8, 16, 32), side=640, reg_max=16, lean=False):
        self.threshold, self.nms_threshold = threshold, nms_threshold
        self.raw_threshold = -np.log(1 / threshold - 1)
        self.class_num, self.scales, self.strides = class_num, scales, strides
        self.reg_max, self.lean = reg_max, lean
        self.bins = np.arange(reg_max, dtype=np.float32)[None, None]
        self.anchors = []
        for stride in strides:
            centres = np.arange(side // stride) + 0.5
            x, y = np.meshgrid(centres, centres)
            self.anchors.append(np.stack([x.ravel(), y.ravel()], axis=1))

    def __call__(self, outputs):
        """Return a list of (class id, score, x1, y1, x2, y2) in model pixels."""
        levels = [self.level(i, outputs[2 * i], outputs[2 * i + 1])
                  for i in range(len(self.strides))]
        boxes, scores, ids = (np.concatenate(part) for part in zip(*levels))
        xywh = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
        results = []
        for class_id in np.unique(ids) if self.lean else range(self.class_num):
            mine = ids == class_id
            kept = cv2.dnn.NMSBoxes(xywh[mine], scores[mine], self.threshold, self.nms_threshold)
            for i in np.reshape(kept, -1):
                results.append((class_id, scores[mine][i], *boxes[mine][i]))
        return results

    def level(self, i, classes, rows):
        """Return boxes, scores and class ids of one stride."""
        classes = classes.reshape(-1, self.class_num)
        rows = rows.reshape(-1, 4 * self.reg_max)
        best = np.max(classes, axis=1)
        at = np.flatnonzero(best >= self.raw_threshold)
        ids = np.argmax(classes[at], axis=1)
        scores = 1 / (1 + np.exp(-best[at]))
        rows = rows[at].astype(np.float32)
        if self.scales[i] is not None:
            rows = rows * self.scales[i]
        bins = softmax(rows.reshape(-1, 4, self.reg_max), axis=2)
        ltrb = np.sum(bins * self.bins, axis=2)
        anchors = self.anchors[i][at]
        boxes = np.hstack([anchors - ltrb[:, :2], anchors + ltrb[:, 2:]]) * self.strides[i]
        return boxes, scores, ids


def letterbox_bgr(bgr, side=640, pad=127):
    """Return a BGR picture (side, side, 3) with the whole of `bgr`, centred."""
    height, width = bgr.shape[:2]
    scale = min(side / height, side / width)
    w, h = int(width * scale), int(height * scale)
    x, y = (side - w) // 2, (side - h) // 2
    small = cv2.resize(bgr, (w, h))
    return cv2.copyMakeBorder(small, y, side - h - y, x, side - w - x, cv2.BORDER_CONSTANT,
                              value=[pad] * 3)


def bgr_to_nv12(bgr):
    """Return flat NV12 of a BGR picture of even size: BGR -> I420 -> NV12."""
    height, width = bgr.shape[:2]
    area = height * width
    i420 = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420).reshape(-1)
    nv12 = np.zeros_like(i420)
    nv12[:area] = i420[:area]
    nv12[area:] = i420[area:].reshape(2, area // 4).transpose(1, 0).reshape(-1)
    return nv12


def nv12_to_bgr(nv12, width, height):
    """Return the BGR picture of flat NV12."""
    return cv2.cvtColor(nv12.reshape(height * 3 // 2, width), cv2.COLOR_YUV2BGR_NV12)


def preprocess_bgr(bgr, side=640):
    """Return flat NV12 at model size of a BGR picture."""
    return bgr_to_nv12(letterbox_bgr(bgr, side))


def preprocess_nv12(nv12, width, height, side=640):
    """Return flat NV12 at model size of an NV12 frame, through BGR."""
    return preprocess_bgr(nv12_to_bgr(nv12, width, height), side)

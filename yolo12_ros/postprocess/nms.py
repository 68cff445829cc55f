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
import cv2
import numpy as np

# Pixels beyond which position is of no importance: one wild box must not eat all precision.
_FAR = np.float32(1e5)


def nms(boxes: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, threshold: float,
        top_k: int) -> np.ndarray:
    """
    Keep the best boxes; of two boxes of one class with IoU > threshold only the better stays.

    boxes: (K, 4) xyxy.  scores: (K,) >= 0.  class_ids: (K,).  top_k: the most boxes that are kept,
    of all classes together.  Returns intp (N,), by falling score, equal scores in given order.
    """
    if not len(scores):
        return np.empty(0, np.intp)
    order = np.argsort(-scores, kind='stable')      # OpenCV compares scores as float32 only
    boxes, class_ids = np.clip(boxes[order], -_FAR, _FAR), class_ids[order]
    xywh = boxes.astype(np.float64)
    # A box that is empty or inside out (reg_max 1) overlaps nothing; OpenCV needs some area.
    xywh[:, 2:] = np.maximum(xywh[:, 2:] - xywh[:, :2], 1e-6)
    # Classes are moved apart, so that one call serves all of them.
    xywh[:, 0] += class_ids * (boxes[:, 2].max() - boxes[:, 0].min() + 1.0)
    falling = np.arange(len(order), 0, -1, dtype=np.float32)
    kept = cv2.dnn.NMSBoxes(xywh, falling, 0.0, threshold)
    return order[np.asarray(kept, np.intp).reshape(-1)[:top_k]]     # kept is () when empty

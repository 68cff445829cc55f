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

"""Modest augmentation: place, scale, mirror and tint a picture in the model input."""
import cv2
import numpy as np

from dataset import Sample

GREY = (127, 127, 127)      # what the node's letterbox pads with


def letterboxed(sample: Sample, size, zoom: float = 1.0, shift=(0.0, 0.0), mirror: bool = False):
    """
    Place a picture in a (width, height) input.

    zoom: against the largest size that fits.  shift: of the centre, as a part of the input.
    Returns uint8 (height, width, 3) BGR, boxes float32 (N, 4) xyxy, ids (N,): those of which at
    least a third is still visible.
    """
    width, height = size
    h, w = sample.bgr.shape[:2]
    scale = min(width / w, height / h) * zoom
    x = (width - w * scale) / 2 + shift[0] * width
    y = (height - h * scale) / 2 + shift[1] * height
    small = cv2.resize(sample.bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) \
        if scale < 0.5 else sample.bgr
    step = small.shape[1] / w, small.shape[0] / h
    place = np.float32([[scale / step[0], 0, x], [0, scale / step[1], y]])
    picture = cv2.warpAffine(small, place, size, borderValue=GREY)
    boxes = sample.boxes * np.float32(scale) + np.float32([x, y, x, y])
    if mirror:
        picture = np.ascontiguousarray(picture[:, ::-1])
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
    clipped = np.clip(boxes, 0, np.float32([width, height] * 2))
    sides, visible = boxes[:, 2:] - boxes[:, :2], clipped[:, 2:] - clipped[:, :2]
    keep = (visible.prod(1) > sides.prod(1) / 3) & (visible.min(1, initial=99) > 2)
    return picture, clipped[keep], sample.ids[keep]


def augmented(sample: Sample, size, rng: np.random.Generator):
    """Return one random view; three of ten are exactly what the node makes of the picture."""
    if rng.random() < 0.3:
        return letterboxed(sample, size)
    picture, boxes, ids = letterboxed(
        sample, size, float(np.exp(rng.uniform(np.log(0.6), np.log(1.7)))),
        tuple(rng.uniform(-0.2, 0.2, 2)), bool(rng.random() < 0.5))
    return tinted(picture, rng), boxes, ids


def mosaic(samples, size, rng: np.random.Generator):
    """Return four pictures in the quarters of one input."""
    half = size[0] // 2, size[1] // 2
    out, boxes, ids = np.empty((size[1], size[0], 3), np.uint8), [], []
    for i, sample in enumerate(samples):
        x, y = i % 2 * half[0], i // 2 * half[1]
        part, part_boxes, part_ids = letterboxed(
            sample, half, float(rng.uniform(1, 1.8)), tuple(rng.uniform(-0.2, 0.2, 2)),
            bool(rng.random() < 0.5))
        out[y:y + half[1], x:x + half[0]] = part
        boxes.append(part_boxes + np.float32([x, y, x, y]))
        ids.append(part_ids)
    return tinted(out, rng), np.concatenate(boxes), np.concatenate(ids)


def tinted(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with another hue, saturation and brightness."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV).astype(np.float32)
    hsv *= 1 + rng.uniform(-1, 1, 3).astype(np.float32) * np.float32([0.015, 0.5, 0.3])
    hsv[..., 0] %= 180
    return cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2BGR)

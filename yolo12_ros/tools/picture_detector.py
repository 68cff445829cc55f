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

"""Detects in picture files with the preprocessings and protocols of `yolo12 evaluate`."""
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

import cv2
import numpy as np

from ..backends import Model
from ..config import Config
from ..detections import Detections
from ..detector import Detector
from ..images import decode_file, Nv12Image, read_bgr
from ..postprocess import Settings

TIMEOUT = 60.0     # seconds for one inference


@dataclass(frozen=True)
class RgbLetterbox:
    """
    The letterbox that models of this family are trained and published with.

    One scale for both sides, the rest grey 114; sizes and offsets may be odd, unlike NV12's.
    source_size, model_size: (width, height).
    """

    source_size: Tuple[int, int]
    model_size: Tuple[int, int]
    PAD = 114

    @property
    def scale(self) -> float:
        """Return model pixels for one source pixel."""
        return min(m / s for m, s in zip(self.model_size, self.source_size))

    @property
    def size(self) -> Tuple[int, int]:
        """Return (width, height) of the picture in the model input."""
        return tuple(max(1, round(s * self.scale)) for s in self.source_size)

    @property
    def offset(self) -> Tuple[int, int]:
        """Return the picture's top left corner in the model input."""
        return tuple((m - s) // 2 for m, s in zip(self.model_size, self.size))

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Return a uint8 (model height, model width, 3) picture with `picture` in it."""
        (x, y), (w, h) = self.offset, self.size
        out = np.full((*self.model_size[::-1], 3), self.PAD, np.uint8)
        out[y:y + h, x:x + w] = cv2.resize(picture, (w, h), interpolation=cv2.INTER_LINEAR)
        return out

    def invert(self, boxes: np.ndarray) -> np.ndarray:
        """Map boxes (N, 4) xyxy from model pixels to source pixels, clipped to the picture."""
        boxes = (boxes - np.float32(self.offset * 2)) / np.float32(self.scale)
        return np.clip(boxes, 0, np.float32(self.source_size * 2))


class PictureDetector:
    """
    Detects in pictures with one inference and several settings; for one thread.

    preprocessing: 'nv12', 'rgb_nv12' or 'rgb'; the last needs a model with run_rgb.
    protocols: {name: arguments of Settings}.
    """

    def __init__(self, model: Model, config: Config, preprocessing: str,
                 protocols: Dict[str, Dict[str, Any]]):
        self._model = model
        self._detector = Detector(model, config)
        self._infer = getattr(self, f'_{preprocessing}')
        self._settings = {name: Settings(**values) for name, values in protocols.items()}

    def __call__(self, path: Path) -> Dict[str, Detections]:
        """Return detections in source pixels by protocol.  Raises ImageError, BackendError."""
        slot = self._model.acquire(TIMEOUT)
        try:
            outputs, letterbox = self._infer(path, slot)
            results = {}
            for protocol, settings in self._settings.items():
                self._detector.settings = settings
                results[protocol] = self._detector.postprocess(outputs, letterbox)
            return results
        finally:
            self._model.release(slot)

    def _nv12(self, path, slot):
        letterbox = self._detector.preprocess(decode_file(path), slot.input)
        return self._run(slot), letterbox

    def _rgb_nv12(self, path, slot):
        picture, letterbox = self._letterboxed(path)
        image = Nv12Image.from_bgr(picture)
        slot.input[:image.y.size] = image.y.reshape(-1)
        slot.input[image.y.size:] = image.uv.reshape(-1)
        return self._run(slot), letterbox

    def _rgb(self, path, slot):
        picture, letterbox = self._letterboxed(path)
        return self._model.run_rgb(picture[:, :, ::-1]), letterbox

    def _run(self, slot) -> List[np.ndarray]:
        self._model.submit(slot)
        return self._model.wait(slot, TIMEOUT)

    def _letterboxed(self, path) -> Tuple[np.ndarray, RgbLetterbox]:
        """Return a uint8 (H, W, 3) BGR picture at model size, and its letterbox."""
        bgr = read_bgr(path)
        letterbox = RgbLetterbox((bgr.shape[1], bgr.shape[0]), self._model.input_size)
        return letterbox.apply(bgr), letterbox

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

"""One frame, synchronously: letterbox, infer, postprocess; the pipeline uses the same steps."""
from dataclasses import dataclass
import time
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from .backends import Model
from .config import Config
from .detections import Detections
from .images import Nv12Image
from .letterbox import Letterbox
from .postprocess import Head, pair_heads, PostProcessor, Settings


@dataclass(frozen=True)
class Result:
    """Detections of one frame in source pixels, and the seconds that each stage took."""

    detections: Detections
    times: Dict[str, float]


class Detector:
    """
    A model and how to use it.

    config: must fit the model.  mode: of the Letterbox.  heads and notes tell how the outputs were
    paired.  Raises ModelError when the model does not fit.  One thread may call preprocess while
    another calls postprocess.
    """

    def __init__(self, model: Model, config: Config, mode: str = 'letterbox'):
        self.model = model
        self.config = config
        self.mode = mode
        self.heads: Tuple[Head, ...]
        self.notes: List[str]
        self.heads, self.notes = pair_heads(model.outputs, model.input_size, config.form)
        self._postprocess = PostProcessor(self.heads, config.form, config.settings)
        self._letterbox: Optional[Letterbox] = None

    @property
    def settings(self) -> Settings:
        """Thresholds and class filter; assign a new Settings to change them between frames."""
        return self._postprocess.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._postprocess.settings = settings

    def preprocess(self, image: Nv12Image, out: np.ndarray) -> Letterbox:
        """Write a picture into a slot's input, uint8 (W * H * 3 / 2,), and return its geometry."""
        letterbox = self._letterbox
        if letterbox is None or letterbox.source_size != image.size:
            letterbox = Letterbox(image.size, self.model.input_size, self.mode)
            self._letterbox = letterbox
        letterbox.apply(image, out)
        return letterbox

    def postprocess(self, outputs: Sequence[np.ndarray], letterbox: Letterbox) -> Detections:
        """
        Decode raw outputs to detections in source pixels, clipped to the picture.

        What lies outside of it, in the letterbox's padding, is left out.
        """
        found = self._postprocess(outputs)
        boxes = letterbox.invert(found.boxes)
        inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        if inside.all():
            return Detections(boxes, found.scores, found.class_ids)
        return Detections(boxes[inside], found.scores[inside], found.class_ids[inside])

    def detect(self, image: Nv12Image, timeout: Optional[float] = None) -> Result:
        """
        Run one frame.

        timeout: seconds for the inference, None for no limit.  Raises BackendError.
        """
        slot = self.model.acquire(timeout)
        try:
            start = time.perf_counter()
            letterbox = self.preprocess(image, slot.input)
            placed = time.perf_counter()
            self.model.submit(slot)
            outputs = self.model.wait(slot, timeout)
            inferred = time.perf_counter()
            detections = self.postprocess(outputs, letterbox)
            done = time.perf_counter()
        finally:
            self.model.release(slot)
        return Result(detections, {'letterbox': placed - start, 'infer': inferred - placed,
                                   'postprocess': done - inferred})

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

"""The geometry between a source picture and the model input, and its application to NV12."""
from dataclasses import dataclass, field
from typing import Tuple

import cv2
import numpy as np

from .errors import ConfigError
from .images import Nv12Image, nv12_planes

# mode: (keeps the aspect ratio, is centred)
MODES = {'letterbox': (True, True), 'top_left': (True, False), 'stretch': (False, False)}
PAD_Y, PAD_UV = 127, 128    # grey, as the RDK Model Zoo pads


def _even(x: float) -> int:
    """Return the nearest even integer, at least 2: NV12 has one chroma sample for 2 x 2 pixels."""
    return max(2, 2 * round(x / 2))


@dataclass(frozen=True)
class Letterbox:
    """
    Where a source picture lies in the model input.

    source_size, model_size: (width, height) in pixels; the model's sides are even.
    mode: 'letterbox' (aspect kept, centred), 'top_left' (aspect kept, no offset, as dnn_node
    does) or 'stretch'.  Size and offset of the picture in the model input are even, so that luma
    and chroma stay aligned; x and y therefore have scales of their own.

    Raises ConfigError for an unknown mode or an impossible size.
    """

    source_size: Tuple[int, int]
    model_size: Tuple[int, int]
    mode: str = 'letterbox'
    size: Tuple[int, int] = field(init=False)       # of the picture in the model input
    offset: Tuple[int, int] = field(init=False)     # of its top left corner
    scale: Tuple[float, float] = field(init=False)  # model pixels for one source pixel

    def __post_init__(self):
        """Derive size, offset and scale."""
        if self.mode not in MODES:
            raise ConfigError(f'unknown letterbox mode {self.mode!r}: use one of {list(MODES)}')
        (sw, sh), (mw, mh) = self.source_size, self.model_size
        if min(sw, sh) < 1 or min(mw, mh) < 2 or mw % 2 or mh % 2:
            raise ConfigError(f'cannot place a {sw}x{sh} picture in a {mw}x{mh} model input: '
                              'sizes must be positive, and the model sides even')
        keep_aspect, centred = MODES[self.mode]
        w, h = mw, mh
        if keep_aspect:
            ratio = min(mw / sw, mh / sh)
            w, h = min(mw, _even(sw * ratio)), min(mh, _even(sh * ratio))
        x, y = ((mw - w) // 4 * 2, (mh - h) // 4 * 2) if centred else (0, 0)
        object.__setattr__(self, 'size', (w, h))
        object.__setattr__(self, 'offset', (x, y))
        object.__setattr__(self, 'scale', (w / sw, h / sh))

    def apply(self, image: Nv12Image, out: np.ndarray) -> None:
        """
        Write the picture into a model input.

        out: uint8, contiguous, model width * height * 3 / 2 elements: the NV12 buffer, Y plane
        first.  Every byte of it is written.
        """
        (w, h), (x, y) = self.size, self.offset
        luma, chroma = nv12_planes(out, self.model_size)
        _place(image.y, luma, (x, y, w, h), PAD_Y)
        _place(image.uv, chroma, (x // 2, y // 2, w // 2, h // 2), PAD_UV)

    def forward(self, boxes: np.ndarray) -> np.ndarray:
        """Map boxes (N, 4) xyxy from source pixels to model pixels, float32."""
        return (boxes * np.float32(self.scale * 2) + np.float32(self.offset * 2))

    def invert(self, boxes: np.ndarray) -> np.ndarray:
        """Map boxes (N, 4) xyxy from model pixels to source pixels, clipped to the picture."""
        boxes = (boxes - np.float32(self.offset * 2)) / np.float32(self.scale * 2)
        return np.clip(boxes, 0, np.float32(self.source_size * 2), out=boxes)


def _place(plane: np.ndarray, out: np.ndarray, where: Tuple[int, int, int, int], pad: int) -> None:
    """Resize a plane into the rectangle x, y, w, h of `out` and fill the rest with `pad`."""
    x, y, w, h = where
    out[:y] = pad
    out[y + h:] = pad
    out[y:y + h, :x] = pad
    out[y:y + h, x + w:] = pad
    inside = out[y:y + h, x:x + w]
    if plane.shape == inside.shape:
        np.copyto(inside, plane)
    else:
        _resize(plane, inside)


def _resize(plane: np.ndarray, out: np.ndarray) -> None:
    """Resize bilinearly into `out`; the ratio of 1920 to 640 by a shorter way."""
    height, width = out.shape[:2]
    if plane.shape[:2] == (1, 1):
        out[:] = plane[0, 0]            # Humble's OpenCV refuses two channels of one pixel
    elif plane.shape[:2] == (3 * height, 3 * width):
        # The sample lies on the middle one of 3 x 3 pixels, so nothing needs to be interpolated.
        cv2.resize(plane[1:, 1:], None, dst=out, fx=1 / 3, fy=1 / 3,
                   interpolation=cv2.INTER_NEAREST)
    else:
        cv2.resize(plane, (width, height), dst=out, interpolation=cv2.INTER_LINEAR)

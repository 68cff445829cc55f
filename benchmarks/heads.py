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

"""Six raw heads to measure on: recorded from a real model where the test data is, else made up."""
import sys

from measure import ROOT
import numpy as np

GRIDS = (80, 40, 20)
_SCALE = np.float32(2 ** -20)       # of made-up int32 boxes


def load(scene, int32=False):
    """
    Return (six tensors (1, H, W, C), their scales, where they come from).

    scene: 'street' or 'crowd'.  With int32 the boxes are int32 and have 64 scales each.
    """
    sys.path.append(str(ROOT / 'test'))
    try:
        import recorded_heads
    except ImportError:
        recorded_heads = None
    if recorded_heads is None or not recorded_heads.DATA.is_dir():
        return (*made_up(scene, int32), 'made up')
    image_id = recorded_heads.STREET if scene == 'street' else recorded_heads.CROWD
    return (*recorded_heads.load_heads(image_id, int32), f'recorded on COCO {image_id}')


def made_up(scene, int32=False, seed=1):
    """Return heads with some objects, each seen by a patch of anchors, on a quiet background."""
    rng = np.random.default_rng(seed)
    tensors, scales = [], []
    for grid in GRIDS:
        classes = rng.normal(-12, 1.2, (grid, grid, 80)).astype(np.float32)
        boxes = rng.normal(0, 1, (grid, grid, 4, 16)).astype(np.float32)
        for _ in range(max(1, grid * (1 if scene == 'street' else 3) // 20)):
            x, y = rng.integers(1, grid - 2, 2)
            classes[y:y + 2, x:x + 2, rng.integers(0, 80)] = rng.normal(0, 1, (2, 2))
            boxes[y:y + 2, x:x + 2, :, rng.integers(1, 6)] += 9
        boxes = boxes.reshape(grid, grid, 64)
        if int32:
            boxes = np.rint(boxes / _SCALE).astype(np.int32)
        tensors += [classes[None], boxes[None]]
        scales += [None, np.full(64, _SCALE) if int32 else None]
    return tensors, scales


def empty():
    """Return float heads that hold no object."""
    return [np.full((1, g, g, c), -12 if c == 80 else 0, np.float32)
            for g in GRIDS for c in (80, 64)]

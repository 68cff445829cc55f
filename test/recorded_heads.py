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

"""The heads recorded from a real model, in ../shared/data; users do not have them."""
import json
import os
from pathlib import Path

import numpy as np
import pytest

DATA = Path(os.environ.get('YOLO12_TEST_DATA',
                           Path(__file__).resolve().parents[2] / 'shared' / 'data'))
MODEL = DATA / 'models' / 'yolo11n_sixhead_w8.onnx'
IMAGE_IDS = ('000000001000', '000000005001', '000000397133', '000000009483',
             '000000229358', '000000460229', '000000008844', '000000007991')
CROWD, STREET = '000000001000', '000000397133'
GRIDS = (80, 40, 20)


def need_data():
    """Skip the test where the shared data is absent."""
    if not DATA.is_dir():
        pytest.skip(f'the recorded data is not at {DATA} (set YOLO12_TEST_DATA)')
    return DATA


def load_heads(image_id, int32=False):
    """
    Return six tensors (1, H, W, C), class and box for the strides 8, 16, 32, and their scales.

    float32; with int32 the boxes are int32 and have 64 scales each (else None).
    """
    need_data()
    sparse = np.load(DATA / 'heads' / f'{image_id}.npz')
    quantised = np.load(DATA / 'heads' / f'{image_id}_s32.npz') if int32 else None
    tensors, scales = [], []
    for level, grid in enumerate(GRIDS):
        anchors = sparse[f'a{level}']
        classes = np.full((grid * grid, 80), -24, np.float32)
        classes[anchors] = sparse[f'c{level}']
        boxes = np.zeros((grid * grid, 64), np.int32 if int32 else np.float32)
        if int32:
            boxes[quantised[f'a{level}']] = quantised[f'q{level}']
        else:
            boxes[anchors] = sparse[f'b{level}']
        tensors += [classes.reshape(1, grid, grid, 80), boxes.reshape(1, grid, grid, 64)]
        scales += [None, quantised[f's{level}'] if int32 else None]
    return tensors, scales


def reference():
    """Return reference.json."""
    return json.loads((need_data() / 'heads' / 'reference.json').read_text())


def image_path(image_id):
    """Return the JPEG that the heads were recorded on."""
    return need_data() / 'coco_dev' / 'images' / f'{image_id}.jpg'

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

"""Calibration data: raw float32 RGB pictures, one a file, as hb_mapper reads them."""
from pathlib import Path
from typing import List, Tuple

import numpy as np

from ..errors import ConfigError


def calibration_files(folder: Path, input_size: Tuple[int, int]) -> List[Path]:
    """
    Return the files of a calibration folder, sorted.

    input_size: (width, height).  hb_mapper reads each file that is there, whatever its name, so
    every one must be a picture.  Raises ConfigError.
    """
    width, height = input_size
    expected = 3 * width * height * 4
    make = f'make the folder with `yolo12 calibrate --size {width}x{height}`'
    if not folder.is_dir():
        raise ConfigError(f'calibration folder {folder} does not exist: {make}')
    files = sorted(folder.iterdir())
    for path in files:
        if not path.is_file():
            raise ConfigError(f'{path} is no file: hb_mapper reads everything in a calibration '
                              'folder')
        if path.stat().st_size != expected:
            raise ConfigError(f'{path} has {path.stat().st_size} bytes: expected {expected}, '
                              f'float32 (3, {height}, {width}), of every file; {make}')
    if not files:
        raise ConfigError(f'calibration folder {folder} is empty: {make}')
    return files


def read_picture(path: Path, input_size: Tuple[int, int]) -> np.ndarray:
    """Return a file as float32 (1, 3, H, W), RGB 0..255.  Raises ConfigError for other values."""
    width, height = input_size
    values = np.fromfile(path, np.float32).reshape(1, 3, height, width)
    if not (np.isfinite(values).all() and values.min() >= 0 and 1 < values.max() <= 255):
        raise ConfigError(f'{path}: the values run from {values.min():g} to {values.max():g}: '
                          'expected RGB of 0 to 255; make it with `yolo12 calibrate`')
    return values

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

"""Class names: COCO-80 with its COCO category ids, and label list files."""
from pathlib import Path
from typing import Tuple

from .errors import ConfigError

# name: category id in COCO's annotation files (ids 1 to 90 with ten gaps).
_COCO = (
    ('person', 1), ('bicycle', 2), ('car', 3), ('motorcycle', 4), ('airplane', 5),
    ('bus', 6), ('train', 7), ('truck', 8), ('boat', 9), ('traffic light', 10),
    ('fire hydrant', 11), ('stop sign', 13), ('parking meter', 14), ('bench', 15),
    ('bird', 16), ('cat', 17), ('dog', 18), ('horse', 19), ('sheep', 20), ('cow', 21),
    ('elephant', 22), ('bear', 23), ('zebra', 24), ('giraffe', 25), ('backpack', 27),
    ('umbrella', 28), ('handbag', 31), ('tie', 32), ('suitcase', 33), ('frisbee', 34),
    ('skis', 35), ('snowboard', 36), ('sports ball', 37), ('kite', 38),
    ('baseball bat', 39), ('baseball glove', 40), ('skateboard', 41), ('surfboard', 42),
    ('tennis racket', 43), ('bottle', 44), ('wine glass', 46), ('cup', 47), ('fork', 48),
    ('knife', 49), ('spoon', 50), ('bowl', 51), ('banana', 52), ('apple', 53),
    ('sandwich', 54), ('orange', 55), ('broccoli', 56), ('carrot', 57), ('hot dog', 58),
    ('pizza', 59), ('donut', 60), ('cake', 61), ('chair', 62), ('couch', 63),
    ('potted plant', 64), ('bed', 65), ('dining table', 67), ('toilet', 70), ('tv', 72),
    ('laptop', 73), ('mouse', 74), ('remote', 75), ('keyboard', 76), ('cell phone', 77),
    ('microwave', 78), ('oven', 79), ('toaster', 80), ('sink', 81), ('refrigerator', 82),
    ('book', 84), ('clock', 85), ('vase', 86), ('scissors', 87), ('teddy bear', 88),
    ('hair drier', 89), ('toothbrush', 90),
)
COCO_NAMES: Tuple[str, ...] = tuple(name for name, _ in _COCO)
COCO_CATEGORY_IDS: Tuple[int, ...] = tuple(number for _, number in _COCO)


def load_labels(path) -> Tuple[str, ...]:
    """
    Read a label list: UTF-8 text, one class name a line, in the order of the class ids.

    Empty lines at the end are ignored; one in the middle is an error, since it would shift
    every class after it.  Raises ConfigError.
    """
    try:
        lines = Path(path).read_text(encoding='utf-8-sig').splitlines()
    except OSError as e:
        raise ConfigError(f'cannot read the label list {path}: {e.strerror}') from e
    except UnicodeDecodeError as e:
        raise ConfigError(f'the label list {path} is not UTF-8 text: {e}') from e
    names = [line.strip() for line in lines]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise ConfigError(f'the label list {path} is empty: expected one class name a line')
    if '' in names:
        raise ConfigError(f'the label list {path} has an empty line {names.index("") + 1}: '
                          'every line must name one class')
    return tuple(names)

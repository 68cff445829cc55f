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

"""The result of one frame."""
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from yolo12_ros.detections import Detections


def test_empty_has_the_shapes_and_types_of_any_other():
    """So that consumers need no special case."""
    empty = Detections.empty()
    assert len(empty) == 0
    assert (empty.boxes.shape, empty.boxes.dtype) == ((0, 4), np.float32)
    assert (empty.scores.shape, empty.scores.dtype) == ((0,), np.float32)
    assert (empty.class_ids.shape, empty.class_ids.dtype) == ((0,), np.int32)


def test_length_is_the_number_of_boxes():
    """Even an empty result is a result."""
    found = Detections(np.zeros((3, 4), np.float32), np.ones(3, np.float32), np.arange(3))
    assert len(found) == 3


def test_fields_cannot_be_replaced():
    """A result is handed on to several consumers."""
    with pytest.raises(FrozenInstanceError):
        Detections.empty().scores = np.ones(1)

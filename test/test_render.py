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
"""Boxes and labels on a picture."""
import numpy as np
import pytest

from yolo12_ros.detections import Detections
from yolo12_ros.render import colour, draw


def detections(*boxes):
    n = len(boxes)
    return Detections(np.float32(boxes).reshape(n, 4), np.linspace(0.9, 0.5, n, dtype=np.float32),
                      np.arange(n, dtype=np.int32))


def test_box_edges_have_the_class_colour():
    picture = np.zeros((200, 300, 3), np.uint8)
    draw(picture, detections([50, 60, 150, 160]), ['cat'])
    assert tuple(picture[100, 50]) == colour(0) and tuple(picture[160, 100]) == colour(0)
    assert not picture[110, 100].any()


def test_nothing_is_drawn_without_detections():
    picture = np.zeros((20, 30, 3), np.uint8)
    draw(picture, Detections.empty(), ['cat'])
    assert not picture.any()


@pytest.mark.parametrize('box', [[0, 0, 300, 200], [290, 0, 300, 10], [-50, -50, 400, 300],
                                 [0, 195, 10, 200], [10, 10, 10, 10]])
@pytest.mark.parametrize('size', [(200, 300), (2000, 3000)])
def test_labels_are_seen_at_every_edge(box, size):
    picture = np.zeros((*size, 3), np.uint8)
    draw(picture, detections(box), ['a very long class name'])
    label = (picture == colour(0)).all(axis=2)
    assert label.sum() > 500        # its background, not only the lines of the box


def test_the_smallest_picture():
    picture = np.zeros((1, 1, 3), np.uint8)
    draw(picture, detections([0, 0, 1, 1]), ['cat'])
    assert picture.shape == (1, 1, 3)


def test_unknown_class_is_named_by_number():
    picture = np.zeros((100, 100, 3), np.uint8)
    draw(picture, detections([10, 10, 50, 50], [20, 20, 60, 60]), ['only one'])
    assert picture.any()


def test_neighbouring_classes_differ():
    colours = [np.array(colour(i), int) for i in range(80)]
    for a, b in zip(colours, colours[1:]):
        assert np.abs(a - b).sum() > 60

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

"""Class-wise non-maximum suppression."""
import numpy as np
import oracle
import pytest
from yolo12_ros.postprocess.nms import _kept, nms

A = (0, 0, 10, 10)
HALF = (0, 0, 10, 5)            # IoU with A: 0.5
QUARTER = (0, 0, 5, 5)          # IoU with A: 0.25
APART = (20, 20, 30, 30)
TOUCHING = (10, 0, 20, 10)


def run(boxes, scores, ids=None, threshold=0.5, top_k=100):
    """Return the places of the boxes kept, as a list."""
    ids = np.zeros(len(scores), np.intp) if ids is None else np.array(ids, np.intp)
    kept = nms(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float64), ids,
               threshold, top_k)
    assert kept.dtype == np.intp and kept.ndim == 1
    return kept.tolist()


@pytest.mark.parametrize('boxes, scores, ids, threshold, kept', [
    ([], [], [], 0.5, []),
    ([A], [0.9], [0], 0.5, [0]),
    ([A, A], [0.3, 0.9], [0, 0], 0.5, [1]),
    ([A, A], [0.3, 0.9], [0, 1], 0.5, [1, 0]),          # of different classes
    ([A, A], [0.9, 0.9], [0, 0], 0.5, [0]),             # equal scores: the first one
    ([A, A, A], [0.5, 0.5, 0.5], [2, 1, 0], 0.5, [0, 1, 2]),
    ([A, APART], [0.3, 0.9], [0, 0], 0.0, [1, 0]),
    ([A, TOUCHING], [0.3, 0.9], [0, 0], 0.0, [1, 0]),   # IoU 0 is not above 0
    ([A, HALF], [0.9, 0.8], [0, 0], 0.5, [0, 1]),       # equal to the threshold stays
    ([A, HALF], [0.9, 0.8], [0, 0], 0.4999, [0]),
    ([A, QUARTER], [0.9, 0.8], [0, 0], 0.25, [0, 1]),
    ([A, QUARTER], [0.9, 0.8], [0, 0], 0.2499, [0]),
    ([A, A], [0.9, 0.8], [0, 0], 1.0, [0, 1]),          # nothing is above 1
    ([A, HALF, QUARTER], [0.9, 0.8, 0.7], [0, 0, 0], 0.45, [0, 2]),  # a dead box kills nobody
    ([A, A], [0.0, 0.0], [0, 0], 0.5, [0]),             # a score of 0
])
def test_table(boxes, scores, ids, threshold, kept):
    """Small cases that can be checked by hand."""
    assert run(boxes, scores, ids, threshold) == kept


@pytest.mark.parametrize('top_k, kept', [(1, [2]), (2, [2, 0]), (3, [2, 0, 1]), (9, [2, 0, 1])])
def test_top_k_counts_all_classes_together(top_k, kept):
    """And after suppression, so that a crowd does not use it up."""
    boxes = [A, APART, A, A, A]
    assert run(boxes, [0.8, 0.2, 0.9, 0.7, 0.6], [1, 2, 0, 0, 0], 0.5, top_k) == kept


@pytest.mark.parametrize('box', [(5, 5, 5, 5), (5, 5, 5, 9), (9, 9, 1, 1), (9, 1, 1, 9)])
def test_boxes_without_area_suppress_nothing(box):
    """Empty and inside out; neither a real box nor another one like them elsewhere."""
    there = tuple(v + 100 for v in box)
    assert run([box, A, there, APART], [0.9, 0.8, 0.7, 0.6]) == [0, 1, 2, 3]


@pytest.mark.parametrize('shift', [0, -5000, 8000])
@pytest.mark.parametrize('classes', [1, 3, 500])
@pytest.mark.parametrize('threshold', [0.0, 0.3, 0.7, 1.0])
def test_random_boxes_agree_with_the_oracle(threshold, classes, shift):
    """Also far outside of the picture, and with many equal scores."""
    rng = np.random.default_rng([classes, int(threshold * 10)])
    corner = rng.uniform(0, 300, (400, 2))
    boxes = np.float32(np.hstack([corner, corner + rng.uniform(0.5, 120, (400, 2))]) + shift)
    scores, ids = rng.integers(0, 50, 400) / 50, rng.integers(0, classes, 400)
    order = {(float(s), int(c), tuple(map(float, b))): i
             for i, (s, c, b) in enumerate(zip(scores, ids, boxes))}
    expected = [order[c] for c in oracle.nms(list(order), threshold, 100)]
    assert run(boxes, scores, ids, threshold) == expected


@pytest.mark.parametrize('top_k', [1, 10, 300, 9000])
def test_a_look_at_the_best_finds_what_a_look_at_all_finds(top_k):
    """Also when the best thousands are one crowd, of which few are kept."""
    rng = np.random.default_rng(7)
    crowd = np.float32([100, 100, 200, 200]) + rng.normal(0, 1, (5000, 4))
    corner = rng.uniform(0, 600, (4000, 2))
    apart = np.hstack([corner, corner + rng.uniform(5, 20, (4000, 2))])
    boxes = np.float32(np.vstack([crowd, apart]))
    scores = np.linspace(1, 0.1, len(boxes))
    ids = rng.integers(0, 3, len(boxes))
    assert run(boxes, scores, ids, 0.6, top_k) == \
        _kept(boxes.copy(), ids, 0.6)[:top_k].tolist()


def test_an_inverted_box_of_another_class_suppresses_nothing():
    """Its left edge is left of the span of all right ones."""
    boxes = [(0, 0, 50, 10), (51, 0, 50, 10), (0, 0, -5, 10)]
    assert run(boxes, [0.9, 0.8, 0.7], [0, 0, 1]) == [0, 1, 2]


@pytest.mark.parametrize('far', [1e6, 1e20, 3e38])
def test_a_wild_box_does_not_cost_the_others_their_precision(far):
    """Boxes of a class are moved apart by the span of all boxes."""
    boxes = [A, HALF, (-far, -far, far, far), APART, A]
    assert run(boxes, [0.9, 0.8, 0.7, 0.6, 0.5], [9, 9, 3, 9, 9], 0.4) == [0, 2, 3]


def test_inputs_are_not_modified():
    """They are views of somebody's arrays."""
    boxes, scores = np.float32([A, HALF, APART]), np.array([0.1, 0.5, 0.3])
    copies = boxes.copy(), scores.copy()
    run(boxes, scores)
    nms(boxes, scores, np.zeros(3, np.intp), 0.5, 10)
    np.testing.assert_array_equal(boxes, copies[0])
    np.testing.assert_array_equal(scores, copies[1])

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

"""NaN, infinities and extreme values in the heads: nothing of it leaves, nothing else suffers."""
import warnings

import numpy as np
import oracle
import pytest
from yolo12_ros.postprocess import HeadFormat, pair_heads, PostProcessor, Settings

BAD = [np.nan, np.inf, -np.inf]
FORM = HeadFormat(6, 16, (8, 16))


def model(reg_max=16, seed=5, **settings):
    """Return (PostProcessor, tensors, levels)."""
    form = HeadFormat(6, reg_max, (8, 16))
    tensors, infos, levels = oracle.random_heads(np.random.default_rng(seed), (64, 32), (8, 16),
                                                 6, reg_max)
    settings = Settings(**{'score_threshold': 0.2, 'nms_threshold': 0.6, **settings})
    return PostProcessor(pair_heads(infos, (64, 32), form)[0], form, settings), tensors, levels


def check(post, tensors, levels, reg_max=16):
    """Compare with the oracle; NumPy must not complain either."""
    s = post.settings
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        found = post(tensors)
    expected = oracle.detect(tensors, levels, reg_max, s.score_threshold, s.nms_threshold,
                             s.nms_top_k, multi_label=s.multi_label)
    oracle.assert_same(found, expected)
    for values in (found.boxes, found.scores):
        assert np.isfinite(values).all()
    return found


@pytest.mark.parametrize('threshold', [0.0, 0.2, 1.0])
@pytest.mark.parametrize('multi_label', [False, True])
@pytest.mark.parametrize('bad', BAD)
def test_single_class_values(bad, multi_label, threshold):
    """A class value that is not finite counts as absent; the anchor's other classes stay."""
    post, tensors, levels = model(score_threshold=threshold, multi_label=multi_label)
    rng = np.random.default_rng(1)
    for tensor in tensors[::2]:
        tensor[rng.random(tensor.shape) < 0.2] = bad
    tensors[0][0, 1, 1] = bad           # no class is left
    check(post, tensors, levels)


@pytest.mark.parametrize('multi_label', [False, True])
@pytest.mark.parametrize('bad', BAD)
def test_single_box_values(bad, multi_label):
    """A box row with one value that is not finite drops its candidate, and only it."""
    post, tensors, levels = model(multi_label=multi_label)
    before = len(check(post, tensors, levels))
    rng = np.random.default_rng(2)
    for tensor in tensors[1::2]:
        tensor[rng.random(tensor.shape) < 0.005] = bad
    assert 0 < len(check(post, tensors, levels)) < before


@pytest.mark.parametrize('bad', BAD)
@pytest.mark.parametrize('which', [slice(0, None, 2), slice(1, None, 2), slice(None)])
@pytest.mark.parametrize('threshold', [0.0, 0.2])
def test_nothing_finite_gives_nothing(bad, which, threshold):
    """Whole tensors of it."""
    post, tensors, levels = model(score_threshold=threshold)
    for tensor in tensors[which]:
        tensor[:] = bad
    assert len(check(post, tensors, levels)) == 0


@pytest.mark.parametrize('reg_max', [1, 8, 16])
def test_mixture(reg_max):
    """All kinds at once."""
    rng = np.random.default_rng(3)
    for seed in range(5):
        post, tensors, levels = model(reg_max, seed, score_threshold=0.05)
        for tensor in tensors:
            for bad in BAD:
                tensor[rng.random(tensor.shape) < 0.01] = bad
        check(post, tensors, levels, reg_max)


@pytest.mark.parametrize('spread', [30, 60, 100, 1e4, 1e37])
def test_box_rows_far_below_others(spread):
    """A softmax does not change when a row is shifted, however far below the others it lies."""
    post, tensors, levels = model(seed=8)
    tensors[1][0, ::2] += np.float32(spread)
    tensors[3][0, 0] -= np.float32(spread)
    check(post, tensors, levels)


@pytest.mark.parametrize('value', [np.finfo(np.float32).max, np.finfo(np.float32).min])
def test_largest_float(value):
    """Sums that overflow do not drop rows that are finite."""
    post, tensors, levels = model(seed=9)
    tensors[0][0, 0, 0, 3] = value
    tensors[1][0, :, ::3, 5] = value
    check(post, tensors, levels)


def test_box_that_overflows_is_dropped():
    """With reg_max 1 a finite distance may leave float32 in pixels."""
    post, tensors, levels = model(1)
    tensors[0][0, 1, 2] = 5
    before = len(post(tensors))
    tensors[1][0, 1, 2, 2] = 3e38
    found = post(tensors)
    assert np.isfinite(found.boxes).all() and before - 1 <= len(found)


def test_wild_boxes_do_not_disturb_the_others():
    """With reg_max 1 a box may be inside out or huge; NMS of the others must not notice."""
    post, tensors, levels = model(1, seed=4, nms_threshold=0.3)
    tensors[0][0, 0, 0, 2] = 20
    tensors[1][0, 0, 0] = -30           # inside out
    tensors[0][0, 3, 3, 5] = 19
    tensors[1][0, 3, 3] = 1e25          # huge
    expected = oracle.detect(tensors, levels, 1, 0.2, 0.3, 300)
    found = post(tensors)
    assert len(found) == len(expected)
    np.testing.assert_allclose(found.boxes, np.float32([e[2] for e in expected]), rtol=1e-5,
                               atol=1e-3)

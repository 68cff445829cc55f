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

"""Decoding: the recordings of a real model, and random heads against the oracle."""
import numpy as np
import oracle
import pytest
from recorded_heads import CROWD, GRIDS, IMAGE_IDS, load_heads, reference
from yolo12_ros.backends import TensorInfo
from yolo12_ros.errors import ConfigError
from yolo12_ros.letterbox import Letterbox
from yolo12_ros.postprocess import HeadFormat, pair_heads, PostProcessor, Settings


def sigmoid(x):
    """Return the score of float32 logits to the last bit; math.exp may differ in it."""
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def processor(infos, input_size, form, **settings):
    """Return a PostProcessor for a model's descriptions."""
    return PostProcessor(pair_heads(infos, input_size, form)[0], form, Settings(**settings))


def recorded(image_id, int32=False, **settings):
    """Return (PostProcessor, tensors, levels of the oracle) of a recording."""
    tensors, scales = load_heads(image_id, int32)
    infos = [TensorInfo(f'output{i}', t.shape, t.dtype, s)
             for i, (t, s) in enumerate(zip(tensors, scales))]
    levels = [(640 // g, 2 * i, 2 * i + 1, None, scales[2 * i + 1]) for i, g in enumerate(GRIDS)]
    return processor(infos, (640, 640), HeadFormat(), **settings), tensors, levels


def recorded_letterbox(entry):
    """Return the Letterbox that the recording was made with; its picture need not lie even."""
    letterbox = Letterbox(tuple(entry['image_wh']), (640, 640))
    recorded_at = entry['letterbox']['dx'], entry['letterbox']['dy']
    if entry['image_wh'][0] % 2 == entry['image_wh'][1] % 2 == 0 and not recorded_at[1] % 2:
        assert (letterbox.offset, letterbox.scale) == (recorded_at, (1, 1))
    object.__setattr__(letterbox, 'offset', recorded_at)
    object.__setattr__(letterbox, 'scale', (entry['letterbox']['scale'],) * 2)
    return letterbox


@pytest.mark.parametrize('image_id', IMAGE_IDS)
@pytest.mark.parametrize('int32, threshold, key', [
    (False, 0.25, 'thr25'), (False, 0.001, 'thr001'), (True, 0.25, 's32_thr25')])
def test_recordings_give_the_reference(image_id, int32, threshold, key):
    """The same detections as a float64 decoder has recorded, in model and source pixels."""
    entry = reference()[image_id]
    post, tensors, _ = recorded(image_id, int32, score_threshold=threshold)
    found = post(tensors)
    wanted = entry[key]
    expected = list(zip(wanted['score'], wanted['cls'], wanted['xyxy_net']))
    oracle.assert_same(found, expected, 0.01, 1e-5)
    source = type(found)(recorded_letterbox(entry).invert(found.boxes), found.scores,
                         found.class_ids)
    expected = list(zip(wanted['score'], wanted['cls'], wanted['xyxy']))
    oracle.assert_same(source, expected, 0.01, 1e-5)


@pytest.mark.parametrize('image_id', IMAGE_IDS)
def test_int32_recordings_agree_with_the_oracle_at_a_low_threshold(image_id):
    """No reference is recorded for this pair, so the oracle decides."""
    post, tensors, levels = recorded(image_id, True, score_threshold=0.001)
    oracle.assert_same(post(tensors), oracle.detect(tensors, levels, 16, 0.001, 0.7, 300))


def test_recording_through_padded_tensors():
    """Rows with padding, as the BPU aligns them, change nothing."""
    post, tensors, _ = recorded(CROWD)
    expected = post(tensors)
    padded = [np.full((t.shape[0], t.shape[1], t.shape[2] + 3, t.shape[3] + 16), 99, t.dtype)
              for t in tensors]
    for p, t in zip(padded, tensors):
        p[:, :, :t.shape[2], :t.shape[3]] = t
    found = post([p[:, :, :t.shape[2], :t.shape[3]] for p, t in zip(padded, tensors)])
    for name in ('boxes', 'scores', 'class_ids'):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


# input size, strides, class_num, reg_max
MODELS = [
    ((64, 64), (8, 16, 32), 80, 16),
    ((96, 64), (8, 16, 32), 64, 8),         # not square
    ((64, 96), (8, 16, 32), 64, 16),        # class and box tensors of the same shape
    ((64, 64), (16, 32), 1, 16),
    ((128, 64), (8, 16, 32, 64), 1, 1),
    ((64, 32), (4, 8), 80, 1),
    ((32, 32), (8, 32), 1, 8),
]
KINDS = [('float32', 'float32'), ('float32', 'int32'), ('float32', 'int32/1'), ('int8', 'int8'),
         ('int8/1', 'int16/1'), ('int16', 'int32'), ('int32', 'int32'), ('float16', 'float16')]


@pytest.mark.parametrize('class_kind, box_kind', KINDS)
@pytest.mark.parametrize('input_size, strides, class_num, reg_max', MODELS)
def test_random_heads_agree_with_the_oracle(input_size, strides, class_num, reg_max, class_kind,
                                            box_kind):
    """Every model size, class count, reg_max, list of strides and element type."""
    rng = np.random.default_rng([*input_size, class_num, reg_max, *map(ord, class_kind)])
    tensors, infos, levels = oracle.random_heads(rng, input_size, strides, class_num, reg_max,
                                                 class_kind, box_kind)
    form = HeadFormat(class_num, reg_max, strides)
    before = [t.copy() for t in tensors]
    for multi_label, classes, threshold in ((False, None, 0.3), (True, None, 0.3),
                                            (False, {0, 2, 5}, 0.05), (True, {0, 63}, 0.01),
                                            (False, None, 0.001)):
        post = processor(infos, input_size, form, score_threshold=threshold, nms_threshold=0.5,
                         nms_top_k=40, multi_label=multi_label,
                         classes=None if classes is None else frozenset(classes))
        expected = oracle.detect(tensors, levels, reg_max, threshold, 0.5, 40,
                                 multi_label=multi_label, classes=classes)
        oracle.assert_same(post(tensors), expected)
    for tensor, copy in zip(tensors, before):
        np.testing.assert_array_equal(tensor, copy)


@pytest.mark.parametrize('class_kind, box_kind', [('float32', 'int32'), ('int8', 'int8/1')])
def test_box_before_class(class_kind, box_kind):
    """The order of a model's outputs is of no importance, nor that they are read-only."""
    rng = np.random.default_rng(7)
    tensors, infos, levels = oracle.random_heads(rng, (96, 64), (8, 16, 32), 20, 16, class_kind,
                                                 box_kind, box_first=True)
    for tensor in tensors:
        tensor.flags.writeable = False
    post = processor(infos, (96, 64), HeadFormat(20), score_threshold=0.3)
    expected = oracle.detect(tensors, levels, 16, 0.3, 0.7, 300)
    assert expected
    oracle.assert_same(post(tensors), expected)


def small(seed=3, **settings):
    """Return (PostProcessor, tensors, levels) of a small float model with ten classes."""
    rng = np.random.default_rng(seed)
    tensors, infos, levels = oracle.random_heads(rng, (64, 64), (8, 16), 10, 16)
    settings = {'nms_top_k': 5000, **settings}
    return processor(infos, (64, 64), HeadFormat(10, 16, (8, 16)), **settings), tensors, levels


@pytest.mark.parametrize('multi_label', [False, True])
def test_no_candidates(multi_label):
    """An empty result has the shapes and types of any other."""
    post, tensors, _ = small(multi_label=multi_label)
    for tensor in tensors:
        tensor[:] = -20
    oracle.assert_same(post(tensors), [])


@pytest.mark.parametrize('multi_label', [False, True])
@pytest.mark.parametrize('iou_threshold', [0.0, 0.7, 1.0])
def test_threshold_zero_keeps_all_candidates(multi_label, iou_threshold):
    """A score can be as low as it likes; NMS with 1 suppresses nothing."""
    post, tensors, levels = small(score_threshold=0, nms_threshold=iou_threshold,
                                  multi_label=multi_label)
    expected = oracle.detect(tensors, levels, 16, 0, iou_threshold, 5000, multi_label=multi_label)
    if iou_threshold == 1:
        assert len(expected) == (64 + 16) * (10 if multi_label else 1)
    oracle.assert_same(post(tensors), expected)


@pytest.mark.parametrize('multi_label', [False, True])
def test_all_candidates_above_the_threshold(multi_label):
    """More hits than the finder jumps through one by one."""
    post, tensors, levels = small(multi_label=multi_label, nms_threshold=1.0)
    for _, class_index, *_ in levels:
        tensors[class_index] += 10
    oracle.assert_same(post(tensors), oracle.detect(tensors, levels, 16, 0.25, 1.0, 5000,
                                                    multi_label=multi_label))


@pytest.mark.parametrize('class_kind', ['float32', 'int8', 'int32/1'])
@pytest.mark.parametrize('multi_label', [False, True])
def test_large_class_tensors(class_kind, multi_label):
    """Few and many hits anywhere in 90 x 160 cells, from the first to the last."""
    rng = np.random.default_rng(6)
    tensors, infos, levels = oracle.random_heads(rng, (640, 360), (4, 8), 20, 1, class_kind)
    post = processor(infos, (640, 360), HeadFormat(20, 1, (4, 8)), score_threshold=0.5,
                     nms_threshold=0.3, multi_label=multi_label)
    drawn = [tensors[0].reshape(-1, 20).copy(), tensors[2].reshape(-1, 20).copy()]
    some = rng.integers(0, 3600, 30)
    for chosen in ([0], [-1], [0, -1], some, range(60), range(3500, 3600), range(40, 200, 2)):
        for rows, tensor in zip(drawn, tensors[::2]):
            flat = tensor.reshape(-1, 20)
            for part in range(0, len(flat), 3600):
                flat[part:part + 3600] = -abs(rows[part:part + 3600])
                places = part + np.array(chosen)
                flat[places] = rows[places]
                flat[places, part // 3600] = abs(rows).max()
        expected = oracle.detect(tensors, levels, 1, 0.5, 0.3, 300, multi_label=multi_label)
        assert expected
        oracle.assert_same(post(tensors), expected)


@pytest.mark.parametrize('multi_label', [False, True])
def test_threshold_one(multi_label):
    """Only a score that is 1 in float64 reaches it."""
    post, tensors, _ = small(score_threshold=1, multi_label=multi_label)
    assert len(post(tensors)) == 0
    tensors[0][0, 2, 3, 4] = 50
    found = post(tensors)
    assert (found.class_ids.tolist(), found.scores.tolist()) == ([4], [1.0])


@pytest.mark.parametrize('multi_label', [False, True])
@pytest.mark.parametrize('logit', [-6.9, -1.1, -1.0986122, 0.0, 0.4054651, 3.3, 12.125])
def test_score_equal_to_the_threshold_is_kept(logit, multi_label):
    """Score >= threshold keeps, and the next number above does not."""
    post, tensors, _ = small(multi_label=multi_label)
    tensors[0][:], tensors[2][:] = -50, -50
    tensors[0][0, 5, 6, 7] = logit
    threshold = sigmoid(np.float32([logit]))[0]
    post.settings = Settings(threshold, multi_label=multi_label)
    assert post(tensors).class_ids.tolist() == [7]
    post.settings = Settings(np.nextafter(threshold, 1), multi_label=multi_label)
    assert len(post(tensors)) == 0


@pytest.mark.parametrize('dtype', ['int8', 'int16', 'int32'])
@pytest.mark.parametrize('q', [-128, -3, 0, 5, 127])
def test_quantised_score_equal_to_the_threshold_is_kept(dtype, q):
    """The threshold in raw values must not round a class away."""
    infos = [TensorInfo('c', (1, 2, 2, 3), np.dtype(dtype), np.float32([0.1, 0.025, 0.3])),
             TensorInfo('b', (1, 2, 2, 64), np.dtype('float32'))]
    tensors = [np.full((1, 2, 2, 3), np.iinfo(dtype).min, dtype), np.zeros((1, 2, 2, 64), 'f4')]
    tensors[0][0, 1, 1, 1] = q
    score = sigmoid(np.float32([q]) * np.float32(0.025))[0]
    post = processor(infos, (64, 64), HeadFormat(3, 16, (32,)), score_threshold=score)
    ids = post(tensors).class_ids.tolist()
    assert 1 in ids and (q == -128 or ids == [1])


def test_settings_change_between_frames():
    """A new Settings takes effect with the next frame."""
    post, tensors, levels = small()
    for threshold in (0.25, 0.6, 0.01, 0.25):
        post.settings = Settings(threshold, 0.5, 20)
        oracle.assert_same(post(tensors), oracle.detect(tensors, levels, 16, threshold, 0.5, 20))


def test_results_are_not_overwritten_by_the_next_frame():
    """The processor's own buffers stay its own."""
    post, tensors, _ = small()
    first = post(tensors)
    copy = first.boxes.copy(), first.scores.copy()
    post([t + 1 for t in tensors])
    np.testing.assert_array_equal(first.boxes, copy[0])
    np.testing.assert_array_equal(first.scores, copy[1])


@pytest.mark.parametrize('settings, words', [
    ({'score_threshold': -0.1}, ['score_threshold', '-0.1', '0 to 1']),
    ({'score_threshold': float('nan')}, ['score_threshold', 'nan', '0 to 1']),
    ({'nms_threshold': 1.5}, ['nms_threshold', '1.5', '0 to 1']),
    ({'nms_top_k': 0}, ['nms_top_k', '0', 'at least 1']),
])
def test_settings_out_of_range(settings, words):
    """The error names field, value and range."""
    with pytest.raises(ConfigError) as e:
        Settings(**settings)
    assert all(word in str(e.value) for word in words)

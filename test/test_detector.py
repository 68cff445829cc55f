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

"""One frame through a model that gives recorded or random heads."""
from pathlib import Path
import threading
import tracemalloc

import cv2
import numpy as np
import oracle
import pytest
from recorded_heads import CROWD, load_heads, reference
from yolo12_ros.backends import TensorInfo
from yolo12_ros.backends.threaded import ThreadedModel
from yolo12_ros.config import Config
from yolo12_ros.detector import Detector
from yolo12_ros.errors import BackendError, InferenceTimeout, ModelError
from yolo12_ros.images import decode_image, Nv12Image
from yolo12_ros.labels import COCO_NAMES
from yolo12_ros.postprocess import HeadFormat, Settings


class Canned(ThreadedModel):
    """Gives the same tensors for every picture; `hook` is called with the input before."""

    name, backend = 'canned', 'none'

    def __init__(self, tensors, infos, input_size, slots=1):
        self.tensors, self.outputs, self.input_size = tensors, tuple(infos), input_size
        self.hook = lambda nv12: None
        super().__init__(slots)

    def run(self, nv12):
        """Infer."""
        self.hook(nv12)
        return self.tensors


def configuration(form=HeadFormat(), settings=Settings()):
    """Return a Config that no file stands behind."""
    return Config(Path('none.json'), Path('none.onnx'), '', COCO_NAMES[:form.class_num], form,
                  settings)


@pytest.fixture
def random_model():
    """Return (model, its configuration, expected [(score, class, box in model pixels)])."""
    form = HeadFormat(5, 8, (8, 16))
    tensors, infos, levels = oracle.random_heads(np.random.default_rng(0), (96, 64), (8, 16), 5, 8)
    expected = oracle.detect(tensors, levels, 8, 0.25, 0.7, 300)
    assert len(expected) > 20
    with Canned(tensors, infos, (96, 64)) as model:
        yield model, configuration(form), expected


def grey(width, height):
    """Return a uniform picture."""
    return Nv12Image.from_bgr(np.full((height, width, 3), 100, np.uint8))


# mode, source size, then scale and offset by hand
GEOMETRY = [
    ('letterbox', (96, 64), (1, 1), (0, 0)), ('letterbox', (192, 64), (0.5, 0.5), (0, 16)),
    ('letterbox', (32, 64), (1, 1), (32, 0)), ('top_left', (192, 64), (0.5, 0.5), (0, 0)),
    ('stretch', (192, 64), (0.5, 1), (0, 0)), ('stretch', (48, 640), (2, 0.1), (0, 0)),
]


@pytest.mark.parametrize('mode, size, scale, offset', GEOMETRY)
def test_boxes_in_source_pixels(random_model, mode, size, scale, offset):
    """Each mode, against geometry done by hand; clipped to the picture."""
    model, config, expected = random_model
    result = Detector(model, config, mode).detect(grey(*size), 5)
    by_hand = [(s, c, np.clip((np.array(box) - offset * 2) / (scale * 2), 0, size * 2))
               for s, c, box in expected]
    inside = [row for row in by_hand if (row[2][2:] > row[2][:2]).all()]    # not in the padding
    assert (len(inside) < len(by_hand)) == (offset != (0, 0) or mode == 'top_left')
    oracle.assert_same(result.detections, inside, 0.01)
    assert list(result.times) == ['letterbox', 'infer', 'postprocess']
    assert all(0 <= t < 5 for t in result.times.values())


def test_recorded_heads():
    """The whole way, on a real model's heads."""
    tensors, _ = load_heads(CROWD)
    entry = reference()[CROWD]
    infos = [TensorInfo(f'output{i}', t.shape, t.dtype) for i, t in enumerate(tensors)]
    with Canned(tensors, infos, (640, 640)) as model:
        detector = Detector(model, configuration())
        assert [h.stride for h in detector.heads] == [8, 16, 32] and detector.notes == []
        found = detector.detect(grey(*entry['image_wh']), 5).detections
    wanted = entry['thr25']
    oracle.assert_same(found, list(zip(wanted['score'], wanted['cls'], wanted['xyxy'])), 0.01,
                       1e-5)


def test_cameras_of_different_sizes_in_turn(random_model):
    """The geometry kept from the last frame is not used for another size."""
    model, config, _ = random_model
    detector = Detector(model, config)
    alone = {size: Detector(model, config).detect(grey(*size), 5).detections.boxes
             for size in ((96, 64), (640, 480), (63, 65))}
    for size in [*alone, *reversed(list(alone)), *alone]:
        boxes = detector.detect(grey(*size), 5).detections.boxes
        np.testing.assert_array_equal(boxes, alone[size])
    out = np.empty(96 * 64 * 3 // 2, np.uint8)
    image = grey(640, 480)
    assert detector.preprocess(image, out) is detector.preprocess(image, out)


def test_settings_take_effect_with_the_next_frame(random_model):
    """Thresholds and class filter."""
    model, config, expected = random_model
    detector = Detector(model, config)
    assert detector.settings == config.settings
    image = grey(96, 64)
    before = len(detector.detect(image, 5).detections)
    detector.settings = Settings(0.25, classes=frozenset({1, 3}))
    found = detector.detect(image, 5).detections
    assert sorted(found.class_ids) == sorted(c for _, c, _ in expected if c in (1, 3))
    detector.settings = Settings(1.0)
    assert len(detector.detect(image, 5).detections) == 0
    detector.settings = config.settings
    assert len(detector.detect(image, 5).detections) == before


def test_a_model_that_does_not_fit(random_model):
    """Said at the start, not at the first frame."""
    with pytest.raises(ModelError, match='"class_num" should be 5'):
        Detector(random_model[0], configuration(HeadFormat(4, 8, (8, 16))))


def test_a_failed_frame_does_not_harm_the_next(random_model):
    """The only slot comes back after errors of the library and of the caller."""
    model, config, expected = random_model
    detector = Detector(model, config)

    def fail(nv12):
        raise ValueError('no memory on the chip')
    model.hook = fail
    for _ in range(3):
        with pytest.raises(BackendError, match='no memory on the chip'):
            detector.detect(grey(96, 64), 1)
        with pytest.raises(AttributeError):
            detector.detect(None, 1)
    model.hook = lambda nv12: None
    assert len(detector.detect(grey(96, 64), 1).detections) == len(expected)


def test_a_late_frame_does_not_harm_the_next(random_model):
    """A timeout is an error of its frame only."""
    model, config, expected = random_model
    detector = Detector(model, config)
    inputs = []

    def slow(nv12):
        inputs.append(nv12)
        if len(inputs) == 1:
            late.wait(5)
    late = threading.Event()
    model.hook = slow
    with pytest.raises(InferenceTimeout):
        detector.detect(grey(96, 64), 0.02)
    late.set()
    assert len(detector.detect(grey(96, 64), 5).detections) == len(expected)
    assert len(inputs) == 2


@pytest.mark.parametrize('step', [640, 704])
def test_nv12_of_the_models_size_is_copied_once(monkeypatch, step):
    """From the message into the backend's input: no resize, no conversion, no other copy."""
    tensors, infos, _ = oracle.random_heads(np.random.default_rng(0), (640, 480), (32,), 1, 1)
    rng = np.random.default_rng(1)
    message = rng.integers(0, 256, step * 720, np.uint8)

    def forbidden(*_, **__):
        raise AssertionError('a conversion or a copy')
    for name in ('resize', 'cvtColor', 'cvtColorTwoPlane', 'copyMakeBorder', 'merge'):
        monkeypatch.setattr(cv2, name, forbidden)
    with Canned(tensors, infos, (640, 480)) as model:
        detector = Detector(model, configuration(HeadFormat(1, 1, (32,))))
        inputs, slots = [], [model.acquire(0)]
        model.hook = inputs.append
        model.release(slots[0])
        tracemalloc.start()
        image = decode_image('nv12', 640, 480, step, message)
        detector.detect(image, 5)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert np.shares_memory(image.y, message) and np.shares_memory(image.uv, message)
    assert np.shares_memory(inputs[0], slots[0].input)
    np.testing.assert_array_equal(inputs[0].reshape(720, 640), message.reshape(720, step)[:, :640])
    assert peak < 640 * 720 // 4

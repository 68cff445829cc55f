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

"""Geometry of the model input, and its application to NV12."""
import tracemalloc

import cv2
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from yolo12_ros.errors import ConfigError
from yolo12_ros.images import Nv12Image
from yolo12_ros.letterbox import Letterbox, MODES

SIDES = st.one_of(st.integers(1, 16), st.integers(1, 2000), st.sampled_from([1, 4319, 4320, 7680]))
SOURCES = st.tuples(SIDES, SIDES)
MODELS = st.sampled_from([(640, 640), (640, 384), (320, 640), (96, 64), (2, 2)])
MODE = st.sampled_from(list(MODES))
SIZES = [(1, 1), (3, 5), (17, 4), (64, 64), (63, 65), (640, 480), (480, 640), (641, 359), (1, 300)]


def picture(width, height, luma=200, u=60, v=90):
    """Return a uniform NV12 picture."""
    uv = np.empty(((height + 1) // 2, (width + 1) // 2, 2), np.uint8)
    uv[...] = u, v
    return Nv12Image(np.full((height, width), luma, np.uint8), uv)


def apply(letterbox, image):
    """Return (whole buffer, luma, chroma) of a model input that held garbage before."""
    w, h = letterbox.model_size
    guarded = np.full(w * h * 3 // 2 + 32, 77, np.uint8)
    buffers = []
    for garbage in (0, 255):
        out = guarded[16:-16]
        out[:] = garbage
        letterbox.apply(image, out)
        assert (guarded[:16] == 77).all() and (guarded[-16:] == 77).all()
        buffers.append(out.copy())
    np.testing.assert_array_equal(*buffers)         # every byte was written
    out = buffers[0]
    return out, out[:w * h].reshape(h, w), out[w * h:].reshape(h // 2, w // 2, 2)


@given(SOURCES, MODELS, MODE, st.data())
@settings(max_examples=300, deadline=None)
def test_inverse_is_within_half_a_source_pixel(source, model, mode, data):
    """For boxes anywhere in the picture, up to 8K."""
    letterbox = Letterbox(source, model, mode)
    xs = sorted(data.draw(st.floats(0, source[0], width=32)) for _ in range(2))
    ys = sorted(data.draw(st.floats(0, source[1], width=32)) for _ in range(2))
    box = np.float32([[xs[0], ys[0], xs[1], ys[1]]])
    there = letterbox.forward(box)
    assert there.dtype == np.float32
    (x, y), (w, h) = letterbox.offset, letterbox.size
    assert (there >= np.float32([x, y, x, y]) - 1e-3).all()
    assert (there <= np.float32([x + w, y + h] * 2) + 1e-3).all()
    back = letterbox.invert(there)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, box, atol=0.5, rtol=0)


@given(SOURCES, MODELS, MODE,
       st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4))
@settings(max_examples=200, deadline=None)
def test_boxes_never_leave_the_picture(source, model, mode, box):
    """Whatever a model says."""
    given_boxes = np.float32([box])
    inverted = Letterbox(source, model, mode).invert(given_boxes)
    assert (inverted >= 0).all() and (inverted <= np.float32(source * 2)).all()
    np.testing.assert_array_equal(given_boxes, np.float32([box]))       # not modified


@given(SOURCES, MODELS, MODE)
@settings(max_examples=300, deadline=None)
def test_geometry(source, model, mode):
    """Even places, inside of the model input, as large as fits, aspect ratio kept where said."""
    letterbox = Letterbox(source, model, mode)
    (x, y), (w, h), (mw, mh) = letterbox.offset, letterbox.size, model
    assert x % 2 == y % 2 == w % 2 == h % 2 == 0
    assert min(w, h) >= 2 and min(x, y) >= 0 and x + w <= mw and y + h <= mh
    assert w == mw or h == mh
    assert letterbox.scale == (w / source[0], h / source[1])
    if mode == 'stretch':
        assert (letterbox.offset, letterbox.size) == ((0, 0), model)
    else:
        ratio = min(mw / source[0], mh / source[1])
        assert all(abs(n - max(2, s * ratio)) <= 1 for n, s in zip((w, h), source))
    if mode == 'letterbox':
        assert 0 <= mw - w - 2 * x <= 2 and 0 <= mh - h - 2 * y <= 2
    elif mode == 'top_left':
        assert (x, y) == (0, 0)


def test_no_boxes():
    """An empty result goes through."""
    letterbox = Letterbox((640, 480), (640, 640))
    empty = np.empty((0, 4), np.float32)
    assert letterbox.invert(empty).shape == letterbox.forward(empty).shape == (0, 4)


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('size', SIZES)
def test_apply_writes_every_byte(size, mode):
    """The picture inside, grey around it, nothing left of what was there before."""
    letterbox = Letterbox(size, (96, 64), mode)
    _, luma, chroma = apply(letterbox, picture(*size))
    (x, y), (w, h) = letterbox.offset, letterbox.size
    inside = np.zeros_like(luma, bool)
    inside[y:y + h, x:x + w] = True
    assert (luma[inside] == 200).all() and (luma[~inside] == 127).all()
    inside = inside[::2, ::2]
    assert (chroma[inside] == (60, 90)).all() and (chroma[~inside] == 128).all()


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('size', [(640, 480), (480, 640), (641, 359), (1920, 1080), (200, 100)])
def test_content_lands_where_forward_says(size, mode):
    """A bright and coloured rectangle, looked for in luma and chroma."""
    letterbox = Letterbox(size, (320, 256), mode)
    w, h = size
    box = [w // 4 // 2 * 2, h // 5 // 2 * 2, w // 2 // 2 * 2, h * 3 // 4 // 2 * 2]
    image = picture(w, h, 16, 128, 128)
    image.y[box[1]:box[3], box[0]:box[2]] = 235
    image.uv[box[1] // 2:box[3] // 2, box[0] // 2:box[2] // 2] = 240
    _, luma, chroma = apply(letterbox, image)
    expected = letterbox.forward(np.float32([box]))[0]
    for plane, threshold, step in ((luma, 200, 1), (chroma[..., 0], 200, 2)):
        ys, xs = np.nonzero(plane > threshold)
        found = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) * step
        np.testing.assert_allclose(found, expected, atol=step)


@pytest.mark.parametrize('mode', MODES)
def test_identity_copies_exactly(mode):
    """A picture of the model's size is not resampled."""
    rng = np.random.default_rng(0)
    image = Nv12Image(rng.integers(0, 256, (64, 96), np.uint8),
                      rng.integers(0, 256, (32, 48, 2), np.uint8))
    letterbox = Letterbox((96, 64), (96, 64), mode)
    assert letterbox.scale == (1, 1) and letterbox.offset == (0, 0)
    out, _, _ = apply(letterbox, image)
    assert out.tobytes() == image.tobytes()


def test_padded_and_read_only_source():
    """Views on a message with padded rows are sources too."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 256, (50, 128), np.uint8)
    uv = rng.integers(0, 256, (25, 64, 2), np.uint8)
    y.flags.writeable = uv.flags.writeable = False
    for size in ((100, 50), (96, 50)):
        letterbox = Letterbox(size, (96, 64))
        columns = size[0] // 2
        view = Nv12Image(y[:, :size[0]], uv[:, :columns])
        tight = Nv12Image(np.ascontiguousarray(view.y), np.ascontiguousarray(view.uv))
        np.testing.assert_array_equal(apply(letterbox, view)[0], apply(letterbox, tight)[0])


@pytest.mark.parametrize('source, resizes', [((640, 640), 0), ((1280, 720), 2)])
def test_no_copy_but_the_one_into_the_input(monkeypatch, source, resizes):
    """Each plane is written once, straight into the buffer given."""
    image, letterbox = picture(*source), Letterbox(source, (640, 640))
    out = np.empty(640 * 640 * 3 // 2, np.uint8)
    targets = []
    resize = cv2.resize
    monkeypatch.setattr(cv2, 'resize', lambda *a, **k: (targets.append(k['dst']), resize(*a, **k)))
    letterbox.apply(image, out)
    tracemalloc.start()
    letterbox.apply(image, out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < out.size // 20
    assert len(targets) == 2 * resizes and all(np.shares_memory(t, out) for t in targets)


@pytest.mark.parametrize('arguments, words', [
    (((640, 480), (640, 640), 'fill'), ["'fill'", 'letterbox', 'top_left', 'stretch']),
    (((0, 480), (640, 640)), ['0x480', '640x640', 'positive']),
    (((640, -1), (640, 640)), ['640x-1', 'positive']),
    (((640, 480), (640, 0)), ['640x0', 'even']),
    (((640, 480), (641, 640)), ['641x640', 'even']),
])
def test_impossible_geometry(arguments, words):
    """The error names what came and what is expected."""
    with pytest.raises(ConfigError) as e:
        Letterbox(*arguments)
    assert all(word in str(e.value) for word in words)

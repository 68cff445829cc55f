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

"""Each raw encoding against an independent conversion; views; refusals."""
import array
import tracemalloc

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from yolo12_ros.errors import ImageError
from yolo12_ros.images import COMPRESSED, decode_image, ENCODINGS, Nv12Image

RAW = [name for name in ENCODINGS if name not in COMPRESSED]
COLOUR = {'bgr8': 'bgr', 'rgb8': 'rgb', 'bgra8': 'bgra', 'rgba8': 'rgba'}
SIZES = [(1, 1), (1, 2), (2, 1), (3, 5), (5, 3), (2, 2), (16, 8), (17, 9), (640, 4)]


def bt601(rgb):
    """Return (y, u, v) float of full range RGB 0..255 by ITU-R BT.601, limited range."""
    r, g, b = np.moveaxis(np.float64(rgb) / 255, -1, 0)
    return (16 + 65.481 * r + 128.553 * g + 24.966 * b,
            128 - 37.797 * r - 74.203 * g + 112.0 * b,
            128 + 112.0 * r - 93.786 * g - 18.214 * b)


def smooth(width, height):
    """Return an RGB picture whose colour changes slowly, so that chroma may be sampled anyhow."""
    y, x = np.mgrid[:height, :width] / max(width, height, 100)
    return np.stack([40 + 150 * x, 200 - 120 * y, 30 + 90 * (x + y)], -1).round().astype(np.uint8)


def average(plane):
    """Return means of 2 x 2 pixels; the last column and row of odd sizes stand for themselves."""
    h, w = plane.shape
    plane = np.pad(plane, ((0, h % 2), (0, w % 2)), 'edge')
    return plane.reshape(plane.shape[0] // 2, 2, plane.shape[1] // 2, 2).mean((1, 3))


def encode(encoding, rgb):
    """Return the tight rows (H, bytes) of a picture in an encoding, and the planes expected."""
    h, w = rgb.shape[:2]
    y, u, v = bt601(rgb)
    planes = y, np.stack([average(u), average(v)], -1)
    if encoding in COLOUR:
        channels = {'r': rgb[..., 0], 'g': rgb[..., 1], 'b': rgb[..., 2],
                    'a': np.full((h, w), 7, np.uint8)}
        return np.stack([channels[c] for c in COLOUR[encoding]], -1).reshape(h, -1), planes
    if encoding == 'mono8':
        return rgb[..., 1], (16 + rgb[..., 1] * (219 / 255), np.full_like(planes[1], 128))
    columns = w + w % 2
    packed = np.zeros((h, columns, 2), np.uint8)
    luma = int(encoding == 'yuv422')
    packed[:, :w, luma] = y.round()
    for i, plane in enumerate((u, v)):
        even = np.pad(plane, ((0, 0), (0, w % 2)), 'edge').reshape(h, columns // 2, 2).mean(2)
        packed[:, i::2, 1 - luma] = even.round()
    return packed.reshape(h, -1), planes


def padded(rows, padding):
    """Return bytes of rows with garbage between them, none after the last one."""
    data = np.full((rows.shape[0], rows.shape[1] + padding), 0xA5, np.uint8)
    data[:, :rows.shape[1]] = rows
    return data.tobytes()[:data.size - padding]


@pytest.mark.parametrize('padding', [None, 0, 1, 24])
@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('encoding', [e for e in RAW if e != 'nv12'])
def test_encodings_agree_with_bt601(encoding, size, padding):
    """Within two grey levels; step 0, tight and padded rows, any size."""
    rows, (y, uv) = encode(encoding, smooth(*size))
    step = 0 if padding is None else rows.shape[1] + padding
    image = decode_image(encoding, *size, step, padded(rows, padding or 0))
    assert image.size == size
    assert image.y.dtype == image.uv.dtype == np.uint8
    assert image.uv.shape == uv.shape
    np.testing.assert_allclose(image.y, y, atol=2)
    np.testing.assert_allclose(image.uv, uv, atol=2)


@pytest.mark.parametrize('rgb, nv12', [
    ((0, 0, 0), (16, 128, 128)), ((255, 255, 255), (235, 128, 128)), ((255, 0, 0), (81, 90, 240)),
    ((0, 255, 0), (145, 54, 34)), ((0, 0, 255), (41, 240, 110)),
    ((128, 128, 128), (126, 128, 128)),
])
@pytest.mark.parametrize('encoding', COLOUR)
def test_pure_colours(encoding, rgb, nv12):
    """No channel is exchanged, and black and white end at 16 and 235; and back again."""
    rows, _ = encode(encoding, np.full((4, 6, 3), rgb, np.uint8))
    image = decode_image(encoding, 6, 4, 0, rows.tobytes())
    np.testing.assert_allclose(image.y, nv12[0], atol=1)
    np.testing.assert_allclose(image.uv, np.broadcast_to(nv12[1:], (2, 3, 2)), atol=1)
    np.testing.assert_allclose(image.to_bgr(), np.broadcast_to(rgb[::-1], (4, 6, 3)), atol=3)


@pytest.mark.parametrize('size', SIZES)
def test_bgr_round_trip(size):
    """A drawn picture has the size and, nearly, the colours of the source."""
    bgr = smooth(*size)[..., ::-1]
    back = Nv12Image.from_bgr(np.ascontiguousarray(bgr)).to_bgr()
    assert back.shape == bgr.shape and back.flags.c_contiguous and back.flags.writeable
    np.testing.assert_allclose(back.astype(int), bgr, atol=8)


@pytest.mark.parametrize('padding', [None, 0, 6])
@pytest.mark.parametrize('size', SIZES)
def test_nv12_planes_are_views(size, padding):
    """Every byte where the layout says, none copied, rows padded or not."""
    (w, h), step = size, 0 if padding is None else size[0] + size[0] % 2 + padding
    row, chroma_row = step or w, step or w + w % 2
    data = np.arange(h * row + (h + 1) // 2 * chroma_row, dtype=np.uint32).astype(np.uint8)
    image = decode_image('nv12', w, h, step, data.tobytes())
    for y in range(h):
        np.testing.assert_array_equal(image.y[y], data[y * row:y * row + w])
    for y in range((h + 1) // 2):
        at = h * row + y * chroma_row
        np.testing.assert_array_equal(image.uv[y].reshape(-1), data[at:at + w + w % 2])
    image = decode_image('nv12', w, h, step, data)
    assert image.size == size
    assert np.shares_memory(image.y, data) and np.shares_memory(image.uv, data)
    assert image.to_bgr().shape == (h, w, 3)
    assert len(image.tobytes()) == h * (w + w % 2) + (h + 1) // 2 * (w + w % 2)


def test_nv12_costs_no_copy():
    """Decoding a frame allocates nothing of its size."""
    data = bytes(1920 * 1080 * 3 // 2)
    tracemalloc.start()
    image = decode_image('nv12', 1920, 1080, 1920, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10000
    assert image.uv.shape == (540, 960, 2)


@pytest.mark.parametrize('make', [bytes, bytearray, memoryview, lambda b: array.array('B', b),
                                  lambda b: np.frombuffer(b, np.uint8)],
                         ids=['bytes', 'bytearray', 'memoryview', 'array', 'ndarray'])
@pytest.mark.parametrize('encoding', RAW)
def test_buffers(encoding, make):
    """What rclpy hands over (array.array) and read-only buffers, unchanged afterwards."""
    data = np.random.default_rng(0).integers(0, 256, 8 * 6 * 4, np.uint8).tobytes()
    buffer = make(data)
    image = decode_image(encoding, 8, 6, 0, buffer)
    expected = decode_image(encoding, 8, 6, 0, data)
    np.testing.assert_array_equal(image.y, expected.y)
    np.testing.assert_array_equal(image.uv, expected.uv)
    assert bytes(buffer) == data


def test_encoding_names_in_any_case():
    """Drivers write them as they like."""
    data = bytes(range(12))
    assert decode_image(' BGR8 ', 2, 2, 6, data).size == (2, 2)


@pytest.mark.parametrize('encoding', RAW)
@pytest.mark.parametrize('size', [(2, 2), (5, 3), (16, 8)])
def test_one_byte_short(encoding, size):
    """The least number of bytes is enough, one less is not; the error says both numbers."""
    (w, h), step = size, 80
    tight = ENCODINGS[encoding][0](w)
    need = step * (h - 1) + tight
    if encoding == 'nv12':
        need = step * h + step * ((h + 1) // 2 - 1) + w + w % 2
    assert decode_image(encoding, w, h, step, bytes(need)).size == size
    for data in (bytes(need - 1), b''):
        with pytest.raises(ImageError) as e:
            decode_image(encoding, w, h, step, data)
        text = str(e.value)
        assert 'truncated' in text and str(len(data)) in text and 'expected at least' in text


@pytest.mark.parametrize('encoding, size, step, words', [
    ('bgr8', (640, 480), 1919, ['bgr8', '640', '1919', 'at least 1920']),
    ('bgr8', (640, 480), 640, ['step is 640', '1920']),
    ('rgba8', (4, 4), 15, ['16']),
    ('yuv422', (5, 4), 11, ['12']),
    ('mono8', (5, 4), 4, ['5']),
    ('nv12', (5, 4), -1, ['-1']),
    ('bgr8', (0, 480), 0, ['0x480', 'no pixels']),
    ('nv12', (640, 0), 640, ['640x0', 'no pixels']),
    ('mono8', (-4, 4), 0, ['-4x4', 'no pixels']),
    ('bayer_rggb8', (4, 4), 0, ["'bayer_rggb8'", 'not supported', *ENCODINGS]),
    ('', (4, 4), 0, ["''", 'not supported', *ENCODINGS]),
    ('bgr8', (2 ** 32 - 1, 2 ** 32 - 1), 0, ['truncated', '921600']),
    ('nv12', (2 ** 31, 2 ** 31), 2 ** 31, ['truncated', '921600']),
])
def test_refusals(encoding, size, step, words):
    """The error names what came and what is expected."""
    with pytest.raises(ImageError) as e:
        decode_image(encoding, *size, step, bytes(921600))
    assert all(word in str(e.value) for word in words)


SMALL = st.integers(-2, 70)
ANY = st.one_of(SMALL, st.integers(-2 ** 31, 2 ** 32))


@given(st.one_of(st.sampled_from(list(ENCODINGS)), st.text(max_size=12)),
       ANY, ANY, ANY, st.one_of(st.binary(max_size=300), st.integers(0, 20000).map(bytes)))
@settings(max_examples=400, deadline=None)
def test_any_header_gives_a_picture_or_an_image_error(encoding, width, height, step, data):
    """A message from the network may say anything."""
    try:
        image = decode_image(encoding, width, height, step, data)
    except ImageError:
        return
    w, h = image.size
    assert image.uv.shape == ((h + 1) // 2, (w + 1) // 2, 2)
    assert encoding.strip().lower() in COMPRESSED or (w, h) == (width, height)

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

"""JPEG and PNG in memory and in files: pictures, refusals and hostile headers."""
import struct
import tracemalloc
import zlib

import cv2
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from yolo12_ros.errors import ImageError
from yolo12_ros.images import decode_compressed, decode_file, decode_image, Nv12Image

EXIF_ROTATED = (b'\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03'
                b'\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00')


def picture(width=64, height=48):
    """Return a BGR picture with slow gradients."""
    y, x = np.mgrid[:height, :width] / max(width, height)
    return np.stack([255 * x, 255 * y, 128 + 0 * x], -1).astype(np.uint8)


def encoded(suffix='.jpg', bgr=None, *parameters):
    """Return the bytes of a file."""
    return cv2.imencode(suffix, picture() if bgr is None else bgr, parameters)[1].tobytes()


def resized_header(jpeg, width, height):
    """Return the JPEG with another size in its frame header."""
    at = jpeg.index(b'\xff\xc0') + 5
    return jpeg[:at] + struct.pack('>HH', height, width) + jpeg[at + 4:]


def png_of(width, height, rows):
    """Return a PNG whose header says width x height, with some rows of black."""
    def chunk(name, body):
        return struct.pack('>I', len(body)) + name + body + \
            struct.pack('>I', zlib.crc32(name + body))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0,
                                                             0, 0)) + \
        chunk(b'IDAT', zlib.compress(bytes(rows * (1 + 3 * width)))) + chunk(b'IEND', b'')


@pytest.mark.parametrize('data', [
    encoded(), encoded('.png'), encoded('.jpg', None, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    encoded('.jpg', None, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
], ids=['jpeg', 'png', 'progressive', 'restarts'])
@pytest.mark.parametrize('make', [bytes, bytearray, memoryview])
def test_pictures(data, make):
    """The colours of the source, whatever the format."""
    image = decode_compressed(make(data))
    assert image.size == (64, 48)
    np.testing.assert_allclose(image.to_bgr().astype(int), picture(), atol=14)


@pytest.mark.parametrize('name', ['jpeg', 'JPG', 'png'])
def test_as_an_encoding_of_raw_images(name):
    """TROS sends JPEG in sensor_msgs/Image; the header's size and step are not looked at."""
    image = decode_image(name, 0, 0, 0, encoded())
    assert image.size == (64, 48)


@pytest.mark.parametrize('size', [(1, 1), (3, 5), (17, 8), (8, 17)])
@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_odd_sizes(suffix, size):
    """Chroma planes are rounded up."""
    image = decode_compressed(encoded(suffix, picture(*size)))
    assert image.size == size
    assert image.uv.shape == ((size[1] + 1) // 2, (size[0] + 1) // 2, 2)


@pytest.mark.parametrize('bgr', [picture()[..., 0], np.dstack([picture(), picture()[..., 0]]),
                                 picture().astype(np.uint16) * 257], ids=['grey', 'alpha', '16'])
def test_other_pixel_formats(bgr):
    """Grey, with alpha, and of 16 bits."""
    assert decode_compressed(encoded('.png', bgr)).size == (64, 48)


def test_orientation_is_not_applied():
    """Boxes stay in the file's pixels."""
    jpeg = encoded()
    assert decode_compressed(jpeg[:2] + EXIF_ROTATED + jpeg[2:]).size == (64, 48)


@pytest.mark.parametrize('data, words', [
    (b'', ['0 bytes', 'neither JPEG nor PNG', 'nothing']),
    (b'\xff', ['neither']),
    (b'\x89PNG', ['neither', '89504e47']),
    (b'GIF89a' + bytes(100), ['106 bytes', 'neither JPEG nor PNG', '474946383961']),
    (encoded('.bmp'), ['neither']),
    (b'\xff\xd8', ['JPEG of 2 bytes', 'cut off']),
    (b'\xff\xd8\xff\xd9', ['4 bytes', 'corrupt', 'no size']),
    (encoded()[:-2], ['cut off', 'end marker']),
    (encoded()[:200], ['cut off']),
    (encoded()[:30] + b'\xff\xd9', ['32 bytes', 'corrupt']),
    (encoded('.png')[:60], ['PNG of 60 bytes', 'cut off']),
    (encoded('.png')[:-1], ['cut off']),
    (b'\x89PNG\r\n\x1a\n', ['PNG of 8 bytes', 'cut off']),
    (b'\x89PNG\r\n\x1a\n' + bytes(4) + b'IEND' + bytes(4), ['PNG of 20 bytes', 'cut off']),
    (b'\xff\xd8' + bytes(1000) + b'\xff\xd9', ['1004 bytes', 'corrupt']),
])
def test_refusals(data, words):
    """The error says what came and what is wrong with it."""
    with pytest.raises(ImageError) as e:
        decode_compressed(data)
    assert all(word in str(e.value) for word in words)


@pytest.mark.parametrize('data', [
    resized_header(encoded(), 20000, 20000), resized_header(encoded(), 65535, 65535),
    resized_header(encoded(), 65500, 8000), png_of(20000, 20000, 2), png_of(2 ** 31 - 1, 1, 0),
    png_of(60000, 60000, 1),
], ids=['20000', '65535', 'wide', 'png 20000', 'png line', 'png 60000'])
@pytest.mark.parametrize('where', ['memory', 'file'])
def test_a_huge_size_with_little_data(tmp_path, data, where):
    """A few hundred bytes must not cost gigabytes; the error says the size."""
    tracemalloc.start()
    with pytest.raises(ImageError, match=r'bytes is corrupt: its header says \d+x\d+ pixels'):
        if where == 'memory':
            decode_compressed(data)
        else:
            (tmp_path / 'huge.jpg').write_bytes(data)
            decode_file(tmp_path / 'huge.jpg')
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


@pytest.mark.parametrize('bgr', [np.zeros((2000, 3000, 3), np.uint8),
                                 np.full((4320, 7680), 255, np.uint8)], ids=['black', '8K grey'])
@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_plain_pictures_compress_well_and_are_accepted(suffix, bgr):
    """A dark camera's picture is small for its size, and no attack."""
    parameters = (cv2.IMWRITE_JPEG_QUALITY, 5, cv2.IMWRITE_JPEG_OPTIMIZE, 1,
                  cv2.IMWRITE_JPEG_PROGRESSIVE, 1) if suffix == '.jpg' else ()
    assert decode_compressed(encoded(suffix, bgr, *parameters)).size == bgr.shape[1::-1]


@pytest.mark.parametrize('content', [None, b'', b'hello', encoded()[:-500][:40]])
def test_files_that_are_no_pictures(tmp_path, content):
    """The error names the file."""
    file = tmp_path / 'picture.jpg'
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ImageError) as e:
        decode_file(file)
    assert str(file) in str(e.value)


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp'])
def test_files(tmp_path, suffix):
    """The same picture as from memory; a path may be a string."""
    file = tmp_path / f'picture{suffix}'
    file.write_bytes(encoded(suffix))
    for path in (file, str(file)):
        np.testing.assert_allclose(decode_file(path).to_bgr().astype(int), picture(), atol=14)
    assert decode_file(file).size == Nv12Image.from_bgr(picture()).size


JPEG, PNG = encoded(), encoded('.png')


@given(st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda b: b'\xff\xd8' + b + b'\xff\xd9'),
    st.binary(max_size=200).map(lambda b: b'\x89PNG\r\n\x1a\n' + b),
    st.tuples(st.sampled_from([JPEG, PNG]), st.integers(0, 1000), st.binary(max_size=8)).map(
        lambda t: t[0][:t[1]] + t[2] + t[0][t[1] + len(t[2]):])))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_a_picture_or_an_image_error(data):
    """A message from the network may hold anything."""
    try:
        image = decode_compressed(data)
    except ImageError:
        return
    assert min(image.size) >= 1


def test_a_jpeg_with_long_padding_is_whole():
    jpeg = cv2.imencode('.jpg', np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    assert decode_compressed(jpeg + bytes(3 * len(jpeg))).size == (64, 48)
    with pytest.raises(ImageError, match='cut off'):
        decode_compressed(jpeg[:-2] + bytes(3 * len(jpeg)))

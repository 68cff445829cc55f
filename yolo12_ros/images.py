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

"""Camera encodings to NV12 planes: views on the message where possible, one table of encodings."""
from dataclasses import dataclass
import struct
from typing import Callable, Dict, Optional, Tuple

import cv2
import numpy as np

from .errors import ImageError

PICTURE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp')


@dataclass(frozen=True)
class Nv12Image:
    """
    A picture in NV12, BT.601 limited range, as cameras and OpenCV produce it.

    y: uint8 (H, W), 16..235.
    uv: uint8 (ceil(H / 2), ceil(W / 2), 2), U then V, 16..240, 128 is grey.
    Both may be views with padded rows; nothing here writes to them.
    """

    y: np.ndarray
    uv: np.ndarray

    @property
    def size(self) -> Tuple[int, int]:
        """Return (width, height) in pixels."""
        return self.y.shape[1], self.y.shape[0]

    @classmethod
    def from_bgr(cls, bgr: np.ndarray) -> 'Nv12Image':
        """Convert a uint8 (H, W, 3) BGR picture of any size."""
        return _from_colour(bgr, cv2.COLOR_BGR2YUV_I420)

    def to_bgr(self) -> np.ndarray:
        """Return a new uint8 (H, W, 3) BGR picture."""
        w, h = self.size
        y = cv2.copyMakeBorder(self.y, 0, h % 2, 0, w % 2, cv2.BORDER_REPLICATE) \
            if w % 2 or h % 2 else self.y
        bgr = cv2.cvtColorTwoPlane(y, self.uv, cv2.COLOR_YUV2BGR_NV12)
        return np.ascontiguousarray(bgr[:h, :w])

    def tobytes(self) -> bytes:
        """Return the tight NV12 buffer; rows of an odd width get one byte of padding."""
        w, h = self.size
        y = np.zeros((h, w + w % 2), np.uint8)
        y[:, :w] = self.y
        return y.tobytes() + self.uv.tobytes()


def nv12_planes(buffer: np.ndarray, size: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    """Return y and uv, as above, of uint8 (W * H * 3 / 2,) NV12; (width, height) are even."""
    w, h = size
    return buffer[:w * h].reshape(h, w), buffer[w * h:].reshape(h // 2, w // 2, 2)


def nv12_to_rgb(buffer: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """Convert such a buffer to uint8 (H, W, 3) RGB: what calibration and ONNX models see."""
    return cv2.cvtColorTwoPlane(*nv12_planes(buffer, size), cv2.COLOR_YUV2RGB_NV12)


def decode_image(encoding: str, width: int, height: int, step: int, data) -> Nv12Image:
    """
    Turn the content of a sensor_msgs/Image into NV12 planes.

    encoding: a key of ENCODINGS.  step: bytes from row to row, 0 for tight rows.  data: a buffer.
    nv12 planes are views on `data`; the others are converted.

    Raises ImageError, with what was expected and what came.
    """
    name = encoding.strip().lower()
    if name not in ENCODINGS:
        raise ImageError(f'encoding {encoding!r} is not supported: use one of '
                         f'{", ".join(ENCODINGS)}')
    if name in COMPRESSED:
        return decode_compressed(data)
    if width < 1 or height < 1:
        raise ImageError(f'{encoding} image of {width}x{height} pixels: it has no pixels')
    row_bytes, convert = ENCODINGS[name]
    tight = row_bytes(width)
    if step and step < tight:
        raise ImageError(f'{encoding} image of width {width}: step is {step}, '
                         f'expected at least {tight} bytes (or 0 for tight rows)')
    return convert(np.frombuffer(data, np.uint8), width, height, step or tight)


def decode_compressed(data) -> Nv12Image:
    """
    Decode a JPEG or PNG file in memory.

    The orientation in a JPEG's metadata is not applied, so that boxes stay in the file's pixels.
    Raises ImageError.
    """
    data = np.frombuffer(data, np.uint8)
    # Cameras pad after the end marker; one in the first half would be that of a thumbnail.
    head, tail = data[:8].tobytes(), data[data.size // 2:].tobytes()
    if head[:2] != JPEG and head != _PNG:
        raise ImageError(f'compressed image of {data.size} bytes is neither JPEG nor PNG: '
                         f'it starts with {head.hex() or "nothing"}')
    if head[:2] == JPEG and b'\xff\xd9' not in tail and not _marker_then_zeros(data):
        raise ImageError(f'JPEG of {data.size} bytes is cut off: its end marker is missing')
    return Nv12Image.from_bgr(_decode(data))


def _marker_then_zeros(data: np.ndarray) -> bool:
    """Return whether the end marker is followed by nothing but zeros, however many."""
    return data.tobytes().rstrip(b'\0').endswith(b'\xff\xd9')


def decode_file(path) -> Nv12Image:
    """Decode a JPEG, PNG or other picture file that OpenCV reads.  Raises ImageError."""
    return Nv12Image.from_bgr(read_bgr(path))


def read_bgr(path) -> np.ndarray:
    """Return uint8 (H, W, 3) BGR of a picture file, not turned.  Raises ImageError."""
    try:
        return _decode(np.fromfile(str(path), np.uint8))
    except OSError as e:
        raise ImageError(f'{path} cannot be read: {e.strerror}') from e
    except ImageError as e:
        raise ImageError(f'{path} is not a picture that OpenCV can read: {e}') from e


JPEG, _PNG = b'\xff\xd8', b'\x89PNG\r\n\x1a\n'
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}      # markers that hold the size
# No picture packs more: a JPEG holds at least a bit for a block of 64, a PNG shrinks 1032 times.
_PIXELS_PER_BYTE = 10000


def _decode(data: np.ndarray) -> np.ndarray:
    """Return BGR of a picture file in memory; its header may not say more than its data can."""
    size = _header_size(data)
    if size and size[0] * size[1] > _PIXELS_PER_BYTE * data.size:
        raise ImageError(f'compressed image of {data.size} bytes is corrupt: its header says '
                         f'{size[0]}x{size[1]} pixels')
    try:
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as e:
        raise ImageError(f'compressed image of {data.size} bytes cannot be decoded: {e}') from e
    if bgr is None:
        raise ImageError(f'compressed image of {data.size} bytes is corrupt: OpenCV cannot '
                         'decode it')
    return bgr


def _header_size(data: np.ndarray) -> Optional[Tuple[int, int]]:
    """Return (width, height) of a JPEG or PNG, None for other formats.  Raises ImageError."""
    head = data[:8].tobytes()
    if head == _PNG:
        _check_chunks(data)
        return struct.unpack_from('>II', data, 16)
    if head[:2] != JPEG:
        return None
    at = 2
    while at + 9 <= data.size and data[at] == 0xFF:
        marker = int(data[at + 1])
        if marker in _JPEG_FRAMES:
            return struct.unpack_from('>HH', data, at + 5)[::-1]
        # 0xFF is a fill byte; a segment's length counts its own two bytes
        at += 1 if marker == 0xFF else 2 + struct.unpack_from('>H', data, at + 2)[0]
    raise ImageError(f'JPEG of {data.size} bytes is corrupt: its header has no size')


def _check_chunks(data: np.ndarray) -> None:
    """Check that the chunks of a PNG lie in it: OpenCV allocates whatever a length says."""
    at, name = 8, b''
    while name != b'IEND':
        length, name = struct.unpack_from('>I4s', data, at) if at + 12 <= data.size else (0, b'')
        at += 12 + length
        if not name or max(at, 24) > data.size:     # the size ends at 24
            raise ImageError(f'PNG of {data.size} bytes is cut off: its last chunk is missing')


def _rows(data: np.ndarray, offset: int, rows: int, row_bytes: int, step: int) -> np.ndarray:
    """Return a (rows, row_bytes) view from `offset` on; the last row needs no padding."""
    need = offset + (rows - 1) * step + row_bytes
    if data.size < need:
        raise ImageError(f'the frame is truncated: it has {data.size} bytes, '
                         f'expected at least {need} ({rows} rows of step {step})')
    return np.ndarray((rows, row_bytes), np.uint8, data, offset, (step, 1))


def _half(n: int) -> int:
    return (n + 1) // 2


def _nv12(data, width, height, step) -> Nv12Image:
    chroma_bytes = 2 * _half(width)
    chroma_step = max(step, chroma_bytes)     # an odd tight width: luma rows are one byte shorter
    y = _rows(data, 0, height, width, step)
    uv = _rows(data, height * step, _half(height), chroma_bytes, chroma_step)
    return Nv12Image(y, uv.reshape(_half(height), _half(width), 2))


def _from_colour(picture: np.ndarray, code: int) -> Nv12Image:
    h, w = picture.shape[:2]
    if h % 2 or w % 2:
        picture = cv2.copyMakeBorder(picture, 0, h % 2, 0, w % 2, cv2.BORDER_REPLICATE)
    rows, columns = picture.shape[:2]
    i420 = cv2.cvtColor(picture, code).reshape(-1)
    u, v = i420[rows * columns:].reshape(2, rows // 2, columns // 2)
    return Nv12Image(i420[:rows * columns].reshape(rows, columns)[:h, :w], cv2.merge((u, v)))


def _colour(channels: int, code: int):
    def convert(data, width, height, step):
        rows = _rows(data, 0, height, channels * width, step)
        return _from_colour(rows.reshape(height, width, channels), code)
    return (lambda width: channels * width), convert


def _mono8(data, width, height, step) -> Nv12Image:
    grey = _rows(data, 0, height, width, step)
    y = cv2.convertScaleAbs(grey, alpha=219 / 255, beta=16)     # full range to limited range
    return Nv12Image(y, np.full((_half(height), _half(width), 2), 128, np.uint8))


def _yuv422(luma: int):
    """4:2:2 packed; luma is the channel of Y, the other one holds U and V in turn."""
    def convert(data, width, height, step):
        columns = width + width % 2
        packed = _rows(data, 0, height, 2 * columns, step).reshape(height, columns, 2)
        y = cv2.extractChannel(packed, luma)[:, :width]
        chroma = cv2.extractChannel(packed, 1 - luma).reshape(height, columns // 2, 2)
        uv = cv2.resize(chroma, (columns // 2, _half(height)), interpolation=cv2.INTER_LINEAR)
        return Nv12Image(y, uv)
    return (lambda width: 4 * _half(width)), convert


COMPRESSED = ('jpeg', 'jpg', 'png')
# encoding: (bytes of a tight row for a width, converter).  nv12 and jpeg are TROS's additions to
# sensor_msgs/image_encodings.hpp.
ENCODINGS: Dict[str, Tuple[Callable[[int], int], Callable]] = {
    'nv12': (lambda width: width, _nv12),
    'bgr8': _colour(3, cv2.COLOR_BGR2YUV_I420),
    'rgb8': _colour(3, cv2.COLOR_RGB2YUV_I420),
    'bgra8': _colour(4, cv2.COLOR_BGRA2YUV_I420),
    'rgba8': _colour(4, cv2.COLOR_RGBA2YUV_I420),
    'mono8': (lambda width: width, _mono8),
    'yuv422': _yuv422(luma=1),          # U Y V Y
    'yuv422_yuy2': _yuv422(luma=0),     # Y U Y V
    **{name: (lambda width: 0, None) for name in COMPRESSED},
}

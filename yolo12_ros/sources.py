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

"""Pictures, folders, videos, cameras and network streams as one sequence of frames."""
from functools import cached_property, partial
import os
from pathlib import Path
import re
import time
from typing import Callable, Iterator, List, Optional

import cv2
import numpy as np

from .errors import ImageError
from .images import JPEG, PICTURE_SUFFIXES, read_bgr

STREAM = re.compile(r'^(rtsp|rtmp|http|https|udp)://', re.IGNORECASE)
OPEN_TIMEOUT_MS = READ_TIMEOUT_MS = 5000
BACK_OFF = (0.5, 1.0, 2.0, 4.0, 8.0)    # seconds before each further try to reopen a stream


class SourceFrame:
    """
    One frame: bgr uint8 (H, W, 3), and the JPEG file that it came from, if it did.

    read: gives bgr; called when somebody wants it.
    """

    def __init__(self, name: str, read: Callable[[], np.ndarray], jpeg: Optional[bytes] = None):
        self.name = name
        self.jpeg = jpeg
        self._read = read

    @cached_property
    def bgr(self) -> np.ndarray:
        """Return the pixels.  Raises ImageError for a file that is no picture."""
        return self._read()


class PictureSource:
    """Picture files, in order.  length: how many.  live: False, the reader sets the pace."""

    live = False
    rate = 1.0

    def __init__(self, paths: List[Path]):
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def names(self) -> List[str]:
        """Return the files' names, in order."""
        return [path.name for path in self._paths]

    def frames(self) -> Iterator[SourceFrame]:
        """Yield each picture.  Raises ImageError for one that cannot be read."""
        for path in self._paths:
            is_jpeg = path.suffix.lower() in ('.jpg', '.jpeg')
            try:
                jpeg = path.read_bytes() if is_jpeg else None
            except OSError as e:
                raise ImageError(f'{path} cannot be read: {e.strerror}') from e
            if jpeg is not None and jpeg[:2] != JPEG:   # named so only: let the reader say it
                jpeg = None
            yield SourceFrame(path.name, partial(read_bgr, path), jpeg)


class VideoSource:
    """
    A video file or a camera device.

    rate: frames a second as the file says, 30 if it does not.  live: a device sets the pace
    itself.  Raises ImageError if it cannot be opened.
    """

    def __init__(self, name: str, device: bool = False):
        self.live = device
        self._name = name
        self._capture = cv2.VideoCapture(_device_number(name) if device else name)
        if not self._capture.isOpened():
            raise ImageError(f'{name} cannot be opened as a {"camera" if device else "video"}: '
                             'check the path, the permissions and that no one else uses it')
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= 1000 else 30.0

    def __len__(self) -> int:
        return 0 if self.live else max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def frames(self) -> Iterator[SourceFrame]:
        """Read to the end; a second call starts a file again."""
        if not self.live:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
        stem = Path(self._name).stem
        for number in range(10 ** 9):
            ok, bgr = self._capture.read()
            if not ok:
                if self.live:
                    raise ImageError(f'{self._name} gives no more frames: was it unplugged?')
                return
            yield SourceFrame(f'{stem}_{number:06d}', lambda bgr=bgr: bgr)


class StreamSource:
    """
    A network camera (RTSP and what else FFmpeg opens); a broken stream is opened again.

    on_state(text): called when the stream breaks ('' once it runs again).  stopped(): asked while
    waiting, ends the frames.
    """

    live = True
    rate = 30.0

    def __init__(self, url: str, on_state: Callable[[str], None] = lambda text: None,
                 stopped: Callable[[], bool] = lambda: False):
        self._url = url
        self._on_state = on_state
        self._stopped = stopped

    def __len__(self) -> int:
        return 0

    def frames(self) -> Iterator[SourceFrame]:
        """Yield frames until stopped, across any number of breaks."""
        number, attempt = 0, 0
        while not self._stopped():
            capture = cv2.VideoCapture(self._url, cv2.CAP_FFMPEG, [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS])
            ok, bgr = capture.read()
            if ok:
                attempt = 0
                self._on_state('')
            while ok and not self._stopped():
                yield SourceFrame(f'frame_{number:06d}', lambda bgr=bgr: bgr)
                number += 1
                ok, bgr = capture.read()
            capture.release()
            if self._stopped():
                return
            pause = BACK_OFF[min(attempt, len(BACK_OFF) - 1)]
            attempt += 1
            self._on_state(f'stream {without_password(self._url)} gives no frames: '
                           f'try {attempt} to reopen it in {pause:g} s')
            self._sleep(pause)

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._stopped():
            time.sleep(0.05)


def open_source(name: str, on_state: Callable[[str], None] = lambda text: None,
                stopped: Callable[[], bool] = lambda: False):
    """
    Open a picture, a folder of pictures, a video, a device (/dev/video0 or 0) or a stream URL.

    Returns a source with frames(), rate, live and len (0: unknown).  Raises ImageError.
    """
    if STREAM.match(name):
        return StreamSource(name, on_state, stopped)
    path = Path(name).expanduser()
    if name.isdigit() or name.startswith('/dev/video') or name and path.is_char_device():
        return VideoSource(name, device=True)
    if name and path.is_dir():
        return PictureSource(picture_files([path]))
    if not path.is_file():
        raise ImageError(f'{name or "the source"} does not exist: give a picture, a folder, a '
                         'video, a device such as /dev/video0 or a stream such as rtsp://...')
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return PictureSource([path])
    return VideoSource(str(path))


def picture_files(paths: List[Path]) -> List[Path]:
    """Return the picture files among files and folders, sorted within a folder; or ImageError."""
    files: List[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
            if not inside:
                raise ImageError(f'folder {path} holds no picture ({", ".join(PICTURE_SUFFIXES)})')
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise ImageError(f'{path} does not exist')
    return files


def without_password(name: str) -> str:
    """Return a source's name for logs and topics: a stream's without user and password."""
    return re.sub(r'//[^/?#]*@', '//', name) if STREAM.match(name) else name


def _device_number(name: str):
    """Return the number of a V4L2 device, which OpenCV wants; udev's names are links to it."""
    number = re.fullmatch(r'(?:/dev/video)?(\d+)',
                          name if name.isdigit() else os.path.realpath(name))
    return int(number[1]) if number else name

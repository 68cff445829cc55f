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
"""Pictures, folders, videos, devices and streams as frames."""
import tempfile

import cv2
import numpy as np
import pytest

from yolo12_ros import sources
from yolo12_ros.errors import ImageError
from yolo12_ros.sources import open_source, picture_files, StreamSource


def picture(value, size=(32, 48)):
    return np.full((*size, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with three pictures and something else."""
    for i, name in enumerate(('b.jpg', 'a.png', 'c.jpeg')):
        cv2.imwrite(str(tmp_path / name), picture(50 * i))
    (tmp_path / 'notes.txt').write_text('no picture')
    return tmp_path


def test_folder(folder):
    source = open_source(str(folder))
    frames = list(source.frames())
    assert [f.name for f in frames] == source.names == ['a.png', 'b.jpg', 'c.jpeg']
    assert len(source) == 3 and not source.live
    assert frames[0].jpeg is None and frames[1].jpeg == (folder / 'b.jpg').read_bytes()
    assert [f.name for f in source.frames()] == source.names       # again from the start


def test_picture(folder):
    frame, = open_source(str(folder / 'a.png')).frames()
    assert frame.bgr.shape == (32, 48, 3) and frame.bgr[0, 0].tolist() == [50, 50, 50]


def test_video(tmp_path):
    path = str(tmp_path / 'video.avi')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'MJPG'), 12.0, (48, 32))
    for i in range(7):
        writer.write(picture(30 * i))
    writer.release()
    source = open_source(path)
    assert len(source) == 7 and source.rate == pytest.approx(12.0) and not source.live
    values = [f.bgr.mean() for f in source.frames()]
    np.testing.assert_allclose(values, [30 * i for i in range(7)], atol=3)
    assert len(list(source.frames())) == 7


@pytest.mark.parametrize('name, words', [
    ('', 'does not exist: give a picture'), ('/nowhere.jpg', '/nowhere.jpg does not exist'),
    ('/dev/video99', 'cannot be opened as a camera')])
def test_errors(name, words):
    with pytest.raises(ImageError, match=words):
        open_source(name)


def test_a_picture_whose_header_lies_is_not_allocated(tmp_path):
    path = tmp_path / 'x.jpg'
    cv2.imwrite(str(path), np.full((16, 16, 3), 90, np.uint8))
    jpeg = bytearray(path.read_bytes())
    at = jpeg.index(b'\xff\xc0') + 5
    jpeg[at:at + 4] = b'\x75\x30\x75\x30'      # 30000 x 30000
    path.write_bytes(jpeg)
    with pytest.raises(ImageError, match='corrupt'):
        next(open_source(str(path)).frames()).bgr


@pytest.mark.parametrize('name, number', [
    ('0', 0), ('/dev/video2', 2), ('/dev/video_rear2', '/dev/video_rear2'),
    ('/dev/video-cam-0', '/dev/video-cam-0')])
def test_the_number_of_a_device(name, number):
    assert sources._device_number(name) == number


def test_a_link_to_a_device_is_one(tmp_path):
    (tmp_path / 'by-id').symlink_to('/dev/null')
    with pytest.raises(ImageError, match='cannot be opened as a camera'):
        open_source(str(tmp_path / 'by-id'))


def test_what_only_has_the_name_of_a_jpeg_is_not_passed_on(tmp_path):
    (tmp_path / 'a.jpg').write_text('<html>404')
    frame = next(open_source(str(tmp_path / 'a.jpg')).frames())
    assert frame.jpeg is None
    with pytest.raises(ImageError, match='is not a picture'):
        frame.bgr


def test_files_in_shared_memory_are_files():
    with tempfile.TemporaryDirectory(dir='/dev/shm') as folder:
        cv2.imwrite(f'{folder}/a.png', picture(50))
        assert open_source(f'{folder}/a.png').names == open_source(folder).names == ['a.png']


@pytest.mark.parametrize('url, shown', [
    ('rtsp://me:secret@10.0.0.2:554/a@b', 'rtsp://10.0.0.2:554/a@b'),
    ('rtsp://me:se@ret@host/x', 'rtsp://host/x'), ('http://host/x', 'http://host/x'),
    ('/data//cam@1/a@b.jpg', '/data//cam@1/a@b.jpg')])
def test_passwords_are_not_shown(url, shown):
    assert sources.without_password(url) == shown


def test_files_that_are_no_pictures(tmp_path):
    (tmp_path / 'x.jpg').write_text('no picture')
    (tmp_path / 'x.mp4').write_text('no video')
    with pytest.raises(ImageError, match='is not a picture'):
        next(open_source(str(tmp_path / 'x.jpg')).frames()).bgr
    with pytest.raises(ImageError, match='cannot be opened as a video'):
        open_source(str(tmp_path / 'x.mp4'))


def test_picture_files(folder, tmp_path):
    assert [p.name for p in picture_files([folder, folder / 'a.png'])] == \
        ['a.png', 'b.jpg', 'c.jpeg', 'a.png']
    with pytest.raises(ImageError, match='does not exist'):
        picture_files([tmp_path / 'none'])
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ImageError, match='holds no picture'):
        picture_files([tmp_path / 'empty'])


class FakeCapture:
    """A stream that breaks after some frames, and cannot be opened for some tries."""

    script = []

    def __init__(self, url, *_):
        self.left = FakeCapture.script.pop(0) if FakeCapture.script else 0

    def read(self):
        self.left -= 1
        return self.left >= 0, picture(1)

    def release(self):
        pass


def test_a_broken_stream_is_opened_again(monkeypatch):
    pauses, states = [], []
    monkeypatch.setattr(sources.cv2, 'VideoCapture', FakeCapture)
    monkeypatch.setattr(StreamSource, '_sleep', lambda self, s: pauses.append(s))
    FakeCapture.script = [2, 0, 0, 3, 0]
    source = StreamSource('rtsp://camera', states.append, lambda: len(pauses) >= 5)
    assert len(list(source.frames())) == 5
    assert pauses == [0.5, 1.0, 2.0, 0.5, 1.0]      # from the start once it ran again
    assert [bool(s) for s in states] == [False, True, True, True, False, True, True]
    assert 'rtsp://camera gives no frames: try 3' in states[3]


def test_urls_are_streams():
    for url in ('rtsp://x/y', 'RTSP://x', 'http://x', 'udp://0.0.0.0:1'):
        assert isinstance(open_source(url), StreamSource)


def test_a_stream_that_is_stopped_is_not_called_broken(monkeypatch):
    states, seen = [], []
    monkeypatch.setattr(sources.cv2, 'VideoCapture', FakeCapture)
    FakeCapture.script = [100]
    source = StreamSource('rtsp://camera', states.append, lambda: len(seen) >= 3)
    for frame in source.frames():
        seen.append(frame.name)
    assert seen == ['frame_000000', 'frame_000001', 'frame_000002'] and states == ['']

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
"""The demo and the recorder as a user runs them."""
import json
import os
from pathlib import Path
import signal
import sys
import time

import cv2
from graph import NODE, Process, SOURCE, write_tiny_model
import numpy as np
import pytest

DEMO = 'yolo12_ros.ros.demo'


@pytest.fixture
def demo(library, tmp_path):
    """Return a function that runs the demo to its end."""
    config = write_tiny_model(tmp_path)

    def run(source, *arguments, **environment):
        process = Process(tmp_path, DEMO, str(source), '--config', str(config), *arguments,
                          environment={'YOLO12_LIBDNN': str(library), **environment}, ros=False)
        return process.wait(60), process.log
    return run


def first_on_path(folder):
    """Return an environment in which processes import from a folder first."""
    return {'PYTHONPATH': os.pathsep.join([str(folder), *sys.path[1:]])}


def grey(value):
    return np.full((64, 64, 3), value, np.uint8)


def test_names_that_yaml_would_read_otherwise(demo, tmp_path):
    for name in ('a photo #1: b.png', '\N{GRINNING FACE}.png', '1e3'):
        path = tmp_path / name
        path.mkdir() if name == '1e3' else None
        file = path / 'x.png' if path.is_dir() else path
        cv2.imwrite(str(file), grey(90))
        code, log = demo(path)
        assert code == 0 and f'{file.stem}: 1 detection\n' in log, log


def test_picture(demo, tmp_path):
    cv2.imwrite(str(tmp_path / 'photo.png'), grey(90))
    code, log = demo(tmp_path / 'photo.png')
    assert code == 0, log
    assert 'photo: 1 detection\n' in log and 'dog               0.95' in log
    written = tmp_path / 'yolo12_output' / 'photo_detections.jpg'
    assert str(written.relative_to(tmp_path)) in log
    assert cv2.imread(str(written)).shape == (64, 64, 3)


def test_folder(demo, tmp_path):
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for i in range(3):
        cv2.imwrite(str(folder / f'{i}.png'), grey(60 * i))
    code, log = demo(folder, '--output', str(tmp_path / 'out'))
    assert code == 0, log
    assert len(list((tmp_path / 'out').glob('*_detections.jpg'))) == 3
    lines = (tmp_path / 'out' / 'detections.jsonl').read_text().splitlines()
    assert [json.loads(line)['detections'][0]['class_name'] for line in lines] == ['dog'] * 3


def test_video(demo, tmp_path):
    path = tmp_path / 'video.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 25.0, (64, 64))
    for i in range(8):
        writer.write(grey(20 * i))
    writer.release()
    code, log = demo(path)
    assert code == 0, log
    assert 'all 8 frames together: 8 x dog' in log
    drawn = cv2.VideoCapture(str(tmp_path / 'yolo12_output' / 'video_detections.mp4'))
    assert int(drawn.get(cv2.CAP_PROP_FRAME_COUNT)) == 8


@pytest.mark.parametrize('source, arguments, words', [
    ('/nowhere.jpg', [], '/nowhere.jpg does not exist'),
    ('.', ['--model', '/nowhere.bin'], 'holds no picture')])
def test_errors(demo, source, arguments, words):
    code, log = demo(source, *arguments)
    assert code == 1 and words in log and 'Traceback' not in log


def test_missing_model(demo, tmp_path):
    cv2.imwrite(str(tmp_path / 'photo.png'), grey(90))
    code, log = demo(tmp_path / 'photo.png', '--model', '/nowhere.bin')
    assert code == 1 and '/nowhere.bin does not exist' in log
    assert 'the node ended: its message is above' in log


def test_recorder(start, tiny, tmp_path):
    cv2.imwrite(str(tmp_path / 'photo.png'), grey(90))
    start(NODE, config_file=tiny)
    recorder = start('yolo12_ros.ros.recorder', count=3, output=tmp_path / 'recorded')
    start(SOURCE, source=tmp_path / 'photo.png', rate=10.0)
    assert recorder.wait() == 0
    assert '3 frames recorded' in recorder.log
    assert sorted(p.name for p in (tmp_path / 'recorded').iterdir()) == [
        '000000_detections.jpg', '000001_detections.jpg', '000002_detections.jpg',
        'detections.jsonl']


ONE_FAILS = """
import sys
if 'yolo12_ros.ros.node' in sys.orig_argv:
    from yolo12_ros.detector import Detector
    good, calls = Detector.postprocess, []
    def postprocess(self, *arguments):
        calls.append(None)
        return good(self, *arguments) if len(calls) != 2 else 1 / 0
    Detector.postprocess = postprocess
if 'yolo12_ros.ros.image_source' in sys.orig_argv:
    from yolo12_ros.ros import image_source
    image_source.RESULT_TIMEOUT = 0.5
"""


def test_a_picture_without_a_result_is_told(demo, tmp_path):
    """Names are given by order: those that follow it would be wrong."""
    (tmp_path / 'sitecustomize.py').write_text(ONE_FAILS)
    (tmp_path / 'pictures').mkdir()
    for i in range(3):
        cv2.imwrite(str(tmp_path / 'pictures' / f'{i}.png'), grey(60 * i))
    code, log = demo(tmp_path / 'pictures', **first_on_path(tmp_path))
    assert code == 1 and 'demo: error: only 2 of 3 pictures gave a result' in log
    assert 'ZeroDivisionError' in log


def processes_with(text):
    """Return the command lines of running processes that hold a text."""
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            command = path.read_bytes().replace(b'\0', b' ').decode()
        except OSError:
            continue
        if text in command and DEMO not in command:
            found.append(command)
    return found


def gone(text):
    """Wait until no process has a text in its command line."""
    end = time.monotonic() + 10
    while processes_with(text) and time.monotonic() < end:
        time.sleep(0.05)
    return not processes_with(text)


def test_a_folder_that_cannot_be_written_leaves_no_process(demo, tmp_path):
    cv2.imwrite(str(tmp_path / 'photo.png'), grey(90))
    code, log = demo(tmp_path / 'photo.png', '--output', '/proc/no/folder')
    assert code == 1 and 'demo: error: cannot write to the folder /proc/no/folder' in log
    assert 'Traceback' not in log and gone(str(tmp_path))


@pytest.mark.parametrize('seconds', [0, 3])
def test_a_picture_that_is_none_ends_it(demo, tmp_path, seconds):
    (tmp_path / 'sitecustomize.py').write_text(
        'import sys, time\n'       # the source starts late, as on a busy machine
        f"'yolo12_ros.ros.image_source' in sys.orig_argv and time.sleep({seconds})\n")
    (tmp_path / 'photo.png').write_text('no picture')
    code, log = demo(tmp_path / 'photo.png', **first_on_path(tmp_path))
    assert code == 1 and 'is not a picture that OpenCV can read' in log
    assert 'the image source ended: its message is above' in log and gone(str(tmp_path))


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['INT', 'TERM'])
def test_a_signal_ends_everything(library, tmp_path, number):
    config = write_tiny_model(tmp_path)
    path = tmp_path / 'video.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 25.0, (64, 64))
    for i in range(3000):
        writer.write(grey(i % 200))
    writer.release()
    process = Process(tmp_path, DEMO, str(path), '--config', str(config),
                      environment={'YOLO12_LIBDNN': str(library)}, ros=False)
    process.wait_for('frame 10 of 3000')
    process.stop(number, times=2)
    assert process.exit_code == 130 and 'Traceback' not in process.log, process.log
    assert gone(str(tmp_path))

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

"""The recorder: pairs by stamp, writes pictures or a video and JSON lines, ends well."""
import json
import os
import signal

import cv2
from graph import Process
import pytest
import rclpy
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header
import tiny_model
from vision_msgs.msg import Detection2DArray

from yolo12_ros.errors import ConfigError
from yolo12_ros.ros.messages import encode_jpeg, jpeg_to_message
from yolo12_ros.ros.recorder import as_dict, Recorder, rows

RECORDER = 'yolo12_ros.ros.recorder'


@pytest.fixture
def client(camera):
    """Return the camera's client."""
    return camera.client


@pytest.fixture
def record(client, tmp_path):
    """Return a function that makes a recorder in this process."""
    made = []

    def make(names=(), **parameters):
        made.append(Recorder(names, keep=True, parameter_overrides=[
            Parameter(name, value=value) for name, value in
            {'output': str(tmp_path / 'out'), **parameters}.items()]))
        return made[-1]
    yield make
    for recorder in made:
        recorder.destroy_node()


def halves(number, colour='red', scale=1):
    """Return the detections and the drawn picture of a frame."""
    header = Header(frame_id='c')
    header.stamp.sec = number
    picture = tiny_model.picture([(0, 0, colour)]).repeat(scale, axis=0).repeat(scale, axis=1)
    return (Detection2DArray(header=header), jpeg_to_message(encode_jpeg(picture, 90), header))


def put(recorder, *messages):
    """Hand messages to a recorder as its subscriptions do."""
    for message in messages:
        recorder._add('detections' if isinstance(message, Detection2DArray) else 'picture',
                      message)


def written(recorder):
    """Return the names of the files in its folder."""
    return sorted(p.name for p in recorder.output.iterdir())


def test_halves_are_paired_by_stamp_in_any_order(record):
    recorder = record(count=3)
    (d1, p1), (d2, p2), (d3, p3) = map(halves, (1, 2, 3))
    put(recorder, d1, d2, p1)
    assert len(recorder.frames) == 1 and not recorder.finished
    put(recorder, p3, p2, d3)
    assert [m.header.stamp.sec for m in recorder.frames] == [1, 2, 3] and recorder.finished
    put(recorder, *halves(4))
    assert len(recorder.frames) == 3        # count is count
    lines = (recorder.output / 'detections.jsonl').read_text().splitlines()
    assert [json.loads(line)['stamp'] for line in lines] == [f'{i}.000000000' for i in (1, 2, 3)]
    assert (recorder.output / '000001_detections.jpg').read_bytes() == bytes(p2.data)


def test_halves_that_stay_alone_are_forgotten_but_counted(record):
    recorder = record()
    for number in range(1000):
        put(recorder, halves(number)[0])
    put(recorder, *halves(1000), halves(1001)[1])
    assert len(recorder._halves) <= 101
    assert recorder.summary() == (f'1 frames recorded in {recorder.output}, 1000 detections '
                                  'without a picture, 1 pictures without detections')


def test_pictures_of_one_stem_do_not_overwrite_each_other(record):
    recorder = record(['a.jpg', 'a.png', 'b.jpg'])
    for number, colour in enumerate(('red', 'green', 'blue', 'red')):
        put(recorder, *halves(number, colour))
    names = [n for n in written(recorder) if n.endswith('.jpg')]
    assert len(names) == 4 and {'a_detections.jpg', 'b_detections.jpg'} <= set(names)
    assert len({(recorder.output / n).read_bytes() for n in names}) == 3


def test_a_video(record):
    recorder = record(video_rate=10.0)
    for number in range(5):
        put(recorder, *halves(number))
    recorder._video.release()
    assert written(recorder) == ['detections.jsonl', 'render.mp4']
    video = cv2.VideoCapture(str(recorder.output / 'render.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 5 and video.get(cv2.CAP_PROP_FPS) == 10


def test_a_video_whose_frames_change_their_size_goes_on_in_another_file(record):
    recorder = record(video_rate=10.0)
    for number, scale in enumerate((1, 1, 2, 2, 2)):
        put(recorder, *halves(number, scale=scale))
    recorder._video.release()
    assert [p.name for p in recorder.written] == ['render.mp4', 'render_2.mp4']
    for path, frames in zip(recorder.written, (2, 3)):
        assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == frames


def test_a_picture_that_cannot_be_written_is_not_recorded(record, tmp_path):
    detections, picture = halves(0)
    picture.data = b'no picture'
    recorder = record(video_rate=10.0)
    with pytest.raises(ConfigError, match='a drawn picture cannot be decoded'):
        put(recorder, detections, picture)
    assert recorder.recorded == 0 and not (recorder.output / 'detections.jsonl').read_text()
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'detections.jsonl').symlink_to('/dev/full')
    recorder = record(output=str(tmp_path / 'full'))
    with pytest.raises(ConfigError, match='No space left on device'):
        put(recorder, *halves(1))
    recorder = record()
    (recorder.output / '000000_detections.jpg').mkdir()
    with pytest.raises(ConfigError, match=f'cannot write to {recorder.output}: Is a directory'):
        put(recorder, *halves(1))
    assert recorder.recorded == 0


@pytest.mark.parametrize('parameters, words', [
    ({'output': '/proc/no/folder'}, 'cannot write to the folder /proc/no/folder'),
    ({'count': 'all'}, "count is 'all': expected an integer"),
    ({'render': 'a b'}, "render is 'a b': expected the name of a topic")])
def test_errors(record, parameters, words):
    with pytest.raises(ConfigError, match=words):
        record(**parameters)


def test_a_detection_as_json(camera):
    message = camera.detect([(0, 0, 'red'), (3, 3, 'blue')])
    assert sorted(rows(message))[0][0] == 'blue'
    found = as_dict(message)
    assert found['stamp'] == f'{message.header.stamp.sec}.123456789'
    assert found['frame_id'].startswith('camera')
    red = next(d for d in found['detections'] if d['class_name'] == 'red')
    assert red['box'] == [0, 0, 24, 24] and red['score'] > 0.99


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['INT', 'TERM'])
def test_the_process_follows_the_node_until_a_signal(camera, tmp_path, number):
    recorder = Process(tmp_path, RECORDER, output=tmp_path / 'out', video_rate=5)
    lines = tmp_path / 'out' / 'detections.jsonl'
    camera.until(lambda: lines.is_file() and lines.read_text().count('red') >= 3,
                 publish=lambda: camera.detect([(1, 1, 'red')]))
    assert recorder.stop(number) == 0 and 'frames recorded' in recorder.log
    assert 'Traceback' not in recorder.log
    assert cv2.VideoCapture(str(tmp_path / 'out' / 'render.mp4')).get(
        cv2.CAP_PROP_FRAME_COUNT) >= 3


def test_the_process_says_why_it_cannot_start(tmp_path):
    recorder = Process(tmp_path, RECORDER, output=os.devnull + '/x')
    assert recorder.wait() == 1 and 'Traceback' not in recorder.log
    assert 'yolo12_recorder: error: cannot write to the folder' in recorder.log


def test_the_topics_are_parameters(client, record):
    recorder = record(detections='/d', render='/r')
    publishers = [client.node.create_publisher(Detection2DArray, '/d', 5),
                  client.node.create_publisher(CompressedImage, '/r', 5)]
    number = [0]

    def publish():
        number[0] += 1
        for publisher, message in zip(publishers, halves(number[0])):
            publisher.publish(message)
        rclpy.spin_once(recorder, timeout_sec=0.02)
        rclpy.spin_once(recorder, timeout_sec=0.02)
    client.until(lambda: recorder.frames, publish)
    assert not recorder.frames[0].detections

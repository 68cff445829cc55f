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
"""TROS's own messages: HbmMsg1080P in, PerceptionTargets out; alone and between processes."""
from graph import BEST_EFFORT, DETECTIONS, image, NODE
import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from yolo12_ros.detections import Detections
from yolo12_ros.errors import ImageError
from yolo12_ros.images import Nv12Image
from yolo12_ros.pipeline import Frame

hbm = pytest.importorskip('hbm_img_msgs.msg', reason='hbm_img_msgs is not installed')
ai = pytest.importorskip('ai_msgs.msg', reason='ai_msgs is not installed')

from yolo12_ros.ros import perception, shared_memory    # noqa: E402

PERFS = ['m_preprocess', 'm_predict_infer', 'm_predict_parse', 'm_postprocess', 'm_pipeline']


def hbm_message(width=64, height=64, encoding=b'nv12', step=0, size=None, index=7):
    """Return a frame as TROS's publishers leave it: old bytes after the name, step 0 or stale."""
    message = hbm.HbmMsg1080P(index=index, width=width, height=height, step=step)
    message.encoding = np.frombuffer(encoding.ljust(12, b'X' if b'\0' in encoding else b'\0'),
                                     np.uint8).copy()
    message.data_size = width * height * 3 // 2 if size is None else size
    data = np.zeros(6220800, np.uint8)
    data[:width * height] = np.arange(width * height) % 200
    data[width * height:width * height * 3 // 2] = 128
    message.data = data
    message.time_stamp.sec, message.time_stamp.nanosec = 1_700_000_000, 987_654_321
    return message


@pytest.mark.parametrize('encoding', [b'nv12', b'nv12\0jpeg', b'nv12jpeg', b'NV12'])
@pytest.mark.parametrize('step, width, height, size', [
    (0, 64, 64, None), (64, 64, 64, None), (1920, 64, 64, None), (17, 64, 64, None),
    (1920, 1920, 1088, 3133440), (0, 1920, 1088, 3133440), (0, 1920, 1080, 3133440)])
def test_hbm_frames(encoding, step, width, height, size):
    message = hbm_message(width, height, encoding, step, size)
    found = shared_memory.hbm_to_nv12(message)
    assert found.size == (width, height)
    assert np.shares_memory(found.y, message.data)
    np.testing.assert_array_equal(found.y.reshape(-1), np.arange(width * height) % 200)
    assert (found.uv == 128).all()


@pytest.mark.parametrize('change, words', [
    ({'encoding': b'h264'}, "'h264' is not supported"), ({'size': 100}, 'truncated'),
    ({'width': 0, 'height': 0}, 'no pixels')])
def test_hbm_frames_that_cannot_be_used(change, words):
    with pytest.raises(ImageError, match=words):
        shared_memory.hbm_to_nv12(hbm_message(**change))


def test_hbm_header():
    header = shared_memory.hbm_header(hbm_message())
    assert (header.stamp.sec, header.stamp.nanosec) == (1_700_000_000, 987_654_321)
    assert header.frame_id == '7'


def frame(boxes):
    n = len(boxes)
    result = Frame('camera', Header(frame_id='c'), None)
    result.image = Nv12Image.from_bgr(np.zeros((48, 64, 3), np.uint8))
    result.detections = Detections(np.float32(boxes).reshape(n, 4), np.full(n, 0.5, np.float32),
                                   np.zeros(n, np.int32))
    result.times.update(decode=0.001, letterbox=0.002, infer=0.03, postprocess=0.004)
    return result


@pytest.mark.parametrize('boxes, rectangles', [
    ([], []), ([[1.4, 2.6, 30.2, 40.5]], [(1, 3, 29, 37)]),
    ([[-5, -5, 100, 100]], [(0, 0, 64, 48)])])
def test_targets(boxes, rectangles):
    message = perception.targets_message(frame(boxes), ['cat'], 'm', 27.4)
    assert message.header.frame_id == 'c' and message.fps == 27
    rois = [t.rois[0] for t in message.targets]
    assert [(r.rect.x_offset, r.rect.y_offset, r.rect.width, r.rect.height) for r in rois] == \
        rectangles
    assert all(len(t.rois) == 1 and t.type == t.rois[0].type == 'cat' and t.track_id == 0 and
               t.rois[0].confidence == 0.5 for t in message.targets)
    assert [p.type for p in message.perfs] == PERFS
    durations = [p.time_ms_duration for p in message.perfs]
    assert durations[:4] == pytest.approx([3, 30, 0, 4]) and durations[4] >= 0


@pytest.mark.parametrize('rate, fps', [(0.0, -1), (29.6, 30), (1e6, 32767)])
def test_fps_is_an_int16(rate, fps):
    assert perception.targets_message(frame([]), ['cat'], 'm', rate).fps == fps


def test_shared_memory_between_processes(client, start, tiny):
    node = start(NODE, config_file=tiny, is_shared_mem_sub=1)
    publisher = client.node.create_publisher(hbm.HbmMsg1080P, '/hbmem_img', BEST_EFFORT)
    found = client.collect(Detection2DArray, DETECTIONS)
    targets = client.collect(ai.PerceptionTargets, '/hobot_dnn_detection')
    message = hbm_message()
    client.until(lambda: found and targets, lambda: publisher.publish(message), process=node,
                 seconds=40)
    for result in (found[-1], targets[-1]):
        assert (result.header.stamp.sec, result.header.stamp.nanosec) == \
            (1_700_000_000, 987_654_321)
        assert result.header.frame_id == '7'
    target, = targets[-1].targets
    rectangle = target.rois[0].rect
    assert target.type == target.rois[0].type == 'dog'
    assert (rectangle.x_offset, rectangle.y_offset, rectangle.width, rectangle.height) == \
        (20, 20, 16, 16)
    assert [p.type[5:] for p in targets[-1].perfs] == [name[2:] for name in PERFS]


def test_one_message_for_each_frame_empty_ones_too(client, start, tiny):
    node = start(NODE, config_file=tiny, score_threshold=0.99)
    publisher = client.node.create_publisher(Image, '/image', 1)
    found = client.collect(Detection2DArray, DETECTIONS)
    targets = client.collect(ai.PerceptionTargets, '/hobot_dnn_detection')
    client.until(lambda: found and targets, lambda: publisher.publish(image(client)),
                 process=node)
    found.clear()
    targets.clear()
    client.until(lambda: len(targets) >= 10, lambda: publisher.publish(image(client)),
                 process=node)
    client.spin(0.5)
    stamps = [{(m.header.stamp.sec, m.header.stamp.nanosec) for m in messages}
              for messages in (found, targets)]
    assert len(stamps[0] ^ stamps[1]) <= 1      # one may be on its way as the lists are cleared
    assert not any(m.targets for m in targets)

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

"""HbmMsg1080P between processes: what a colour means, hints that lie, frames without use."""
import graph    # noqa: F401  skips where ROS is absent
from graph import BEST_EFFORT, RELIABLE
import numpy as np
import pytest
import tiny_model

from colour_camera import ColourCamera, expected
from yolo12_ros.images import Nv12Image
from yolo12_ros.ros.recorder import rows

hbm = pytest.importorskip('hbm_img_msgs.msg', reason='hbm_img_msgs is not installed')

CELLS = ((0, 0, 'red'), (3, 3, 'blue'))
JUNK = np.random.default_rng(0).integers(0, 256, 6220800, np.uint8)


def message(index, encoding, width, height, step, extra_rows=0, stale=b''):
    """Return a frame of coloured cells; extra_rows: of an aligned codec buffer."""
    bgr = tiny_model.picture(CELLS, (width, width))[:height]
    if encoding == 'nv12':
        image = Nv12Image.from_bgr(bgr)
        pixels = np.concatenate([image.y.reshape(-1), image.uv.reshape(-1)])
        rows_of = 3 * width // 2
    else:
        pixels, rows_of = bgr.reshape(-1), 3 * width
    result = hbm.HbmMsg1080P(index=index, width=width, height=height, step=step)
    name = encoding.encode() + b'\0' * bool(stale) + stale
    result.encoding = np.frombuffer(name.ljust(12, b'\0'), np.uint8).copy()
    result.data_size = pixels.size + extra_rows * rows_of
    data = JUNK.copy()
    data[:pixels.size] = pixels
    result.data = data
    result.time_stamp.sec, result.time_stamp.nanosec = 1_700_000_000 + index, index
    return result


@pytest.fixture(scope='module')
def shared(tmp_path_factory):
    """Return (camera, publisher): a node that reads shared memory."""
    camera = ColourCamera(tmp_path_factory.mktemp('shared'), is_shared_mem_sub=1,
                          sharedmem_img_topic_name='/hbm')
    yield camera, camera.node.create_publisher(hbm.HbmMsg1080P, '/hbm', BEST_EFFORT)
    camera.close()


@pytest.mark.parametrize('index, arguments', enumerate([
    ('nv12', 640, 640, 0), ('nv12', 640, 640, 640), ('nv12', 640, 640, 1920),
    ('nv12', 640, 640, 3), ('nv12', 640, 640, 0, 8), ('nv12', 640, 640, 0, 0, b'jpeg'),
    ('bgr8', 640, 640, 0), ('bgr8', 640, 640, 1920), ('bgr8', 640, 640, 640),
    ('bgr8', 640, 640, 5760), ('bgr8', 640, 640, 0, 0, b'8uc3')]))
def test_hints_that_lie_do_no_harm(shared, index, arguments):
    camera, publisher = shared
    sent = message(index, *arguments)
    camera.found.clear()
    camera.until(lambda: [m for m in camera.found if m.header.frame_id == str(index)],
                 publish=lambda: publisher.publish(sent))
    found = next(m for m in camera.found if m.header.frame_id == str(index))
    assert found.header.stamp == sent.time_stamp
    assert {(name, tuple(round(v) for v in box)) for name, _, box in rows(found)} == \
        expected(*CELLS, size=(640, 640))


def test_bad_frames_and_then_good_ones(shared):
    camera, publisher = shared
    bad = message(50, 'nv12', 640, 640, 0)
    bad.data_size = 1000
    camera.until(lambda: 'truncated' in camera.process.log,
                 publish=lambda: publisher.publish(bad))
    camera.found.clear()
    for _ in range(5):
        publisher.publish(bad)
    good = message(51, 'nv12', 64, 64, 0)
    camera.until(lambda: camera.found, publish=lambda: publisher.publish(good))
    assert {m.header.frame_id for m in camera.found} == {'51'}
    assert camera.process.log.count('[ERROR]') == 1


def test_a_reliable_publisher_is_heard_too(shared):
    camera, publisher = shared
    other = camera.node.create_publisher(hbm.HbmMsg1080P, '/hbm', RELIABLE)
    sent = message(60, 'nv12', 64, 64, 0)
    camera.until(lambda: [m for m in camera.found if m.header.frame_id == '60'],
                 publish=lambda: other.publish(sent))
    camera.node.destroy_publisher(other)

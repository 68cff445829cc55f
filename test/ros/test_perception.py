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

"""PerceptionTargets between processes: several detections, every frame, real perfs."""
import time

import graph    # noqa: F401  skips where ROS is absent
import pytest
import tiny_model

ai = pytest.importorskip('ai_msgs.msg', reason='ai_msgs is not installed')

CAMERA = {'encoding': 'bgr8', 'config': {'model_name': 'tiny12'}, 'msg_pub_topic_name': 'smart'}
CELLS = ((0, 0, 'red'), (3, 3, 'blue'), (1, 3, 'green'))
PERFS = ['preprocess', 'predict_infer', 'predict_parse', 'postprocess', 'pipeline']


@pytest.fixture
def targets(camera):
    """Return the list of PerceptionTargets, with the node known to publish."""
    messages = []
    subscription = camera.node.create_subscription(ai.PerceptionTargets, '/smart',
                                                   messages.append, 20)
    camera.until(lambda: messages, publish=camera.detect)
    messages.clear()
    yield messages
    camera.node.destroy_subscription(subscription)


def of(camera, targets, header):
    """Wait for the message of a frame."""
    camera.until(lambda: [m for m in targets if m.header == header])
    return next(m for m in targets if m.header == header)


@pytest.mark.parametrize('size', [(64, 64), (640, 640)])
def test_one_target_with_one_roi_for_each_detection(camera, targets, size):
    found = camera.detect(CELLS, size)
    message = of(camera, targets, found.header)
    rois = [(t.type, t.rois[0].rect) for t in message.targets]
    assert {(name, (r.x_offset, r.y_offset, r.x_offset + r.width, r.y_offset + r.height))
            for name, r in rois} == {
        (name, tiny_model.box(row, column, size)) for row, column, name in CELLS}
    for target, detection in zip(message.targets, found.detections):    # in the same order
        assert len(target.rois) == 1 and target.rois[0].type == target.type
        assert detection.results[0].hypothesis.class_id == target.type
        assert target.rois[0].confidence == pytest.approx(
            detection.results[0].hypothesis.score, abs=1e-6)


def test_every_frame_has_one_with_its_header(camera, targets):
    headers = [camera.detect(CELLS if i % 2 else ()).header for i in range(20)]
    camera.until(lambda: any(m.header == headers[-1] for m in targets))
    first = {m.header.frame_id: m for m in reversed(targets)}       # a slow one is shown again
    assert [m.header for m in reversed(first.values())] == headers
    assert [len(m.targets) for m in reversed(first.values())] == [0, 3] * 10


def test_perfs_and_fps(camera, targets):
    before = time.time()
    for _ in range(3):
        header = camera.detect(CELLS).header
    message = of(camera, targets, header)
    assert [p.type for p in message.perfs] == [f'tiny12_{name}' for name in PERFS]
    for perf in message.perfs:
        start, end = (t.sec + t.nanosec * 1e-9 for t in (perf.stamp_start, perf.stamp_end))
        assert before - 1 < start <= end < time.time() + 1
        assert perf.time_ms_duration == pytest.approx((end - start) * 1e3, abs=0.01)
    durations = [p.time_ms_duration for p in message.perfs]
    assert durations[2] == 0 and min(durations[:2]) > 0 and durations[4] >= durations[1]
    assert message.fps == -1 or message.fps > 0
    assert message.disappeared_targets == []


def test_nothing_is_made_while_nobody_subscribes(camera, monkeypatch):
    from yolo12_ros.ros import perception
    from yolo12_ros.timing import Statistics
    output = perception.PerceptionOutput(camera.node, '/unheard', 'm', ['a'], Statistics())
    monkeypatch.setattr(perception, 'targets_message', lambda *_: pytest.fail('it was made'))
    output.publish(None)
    monkeypatch.setattr(perception, 'targets_message', lambda *_: ai.PerceptionTargets(fps=9))
    heard = camera.client.collect(ai.PerceptionTargets, '/unheard')
    camera.until(lambda: heard, publish=lambda: output.publish(
        type('Any', (), {'header': None, 'detections': None})))
    assert heard[0].fps == 9


def test_without_ai_msgs(camera, monkeypatch):
    import sys

    from yolo12_ros.ros import perception
    from yolo12_ros.timing import Statistics
    monkeypatch.setitem(sys.modules, 'ai_msgs.msg', None)
    with pytest.raises(ImportError):
        perception.PerceptionOutput(camera.node, '/x', 'm', ['a'], Statistics())

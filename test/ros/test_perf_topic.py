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

"""`yolo12 perf --topic`: a live camera's rate, and detections that others can hear."""
import json

import cv2
from graph import Process, SOURCE
import tiny_model
from vision_msgs.msg import Detection2DArray

RATE = 20.0


def perf(folder, *words):
    """Start the verb in a process of its own."""
    config = tiny_model.write(folder)
    return Process(folder, 'yolo12_ros.tools.command', 'perf', '--config', str(config),
                   '--in-flight', '1', '--json', 'perf.json', *words, ros=False)


def test_a_live_topic_is_measured_and_its_detections_are_published(client, start, tmp_path):
    cv2.imwrite(str(tmp_path / 'red.png'), tiny_model.picture([(1, 1, 'red')]))
    found = client.collect(Detection2DArray, '/yolo12_perf/detections')
    start(SOURCE, source=tmp_path / 'red.png', rate=RATE, frame_id='front')
    process = perf(tmp_path, '--topic', '/image', '--seconds', '4')
    client.until(lambda: process.exit_code is not None, seconds=60)
    assert process.exit_code == 0, process.log
    run = json.loads((tmp_path / 'perf.json').read_text())['measurements'][0]
    assert 0.4 * RATE <= run['topic']['rate'] <= 1.1 * RATE
    assert 0 <= run['topic']['delay_mean'] < 1000        # ms
    assert run['counts']['processed'] >= 0.4 * RATE * 4
    assert len(found) > RATE / 2 and found[-1].header.frame_id == 'front'
    assert [d.results[0].hypothesis.class_id for d in found[-1].detections] == ['red']


def test_a_topic_without_a_camera_is_an_error_that_says_so(client, tmp_path):
    process = perf(tmp_path, '--topic', '/nobody')
    assert process.wait(60) == 1
    assert 'no image on /nobody for 10 s: it has no publisher' in process.log
    assert 'Traceback' not in process.log

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
"""Two cameras of different rates share one node and one model fairly, and results are fresh."""
import time

import cv2
from graph import NODE, SOURCE, write_tiny_model
import numpy as np
from vision_msgs.msg import Detection2DArray

RATES = {'slow': 15.0, 'fast': 60.0}
INFERENCE = 0.030


def measure(client, found, seconds=5.0):
    """Return {camera: (results a second, age p95, stamps rise)} over some seconds."""
    ages = {camera: [] for camera in RATES}
    for messages in found.values():
        messages.clear()
    stamps, end = {camera: [] for camera in RATES}, time.monotonic() + seconds
    while time.monotonic() < end:
        client.spin(0.002)
        for camera, messages in found.items():
            for message in messages:
                stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
                stamps[camera].append(stamp)
                ages[camera].append(time.time() - stamp)
            messages.clear()
    return {camera: (len(s) / seconds, float(np.percentile(ages[camera], 95)),
                     bool(np.all(np.diff(s) > 0))) for camera, s in stamps.items()}


def is_fair(result):
    """Tell whether both have their share, and how old results are."""
    free = 1 / INFERENCE - RATES['slow']
    return (result['slow'][0] >= 0.95 * RATES['slow'] and result['fast'][0] >= 0.9 * free and
            all(age <= 1 / RATES[camera] + INFERENCE + 0.020
                for camera, (_, age, _) in result.items()))


def test_shares_and_ages(client, start, tmp_path, capsys):
    config = write_tiny_model(tmp_path, delay_ms=int(1000 * INFERENCE))
    cv2.imwrite(str(tmp_path / 'grey.png'), np.full((64, 64, 3), 90, np.uint8))
    node = start(NODE, config_file=config, image_topics='[/cam/slow, /cam/fast]')
    for camera, rate in RATES.items():
        start(SOURCE, '--ros-args', '-r', f'__node:={camera}', '--',
              source=tmp_path / 'grey.png', topic=f'/cam/{camera}', rate=rate)
    found = {camera: client.collect(Detection2DArray, f'/yolo12/{camera}/detections')
             for camera in RATES}
    client.until(lambda: all(found.values()), process=node)
    for _ in range(5):      # the machine may be busy
        result = measure(client, found)
        assert all(rise for _, _, rise in result.values())
        if is_fair(result):
            break
    with capsys.disabled():
        print('\n' + ', '.join(f'{camera}: {rate:.1f} results/s, age p95 {1e3 * age:.0f} ms'
                               for camera, (rate, age, _) in result.items()))
    assert is_fair(result), result

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

"""The benchmarks run and their contestants agree; nothing is asserted about time."""
import importlib.util
import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / 'benchmarks'
NEEDS_ROS = ('messages', 'end_to_end')


@pytest.mark.parametrize('name, data', [
    ('postprocess', 'recorded'), ('postprocess', 'made up'), ('preprocess', ''),
    *((name, '') for name in NEEDS_ROS)])
def test_benchmark(name, data, tmp_path):
    """Each compares the results of all ways before it measures, and fails if they differ."""
    if name in NEEDS_ROS and not importlib.util.find_spec('rclpy'):
        pytest.skip('needs ROS 2')
    environment = dict(os.environ)
    if data == 'made up':
        environment['YOLO12_TEST_DATA'] = str(tmp_path / 'nowhere')
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / f'{name}.py'), '--quick', '--json',
         str(tmp_path / 'out.json')], capture_output=True, text=True, timeout=120,
        env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / 'out.json').read_text())
    assert report['machine'] and report['tables']
    for table in report['tables']:
        assert table['title'] in done.stdout
        assert all(row['median_ms'] > 0 for row in table['rows'])

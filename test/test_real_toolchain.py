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
"""The vendor's own tools on the model that ships, where they are installed; about two minutes."""
from pathlib import Path
import shutil

import pytest
from vendor_tools import run

import yolo12_ros

PACKAGE = Path(yolo12_ros.__file__).parent
NAME = 'demo_detect_bayese_384x288_nv12'


@pytest.mark.skipif(not shutil.which('hb_mapper'),
                    reason='hb_mapper is not installed: pip install rdkx5-yolo-mapper')
def test_the_model_that_ships_is_compiled_and_stripped(tmp_path, capsys):
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    config = PACKAGE / 'models' / 'demo.json'
    data = tmp_path / 'calibration_f32'
    assert run(capsys, 'calibrate', PACKAGE / 'samples', '--size', '384x288', '--output',
               data)[0] == 0
    code, out, _ = run(capsys, 'compile', PACKAGE / 'models' / 'demo.onnx', '--calibration', data,
                       '--output', tmp_path, '--config', config, '--optimize-level', 'O0')
    assert code == 0, out
    assert 'all 401 on the BPU, 1 subgraph' in out and 'the model would serve the node' in out
    model = tmp_path / 'bpu_model_output' / f'{NAME}.bin'
    code, out, _ = run(capsys, 'strip', model)
    assert code == 0, out
    assert '3 nodes are gone' in out and model.with_name(f'{NAME}_modified.bin').is_file()

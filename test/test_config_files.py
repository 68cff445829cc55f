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
"""The files in config/ load, and agree with the code."""
import json
from pathlib import Path

import pytest

from yolo12_ros.config import load_config
from yolo12_ros.labels import COCO_NAMES, load_labels

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'config'


@pytest.mark.parametrize('name, suffix', [
    ('yolo12n.json', '.bin'), ('yolo12n_onnx.json', '.onnx')])
def test_configurations(name, suffix):
    config = load_config(CONFIG / name)
    assert config.labels == COCO_NAMES and config.warnings == ()
    assert config.model_file.suffix == suffix
    assert (config.settings.score_threshold, config.settings.nms_threshold) == (0.25, 0.7)


def test_label_list():
    assert load_labels(CONFIG / 'coco.list') == COCO_NAMES


def test_every_parameter_is_in_the_yaml_with_its_default():
    yaml = pytest.importorskip('yaml', reason='PyYAML comes with ROS')
    parameters = pytest.importorskip('yolo12_ros.ros.parameters', reason='ROS is not installed')
    text = (CONFIG / 'params.yaml').read_text()
    given = yaml.safe_load(text)['/**']['ros__parameters']
    for parameter in parameters.TABLE:
        assert parameter.description in text
        if parameter.name in given:
            assert given[parameter.name] == parameter.default
        else:       # those that the JSON has would win over it
            assert parameter.name in (*parameters.THRESHOLDS, 'config_file', 'model_file')
            assert f'# {parameter.name}: {json.dumps(parameter.default)}' in text


def test_every_parameter_is_in_the_docs():
    parameters = pytest.importorskip('yolo12_ros.ros.parameters', reason='ROS is not installed')
    text = (ROOT / 'docs' / 'node.md').read_text()
    for parameter in parameters.TABLE:
        assert f'| `{parameter.name}` |' in text and parameter.description in text


def test_views_show_our_topics():
    assert '/yolo12/render' in (CONFIG / 'yolo12.rviz').read_text()
    layout = json.loads((CONFIG / 'foxglove_layout.json').read_text())
    assert layout['configById']['Image!detections']['imageMode']['imageTopic'] == \
        '/yolo12/render/compressed'

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

"""Parameters: each has its effect while the node runs, is refused with a reason, comes first."""
import math

from colour_camera import ColourCamera, expected
import graph    # noqa: F401  skips where ROS is absent
import pytest
from rcl_interfaces.srv import DescribeParameters
from sensor_msgs.msg import CompressedImage
from std_srvs.srv import SetBool
import tiny_model

from yolo12_ros.errors import ConfigError
from yolo12_ros.postprocess import Settings
from yolo12_ros.ros.parameters import BY_NAME, live_settings, TABLE

DEFAULTS = {'score_threshold': 0.25, 'nms_threshold': 0.7, 'nms_top_k': 300, 'classes': [''],
            'enabled': True, 'render_max_rate': 0.0, 'jpeg_quality': 80}
START = {'log_period': 0.0, 'ros_img_topic_name': '/yolo12/image'}
# red and blue apart, and a paler red whose box overlaps the red one's by a third
CELLS = RED, PALE, BLUE = (0, 0, 'red'), (1, 0, 'pale'), (3, 3, 'blue')


@pytest.fixture
def fresh(camera):
    """Return the camera, with every live parameter back at its default afterwards."""
    yield camera
    assert camera.set(**DEFAULTS) == []


@pytest.mark.parametrize('values, seen', [
    ({}, CELLS), ({'score_threshold': 0.9}, (RED, BLUE)), ({'score_threshold': 1.0}, ()),
    ({'nms_threshold': 0.3}, (RED, BLUE)), ({'nms_threshold': 0.35}, CELLS),
    ({'nms_top_k': 2}, (RED, BLUE)), ({'classes': ['blue']}, (BLUE,)),
    ({'classes': ['red', 'green']}, (RED, PALE)),
    ({'classes': ['blue', 'red'], 'score_threshold': 0.9}, (RED, BLUE))])
def test_live_changes_take_effect(fresh, values, seen):
    assert fresh.set(**values) == []
    assert fresh.see(CELLS) == expected(*seen)
    assert fresh.set(**DEFAULTS) == []
    assert fresh.see(CELLS) == expected(*CELLS)


@pytest.mark.parametrize('values, words', [
    ({'score_threshold': 1.5}, 'range'), ({'score_threshold': -0.1}, 'range'),
    ({'score_threshold': math.nan}, 'range'), ({'nms_threshold': math.nan}, 'range'),
    ({'score_threshold': 1}, 'type'), ({'score_threshold': 'high'}, 'type'),
    ({'nms_top_k': 0}, 'range'), ({'nms_top_k': 2.0}, 'type'), ({'jpeg_quality': 101}, 'range'),
    ({'render_max_rate': -1.0}, 'range'), ({'render_max_rate': math.nan}, 'range'),
    ({'enabled': 1}, 'type'),
    ({'classes': ['bleu']}, "no class 'bleu': do you mean 'blue'?"),
    ({'classes': ['red', 'zebra']}, "no class 'zebra'"),
    *(({p.name: p.default}, 'restart it') for p in TABLE if not p.live)])
def test_refusals_have_a_reason_and_change_nothing(fresh, values, words):
    reason, = fresh.set(**values)
    assert words in reason.lower()
    name, = values
    assert fresh.get(name) == [fresh.config.as_posix() if name == 'config_file' else
                               DEFAULTS.get(name, START.get(name, BY_NAME[name].default))]
    assert fresh.see([BLUE]) == expected(BLUE)


def test_jpeg_quality(fresh):
    pictures = fresh.client.collect(CompressedImage, '/yolo12/render/compressed')
    sizes = {}
    for quality in (95, 5):
        assert fresh.set(jpeg_quality=quality) == []
        fresh.until(lambda: pictures, publish=lambda: fresh.detect(CELLS, (640, 640)))
        pictures.clear()
        header = fresh.detect(CELLS, (640, 640)).header
        fresh.until(lambda h=header: pictures and pictures[-1].header == h)
        sizes[quality] = len(pictures[-1].data)
        pictures.clear()
    assert sizes[5] < 0.7 * sizes[95]


def test_enable_and_the_parameter_are_one(fresh):
    for on in (False, True):
        response = fresh.call('enable', SetBool, SetBool.Request(data=on))
        assert response.success and fresh.get('enabled') == [on]
        assert response.message == ('enabled' if on else 'disabled')
    assert fresh.see([RED]) == expected(RED)


def test_every_parameter_says_what_it_takes(camera):
    described = camera.call('describe_parameters', DescribeParameters,
                            DescribeParameters.Request(names=[p.name for p in TABLE]))
    for parameter, it in zip(TABLE, described.descriptors):
        limits = [*it.floating_point_range, *it.integer_range]
        assert [(r.from_value, r.to_value) for r in limits] == \
            ([parameter.range] if parameter.range else [])
        assert all(choice in it.additional_constraints for choice in parameter.choices)


@pytest.mark.parametrize('json, parameters, outcome', [
    ({'score_threshold': 0.9, 'nms_top_k': 7}, {}, (0.9, 0.7, 7)),
    ({'score_threshold': 0.9}, {'score_threshold': 0.25, 'nms_top_k': 9}, (0.25, 0.7, 9)),
    ({'score_threshold': None, 'nms_threshold': None, 'nms_top_k': None}, {}, (0.4, 0.5, 5000)),
    ({'score_threshold': None}, {'score_threshold': 0.0}, (0.0, 0.7, 300))])
def test_precedence(camera, tmp_path, json, parameters, outcome):
    other = ColourCamera(tmp_path, camera.client, 'precedence', config=json, **parameters)
    try:
        assert other.get('score_threshold', 'nms_threshold', 'nms_top_k') == list(outcome)
        if outcome[0]:          # at 0.0 every cell is a detection
            assert other.see([RED, PALE]) == expected(*[RED, PALE][:1 + (outcome[0] < 0.8)])
    finally:
        other.close()


@pytest.mark.parametrize('classes, ids', [
    ([''], None), ([], None), (['blue'], {2}), (['blue', 'red', ''], {0, 2})])
def test_classes_to_ids(classes, ids):
    settings = live_settings(Settings(), {'classes': classes}, tiny_model.LABELS)
    assert settings.classes == ids


def test_every_class_of_a_name_is_kept():
    settings = live_settings(Settings(), {'classes': ['car']}, ('car', 'dog', 'car'))
    assert settings.classes == {0, 2}


def test_a_class_that_resembles_none():
    with pytest.raises(ConfigError, match="no class 'zebra'$"):
        live_settings(Settings(), {'classes': ['zebra']}, tiny_model.LABELS)

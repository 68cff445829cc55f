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
"""What the node cannot start with: exit code 1 and one message for the person at the terminal."""
import os

from graph import NODE, Process, tiny_heads, write_config, write_tiny_model
from fake_bpu import write_model
import pytest

START = {
    'missing configuration': ({'config_file': '/nowhere.json'}, "'/nowhere.json' does not exist"),
    'missing model': ({'model_file': '/nowhere.bin'}, '/nowhere.bin does not exist'),
    'unknown suffix': ({'model_file': 'weights.pt'}, 'model files end in'),
    'parameter out of range': ({'score_threshold': '1.5'}, 'parameter score_threshold'),
    'parameter of a wrong type': ({'score_threshold': 'high'}, 'parameter score_threshold'),
    'parameter of no choice': ({'letterbox': 'crop'}, 'expected one of letterbox, top_left'),
    'unknown class': ({'classes': '[dgo]'}, "do you mean 'dog'"),
    'the same topic twice': ({'image_topics': '[/a, /a]'}, 'expected topics that differ'),
    'the same topic in two ways': ({'image_topics': '[/a, a]'}, 'expected topics that differ'),
    'one topic for several': ({'image_topics': '/a'}, 'expected a list of strings'),
    'no topic name': ({'ros_img_topic_name': "'my camera'"}, "ros_img_topic_name is 'my camera'"),
    'no output topic name': ({'msg_pub_topic_name': "'a b'"}, "msg_pub_topic_name is 'a b'"),
    'an integer for a number': ({'score_threshold': '1'}, 'a number with a decimal point'),
    'not a number': ({'nms_threshold': '.nan'}, 'parameter nms_threshold'),
    'raw nv12 without a size': ({'feed_type': 0, 'image': 'tiny.bin', 'image_type': 1},
                                'set image_width and image_height'),
    'no local picture': ({'feed_type': 0}, 'feed_type is 0'),
    'a local picture that is missing': ({'feed_type': 0, 'image': 'no.jpg'}, "'no.jpg'"),
}
CONFIGURATION = {
    'not JSON': ('{"model_file": "tiny.bin",}', 'line 1'),
    'a wrong type': ('{"model_file": "tiny.bin", "reg_max": "16"}', 'reg_max is "16"'),
    'no model': ('{}', 'model_file is missing'),
    'another class count': ('{"model_file": "tiny.bin", "class_num": 3}',
                            'perhaps "class_num" should be 2'),
    'other strides': ('{"model_file": "tiny.bin", "class_num": 2, "strides": [8, 16]}',
                      'perhaps "strides" should be [8, 16, 32]'),
    'another reg_max': ('{"model_file": "tiny.bin", "class_num": 2, "reg_max": 8}',
                        'perhaps "reg_max" should be 16'),
}


def check_refused(process, words):
    """Check exit code and message."""
    assert process.wait() == 1, process.log
    assert words in process.log and 'Traceback' not in process.log
    assert process.log.count('yolo12_node: error:') == 1


@pytest.mark.parametrize('name', START)
def test_parameters(start, tiny, name):
    parameters, words = START[name]
    check_refused(start(NODE, **{'config_file': tiny, **parameters}), words)


@pytest.mark.parametrize('name', CONFIGURATION)
def test_configuration(start, tiny, name):
    text, words = CONFIGURATION[name]
    tiny.write_text(text)
    check_refused(start(NODE, config_file=tiny), words)


def test_bin_without_a_bpu(tmp_path):
    process = Process(tmp_path, NODE, environment={'YOLO12_LIBDNN': ''},
                      config_file=write_tiny_model(tmp_path))
    check_refused(process, 'no backend can run tiny.bin')
    for name in ('libdnn:', 'hbm_runtime:', 'pyeasy_dnn:', '.onnx'):
        assert name in process.log


def test_broken_model(start, tiny):
    (tiny.parent / 'tiny.bin').write_text('not a model')
    check_refused(start(NODE, config_file=tiny), 'tiny.bin cannot be loaded')


def test_the_block_says_what_runs(start, tiny):
    node = start(NODE, config_file=tiny)
    node.wait_for('publish')
    for words in ('tiny.bin', 'libdnn 1.24.5', '2 in flight', '64x64 nv12, letterbox',
                  'class output0, box output1', '2: cat, dog', 'score >= 0.25',
                  '/image (waiting for a publisher)', '/yolo12/detections'):
        assert words in node.log, words


def test_the_block_says_where_each_camera_is_published(start, tiny):
    node = start(NODE, config_file=tiny, image_topics='[/cam/left, /cam/right]')
    node.wait_for('publish   /yolo12/left/detections')
    node.wait_for('publish   /yolo12/right/detections')


def test_one_topic_among_several_has_its_name_too(start, tiny):
    start(NODE, config_file=tiny, image_topics='[/cam/left]').wait_for('/yolo12/left/detections')


def test_the_block_says_which_files_were_found(start, tiny):
    start(NODE, config_file=tiny).wait_for(f'({tiny.parent / "labels.txt"})')


def test_whole_numbers_in_the_json_are_numbers(client, start, tiny):
    write_config(tiny, score_threshold=1, nms_threshold=0)
    node = start(NODE, config_file=tiny, nms_threshold=0.5)
    node.wait_for('score >= 1.0, IoU 0.5')
    assert node.stop() == 0


def test_empty_lists(start, tiny):
    node = start(NODE, config_file=tiny, image_topics='[]', classes='[]')
    node.wait_for('publish   /yolo12/detections')
    assert node.stop() == 0


def test_arguments_that_cannot_be_read(tmp_path):
    process = Process(tmp_path, NODE, '--ros-args', '-p', 'foo')
    check_refused(process, 'the arguments cannot be read')


def test_unknown_keys_are_named(start, tiny):
    write_config(tiny, score_treshold=0.5)
    node = start(NODE, config_file=tiny)
    node.wait_for("unknown key 'score_treshold' is ignored: do you mean 'score_threshold'?")


def test_paths_beside_the_json_from_any_folder(start, tiny, tmp_path, library):
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    node = Process(elsewhere, NODE, environment={'YOLO12_LIBDNN': os.fspath(library)},
                   config_file=tiny)
    node.wait_for('publish')
    assert node.stop() == 0
    assert not [f for f in elsewhere.iterdir() if f.suffix != '.log']   # nothing is copied here


def test_model_parameter_wins_over_the_json(start, tiny):
    write_model(tiny.parent / 'other.bin', tiny_heads(), size=(64, 64))
    node = start(NODE, config_file=tiny, model_file=tiny.parent / 'other.bin')
    node.wait_for('other.bin (other)')

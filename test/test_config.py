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

"""The JSON configuration: every key, every mistake, every place a path may mean."""
import json
from pathlib import Path

from hypothesis import given, HealthCheck, settings, strategies as st
import pytest
from yolo12_ros import config
from yolo12_ros.config import KEYS, load_config
from yolo12_ros.errors import ConfigError
from yolo12_ros.labels import COCO_NAMES
from yolo12_ros.postprocess import HeadFormat, Settings

# The example of D-Robotics' published guide.
GUIDE = """{
    "model_file": "yourself.bin",
    "dnn_Parser": "yolov8",
    "model_output_count": 6,
    "reg_max": 16,
    "class_num": 80,
    "cls_names_list": "config/coco.list",
    "strides": [8, 16, 32],
    "score_threshold": 0.25,
    "nms_threshold": 0.7,
    "nms_top_k": 300
}"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes the configuration, text or values, and returns its path."""
    (tmp_path / 'cwd').mkdir()
    monkeypatch.chdir(tmp_path / 'cwd')
    monkeypatch.setattr(config, 'package_share', lambda: tmp_path / 'share')

    def write_file(content):
        file = tmp_path / 'json' / 'model.json'
        file.parent.mkdir(exist_ok=True)
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file
    return write_file


def refused(file, *words):
    """Check that the error of a configuration holds the words and its path."""
    with pytest.raises(ConfigError) as e:
        load_config(file)
    text = str(e.value)
    missing = [word for word in (str(file), *words) if word not in text]
    assert not missing, f'{missing} not in {text!r}'


def labels_at(folder, name='my.list', names=('cat', 'dog')):
    """Write a label list and return its path."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('\n'.join(names))
    return file


def test_the_guides_example_loads(write, tmp_path):
    """A file written for dnn_node_example works as it is."""
    file = write(GUIDE)
    labels_at(tmp_path / 'json', 'config/coco.list', COCO_NAMES)
    got = load_config(str(file))
    assert (got.path, got.model_file, got.model_name) == (file, Path('yourself.bin'), '')
    assert got.labels == COCO_NAMES
    assert got.form == HeadFormat(80, 16, (8, 16, 32), None)
    assert got.settings == Settings(0.25, 0.7, 300)
    assert got.warnings == ()


def test_defaults_are_those_of_dnn_node_example(write):
    """Its source says 0.4, 0.5 and 5000."""
    got = load_config(write({'model_file': 'm.onnx'}))
    assert got.form == HeadFormat(80, 16, (8, 16, 32), None)
    assert got.settings == Settings(0.4, 0.5, 5000)
    assert got.labels == COCO_NAMES and got.warnings == ()


def test_every_key(write, tmp_path):
    """What is written arrives."""
    labels_at(tmp_path / 'json')
    got = load_config(write({
        'model_file': 'm.bin', 'model_name': 'net', 'dnn_Parser': 'yolov12',
        'model_output_count': 4, 'class_num': 2, 'cls_names_list': 'my.list', 'reg_max': 8,
        'strides': [16, 32], 'score_threshold': 0, 'nms_threshold': 1, 'nms_top_k': 7,
        'output_order': [1, 0, 3, 2], 'task_num': 2, 'is_performance': True}))
    assert got.model_name == 'net' and got.labels == ('cat', 'dog')
    assert got.form == HeadFormat(2, 8, (16, 32), (1, 0, 3, 2))
    assert got.settings == Settings(0, 1, 7) and got.warnings == ()
    other = got.with_model('/other.bin')
    assert (other.model_file, other.form) == (Path('/other.bin'), got.form)


@pytest.mark.parametrize('file', ['yolo12n.json', 'yolo12n_onnx.json'])
def test_shipped_configurations(file):
    """They load, with their label list."""
    path = Path(__file__).resolve().parents[1] / 'config' / file
    got = load_config(path)
    assert got.labels == COCO_NAMES and got.warnings == ()


@pytest.mark.parametrize('content', [b'\xef\xbb\xbf' + GUIDE.encode(),
                                     GUIDE.replace('\n', '\r\n').encode()])
def test_bom_and_windows_line_ends(write, tmp_path, content):
    """Editors on Windows write them."""
    labels_at(tmp_path / 'json', 'config/coco.list', COCO_NAMES)
    assert load_config(write(content)).settings == Settings(0.25, 0.7, 300)


NOT_TEXT = [None, 1, True, ['a'], {}]
NOT_COUNT = [0, -1, 1.5, True, '6', None, [1], float('nan'), float('inf')]
NOT_RATIO = [-0.1, 1.1, '0.5', True, None, [0.5], float('nan'), float('inf'), float('-inf')]
WRONG = {
    'model_file': (NOT_TEXT + [''], '.bin or .onnx'),
    'model_name': (NOT_TEXT, 'a string'),
    'dnn_Parser': (['yolov5', 'YOLOv8', *NOT_TEXT], 'yolov8, yolov11, yolov12'),
    'model_output_count': (NOT_COUNT, 'a positive integer'),
    'class_num': (NOT_COUNT + [10 ** 9, 2 ** 70], 'integer'),
    'cls_names_list': (NOT_TEXT, 'one class name a line'),
    'reg_max': (NOT_COUNT, 'a positive integer'),
    'strides': ([[], 8, '8', None, [8, 0], [8, -16], [8, 16.0], [8, True], ['8'], {}],
                'a list of positive integers'),
    'score_threshold': (NOT_RATIO, 'a number from 0 to 1'),
    'nms_threshold': (NOT_RATIO, 'a number from 0 to 1'),
    'nms_top_k': (NOT_COUNT + [100001], 'an integer from 1 to 100000'),
    'output_order': ([[], 0, None, [0, 1.0], [True, 0], '01'], 'a list of integers'),
    'task_num': (NOT_COUNT, 'a positive integer'),
    'is_performance': ([0, 1, 'true', None], 'true or false'),
}


def test_the_table_of_wrong_values_is_complete():
    """Every key has its mistakes."""
    assert set(WRONG) == set(KEYS)


@pytest.mark.parametrize('key, value, expected', [
    (key, value, expected) for key, (values, expected) in WRONG.items() for value in values])
def test_wrong_values(write, key, value, expected):
    """The error names file, key, value as it stands in the file, and what is expected."""
    file = write({'model_file': 'm.bin', **{key: value}})
    refused(file, f'{key} is {json.dumps(value)}: expected', expected)


@pytest.mark.parametrize('values, words', [
    ({}, ['model_file is missing', '.bin or .onnx']),
    ({'class_num': 2}, ['model_file is missing']),
    ({'model_file': 'm.bin', 'strides': [8, 8, 16]}, ['strides', '[8, 8, 16]', 'different']),
    ({'model_file': 'm.bin', 'model_output_count': 3},
     ['model_output_count is 3', 'expected 6', '[8, 16, 32]']),
    ({'model_file': 'm.bin', 'strides': [8, 16], 'model_output_count': 6},
     ['model_output_count is 6', 'expected 4', '[8, 16]']),
    ({'model_file': 'm.bin', 'output_order': [0, 1, 2]}, ['output_order is [0, 1, 2]', '0 to 5']),
    ({'model_file': 'm.bin', 'output_order': [0, 1, 2, 3, 4, 4]}, ['output_order', 'once']),
    ({'model_file': 'm.bin', 'output_order': [1, 2, 3, 4, 5, 6]}, ['output_order', '0 to 5']),
    ({'model_file': 'm.bin', 'cls_names_list': 'no.list'},
     ["cls_names_list 'no.list' does not exist", 'json/no.list', 'share/no.list', 'cwd/no.list']),
    ({'model_file': 'm.bin', 'cls_names_list': '/no/such.list'}, ['looked for /no/such.list']),
    ({'model_file': 'm.bin', 'cls_names_list': ''}, ["cls_names_list '' does not exist"]),
    ({'model_file': 'm.bin', 'cls_names_list': 'x' * 5000}, ['does not exist']),
    ({'model_file': 'm.bin', 'cls_names_list': '\0'}, ['does not exist']),
    ({'model_file': 'm.bin', 'cls_names_list': '~no such user~/x'}, ['does not exist']),
])
def test_values_that_do_not_fit_together(write, values, words):
    """The error names the key to change."""
    refused(write(values), *words)


@pytest.mark.parametrize('names, class_num', [(['cat'], 2), (['cat', 'dog', 'bird'], 2)])
def test_label_list_of_another_length(write, tmp_path, names, class_num):
    """Both numbers and both files are named."""
    labels = labels_at(tmp_path / 'json', names=names)
    refused(write({'model_file': 'm.bin', 'class_num': class_num, 'cls_names_list': 'my.list'}),
            f'class_num is {class_num}', f'{labels} has {len(names)} names')


def test_broken_label_list(write, tmp_path):
    """The error of the list is not hidden."""
    labels = labels_at(tmp_path / 'json', names=['cat', '', 'dog'])
    with pytest.raises(ConfigError, match=f'{labels} has an empty line 2'):
        load_config(write({'model_file': 'm.bin', 'cls_names_list': 'my.list'}))


@pytest.mark.parametrize('path', ['m.bin', '~no such user~/m.bin', 'x' * 5000, '\0.bin', '\ud800'])
def test_model_file_need_not_exist(write, path):
    """Whoever opens it says so; loading a configuration does not fail."""
    got = load_config(write({'model_file': path}))
    assert str(got.model_file) == path


def test_classes_without_a_list_are_named_by_number(write):
    """With a note for the log."""
    got = load_config(write({'model_file': 'm.bin', 'class_num': 3}))
    assert got.labels == ('class 0', 'class 1', 'class 2')
    assert len(got.warnings) == 1 and 'cls_names_list is missing' in got.warnings[0]


@pytest.mark.parametrize('key, near', [
    ('score_treshold', "'score_threshold'"), ('class_nums', "'class_num'"),
    ('dnn_parser', "'dnn_Parser'"), ('qqqq', None)])
def test_unknown_keys_are_a_warning_with_the_nearest_name(write, key, near):
    """They do not stop anybody."""
    file = write({'model_file': 'm.bin', key: 1})
    warning, = load_config(file).warnings
    assert str(file) in warning and repr(key) in warning
    assert near in warning if near else 'do you mean' not in warning


@pytest.mark.parametrize('content, words', [
    ('', ['line 1, column 1', 'not valid JSON']),
    ('{"model_file": "m.bin",}', ['line 1, column', 'not valid JSON']),
    ('{\n  "model_file": "m.bin"\n  "class_num": 80\n}',
     ['line 3, column 3', "Expecting ',' delimiter", '"class_num": 80']),
    ('{\n  // comment\n  "model_file": "m.bin"}', ['line 2, column 3', '// comment']),
    ("{'model_file': 'm.bin'}", ['line 1, column 2', 'double quotes']),
    ('{"model_file": "m.bin"', ['line 1', 'not valid JSON']),
    ('{\n<<<<<<< HEAD\n  "model_file": "a.bin"\n=======\n  "model_file": "b.bin"\n>>>>>>> x\n}',
     ['line 2, column 1', '<<<<<<< HEAD']),
    ('{"model_file": "m.bin"}\n>>>>>>> x\n', ['line 2, column 1', '>>>>>>> x']),
    ('{"model_file": "m.bin", "class_num": 3, "class_num": 4}', ['class_num is given twice']),
    ('[1, 2]', ['expected a JSON object', '[1, 2]']),
    ('"model_file"', ['expected a JSON object']),
    ('null', ['expected a JSON object']),
    ('3', ['expected a JSON object']),
    ('NaN', ['expected a JSON object']),
    (b'\xff\xfe{\x00}\x00', ['not UTF-8']),
    ('[' * 100000, ['not valid JSON']),
    ('{"class_num": 1' + '0' * 5000 + '}', []),
    ('{"model_file": "m.bin", "score_threshold": 1e999}', ['score_threshold is Infinity']),
])
def test_broken_files(write, content, words):
    """The error says where; nothing but a ConfigError comes out."""
    refused(write(content), *words)


@pytest.mark.parametrize('name, words', [('absent.json', ['No such file', 'config_file']),
                                         ('.', ['directory']), ('~no such user~/x', ['~no such']),
                                         ('\0', ['cannot read'])])
def test_unreadable_files(tmp_path, name, words):
    """The error gives the system's reason and the parameter to check."""
    with pytest.raises(ConfigError) as e:
        load_config(name if name[0] in '~\0' else tmp_path / name)
    assert all(word in str(e.value) for word in words)


PLACES = ['json', 'share', 'cwd']


@pytest.mark.parametrize('present, used', [
    (PLACES, 'json'), (['share', 'cwd'], 'share'), (['cwd'], 'cwd'), (['json'], 'json'),
    (['json', 'cwd'], 'json')])
def test_order_of_places(write, tmp_path, present, used):
    """Beside the JSON, then the package's share folder, then the current folder."""
    for place in present:
        labels_at(tmp_path / place, 'sub/my.list', [place, 'dog'])
        labels_at(tmp_path / place, 'sub/m.bin')
    got = load_config(write({'model_file': 'sub/m.bin', 'class_num': 2,
                             'cls_names_list': 'sub/my.list'}))
    assert got.labels == (used, 'dog')
    assert got.model_file == tmp_path / used / 'sub' / 'm.bin'
    assert got.labels_file == tmp_path / used / 'sub' / 'my.list'


def test_absolute_and_home_paths(write, tmp_path, monkeypatch):
    """Nothing is looked for anywhere else."""
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    labels = labels_at(tmp_path / 'home')
    labels_at(tmp_path / 'json', 'other.list')
    for name in (str(labels), '~/my.list'):
        got = load_config(write({'model_file': 'm.bin', 'class_num': 2, 'cls_names_list': name}))
        assert got.labels_file == labels


def test_without_a_share_folder(write, monkeypatch):
    """A module copied out of the package still loads."""
    monkeypatch.setattr(config, 'package_share', lambda: None)
    assert load_config(write({'model_file': 'm.bin'})).model_file == Path('m.bin')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(['~x', '/', '.', '..', '\0', 'm.bin', 1e400, 10 ** 30]),
    lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=4), v, max_size=3),
    max_leaves=6)


@given(st.dictionaries(st.sampled_from(list(KEYS)) | st.text(max_size=10), JSON, max_size=8))
@settings(max_examples=300, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_values_load_or_raise_a_config_error(write, values):
    """With a model file, so that the other keys are reached."""
    try:
        got = load_config(write({'model_file': 'm.bin', **values}))
    except ConfigError:
        return
    assert len(got.labels) == got.form.class_num


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda t: t.encode('utf-8', 'replace')))
@settings(max_examples=200, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_raise_a_config_error(write, content):
    """No sixty random bytes are a configuration."""
    with pytest.raises(ConfigError):
        load_config(write(content))


@pytest.mark.parametrize('model, options', [
    ('a.bin', {'model_name': 'night'}), ('a.onnx', {})])
def test_what_a_model_is_opened_with(tmp_path, model, options):
    path = tmp_path / 'c.json'
    path.write_text(json.dumps({'model_file': 'x.bin', 'model_name': 'night'}))
    config = load_config(path).with_model(f'~/{model}')
    assert config.model_options() == options
    assert config.model_file == Path.home() / model

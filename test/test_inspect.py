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
"""`yolo12 inspect`: models and logs to one table, and the JSON that fits."""
import json
import subprocess

import numpy as np
import pytest
from recorded_heads import MODEL, need_data
from vendor_tools import put_on_path, run, save_onnx, SHAPES
from yolo12_ros.backends import TensorInfo
from yolo12_ros.config import KEYS, load_config
from yolo12_ros.errors import ModelError
from yolo12_ros.postprocess import pair_heads
from yolo12_ros.tools.head_form import derive_form


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Return a .bin of the stand-ins, with hrt_model_exec on PATH."""
    put_on_path(tmp_path, monkeypatch, 'hrt_model_exec')
    path = tmp_path / 'net.bin'
    path.write_text(json.dumps({'name': 'net', 'stripped': ['1051', '1073', '1095'],
                                'outputs': list(SHAPES.items())}))
    return path


def infos(*shapes, kinds='f'):
    """Return descriptions of outputs; kinds: one letter each, or one for all."""
    kinds = kinds * len(shapes) if len(kinds) == 1 else kinds
    return [TensorInfo(str(i), s, np.dtype('float32' if k == 'f' else 'int32'),
                       None if k == 'f' else np.ones(s[3], np.float32))
            for i, (s, k) in enumerate(zip(shapes, kinds))]


def test_a_bin_by_hrt_model_exec(model, capsys):
    code, out, _ = run(capsys, 'inspect', model)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == 'model net (hrt_model_exec)'
    assert lines[2].split() == ['input', 'images', '(1,', '3,', '640,', '640)', 'NV12', '-',
                                '640x640', 'picture']
    assert lines[3].split() == ['output', '0', 'output0', '(1,', '80,', '80,', '80)', 'float32',
                                '-', 'class,', 'stride', '8']
    assert lines[4].split()[-5:] == ['int32', '64', 'box,', 'stride', '8']
    assert lines[9] == 'strides [8, 16, 32], class_num 80, reg_max 16'


def test_a_bin_without_board_says_how_to_get_a_log(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('PATH', '')
    code, _, err = run(capsys, 'inspect', model)
    assert code == 1
    assert 'hrt_model_exec model_info --model_file net.bin > info.txt' in err


def test_a_broken_bin(model, monkeypatch, capsys):
    monkeypatch.setenv('FAKE_HRT_MODEL_EXEC', 'refuse')
    code, _, err = run(capsys, 'inspect', model)
    assert code == 1 and 'hrt_model_exec cannot read' in err and 'model file is broken' in err


def test_an_rgb_model_cannot_serve(model, monkeypatch, capsys):
    monkeypatch.setenv('FAKE_HRT_MODEL_EXEC', 'rgb')
    code, out, err = run(capsys, 'inspect', model)
    assert code == 1
    assert '(1, 3, 640, 640)  RGB' in out
    assert 'the input of net is RGB: the node feeds NV12' in err


def test_a_log_that_was_cut_between_two_outputs_is_refused(model, tmp_path, capsys):
    text = subprocess.run(['hrt_model_exec', 'model_info', '--model_file', str(model)],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    (tmp_path / 'info.txt').write_text(text[:text.index('output[4]')])
    target = tmp_path / 'net.json'
    code, out, err = run(capsys, 'inspect', tmp_path / 'info.txt', '--write-config', target)
    assert code == 1 and 'no outputs for stride [32]' in err and 'cut short?' in err
    assert 'output 3' in out and not target.exists()


def test_an_onnx_and_its_json(tmp_path, capsys):
    shapes = {'p3b': (1, 40, 40, 32), 'p3c': (1, 40, 40, 3), 'p5c': (1, 10, 10, 3),
              'p5b': (1, 10, 10, 32)}
    path = save_onnx(tmp_path / 'net.onnx', shapes, size=320)
    labels = tmp_path / 'names.list'
    labels.write_text('cat\ndog\nbird\n')
    target = tmp_path / 'net.json'
    code, out, _ = run(capsys, 'inspect', path, '--write-config', target, '--labels', labels)
    assert code == 0
    assert 'strides [8, 32], class_num 3, reg_max 8' in out and f'wrote {target}' in out
    values = json.loads(target.read_text())
    assert values == {
        'model_file': 'net.onnx', 'dnn_Parser': 'yolov8', 'model_output_count': 4, 'class_num': 3,
        'cls_names_list': 'names.list', 'reg_max': 8, 'strides': [8, 32], 'score_threshold': 0.25,
        'nms_threshold': 0.7, 'nms_top_k': 300}
    assert set(values) <= set(KEYS)
    config = load_config(target)
    assert config.model_file == path and config.labels == ('cat', 'dog', 'bird')
    assert not config.warnings
    code, out, _ = run(capsys, 'inspect', path, '--config', target)
    assert code == 0 and f'{target} fits' in out


def test_the_real_onnx(tmp_path, capsys):
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    need_data()
    target = tmp_path / 'real.json'
    code, out, _ = run(capsys, 'inspect', MODEL, '--write-config', target)
    assert code == 0
    assert 'strides [8, 16, 32], class_num 80, reg_max 16' in out
    assert load_config(target).model_file == MODEL.resolve()


def test_a_json_that_does_not_fit(model, tmp_path, capsys):
    (tmp_path / 'c.json').write_text('{"model_file": "net.bin", "class_num": 3}')
    code, out, err = run(capsys, 'inspect', model, '--config', tmp_path / 'c.json')
    assert code == 1
    assert 'output0' in out                 # the table is shown all the same
    assert 'perhaps "class_num" should be 80' in err


def test_a_log_gives_a_json(model, tmp_path, monkeypatch, capsys):
    info = tmp_path / 'info.txt'
    info.write_text(subprocess.run(['hrt_model_exec', 'model_info', '--model_file', str(model)],
                                   capture_output=True, text=True, check=True).stdout)
    target = tmp_path / 'sub' / 'net.json'
    target.parent.mkdir()
    code, out, _ = run(capsys, 'inspect', info, '--write-config', target)
    assert code == 0
    assert 'note: model_file is net.bin: put the model there' in out
    assert load_config(target).form.class_num == 80


def test_64_classes_are_ambiguous_and_written_down(tmp_path, capsys):
    shapes = {'c8': (1, 80, 80, 64), 'b8': (1, 80, 80, 64)}
    path = save_onnx(tmp_path / 'net.onnx', shapes)
    target = tmp_path / 'net.json'
    code, out, _ = run(capsys, 'inspect', path, '--write-config', target)
    assert code == 0 and 'class comes first in the model' in out
    assert 'classes are named by number' in out
    assert json.loads(target.read_text())['output_order'] == [0, 1]
    load_config(target)


def test_an_existing_json_is_kept(tmp_path, capsys):
    path = save_onnx(tmp_path / 'net.onnx')
    target = tmp_path / 'net.json'
    target.write_text('mine')
    code, _, err = run(capsys, 'inspect', path, '--write-config', target)
    assert code == 1 and 'exists' in err and target.read_text() == 'mine'
    assert run(capsys, 'inspect', path, '--write-config', target, '--force')[0] == 0
    load_config(target)


def test_labels_that_do_not_fit_leave_no_file(tmp_path, capsys):
    path = save_onnx(tmp_path / 'net.onnx')
    (tmp_path / 'names.list').write_text('cat\n')
    code, _, err = run(capsys, 'inspect', path, '--write-config', tmp_path / 'net.json',
                       '--labels', tmp_path / 'names.list')
    assert code == 1
    assert 'net.json: class_num is 80, but' in err and 'has 1 names' in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ['names.list', 'net.onnx']


@pytest.mark.parametrize('arguments, wanted', [
    (['no.onnx'], 'no.onnx does not exist'),
    (['no.txt'], 'cannot read no.txt'),
    (['.'], 'cannot read .'),
    (['diary.txt'], 'diary.txt is neither a model nor a log'),
    (['binary'], 'binary is not text'),
    (['diary.txt', '--labels', 'a'], '--labels needs --write-config'),
    (['diary.txt', '--config', 'a', '--write-config', 'b'], 'give only one'),
    (['diary.txt', '--write-config', 'no/b.json'], 'folder no does not exist'),
    (['hb.log'], 'names 0 inputs and 0 outputs')])
def test_bad_input(tmp_path, monkeypatch, capsys, arguments, wanted):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'diary.txt').write_text('Dear diary')
    (tmp_path / 'binary').write_bytes(b'\x7fELF\0\0')
    (tmp_path / 'hb.log').write_text('2026-02-20 01:32:30,405 INFO Start hb_mapper....\n')
    code, _, err = run(capsys, 'inspect', *arguments)
    assert code == 1
    assert len(err.splitlines()) == 1
    assert err.startswith('yolo12 inspect: error: ') and wanted in err


@pytest.mark.parametrize('outputs, size, expected', [
    (infos((1, 80, 80, 80), (1, 80, 80, 64)), (640, 640), (80, 16, (8,))),
    (infos((1, 80, 80, 64), (1, 80, 80, 1)), (640, 640), (1, 16, (8,))),
    (infos((1, 10, 20, 5), (1, 20, 40, 64), (1, 10, 20, 64), (1, 20, 40, 5)), (320, 160),
     (5, 16, (8, 16))),
    (infos((1, 8, 8, 36), (1, 8, 8, 7)), (64, 64), (7, 9, (8,))),
    (infos((1, 8, 8, 8), (1, 8, 8, 32), kinds='fi'), (64, 64), (8, 8, (8,))),
    (infos((1, 8, 8, 8), (1, 8, 8, 32), kinds='if'), (64, 64), (32, 2, (8,))),
    (infos((1, 8, 8, 8), (1, 8, 8, 32)), (64, 64), (8, 8, (8,))),
    (infos((1, 8, 8, 64), (1, 8, 8, 64)), (64, 64), (64, 16, (8,))),
    (infos((1, 8, 8, 8), (1, 8, 8, 8)), (64, 64), (8, 2, (8,)))])
def test_the_form_follows_from_shapes(outputs, size, expected):
    form, _ = derive_form(outputs, size)
    assert (form.class_num, form.reg_max, form.strides) == expected
    heads, _ = pair_heads(outputs, size, form)
    assert len(heads) == len(form.strides)


def test_reg_max_can_be_said():
    outputs = infos((1, 8, 8, 64), (1, 8, 8, 32))
    assert derive_form(outputs, (64, 64))[0].reg_max == 16
    form, notes = derive_form(outputs, (64, 64), reg_max=8)
    assert (form.class_num, form.reg_max, notes) == (64, 8, [])
    _, notes = derive_form(infos((1, 8, 8, 8), (1, 8, 8, 32)), (64, 64))
    assert '--reg-max' in notes[0]


@pytest.mark.parametrize('outputs, wanted', [
    ([], 'no outputs'),
    (infos((1, 8, 8, 80)), r'stride 8 has 1 output \(0 \(1, 8, 8, 80\)\)'),
    (infos((1, 8, 8, 80), (1, 8, 8, 64), (1, 8, 8, 1)), 'stride 8 has 3 outputs'),
    (infos((1, 8, 8, 80), (1, 8, 8, 64), (1, 4, 4, 80), (1, 4, 4, 60)),
     r'outputs of stride 16 have \[80, 60\] channels'),
    (infos((1, 80, 8, 8), (1, 64, 8, 8)), 'is no raw head'),
    (infos((1, 0, 0, 8)), 'is no raw head'),
    ([TensorInfo('output0', (1, 84, 8400), np.dtype('float32'))], 'yolo12 export'),
    (infos((1, 8, 8, 7), (1, 8, 8, 9)), r'neither is 4 \* reg_max')])
def test_what_are_no_heads(outputs, wanted):
    with pytest.raises(ModelError, match=wanted):
        derive_form(outputs, (64, 64))

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
"""`yolo12 strip` against stand-ins: which nodes it takes, and what it checks afterwards."""
import json
from types import SimpleNamespace

import pytest
from vendor_tools import put_on_path, run, SHAPES
from yolo12_ros.errors import ModelError
from yolo12_ros.tools.hb_modifier_log import ModifierLog, RemovableNode
from yolo12_ros.tools.strip import nodes_to_remove

# The stand-in names its nodes a to f in the order of the outputs: boxes are b, d, f.
BOXES = [f'/model.21/{letter}/Conv_output_0_HzDequantize' for letter in 'bdf']


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Return a .bin of the stand-ins, with all tools on PATH."""
    put_on_path(tmp_path, monkeypatch, 'hb_model_modifier', 'hrt_model_exec')
    path = tmp_path / 'net.bin'
    path.write_text(json.dumps({'name': 'net', 'stripped': [], 'outputs': list(SHAPES.items())}))
    return path


def mapper_log(path, outputs=SHAPES, name='net'):
    """Write the part of hb_mapper's log that tells the shapes."""
    lines = ['hb_mapper version 1.24.3', f'  output_model_file_prefix: {name}', 'Graph input:',
             '    images:   shape=[1, 3, 640, 640], dtype=FLOAT32', 'Graph output:',
             *(f'    {name}:   shape={list(shape)}, dtype=FLOAT32'
               for name, shape in outputs.items())]
    path.write_text('\n'.join(lines) + '\n')
    return path


def test_success(model, capsys):
    code, out, _ = run(capsys, 'strip', model)
    assert code == 0
    assert 'box outputs: 1051 (1, 80, 80, 64), 1073 (1, 40, 40, 64), 1095 (1, 20, 20, 64)' in out
    assert [line.split()[1] for line in out.splitlines() if line.startswith('remove ')] == BOXES
    assert '3 nodes are gone, 3 other removable nodes remain' in out
    assert 'every box output has 64 scales' in out
    stripped = model.with_name('net_modified.bin')
    assert f'wrote {stripped}' in out
    assert json.loads(stripped.read_text())['stripped'] == ['1051', '1073', '1095']


def test_the_shapes_come_from_the_log_beside_the_model(model, tmp_path, monkeypatch, capsys):
    (tmp_path / 'x').mkdir()
    put_on_path(tmp_path / 'x', monkeypatch, 'hb_model_modifier')
    code, _, err = run(capsys, 'strip', model)
    assert code == 1 and '--info hb_mapper_makertbin.log' in err
    mapper_log(tmp_path / 'hb_mapper_makertbin.log', {'x': (1, 8, 8, 8)}, name='another')
    assert run(capsys, 'strip', model)[0] == 1      # not of this model
    mapper_log(tmp_path / 'hb_mapper_makertbin.log')
    code, out, _ = run(capsys, 'strip', model)
    assert code == 0
    assert 'not checked: the scales of the box outputs' in out
    assert 'yolo12 inspect net_modified.bin' in out


def test_shapes_decide_whatever_the_outputs_are_called(tmp_path, monkeypatch, capsys):
    """Class outputs of 20 classes and boxes of 8 bins, in the other order."""
    put_on_path(tmp_path, monkeypatch, 'hb_model_modifier', 'hrt_model_exec')
    shapes = {name: (1, g, g, c) for (name, (_, g, _, _)), c in
              zip(SHAPES.items(), (32, 21, 32, 21, 32, 21))}
    path = tmp_path / 'net.bin'
    path.write_text(json.dumps({'name': 'net', 'stripped': [], 'outputs': list(shapes.items())}))
    code, out, _ = run(capsys, 'strip', path)
    assert code == 0
    stripped = json.loads(path.with_name('net_modified.bin').read_text())['stripped']
    assert stripped == ['output0', '1065', '1087']


def test_a_log_of_some_of_the_outputs_is_refused(model, tmp_path, capsys):
    info = mapper_log(tmp_path / 'info.log', dict(list(SHAPES.items())[:4]))
    code, _, err = run(capsys, 'strip', model, '--info', info)
    assert code == 1 and 'no outputs for stride [32]' in err and 'cut short?' in err
    assert not model.with_name('net_modified.bin').exists()


def test_64_classes_need_a_configuration(tmp_path, monkeypatch, capsys):
    put_on_path(tmp_path, monkeypatch, 'hb_model_modifier', 'hrt_model_exec')
    shapes = {name: (*shape[:3], 64) for name, shape in SHAPES.items()}
    path = tmp_path / 'net.bin'
    path.write_text(json.dumps({'name': 'net', 'stripped': [], 'outputs': list(shapes.items())}))
    code, _, err = run(capsys, 'strip', path)
    assert code == 1 and 'shapes cannot tell them apart: give --config' in err


def test_a_link_in_a_folder_with_blanks(model, tmp_path, capsys):
    link = tmp_path / 'a b' / 'my link.bin'
    link.parent.mkdir()
    link.symlink_to(model)
    code, out, _ = run(capsys, 'strip', link)
    assert code == 0 and f'wrote {link.with_name("my link_modified.bin")}' in out
    assert link.with_name('my link_modified.bin').is_file()


@pytest.mark.parametrize('case, wanted', [
    ('refuse', 'ended with code 1: Node /model.21/b/Conv_output_0_HzDequantize is not at the end'),
    ('keep', 'hb_model_modifier did not remove /model.21/b/'),
    ('other', 'net_modified.bin is not as it must be: /model.21/a/Conv_output_0_HzDequantize gone '
     'too'),
    ('forget', 'net_modified.bin is not as it must be: /model.21/b/Conv_output_0_HzDequantize, ')])
def test_a_removal_that_went_wrong(model, monkeypatch, capsys, case, wanted):
    monkeypatch.setenv('FAKE_HB_MODEL_MODIFIER', case)
    code, _, err = run(capsys, 'strip', model)
    assert code == 1
    assert err.startswith('yolo12 strip: error: ') and wanted in err
    assert len(err.splitlines()) == 1


def test_a_stripped_model_is_refused(model, capsys):
    run(capsys, 'strip', model)
    code, _, err = run(capsys, 'strip', model.with_name('net_modified.bin'))
    assert code == 1
    assert 'no removable Dequantize node gives the box output 1051 (1, 80, 80, 64)' in err
    assert 'Dequantize -> output0' in err and 'is the model stripped already?' in err


def test_without_the_tool_commands_are_printed(model, tmp_path, monkeypatch, capsys):
    run(capsys, 'strip', model)         # leaves a log behind, though of the modified model
    log = tmp_path / 'listing.log'
    nodes = [f'input: "x"\noutput: "{name}"\nname: "/{i}_HzDequantize"\nop_type: "Dequantize"\n'
             for i, name in enumerate(SHAPES)]
    log.write_text('\n'.join(nodes))
    monkeypatch.setenv('PATH', '')
    info = mapper_log(tmp_path / 'info.log')
    code, out, _ = run(capsys, 'strip', model, '--info', info)
    assert code == 3
    assert "bash -c 'hb_model_modifier net.bin'" in out and '--modifier-log' in out
    code, out, _ = run(capsys, 'strip', model, '--info', info, '--modifier-log', log)
    assert code == 3 and f'yolo12 inspect {model.with_name("net_modified.bin")}' in out
    assert ("bash -c 'hb_model_modifier net.bin -r /1_HzDequantize -r /3_HzDequantize "
            "-r /5_HzDequantize'") in out


def test_the_configuration_decides_where_shapes_cannot(tmp_path, monkeypatch, capsys):
    """64 classes: class and box have one shape, and this model gives boxes first."""
    put_on_path(tmp_path, monkeypatch, 'hb_model_modifier', 'hrt_model_exec')
    shapes = {name: (*shape[:3], 64) for name, shape in SHAPES.items()}
    path = tmp_path / 'net.bin'
    path.write_text(json.dumps({'name': 'net', 'stripped': [], 'outputs': list(shapes.items())}))
    config = tmp_path / 'net.json'
    config.write_text(json.dumps({'model_file': 'net.bin', 'class_num': 64,
                                  'output_order': [1, 0, 3, 2, 5, 4]}))
    assert run(capsys, 'strip', path, '--config', config)[0] == 0
    stripped = json.loads(path.with_name('net_modified.bin').read_text())['stripped']
    assert stripped == ['output0', '1065', '1087']


@pytest.mark.parametrize('arguments, wanted', [
    (['no.bin'], 'no.bin is not an existing .bin'),
    (['net.onnx'], 'net.onnx is not an existing .bin'),
    (['net.bin', '--info', 'no.log'], 'cannot read'),
    (['net.bin', '--modifier-log', 'diary.txt'], 'diary.txt is not a log of hb_model_modifier'),
    (['net.bin', '--reg-max', '7'], 'reg_max 7 means 28 channels, the model has [80, 64]')])
def test_bad_input(model, tmp_path, monkeypatch, capsys, arguments, wanted):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'diary.txt').write_text('Dear diary')
    code, _, err = run(capsys, 'strip', *arguments)
    assert code == 1 and err.startswith('yolo12 strip: error: ') and wanted in err


def test_a_node_of_another_kind_is_not_taken():
    listing = ModifierLog((RemovableNode('/t', 'Transpose', ('a',), ('box',)),))
    with pytest.raises(ModelError, match='Transpose -> box'):
        nodes_to_remove(listing, [SimpleNamespace(name='box', shape=(1, 8, 8, 64))])

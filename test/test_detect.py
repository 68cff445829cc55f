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

"""`yolo12 detect`: tables, JSON lines and drawn pictures; no picture of the user's is lost."""
import json

import cv2
import pytest
import tiny_model
from yolo12_ros.tools import command


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a model that sees colours, its configuration and two pictures."""
    pytest.importorskip('onnxruntime')
    tiny_model.write(tmp_path)
    (tmp_path / 'pics').mkdir()
    for name, colour in (('a.png', 'red'), ('b.png', 'blue')):
        cv2.imwrite(str(tmp_path / 'pics' / name), tiny_model.picture([(1, 1, colour)]))
    return tmp_path


def run(folder, *words):
    """Run the verb."""
    return command.main(['detect', '--config', str(folder / 'tiny.json'), *map(str, words)])


def test_a_table_for_each_picture(folder, capsys):
    assert run(folder, folder / 'pics') == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(': ')[1] for line in lines[::2]] == ['64x64, 1 detection'] * 2
    assert [line.split()[0] for line in lines[1::2]] == ['red', 'blue']
    assert [float(v) for v in lines[1].split()[2:]] == pytest.approx(
        tiny_model.box(1, 1), abs=0.1)


def test_json_lines(folder, capsys):
    assert run(folder, folder / 'pics', '--json') == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [r['detections'][0]['class_name'] for r in rows] == ['red', 'blue']
    assert (rows[0]['width'], rows[0]['height']) == (64, 64)


def test_drawn_pictures(folder):
    assert run(folder, folder / 'pics', '--draw', folder / 'out') == 0
    for name in ('a.png', 'b.png'):
        before, after = (cv2.imread(str(folder / d / name)) for d in ('pics', 'out'))
        assert before.shape == after.shape and (before != after).any()


@pytest.mark.parametrize('words, text', [
    (('pics', '--draw', 'pics'), 'would overwrite'),
    (('pics', 'more/a.png', '--draw', 'out'), 'would both be drawn as'),
    (('pics', '--draw', 'tiny.json/x'), 'tiny.json')])
def test_no_picture_is_lost(folder, monkeypatch, capsys, words, text):
    monkeypatch.chdir(folder)
    (folder / 'more').mkdir()
    cv2.imwrite('more/a.png', tiny_model.picture())
    before = (folder / 'pics' / 'a.png').read_bytes()
    assert run(folder, *words) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith('yolo12 detect: error: ') and text in error
    assert (folder / 'pics' / 'a.png').read_bytes() == before


def test_a_drawn_picture_that_cannot_be_written(folder, capsys):
    (folder / 'out' / 'a.png').mkdir(parents=True)
    assert run(folder, folder / 'pics' / 'a.png', '--draw', folder / 'out') == 1
    assert 'a.png cannot be written' in capsys.readouterr().err


def test_what_is_odd_in_the_configuration_is_said(folder, capsys):
    values = json.loads((folder / 'tiny.json').read_text())
    (folder / 'tiny.json').write_text(json.dumps({**values, 'score_treshold': 0.9}))
    assert run(folder, folder / 'pics') == 0
    assert "do you mean 'score_threshold'?" in capsys.readouterr().err

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

"""Compare: differences of heads, matched detections, the worst pictures side by side."""
import argparse
from pathlib import Path
import re

import numpy as np
import pytest

from yolo12_ros.detections import Detections
from yolo12_ros.errors import ConfigError, ImageError, ModelError
from yolo12_ros.tools import compare
from yolo12_ros.tools.compare import Case, HeadDifference, Pair, side_by_side
from yolo12_ros.tools.matching import iou, match

cv2 = pytest.importorskip('cv2')


def found(*rows):
    """Return Detections from (x1, y1, x2, y2, score, class)."""
    rows = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32))


def test_iou():
    a = np.float32([[0, 0, 10, 10], [20, 20, 30, 30], [5, 5, 5, 5]])
    b = np.float32([[0, 0, 10, 10], [0, 5, 10, 15]])
    np.testing.assert_allclose(iou(a, b), [[1, 1 / 3], [0, 0], [0, 0]], atol=1e-6)
    assert iou(a, np.empty((0, 4), np.float32)).shape == (3, 0)


def test_match_takes_the_best_overlap_first_and_each_box_once():
    a = found((0, 0, 10, 10, .9, 0), (1, 0, 11, 10, .8, 0))
    b = found((1, 0, 11, 10, .7, 0))
    assert [(i, j) for i, j, _ in match(a, b)] == [(1, 0)]


def test_match_gives_no_box_two_partners():
    a = found((0, 0, 10, 10, .9, 0), (1, 0, 11, 10, .8, 0))
    b = found((0, 0, 10, 10, .7, 0), (90, 90, 99, 99, .6, 0))
    for pairs in (match(a, b), [(j, i, o) for i, j, o in match(b, a)]):
        assert [(i, j) for i, j, _ in pairs] == [(0, 0)]


def test_match_wants_the_same_class_and_overlap():
    a = found((0, 0, 10, 10, .9, 0), (50, 50, 60, 60, .8, 2))
    b = found((0, 0, 10, 10, .9, 1), (54, 54, 64, 64, .8, 2))
    assert match(a, b) == [] and match(a, found()) == [] and match(found(), found()) == []
    assert len(match(a, b, threshold=0.2)) == 1


def test_head_difference_over_pictures():
    head = HeadDifference('box')
    a, b = np.float32([[1, 2], [3, 4]]), np.float32([[1, 2], [3, 6]])
    head.add(a, b)
    head.add(a, a)
    joined = np.concatenate([a, a]).ravel(), np.concatenate([b, a]).ravel()
    assert head.cosine == pytest.approx(
        joined[0] @ joined[1] / np.linalg.norm(joined[0]) / np.linalg.norm(joined[1]))
    assert (head.largest, head.mean) == (2, 0.25)
    assert HeadDifference('none').cosine == 1


def run(*words):
    """Run the verb with a command line."""
    parser = argparse.ArgumentParser()
    compare.add_arguments(parser)
    return compare.main(parser.parse_args([str(w) for w in words]))


@pytest.fixture
def folder(tmp_path):
    """Return a folder with two tiny models, a configuration and two pictures."""
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    import tiny_onnx
    for name, options in (('a', {}), ('other', {'seed': 9}), ('wide', {'classes': 7})):
        model = tiny_onnx.six_heads(class_bias=-1.0, **options)
        (tmp_path / f'{name}.onnx').write_bytes(model.SerializeToString())
    (tmp_path / 'config.json').write_text(
        '{"model_file": "a.onnx", "class_num": 5, "score_threshold": 0.3, "nms_threshold": 0.7}')
    rng = np.random.default_rng(3)
    for i in range(2):
        picture = rng.integers(0, 255, (9, 12, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        cv2.imwrite(str(tmp_path / f'{i}.png'), picture)
    return tmp_path


def test_the_worst_come_first_and_those_that_agree_not_at_all():
    pair = Pair.__new__(Pair)
    pair.cases = [Case(Path(str(n)), None, None, n // 2, n - n // 2) for n in (1, 5, 0, 3)]
    assert [c.path.name for c in pair.worst(3)] == ['5', '3', '1']
    assert [c.path.name for c in pair.worst(1)] == ['5']


def test_a_model_agrees_with_itself(folder, capsys):
    assert run(folder / 'a.onnx', folder / 'a.onnx', folder, '--config', folder / 'config.json',
               '--draw', folder / 'worst' / 'drawn.png') == 0
    printed = capsys.readouterr().out
    assert printed.count(' 1.000000     0.0000    0.000000') == 6
    assert '2 pictures' in printed and ' 0 lost, 0 extra' in printed
    assert 'nothing to draw' in printed and not (folder / 'worst').exists()


def test_other_weights_differ_and_the_worst_is_drawn(folder, capsys):
    run(folder / 'a.onnx', folder / 'other.onnx', folder, '--config', folder / 'config.json',
        '--draw', folder / 'drawn.png', '--worst', 1)
    printed = capsys.readouterr().out
    assert ' 1.000000 ' not in printed
    before, after, matched, lost, extra = (int(n) for n in re.search(
        r': (\d+) detections and (\d+); (\d+) matched .*, (\d+) lost, (\d+) extra',
        printed).groups())
    assert before - matched == lost and after - matched == extra and before != after
    worst = re.search(r'.png: (\d+) lost, (\d+) extra of (\d+)', printed).groups()
    assert 0 < int(worst[0]) <= min(lost, int(worst[2])) and int(worst[1]) <= extra
    assert len([line for line in printed.splitlines() if line.startswith(f'  {folder}')]) == 1
    assert cv2.imread(str(folder / 'drawn.png')).shape == (480, 1280, 3)


def test_an_estimate_with_int32_boxes_is_compared_in_values(folder, capsys):
    import onnx
    from yolo12_ros.tools.int8_estimate import estimate
    rng = np.random.default_rng(0)
    model = estimate(onnx.load(str(folder / 'a.onnx')),
                     (rng.random((1, 3, 64, 96), np.float32) for _ in range(4)), 4)
    (folder / 'int8.onnx').write_bytes(model.SerializeToString())
    run(folder / 'a.onnx', folder / 'int8.onnx', folder, '--config', folder / 'config.json')
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if 'stride' in line]
    assert len(rows) == 6 and all(float(words[3]) > 0.97 for words in rows)


def test_a_picture_that_cannot_be_read_is_left_out(folder, capsys):
    (folder / 'zz.jpg').write_text('no picture')
    words = folder / 'a.onnx', folder / 'a.onnx', folder, '--config', folder / 'config.json'
    assert run(*words) == 0
    printed = capsys.readouterr()
    assert '2 pictures:' in printed.out and 'zz.jpg' in printed.err
    for path in folder.glob('*.png'):
        path.unlink()
    with pytest.raises(ImageError, match='none of 1 pictures can be read'):
        run(*words)


@pytest.mark.parametrize('words, text', [
    (('--draw', 'worst'), 'expected a name that ends in .png'), (('--worst', '-1'), '0 or more')])
def test_options_that_cannot_be(folder, words, text):
    with pytest.raises(ConfigError, match=text):
        run(folder / 'a.onnx', folder / 'a.onnx', folder, '--config', folder / 'config.json',
            *words)


def test_models_that_cannot_be_compared(folder):
    with pytest.raises(ModelError, match='class_num'):
        run(folder / 'a.onnx', folder / 'wide.onnx', folder, '--config', folder / 'config.json')


def test_pictures_of_different_shapes_go_side_by_side(tmp_path):
    cases = []
    for i, (w, h) in enumerate(((64, 48), (30, 90))):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.zeros((h, w, 3), np.uint8))
        cases.append(Case(Path(tmp_path / f'{i}.png'), found((1, 1, 9, 9, .5, 0)), found(), 1, 0))
    drawn = side_by_side(cases, ['thing'], width=100)
    assert drawn.shape == (75 + 300, 200, 3)
    assert drawn[:75, :100].any() and not drawn[:75, 100:].any()

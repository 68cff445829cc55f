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

"""`yolo12 evaluate`: a tiny COCO set made here, pycocotools as the oracle, recorded data."""
import contextlib
import io
import json
from pathlib import Path
import re
import shutil

import cv2
import numpy as np
import pytest
from recorded_heads import MODEL, need_data
from yolo12_ros import backends
from yolo12_ros.backends import TensorInfo
from yolo12_ros.backends.threaded import ThreadedModel
from yolo12_ros.detections import Detections
from yolo12_ros.errors import BackendError, ConfigError, ImageError
from yolo12_ros.tools import command, evaluate
from yolo12_ros.tools.configured_model import fitting_backend
from yolo12_ros.tools.picture_detector import RgbLetterbox

pytest.importorskip('pycocotools')
from pycocotools.coco import COCO  # noqa: E402
from pycocotools.cocoeval import COCOeval  # noqa: E402
from yolo12_ros.tools.coco_results import CocoDataset, ResultStore, score  # noqa: E402

SIDE, GRID = 64, 8
LABELS = ('cake', 'bowl')
CATEGORIES = [{'id': 51, 'name': 'bowl'}, {'id': 61, 'name': 'cake'}]   # another order, with gaps
GREY = {'cake': 150, 'bowl': 235}


class Seer(ThreadedModel):
    """A model of 64x64 that sees one bright rectangle: a cake is grey, a bowl white."""

    def __init__(self, slots=2):
        self.name, self.backend, self.input_size = 'seer', 'made in the test', (SIDE, SIDE)
        self.outputs = tuple(TensorInfo(f'o{i}', (1, GRID, GRID, n), np.dtype('float32'))
                             for i, n in enumerate((2, 64)))
        self.runs, self.fail_at = 0, None
        super().__init__(slots)

    def run(self, nv12):
        """Put the rectangle into the cell of its centre."""
        self.runs += 1
        if self.runs == self.fail_at:
            raise BackendError('the power is gone')
        luma = nv12[:SIDE * SIDE].reshape(SIDE, SIDE).astype(int)
        classes = np.full((1, GRID, GRID, 2), -20, np.float32)
        boxes = np.zeros((1, GRID, GRID, 4, 16), np.float32)
        ys, xs = np.nonzero(np.abs(luma - 127) > 12)        # 127: the letterbox's grey
        inside = luma[ys, xs] > 127
        ys, xs = ys[inside], xs[inside]
        if len(xs):
            x1, y1, x2, y2 = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
            column, row = int((x1 + x2) / 2 // 8), int((y1 + y2) / 2 // 8)
            classes[0, row, column, int(np.median(luma[ys, xs]) > 185)] = 2
            x, y = column + 0.5, row + 0.5
            for side, d in enumerate((x - x1 / 8, y - y1 / 8, x2 / 8 - x, y2 / 8 - y)):
                low = int(d)
                boxes[0, row, column, side] = -30
                boxes[0, row, column, side, low] = np.log(max(1 - d + low, 1e-9))
                boxes[0, row, column, side, low + 1] = np.log(max(d - low, 1e-9))
        return [classes, boxes.reshape(1, GRID, GRID, 64)]


@pytest.fixture
def tiny(tmp_path):
    """Return the folder of ten pictures, annotations.json and config.json."""
    rng = np.random.default_rng(4)
    images, annotations = [], []
    (tmp_path / 'images').mkdir()
    for number in range(10):
        width, height = (128, 96) if number % 2 else (96, 128)
        x, y = (int(v) for v in rng.integers(4, 40, 2) // 2 * 2)
        w, h = (int(v) for v in rng.integers(12, 26, 2) * 2)
        name = LABELS[number % 3 == 0]
        picture = np.zeros((height, width, 3), np.uint8)
        picture[y:y + h, x:x + w] = {'cake': 160, 'bowl': 255}[name]
        cv2.imwrite(str(tmp_path / 'images' / f'{number}.png'), picture)
        images.append({'id': 100 - number, 'file_name': f'{number}.png', 'width': width,
                       'height': height})
        annotations.append({'id': number + 1, 'image_id': 100 - number, 'bbox': [x, y, w, h],
                            'category_id': {'bowl': 51, 'cake': 61}[name], 'area': w * h,
                            'iscrowd': 0})
    (tmp_path / 'annotations.json').write_text(json.dumps(
        {'images': images, 'annotations': annotations, 'categories': CATEGORIES}))
    (tmp_path / 'labels.list').write_text('\n'.join(LABELS))
    (tmp_path / 'm.onnx').write_bytes(b'stand-in')
    (tmp_path / 'config.json').write_text(json.dumps(
        {'model_file': 'm.onnx', 'class_num': 2, 'cls_names_list': 'labels.list', 'strides': [8],
         'dnn_Parser': 'yolov12'}))
    return tmp_path


@pytest.fixture
def seers(monkeypatch):
    """Let every model file be a Seer; return those opened."""
    opened = []

    def open_model(path, backend='auto', slots=2, **options):
        opened.append(Seer(slots))
        return opened[-1]
    monkeypatch.setattr(backends, 'open_model', open_model)
    return opened


def run(folder, *more):
    """Run the verb on the tiny set."""
    return command.main(['evaluate', str(folder / 'images'), str(folder / 'annotations.json'),
                         '--config', str(folder / 'config.json'), *map(str, more)])


def oracle(annotations, results, image_ids):
    """Return COCOeval's stats of a results file."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        e = COCOeval(truth, truth.loadRes(str(results)), 'bbox')
        e.params.imgIds = image_ids
        e.evaluate()
        e.accumulate()
        e.summarize()
    return e.stats


def test_a_model_that_sees_all_scores_nearly_all(tiny, seers, capsys):
    """Geometry, names and ids fit together: cake stays 61, in spite of all orders."""
    assert run(tiny, '--results', tiny / 'out', '--json', tiny / 'a.json', '--per-class') == 0
    text = capsys.readouterr().out
    assert '10 pictures' in text and 'cake' in text and 'nv12' in text
    for row in json.loads((tiny / 'a.json').read_text())['runs']:
        assert row['AP50'] == pytest.approx(1) and row['AP'] > 0.85
        results = tiny / 'out' / f'm_nv12_{row["protocol"]}.json'
        stats = oracle(tiny / 'annotations.json', results, list(range(91, 101)))
        assert [row['AP'], row['AP50'], row['AR100']] == pytest.approx(list(stats[[0, 1, 8]]))
        assert sum(c['objects'] for c in row['classes']) == 10


def test_an_interrupted_run_goes_on(tiny, seers, monkeypatch, capsys):
    """What is done is not done again, and the score is that of one run."""
    original = Seer.__init__

    def breaks(self, slots=2):
        original(self, slots)
        self.fail_at = 5
    monkeypatch.setattr(Seer, '__init__', breaks)
    assert run(tiny, '--results', tiny / 'out', '--workers', 1) == 1
    assert 'the power is gone' in capsys.readouterr().err
    with (tiny / 'out' / 'm_nv12.jsonl').open('a') as f:
        f.write('[97, {"rdk": [{"image_')          # cut off by the power, too
    monkeypatch.setattr(Seer, '__init__', original)
    assert run(tiny, '--results', tiny / 'out', '--json', tiny / 'a.json') == 0
    assert 0 < seers[-1].runs <= 6          # those in work when it broke may have come through
    assert json.loads((tiny / 'a.json').read_text())['runs'][0]['AP50'] == pytest.approx(1)
    assert run(tiny, '--results', tiny / 'out') == 0
    assert seers[-1].runs == 0


def test_results_of_another_model_are_refused(tiny, seers, capsys):
    """Rather than mixed."""
    assert run(tiny, '--results', tiny / 'out') == 0
    (tiny / 'm.onnx').write_bytes(b'another one')
    assert run(tiny, '--results', tiny / 'out') == 1
    assert 'another run' in capsys.readouterr().err


def test_results_of_other_pictures_are_refused(tiny, seers, tmp_path_factory, capsys):
    other = tmp_path_factory.mktemp('other')
    shutil.copytree(tiny, other, dirs_exist_ok=True)
    assert run(tiny, '--results', tiny / 'out') == 0
    assert run(other, '--results', tiny / 'out') == 1
    assert 'holds results of another run' in capsys.readouterr().err


def test_a_damaged_results_file_is_read_as_far_as_it_goes(tiny, seers, capsys):
    assert run(tiny, '--results', tiny / 'out') == 0
    path = tiny / 'out' / 'm_nv12.jsonl'
    lines = path.read_text().splitlines(keepends=True)
    path.write_bytes(b''.join([*map(str.encode, lines[:4]), b'\0\0\0\n', b'\xff\n', b'5\n',
                               b'{"a"\n', *map(str.encode, lines[4:6])]))
    before = len(seers)
    assert run(tiny, '--results', tiny / 'out') == 0
    assert len(path.read_text().splitlines()) == len(lines) and len(seers) == before + 1


def test_two_models_of_one_name(tiny, seers, capsys):
    (tiny / 'm.bin').write_bytes(b'another')
    assert run(tiny, '--results', tiny / 'out', '--against', tiny / 'm.bin',
               '--curve', tiny / 'c.png') == 0
    names = {p.stem for p in (tiny / 'out').glob('*.jsonl')}
    assert len(names) == 2 and all(re.fullmatch('m-[0-9a-f]{8}_nv12', n) for n in names)


def test_a_backend_of_one_kind_beside_a_model_of_the_other():
    assert fitting_backend('libdnn', Path('a.bin')) == 'libdnn'
    assert fitting_backend('libdnn', Path('a.onnx')) == 'auto'


@pytest.mark.parametrize('option', ['--json', '--curve'])
def test_where_the_result_goes_is_checked_first(tiny, seers, capsys, option):
    assert run(tiny, option, tiny / 'none' / 'x.png') == 1
    assert f'{option} {tiny}/none/x.png: the folder' in capsys.readouterr().err and not seers


def test_against_a_second_model(tiny, seers, capsys):
    """The published table's ratio."""
    (tiny / 'float.onnx').write_bytes(b'float')
    assert run(tiny, '--against', tiny / 'float.onnx', '--limit', 4, '--workers', 3) == 0
    text = capsys.readouterr().out
    assert 'm.onnx against float.onnx' in text and text.count('100.0 %') == 2
    assert [s.runs for s in seers] == [4, 4]


def test_rgb_needs_a_model_that_takes_it(tiny, seers, capsys):
    """A .bin takes NV12 only."""
    assert run(tiny, '--preprocessing', 'nv12', 'rgb') == 1
    error = capsys.readouterr().err
    assert 'NV12 only' in error and 'made in the test' in error


def test_curve(tiny, seers):
    """A PNG of some size."""
    pytest.importorskip('matplotlib')
    assert run(tiny, '--curve', tiny / 'curve.png') == 0
    assert cv2.imread(str(tiny / 'curve.png')).shape[0] > 300


@pytest.mark.parametrize('seed', range(3))
def test_score_is_that_of_pycocotools(tiny, seed):
    """Random detections, also of classes that have no category."""
    rng = np.random.default_rng(seed)
    data = CocoDataset(tiny / 'images', tiny / 'annotations.json', ('bowl', 'spoon', 'cake'))
    assert data.category_ids == {0: 51, 2: 61} and "'spoon'" in ''.join(data.notes)
    rows = []
    for picture in data.pictures:
        corner = rng.uniform(0, 60, (30, 2))
        boxes = np.float32(np.hstack([corner, corner + rng.uniform(5, 60, (30, 2))]))
        found = Detections(boxes, rng.uniform(0, 1, 30).astype(np.float32),
                           rng.integers(0, 3, 30).astype(np.int32))
        rows += data.rows(picture.image_id, found)
    assert {row['category_id'] for row in rows} == {51, 61}
    (tiny / 'r.json').write_text(json.dumps(rows))
    stats = oracle(tiny / 'annotations.json', tiny / 'r.json', list(range(91, 101)))
    result = score(data, rows)
    assert list(result.stats.values()) == pytest.approx(list(stats[[0, 1, 2, 3, 4, 5, 8]]))
    assert np.mean([row[2] for row in result.classes]) == pytest.approx(stats[0])


def test_no_detections_score_nothing(tiny):
    """loadRes does not take an empty list."""
    data = CocoDataset(tiny / 'images', tiny / 'annotations.json', LABELS)
    assert score(data, []).stats['AP'] == 0


def test_limit_takes_the_lowest_ids(tiny):
    """Whatever the file's order is."""
    data = CocoDataset(tiny / 'images', tiny / 'annotations.json', LABELS, 3)
    assert [p.image_id for p in data.pictures] == [91, 92, 93]


@pytest.mark.parametrize('content, words', [
    ('{', ['annotations.json', 'COCO']),
    ('[]', ['annotations.json', 'COCO']),
    ('{}', ['no images', 'no categories']),
])
def test_broken_annotations(tiny, content, words):
    """The error names the file and what it lacks."""
    (tiny / 'annotations.json').write_text(content)
    with pytest.raises(ConfigError) as e:
        CocoDataset(tiny / 'images', tiny / 'annotations.json', LABELS)
    assert all(word in str(e.value) for word in words)


def test_other_errors_of_the_user(tiny, capsys):
    """Each names what it is about."""
    with pytest.raises(ConfigError, match='nowhere.json'):
        CocoDataset(tiny / 'images', tiny / 'nowhere.json', LABELS)
    with pytest.raises(ConfigError, match="'spoon'.*|'bowl'"):
        CocoDataset(tiny / 'images', tiny / 'annotations.json', ('spoon',))
    (tiny / 'images' / '3.png').unlink()
    with pytest.raises(ImageError, match='3.png'):
        CocoDataset(tiny / 'images', tiny / 'annotations.json', LABELS)
    assert run(tiny, '--workers', 0) == 1
    assert '--workers is 0' in capsys.readouterr().err


def test_store_without_a_folder_writes_nothing(tmp_path):
    """It keeps the results in memory."""
    store = ResultStore(None, 'x', {})
    store.add(3, {'rdk': [{'score': 1}]})
    store.write('rdk', [3])
    store.close()
    assert store.results('rdk', [3]) == [{'score': 1}] and not list(tmp_path.iterdir())


@pytest.mark.parametrize('source', [(640, 427), (383, 640), (1920, 1080), (33, 17)])
def test_rgb_letterbox_there_and_back(source):
    """Boxes come back where they were, clipped to the picture."""
    letterbox = RgbLetterbox(source, (640, 640))
    (x, y), (w, h) = letterbox.offset, letterbox.size
    assert max(w, h) == 640 and min(x, y) >= 0 and abs(2 * x + w - 640) <= 1
    boxes = np.float32([[3, 2, 30, 15]])
    there = boxes * np.float32(letterbox.scale) + np.float32([x, y, x, y])
    np.testing.assert_allclose(letterbox.invert(there), boxes, atol=1e-3)
    assert letterbox.invert(np.float32([[-50, -50, 900, 900]])).tolist() == [[0, 0, *source]]
    picture = letterbox.apply(np.full((source[1], source[0], 3), 255, np.uint8))
    assert (picture[y:y + h, x:x + w] == 255).all() and (picture == 255).sum() == 3 * w * h


def test_recorded_data(tmp_path):
    """The shared model on some pictures, with all preprocessings and a second model: itself."""
    pytest.importorskip('onnxruntime')
    data = need_data() / 'coco_dev'
    config = {'model_file': str(MODEL), 'dnn_Parser': 'yolov8'}
    (tmp_path / 'config.json').write_text(json.dumps(config))
    arguments = ['evaluate', str(data / 'images'), str(data / 'instances.json'), '--config',
                 str(tmp_path / 'config.json'), '--limit', '6', '--preprocessing',
                 *evaluate.PREPROCESSINGS, '--results', str(tmp_path), '--json',
                 str(tmp_path / 'a.json')]
    assert command.main(arguments) == 0
    rows = json.loads((tmp_path / 'a.json').read_text())['runs']
    assert len(rows) == 6
    for row in rows:
        results = tmp_path / f'{MODEL.stem}_{row["preprocessing"]}_{row["protocol"]}.json'
        ids = sorted(COCO(str(data / 'instances.json')).getImgIds())[:6]
        assert row['AP'] == pytest.approx(oracle(data / 'instances.json', results, ids)[0])
        assert 0.3 < row['AP'] < 0.9

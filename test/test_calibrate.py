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
"""`yolo12 calibrate`: the run-time preprocessing, a seeded choice, and what it leaves out."""
import hashlib
import json
import os
import shutil
import tempfile

import cv2
import numpy as np
import pytest
from vendor_tools import run, save_onnx
from yolo12_ros.backends import open_model
from yolo12_ros.config import load_config
from yolo12_ros.detector import Detector
from yolo12_ros.images import decode_file
from yolo12_ros.letterbox import MODES
from yolo12_ros.tools import calibrate as verb
from yolo12_ros.tools.calibrate import calibration_tensor


@pytest.fixture
def photos(tmp_path):
    """Return a folder of 25 different pictures."""
    folder = tmp_path / 'photos'
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(25):
        save(folder / f'photo {i:02}.png', random.integers(0, 256, (8, 12, 3), np.uint8))
    return folder


def save(path, small, size=(150, 101)):
    """Write a smooth picture."""
    cv2.imwrite(str(path), cv2.resize(small, size, interpolation=cv2.INTER_CUBIC))


def manifest(tmp_path):
    """Return the manifest."""
    return json.loads((tmp_path / 'cal.json').read_text())


def calibrate(capsys, tmp_path, *arguments):
    """Run the verb with small tensors."""
    return run(capsys, 'calibrate', *arguments, '--output', tmp_path / 'cal', '--size', '96x64')


def test_success(photos, tmp_path, capsys):
    code, out, err = calibrate(capsys, tmp_path, photos, '--count', '22', '--seed', '3')
    assert code == 0
    assert 'wrote 22 files' in out and 'calibrate: 22/22 in' in err and 'warning' not in err
    record = manifest(tmp_path)
    assert (record['seed'], record['size'], record['mode']) == (3, [96, 64], 'letterbox')
    assert len(record['pictures']) == 22
    files = sorted(p.name for p in (tmp_path / 'cal').iterdir())
    assert files == sorted(p['file'] for p in record['pictures'])
    assert all(' ' not in name for name in files)
    for entry in record['pictures']:
        data = (tmp_path / 'cal' / entry['file']).read_bytes()
        assert len(data) == entry['bytes'] == 3 * 96 * 64 * 4
        assert hashlib.sha256(data).hexdigest() == entry['sha256']
        source = (photos / entry['source'].rsplit('/', 1)[1]).read_bytes()
        assert hashlib.sha256(source).hexdigest() == entry['source_sha256']
        assert (entry['width'], entry['height']) == (150, 101)


def test_the_choice_depends_on_the_seed_only(photos, tmp_path, capsys):
    def chosen(name, folder, seed):
        (tmp_path / name).mkdir()
        calibrate(capsys, tmp_path / name, folder, '--count', '20', '--seed', seed)
        return [(p['file'], p['sha256']) for p in manifest(tmp_path / name)['pictures']]
    elsewhere = shutil.copytree(photos, tmp_path / 'elsewhere')
    first = chosen('a', photos, '1')
    assert chosen('b', elsewhere, '1') == first
    assert chosen('c', photos, '2') != first


@pytest.mark.parametrize('mode', MODES)
def test_the_tensor_is_what_the_node_feeds(photos, tmp_path, monkeypatch, mode):
    """What reaches the network of a Detector, before it is scaled to 0..1."""
    path = next(photos.iterdir())
    save_onnx(tmp_path / 'net.onnx', {'c': (1, 8, 8, 80), 'b': (1, 8, 8, 64)}, size=64)
    (tmp_path / 'net.json').write_text('{"model_file": "net.onnx", "strides": [8]}')
    config = load_config(tmp_path / 'net.json')
    seen = []
    with open_model(config.model_file) as model:
        infer = model.run_rgb
        monkeypatch.setattr(model, 'run_rgb', lambda rgb: seen.append(rgb.copy()) or infer(rgb))
        Detector(model, config, mode).detect(decode_file(path))
    tensor, size = calibration_tensor(path, (64, 64), mode)
    assert size == (150, 101)
    assert tensor.dtype == np.float32 and tensor.shape == (3, 64, 64)
    np.testing.assert_array_equal(tensor, seen[0].transpose(2, 0, 1).astype(np.float32))


def test_every_mode_can_be_chosen():
    assert verb.MODES == tuple(MODES)


def test_channels_are_red_green_blue_from_0_to_255(tmp_path):
    red = np.zeros((64, 96, 3), np.uint8)
    red[:, :, 2] = 255
    cv2.imwrite(str(tmp_path / 'red.png'), red)
    tensor, _ = calibration_tensor(tmp_path / 'red.png', (96, 64), 'letterbox')
    assert tensor[0].min() > 250 and tensor[1:].max() < 5


def test_bad_pictures_are_left_out_with_a_warning_and_replaced(photos, tmp_path, capsys):
    names = sorted(p.name for p in photos.iterdir())
    shutil.copy(photos / names[0], photos / 'copy.png')
    (photos / 'broken.jpg').write_bytes(b'\xff\xd8 no picture')
    save(photos / 'tiny.png', np.full((4, 4, 3), 90, np.uint8), (63, 200))
    code, out, err = calibrate(capsys, tmp_path, photos)
    assert code == 0 and 'wrote 25 files' in out
    warnings = [line for line in err.splitlines() if line.startswith('warning: ')]
    assert len(warnings) == 3
    assert any('is the same as' in w and w.endswith('left out') for w in warnings)
    assert any('broken.jpg' in w and w.endswith('left out') for w in warnings)
    assert any('tiny.png is tiny, 63x200' in w for w in warnings)
    assert len({p['source_sha256'] for p in manifest(tmp_path)['pictures']}) == 25


def test_few_pictures_are_a_warning(photos, tmp_path, capsys):
    code, _, err = calibrate(capsys, tmp_path, photos, '--count', '3')
    assert code == 0 and 'warning: only 3 pictures: expected 20 to 50' in err


def test_stale_files_never_stay(photos, tmp_path, capsys):
    assert calibrate(capsys, tmp_path, photos)[0] == 0
    code, _, err = calibrate(capsys, tmp_path, photos)
    assert code == 1 and 'is not empty' in err and '--force' in err
    assert calibrate(capsys, tmp_path, photos, '--force', '--count', '20')[0] == 0
    assert len(list((tmp_path / 'cal').iterdir())) == 20
    (tmp_path / 'cal' / 'thesis.txt').write_text('mine')
    code, _, err = calibrate(capsys, tmp_path, photos, '--force')
    assert code == 1 and 'thesis.txt' in err and '--force' not in err
    assert (tmp_path / 'cal' / 'thesis.txt').exists()
    assert len(list((tmp_path / 'cal').iterdir())) == 21


def test_force_keeps_the_old_files_until_there_are_new_ones(photos, tmp_path, capsys):
    assert calibrate(capsys, tmp_path, photos)[0] == 0
    before = {p.name: p.read_bytes() for p in (tmp_path / 'cal').iterdir()}
    (tmp_path / 'junk').mkdir()
    (tmp_path / 'junk' / 'a.jpg').write_text('no picture')
    assert calibrate(capsys, tmp_path, tmp_path / 'junk', '--force')[0] == 1
    assert {p.name: p.read_bytes() for p in (tmp_path / 'cal').iterdir()} == before
    assert not list(tmp_path.glob('.calibrate*'))


def test_a_link_to_another_disk(photos, tmp_path, capsys):
    with tempfile.TemporaryDirectory(dir='/dev/shm') as disk:
        (tmp_path / 'cal').symlink_to(disk)
        for more in ((), ('--force',)):
            assert calibrate(capsys, tmp_path, photos, '--count', '20', *more)[0] == 0
            assert len(os.listdir(disk)) == 20


def test_a_black_picture_is_left_out(photos, tmp_path, capsys):
    cv2.imwrite(str(photos / 'black.png'), np.zeros((640, 640, 3), np.uint8))
    _, _, err = calibrate(capsys, tmp_path, photos, '--count', '99', '--mode', 'stretch')
    assert 'black.png is all black: left out' in err


@pytest.mark.parametrize('arguments, wanted', [
    (['photos', '--count', '0'], '--count is 0'),
    (['nothing'], 'nothing does not exist'),
    (['empty'], 'holds no picture'),
    (['photos', '--min-side', '4000'], 'none of 25 pictures can be used'),
    (['photos', '--output', '.'], '--output .: expected a folder by its name'),
    (['photos', '--output', 'photos/photo 00.png'], 'cannot use --output')])
def test_bad_input(photos, tmp_path, monkeypatch, capsys, arguments, wanted):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'empty').mkdir()
    code, _, err = run(capsys, 'calibrate', *arguments)
    assert code == 1
    last = err.splitlines()[-1]
    assert last.startswith('yolo12 calibrate: error: ') and wanted in last


@pytest.mark.parametrize('size', ['640x', '641x640', '0', '8x8', 'big', '1x2x3', '-64'])
def test_a_bad_size(size, capsys):
    with pytest.raises(SystemExit) as stop:
        run(capsys, 'calibrate', 'photos', f'--size={size}')
    assert stop.value.code == 2
    assert 'expected WIDTHxHEIGHT' in capsys.readouterr().err

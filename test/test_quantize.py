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

"""The int8 estimate: int32 boxes with scales, close to the float model, and labelled."""
import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from recorded_heads import DATA, MODEL

from yolo12_ros.errors import ConfigError, ModelError
from yolo12_ros.tools import calibrate, command, evaluate, quantize
from yolo12_ros.tools.calibration_data import calibration_files

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime.quantization')
import tiny_onnx                                                            # noqa: E402
from yolo12_ros.backends import open_model                                  # noqa: E402
from yolo12_ros.backends.onnx import SCALES_KEY                             # noqa: E402
from yolo12_ros.tools.int8_estimate import box_outputs, estimate, ESTIMATE_KEY  # noqa: E402

CONFIG = Path(__file__).parents[1] / 'config' / 'yolo12n_onnx.json'


def run(module, *words):
    """Run a verb with a command line."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.main(parser.parse_args([str(w) for w in words]))


def pictures(count=6):
    rng, (height, width) = np.random.default_rng(5), tiny_onnx.SIZE
    for _ in range(count):
        coarse = rng.random((1, 3, height // 8, width // 8)).repeat(8, 2).repeat(8, 3)
        yield (0.9 * coarse + 0.1 * rng.random((1, 3, height, width))).astype(np.float32)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return a folder with a float model, calibration data and what the verb made of them."""
    path = tmp_path_factory.mktemp('quantize')
    (path / 'tiny.onnx').write_bytes(tiny_onnx.six_heads().SerializeToString())
    (path / 'calibration_f32').mkdir()
    for i, picture in enumerate(pictures()):
        (picture * 255).tofile(path / 'calibration_f32' / f'{i:03d}_x.rgb')
    assert run(quantize, path / 'tiny.onnx', '--calibration', path / 'calibration_f32',
               '--output', path / 'int8.onnx') == 0
    return path


def test_boxes_are_int32_with_a_scale_for_each_channel(folder):
    with open_model(folder / 'int8.onnx') as model:
        described = [(o.shape[3], o.dtype.name, None if o.scales is None else o.scales.shape)
                     for o in model.outputs]
    assert described == [(5, 'float32', None), (64, 'int32', (64,))] * 3


def test_values_are_close_to_the_float_model(folder):
    rgb = np.rint(next(pictures())[0].transpose(1, 2, 0) * 255).astype(np.uint8)
    with open_model(folder / 'tiny.onnx') as a, open_model(folder / 'int8.onnx') as b:
        for x, y, info in zip(a.run_rgb(rgb), b.run_rgb(rgb), b.outputs):
            y = y if info.scales is None else y * info.scales
            assert np.abs(x - y).max() < 0.1 * np.abs(x).max()
            assert 0 < np.abs(x - y).max()


@pytest.mark.parametrize('method', quantize.METHODS)
def test_every_method_uses_all_pictures_and_a_range_that_need_not_be_symmetric(method):
    given = list(pictures())
    read = iter(given)
    quantised = estimate(tiny_onnx.six_heads(), read, len(given), method)
    assert next(read, None) is None
    values = {i.name: onnx.numpy_helper.to_array(i) for i in quantised.graph.initializer}
    zero_points = [values[n.input[2]] for n in quantised.graph.node
                   if n.op_type == 'QuantizeLinear']
    assert any(z.any() for z in zero_points)


def test_the_integers_use_the_accumulator_not_int8(folder):
    rgb = np.rint(next(pictures())[0].transpose(1, 2, 0) * 255).astype(np.uint8)
    with open_model(folder / 'int8.onnx') as model:
        boxes = model.run_rgb(rgb)[1]
    assert np.abs(boxes).max() > 1000


def test_it_says_everywhere_that_it_is_an_estimate(folder, capsys):
    model = onnx.load(str(folder / 'int8.onnx'))
    notes = {p.key: p.value for p in model.metadata_props}
    assert 'estimate' in notes[ESTIMATE_KEY] and 'estimate' in model.doc_string
    assert set(json.loads(notes[SCALES_KEY])) == {'output1', 'output3', 'output5'}
    run(quantize, folder / 'tiny.onnx', '--calibration', folder / 'calibration_f32',
        '--output', folder / 'again.onnx', '--limit', 2)
    printed = capsys.readouterr().out
    assert 'ESTIMATE' in printed and 'from 2 pictures' in printed and 'output5' in printed


def test_the_default_name_says_so_too(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(quantize, folder / 'tiny.onnx', '--calibration', folder / 'calibration_f32')
    assert (tmp_path / 'tiny_int8_estimate.onnx').is_file()


def test_it_takes_what_calibrate_makes(folder, tmp_path):
    import cv2
    for i in range(2):
        cv2.imwrite(str(tmp_path / f'{i}.png'),
                    np.random.default_rng(i).integers(0, 255, (80, 90, 3), np.uint8))
    run(calibrate, tmp_path, '--output', tmp_path / 'cal', '--size', '96x64')
    assert len(calibration_files(tmp_path / 'cal', tiny_onnx.SIZE[::-1])) == 2
    assert run(quantize, folder / 'tiny.onnx', '--calibration', tmp_path / 'cal',
               '--output', tmp_path / 'q.onnx') == 0


@pytest.mark.parametrize('classes', [80, 64])
@pytest.mark.parametrize('order', [(0, 1), (1, 0)])
def test_boxes_are_found_in_any_order(order, classes):
    model = tiny_onnx.six_heads(classes=classes)
    outputs = list(model.graph.output)
    del model.graph.output[:]
    model.graph.output.extend(outputs[2 * level + i] for level in range(3) for i in order)
    assert box_outputs(model) == ['output1', 'output3', 'output5']


def test_a_model_without_attention_and_with_constants_in_nodes():
    quantised = estimate(tiny_onnx.six_heads(attention=False), pictures(2), 2)
    assert [o.type.tensor_type.elem_type for o in quantised.graph.output] == [1, 6] * 3


def test_a_stock_model_is_refused():
    with pytest.raises(ModelError, match='yolo12 export'):
        estimate(tiny_onnx.stock(), pictures(1), 1)


@pytest.mark.parametrize('values, text', [
    (np.full((1, 3, *tiny_onnx.SIZE), 0.5), 'expected RGB of 0 to 255'),
    (np.full((1, 3, *tiny_onnx.SIZE), 300), 'expected RGB of 0 to 255'),
    (np.full((1, 3, *tiny_onnx.SIZE), np.nan), 'expected RGB of 0 to 255'),
    (np.full((1, 3, 32, 64), 100), 'yolo12 calibrate --size 96x64')])
def test_calibration_data_that_does_not_fit(folder, tmp_path, values, text):
    values.astype(np.float32).tofile(tmp_path / 'a.rgb')
    with pytest.raises(ConfigError, match=text):
        run(quantize, folder / 'tiny.onnx', '--calibration', tmp_path,
            '--output', tmp_path / 'x.onnx')
    assert not (tmp_path / 'x.onnx').exists()


def test_a_calibration_folder_that_is_not_there(folder, tmp_path):
    with pytest.raises(ConfigError, match='none does not exist: make .* `yolo12 calibrate'):
        run(quantize, folder / 'tiny.onnx', '--calibration', tmp_path / 'none')


def test_what_quantize_refuses(folder, monkeypatch):
    monkeypatch.chdir(folder)
    given = 'tiny.onnx', '--calibration', 'calibration_f32', '--output'
    for words, text in ((('tiny.onnx',), 'is the float model itself'),
                        (('q.bin',), '--output q.bin: expected a name that ends in .onnx'),
                        (('.',), '--output . is a folder: expected the name of a file'),
                        (('x.onnx', '--limit', 0), '--limit is 0: expected at least 1')):
        before = (folder / 'tiny.onnx').read_bytes()
        with pytest.raises(ConfigError, match=text):
            run(quantize, *given, *words)
        assert (folder / 'tiny.onnx').read_bytes() == before
    with pytest.raises(ModelError, match='is quantised already: give the float one'):
        run(quantize, folder / 'int8.onnx', '--calibration', folder / 'calibration_f32')


def test_a_file_that_cannot_be_written_is_one_line(folder, capsys):
    (folder / 'note.txt').touch()
    words = ['quantize', folder / 'tiny.onnx', '--calibration', folder / 'calibration_f32',
             '--output', folder / 'note.txt' / 'q.onnx']
    assert command.main([str(w) for w in words]) == 1
    error, = capsys.readouterr().err.splitlines()
    assert error.startswith(f'yolo12 quantize: error: {folder}/note.txt: ')


def test_a_model_without_a_fixed_input(folder, tmp_path):
    model = tiny_onnx.six_heads()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = 'height'
    (tmp_path / 'free.onnx').write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match='of fixed size'):
        run(quantize, tmp_path / 'free.onnx', '--calibration', folder / 'calibration_f32')


def test_the_estimate_is_called_one_where_it_runs(folder):
    with open_model(folder / 'int8.onnx') as model, open_model(folder / 'tiny.onnx') as other:
        assert 'estimate' in model.limits and not other.limits


@pytest.mark.skipif(not MODEL.is_file(), reason=f'the shared model is not at {MODEL}')
def test_real_weights_keep_their_heads_and_their_ap(tmp_path, capsys):
    pytest.importorskip('pycocotools')
    run(calibrate, DATA / 'coco_dev' / 'images', '--count', 20, '--output', tmp_path / 'cal')
    run(quantize, MODEL, '--calibration', tmp_path / 'cal', '--output', tmp_path / 'q.onnx')
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    cosines = {words[0]: float(words[1]) for words in lines if words and words[0][:6] == 'output'}
    assert len(cosines) == 6
    # D-Robotics' log of hb_mapper for these weights: 0.9996 to 0.9998 and 0.9916 to 0.9930.
    assert all(cosines[f'output{i}'] > (0.998, 0.98)[i % 2] for i in range(6))
    run(evaluate, DATA / 'coco_dev' / 'images', DATA / 'coco_dev' / 'instances.json',
        '--config', CONFIG, '--model', tmp_path / 'q.onnx', '--against', MODEL,
        '--json', tmp_path / 'ap.json')
    runs = json.loads((tmp_path / 'ap.json').read_text())['runs']
    ap = {(r['model'], r['protocol']): r['AP'] for r in runs}
    assert ap['q.onnx', 'rdk'] > 0.934 * ap[MODEL.name, 'rdk']    # what the BPU keeps of YOLO12n

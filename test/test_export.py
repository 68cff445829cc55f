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

"""Export: the graph surgery on a tiny graph, and real architectures where torch is installed."""
import argparse
import json
import re

import numpy as np
import pytest

from yolo12_ros.config import load_config
from yolo12_ros.errors import BackendError, ConfigError, ModelError
from yolo12_ros.tools import export

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
import tiny_onnx                                                # noqa: E402
from yolo12_ros.backends import open_model                      # noqa: E402
from yolo12_ros.postprocess import pair_heads                   # noqa: E402
from yolo12_ros.tools.onnx_fold import fold                     # noqa: E402
from yolo12_ros.tools.onnx_heads import cut_heads, find_heads   # noqa: E402
from yolo12_ros.tools.onnx_opset import node_types, ON_BPU, opset, to_opset_11   # noqa: E402


def run(*words):
    """Run the verb with a command line."""
    parser = argparse.ArgumentParser()
    export.add_arguments(parser)
    return export.main(parser.parse_args([str(w) for w in words]))


def save(model, path):
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize('order', ['class-first', 'box-first'])
@pytest.mark.parametrize('version', [11, 13, 17, 18])
def test_from_onnx_gives_the_heads_of_the_same_weights(tmp_path, capsys, order, version):
    stock = tiny_onnx.stock(opset=version)
    out = tmp_path / 'cut.onnx'
    assert run('--from-onnx', save(stock, tmp_path / 'stock.onnx'), '--output', out,
               '--order', order) == 0
    printed = capsys.readouterr().out
    assert 'attention blocks rewritten         1' in printed and 'FAILED' not in printed
    model = onnx.load(str(out))
    assert opset(model) == 11 and model.ir_version == 6
    assert set(node_types(model)) <= ON_BPU - {'Softmax', 'Slice'}
    shapes = [[d.dim_value for d in o.type.tensor_type.shape.dim] for o in model.graph.output]
    assert [s[1:3] for s in shapes[::2]] == [[8, 12], [4, 6], [2, 3]]
    picture = export.probe((1, 3, *tiny_onnx.SIZE))
    expected = export.run_onnx(tiny_onnx.six_heads(opset=version), picture)
    if order == 'box-first':
        expected = [expected[i] for i in (1, 0, 3, 2, 5, 4)]
    assert export.largest_difference(expected, export.run_onnx(model, picture)) < 1e-4


def test_the_configuration_beside_the_model_fits_it(tmp_path):
    stock = tiny_onnx.stock()
    entry = stock.metadata_props.add()
    entry.key, entry.value = 'names', str({i: f'thing {i}' for i in range(5)})
    run('--from-onnx', save(stock, tmp_path / 'stock.onnx'), '--output', tmp_path / 'cut.onnx')
    config = load_config(tmp_path / 'cut.json')
    assert config.labels == tuple(f'thing {i}' for i in range(5))
    assert config.model_file == tmp_path / 'cut.onnx'
    with open_model(config.model_file) as model:
        heads, notes = pair_heads(model.outputs, model.input_size, config.form)
    assert [(h.stride, h.class_index, h.box_index) for h in heads] == [(8, 0, 1), (16, 2, 3),
                                                                       (32, 4, 5)]


def test_the_configuration_of_box_first_with_as_many_classes_as_distances(tmp_path):
    run('--from-onnx', save(tiny_onnx.stock(classes=64), tmp_path / 'stock.onnx'),
        '--output', tmp_path / 'cut.onnx', '--order', 'box-first')
    config = load_config(tmp_path / 'cut.json')
    with open_model(config.model_file) as model:
        heads, _ = pair_heads(model.outputs, model.input_size, config.form)
    assert [(h.class_index, h.box_index) for h in heads] == [(1, 0), (3, 2), (5, 4)]


def test_a_size_for_a_stock_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match='--imgsz'):
        run('--from-onnx', tmp_path / 'stock.onnx', '--imgsz', 320)


def test_a_configuration_that_fits_stays_with_its_thresholds(tmp_path):
    stock = save(tiny_onnx.stock(), tmp_path / 'stock.onnx')
    words = '--from-onnx', stock, '--output', tmp_path / 'cut.onnx'
    run(*words)
    mine = (tmp_path / 'cut.json').read_text().replace('0.25', '0.4').replace('yolov8', 'yolov12')
    (tmp_path / 'cut.json').write_text(mine)
    run(*words)
    assert (tmp_path / 'cut.json').read_text() == mine


def test_a_configuration_of_the_other_order_or_without_names_does_not_fit(tmp_path):
    stock = tiny_onnx.stock(classes=64)
    words = ('--from-onnx', save(stock, tmp_path / 'stock.onnx'),
             '--output', tmp_path / 'cut.onnx')
    run(*words)
    with pytest.raises(ConfigError, match='does not fit this model'):
        run(*words, '--order', 'box-first')
    entry = stock.metadata_props.add()
    entry.key, entry.value = 'names', str({i: f'thing {i}' for i in range(64)})
    save(stock, tmp_path / 'stock.onnx')
    with pytest.raises(ConfigError, match='does not fit this model'):
        run(*words)
    assert run(*words, '--force') == 0 and run(*words) == 0
    assert load_config(tmp_path / 'cut.json').labels[63] == 'thing 63'


def test_a_model_that_differs_replaces_nothing(tmp_path, monkeypatch, capsys):
    words = ('--from-onnx', save(tiny_onnx.stock(), tmp_path / 'stock.onnx'),
             '--output', tmp_path / 'cut.onnx')
    run(*words)
    before = (tmp_path / 'cut.onnx').read_bytes()
    monkeypatch.setattr(export, 'largest_difference', lambda *_: 0.5)
    assert run(*words) == 1
    assert re.search(r'max difference 5.0e-01 \(limit \S+\)  FAILED', capsys.readouterr().out)
    assert (tmp_path / 'cut.onnx').read_bytes() == before
    assert (tmp_path / 'cut_failed.onnx').is_file()


@pytest.mark.parametrize('text', ['mine', '[]', '{"class_num": 3}'])
def test_a_configuration_that_does_not_fit_stops_the_export(tmp_path, text):
    (tmp_path / 'cut.json').write_text(text)
    words = ('--from-onnx', save(tiny_onnx.stock(), tmp_path / 'stock.onnx'),
             '--output', tmp_path / 'cut.onnx')
    with pytest.raises(ConfigError, match='cut.json is there and does not fit this model'):
        run(*words)
    assert not (tmp_path / 'cut.onnx').exists() and (tmp_path / 'cut.json').read_text() == text
    assert run(*words, '--force') == 0
    assert load_config(tmp_path / 'cut.json').model_file == tmp_path / 'cut.onnx'


def test_the_stock_file_is_never_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = save(tiny_onnx.stock(), tmp_path / 'same.onnx')
    before = path.read_bytes()
    run('--from-onnx', 'same.onnx')
    assert path.read_bytes() == before and (tmp_path / 'same_sixhead.onnx').is_file()


def test_class_and_box_of_equal_size_are_told_apart_by_name():
    pairs = find_heads(tiny_onnx.stock(classes=64))
    assert [(c.tensor, b.tensor) for c, b in pairs] == [
        (f'cv3.{i}.2', f'cv2.{i}.2') for i in range(3)]


def test_a_stock_model_without_a_fixed_size_is_told_so():
    model = tiny_onnx.stock()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = 'height'
    with pytest.raises(ModelError, match='fixed'):
        find_heads(model)


def test_a_model_that_is_cut_already_is_refused():
    with pytest.raises(ModelError, match='expected one output'):
        cut_heads(tiny_onnx.six_heads())


def test_a_dynamic_input_is_refused():
    model = tiny_onnx.stock()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = 'height'
    with pytest.raises(ModelError, match='fixed size'):
        find_heads(model)


def test_another_number_of_cells_is_refused():
    model = tiny_onnx.stock()
    model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = 85
    with pytest.raises(ModelError, match='cells'):
        find_heads(model)


def test_an_operator_without_an_old_form_is_named():
    model = tiny_onnx.six_heads(opset=17)
    model.graph.node[1].op_type = 'Gelu'
    with pytest.raises(ModelError, match='Gelu.*opset=11'):
        to_opset_11(model)


def test_an_older_opset_is_refused():
    with pytest.raises(ModelError, match='opset 9'):
        to_opset_11(tiny_onnx.six_heads(opset=9))


def test_folding_keeps_the_values_and_joins_slices():
    model = tiny_onnx.six_heads()
    picture = export.probe((1, 3, *tiny_onnx.SIZE))
    expected = export.run_onnx(model, picture)
    fold(model)
    kinds = node_types(model)
    assert kinds['Split'] == 1 and not set(kinds) & {'Slice', 'Shape', 'Gather', 'Identity'}
    assert export.largest_difference(expected, export.run_onnx(model, picture)) == 0


def test_slices_that_overlap_or_leave_a_gap_stay():
    for bounds in (((0, 2), (1, 3)), ((0, 1), (2, 3)), ((0, 1), (1, 2))):
        builder = tiny_onnx.Builder()
        for i, (start, stop) in enumerate(bounds):
            builder.add('Slice', ['images', *(builder.weight(f'{i}.{j}', np.int64([v]))
                                              for j, v in enumerate((start, stop, 1)))], f'out{i}')
        model = builder.model([(f'out{i}', [1, stop - start, *tiny_onnx.SIZE])
                               for i, (start, stop) in enumerate(bounds)], 11)
        fold(model)
        assert node_types(model) == {'Slice': 2}


@pytest.mark.parametrize('sides', [[100], [0], [64, 64, 64], [640, 33]])
def test_sizes_that_do_not_fit_the_strides(sides):
    with pytest.raises(ModelError, match='multiples of 32'):
        export._size(sides)


def test_an_onnx_as_a_checkpoint_and_a_missing_library(monkeypatch):
    with pytest.raises(ModelError, match='--from-onnx'):
        run('model.onnx')
    monkeypatch.setitem(__import__('sys').modules, 'torch', None)
    with pytest.raises(BackendError, match='pip install torch ultralytics'):
        run('yolo12n.yaml')


def test_unreadable_files_are_named(tmp_path):
    (tmp_path / 'bad.onnx').write_bytes(b'not a model')
    with pytest.raises(ModelError, match='bad.onnx'):
        run('--from-onnx', tmp_path / 'bad.onnx', '--output', tmp_path / 'x.onnx')
    with pytest.raises(ModelError, match='none.onnx'):
        run('--from-onnx', tmp_path / 'none.onnx')
    assert not (tmp_path / 'x.onnx').exists()
    with pytest.raises(ConfigError, match='is a folder: expected the name of a file'):
        run('--from-onnx', tmp_path / 'none.onnx', '--output', tmp_path)


@pytest.fixture
def torch():
    """Skip where torch and ultralytics are not installed."""
    module = pytest.importorskip('torch')
    pytest.importorskip('ultralytics')
    module.set_num_threads(1)
    return module


@pytest.mark.parametrize('name, size, blocks', [
    ('yolo12n', (640, 640), 8), ('yolo12n', (256, 384), 8),
    ('yolo11n', (640, 640), 1), ('yolo11n', (256, 384), 1),
    ('yolov8n', (640, 640), 0), ('yolov8n', (256, 384), 0)])
def test_export_of_an_architecture(torch, tmp_path, capsys, name, size, blocks):
    out = tmp_path / f'{name}.onnx'
    assert run(f'{name}.yaml', '--imgsz', *size, '--output', out) == 0
    printed = capsys.readouterr().out
    assert f'attention blocks patched           {blocks}\n' in printed
    assert 'FAILED' not in printed
    differences = re.findall(r'(?:original|torch) +max difference (\S+)', printed)
    assert len(differences) == 2 and all(float(d) < 1e-4 for d in differences)
    model = onnx.load(str(out))
    assert opset(model) == 11 and model.ir_version == 6
    assert set(node_types(model)) <= ON_BPU
    shapes = [tuple(d.dim_value for d in o.type.tensor_type.shape.dim) for o in model.graph.output]
    assert shapes == [(1, size[0] // s, size[1] // s, c) for s in (8, 16, 32) for c in (80, 64)]
    assert json.loads(out.with_suffix('.json').read_text())['class_num'] == 80
    assert load_config(out.with_suffix('.json')).labels[0] == 'person'


def test_the_attention_of_a_lively_network_is_the_same_in_float64(torch):
    from ultralytics import YOLO
    from yolo12_ros.tools.six_heads import bpu_form, raw_heads
    torch.manual_seed(1)
    network = YOLO('yolo12n.yaml').model.double()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
    picture = torch.from_numpy(export.probe((1, 3, 192, 256))).double()
    with torch.no_grad():
        network.train()(picture)
        network.eval()
        pairs = raw_heads(network, picture)
        with bpu_form(network, 'box-first') as blocks:
            patched = network(picture)
    assert len(blocks) == 8
    for expected, got in zip([t for cls, box in pairs for t in (box, cls)], patched):
        assert expected.std() > 0.1
        assert (expected.permute(0, 2, 3, 1) - got).abs().max() < 1e-9
    assert not any('forward' in vars(m) for m in network.modules())


def test_the_patch_is_undone_after_an_error(torch):
    from ultralytics import YOLO
    from yolo12_ros.tools.six_heads import bpu_form
    network = YOLO('yolo11n.yaml').model
    with pytest.raises(RuntimeError):
        with bpu_form(network):
            raise RuntimeError
    assert not any('forward' in vars(m) for m in network.modules())


@pytest.mark.filterwarnings('ignore')      # torch's, of its own exporter
@pytest.mark.parametrize('name, version', [('yolo12n', 17), ('yolo11n', 13), ('yolov8n', 11)])
def test_a_stock_export_cut_is_the_export(torch, tmp_path, name, version):
    from ultralytics import YOLO
    from yolo12_ros.tools.export_torch import _settle, _torchscript
    torch.manual_seed(0)
    network = YOLO(f'{name}.yaml').model.eval()
    picture = torch.from_numpy(export.probe((1, 3, 256, 320)))
    _settle(network, picture)
    network.model[-1].export = True
    network.model[-1].format = 'onnx'
    torch.onnx.export(network, picture, str(tmp_path / 'stock.onnx'), opset_version=version,
                      input_names=['images'], output_names=['output0'], **_torchscript(torch))
    assert run('--from-onnx', tmp_path / 'stock.onnx', '--output', tmp_path / 'cut.onnx') == 0
    assert run(f'{name}.yaml', '--imgsz', 256, 320, '--output', tmp_path / 'own.onnx') == 0
    heads = [export.run_onnx(onnx.load(str(tmp_path / f'{f}.onnx')), picture.numpy())
             for f in ('own', 'cut')]
    assert export.largest_difference(*heads) < 1e-4


def test_what_cannot_be_exported(torch, tmp_path):
    with pytest.raises(ModelError, match='yolo12 fetch'):
        run(tmp_path / 'none.pt', '--output', tmp_path / 'x.onnx')
    with pytest.raises(ModelError, match='segment'):
        run('yolo11n-seg.yaml', '--output', tmp_path / 'x.onnx')
    assert np.isinf(export.largest_difference([np.zeros(2)], [np.zeros(3)]))
    nan = export.difference_fact('x', [np.zeros(2)] * 2, [np.zeros(2), np.full(2, np.nan)])
    assert nan[2] is False

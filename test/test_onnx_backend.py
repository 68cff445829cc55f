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

"""The ONNX Runtime backend: a real model, and tiny ones made here."""
import json
import sys

import numpy as np
import oracle
import pytest
from recorded_heads import IMAGE_IDS, image_path, MODEL, need_data, reference
from yolo12_ros.backends import open_model
from yolo12_ros.backends.onnx import SCALES_KEY
from yolo12_ros.config import load_config
from yolo12_ros.detector import Detector
from yolo12_ros.errors import BackendError, ModelError
from yolo12_ros.images import decode_file, Nv12Image
from yolo12_ros.postprocess import HeadFormat, pair_heads, PostProcessor, Settings

pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')


def best_iou(box, class_id, found):
    """Return the IoU of the box of a class that fits best."""
    return max((oracle.iou(box, other) for other, c in zip(found.boxes, found.class_ids)
                if c == class_id), default=0.0)


def test_real_model_finds_what_is_recorded(tmp_path):
    """From JPEG files through NV12 to boxes, against a float64 decoder on RGB input."""
    need_data()
    (tmp_path / 'model.json').write_text(json.dumps({'model_file': str(MODEL),
                                                     'score_threshold': 0.25,
                                                     'nms_threshold': 0.7}))
    config = load_config(tmp_path / 'model.json')
    overlaps, extra = [], 0
    with open_model(config.model_file, threads=2) as model:
        assert model.name == MODEL.stem and model.backend.startswith('onnxruntime ')
        assert model.input_size == (640, 640)
        detector = Detector(model, config)
        for image_id in IMAGE_IDS:
            found = detector.detect(decode_file(image_path(image_id))).detections
            wanted = reference()[image_id]['thr25']
            sure = [(b, c) for s, c, b in zip(wanted['score'], wanted['cls'], wanted['xyxy'])
                    if s >= 0.4]
            overlaps += [best_iou(box, c, found) for box, c in sure]
            extra += max(0, sum(found.scores >= 0.4) - len(sure))
    overlaps = np.array(overlaps)
    assert len(overlaps) == 60
    assert (overlaps >= 0.9).mean() >= 0.95
    assert (overlaps >= 0.6).all()
    assert extra <= 3


@pytest.fixture
def save(tmp_path):
    """
    Return a function that writes a model and returns its path.

    It takes the input's shape and {output name: array, or None for the input itself}.
    """
    onnx = pytest.importorskip('onnx', reason='onnx is not installed: it writes the tiny models')
    from onnx import helper, numpy_helper, TensorProto

    def save_model(shape, outputs, metadata=None, inputs=('images',), kind=TensorProto.FLOAT,
                   name='tiny.onnx'):
        nodes, infos, constants = [], [], []
        for output, array in outputs.items():
            source = inputs[0] if array is None else f'{output}_constant'
            element, size = kind, shape
            if array is not None:
                constants.append(numpy_helper.from_array(array, source))
                element, size = constants[-1].data_type, array.shape
            nodes.append(helper.make_node('Identity', [source], [output]))
            infos.append(helper.make_tensor_value_info(output, element, size))
        graph = helper.make_graph(
            nodes, 'tiny', [helper.make_tensor_value_info(i, kind, shape) for i in inputs], infos,
            constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 11)], ir_version=6)
        helper.set_model_props(model, metadata or {})
        path = tmp_path / name
        onnx.save(model, str(path))
        return path
    return save_model


HEAD = np.zeros((1, 2, 3, 8), np.float32)


@pytest.mark.parametrize('rgb', [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0),
                                 (200, 120, 40)])
def test_input_is_rgb_from_0_to_1(save, rgb):
    """Channels, planes and range of what the model sees, rows before columns."""
    with open_model(save((1, 3, 4, 6), {'seen': None})) as model:
        assert model.input_size == (6, 4)
        nv12 = Nv12Image.from_bgr(np.full((4, 6, 3), rgb[::-1], np.uint8)).tobytes()
        seen, = model.infer(np.frombuffer(nv12, np.uint8))
    assert seen.shape == (1, 3, 4, 6) and seen.dtype == np.float32
    expected = np.broadcast_to(np.array(rgb).reshape(1, 3, 1, 1) / 255, seen.shape)
    np.testing.assert_allclose(seen, expected, atol=3 / 255)


def test_rows_and_columns_of_the_input(save):
    """A bright quarter stays where it is."""
    bgr = np.zeros((4, 6, 3), np.uint8)
    bgr[2:, :2] = 255
    with open_model(save((1, 3, 4, 6), {'seen': None})) as model:
        seen, = model.infer(np.frombuffer(Nv12Image.from_bgr(bgr).tobytes(), np.uint8))
    np.testing.assert_allclose(seen[0], np.broadcast_to(bgr[..., 0] / 255, (3, 4, 6)), atol=0.02)


@pytest.mark.parametrize('class_kind, box_kind', [
    ('float32', 'int32'), ('float32', 'int32/1'), ('int8', 'int16'), ('float16', 'float32'),
    ('float64', 'float64')])
def test_quantised_heads(save, class_kind, box_kind):
    """Integer outputs with scales in the metadata decode as on the BPU."""
    tensors, infos, levels = oracle.random_heads(np.random.default_rng(2), (96, 64), (8, 16), 7, 8,
                                                 class_kind, box_kind, box_first=True)
    scales = {o.name: o.scales.tolist() for o in infos if o.scales is not None}
    path = save((1, 3, 64, 96), dict(zip([o.name for o in infos], tensors)),
                {SCALES_KEY: json.dumps(scales)})
    form = HeadFormat(7, 8, (8, 16))
    with open_model(path) as model:
        assert [(o.name, o.shape, o.dtype) for o in model.outputs] == \
            [(o.name, o.shape, o.dtype) for o in infos]
        for got, wanted in zip(model.outputs, infos):
            np.testing.assert_array_equal(got.scales, wanted.scales)
        heads, _ = pair_heads(model.outputs, model.input_size, form)
        outputs = model.infer(np.zeros(96 * 64 * 3 // 2, np.uint8))
    found = PostProcessor(heads, form, Settings(0.3))(outputs)
    oracle.assert_same(found, oracle.detect(tensors, levels, 8, 0.3, 0.7, 300))


def test_integer_outputs_without_scales_are_described_without(save):
    """Pairing then says what is missing."""
    with open_model(save((1, 3, 4, 6), {'box': HEAD.astype(np.int32)})) as model:
        assert model.outputs[0].scales is None and model.outputs[0].dtype == np.int32


@pytest.mark.parametrize('shape, options, words', [
    ((1, 3, 'height', 'width'), {}, ['expected one input float32 (1, 3, H, W)', 'height']),
    (('batch', 3, 4, 6), {}, ['fixed size', 'batch']),
    ((2, 3, 4, 6), {}, ['[2, 3, 4, 6]']),
    ((1, 4, 6, 3), {}, ['(1, 3, H, W)', '[1, 4, 6, 3]']),
    ((1, 1, 4, 6), {}, ['[1, 1, 4, 6]']),
    ((3, 4, 6), {}, ['[3, 4, 6]']),
    ((1, 3, 4, 6), {'kind': 2}, ['tensor(uint8)']),
    ((1, 3, 4, 6), {'inputs': ('images', 'sizes')}, ['images', 'sizes']),
    ((1, 3, 5, 6), {}, ['6x5', 'even sides']),
    ((1, 3, 4, 7), {}, ['7x4', 'even sides']),
])
def test_inputs_that_nv12_cannot_feed(save, shape, options, words):
    """The error names the file, what came and what is expected."""
    path = save(shape, {'seen': None}, **options)
    with pytest.raises(ModelError) as e:
        open_model(path)
    assert all(word in str(e.value) for word in [str(path), *words])


@pytest.mark.parametrize('text', ['', '{', '[1]', '{"box": "a"}',
                                  '{"box": [1, [2]]}'])
def test_broken_scales(save, text):
    """Metadata can say anything."""
    path = save((1, 3, 4, 6), {'box': HEAD.astype(np.int32)}, {SCALES_KEY: text})
    with pytest.raises(ModelError) as e:
        open_model(path)
    assert all(word in str(e.value) for word in [str(path), SCALES_KEY])


def test_an_output_that_holds_no_numbers(save):
    """Strings, for one; an old onnxruntime does not even load them."""
    path = save((1, 3, 4, 6), {'names': np.array(['cat', 'dog'], object)})
    with pytest.raises(ModelError, match='names.*string|cannot be loaded'):
        open_model(path)


@pytest.mark.parametrize('content', [b'', b'not a model', bytes(1000), b'{"model_file": 1}'])
def test_not_an_onnx_file(tmp_path, content):
    """ONNX Runtime's reason is given, and the file."""
    path = tmp_path / 'm.onnx'
    path.write_bytes(content)
    with pytest.raises(ModelError) as e:
        open_model(path)
    assert str(path) in str(e.value) and 'onnxruntime' in str(e.value)


def test_a_missing_file_and_a_folder(tmp_path):
    """The key to check is named."""
    (tmp_path / 'folder.onnx').mkdir()
    for name in ('absent.onnx', 'folder.onnx'):
        with pytest.raises(ModelError, match=f'{name}.*does not exist.*model_file'):
            open_model(tmp_path / name)


def test_without_onnxruntime(tmp_path, monkeypatch):
    """What to install is named."""
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    (tmp_path / 'm.onnx').write_bytes(b'')
    with pytest.raises(BackendError, match='pip install onnxruntime'):
        open_model(tmp_path / 'm.onnx')


def test_suffix_in_capitals(save):
    """As some file systems write it."""
    with open_model(save((1, 3, 4, 6), {'head': HEAD}, name='TINY.ONNX')) as model:
        assert model.name == 'TINY'
        np.testing.assert_array_equal(model.infer(np.zeros(36, np.uint8))[0], HEAD)

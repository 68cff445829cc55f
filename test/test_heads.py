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

"""Pairing of a model's outputs with strides, by shape."""
import itertools

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from yolo12_ros.backends import TensorInfo
from yolo12_ros.errors import ModelError
from yolo12_ros.postprocess import HeadFormat, pair_heads

ONE = np.float32([0.5])


def info(name, shape, dtype='float32', scales=None):
    """Describe an output."""
    return TensorInfo(name, tuple(shape), np.dtype(dtype), scales)


def six(class_num=80, reg_max=16, box_dtype='float32', box_scales=None, size=(640, 640),
        strides=(8, 16, 32)):
    """Describe a model with class and box outputs for each stride."""
    return [info(f'{kind}{s}', (1, size[1] // s, size[0] // s, channels), *rest)
            for s in strides for kind, channels, rest in (
                ('class', class_num, ()), ('box', 4 * reg_max, (box_dtype, box_scales)))]


def pairs(outputs, size=(640, 640), form=HeadFormat()):
    """Return [(stride, class output's name, box output's name)]."""
    heads, _ = pair_heads(outputs, size, form)
    return [(h.stride, outputs[h.class_index].name, outputs[h.box_index].name) for h in heads]


EXPECTED = [(s, f'class{s}', f'box{s}') for s in (8, 16, 32)]


@pytest.mark.parametrize('order', [range(6), [5, 4, 3, 2, 1, 0], [0, 2, 4, 1, 3, 5],
                                   [3, 0, 5, 1, 4, 2]])
def test_any_order_of_outputs(order):
    """Neither index nor name matters, and there is nothing to note."""
    outputs = [six()[i] for i in order]
    assert pairs(outputs) == EXPECTED
    assert pair_heads(outputs, (640, 640), HeadFormat())[1] == []
    renamed = [info(f'output{i}', o.shape) for i, o in enumerate(outputs)]
    assert [h[:1] for h in pairs(renamed)] == [(8,), (16,), (32,)]
    named = {o.name: f'output{i}' for i, o in enumerate(outputs)}
    assert pairs(renamed) == [(s, named[c], named[b]) for s, c, b in EXPECTED]


@pytest.mark.parametrize('size, strides', [((640, 384), (8, 16, 32)), ((320, 640), (8, 16, 32)),
                                           ((64, 64), (16, 32)), ((640, 640), (8, 16, 32, 64)),
                                           ((640, 640), (32, 16, 8))])
def test_sizes_and_strides(size, strides):
    """Heads come in the order of the configuration's strides; grids are (rows, columns)."""
    outputs = six(5, 8, size=size, strides=sorted(strides))
    form = HeadFormat(5, 8, strides)
    heads, _ = pair_heads(outputs, size, form)
    assert [h.stride for h in heads] == list(strides)
    assert [h.grid for h in heads] == [(size[1] // s, size[0] // s) for s in strides]
    assert pairs(outputs, size, form) == [(s, f'class{s}', f'box{s}') for s in strides]


def test_scales_arrive():
    """Of each output that is quantised, flat and float32; those of float outputs are ignored."""
    per_channel = np.linspace(0.1, 1, 64).reshape(1, 1, 1, 64)
    outputs = six(80, 16, 'int32', per_channel)
    outputs[0] = info('class8', outputs[0].shape, 'int8', ONE)
    outputs[2] = info('class16', outputs[2].shape, 'float32', ONE)
    heads, _ = pair_heads(outputs, (640, 640), HeadFormat())
    for head in heads:
        assert head.box_scales.dtype == np.float32
        np.testing.assert_allclose(head.box_scales, per_channel.reshape(-1))
    assert heads[0].class_scales == ONE
    assert heads[1].class_scales is None and heads[2].class_scales is None


BOX_FIRST = (1, 0, 3, 2, 5, 4)


@pytest.mark.parametrize('outputs, output_order, box_first, reason', [
    (six(64), None, False, 'class comes first'),
    (six(64), (0, 1, 2, 3, 4, 5), False, 'output_order'),
    (six(64), BOX_FIRST, True, 'output_order'),
    (six(64, box_dtype='int32', box_scales=ONE), None, False, 'quantised'),
    (six(64, box_dtype='int32', box_scales=ONE), BOX_FIRST, False, 'quantised'),
    ([o for pair in zip(*[iter(six(64, box_dtype='int32', box_scales=ONE))] * 2)
      for o in pair[::-1]], None, False, 'quantised'),
    ([info(o.name, o.shape, 'int8', ONE) for o in six(64)], BOX_FIRST, True, 'output_order'),
])
def test_class_and_box_of_the_same_shape(outputs, output_order, box_first, reason):
    """First the scales decide, then output_order, then the order; the log says which."""
    form = HeadFormat(64, 16, output_order=output_order)
    _, notes = pair_heads(outputs, (640, 640), form)
    expected = [(s, b, c) if box_first else (s, c, b) for s, c, b in EXPECTED]
    assert pairs(outputs, form=form) == expected
    assert len(notes) == 3
    for note, (_, cls, box) in zip(notes, expected):
        assert reason in note and f'{cls} and {box}' in note


STOCK = [info('output0', (1, 84, 8400))]
NCHW = [info(o.name, (1, o.shape[3], *o.shape[1:3])) for o in six()]


@pytest.mark.parametrize('outputs, form, words', [
    (six(20), HeadFormat(80), ['"class_num" should be 20', '(1, 80, 80, 20)  class8',
                               '(1, 80, 80, 80)  class, stride 8']),
    (six(80), HeadFormat(20), ['"class_num" should be 80']),
    (six(80, 8), HeadFormat(80, 16), ['"reg_max" should be 8']),
    (six(80, 1), HeadFormat(80, 16), ['"reg_max" should be 1']),
    (six(strides=(8, 16)), HeadFormat(), ['"strides" should be [8, 16]',
                                          '"model_output_count" 4']),
    (six(strides=(8, 16, 32, 64)), HeadFormat(), ['"strides" should be [8, 16, 32, 64]',
                                                  '"model_output_count" 8']),
    (six(strides=(4, 8, 16)), HeadFormat(), ['"strides" should be [4, 8, 16]']),
    (STOCK, HeadFormat(), ['stock export', 'six raw NHWC heads', '(1, 84, 8400)  output0']),
    (NCHW, HeadFormat(), ['no class and box output for stride 8', '(1, 80, 80, 80)']),
    (six() + [info('extra', (1, 7))], HeadFormat(), ['7 outputs where 6 are expected', 'extra']),
    ([info('extra', (1, 7))] + six(64), HeadFormat(64, output_order=tuple(range(6))),
     ['7 outputs where 6 are expected', 'extra']),
    (six() + six()[:1], HeadFormat(), ['stride 8']),
    (six(64)[1:], HeadFormat(64), ['stride 8']),
    (six()[:5], HeadFormat(), ['stride 32']),
    ([], HeadFormat(), ['stride 8', 'expects']),
])
def test_mismatches_name_the_key_to_change(outputs, form, words):
    """With what the model has and what the configuration expects."""
    with pytest.raises(ModelError) as e:
        pair_heads(outputs, (640, 640), form)
    missing = [word for word in words if word not in str(e.value)]
    assert not missing, f'{missing} not in {e.value}'


@pytest.mark.parametrize('size, strides', [((640, 650), (8, 16, 32)), ((644, 640), (8,))])
def test_size_that_is_no_multiple_of_the_strides(size, strides):
    """Sides and strides are in the error."""
    with pytest.raises(ModelError, match=f'{size[0]}x{size[1]}.*multiples.*{strides[-1]}'):
        pair_heads(six(), size, HeadFormat(strides=strides))


@pytest.mark.parametrize('scales, words', [
    (None, ['has 0 scales', 'expected 64']),
    (np.ones(63, np.float32), ['has 63 scales', 'expected 64']),
    (np.ones(80, np.float32), ['has 80 scales']),
    (np.zeros(64, np.float32), ['not a positive number']),
    (np.float32([-1]), ['not a positive number']),
    (np.float32([np.nan]), ['not a positive number']),
    (np.float32([np.inf]), ['not a positive number']),
])
@pytest.mark.parametrize('dtype', ['int32', 'int16', 'int8'])
def test_missing_and_wrong_scales(dtype, scales, words):
    """The error names the output."""
    outputs = six()
    outputs[3] = info('box16', outputs[3].shape, dtype, scales)
    with pytest.raises(ModelError) as e:
        pair_heads(outputs, (640, 640), HeadFormat())
    assert all(word in str(e.value) for word in ['box16', *words])


DIMENSION = st.sampled_from([-1, 0, 1, 2, 4, 8, 20, 32, 40, 64, 80])
SHAPES = st.lists(st.lists(DIMENSION, max_size=5), max_size=8)


@given(SHAPES, st.integers(1, 64), st.integers(1, 16), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_shapes_pair_or_raise_a_model_error(shapes, class_num, reg_max, order):
    """The hints must not stumble over what they do not know."""
    outputs = [info(f'o{i}', shape) for i, shape in enumerate(shapes)]
    form = HeadFormat(class_num, reg_max, (8, 16), (2, 3, 0, 1) if order else None)
    for size in itertools.product((64, 160), repeat=2):
        try:
            heads, _ = pair_heads(outputs, size, form)
        except ModelError:
            continue
        assert len(heads) == 2

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

"""A six-head .onnx of a few nodes that sees coloured cells, so that tests know every detection."""
import json
from pathlib import Path

import numpy as np
import pytest

SIZE, CELL, REG_MAX = 64, 16, 16
LABELS = ('red', 'green', 'blue')
BGR = {'red': (0, 0, 255), 'green': (0, 255, 0), 'blue': (255, 0, 0), 'pale': (70, 70, 220)}
GREY = 127
GAIN, BIAS = 20.0, -10.0


def write(folder, **values):
    """
    Write model, labels and configuration into a folder; returns the configuration's path.

    A cell of 16 x 16 model pixels in one colour is one detection: its box is twice the cell's
    size around the cell's middle, its score grows with the colour.  Grey gives none.
    values: keys of the configuration to set, or to leave out if None.
    """
    onnx = pytest.importorskip('onnx', reason='onnx is not installed')
    folder = Path(folder)
    onnx.save(_model(onnx), str(folder / 'tiny.onnx'))
    (folder / 'labels.txt').write_text('\n'.join(LABELS) + '\n')
    config = {'model_file': 'tiny.onnx', 'dnn_Parser': 'yolov12', 'class_num': len(LABELS),
              'cls_names_list': 'labels.txt', 'score_threshold': 0.25, 'nms_threshold': 0.7,
              'nms_top_k': 300, **values}
    path = folder / 'tiny.json'
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
    return path


def picture(cells=(), size=(SIZE, SIZE)):
    """
    Return a grey uint8 BGR picture of (width, height) with coloured cells.

    cells: (row, column, colour) each, of a grid of cells as large as the model sees them; the
    picture has the aspect ratio of the model.
    """
    width, height = size
    bgr = np.full((height, width, 3), GREY, np.uint8)
    cell = CELL * width // SIZE
    for row, column, colour in cells:
        bgr[row * cell:(row + 1) * cell, column * cell:(column + 1) * cell] = BGR[colour]
    return bgr


def box(row, column, size=(SIZE, SIZE)):
    """Return x1, y1, x2, y2 of the detection of a cell, clipped to the picture."""
    width, height = size
    scale = width / SIZE
    x, y = (column + 0.5) * CELL * scale, (row + 0.5) * CELL * scale
    reach = CELL * scale
    return tuple(np.clip((x - reach, y - reach, x + reach, y + reach), 0,
                         (width, height, width, height)).tolist())


def _model(onnx):
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    nodes, weights, outputs = [], [], []
    # a colour counts by what it has more than the mean of the two others
    see = (GAIN * (1.5 * np.eye(3) - 0.5)).astype(np.float32)
    for level, stride in enumerate((8, 16, 32)):
        grid = SIZE // stride
        live = stride == CELL
        heads = {f'class{level}': (see if live else 0 * see,
                                   np.full(3, BIAS if live else 3 * BIAS, np.float32)),
                 f'box{level}': (np.zeros((4 * REG_MAX, 3), np.float32),
                                 np.tile(np.float32([0, 60] + 14 * [0]), 4))}
        nodes.append(helper.make_node('AveragePool', ['images'], [f'mean{level}'],
                                      kernel_shape=[stride] * 2, strides=[stride] * 2))
        for name, (weight, bias) in heads.items():
            weights += [numpy_helper.from_array(weight[:, :, None, None], f'{name}.w'),
                        numpy_helper.from_array(bias, f'{name}.b')]
            nodes += [helper.make_node('Conv', [f'mean{level}', f'{name}.w', f'{name}.b'],
                                       [f'{name}.nchw']),
                      helper.make_node('Transpose', [f'{name}.nchw'], [name], perm=[0, 2, 3, 1])]
            outputs.append(helper.make_tensor_value_info(
                name, onnx.TensorProto.FLOAT, [1, grid, grid, len(bias)]))
    given = helper.make_tensor_value_info('images', onnx.TensorProto.FLOAT, [1, 3, SIZE, SIZE])
    model = helper.make_model(helper.make_graph(nodes, 'tiny', [given], outputs, weights),
                              opset_imports=[helper.make_opsetid('', 11)])
    model.ir_version = 6
    return model

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

"""Puts stand-ins of the vendor's tools on PATH, and makes what they work on."""
import os
from pathlib import Path
import sys

import pytest
from yolo12_ros.tools.command import main

FAKES = Path(__file__).with_name('fake_toolchain')
SHAPES = {'output0': (1, 80, 80, 80), '1051': (1, 80, 80, 64), '1065': (1, 40, 40, 80),
          '1073': (1, 40, 40, 64), '1087': (1, 20, 20, 80), '1095': (1, 20, 20, 64)}
PREFIX = 'net_detect_bayese_640x640_nv12'


def put_on_path(folder, monkeypatch, *names):
    """Make PATH a folder with these stand-ins only, run by this Python."""
    folder = Path(folder) / 'tools'
    folder.mkdir()
    for name in names:
        tool = folder / name
        tool.write_text(f'#!{sys.executable}\n' + (FAKES / name).read_text())
        tool.chmod(0o755)
    monkeypatch.setenv('PATH', str(folder))
    for name in list(os.environ):
        if name.startswith('FAKE_H'):
            monkeypatch.delenv(name)


def run(capsys, *arguments):
    """Run `yolo12`; return (exit code, stdout, stderr)."""
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    assert 'Traceback' not in err
    return code, out, err


def save_onnx(path, shapes=None, size=640):
    """Write a network whose outputs have these shapes, whatever the picture; return the path."""
    onnx = pytest.importorskip('onnx', reason='onnx is not installed')
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    from onnx import helper, TensorProto
    nodes = [helper.make_node('ReduceMean', ['images'], ['mean'], axes=[0, 1, 2, 3], keepdims=1)]
    outputs, weights = [], []
    for i, (name, shape) in enumerate((shapes or SHAPES).items()):
        weights.append(helper.make_tensor(f'shape{i}', TensorProto.INT64, [4], shape))
        nodes.append(helper.make_node('Expand', ['mean', f'shape{i}'], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    picture = helper.make_tensor_value_info('images', TensorProto.FLOAT, [1, 3, size, size])
    model = helper.make_model(helper.make_graph(nodes, 'net', [picture], outputs, weights),
                              opset_imports=[helper.make_opsetid('', 11)], ir_version=6)
    onnx.save(model, str(path))
    return path

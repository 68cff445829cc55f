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

"""Brings a cut ONNX graph to opset 11, the newest that hb_mapper takes."""
from collections import Counter
from typing import Dict, List

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .onnx_heads import attribute, constants, prune
from ..errors import ModelError

OPSET, IR_VERSION = 11, 6
# Operators that mean the same in opset 11 and in later ones, for what a detection network uses.
_SAME = {'Add', 'AveragePool', 'Cast', 'Clip', 'Concat', 'Constant', 'Conv', 'ConvTranspose',
         'Div', 'Exp', 'Flatten', 'Gather', 'GlobalAveragePool', 'Identity', 'LeakyRelu', 'MatMul',
         'MaxPool', 'Mul', 'Pad', 'Relu', 'Shape', 'Sigmoid', 'Slice', 'Sub', 'Tanh', 'Transpose'}
# Of those that appear in YOLO networks, what D-Robotics' list and logs show running on the BPU.
ON_BPU = {'Add', 'AveragePool', 'Clip', 'Concat', 'Constant', 'Conv', 'ConvTranspose', 'Div',
          'Exp', 'GlobalAveragePool', 'LeakyRelu', 'MatMul', 'MaxPool', 'Mul', 'Pad', 'ReduceMax',
          'ReduceSum', 'Relu', 'Reshape', 'Resize', 'Sigmoid', 'Slice', 'Softmax', 'Split', 'Sub',
          'Transpose'}


def opset(model: onnx.ModelProto) -> int:
    """Return the version of the standard operators."""
    return max(o.version for o in model.opset_import if o.domain in ('', 'ai.onnx'))


def node_types(model: onnx.ModelProto) -> Dict[str, int]:
    """Return how many nodes there are of each type."""
    return dict(sorted(Counter(node.op_type for node in model.graph.node).items()))


def to_opset_11(model: onnx.ModelProto) -> None:
    """Rewrite a newer graph, in place.  Raises ModelError for an operator that has no old form."""
    if opset(model) > OPSET:
        known = constants(model)
        for node in model.graph.node:
            if node.op_type in _REWRITE:
                _REWRITE[node.op_type](node, known, model.graph)
            elif node.op_type not in _SAME or node.domain not in ('', 'ai.onnx'):
                raise ModelError(f'the model has opset {opset(model)} and its node {node.name} '
                                 f'({node.op_type}) has no form in opset {OPSET}: export it from '
                                 f'Ultralytics with opset={OPSET}')
        prune(model)        # the constants that became attributes
    elif opset(model) < OPSET:
        raise ModelError(f'the model has opset {opset(model)}: export it with opset={OPSET}')
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid('', OPSET))
    model.ir_version = IR_VERSION


def _set(node, **attributes) -> None:
    kept = [a for a in node.attribute if a.name not in attributes]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items()
                          if v is not None)


def _drop(node, *names) -> None:
    _set(node, **dict.fromkeys(names))


def _constant_input(node, index: int, known) -> List[int]:
    """Return the constant integers of an input, [] if it is absent; cut the inputs there."""
    if len(node.input) <= index or not node.input[index]:
        return []
    if node.input[index] not in known:
        raise ModelError(f'node {node.name} ({node.op_type}): its input {node.input[index]} is '
                         'computed, opset 11 needs a constant: export with a fixed input size')
    values = [int(v) for v in np.ravel(known[node.input[index]])]
    del node.input[index:]
    return values


def _axes_to_attribute(node, known, graph) -> None:
    _drop(node, 'noop_with_empty_axes')
    axes = _constant_input(node, 1, known) or attribute(node, 'axes')
    if axes:
        _set(node, axes=list(axes))


def _split(node, known, graph) -> None:
    sizes = _constant_input(node, 1, known)
    if sizes:
        _set(node, split=sizes)
    _drop(node, 'num_outputs')      # equal parts, which is opset 11's default too


def _reshape(node, known, graph) -> None:
    if attribute(node, 'allowzero', 0):
        raise ModelError(f'node {node.name} (Reshape) has allowzero, which opset 11 lacks')
    _drop(node, 'allowzero')


def _resize(node, known, graph) -> None:
    _drop(node, 'antialias', 'axes', 'keep_aspect_ratio_policy')
    if len(node.input) > 1 and not node.input[1]:       # opset 11 requires the input roi
        empty = f'{node.name or node.output[0]}/roi'
        graph.initializer.append(numpy_helper.from_array(np.empty(0, np.float32), empty))
        node.input[1] = empty


def _softmax(node, known, graph) -> None:
    axis = attribute(node, 'axis', -1)
    if axis != -1:
        raise ModelError(f'node {node.name} (Softmax) works on axis {axis}: opset 11 would take '
                         'all axes from there on')
    _set(node, axis=-1)


_REWRITE = {'ReduceMax': _axes_to_attribute, 'ReduceMean': _axes_to_attribute,
            'ReduceSum': _axes_to_attribute, 'Squeeze': _axes_to_attribute,
            'Unsqueeze': _axes_to_attribute, 'Split': _split, 'Reshape': _reshape,
            'Resize': _resize, 'Softmax': _softmax}

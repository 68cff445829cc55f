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

"""Folds what is constant in an ONNX graph of fixed input size: hb_mapper then sees layers only."""
from typing import Dict, List

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from .onnx_heads import attribute, constants, inferred_shapes, prune


def fold(model: onnx.ModelProto) -> None:
    """
    Fold shapes and copies, in place; at opset 11 also join the slices of a tensor to one Split.

    Weights and the outputs of layers keep their names.
    """
    _drop_identities(model)
    nodes = 0
    while nodes != len(model.graph.node):       # a slice that is known makes more shapes known
        nodes = len(model.graph.node)
        _fold_shapes(model)
        if all(o.version == 11 for o in model.opset_import):    # Split has another form later
            _join_slices(model)
    _join_transposes(model)


def _drop_identities(model) -> None:
    graph = model.graph
    outputs = {o.name for o in graph.output}
    source: Dict[str, str] = {}
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = source.get(name, name)
        if node.op_type == 'Identity' and node.output[0] not in outputs:
            source[node.output[0]] = node.input[0]
    prune(model)


def _fold_shapes(model) -> None:
    """Turn Shape nodes, and small nodes whose inputs are all constant, into constants."""
    graph, known, shapes = model.graph, constants(model), inferred_shapes(model)
    small = {name: value for name, value in known.items() if value.size <= 16}
    for node in graph.node:
        shape = shapes.get(node.input[0]) if node.op_type == 'Shape' else None
        if shape and None not in shape:
            values = [np.array(shape, np.int64)]
        elif node.op_type != 'Constant' and node.input and \
                all(name in small for name in node.input if name):
            values = _evaluate(node, small, model.opset_import)
        else:
            continue
        for name, value in zip(node.output, values):
            small[name] = value
            graph.initializer.append(numpy_helper.from_array(value, name))
        node.op_type = 'Folded'         # its outputs are weights now, so prune drops it
        del node.output[:], node.input[:]
    prune(model)


def _evaluate(node, known, opsets) -> List[np.ndarray]:
    """Compute one node whose inputs are known."""
    names = [name for name in dict.fromkeys(node.input) if name]
    inputs = [helper.make_tensor_value_info(
        n, helper.np_dtype_to_tensor_dtype(known[n].dtype), known[n].shape) for n in names]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output]
    graph = helper.make_graph([node], 'one node', inputs, outputs)
    runner = ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets))
    return [np.asarray(v) for v in runner.run(None, {n: known[n] for n in names})]


def _join_slices(model) -> None:
    """Replace slices that part a tensor, such as torch's chunk, by one Split."""
    graph, known, shapes = model.graph, constants(model), inferred_shapes(model)
    groups: Dict[tuple, List] = {}
    for node in graph.node:
        part = _part(node, known, shapes)
        if part:
            axis, start, stop = part
            groups.setdefault((node.input[0], axis), []).append((start, stop, node))
    for (name, axis), parts in groups.items():
        parts.sort(key=lambda p: p[:2])
        stops = [stop for _, stop, _ in parts]
        if len(parts) < 2 or [0, *stops[:-1]] != [start for start, _, _ in parts] \
                or stops[-1] != shapes[name][axis]:
            continue
        first = parts[0][2]
        split = helper.make_node('Split', [name], [node.output[0] for _, _, node in parts],
                                 f'{first.name}/Split', axis=axis,
                                 split=[stop - start for start, stop, _ in parts])
        for _, _, node in parts:
            graph.node.remove(node)
        graph.node.append(split)        # prune sorts
    prune(model)


def _join_transposes(model) -> None:
    """Make one Transpose of two in a row."""
    made_by = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        before = made_by.get(node.input[0]) if node.op_type == 'Transpose' else None
        if before is not None and before.op_type == 'Transpose':
            first, second = attribute(before, 'perm'), attribute(node, 'perm')
            node.input[0] = before.input[0]
            del node.attribute[:]
            node.attribute.append(helper.make_attribute('perm', [first[i] for i in second]))
    prune(model)


def _part(node, known, shapes):
    """Return (axis, start, stop) of a Slice with constant bounds over one axis, or None."""
    if node.op_type != 'Slice' or len(node.input) < 4 or \
            any(name not in known for name in node.input[1:]) or not shapes.get(node.input[0]):
        return None
    start, stop, axis, step = [*(known[n].ravel() for n in node.input[1:]), np.ones(1)][:4]
    if any(v.size != 1 for v in (start, stop, axis)) or int(step[0]) != 1:
        return None
    axis = int(axis[0]) % len(shapes[node.input[0]])
    size = shapes[node.input[0]][axis]
    if size is None:
        return None
    return axis, *(int(np.clip(v[0] + (size if v[0] < 0 else 0), 0, size)) for v in (start, stop))

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

"""Cuts a stock Ultralytics ONNX, with its one decoded output, into six raw NHWC heads."""
from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional, Tuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ..errors import ModelError

# A softmax of attention, in steps, is taken over axis 1 between these two transposes.
_TO_CHANNELS, _FROM_CHANNELS = (0, 3, 1, 2), (0, 2, 3, 1)


@dataclass(frozen=True)
class ConvHead:
    """The last convolution of a branch: its output (NCHW), stride and number of channels."""

    tensor: str
    node: str
    stride: int
    channels: int


def cut_heads(model: onnx.ModelProto, order: str = 'class-first') -> None:
    """
    Make the raw heads the outputs, in place.

    order: 'class-first' or 'box-first' for each stride.  Raises ModelError when this is no stock
    export of fixed input size.
    """
    pairs = find_heads(model)
    graph = model.graph
    del graph.output[:]
    for pair in pairs:
        for head in pair if order == 'class-first' else pair[::-1]:
            name = f'output{len(graph.output)}'
            width, height = input_size(model)
            shape = [1, height // head.stride, width // head.stride, head.channels]
            graph.node.append(helper.make_node('Transpose', [head.tensor], [name],
                                               f'{head.node}_nhwc', perm=[0, 2, 3, 1]))
            graph.output.append(
                helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    prune(model)


def find_heads(model: onnx.ModelProto) -> List[Tuple[ConvHead, ConvHead]]:
    """
    Find the six convolutions behind the decoded output, by structure and shape, not by name.

    Returns [(class, box)] by rising stride.  Raises ModelError.
    """
    width, height = input_size(model)      # first: without it no shape is known
    classes, cells = _decoded_shape(model)
    heads = _last_convolutions(model)
    by_stride: Dict[int, List[ConvHead]] = {}
    for head in heads:
        by_stride.setdefault(head.stride, []).append(head)
    if sum(height // s * (width // s) for s in by_stride) != cells:
        raise ModelError(f'the convolutions behind the output have the strides '
                         f'{sorted(by_stride)}, but not its {cells} cells: this is no stock '
                         'export of YOLO12, YOLO11 or YOLOv8')
    return [_pair(by_stride[s], classes) for s in sorted(by_stride)]


def prune(model: onnx.ModelProto) -> None:
    """Drop nodes and weights that no output needs, in place; the nodes end up sorted."""
    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    kept, seen = [], set()

    def visit(name: str) -> None:
        stack = [(made_by.get(name), False)]
        while stack:
            node, ready = stack.pop()
            if node is None or (id(node) in seen and not ready):
                continue
            if ready:
                kept.append(node)
                continue
            seen.add(id(node))
            stack.append((node, True))
            stack += [(made_by.get(i), False) for i in reversed(node.input)]

    for output in graph.output:
        visit(output.name)
    needed = {name for node in kept for name in node.input} | {o.name for o in graph.output}
    weights = [w for w in graph.initializer if w.name in needed]
    kept = [onnx.NodeProto.FromString(n.SerializeToString()) for n in kept]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(weights)


def constants(model: onnx.ModelProto) -> Dict[str, np.ndarray]:
    """Return the values of weights and Constant nodes by name."""
    values = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == 'Constant' and node.attribute[0].name == 'value':
            values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return values


def attribute(node: onnx.NodeProto, name: str, default=None):
    """Return an attribute's value."""
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def _shape(value: onnx.ValueInfoProto) -> List[Optional[int]]:
    return [d.dim_value if d.HasField('dim_value') else None
            for d in value.type.tensor_type.shape.dim]


def input_size(model) -> Tuple[int, int]:
    """Return (width, height) of the input.  Raises ModelError unless it is fixed."""
    weights = {w.name for w in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in weights]
    shape = _shape(inputs[0]) if len(inputs) == 1 else []
    if len(shape) != 4 or None in shape or shape[:2] != [1, 3]:
        raise ModelError(f'expected one input (1, 3, H, W) of fixed size, got '
                         f'{[(i.name, _shape(i)) for i in inputs]}: export without dynamic=True')
    return shape[3], shape[2]


def _decoded_shape(model) -> Tuple[int, int]:
    """Return (classes, cells) of the stock output (1, 4 + classes, cells)."""
    shapes = [_shape(o) for o in model.graph.output]
    if len(shapes) == 1 and len(shapes[0]) == 3 and None not in shapes[0]:
        batch, rows, cells = shapes[0]
        if batch == 1 and 4 < rows < cells:
            return rows - 4, cells
    raise ModelError(f'expected one output (1, 4 + classes, cells), such as (1, 84, 8400), got '
                     f'{shapes}: export from Ultralytics with format="onnx", without nms=True')


def _last_convolutions(model) -> List[ConvHead]:
    """Walk back from the output to the first convolutions that work on a grid of the input."""
    shapes = inferred_shapes(model)
    width, height = input_size(model)
    made_by = {name: node for node in model.graph.node for name in node.output}
    heads, seen = [], set()
    waiting = [model.graph.output[0].name]
    while waiting:
        name = waiting.pop()
        node = made_by.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        # The convolution that takes the expectation of the distances works on (4, cells).
        _, channels, h, w = _grid(node, shapes)
        if h and w and height % h == 0 and width % w == 0 and height // h == width // w:
            heads.append(ConvHead(name, node.name or name, height // h, channels))
        else:
            waiting += node.input
    return heads


def _grid(node, shapes) -> List[int]:
    """Return the output shape of a convolution, zeros for another node.  Raises ModelError."""
    if node.op_type != 'Conv':
        return [0] * 4
    shape = shapes.get(node.output[0], [])
    if len(shape) != 4 or None in shape:
        raise ModelError(f'the output shape of convolution {node.name} cannot be inferred: '
                         'export with a fixed input size')
    return shape


def inferred_shapes(model) -> Dict[str, List[int]]:
    """Return the shapes of the graph's tensors by name, None for an unknown side."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    return {v.name: _shape(v) for v in [*inferred.input, *inferred.value_info, *inferred.output]}


def _pair(heads: Iterable[ConvHead], classes: int) -> Tuple[ConvHead, ConvHead]:
    """Return (class, box) of one stride: by channels, and by Ultralytics' names if they tie."""
    heads = sorted(heads, key=lambda h: 'cv3' not in h.node)
    if len(heads) == 2:
        for cls, box in (heads, heads[::-1]):
            if cls.channels == classes and box.channels % 4 == 0:
                return cls, box
    raise ModelError(f'expected two convolutions, {classes} classes and four distances, for each '
                     f'stride, got {[(h.node, h.channels) for h in heads]} for stride '
                     f'{heads[0].stride}')


def rewrite_attention(model: onnx.ModelProto) -> int:
    """
    Compute attention for the BPU, in place: softmax over the last of four axes, in steps.

    model: cut, at opset 11 and folded, so that shapes are known.  Returns the number of blocks.
    """
    shapes = inferred_shapes(model)
    nodes, count = [], 0
    for node in model.graph.node:
        if node.op_type == 'Softmax' and len(shapes.get(node.input[0], [])) == 4 \
                and attribute(node, 'axis', -1) in (-1, 3):
            nodes += _softmax_steps(node)
            count += 1
        else:
            nodes.append(node)
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return count


def _softmax_steps(node) -> List[onnx.NodeProto]:
    """Return the nodes that stand for a Softmax, in the form of opset 11."""
    base = node.name or node.output[0]

    def step(kind, inputs, output, **attributes):
        return helper.make_node(kind, inputs, [output], f'{base}/{kind}', **attributes)

    turned, top, low, powers, total, parts = (
        f'{base}/{name}' for name in ('turned', 'max', 'sub', 'exp', 'sum', 'parts'))
    return [step('Transpose', [node.input[0]], turned, perm=_TO_CHANNELS),
            step('ReduceMax', [turned], top, axes=[1], keepdims=1),
            step('Sub', [turned, top], low),
            step('Exp', [low], powers),
            step('ReduceSum', [powers], total, axes=[1], keepdims=1),
            step('Div', [powers, total], parts),
            helper.make_node('Transpose', [parts], [node.output[0]], f'{base}/back',
                             perm=_FROM_CHANNELS)]
